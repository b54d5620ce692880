//! Mobile payloads and ID tokens against `vectors/*.json`, which a program in another language wrote.
#![expect(clippy::unwrap_used, reason = "a test that stops has failed")]
#![cfg(feature = "client")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nod_device::payload::{
    NotAPayload, PAYLOAD_LIFETIME, PAYLOAD_TYPE, PayloadClaims, PayloadError, PayloadHeader, UnverifiedPayload,
    generate_mobile_payload,
};
use nod_device::proof::{Freshness, UnverifiedProof};
use nod_device::{
    DeviceKey as _, EnrollmentTicket, Error, Expectations, InstallationId, Issuer, KeySet, Offer, PayloadFacts,
    Processed, PublicJwk, PushState, PushToken, Signals, SoftwareKey, StoredKey, Timestamp, client,
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn verify(jwk: &PublicJwk, signing_input: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.to_uncompressed_point())
        .verify(signing_input, signature)
        .is_ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payloads {
    issuer: Issuer,
    iat: i64,
    jti: String,
    key: Key,
    header: String,
    vectors: Vec<PayloadVector>,
    refused_claims: Vec<Refused>,
    refused_headers: Vec<Refused>,
}

#[derive(Deserialize)]
struct Key {
    pkcs8: StoredKey,
    jwk: PublicJwk,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayloadVector {
    name: String,
    installation_id: Option<InstallationId>,
    facts: Facts,
    claims: String,
    signing_input: String,
    payload: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Facts {
    application_id: String,
    platform: String,
    package: String,
    app_version: Option<String>,
    sdk_version: Option<String>,
    os_version: Option<String>,
    model: Option<String>,
    locale: Option<String>,
    push: Option<Push>,
    signals: Option<Signals>,
    bound_to: Option<String>,
}

#[derive(Deserialize)]
struct Push {
    token: PushToken,
    enabled: bool,
    permitted: bool,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    #[serde(alias = "claims", alias = "header")]
    json: String,
}

impl From<Facts> for PayloadFacts {
    fn from(facts: Facts) -> Self {
        Self {
            application_id: facts.application_id,
            platform: facts.platform,
            package: facts.package,
            app_version: facts.app_version,
            sdk_version: facts.sdk_version,
            os_version: facts.os_version,
            model: facts.model,
            locale: facts.locale,
            push: facts.push.map(|Push { token, enabled, permitted }| PushState { token, enabled, permitted }),
            signals: facts.signals,
            bound_to: facts.bound_to,
        }
    }
}

#[test]
fn payloads_are_made_byte_for_byte_and_foreign_ones_are_read() {
    let payloads: Payloads = read("payload.json");
    let key = SoftwareKey::from_stored(&payloads.key.pkcs8).unwrap();
    assert_eq!(key.public_jwk(), payloads.key.jwk);
    assert_eq!(serde_json::to_string(&PayloadHeader::new(key.public_jwk())).unwrap(), payloads.header);
    assert!(payloads.header.contains(PAYLOAD_TYPE));
    let jti = URL_SAFE_NO_PAD.decode(&payloads.jti).unwrap().try_into().unwrap();
    // A nonce of the device API has no place in a payload.
    let fresh = Freshness { iat: payloads.iat, jti, nonce: Some("n1".to_owned()) };
    for PayloadVector { name, installation_id, facts, claims, signing_input, payload } in payloads.vectors {
        let facts = PayloadFacts::from(facts);
        let made = PayloadClaims::new(&facts, &payloads.issuer, installation_id, &fresh);
        assert_eq!(serde_json::to_string(&made).unwrap(), claims, "{name}");
        assert_eq!(PayloadClaims::parse(claims.as_bytes()).as_ref(), Ok(&made), "{name}");
        let ours = generate_mobile_payload(&facts, &payloads.issuer, installation_id, &key, &fresh).unwrap();
        assert_eq!(ours.rsplit_once('.').unwrap().0, signing_input, "{name}");
        for compact in [&ours, &payload] {
            let unverified = UnverifiedPayload::parse(compact).unwrap();
            assert_eq!(*unverified.jwk(), payloads.key.jwk, "{name}");
            assert_eq!(unverified.claims(verify).as_ref(), Ok(&made), "{name}");
        }
        let moved = format!("{}.{}", ours.rsplit_once('.').unwrap().0, URL_SAFE_NO_PAD.encode([1; 64]));
        assert_eq!(UnverifiedPayload::parse(&moved).unwrap().claims(verify), Err(NotAPayload::Signature), "{name}");
        assert!(UnverifiedProof::parse(&payload).is_err(), "{name}: a payload is no proof");
    }
}

#[test]
fn claims_and_headers_that_are_no_payload_are_refused() {
    let payloads: Payloads = read("payload.json");
    for Refused { name, json } in &payloads.refused_claims {
        let refused = PayloadClaims::parse(json.as_bytes());
        assert!(refused.is_err(), "{name}: {refused:?}");
    }
    for Refused { name, json } in &payloads.refused_headers {
        assert_eq!(PayloadHeader::parse(json.as_bytes()), Err(NotAPayload::Header), "{name}");
    }
}

#[test]
fn a_payload_has_4096_bytes_at_most() {
    let payloads: Payloads = read("payload.json");
    let key = SoftwareKey::generate().unwrap();
    let fresh = Freshness { iat: payloads.iat, jti: [7; 16], nonce: None };
    let make = |model: usize| {
        let facts = PayloadFacts { model: Some("M".repeat(model)), ..PayloadFacts::default() };
        generate_mobile_payload(&facts, &payloads.issuer, None, &key, &fresh)
    };
    // Three bytes of claims are four of base64url.
    let empty = make(0).unwrap().len();
    let room = (4096 - empty) / 4 * 3;
    let longest = make(room).unwrap();
    assert!((4093..=4096).contains(&longest.len()), "{}", longest.len());
    assert_eq!(
        UnverifiedPayload::parse(&longest).unwrap().claims(verify).unwrap().exp,
        payloads.iat + PAYLOAD_LIFETIME
    );
    assert_eq!(make(room + 3).unwrap_err(), PayloadError::TooLong);
    assert_eq!(Error::from(PayloadError::TooLong).code(), "PAYLOAD_TOO_LONG");
    // By another hand, in good order but for its length.
    let facts = PayloadFacts { model: Some("M".repeat(room + 3)), ..PayloadFacts::default() };
    let claims = serde_json::to_string(&PayloadClaims::new(&facts, &payloads.issuer, None, &fresh)).unwrap();
    let header = serde_json::to_string(&PayloadHeader::new(key.public_jwk())).unwrap();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let longer = format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap()));
    assert_eq!(UnverifiedPayload::parse(&longer).unwrap_err(), NotAPayload::NotCompact);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdTokens {
    issuer: Issuer,
    client_id: String,
    nonce: String,
    now: Timestamp,
    keys: serde_json::Value,
    accepted: Vec<Accepted>,
    refused: Vec<RefusedToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    name: String,
    id_token: String,
    offer: Option<OfferVector>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfferVector {
    ticket: EnrollmentTicket,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefusedToken {
    name: String,
    id_token: String,
    code: String,
}

impl IdTokens {
    fn process(&self, id_token: &str, nonce: Option<&str>) -> Result<Processed, Error> {
        let keys = KeySet::parse(self.keys.to_string().as_bytes()).unwrap();
        let expected = Expectations { client_id: self.client_id.clone(), nonce: nonce.map(str::to_owned) };
        let processed =
            nod_device::id_token::process_id_token(id_token, &keys, &self.issuer, &expected, self.now, client::verify);
        Ok(processed?)
    }
}

#[test]
fn id_tokens_say_what_becomes_of_the_phone() {
    let tokens: IdTokens = read("id_token.json");
    for Accepted { name, id_token, offer, reason } in &tokens.accepted {
        let processed = tokens.process(id_token, Some(&tokens.nonce)).unwrap_or_else(|error| panic!("{name}: {error}"));
        match processed {
            Processed::Nothing => assert!(offer.is_none() && reason.is_none(), "{name}"),
            Processed::NotEnrolled { reason: said } => assert_eq!(Some(said.as_str()), reason.as_deref(), "{name}"),
            Processed::Offer(Offer { ticket, expires_at }) => {
                let expected = offer.as_ref().unwrap();
                assert_eq!((&ticket, expires_at), (&expected.ticket, expected.expires_at), "{name}");
            }
        }
        // An app that sent no nonce looks at none.
        assert!(tokens.process(id_token, None).is_ok(), "{name}");
    }
}

#[test]
fn id_tokens_that_are_not_this_sign_ins_are_refused() {
    let tokens: IdTokens = read("id_token.json");
    for RefusedToken { name, id_token, code } in &tokens.refused {
        let error = tokens.process(id_token, Some(&tokens.nonce)).expect_err(name);
        assert_eq!((error.code(), error.is_retryable()), (code.as_str(), false), "{name}");
    }
    let long = format!("{}{}", "A".repeat(40_000), tokens.accepted[0].id_token);
    assert_eq!(tokens.process(&long, None).unwrap_err().code(), "ID_TOKEN_INVALID");
}

#[test]
fn a_key_set_is_an_object_with_keys() {
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert!(KeySet::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
