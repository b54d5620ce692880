"""Makes the first administrator, and prints an access token for it."""

import base64
import json
import os
import urllib.request
from pathlib import Path

ISSUER = os.environ["NOD_ISSUER"]


def post(path: str, authorization: str, media_type: str, body: str) -> dict[str, object]:
    headers = {"authorization": authorization, "content-type": media_type}
    request = urllib.request.Request(ISSUER + path, body.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        parsed: dict[str, object] = json.load(answer)
        return parsed


token = Path(os.environ["NOD_BOOTSTRAP"]).read_text().strip()
first = post("/admin/v1/bootstrap", f"Bearer {token}", "application/json", '{"client_id":"schemathesis"}')
credentials = base64.b64encode(f"schemathesis:{first['client_secret']}".encode()).decode()
form = "grant_type=client_credentials&scope=nod%3Aadmin"
print(post("/as/token.oauth2", f"Basic {credentials}", "application/x-www-form-urlencoded", form)["access_token"])
