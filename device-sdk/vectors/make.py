#!/usr/bin/env python3
"""Writes the test vectors beside this file, from the description of the format alone.

It shares no code with the crate: what it writes is a second opinion. Signatures are
deterministic [RFC 6979], so a second run changes nothing. Needs the package `cryptography`.
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

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
    return {name: note[name] for name in ("title", "body", "clientContext", "notificationId")}


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
    add("pending", {"type": "pending"}, "read", "GET", "/notifications/pending")
    add("one notification", {"type": "notification", "id": NOTIFICATION}, "read", "GET", "/notifications/" + NOTIFICATION)
    add("events", {"type": "events"}, "read", "GET", "/events")
    add("me", {"type": "me"}, "read", "GET", "/me")

    def decided(decision, note, rest):
        return {"iss": INSTALLATION, "decision": decision, "deviceId": DEVICE, "userId": USER,
                "notificationId": NOTIFICATION, "contextHash": context_hash(note), **rest}

    def approve(name, note, number, amr):
        picked = {} if number is None else {"numberPicked": number}
        body = {"deviceId": DEVICE, "userId": USER, "amr": amr, **picked, "contextHash": context_hash(note)}
        add(name, {"type": "approve", "notification": note, "number": number, "amr": amr},
            "approve", "POST", "/notifications/" + NOTIFICATION + "/approve", compact(body), NONCE,
            decided("APPROVED", note, {**picked, "amr": amr}))

    def deny(name, note, reason):
        body = {"deviceId": DEVICE, "userId": USER, "reason": reason}
        add(name, {"type": "deny", "notification": note, "reason": reason},
            "deny", "POST", "/notifications/" + NOTIFICATION + "/deny", compact(body), NONCE,
            decided("DENIED", note, {"reason": reason}))

    select = notification(numberMatching={"type": "SELECT_NUMBER", "options": [12, 47, 83]})
    manual = notification(numberMatching={"type": "ENTER_MANUALLY"})
    approve("approve", notification(), None, ["face", "hwk"])
    approve("approve with the number picked", select, 47, ["fpt"])
    approve("approve with the number typed", manual, 7, ["pin", "swk"])
    approve("approve a text beyond ASCII", notification(title="Anmelden bei Müller 🛒"), None, [])
    deny("deny", notification(), "NONE")
    deny("deny and report fraud", select, "REPORT_FRAUD")
    deny("deny, biometrics rejected", notification(), "BIOMETRICS_REJECTED")

    rotation = {"purpose": "rotate", "aud": ISSUER, "iat": IAT, "jti": b64(JTI), "nonce": NONCE,
                "installationId": INSTALLATION}
    rotation_input, by_new = sign(NEW_KEY, header_of(NEW_KEY), compact(rotation))
    rotate = {"newJwk": jwk_of(NEW_KEY), "proofByNew": by_new}
    add("rotate", {"type": "rotate", "request": rotate}, "rotate", "POST", "/keys/rotate", compact(rotate))
    add("unpair", {"type": "unpair", "device": DEVICE}, "unpair", "DELETE", "/devices/" + DEVICE)

    read = claims_of("read", "GET", "/me", None, NONCE, {})
    yes = claims_of("approve", "POST", "/notifications/x/approve", "{}", NONCE,
                    decided("APPROVED", notification(), {"amr": ["face"]}))
    no = claims_of("deny", "POST", "/notifications/x/deny", "{}", NONCE,
                   decided("DENIED", notification(), {"reason": "NONE"}))
    without = lambda claims, name: {k: v for k, v in claims.items() if k != name}
    refused = {
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


contexts()
thumbprints()
pairing_links()
proofs()
