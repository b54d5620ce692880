"""A person signs in at Nod with Authlib, which nobody wrote with Nod in mind, and out again.

Authorization code with PKCE and nonce, for a client with a secret, for one with a key, and for a public one.
"""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from provider import ISSUER, METADATA, Browser, register

CALLBACK = "http://localhost:4712/callback"
HOME = "http://localhost:4712/"
KEYS = KeySet.import_key_set(requests.get(METADATA["jwks_uri"], timeout=10).json())


class Soon(PrivateKeyJWT):
    """Of itself Authlib makes assertions that are good for an hour; Nod takes five minutes."""

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        self.claims = {"exp": int(time.time()) + 120}
        return super().sign(auth, token_endpoint)


def relying_party(client_id: str, secret: str | ECKey | None, method: str | PrivateKeyJWT) -> OAuth2Session:
    return OAuth2Session(
        client_id,
        secret,
        token_endpoint_auth_method=method,
        scope="openid profile email",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )


def with_a_key(client_id: str) -> OAuth2Session:
    """A client that has no secret: it signs who it is (RFC 7523)."""
    key = ECKey.generate_key("P-256", {"kid": "authlib", "use": "sig"})
    register(
        {
            "client_id": client_id,
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [key.as_dict(private=False)]},
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [HOME],
            "scope": "openid profile email",
        }
    )
    return relying_party(client_id, key, Soon(METADATA["token_endpoint"], headers={"kid": "authlib"}, alg="ES256"))


def sign_in_and_out(party: OAuth2Session) -> None:
    client_id = party.client_id
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


sign_in_and_out(relying_party("shop", "shop-secret", "client_secret_basic"))
sign_in_with_a_pushed_request("shop", "shop-secret")
sign_in_and_out(relying_party("spa", None, "none"))
sign_in_and_out(with_a_key("keyed"))
