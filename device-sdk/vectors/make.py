#!/usr/bin/env python3
"""Writes the test vectors beside this file, from the description of the format alone.

It shares no code with the crate: what it writes is a second opinion. Signatures are
deterministic [RFC 6979], so a second run changes nothing. Needs the package `cryptography`.
"""

import base64
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = pathlib.Path(__file__).parent
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sha256(raw):
    return b64(hashlib.sha256(raw).digest())


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def key_from(phrase):
    scalar = int.from_bytes(hashlib.sha256(phrase.encode()).digest()) % ORDER
    return ec.derive_private_key(scalar, ec.SECP256R1())


def jwk_of(key):
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}


def pkcs8_of(key):
    der = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return b64(key.private_bytes(*der))


def thumbprint_of(jwk):
    return sha256(compact({name: jwk[name] for name in ("crv", "kty", "x", "y")}).encode())


def without(claims, name):
    return {known: value for known, value in claims.items() if known != name}


def sign(key, header, claims):
    signing_input = b64(header.encode()) + "." + b64(claims.encode())
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(key.sign(signing_input.encode(), algorithm))
    return signing_input, signing_input + "." + b64(r.to_bytes(32) + s.to_bytes(32))


def canonical(value):
    # Strings under ASCII names only: for these, sorted and compact is what [RFC 8785] asks for.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def write(name, description, vectors):
    content = {"description": description, **vectors}
    (HERE / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")


KEY, NEW_KEY = key_from("nod-device test key"), key_from("nod-device test key after rotation")
ISSUER = "https://id.example/tenant"
INSTALLATION = "0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233"
DEVICE = "11111111-2222-4333-8444-555555555555"
USER = "66666666-7777-4888-9999-aaaaaaaaaaaa"
NOTIFICATION = "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff"
IAT = 1772366400
JTI = bytes(range(16))
NONCE = "bm9uY2Ugb2YgdGhlIHNlcnZlcg"
TICKET = b64(bytes(range(32)))


def notification(**changes):
    base = {
        "notificationId": NOTIFICATION,
        "deviceId": DEVICE,
        "userId": USER,
        "type": "AUTHENTICATION",
        "title": "Sign in to Shop",
        "body": "Is it you?",
        "clientContext": {
            "clientId": "shop",
            "clientName": "Shop",
            "bindingMessage": "W4SCT",
            "scope": "openid profile",
            "acr": "urn:example:high",
        },
        "issuedAt": "2026-03-01T12:00:00Z",
        "expiresAt": "2026-03-01T12:02:00Z",
        "timeoutDuration": 120,
    }
    base.update(changes)
    return base


def shown(note):
    members = ("title", "body", "clientContext", "newDevice", "notificationId")
    return {name: note[name] for name in members if name in note}


def about_new_device(**changes):
    return notification(type="APPROVE_NEW_DEVICE", newDevice={"model": "Müller Phone 7", "os": "android 16"}, **changes)


def context_hash(note):
    return sha256(canonical(shown(note)).encode())


def contexts():
    plain = notification()
    short = notification(clientContext={"clientId": "c", "clientName": "C", "scope": "openid"})
    german = notification(title="Anmelden bei Müller", body="Überweisung über 1.234,56 €")
    decomposed = notification(title="Anmelden bei Mu\u0308ller", body="Überweisung über 1.234,56 €")
    scripts = notification(title="承認しますか？", body="הסכמה", clientContext={
        "clientId": "shop", "clientName": "Магазин 🛒", "scope": "openid"})
    escapes = notification(title='"quoted" \\ / <b>&amp;', body="line\nbreak\ttab\r\b\f\u0000\u001f\u007f\u2028")
    empty = notification(title="", body="")
    named = {
        "all members": plain,
        "only the required members of clientContext": short,
        "letters beyond ASCII stand as UTF-8, not as escapes": german,
        "a decomposed letter is another text: nothing is normalized": decomposed,
        "several scripts, and a character beyond the basic plane": scripts,
        "what JSON must escape, and what it must not": escapes,
        "empty text": empty,
        "a new device": about_new_device(),
    }
    vectors = []
    for name, note in named.items():
        vectors.append({
            "name": name,
            "shown": shown(note),
            "canonicalJson": canonical(shown(note)),
            "contextHash": context_hash(note),
        })
    reordered = {"notificationId": NOTIFICATION, "clientContext": dict(reversed(plain["clientContext"].items())),
                 "body": plain["body"], "title": plain["title"]}
    vectors.append({
        "name": "the order of members in the answer does not matter",
        "shown": reordered,
        "canonicalJson": canonical(shown(plain)),
        "contextHash": context_hash(plain),
    })
    write("context.json", "contextHash = base64url(SHA-256(canonicalJson)), canonicalJson = JCS [RFC 8785] of `shown`",
          {"vectors": vectors})


def thumbprints():
    rfc9449 = {
        "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    }
    known = {"name": "the key of the examples in RFC 9449, with the `jkt` printed there", "jwk": rfc9449,
             "thumbprint": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}
    assert thumbprint_of(rfc9449) == known["thumbprint"]
    good = [known] + [{"name": name, "jwk": jwk_of(key), "thumbprint": thumbprint_of(jwk_of(key))}
                      for name, key in (("the key of proof.json", KEY), ("the new key of proof.json", NEW_KEY))]
    jwk = jwk_of(KEY)
    bad = {
        "a private member": {**jwk, "d": b64(bytes(32))},
        "another member": {**jwk, "kid": "1"},
        "another curve": {**jwk, "crv": "P-384"},
        "another key type": {**jwk, "kty": "OKP"},
        "no y": {name: jwk[name] for name in ("kty", "crv", "x")},
        "a short x": {**jwk, "x": b64(bytes(31))},
        "padding": {**jwk, "x": jwk["x"] + "="},
        "x is null": {**jwk, "x": None},
    }
    write("thumbprint.json", "Public keys, what they are called [RFC 7638], and JWKs that are refused",
          {"vectors": good, "refused": [{"name": name, "jwk": value} for name, value in bad.items()]})


def passcodes():
    def passcode(key, seconds):
        mac = hmac.digest(key, (seconds // 30).to_bytes(8), "sha1")
        at = mac[-1] & 0x0F
        return f"{(int.from_bytes(mac[at:at + 4]) & 0x7FFFFFFF) % 1_000_000:06}"

    rfc6238, other = b"12345678901234567890", hashlib.sha256(b"the key of passcode.json").digest()[:20]
    moments = [(rfc6238, at) for at in (59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000)]
    moments += [(other, at) for at in (0, 29, 30, IAT)]
    assert [passcode(*moment) for moment in moments[:6]] == ["287082", "081804", "050471", "005924", "279037", "353130"]
    write("passcode.json", "One-time passcodes [RFC 6238]: the first six are those of SHA-1 of its Appendix B, six digits of them",
          {"vectors": [{"key": b64(key), "seconds": at, "passcode": passcode(key, at)} for key, at in moments]})


def pairing_links():
    key = "012345678901"
    good = [
        ("nod://pair?issuer=https%3A%2F%2Fid.example&key=" + key, "https://id.example"),
        ("nod://pair?issuer=https://id.example&key=" + key, "https://id.example"),
        ("nod://pair?key=" + key + "&issuer=https%3A%2F%2Fid.example%3A8443%2Ftenant", "https://id.example:8443/tenant"),
        ("NOD://pair?issuer=https%3A%2F%2Fid.example%2F&key=" + key, "https://id.example"),
        ("  nod://pair?issuer=https%3A%2F%2Fid.example&key=" + key + "\n", "https://id.example"),
        ("nod://pair?issuer=http%3A%2F%2F127.0.0.1%3A8080&key=" + key, "http://127.0.0.1:8080"),
        ("nod://pair?issuer=https%3A%2F%2Fid.example&key=" + key + "&v=2", "https://id.example"),
        (key, None),
        ("0123 4567 8901", None),
        ("0123-4567-8901", None),
        (" 012345678901\n", None),
    ]
    base = "nod://pair?issuer=https%3A%2F%2Fid.example&key="
    bad = {
        "PAIRING_LINK_INVALID": [
            "https://id.example/pair?issuer=https%3A%2F%2Fid.example&key=" + key,
            "nodx://pair?issuer=https%3A%2F%2Fid.example&key=" + key,
            "otpauth://totp/alice?secret=ABC",
            "javascript:alert(1)",
            "nod:pair?issuer=https%3A%2F%2Fid.example&key=" + key,
            "nod://unpair?issuer=https%3A%2F%2Fid.example&key=" + key,
            "nod://pair/more?issuer=https%3A%2F%2Fid.example&key=" + key,
            "nod://alice@pair?issuer=https%3A%2F%2Fid.example&key=" + key,
            "nod://pair:99?issuer=https%3A%2F%2Fid.example&key=" + key,
            base + key + "#fragment",
            base + key + "&key=999999999999",
            base + key + "&issuer=https%3A%2F%2Fevil.example",
            "nod://pair?key=" + key,
            "nod://pair?issuer=https%3A%2F%2Fid.example",
            "nod://pair",
            "nod://pair?issuer=https%3A%2F%2Fid.example&\nkey=" + key,
        ],
        "ISSUER_INSECURE": [
            "nod://pair?issuer=http%3A%2F%2Fid.example&key=" + key,
            "nod://pair?issuer=ftp%3A%2F%2Fid.example&key=" + key,
        ],
        "ISSUER_INVALID": [
            "nod://pair?issuer=id.example&key=" + key,
            "nod://pair?issuer=&key=" + key,
            "nod://pair?issuer=https%3A%2F%2Falice%40id.example&key=" + key,
            "nod://pair?issuer=https%3A%2F%2Fid.example%3Fx&key=" + key,
            "nod://pair?issuer=http%3A%2F%2F127.0.0.1%5C%40id.example&key=" + key,
        ],
        "PAIRING_KEY_MALFORMED": [
            "", "01234567890", "0123456789012", "01234567890a", "0123--45678901", "-012345678901", "012345678901-",
            "٠١٢٣٤٥٦٧٨٩٠١", base + "01234567890", base + "0123-4567-8901", base + "0123+4567+8901", base,
        ],
    }
    write("pairing_link.json", "What a phone scans or a person types to pair", {
        "accepted": [{"text": text, "issuer": issuer, "key": key} for text, issuer in good],
        "refused": [{"text": text, "code": code} for code, texts in bad.items() for text in texts],
        "printed": [{"issuer": "https://id.example:8443/tenant", "key": key,
                     "link": "nod://pair?issuer=https%3A%2F%2Fid.example%3A8443%2Ftenant&key=" + key}],
    })


def header_of(key):
    return compact({"typ": "nod-proof+jwt", "alg": "ES256", "jwk": jwk_of(key)})


def proofs():
    header = header_of(KEY)
    vectors = []

    def claims_of(purpose, method, path, body, nonce, extra):
        claims = {"purpose": purpose, "htm": method, "htu": ISSUER + "/device/v1" + path, "aud": ISSUER,
                  "iat": IAT, "jti": b64(JTI)}
        if nonce:
            claims["nonce"] = nonce
        if body is not None:
            claims["bd"] = sha256(body.encode())
        claims.update(extra)
        return claims

    def add(name, call, purpose, method, path, body=None, nonce=NONCE, extra=None):
        claims = compact(claims_of(purpose, method, path, body, nonce, extra or {}))
        signing_input, proof = sign(KEY, header, claims)
        vectors.append({"name": name, "call": call, "nonce": nonce, "method": method,
                        "url": ISSUER + "/device/v1" + path, "body": body, "claims": claims,
                        "signingInput": signing_input, "proof": proof})

    pairing = {"pairingKey": "012345678901",
               "installation": {"platform": "ANDROID", "name": "Alice’s phone", "osVersion": "16"}}
    add("pairing, before any nonce is known", {"type": "pair", "request": pairing},
        "pairing", "POST", "/pairings", compact(pairing), None)

    def answer(verb, decision, body):
        call = {"type": verb + "Enrollment", "ticket": TICKET}
        if body:
            call["request"] = body
        add(verb + " an enrollment", call, "enrollment", "POST", "/enrollments/" + TICKET + "/" + verb, compact(body),
            NONCE, {"decision": decision, "ticket": TICKET})

    add("one enrollment", {"type": "enrollment", "ticket": TICKET}, "read", "GET", "/enrollments/" + TICKET)
    answer("approve", "APPROVED", {
        "installation": {"platform": "ANDROID", "appVersion": "3.1"},
        "pushToken": {"provider": "FCM", "environment": "production", "token": "a push token"}})
    answer("deny", "DENIED", {})
    add("pending", {"type": "pending"}, "read", "GET", "/notifications/pending")
    add("one notification", {"type": "notification", "id": NOTIFICATION}, "read", "GET", "/notifications/" + NOTIFICATION)
    add("events", {"type": "events"}, "read", "GET", "/events")
    add("me", {"type": "me"}, "read", "GET", "/me")

    def decided(decision, note, rest):
        return {"iss": INSTALLATION, "decision": decision, "deviceId": DEVICE, "userId": USER,
                "notificationId": NOTIFICATION, "contextHash": context_hash(note), **rest}

    def chosen(kind, choice):
        return {"type": kind} if choice is None else {"type": "choose", "choice": choice}

    def approve(name, note, number, amr, choice=None):
        picked = {} if number is None else {"numberPicked": number}
        chose = {} if choice is None else {"choice": choice}
        body = {"deviceId": DEVICE, "userId": USER, "amr": amr, **picked, **chose, "contextHash": context_hash(note)}
        add(name, {**chosen("approve", choice), "notification": note, "number": number, "amr": amr},
            "approve", "POST", "/notifications/" + NOTIFICATION + "/approve", compact(body), NONCE,
            decided("APPROVED", note, {**picked, "amr": amr, **chose}))

    def deny(name, note, reason, choice=None):
        chose = {} if choice is None else {"choice": choice}
        body = {"deviceId": DEVICE, "userId": USER, "reason": reason, **chose}
        said = {"reason": reason} if choice is None else {"number": None, "amr": []}
        add(name, {**chosen("deny", choice), "notification": note, **said},
            "deny", "POST", "/notifications/" + NOTIFICATION + "/deny", compact(body), NONCE,
            decided("DENIED", note, {"reason": reason, **chose}))

    select = notification(numberMatching={"type": "SELECT_NUMBER", "options": [12, 47, 83]})
    manual = notification(numberMatching={"type": "ENTER_MANUALLY"})
    approve("approve", notification(), None, ["face", "hwk"])
    approve("approve with the number picked", select, 47, ["fpt"])
    approve("approve with the number typed", manual, 7, ["pin", "swk"])
    approve("approve a text beyond ASCII", notification(title="Anmelden bei Müller 🛒"), None, [])
    deny("deny", notification(), "NONE")
    deny("deny and report fraud", select, "REPORT_FRAUD")
    deny("deny, biometrics rejected", notification(), "BIOMETRICS_REJECTED")

    new = about_new_device()
    approve("trust a new device", about_new_device(numberMatching={"type": "ENTER_MANUALLY"}), 7, ["pin"], "TRUSTED")
    approve("let a new device in once", new, None, ["pin"], "ONCE")
    deny("deny a new device", new, "NONE", "DENY")
    deny("block a new device", new, "NONE", "BLOCK")

    rotation = {"purpose": "rotate", "aud": ISSUER, "iat": IAT, "jti": b64(JTI), "nonce": NONCE,
                "installationId": INSTALLATION}
    rotation_input, by_new = sign(NEW_KEY, header_of(NEW_KEY), compact(rotation))
    rotate = {"newJwk": jwk_of(NEW_KEY), "proofByNew": by_new}
    add("rotate", {"type": "rotate", "request": rotate}, "rotate", "POST", "/keys/rotate", compact(rotate))
    add("unpair", {"type": "unpair", "device": DEVICE}, "unpair", "DELETE", "/devices/" + DEVICE)
    token = {"provider": "WEB_PUSH", "environment": "production", "token": "{\"endpoint\":\"https://push.example/1\"}"}
    add("set a push token", {"type": "setPushToken", "token": token}, "push", "PUT", "/push-token", compact(token))
    add("remove the push token", {"type": "removePushToken"}, "push", "DELETE", "/push-token")
    for enabled, name in ((False, "have no push ring"), (True, "let pushes ring again")):
        call = {"type": "allowPushNotifications", "enabled": enabled}
        add(name, call, "push", "PUT", "/push-enabled", compact({"enabled": enabled}))

    read = claims_of("read", "GET", "/me", None, NONCE, {})
    yes = claims_of("approve", "POST", "/notifications/x/approve", "{}", NONCE,
                    decided("APPROVED", notification(), {"amr": ["face"]}))
    no = claims_of("deny", "POST", "/notifications/x/deny", "{}", NONCE,
                   decided("DENIED", notification(), {"reason": "NONE"}))
    enroll = claims_of("enrollment", "POST", "/enrollments/x/approve", "{}", NONCE,
                       {"decision": "APPROVED", "ticket": TICKET})
    refused = {
        "an enrollment without a ticket": without(enroll, "ticket"),
        "an enrollment without a decision": without(enroll, "decision"),
        "an enrollment with an installation": {**enroll, "iss": INSTALLATION},
        "an enrollment with a device": {**enroll, "deviceId": DEVICE},
        "an enrollment under the purpose pairing": {**enroll, "purpose": "pairing"},
        "an enrollment under the purpose read": {**enroll, "purpose": "read"},
        "an enrollment under the purpose approve": {**enroll, "purpose": "approve"},
        "an approval under the purpose enrollment": {**yes, "purpose": "enrollment"},
        "an approval with a ticket": {**yes, "ticket": TICKET},
        "a denial with a ticket": {**no, "ticket": TICKET},
        "a ticket of 31 bytes": {**enroll, "ticket": b64(bytes(31))},
        "a ticket with padding": {**enroll, "ticket": TICKET + "="},
        "a decision in lower case": {**enroll, "decision": "approve"},
        "an unknown claim": {**read, "admin": True},
        "an unknown purpose": {**read, "purpose": "sign-anything"},
        "no purpose": without(read, "purpose"),
        "no jti": without(read, "jti"),
        "a jti of 15 bytes": {**read, "jti": b64(bytes(15))},
        "a jti of 65 bytes": {**read, "jti": b64(bytes(65))},
        "a jti that is not base64url": {**read, "jti": "0123456789012345678901!"},
        "iat as text": {**read, "iat": str(IAT)},
        "iat with a fraction": {**read, "iat": IAT + 0.5},
        "another method": {**read, "htm": "PATCH"},
        "the method in lower case": {**read, "htm": "get"},
        "a nonce that is null": {**read, "nonce": None},
        "several audiences": {**read, "aud": [ISSUER, "https://other.example"]},
        "a decision under the purpose read": {**yes, "purpose": "read"},
        "a denial under the purpose approve": {**no, "purpose": "approve"},
        "an approval under the purpose deny": {**yes, "purpose": "deny"},
        "the decision of the other kind": {**yes, "decision": "DENIED"},
        "an approval without a decision": without(yes, "decision"),
        "an approval without a context hash": without(yes, "contextHash"),
        "an approval without a user": without(yes, "userId"),
        "an approval without a device": without(yes, "deviceId"),
        "an approval without a notification": without(yes, "notificationId"),
        "an approval without an installation": without(yes, "iss"),
        "an approval without amr": without(yes, "amr"),
        "an approval with a reason": {**yes, "reason": "NONE"},
        "a number that is text": {**yes, "numberPicked": "47"},
        "a negative number": {**yes, "numberPicked": -1},
        "a number that is null": {**yes, "numberPicked": None},
        "a denial with a number": {**no, "numberPicked": 47},
        "a denial with amr": {**no, "amr": ["face"]},
        "a denial without a reason": without(no, "reason"),
        "an approval with the choice of a denial": {**yes, "choice": "BLOCK"},
        "a denial with the choice of an approval": {**no, "choice": "TRUSTED"},
        "an unknown choice": {**yes, "choice": "ALWAYS"},
        "a choice that is null": {**yes, "choice": None},
        "a choice under the purpose read": {**read, "choice": "ONCE"},
        "an identifier in upper case": {**no, "userId": USER.upper()},
        "a context hash with padding": {**no, "contextHash": no["contextHash"] + "="},
    }
    refused = [{"name": name, "claims": compact(claims)} for name, claims in refused.items()]
    refused.append({"name": "a claim twice", "claims": compact(read)[:-1] + ',"aud":"https://other.example"}'})
    refused.append({"name": "not an object", "claims": "[]"})
    refused.append({"name": "more after the object", "claims": compact(read) + "{}"})

    jwk = jwk_of(KEY)
    headers = {
        "another type": {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk},
        "no type": {"alg": "ES256", "jwk": jwk},
        "no signature": {"typ": "nod-proof+jwt", "alg": "none", "jwk": jwk},
        "a shared secret": {"typ": "nod-proof+jwt", "alg": "HS256", "jwk": jwk},
        "a private key": {"typ": "nod-proof+jwt", "alg": "ES256", "jwk": {**jwk, "d": b64(bytes(32))}},
        "a key by name": {"typ": "nod-proof+jwt", "alg": "ES256", "kid": "1"},
        "a critical extension": {"typ": "nod-proof+jwt", "alg": "ES256", "jwk": jwk, "crit": ["b64"], "b64": False},
        "a key to fetch": {"typ": "nod-proof+jwt", "alg": "ES256", "jwk": jwk, "jku": "https://evil.example"},
    }
    headers = [{"name": name, "header": compact(value)} for name, value in headers.items()]

    write("proof.json",
          "Device-Proof: compact JWS. `call` says what is asked; the other members are what comes out of it. ECDSA "
          "signatures differ from run to run: compare `signingInput`, verify `proof`.",
          {
              "issuer": ISSUER, "installationId": INSTALLATION, "iat": IAT, "jti": b64(JTI),
              "now": "2026-03-01T12:00:00Z",
              "key": {"pkcs8": pkcs8_of(KEY), "jwk": jwk, "thumbprint": thumbprint_of(jwk)},
              "header": header,
              "vectors": vectors,
              "rotation": {"key": {"pkcs8": pkcs8_of(NEW_KEY), "jwk": jwk_of(NEW_KEY)},
                           "nonce": NONCE, "claims": compact(rotation), "signingInput": rotation_input,
                           "proofByNew": by_new},
              "refusedClaims": refused,
              "refusedHeaders": headers,
          })


def payloads():
    header = compact({"typ": "mobile-payload+jwt", "alg": "ES256", "jwk": jwk_of(KEY)})
    app = {"applicationId": "shop-app", "platform": "android", "package": "com.example.shop"}
    base = {"v": 1, "aud": ISSUER, "app": "shop-app", "plat": "android", "pkg": "com.example.shop",
            "iat": IAT, "exp": IAT + 120, "jti": b64(JTI)}
    token = {"provider": "FCM", "environment": "production", "token": "a push token"}
    push = {"prov": "FCM", "env": "production", "th": sha256(b"a push token"), "enabled": True, "permitted": False}
    about = {"appVersion": "3.1", "sdkVersion": "1.2.3", "osVersion": "16", "model": "Müller Phone 7", "locale": "de-AT"}
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    signals = {"rooted": False, "debugger": True, "hook": False}
    vectors = []

    def add(name, installation, facts, claims):
        claims = compact({**base, **claims})
        signing_input, payload = sign(KEY, header, claims)
        vectors.append({"name": name, "installationId": installation, "facts": {**app, **facts}, "claims": claims,
                        "signingInput": signing_input, "payload": payload})

    add("before the first pairing, with nothing to tell", None, {}, {})
    add("a paired installation", INSTALLATION, {}, {"inst": INSTALLATION})
    add("all claims", INSTALLATION,
        {**about, "push": {"token": token, "enabled": True, "permitted": False}, "signals": signals,
         "boundTo": challenge},
        {"inst": INSTALLATION, "push": push, "appv": "3.1", "sdkv": "1.2.3", "osv": "16", "model": "Müller Phone 7",
         "loc": "de-AT", "bind": sha256(challenge.encode()), "sig": signals})
    add("bound to a flow", None, {"boundTo": "flow-1"}, {"bind": sha256(b"flow-1")})

    full = json.loads(vectors[2]["claims"])
    refused = {
        "an unknown claim": {**base, "admin": True},
        "another version": {**base, "v": 2},
        "the version as text": {**base, "v": "1"},
        "several audiences": {**base, "aud": [ISSUER, "https://other.example"]},
        "no application": without(base, "app"),
        "no package": without(base, "pkg"),
        "no exp": without(base, "exp"),
        "a longer life": {**base, "exp": IAT + 121},
        "a shorter life": {**base, "exp": IAT + 119},
        "iat with a fraction": {**base, "iat": IAT + 0.5},
        "a life that overflows": {**base, "iat": 2**63 - 1, "exp": -(2**63) + 119},
        "a jti of 15 bytes": {**base, "jti": b64(bytes(15))},
        "a jti of 17 bytes": {**base, "jti": b64(bytes(17))},
        "a jti with padding": {**base, "jti": b64(JTI) + "=="},
        "an installation that is null": {**base, "inst": None},
        "an installation in upper case": {**base, "inst": INSTALLATION.upper()},
        "a push without a hash": {**full, "push": without(push, "th")},
        "a push with the token": {**full, "push": {**push, "token": "a push token"}},
        "a push hash with padding": {**full, "push": {**push, "th": push["th"] + "="}},
        "a signal as text": {**full, "sig": {**signals, "rooted": "no"}},
        "a signal missing": {**full, "sig": without(signals, "hook")},
        "a binding of 31 bytes": {**full, "bind": b64(bytes(31))},
    }
    refused = [{"name": name, "claims": compact(claims)} for name, claims in refused.items()]
    refused.append({"name": "a claim twice", "claims": compact(base)[:-1] + ',"app":"other-app"}'})
    refused.append({"name": "not an object", "claims": "[]"})

    jwk = jwk_of(KEY)
    headers = {
        "the type of a proof": {"typ": "nod-proof+jwt", "alg": "ES256", "jwk": jwk},
        "no type": {"alg": "ES256", "jwk": jwk},
        "no signature": {"typ": "mobile-payload+jwt", "alg": "none", "jwk": jwk},
        "a private key": {"typ": "mobile-payload+jwt", "alg": "ES256", "jwk": {**jwk, "d": b64(bytes(32))}},
        "a key by name": {"typ": "mobile-payload+jwt", "alg": "ES256", "jwk": jwk, "kid": "1"},
        "a critical extension": {"typ": "mobile-payload+jwt", "alg": "ES256", "jwk": jwk, "crit": ["exp"]},
    }
    headers = [{"name": name, "header": compact(value)} for name, value in headers.items()]

    write("payload.json",
          "Mobile payload: compact JWS, at most 4096 bytes. `facts` is what the app knows; `claims` comes out of it. "
          "Compare `signingInput`, verify `payload`.",
          {"issuer": ISSUER, "iat": IAT, "jti": b64(JTI), "key": {"pkcs8": pkcs8_of(KEY), "jwk": jwk},
           "header": header, "vectors": vectors, "refusedClaims": refused, "refusedHeaders": headers})


def payload_encryption():
    issuer, ephemeral = key_from("nod-device test key of an issuer"), key_from("nod-device test key that is used once")
    jwk = jwk_of(issuer)
    kid = thumbprint_of(jwk)
    published = {**jwk, "use": "enc", "alg": "ECDH-ES", "kid": kid}
    signs = {**jwk_of(KEY), "use": "sig", "alg": "ES256", "kid": thumbprint_of(jwk_of(KEY))}
    claims = {"v": 1, "aud": ISSUER, "app": "shop-app", "plat": "android", "pkg": "com.example.shop",
              "iat": IAT, "exp": IAT + 120, "jti": b64(JTI)}
    signed = compact({"typ": "mobile-payload+jwt", "alg": "ES256", "jwk": jwk_of(KEY)})
    _, payload = sign(KEY, signed, compact(claims))
    header = compact({"alg": "ECDH-ES", "enc": "A256GCM", "kid": kid, "cty": "mobile-payload+jwt",
                      "epk": jwk_of(ephemeral)})
    agreed = ephemeral.exchange(ec.ECDH(), issuer.public_key())
    # [RFC 7518 §4.6.2]
    about = len(b"A256GCM").to_bytes(4) + b"A256GCM" + bytes(4) + bytes(4) + (256).to_bytes(4)
    content_key = hashlib.sha256((1).to_bytes(4) + agreed + about).digest()
    nonce = bytes(range(12))
    protected = b64(header.encode())
    sealed = AESGCM(content_key).encrypt(nonce, payload.encode(), protected.encode())
    scalar = issuer.private_numbers().private_value.to_bytes(32)
    write("payload_encryption.json",
          "A mobile payload in a compact JWE, at most 4096 bytes, for the key in `jwks` that is for it. `epk` is the public "
          "half of a key that is used once, `once` its private JWK; `agreed` is what both agree on.",
          {"jwks": {"keys": [signs, published]}, "private": b64(scalar), "payload": payload, "epk": jwk_of(ephemeral),
           "once": {**jwk_of(ephemeral), "d": b64(ephemeral.private_numbers().private_value.to_bytes(32))},
           "header": header, "agreed": b64(agreed), "contentKey": b64(content_key), "nonce": b64(nonce),
           "encrypted": ".".join([protected, "", b64(nonce), b64(sealed[:-16]), b64(sealed[-16:])])})


def prime_from(phrase):
    """1024 bits of a hash with the two highest and the lowest set; the next prime above."""
    raw = b"".join(hashlib.sha256(f"{phrase} {n}".encode()).digest() for n in range(4))
    candidate = int.from_bytes(raw) | 3 << 1022 | 1
    while not (candidate % 65537 != 1 and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7, 11))):
        candidate += 2
    return candidate


def rsa_key_from(phrase):
    p, q, e = prime_from(phrase + " p"), prime_from(phrase + " q"), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key()


def pss(key, message):
    """EMSA-PSS [RFC 8017 §9.1.1] with SHA-256, MGF1 and a salt of 32 bytes that is no secret here: the library
    would draw one, and no two runs would agree."""
    numbers = key.private_numbers()
    modulus, size = numbers.public_numbers.n, 256
    salt = hashlib.sha256(b"salt " + message).digest()
    digest = hashlib.sha256(bytes(8) + hashlib.sha256(message).digest() + salt).digest()
    block = bytes(size - 32 - 32 - 2) + b"\x01" + salt
    mask = b"".join(hashlib.sha256(digest + n.to_bytes(4)).digest() for n in range(7))[:len(block)]
    masked = bytearray(a ^ b for a, b in zip(block, mask))
    masked[0] &= 0x7F
    signature = pow(int.from_bytes(bytes(masked) + digest + b"\xbc"), numbers.d, modulus).to_bytes(size)
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    key.public_key().verify(signature, message, scheme, hashes.SHA256())
    return signature


def id_tokens():
    ec_key, other_key, rsa_key = key_from("nod issuer"), key_from("not the issuer"), rsa_key_from("nod issuer")
    ed_key = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"nod issuer").digest())
    ed_public = b64(ed_key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    numbers = rsa_key.public_key().public_numbers()
    rsa_jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes(256)), "e": "AQAB"}
    keys = [
        {"kty": "oct", "k": b64(bytes(32)), "kid": "shared", "alg": "HS256"},
        {"kty": "EC", "crv": "P-384", "x": b64(bytes(48)), "y": b64(bytes(48)), "kid": "another-curve"},
        {**jwk_of(ec_key), "kid": "ec", "use": "sig", "alg": "ES256"},
        {**rsa_jwk, "kid": "rsa", "use": "sig"},
        {**rsa_jwk, "kid": "only-ps", "use": "sig", "alg": "PS256"},
        {"kty": "OKP", "crv": "Ed25519", "x": ed_public, "kid": "ed", "use": "sig", "alg": "EdDSA"},
        {**jwk_of(other_key), "kid": "for-encryption", "use": "enc"},
        "not a key",
    ]

    def token(claims, alg="ES256", kid="ec", signer=None, **header):
        named = {} if kid is None else {"kid": kid}
        head = compact({"alg": alg, **named, **header})
        claims = claims if isinstance(claims, str) else compact(claims)
        message = (b64(head.encode()) + "." + b64(claims.encode())).encode()
        if alg == "RS256":
            signature = rsa_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        elif alg == "PS256":
            signature = pss(rsa_key, message)
        elif alg == "EdDSA":
            signature = ed_key.sign(message)
        elif alg == "ES256":
            return sign(signer or ec_key, head, claims)[1]
        elif alg == "HS256":
            signature = hmac.digest(signer, message, "sha256")
        else:
            signature = b""
        return message.decode() + "." + b64(signature)

    base = {"iss": ISSUER, "sub": "alice", "aud": "shop-app", "iat": IAT - 10, "exp": IAT + 300, "nonce": "n-0S6_WzA2Mj"}
    offer = {**base, "device_enrollment": {"offered": True, "ticket": TICKET, "exp": IAT + 290}}
    offered = {"ticket": TICKET, "expiresAt": "2026-03-01T12:04:50Z"}
    limit = {"offered": False, "reason": "METHOD_LIMIT_REACHED"}
    accepted = []

    def accept(name, id_token, **result):
        accepted.append({"name": name, "idToken": id_token, **result})

    accept("nothing offered", token(base))
    accept("an offer", token(offer), offer=offered)
    accept("an offer with a member that is not known yet",
           token({**offer, "device_enrollment": {**offer["device_enrollment"], "new": 1}}), offer=offered)
    accept("RS256", token(offer, "RS256", "rsa"), offer=offered)
    accept("PS256", token(offer, "PS256", "rsa"), offer=offered)
    accept("PS256 with a key for nothing else", token(offer, "PS256", "only-ps"), offer=offered)
    accept("EdDSA", token(offer, "EdDSA", "ed"), offer=offered)
    accept("no key by name", token(offer, kid=None, typ="JWT"), offer=offered)
    accept("not offered", token({**base, "device_enrollment": limit}), reason="METHOD_LIMIT_REACHED")
    accept("not offered, for a reason that is not known yet",
           token({**base, "device_enrollment": {"offered": False, "reason": "WRONG_WEATHER"}}), reason="WRONG_WEATHER")
    accept("a list of one audience", token({**base, "aud": ["shop-app"]}))
    accept("several audiences, of which one asked", token({**base, "aud": ["api", "shop-app"], "azp": "shop-app"}))
    accept("the last moment", token({**base, "exp": IAT - 59}))
    accept("a clock that is a minute ahead", token({**base, "iat": IAT + 60}))
    accept("a time with a fraction", token({**base, "exp": IAT + 0.5}))

    parts = token(offer).split(".")
    without_claim = token(base).split(".")
    refused = {
        "ID_TOKEN_INVALID": {
            "nothing": "", "two parts": ".".join(parts[:2]), "four parts": ".".join(parts) + ".AA",
            "padding": parts[0] + "=." + parts[1] + "." + parts[2],
            "a critical extension": token(offer, crit=["b64"], b64=False),
            "claims that are no object": token("[]"),
            "no exp": token(without(offer, "exp")),
            "no iat": token(without(offer, "iat")),
            "no audience": token(without(offer, "aud")),
            "a time as text": token({**offer, "exp": str(IAT + 300)}),
            "a claim twice": token(compact(offer)[:-1] + ',"nonce":"another"}'),
            "the offer is null": token({**offer, "device_enrollment": None}),
            "an offer without a ticket": token({**offer, "device_enrollment": {"offered": True, "exp": IAT}}),
            "an offer without an end": token({**offer, "device_enrollment": {"offered": True, "ticket": TICKET}}),
            "a ticket that leads elsewhere":
                token({**offer, "device_enrollment": {"offered": True, "ticket": "../../me", "exp": IAT}}),
            "a refusal without a reason": token({**offer, "device_enrollment": {"offered": False}}),
        },
        "ID_TOKEN_UNTRUSTED": {
            "no signature": token(offer, "none", None),
            "a shared secret": token(offer, "HS256", "shared", bytes(32)),
            "the public key as a shared secret": token(offer, "HS256", "ec", compact(keys[2]).encode()),
            "another curve": token(offer, "ES384", "another-curve"),
            "an unknown key": token(offer, kid="nobody's"),
            "another's signature under the issuer's name": token(offer, signer=other_key),
            "another's signature without a name": token(offer, kid=None, signer=other_key),
            "a key for encryption": token(offer, kid="for-encryption", signer=other_key),
            "the algorithm of another key": token(offer, "RS256", "ec"),
            "an algorithm that the key is not for": token(offer, "RS256", "only-ps"),
            "the signature of other claims": ".".join([without_claim[0], without_claim[1], parts[2]]),
            "no signature at all": ".".join(parts[:2]) + ".",
        },
        "ISSUER_MISMATCH": {
            "another issuer": token({**offer, "iss": "https://id.example"}),
            "a slash more": token({**offer, "iss": ISSUER + "/"}),
        },
        "AUDIENCE_MISMATCH": {
            "another audience": token({**offer, "aud": "other-app"}),
            "an empty list": token({**offer, "aud": []}),
            "another audience, although this one asked": token({**offer, "aud": "other-app", "azp": "shop-app"}),
            "several audiences and nobody asked": token({**offer, "aud": ["shop-app", "api"]}),
            "several audiences and another asked": token({**offer, "aud": ["shop-app", "api"], "azp": "api"}),
            "one audience and another asked": token({**offer, "azp": "other-app"}),
        },
        "ID_TOKEN_EXPIRED": {"a minute too late": token({**offer, "exp": IAT - 60})},
        "ID_TOKEN_NOT_YET_VALID": {"more than a minute too early": token({**offer, "iat": IAT + 61})},
        "NONCE_MISMATCH": {
            "another nonce": token({**offer, "nonce": "another"}),
            "no nonce": token(without(offer, "nonce")),
        },
    }
    write("id_token.json",
          "ID tokens and what they mean for the phone. The key set has to be `keys`, the time `now`. An accepted token has "
          "an `offer`, a `reason` why there is none, or nothing.",
          {"issuer": ISSUER, "clientId": "shop-app", "nonce": "n-0S6_WzA2Mj", "now": "2026-03-01T12:00:00Z",
           "keys": {"keys": keys}, "accepted": accepted,
           "refused": [{"name": name, "idToken": id_token, "code": code}
                       for code, tokens in refused.items() for name, id_token in tokens.items()]})


contexts()
thumbprints()
passcodes()
pairing_links()
proofs()
payloads()
payload_encryption()
id_tokens()
