//! The ID token [OpenID Connect Core §2], checked by the app that it was issued to, and what it
//! offers to this phone (flows.md F2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};

use crate::digest::decode_32;
use crate::enrollment::{DeviceEnrollment, EnrollmentTicket};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::jwk::PublicJwk;
use crate::jws::{Compact, present};
use crate::problem::Code;
use crate::timestamp::Timestamp;

/// The longest ID token that is read.
pub const MAX_ID_TOKEN_BYTES: usize = 32 * 1024;
/// Below the issuer: where its metadata is [OpenID Connect Discovery §4].
pub const METADATA: &str = "/.well-known/openid-configuration";
/// How far the clocks of server and phone may be apart.
const SKEW_SECONDS: i64 = 60;
/// More than a server has at a time; a longer list costs the phone nothing.
const MAX_KEYS: usize = 32;

/// How an issuer may sign. `none` and shared secrets are no members, so nothing can choose them
/// [RFC 8725 §3.1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    Es256,
    Rs256,
    Ps256,
    /// With Ed25519 [RFC 8037 §3.1].
    EdDsa,
}

impl SignatureAlgorithm {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A public key of the issuer. Whether it is a good one is for whoever verifies with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKey {
    Ec(PublicJwk),
    /// Both numbers as big-endian bytes.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    Ed25519([u8; 32]),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedKey {
    kid: Option<String>,
    /// When there is one, the key is for nothing else [RFC 7517 §4.4].
    alg: Option<SignatureAlgorithm>,
    key: IssuerKey,
}

impl NamedKey {
    fn is_for(&self, alg: SignatureAlgorithm) -> bool {
        let of_its_kind = match self.key {
            IssuerKey::Ec(_) => alg == SignatureAlgorithm::Es256,
            IssuerKey::Rsa { .. } => alg == SignatureAlgorithm::Rs256 || alg == SignatureAlgorithm::Ps256,
            IssuerKey::Ed25519(_) => alg == SignatureAlgorithm::EdDsa,
        };
        of_its_kind && self.alg.is_none_or(|only| only == alg)
    }
}

/// The document behind the issuer's `jwks_uri` [RFC 7517 §5]. Keys of other kinds and uses are
/// passed over: they are for somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet(Vec<NamedKey>);

/// Not a JWK set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JWK set")]
pub struct NotAKeySet;

#[derive(Deserialize)]
struct KeySetWire {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct KeyWire {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeySet {
    pub fn parse(json: &[u8]) -> Result<Self, NotAKeySet> {
        let set: KeySetWire = serde_json::from_slice(json).map_err(|_| NotAKeySet)?;
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<KeyWire>(key).ok()?.named());
        Ok(Self(keys.take(MAX_KEYS).collect()))
    }

    /// As an answer to a phone.
    pub fn fetched(json: &[u8]) -> Result<Self, Error> {
        Self::parse(json).map_err(|_| Error::Answer { status: 200, what: "not a JWK set" })
    }

