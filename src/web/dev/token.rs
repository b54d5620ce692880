//! Tokens and proofs, taken apart for whoever looks, with the word on who signed them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nod_device::payload::PAYLOAD_TYPE;
use nod_device::proof::{MAX_PROOF_BYTES, PROOF_TYPE};
use serde_json::Value;

use crate::protocol::jwt::{AcceptedTyp, EmbeddedKeyProof, JwtError, MAX_TOKEN_BYTES, Unverified};
use crate::protocol::{access_token, client_assertion, dpop, login_hint_token, logout_token, request_object};
use crate::usecase::signing_keys::KeyRing;

/// What carries its own key, and whose that is.
const WITH_THEIR_KEYS: [(&str, &str); 3] =
    [(PROOF_TYPE, "the phone’s key"), (PAYLOAD_TYPE, "the app’s key"), (dpop::TYP, "the key of the proof")];

/// What is in a compact JWS.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub header: Value,
    pub claims: Value,
    pub signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    /// Verified with this key.
    By(String),
    Broken,
    /// By somebody whose key is not here.
    Unknown,
}

/// `None` for what is no token.
pub(super) fn read(text: &str, ours: &KeyRing) -> Option<Token> {
    let mut parts = text.split('.');
    let (header, claims) = (part(parts.next()?)?, part(parts.next()?)?);
    if parts.next().is_none() || parts.next().is_some() {
        return None;
    }
    let signature = signature(text, &header, ours);
    Some(Token { header, claims, signature })
}

/// What is said in a compact JWS, whoever signed it.
pub(super) fn claims(text: &str) -> Option<Value> {
    let mut parts = text.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() { None } else { part(claims) }
}

fn part(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    value.is_object().then_some(value)
}

fn signature(text: &str, header: &Value, ours: &KeyRing) -> Signature {
    if header.get("jwk").is_some() {
        return by_its_own_key(text, header);
    }
    let Ok(token) = Unverified::parse(text) else { return Signature::Broken };
    let kid = token.kid().unwrap_or("without a name").to_owned();
    match ours.verify::<Value>(&token, AcceptedTyp::AbsentOr(&["JWT", access_token::TYP, logout_token::TYP])) {
        Ok(_) => Signature::By(format!("Nod’s key {kid}")),
        Err(JwtError::Signature) => Signature::Broken,
        Err(_) => Signature::Unknown,
    }
}

/// [RFC 9449 §4.2] that it verifies says that its sender has the key, which its thumbprint names.
fn by_its_own_key(text: &str, header: &Value) -> Signature {
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default();
    let known = WITH_THEIR_KEYS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(typ));
    let Some((typ, whose)) = known else { return Signature::Unknown };
    match EmbeddedKeyProof::of_any_key(text, typ, MAX_TOKEN_BYTES) {
        Ok(proof) if proof.verification_key().is_ok_and(|key| proof.verify::<Value>(&key).is_ok()) => {
            Signature::By(format!("{whose} {}", proof.thumbprint()))
        }
        Ok(_) => Signature::Broken,
        Err(_) => Signature::Unknown,
    }
}

/// The parameters that a client signs, by the keys that it has registered, and the type that each has.
pub(super) fn of_clients(parameter: &str) -> Option<AcceptedTyp> {
    match parameter {
        "client_assertion" => Some(client_assertion::ASSERTION_TYP),
        "request" => Some(request_object::TYP),
        "login_hint_token" => Some(login_hint_token::TYP),
        _ => None,
    }
}

/// The access token in an `Authorization` header, bound to a key or not.
pub(super) fn shown(authorization: &str) -> Option<&str> {
    ["Bearer ", "DPoP "].into_iter().find_map(|scheme| authorization.strip_prefix(scheme))
}

/// The thumbprint of the key in a proof, whatever the proof is worth.
pub(super) fn thumbprint(proof: &str) -> Option<String> {
    let proof = EmbeddedKeyProof::parse(proof, PROOF_TYPE, MAX_PROOF_BYTES).ok()?;
    Some(proof.thumbprint().to_string())
}

/// What a claim says, in a few words.
pub(super) fn meaning(claim: &str) -> &'static str {
    match claim {
        "iss" => "who made it",
        "sub" => "the person, by a name that never changes",
        "aud" => "who may use it",
        "exp" => "not valid from then on",
        "iat" => "when it was made",
        "auth_time" => "when the person said yes",
        "acr" => "how strong the yes is",
        "amr" => "by which means",
        "at_hash" => "ties it to the access token",
        "urn:openid:params:jwt:claim:auth_req_id" => "ties it to the question",
        "azp" | "client_id" => "the client it was made for",
        "jti" => "its own name: it counts once",
        "nonce" => "from the server, so that it is fresh",
        "htm" => "the method it is good for",
        "htu" => "the address it is good for",
        "bd" => "the digest of the body",
        "purpose" => "what it is meant for",
        "contextHash" | "context_hash" => "the digest of all that was shown",
        "numberPicked" | "number_picked" => "the number that was picked",
        "scope" => "what it is for",
        _ => "",
    }
}
