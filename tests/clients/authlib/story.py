"""A person signs in at Nod with Authlib, which nobody wrote with Nod in mind, and out again.

Authorization code with PKCE and nonce, for a client with a secret and for a public one. The browser is
`requests` with its cookies, which presses the buttons of our pages.
"""

import html
import os
import re
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

ISSUER = os.environ["NOD_ISSUER"]
CALLBACK = "http://localhost:4712/callback"
HOME = "http://localhost:4712/"
METADATA = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
KEYS = KeySet.import_key_set(requests.get(METADATA["jwks_uri"], timeout=10).json())


class Browser:
    """Keeps cookies, follows what leads to our own pages, and presses buttons."""

    def __init__(self) -> None:
        self.session = requests.Session()

    def open(self, method: str, url: str, form: dict[str, str] | None = None) -> str:
        """The page at which it ends; or the address of somebody else."""
        for _ in range(5):
            answer = self.session.request(method, url, data=form, allow_redirects=False, timeout=10)
            hop = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', answer.text)
            if "location" in answer.headers:
                url = answer.headers["location"]
            elif hop:
                url = html.unescape(hop[1])
            else:
                return answer.text
            if not url.startswith(ISSUER):
                return url
            method, form = "GET", None
        raise AssertionError(f"redirects without end: {url}")

    def press(self, page: str, button: str, fields: dict[str, str]) -> str:
        target = re.search(r'<form method="post" action="([^"]*)"', page)
        assert target, page
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
        ticked = re.findall(r'<input type="checkbox" name="([^"]*)" value="([^"]*)" checked>', page)
        form = {html.unescape(name): html.unescape(value) for name, value in hidden + ticked}
        return self.open("POST", html.unescape(target[1]), form | {"action": button} | fields)

    def sign_in(self, url: str, username: str, password: str) -> str:
        page = self.open("GET", url)
        if 'name="password"' in page:
            page = self.press(page, "sign_in", {"username": username, "password": password})
        if 'value="allow"' in page:
            page = self.press(page, "allow", {})
        assert page.startswith(CALLBACK), page
        return page


def sign_in_and_out(client_id: str, secret: str | None) -> None:
    method = "none" if secret is None else "client_secret_basic"
    party = OAuth2Session(
        client_id,
        secret,
        token_endpoint_auth_method=method,
        scope="openid profile email",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )
    browser = Browser()
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = party.create_authorization_url(METADATA["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    callback = browser.sign_in(url, "alice", "alice")
    assert parse_qs(urlsplit(callback).query)["state"] == [state]
    token = party.fetch_token(
        METADATA["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier
    )

    decoded = jwt.decode(token["id_token"], KEYS, algorithms=METADATA["id_token_signing_alg_values_supported"])
    options = {"iss": {"value": ISSUER}, "aud": {"value": client_id}, "nonce": {"value": nonce}}
    params = {"client_id": client_id, "nonce": nonce, "access_token": token["access_token"]}
    claims = CodeIDToken(decoded.claims, decoded.header, options, params)
    claims.validate()
    info = party.get(METADATA["userinfo_endpoint"]).json()
    assert (info["sub"], info["preferred_username"]) == (claims["sub"], "alice"), info

    fresh = party.refresh_token(METADATA["token_endpoint"])
    assert fresh["access_token"] != token["access_token"]
    assert party.get(METADATA["userinfo_endpoint"]).json()["sub"] == claims["sub"]

    bye = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": HOME, "state": "bye"}
    request = requests.Request("GET", METADATA["end_session_endpoint"], params=bye).prepare()
    assert request.url is not None
    assert browser.open("GET", request.url) == f"{HOME}?state=bye"
    assert party.get(METADATA["userinfo_endpoint"]).status_code == 401
    try:
        party.refresh_token(METADATA["token_endpoint"], refresh_token=fresh["refresh_token"])
    except OAuthError as error:
        assert error.error == "invalid_grant", error
    else:
        raise AssertionError("the session ended, and its refresh token did not")
    print(f"{client_id}: signed in and out")


def sign_in_with_a_pushed_request(client_id: str, secret: str) -> None:
    """Authlib makes the request and sends it itself, authenticated as it is at the token endpoint (RFC 9126)."""
    party = OAuth2Session(client_id, secret, scope="openid profile", redirect_uri=CALLBACK, code_challenge_method="S256")
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = party.create_authorization_url(METADATA["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    auth = party.client_auth("client_secret_basic")
    pushed = party.post(METADATA["pushed_authorization_request_endpoint"], data=form, auth=auth, withhold_token=True)
    assert pushed.status_code == 201, pushed.text
    brought = {"client_id": client_id, "request_uri": pushed.json()["request_uri"]}
    request = requests.Request("GET", METADATA["authorization_endpoint"], params=brought).prepare()
    assert request.url is not None
    callback = Browser().sign_in(request.url, "alice", "alice")
    token = party.fetch_token(
        METADATA["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier
    )
    assert jwt.decode(token["id_token"], KEYS, algorithms=["ES256"]).claims["nonce"] == nonce
    print(f"{client_id}: signed in with a pushed request")


sign_in_and_out("shop", "shop-secret")
sign_in_with_a_pushed_request("shop", "shop-secret")
sign_in_and_out("spa", None)