    /// By its name where the token gives one, else each that can have signed.
    fn find(&self, alg: SignatureAlgorithm, kid: Option<&str>) -> impl Iterator<Item = &IssuerKey> {
        let fits = move |named: &&NamedKey| named.is_for(alg) && (kid.is_none() || named.kid.as_deref() == kid);
        self.0.iter().filter(fits).map(|named| &named.key)
    }
}

/// What of the metadata is needed here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Where the keys of `issuer` are, by its metadata.
pub fn jwks_uri(metadata: &[u8], issuer: &Issuer) -> Result<String, Error> {
    let not = |what| Error::Answer { status: 200, what };
    let metadata: Metadata = serde_json::from_slice(metadata).map_err(|_| not("not the issuer's metadata"))?;
    // [OpenID Connect Discovery §4.3]
    if metadata.issuer != issuer.as_str() {
        return Err(not("the metadata of another issuer"));
    }
    // A Nod server publishes its keys itself; what it trusts elsewhere is no affair of a phone.
    if !metadata.jwks_uri.starts_with(&format!("{issuer}/")) {
        return Err(not("keys that are not the issuer's"));
    }
    Ok(metadata.jwks_uri)
}

impl KeyWire {
    fn named(self) -> Option<NamedKey> {
        if self.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let alg = match self.alg.as_deref() {
            None => None,
            Some(name) => Some(SignatureAlgorithm::parse(name)?),
        };
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => IssuerKey::Ec(PublicJwk::new(decode_32(&self.x?)?, decode_32(&self.y?)?)),
            ("RSA", None) => IssuerKey::Rsa {
                modulus: URL_SAFE_NO_PAD.decode(self.n?).ok()?,
                exponent: URL_SAFE_NO_PAD.decode(self.e?).ok()?,
            },
            ("OKP", Some("Ed25519")) => IssuerKey::Ed25519(decode_32(&self.x?)?),
            _ => return None,
        };
        Some(NamedKey { kid: self.kid, alg, key })
    }
}

/// Which sign-in the token has to be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// The client id with which the app signed the person in.
    pub client_id: String,
    /// The `nonce` of the authorization request, if it had one.
    pub nonce: Option<String>,
}

/// What an ID token means for this phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed<T = Offer> {
    /// This phone is the person's device already, or nothing is on offer.
    Nothing,
    /// The person is signed in, but this phone does not become their device.
    NotEnrolled { reason: Code },
    /// Ask the person.
    Offer(T),
}

/// The server would make this phone a device of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub ticket: EnrollmentTicket,
    pub expires_at: Timestamp,
}

/// Why an ID token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    #[error("not an ID token")]
    Malformed,
    #[error("the ID token is signed in a way that no issuer signs")]
    Algorithm,
    /// The keys at hand may be old ones: fetch them again.
    #[error("the ID token is signed with a key that the issuer does not have")]
    KeyUnknown,
    #[error("the signature of the ID token is wrong")]
    Signature,
    #[error("the ID token is of another issuer")]
    Issuer,
    #[error("the ID token is for another application")]
    Audience,
    #[error("the ID token has expired")]
    Expired,
    /// The phone's clock is wrong, or the server's.
    #[error("the ID token is from the future")]
    NotYetValid,
    #[error("the ID token is of another sign-in")]
    Nonce,
}

impl IdTokenError {
    /// Stable, see [`Error::code`](crate::Error::code).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "ID_TOKEN_INVALID",
            Self::Algorithm | Self::KeyUnknown | Self::Signature => "ID_TOKEN_UNTRUSTED",
            Self::Issuer => "ISSUER_MISMATCH",
            Self::Audience => "AUDIENCE_MISMATCH",
            Self::Expired => "ID_TOKEN_EXPIRED",
            Self::NotYetValid => "ID_TOKEN_NOT_YET_VALID",
            Self::Nonce => "NONCE_MISMATCH",
        }
    }
}

/// Members of the header that say nothing about the signature are passed over; `crit` says that they
/// must not be [RFC 7515 §4.1.11].
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    #[serde(default, deserialize_with = "present")]
    azp: Option<String>,
    #[serde(deserialize_with = "numeric_date")]
    exp: i64,
    #[serde(deserialize_with = "numeric_date")]
    iat: i64,
    #[serde(default, deserialize_with = "present")]
    nonce: Option<String>,
    #[serde(default, deserialize_with = "present")]
    device_enrollment: Option<DeviceEnrollment>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// [RFC 7519 §2] seconds, which may have a fraction.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.as_i64().or_else(|| {
        #[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
        number.as_f64().map(|seconds| seconds.floor() as i64)
    });
    whole.ok_or_else(|| serde::de::Error::custom("not a number of seconds"))
}

