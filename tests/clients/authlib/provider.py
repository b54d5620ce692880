"""Nod as these stories need it: a browser that presses its buttons, and a client registered there.

The browser is `requests` with its cookies.
"""

import html
import os
import re
from pathlib import Path
from typing import Any

import requests

ISSUER = os.environ["NOD_ISSUER"]
METADATA = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()


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
        assert page.startswith("http"), page
        return page


def register(client: dict[str, Any]) -> str | None:
    """By the admin API, as the first administrator of a new server. Answers the secret of a client that has one."""
    bootstrap = {"Authorization": f"Bearer {Path(os.environ['NOD_BOOTSTRAP']).read_text().strip()}"}
    first = requests.post(f"{ISSUER}/admin/v1/bootstrap", json={"client_name": "Python"}, headers=bootstrap, timeout=10)
    robot = (first.json()["client"]["client_id"], first.json()["client_secret"])
    form = {"grant_type": "client_credentials", "scope": "nod:admin"}
    token = requests.post(METADATA["token_endpoint"], data=form, auth=robot, timeout=10).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    made = requests.post(f"{ISSUER}/admin/v1/clients", json=client, headers=bearer, timeout=10)
    assert made.status_code == 201, made.text
    secret: str | None = made.json().get("client_secret")
    return secret
