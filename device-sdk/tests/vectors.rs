//! The crate against `vectors/*.json`, which a program in another language wrote.
#![expect(clippy::unwrap_used, reason = "a test that stops has failed")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nod_device::messages::{ApproveEnrollmentRequest, PairingRequest, PushToken, RotateRequest};
use nod_device::proof::{Freshness, NotAProof, ProofClaims, ProofHeader, RotationClaims, UnverifiedProof};
use nod_device::{
    Call, ClientContext, ContextHash, DenyReason, DeviceId, DeviceKey, EnrollmentTicket, InstallationId, Issuer,
    KeyError, NewDevice, NewDeviceChoice, Notification, NotificationId, PairingKey, PairingLink, PublicJwk, Scanned,
    Shown, Thumbprint, Timestamp, decide,
};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

struct FixedKey(EcdsaKeyPair);

impl FixedKey {
    fn new(pkcs8: &str) -> Self {
        let pkcs8 = URL_SAFE_NO_PAD.decode(pkcs8).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &SystemRandom::new()).unwrap())
    }
}

impl DeviceKey for FixedKey {
    fn public_jwk(&self) -> PublicJwk {
        PublicJwk::from_uncompressed_point(self.0.public_key().as_ref()).unwrap()
    }

    fn sign(&self, signing_input: &[u8]) -> Result<[u8; 64], KeyError> {
        Ok(self.0.sign(&SystemRandom::new(), signing_input).unwrap().as_ref().try_into().unwrap())
    }
}

fn verify(jwk: &PublicJwk, signing_input: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.to_uncompressed_point())
        .verify(signing_input, signature)
        .is_ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proofs {
    issuer: Issuer,
    installation_id: InstallationId,
    iat: i64,
    jti: String,
    now: Timestamp,
    key: Key,
    header: String,
    vectors: Vec<ProofVector>,
    rotation: Rotation,
    refused_claims: Vec<Refused>,
    refused_headers: Vec<Refused>,
}