impl Claims {
    /// [OpenID Connect Core §3.1.3.7]
    fn check(&self, issuer: &Issuer, expected: &Expectations, now: Timestamp) -> Result<(), IdTokenError> {
        if self.iss != issuer.as_str() {
            return Err(IdTokenError::Issuer);
        }
        let (audiences, authorized) = match &self.aud {
            Audience::One(one) => (std::slice::from_ref(one), self.azp.as_ref().or(Some(one))),
            // With several audiences, `azp` says who asked for the token.
            Audience::Several(several) => match several.as_slice() {
                [one] => (several.as_slice(), self.azp.as_ref().or(Some(one))),
                _ => (several.as_slice(), self.azp.as_ref()),
            },
        };
        if !audiences.contains(&expected.client_id) || authorized != Some(&expected.client_id) {
            return Err(IdTokenError::Audience);
        }
        let now = now.seconds();
        if now >= self.exp.saturating_add(SKEW_SECONDS) {
            return Err(IdTokenError::Expired);
        }
        if self.iat > now.saturating_add(SKEW_SECONDS) {
            return Err(IdTokenError::NotYetValid);
        }
        // A nonce that nobody asked for says nothing.
        if expected.nonce.is_some() && self.nonce != expected.nonce {
            return Err(IdTokenError::Nonce);
        }
        Ok(())
    }
}

/// Checks the token, the signature first, and reads what it offers. `verify` is asked with the
/// algorithm, a key of the set that goes with it, the signing input and the signature.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use nod_device::id_token::{Expectations, IdTokenError, KeySet, process_id_token};
/// use nod_device::{Issuer, Timestamp, client};
///
/// let issuer = Issuer::parse("https://id.example")?;
/// let keys = KeySet::parse(br#"{"keys": []}"#)?; // from the issuer's `jwks_uri`
/// let expected = Expectations { client_id: "shop-app".to_owned(), nonce: Some("n-0S6_WzA2Mj".to_owned()) };
/// let now: Timestamp = "2026-03-01T12:00:30Z".parse()?;
/// # let id_token = "eyJhbGciOiJFUzI1NiJ9.e30.AA";
/// let processed = process_id_token(id_token, &keys, &issuer, &expected, now, client::verify);
/// assert_eq!(processed, Err(IdTokenError::KeyUnknown));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn process_id_token(
    id_token: &str,
    keys: &KeySet,
    issuer: &Issuer,
    expected: &Expectations,
    now: Timestamp,
    verify: impl Fn(SignatureAlgorithm, &IssuerKey, &[u8], &[u8]) -> bool,
) -> Result<Processed, IdTokenError> {
    let jws = Compact::parse(id_token, MAX_ID_TOKEN_BYTES).ok_or(IdTokenError::Malformed)?;
    let header: Header = serde_json::from_slice(&jws.header).map_err(|_| IdTokenError::Malformed)?;
    if header.crit.is_some() {
        return Err(IdTokenError::Malformed);
    }
    let alg = SignatureAlgorithm::parse(&header.alg).ok_or(IdTokenError::Algorithm)?;
    let mut candidates = keys.find(alg, header.kid.as_deref()).peekable();
    if candidates.peek().is_none() {
        return Err(IdTokenError::KeyUnknown);
    }
    if !candidates.any(|key| verify(alg, key, jws.signing_input.as_bytes(), &jws.signature)) {
        return Err(IdTokenError::Signature);
    }
    let claims: Claims = serde_json::from_slice(&jws.payload).map_err(|_| IdTokenError::Malformed)?;
    claims.check(issuer, expected, now)?;
    Ok(match claims.device_enrollment {
        None => Processed::Nothing,
        Some(DeviceEnrollment::NotOffered { reason }) => Processed::NotEnrolled { reason },
        Some(DeviceEnrollment::Offered { ticket, exp }) => {
            Processed::Offer(Offer { ticket, expires_at: Timestamp::from_seconds(exp) })
        }
    })
}
