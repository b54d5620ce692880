"""Asks a person for a yes, waits for the answer, and shows who it was. Needs no packages."""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

issuer = "http://localhost:8080"
client = "shop"
secret = "shop-secret"
person = "alice"


def call(path, authorization, parameters=None):
    body = urllib.parse.urlencode(parameters).encode() if parameters else None
    request = urllib.request.Request(issuer + path, data=body, headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)


basic = "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()
asked = call("/as/bc-auth.ciba", basic, {"scope": "openid profile", "login_hint": person, "binding_message": "K7Q2"})
print(asked, flush=True)
if "error" in asked:
    raise SystemExit(1)

interval = asked["interval"]
while True:
    time.sleep(interval)
    grant = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": asked["auth_req_id"]}
    answer = call("/as/token.oauth2", basic, grant)
    if answer.get("error") == "slow_down":
        interval += 5
    elif answer.get("error") != "authorization_pending":
        break

if "error" in answer:
    raise SystemExit(str(answer))
print(call("/idp/userinfo.openid", "Bearer " + answer["access_token"]))
