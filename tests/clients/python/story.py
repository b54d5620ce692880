"""The story of ../README.md, lived with the client that openapi-python-client makes."""

import base64
import os
import subprocess
import sys
import time
from pathlib import Path

from nod_client import AuthenticatedClient
from nod_client.api.admin_bootstrap import bootstrap_administrator
from nod_client.api.admin_clients import create_client, get_client, update_client
from nod_client.api.admin_devices import list_user_devices
from nod_client.api.admin_pairing_keys import create_pairing_key
from nod_client.api.admin_users import create_user, delete_user, list_users
from nod_client.api.ciba import request_backchannel_authentication
from nod_client.api.o_auth import request_token, revoke_token
from nod_client.api.open_id_connect import get_user_info
from nod_client.models import (
    BackchannelAuthenticationRequest,
    BackchannelAuthenticationResponse,
    ClientPatch,
    ClientWithSecret,
    DevicePage,
    FirstAdministrator,
    ClientCreation,
    PairingKeyCreation,
    PairingKeyWithSecret,
    UserCreation,
    OAuthError,
    OAuthErrorCode,
    Problem,
    ProblemCode,
    RegisteredClient,
    TokenManagementRequest,
    TokenRequest,
    TokenResponse,
    User,
    UserInfo,
    UserPage,
)

ISSUER = os.environ["NOD_ISSUER"]
CIBA = "urn:openid:params:grant-type:ciba"
LIMIT_SECONDS = 30


def bearer(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=ISSUER, token=token)


def basic(client_id: str, secret: str) -> AuthenticatedClient:
    credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return AuthenticatedClient(base_url=ISSUER, token=credentials, prefix="Basic")


def administrator() -> AuthenticatedClient:
    bootstrap = bearer(Path(os.environ["NOD_BOOTSTRAP"]).read_text().strip())
    first = bootstrap_administrator.sync(client=bootstrap, body=FirstAdministrator(client_name="Python"))
    assert isinstance(first, ClientWithSecret) and isinstance(first.client_secret, str), first

    credentials = basic(first.client.client_id, first.client_secret)
    body = TokenRequest(grant_type="client_credentials", scope="nod:admin")
    token = request_token.sync(client=credentials, body=body)
    assert isinstance(token, TokenResponse), token
    print("1-2  the first administrator has a token")
    return bearer(token.access_token)


def kiosk(admin: AuthenticatedClient) -> AuthenticatedClient:
    made = create_client.sync(client=admin, body=ClientCreation(client_id="kiosk", client_name="Kiosk"))
    assert isinstance(made, ClientWithSecret) and isinstance(made.client_secret, str), made

    read = get_client.sync_detailed("kiosk", client=admin)
    assert isinstance(read.parsed, RegisteredClient) and read.parsed.client_name == "Kiosk", read
    etag = read.headers["etag"]

    patch = ClientPatch(client_name="Kiosk at the door")
    updated = update_client.sync("kiosk", client=admin, body=patch, if_match=etag)
    assert isinstance(updated, RegisteredClient) and updated.client_name == "Kiosk at the door", updated

    stale = update_client.sync_detailed("kiosk", client=admin, body=patch, if_match=etag)
    assert stale.status_code == 412 and isinstance(stale.parsed, Problem), stale
    assert stale.parsed.code == ProblemCode.PRECONDITION_FAILED, stale.parsed
    print("3-6  kiosk is registered and renamed; an old tag is refused")
    return basic("kiosk", made.client_secret)


def bob(admin: AuthenticatedClient) -> User:
    found = list_users.sync(client=admin, username="bob")
    assert isinstance(found, UserPage) and [user.username for user in found.items] == ["bob"], found

    body = UserCreation(username="bob", name="Bob")
    second = create_user.sync_detailed(client=admin, body=body)
    assert second.status_code == 409 and isinstance(second.parsed, Problem), second
    assert second.parsed.code == ProblemCode.USERNAME_TAKEN, second.parsed

    deleted = delete_user.sync_detailed(found.items[0].id, client=admin)
    assert deleted.status_code == 204, deleted
    made = create_user.sync(client=admin, body=body)
    assert isinstance(made, User) and made.name == "Bob", made
    print("7-8  bob was there, went, and came again")
    return made


def phone(admin: AuthenticatedClient, user: User) -> subprocess.Popen[str]:
    key = create_pairing_key.sync(user.id, client=admin, body=PairingKeyCreation())
    assert isinstance(key, PairingKeyWithSecret), key
    command = [os.environ["NOD_BIN"], "phone", "--server", ISSUER, "--user", "bob", "--state", os.environ["NOD_PHONE"]]
    command += ["--pairing-key-stdin", "--auto", "approve", "--after", "2s", "--once"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stdin is not None
    process.stdin.write(f"{key.key}\n")
    process.stdin.close()

    end = time.monotonic() + LIMIT_SECONDS
    while True:
        devices = list_user_devices.sync(user.id, client=admin)
        assert isinstance(devices, DevicePage), devices
        if devices.items:
            print("9    bob's phone is paired")
            return process
        assert time.monotonic() < end, "the phone did not pair"
        time.sleep(0.1)


def ask(client: AuthenticatedClient) -> TokenResponse:
    question = BackchannelAuthenticationRequest(scope="openid profile", login_hint="bob")
    asked = request_backchannel_authentication.sync(client=client, body=question)
    assert isinstance(asked, BackchannelAuthenticationResponse), asked

    poll = TokenRequest(grant_type=CIBA, auth_req_id=asked.auth_req_id)
    pending = request_token.sync_detailed(client=client, body=poll)
    assert pending.status_code == 400 and isinstance(pending.parsed, OAuthError), pending
    assert pending.parsed.error == OAuthErrorCode.AUTHORIZATION_PENDING, pending.parsed
    print("10-11  bob is asked; the answer is pending")

    end = time.monotonic() + LIMIT_SECONDS
    while True:
        time.sleep(asked.interval)
        answer = request_token.sync(client=client, body=poll)
        if isinstance(answer, TokenResponse):
            print("12   bob approved; there are tokens")
            return answer
        assert isinstance(answer, OAuthError) and answer.error == OAuthErrorCode.AUTHORIZATION_PENDING, answer
        assert time.monotonic() < end, "nobody approved"


def use(client: AuthenticatedClient, tokens: TokenResponse) -> None:
    resource = bearer(tokens.access_token)
    claims = get_user_info.sync(client=resource)
    assert isinstance(claims, UserInfo) and claims.sub and claims.name == "Bob", claims

    revoked = revoke_token.sync_detailed(client=client, body=TokenManagementRequest(token=tokens.access_token))
    assert revoked.status_code == 200, revoked
    refused = get_user_info.sync_detailed(client=resource)
    assert refused.status_code == 401 and isinstance(refused.parsed, OAuthError), refused
    assert refused.parsed.error == OAuthErrorCode.INVALID_TOKEN, refused.parsed
    print("13-14  UserInfo was read; the token is revoked")


def main() -> int:
    admin = administrator()
    shop = kiosk(admin)
    process = phone(admin, bob(admin))
    try:
        use(shop, ask(shop))
        return process.wait(timeout=LIMIT_SECONDS)
    finally:
        process.kill()


if __name__ == "__main__":
    sys.exit(main())
