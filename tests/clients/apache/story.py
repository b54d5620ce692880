"""A site behind Apache's mod_auth_openidc, a certified relying party: somebody signs in there, and out.

The module sends PKCE, fetches UserInfo, refreshes, and is told of logouts by the front channel. (As Debian has it, it
crashes when it is to authenticate with a key.)
"""

import os
import re
import secrets
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import requests
from provider import ISSUER, METADATA, Browser, register

MODULES = Path("/usr/lib/apache2/modules")
LIMIT_SECONDS = 30


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


PORT = free_port()
SITE = f"http://localhost:{PORT}"
CALLBACK = f"{SITE}/callback"
BYE = f"{SITE}/bye"


def written(folder: Path) -> Path:
    """What an operator writes: the page is for those who are signed in, and says who they are."""
    secret = register(
        {
            "client_id": "apache",
            "client_name": "A site behind Apache",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [BYE],
            "frontchannel_logout_uri": f"{CALLBACK}?logout=get",
            "scope": "openid profile email",
        }
    )
    pages = folder / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("Only for those who are signed in.\n")
    (pages / "bye").write_text("Signed out.\n")
    modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "headers", "dir", "auth_openidc"]
    loaded = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules)
    configuration = folder / "apache.conf"
    configuration.write_text(f"""
{loaded}
ServerRoot "{folder}"
ServerName localhost
Listen 127.0.0.1:{PORT}
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
DefaultRuntimeDir "{folder}"
LogLevel warn
{unprivileged()}
DocumentRoot "{pages}"
DirectoryIndex index.html

OIDCProviderMetadataURL {ISSUER}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret {secret}
OIDCRedirectURI {CALLBACK}
OIDCCryptoPassphrase {secrets.token_hex(16)}
OIDCPKCEMethod S256
OIDCScope "openid profile email"
OIDCRemoteUserClaim preferred_username
OIDCRefreshAccessTokenBeforeExpiry 30
OIDCInfoHook access_token refresh_token userinfo

<Location />
    AuthType openid-connect
    Require valid-user
    Header set X-User "expr=%{{REMOTE_USER}}"
</Location>
<Location /bye>
    AuthType None
    Require all granted
</Location>
""")
    return configuration


def unprivileged() -> str:
    """Apache refuses to serve as root."""
    return "User www-data\nGroup www-data" if os.geteuid() == 0 else ""


def wait_until_it_listens(server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
            return
        except OSError:
            assert server.poll() is None and time.monotonic() < until, "Apache does not listen"
            time.sleep(0.05)


def location(answer: requests.Response) -> str:
    assert answer.status_code in (302, 303), (answer.status_code, answer.text)
    return answer.headers["location"]


def tell() -> None:
    browser = Browser()

    def get(url: str) -> requests.Response:
        return browser.session.get(url, allow_redirects=False, timeout=10)

    def enter() -> None:
        callback = browser.sign_in(location(get(f"{SITE}/")), "alice", "alice")
        assert callback.startswith(f"{CALLBACK}?"), callback
        page = get(location(get(callback)))
        assert (page.status_code, page.headers["x-user"]) == (200, "alice"), page.text
        print("alice is known to the site")

    enter()
    info = get(f"{CALLBACK}?info=json").json()
    assert info["userinfo"]["preferred_username"] == "alice", info
    old = info["access_token"]
    assert location(get(f"{CALLBACK}?refresh={quote(SITE)}%2F&access_token={quote(old)}")) == f"{SITE}/"
    renewed = get(f"{CALLBACK}?info=json").json()
    assert renewed["access_token"] != old and renewed["refresh_token"] != info["refresh_token"], renewed
    print("its tokens are refreshed")

    end = location(get(f"{CALLBACK}?logout={quote(BYE, safe='')}"))
    assert end.startswith(METADATA["end_session_endpoint"]), end
    page = browser.open("GET", end)
    # A page of ours loads the site's own address in a frame, and leads on.
    frames = [address.replace("&amp;", "&") for address in re.findall(r'<iframe[^>]* src="([^"]*)"', page)]
    assert [frame.startswith(f"{CALLBACK}?logout=get") for frame in frames] == [True], page
    assert get(frames[0]).status_code == 200
    assert BYE in page.replace("&amp;", "&"), page
    userinfo = requests.get(
        METADATA["userinfo_endpoint"], headers={"Authorization": f"Bearer {renewed['access_token']}"}, timeout=10
    )
    assert userinfo.status_code == 401, userinfo.text
    again = get(f"{SITE}/")
    assert location(again).startswith(METADATA["authorization_endpoint"])
    print("signed out of both")


with tempfile.TemporaryDirectory(prefix="nod-apache-") as name:
    home = Path(name)
    # Its children are another user.
    home.chmod(0o755)
    configuration = written(home)
    server = subprocess.Popen(["/usr/sbin/apache2", "-f", configuration, "-D", "FOREGROUND"])
    try:
        wait_until_it_listens(server)
        tell()
    except BaseException:
        print((home / "error.log").read_text()[-4000:] if (home / "error.log").exists() else "no log")
        raise
    finally:
        server.terminate()
        server.wait(LIMIT_SECONDS)