#[derive(Deserialize)]
struct Key {
    pkcs8: String,
    jwk: PublicJwk,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProofVector {
    name: String,
    call: CallVector,
    nonce: Option<String>,
    method: String,
    url: String,
    body: Option<String>,
    claims: String,
    signing_input: String,
    proof: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum CallVector {
    Pair { request: PairingRequest },
    Enrollment { ticket: EnrollmentTicket },
    ApproveEnrollment { ticket: EnrollmentTicket, request: ApproveEnrollmentRequest },
    DenyEnrollment { ticket: EnrollmentTicket },
    Pending,
    Notification { id: NotificationId },
    Events,
    Me,
    Approve { notification: Notification, number: Option<u32>, amr: Vec<String> },
    Choose { notification: Notification, choice: NewDeviceChoice, number: Option<u32>, amr: Vec<String> },
    Deny { notification: Notification, reason: DenyReason },
    Rotate { request: RotateRequest },
    Unpair { device: DeviceId },
    SetPushToken { token: PushToken },
    RemovePushToken,
    AllowPushNotifications { enabled: bool },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    key: Key,
    nonce: String,
    claims: String,
    signing_input: String,
    proof_by_new: String,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    #[serde(alias = "claims", alias = "header")]
    json: String,
}

impl Proofs {
    fn fresh(&self, nonce: Option<&str>) -> Freshness {
        Freshness {
            iat: self.iat,
            jti: URL_SAFE_NO_PAD.decode(&self.jti).unwrap().try_into().unwrap(),
            nonce: nonce.map(str::to_owned),
        }
    }

    fn call(&self, vector: &CallVector) -> Call {
        match vector {
            CallVector::Pair { request } => Call::pair(request),
            CallVector::Enrollment { ticket } => Call::enrollment(ticket),
            CallVector::ApproveEnrollment { ticket, request } => Call::approve_enrollment(ticket, request),
            CallVector::DenyEnrollment { ticket } => Call::deny_enrollment(ticket),
            CallVector::Pending => Call::pending(),
            CallVector::Notification { id } => Call::notification(*id),
            CallVector::Events => Call::events(),
            CallVector::Me => Call::me(),
            CallVector::Approve { notification, number, amr } => {
                decide::approve(notification, self.installation_id, *number, amr, self.now).unwrap()
            }
            CallVector::Choose { notification, choice, number, amr } => {
                decide::choose(notification, self.installation_id, *choice, *number, amr, self.now).unwrap()
            }
            CallVector::Deny { notification, reason } => decide::deny(notification, self.installation_id, *reason),
            CallVector::Rotate { request } => Call::rotate(request),
            CallVector::Unpair { device } => Call::unpair(*device),
            CallVector::SetPushToken { token } => Call::set_push_token(token),
            CallVector::RemovePushToken => Call::remove_push_token(),
            CallVector::AllowPushNotifications { enabled } => Call::allow_push_notifications(*enabled),
        }
    }
}

#[test]
fn proofs_are_made_byte_for_byte() {
    let proofs: Proofs = read("proof.json");
    let key = FixedKey::new(&proofs.key.pkcs8);
    assert_eq!(key.public_jwk(), proofs.key.jwk);
    assert_eq!(serde_json::to_string(&ProofHeader::new(key.public_jwk())).unwrap(), proofs.header);
    for vector in &proofs.vectors {
        let name = &vector.name;
        let call = proofs.call(&vector.call);
        let fresh = proofs.fresh(vector.nonce.as_deref());
        assert_eq!(call.method().as_str(), vector.method, "{name}");
        assert_eq!(call.url(&proofs.issuer), vector.url, "{name}");
        assert_eq!(call.body(), vector.body.as_deref().map(str::as_bytes), "{name}");
        let claims = call.claims(&proofs.issuer, &fresh);
        assert_eq!(serde_json::to_string(&claims).unwrap(), vector.claims, "{name}");
        let proof = call.prove(&proofs.issuer, &key, &fresh).unwrap();
        assert_eq!(proof.rsplit_once('.').unwrap().0, vector.signing_input, "{name}");
        assert_eq!(UnverifiedProof::parse(&proof).unwrap().claims(verify), Ok(claims), "{name}");
    }
}

#[test]
fn foreign_proofs_are_read() {
    let proofs: Proofs = read("proof.json");
    for vector in &proofs.vectors {
        let name = &vector.name;
        let unverified = UnverifiedProof::parse(&vector.proof).unwrap();
        assert_eq!(unverified.jwk(), &proofs.key.jwk, "{name}");
        let expected = proofs.call(&vector.call).claims(&proofs.issuer, &proofs.fresh(vector.nonce.as_deref()));
        assert_eq!(unverified.claims(verify), Ok(expected), "{name}");
        // One bit in the signature, another bit in what was signed.
        let other = &proofs.vectors[usize::from(*name == proofs.vectors[0].name)].signing_input;
        let moved = format!("{other}.{}", vector.proof.rsplit_once('.').unwrap().1);
        assert_eq!(UnverifiedProof::parse(&moved).unwrap().claims(verify), Err(NotAProof::Signature), "{name}");
    }
}

#[test]
fn a_new_key_agrees_to_its_installation() {
    let proofs: Proofs = read("proof.json");
    let rotation = &proofs.rotation;
    let new_key = FixedKey::new(&rotation.key.pkcs8);
    assert_eq!(new_key.public_jwk(), rotation.key.jwk);
    let fresh = proofs.fresh(Some(&rotation.nonce));
    let claims = RotationClaims::new(proofs.issuer.as_str(), proofs.installation_id, &fresh);
    assert_eq!(serde_json::to_string(&claims).unwrap(), rotation.claims);
    assert_eq!(claims.sign(&new_key).unwrap().rsplit_once('.').unwrap().0, rotation.signing_input);
    let foreign = UnverifiedProof::parse(&rotation.proof_by_new).unwrap();
    assert_eq!(foreign.jwk(), &rotation.key.jwk);
    assert_eq!(foreign.clone().rotation_claims(verify), Ok(claims));
    let other = rotation.claims.replace("\"rotate\"", "\"unpair\"");
    assert_eq!(RotationClaims::parse(other.as_bytes()), Err(NotAProof::Purpose));
    // It is no proof of a request: it names neither method nor URL.
    assert_eq!(foreign.claims(verify), Err(NotAProof::Claims));
}

#[test]
fn claims_and_headers_that_are_no_proof_are_refused() {
    let proofs: Proofs = read("proof.json");
    for Refused { name, json } in &proofs.refused_claims {
        let refused = ProofClaims::parse(json.as_bytes());
        assert!(refused.is_err(), "{name}: {refused:?}");
        assert!(serde_json::from_str::<ProofClaims>(json).is_err(), "{name}");
    }
    for Refused { name, json } in &proofs.refused_headers {
        assert_eq!(ProofHeader::parse(json.as_bytes()), Err(NotAProof::Header), "{name}");
    }
    for text in ["", "a.b", "a.b.c.d", "!.!.!"] {
        assert!(UnverifiedProof::parse(text).is_err(), "{text}");
    }
    let long = format!("{}.{}", proofs.vectors[0].proof, "A".repeat(8 * 1024));
    assert_eq!(UnverifiedProof::parse(&long).unwrap_err(), NotAProof::NotCompact);
}

#[derive(Deserialize)]
struct Contexts {
    vectors: Vec<ContextVector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextVector {
    name: String,
    shown: ShownVector,
    canonical_json: String,
    context_hash: ContextHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShownVector {
    title: String,
    body: String,
    client_context: ClientContext,
    new_device: Option<NewDevice>,
    notification_id: NotificationId,
}

#[test]
fn what_was_shown_has_one_hash() {
    let contexts: Contexts = read("context.json");
    for ContextVector { name, shown, canonical_json, context_hash } in &contexts.vectors {
        let shown = Shown {
            title: &shown.title,
            body: &shown.body,
            client_context: &shown.client_context,
            new_device: shown.new_device.as_ref(),
            notification_id: shown.notification_id,
        };
        assert_eq!(&shown.canonical_json(), canonical_json, "{name}");
        assert_eq!(&shown.context_hash(), context_hash, "{name}");
    }
}

#[derive(Deserialize)]
struct Thumbprints {
    vectors: Vec<ThumbprintVector>,
    refused: Vec<RefusedJwk>,
}

#[derive(Deserialize)]
struct ThumbprintVector {
    name: String,
    jwk: PublicJwk,
    thumbprint: Thumbprint,
}

#[derive(Deserialize)]
struct RefusedJwk {
    name: String,
    jwk: serde_json::Value,
}

#[test]
fn keys_have_one_form_and_one_name() {
    let thumbprints: Thumbprints = read("thumbprint.json");
    for ThumbprintVector { name, jwk, thumbprint } in &thumbprints.vectors {
        assert_eq!(&jwk.thumbprint(), thumbprint, "{name}");
    }
    for RefusedJwk { name, jwk } in thumbprints.refused {
        assert!(serde_json::from_value::<PublicJwk>(jwk).is_err(), "{name}");
    }
}

#[cfg(feature = "ring")]
mod passcodes {
    use nod_device::{PasscodeKey, Timestamp};
    use serde::Deserialize;

    use super::read;

    #[derive(Deserialize)]
    struct Passcodes {
        vectors: Vec<PasscodeVector>,
    }

    #[derive(Deserialize)]
    struct PasscodeVector {
        key: PasscodeKey,
        seconds: i64,
        passcode: String,
    }

    #[test]
    fn a_phone_shows_the_passcode_of_each_moment() {
        let Passcodes { vectors } = read("passcode.json");
        assert!(vectors.len() >= 10);
        for PasscodeVector { key, seconds, passcode } in vectors {
            for millis in [0, 999] {
                let now = Timestamp::from_millis(seconds * 1000 + millis);
                assert_eq!(key.one_time_passcode(now), passcode, "{seconds}");
            }
        }
    }
}

#[derive(Deserialize)]
struct PairingLinks {
    accepted: Vec<Accepted>,
    refused: Vec<RefusedLink>,
    printed: Vec<Printed>,
}

#[derive(Deserialize)]
struct Accepted {
    text: String,
    issuer: Option<String>,
    key: String,
}

#[derive(Deserialize)]
struct RefusedLink {
    text: String,
    code: String,
}

#[derive(Deserialize)]
struct Printed {
    issuer: Issuer,
    key: PairingKey,
    link: String,
}

#[test]
fn pairing_links_are_read_and_printed() {
    let links: PairingLinks = read("pairing_link.json");
    for Accepted { text, issuer, key } in &links.accepted {
        let (found_issuer, found_key) = match Scanned::parse(text).unwrap() {
            Scanned::Link(PairingLink { issuer, key }) => (Some(issuer), key),
            Scanned::Key(key) => (None, key),
        };
        assert_eq!(found_issuer.as_ref().map(Issuer::as_str), issuer.as_deref(), "{text}");
        assert_eq!(found_key.expose(), key, "{text}");
    }
    for RefusedLink { text, code } in &links.refused {
        let error = nod_device::Error::from(Scanned::parse(text).expect_err(text));
        assert_eq!(error.code(), code, "{text}");
    }
    for Printed { issuer, key, link } in links.printed {
        let parsed = PairingLink { issuer, key };
        assert_eq!(*parsed.to_uri(), link);
        assert_eq!(PairingLink::parse(&link), Ok(parsed));
    }
}
