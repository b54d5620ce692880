use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Algorithm, Present, Thumbprint, VerificationKey, strict_json};

/// The longest token we read anywhere.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_HEADER_BYTES: usize = 2 * 1024;

/// Why a token is not believed. For the log: clients are told less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    #[error("the token is too long")]
    TooLong,
    #[error("the token is not a compact JWS")]
    NotCompact,
    #[error("the token is encrypted")]
    Encrypted,
    #[error("a part of the token is not base64url")]
    Base64,
    #[error("the JOSE header is not acceptable JSON")]
    Header,
    #[error("the JOSE header asks for an extension (crit, b64, zip)")]
    Extension,
    #[error("the signature algorithm is not supported")]
    Algorithm,
    #[error("the token is of another type")]
    Typ,
    #[error("the payload is not a JSON object without repeated members")]
    Payload,
    #[error("the key is for another algorithm")]
    KeyAlgorithm,
    #[error("no key fits the token")]
    UnknownKey,
    #[error("the signature does not match")]
    Signature,
    #[error("a claim is missing or of the wrong type")]
    Claims,
    #[error("the header does not carry exactly one public key of the right kind")]
    EmbeddedKey,
}

/// Which `typ` a token must have: the compared names are media types without `application/`, and
/// case does not matter [RFC 7515 §4.1.9].
#[derive(Clone, Copy, Debug)]
pub enum AcceptedTyp {
    /// This one, and it must be there [RFC 8725 §3.11].
    Exactly(&'static str),
    /// None at all, or one of these: for token kinds that are older than explicit typing.
    AbsentOr(&'static [&'static str]),
}

impl AcceptedTyp {
    fn accepts(self, typ: Option<&str>) -> bool {
        let is = |wanted: &str, typ: &str| {
            let (prefix, rest) = typ.split_at_checked("application/".len()).unwrap_or(("", typ));
            let bare = if prefix.eq_ignore_ascii_case("application/") { rest } else { typ };
            bare.eq_ignore_ascii_case(wanted)
        };
        match (self, typ) {
            (Self::Exactly(wanted), Some(typ)) => is(wanted, typ),
            (Self::Exactly(_), None) => false,
            (Self::AbsentOr(wanted), Some(typ)) => wanted.iter().any(|wanted| is(wanted, typ)),
            (Self::AbsentOr(_), None) => true,
        }
    }
}

/// Members that are not here are ignored [RFC 7515 §4]: `jku`, `x5u`, `x5c` and `jwk` among them,
/// because a token does not choose the key that it is judged by.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
    #[serde(default)]
    zip: Present,
    #[serde(default)]
    enc: Present,
}

/// A well-formed token that nobody has vouched for. It has no getter for claims, except for
/// [`untrusted_party`](Self::untrusted_party), which finds the keys to judge it by.
pub struct Unverified<'t> {
    signing_input: &'t str,
    signature: &'t str,
    pub(super) header: Vec<u8>,
    payload: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
}

/// What a token says of its sender before anybody checked it: good for looking up keys, no more.
#[derive(Debug, Deserialize)]
pub struct UntrustedParty<'t> {
    #[serde(borrow)]
    pub iss: Option<Cow<'t, str>>,
    #[serde(borrow)]
    pub sub: Option<Cow<'t, str>>,
}

impl<'t> Unverified<'t> {
    pub fn parse(token: &'t str) -> Result<Self, JwtError> {
        Self::parse_within(token, MAX_TOKEN_BYTES)
    }

    /// All that can be refused without a key is refused here, cheapest first: size and number of
    /// parts before anything is decoded, the header before the payload.
    pub fn parse_within(token: &'t str, max_bytes: usize) -> Result<Self, JwtError> {
        if token.len() > max_bytes {
            return Err(JwtError::TooLong);
        }
        match token.bytes().filter(|byte| *byte == b'.').count() {
            2 => {}
            4 => return Err(JwtError::Encrypted),
            _ => return Err(JwtError::NotCompact),
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwtError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwtError::NotCompact)?;

        if header.len() > MAX_HEADER_BYTES.div_ceil(3) * 4 {
            return Err(JwtError::TooLong);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| JwtError::Base64)?;
        strict_json::check(&header).map_err(|_| JwtError::Header)?;
        let parsed: Header = serde_json::from_slice(&header).map_err(|_| JwtError::Header)?;
        // [RFC 7515 §4.1.11] we understand no extension, so `crit` cannot be satisfied; an empty
        // list is not allowed at all. [RFC 7797 §7] b64 is for applications that agreed on it.
        if parsed.crit.0 || parsed.b64.0 || parsed.zip.0 || parsed.enc.0 {
            return Err(JwtError::Extension);
        }
        let algorithm = Algorithm::parse(&parsed.alg).ok_or(JwtError::Algorithm)?;

        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| JwtError::Base64)?;
        // [RFC 7519 §7.2] checked before the signature, so that the untrusted look at the payload
        // and the trusted one cannot differ.
        strict_json::check(&payload).map_err(|_| JwtError::Payload)?;
        let Header { kid, typ, .. } = parsed;
        Ok(Self { signing_input, signature, header, payload, algorithm, kid, typ })
    }

    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What the header says. It selects nothing by itself: the key must be for the same one.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// `iss` and `sub`, to find the client and its keys. Whoever uses them for anything else
    /// believes a stranger.
    pub fn untrusted_party(&self) -> Result<UntrustedParty<'_>, JwtError> {
        serde_json::from_slice(&self.payload).map_err(|_| JwtError::Claims)
    }

    /// The claims, if `key` signed them as a token of this type.
    pub fn verify<C: DeserializeOwned>(
        &self,
        key: &VerificationKey,
        typ: AcceptedTyp,
    ) -> Result<Verified<C>, JwtError> {
        if !typ.accepts(self.typ()) {
            return Err(JwtError::Typ);
        }
        if key.algorithm() != self.algorithm {
            return Err(JwtError::KeyAlgorithm);
        }
        let signature = URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| JwtError::Base64)?;
        if !key.signed(self.signing_input.as_bytes(), &signature) {
            return Err(JwtError::Signature);
        }
        let claims = serde_json::from_slice(&self.payload).map_err(|_| JwtError::Claims)?;
        Ok(Verified { claims, signed_by: key.thumbprint() })
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({} {:?})", self.algorithm, self.typ)
    }
}

/// Claims that the holder of a known key signed. [`Unverified::verify`] alone makes one.
#[derive(Debug)]
pub struct Verified<C> {
    claims: C,
    signed_by: Thumbprint,
}

impl<C> Verified<C> {
    pub const fn claims(&self) -> &C {
        &self.claims
    }

    pub fn into_claims(self) -> C {
        self.claims
    }

    /// The key that signed them.
    pub const fn signed_by(&self) -> Thumbprint {
        self.signed_by
    }
}
