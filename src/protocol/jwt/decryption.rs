//! Tokens that are encrypted for us [RFC 7516]: in one way, with nothing that is inflated, and judged by their headers
//! before anything is computed.

use std::fmt;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::Value;
use josekit::jwe::{ECDH_ES, JweContext, JweDecrypter};
use josekit::jwk::alg::ec::EcKeyPair;
use josekit::jwk::{Jwk, KeyPair as _};
use serde::{Deserialize, Serialize};

use super::embedded_key::P256Jwk;
use super::signing_key::wipe;
use super::{KeyError, Material, PublicJwk, coordinate, strict_json};
use crate::protocol::encryption::{ContentEncryption, KeyManagement};
use crate::secret::{MasterKey, Secret};

const ALG: &str = KeyManagement::EcdhEs.as_str();
const ENC: &str = ContentEncryption::A256Gcm.as_str();
/// 96 bits in base64url [RFC 7518 §5.3].
const NONCE_LENGTH: usize = 16;
/// 128 bits: a shorter tag is one that can be guessed.
const TAG_LENGTH: usize = 22;

/// The order of the curve [SEC 2 §2.4.2].
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// One that inflates nothing, whatever a header says.
static CONTEXT: LazyLock<JweContext> = LazyLock::new(|| {
    let mut context = JweContext::new();
    context.remove_compression("DEF");
    context
});

/// Exactly these members, each once: `zip`, `crit`, `apu` and whatever else there is are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    cty: String,
    epk: P256Jwk,
}

impl Header {
    fn is_point(&self) -> bool {
        let coordinates = [&self.epk.x, &self.epk.y];
        self.epk.kty == "EC"
            && self.epk.crv == "P-256"
            && coordinates.iter().all(|member| coordinate(Some(member.as_str())).is_ok())
    }
}

/// A key of ours, as we publish it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicEncryptionJwk {
    kty: &'static str,
    #[serde(rename = "use")]
    key_use: &'static str,
    alg: &'static str,
    kid: String,
    crv: &'static str,
    x: String,
    y: String,
}

/// The private half of what others encrypt for.
#[derive(Clone)]
pub struct DecryptionKey {
    public: PublicEncryptionJwk,
    decrypter: Arc<dyn JweDecrypter>,
}

impl DecryptionKey {
    /// The same on every node, and nowhere stored.
    pub fn derive(master: &MasterKey, purpose: &str) -> Result<Self, KeyError> {
        let source = master.derive(purpose);
        // One in four thousand million numbers is none.
        let mut drawn = (0..=u8::MAX).map(|count| ring::hmac::sign(&source, &[count]));
        let scalar = drawn.find_map(|tag| scalar(tag.as_ref())).ok_or(KeyError::Refused)?;
        Self::new(&scalar)
    }

    pub(super) fn new(scalar: &Secret<[u8; 32]>) -> Result<Self, KeyError> {
        let d = Secret::new(URL_SAFE_NO_PAD.encode(scalar.expose()));
        let text = Secret::new(format!(r#"{{"kty":"EC","crv":"P-256","d":"{}"}}"#, d.expose()));
        let private = Jwk::from_bytes(text.expose()).map_err(|_| KeyError::Malformed)?;
        // The point that belongs to the number is found by OpenSSL.
        let pair = EcKeyPair::from_jwk(&private);
        wipe(&mut private.into());
        let pair = pair.map_err(|_| KeyError::Refused)?;
        let point = pair.to_jwk_public_key();
        let member = |name: &str| coordinate(point.parameter(name).and_then(Value::as_str));
        let (x, y) = (member("x")?, member("y")?);
        let private = pair.to_jwk_key_pair();
        let decrypter = ECDH_ES.decrypter_from_jwk(&private);
        wipe(&mut private.into());
        let kid = Material::P256 { x: x.clone(), y: y.clone() }.thumbprint().to_string();
        Ok(Self {
            public: PublicEncryptionJwk { kty: "EC", key_use: "enc", alg: ALG, kid, crv: "P-256", x, y },
            decrypter: Arc::new(decrypter.map_err(|_| KeyError::Refused)?),
        })
    }

    pub fn public_jwk(&self) -> PublicEncryptionJwk {
        self.public.clone()
    }

    /// What a token of this content type has in it, of that many bytes at most. `None`: it is none, or for another key.
    pub fn open(&self, token: &str, cty: &str, max_bytes: usize) -> Option<String> {
        if token.len() > max_bytes {
            return None;
        }
        let mut parts = token.split('.');
        let header = parts.next()?;
        // [RFC 7518 §4.6] the key is agreed on: none is carried.
        let (key, nonce, _, tag) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_whole = key.is_empty() && nonce.len() == NONCE_LENGTH && tag.len() == TAG_LENGTH;
        if parts.next().is_some() || !is_whole {
            return None;
        }
        let header = URL_SAFE_NO_PAD.decode(header).ok()?;
        strict_json::check(&header).ok()?;
        let header: Header = serde_json::from_slice(&header).ok()?;
        let is_ours = header.alg == ALG && header.enc == ENC && header.cty == cty && header.kid == self.public.kid;
        if !is_ours || !header.is_point() {
            return None;
        }
        let (opened, _) = CONTEXT.deserialize_compact(token, &*self.decrypter).ok()?;
        String::from_utf8(opened).ok()
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({})", self.public.kid)
    }
}

/// A private key of the curve: neither 0 nor as large as its order.
pub(super) fn scalar(bytes: &[u8]) -> Option<Secret<[u8; 32]>> {
    let number = <[u8; 32]>::try_from(bytes).ok()?;
    (number != [0; 32] && number < ORDER).then(|| Secret::new(number))
}

/// The document behind `jwks_uri`: what we sign with, and what may be encrypted for us.
pub fn published_jwks(signing: Vec<PublicJwk>, encryption: PublicEncryptionJwk) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Key {
        Signs(PublicJwk),
        Decrypts(PublicEncryptionJwk),
    }
    #[derive(Serialize)]
    struct Document {
        keys: Vec<Key>,
    }
    let keys = signing.into_iter().map(Key::Signs).chain([Key::Decrypts(encryption)]).collect();
    // Strings only: nothing that JSON could not write.
    serde_json::to_vec(&Document { keys }).unwrap_or_default()
}
