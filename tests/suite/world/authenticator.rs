//! A software authenticator with the browser in front of it: it makes passkeys and answers with them, and lies
//! where a test wants it to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::b64;

/// One passkey, and how it is used.
pub(crate) struct Passkey {
    key: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    pub(crate) handle: Option<Vec<u8>>,
    pub(crate) count: u32,
    /// Each answer counts one on.
    pub(crate) counts: bool,
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    /// Present, verified, and what can be copied.
    pub(crate) flags: u8,
    pub(crate) cross_origin: bool,
    pub(crate) ceremony: Option<&'static str>,
    /// Signed in place of what was asked.
    pub(crate) challenge: Option<String>,
}

pub(crate) const PRESENT: u8 = 1;
pub(crate) const VERIFIED: u8 = 4;
pub(crate) const BACKUP_ELIGIBLE: u8 = 8;
pub(crate) const BACKED_UP: u8 = 16;
const CREDENTIAL: u8 = 64;

impl Passkey {
    pub(crate) fn new(issuer: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let mut id = vec![0; 32];
        random.fill(&mut id).unwrap();
        Self {
            key,
            id,
            handle: None,
            count: 0,
            counts: false,
            origin: issuer.to_owned(),
            rp_id: "localhost".to_owned(),
            flags: PRESENT | VERIFIED,
            cross_origin: false,
            ceremony: None,
            challenge: None,
        }
    }

    /// One that counts its signatures.
    pub(crate) fn counting(issuer: &str) -> Self {
        Self { count: 1, counts: true, ..Self::new(issuer) }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = self.challenge.as_deref().unwrap_or_else(|| options["challenge"].as_str().unwrap());
        let data = json!({
            "type": self.ceremony.unwrap_or(kind), "challenge": challenge, "origin": self.origin,
            "crossOrigin": self.cross_origin, "other_keys_can_be_added_here": "do not compare",
        });
        data.to_string().into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.count.to_be_bytes());
        data
    }

    /// [RFC 9052 §7]
    pub(crate) fn cose(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32];
        cose.extend(x);
        cose.extend([0x22, 0x58, 32]);
        cose.extend(y);
        cose
    }

    /// `navigator.credentials.create`, as `toJSON` writes what comes of it.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        let handle = options["user"]["id"].as_str().unwrap();
        self.handle = Some(URL_SAFE_NO_PAD.decode(handle).unwrap());
        let cose = self.cose();
        self.create_with(options, &cose)
    }

    pub(crate) fn create_with(&self, options: &Value, cose: &[u8]) -> Value {
        let mut data = self.data(self.flags | CREDENTIAL);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(cose);
        // {"fmt": "none", "attStmt": {}, "authData": h'..'}
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x59");
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": b64(&self.client_data("webauthn.create", options)),
                "attestationObject": b64(&object),
                "transports": ["internal", "hybrid"],
            },
        })
    }

    /// `navigator.credentials.get`, as `toJSON` writes what comes of it.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        if self.counts {
            self.count += 1;
        }
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(self.flags);
        let message = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).unwrap();
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": b64(&client_data),
                "authenticatorData": b64(&data),
                "signature": b64(signature.as_ref()),
                "userHandle": self.handle.as_ref().map(|handle| b64(handle)),
            },
        })
    }
}
