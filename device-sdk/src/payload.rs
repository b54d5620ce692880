//! The mobile payload (flows.md H.2): what an app sends along with a sign-in, so that the server
//! learns which installation it comes from. A compact JWS [RFC 7515 §3.1] by the installation's key,
//! with the key in its header.
//!
//! It proves possession of the key and nothing else; the rest is what the phone says about itself.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::digest::{PayloadBinding, PushTokenHash};
use crate::id::InstallationId;
use crate::issuer::Issuer;
use crate::jwk::PublicJwk;
use crate::jws::{self, Algorithm, Compact, present};
use crate::messages::PushToken;
use crate::proof::{DeviceKey, Freshness, KeyError};

/// The JOSE header `typ`: a JWS made for anything else is no payload [RFC 8725 §3.11].
pub const PAYLOAD_TYPE: &str = "mobile-payload+jwt";
/// The longest payload, as it is sent.
pub const MAX_PAYLOAD_BYTES: usize = 4096;
/// Seconds from `iat` to `exp`.
pub const PAYLOAD_LIFETIME: i64 = 120;
/// The claim `v`.
pub const PAYLOAD_VERSION: u32 = 1;

/// The claims of a mobile payload, by the names of flows.md H.2. They read from JSON strictly: an
/// unknown claim, a `null`, a repetition are all refused. [`PayloadClaims::parse`] looks at the
/// values too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayloadClaims {
    /// [`PAYLOAD_VERSION`]
    pub v: u32,
    /// The issuer.
    pub aud: String,
    /// The native application's id, as the server has registered it.
    pub app: String,
    /// `android`, `ios`, or another word.
    pub plat: String,
    /// Package name (Android) or bundle id (iOS).
    pub pkg: String,
    /// Seconds since 1970.
    pub iat: i64,
    /// `iat` + [`PAYLOAD_LIFETIME`]
    pub exp: i64,
    /// 16 random bytes in base64url.
    pub jti: String,
    /// The installation, once it has a name: absent before the first pairing. A hint; who it is, the
    /// key says.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub inst: Option<InstallationId>,
    /// Exists when the app has a push token, and only then.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub push: Option<PushClaims>,
    /// The version of the app.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub appv: Option<String>,
    /// The version of this library.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub sdkv: Option<String>,
    /// The version of the operating system.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub osv: Option<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The person's language [RFC 5646].
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub loc: Option<String>,
    /// The sign-in that this payload is for, and no other.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub bind: Option<PayloadBinding>,
    /// Exists when the app looked, and only then.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub sig: Option<Signals>,
}

/// The claim `push`: how a push would reach the phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushClaims {
    /// As [`PushToken::provider`]
    pub prov: String,
    /// As [`PushToken::environment`]
    pub env: String,
    /// Of the token: enough to see that it changed.
    pub th: PushTokenHash,
    /// The person wants pushes, says the app.
    pub enabled: bool,
    /// The operating system lets the app show them.
    pub permitted: bool,
}

/// The claim `sig`: what the app noticed about the phone. A phone that lies says `false` as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Rooted or jailbroken.
    pub rooted: bool,
    /// A debugger is attached.
    pub debugger: bool,
    /// Something hooks into the app.
    pub hook: bool,
}

/// Why something is no mobile payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPayload {
    #[error("not a compact JWS of at most 4 KiB")]
    NotCompact,
    #[error("the JOSE header is not that of a mobile payload")]
    Header,
    #[error("the claims are not those of a mobile payload")]
    Claims,
    #[error("`v` is not 1")]
    Version,
    #[error("`jti` is not 16 bytes in base64url")]
    Jti,
    #[error("`exp` is not 120 seconds after `iat`")]
    Lifetime,
    #[error("the signature is not that of the key in the header")]
    Signature,
}

impl PayloadClaims {
    /// From the payload of a JWS whose signature was verified. Whether it is new, and meant for this
    /// server and application, is for the server to see.
    pub fn parse(payload: &[u8]) -> Result<Self, NotAPayload> {
        let claims: Self = serde_json::from_slice(payload).map_err(|_| NotAPayload::Claims)?;
        if claims.v != PAYLOAD_VERSION {
            return Err(NotAPayload::Version);
        }
        if !URL_SAFE_NO_PAD.decode(&claims.jti).is_ok_and(|jti| jti.len() == 16) {
            return Err(NotAPayload::Jti);
        }
        if claims.iat.checked_add(PAYLOAD_LIFETIME) != Some(claims.exp) {
            return Err(NotAPayload::Lifetime);
        }
        Ok(claims)
    }

    /// Of an installation that may have no name yet. `fresh.nonce` has no place in a payload.
    pub fn new(
        facts: &PayloadFacts,
        issuer: &Issuer,
        installation_id: Option<InstallationId>,
        fresh: &Freshness,
    ) -> Self {
        Self {
            v: PAYLOAD_VERSION,
            aud: issuer.as_str().to_owned(),
            app: facts.application_id.clone(),
            plat: facts.platform.clone(),
            pkg: facts.package.clone(),
            iat: fresh.iat,
            exp: fresh.iat.saturating_add(PAYLOAD_LIFETIME),
            jti: fresh.jti_text(),
            inst: installation_id,
            push: facts.push.as_ref().map(PushState::claims),
            appv: facts.app_version.clone(),
            sdkv: facts.sdk_version.clone(),
            osv: facts.os_version.clone(),
            model: facts.model.clone(),
            loc: facts.locale.clone(),
            bind: facts.bound_to.as_deref().map(PayloadBinding::of),
            sig: facts.signals,
        }
    }

    /// The compact JWS.
    pub fn sign(&self, key: &dyn DeviceKey) -> Result<String, PayloadError> {
        let payload = jws::sign(&PayloadHeader::new(key.public_jwk()), self, key)?;
        if payload.len() > MAX_PAYLOAD_BYTES { Err(PayloadError::TooLong) } else { Ok(payload) }
    }
}

/// What the app knows and a payload tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadFacts {
    /// The native application's id, as the server has registered it.
    pub application_id: String,
    /// `android`, `ios`, or another word.
    pub platform: String,
    /// Package name (Android) or bundle id (iOS).
    pub package: String,
    pub app_version: Option<String>,
    /// The client fills in its own when there is none.
    pub sdk_version: Option<String>,
    pub os_version: Option<String>,
    pub model: Option<String>,
    /// The person's language [RFC 5646].
    pub locale: Option<String>,
    pub push: Option<PushState>,
    pub signals: Option<Signals>,
    /// The flow id, or the PKCE `code_challenge`, of the sign-in that the payload is for.
    pub bound_to: Option<String>,
}

/// The push token, and whether pushes arrive at a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushState {
    pub token: PushToken,
    /// The person wants them, as far as the app knows.
    pub enabled: bool,
    /// The operating system lets the app show them.
    pub permitted: bool,
}

impl PushState {
    fn claims(&self) -> PushClaims {
        PushClaims {
            prov: self.token.provider.clone(),
            env: self.token.environment.clone(),
            th: PushTokenHash::of(&self.token.token),
            enabled: self.enabled,
            permitted: self.permitted,
        }
    }
}

/// Why there is no payload to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The server would refuse it: something in the facts is far too long.
    #[error("the payload would be longer than 4 KiB")]
    TooLong,
}

/// A payload for one sign-in: as the parameter `mobilePayload` of an authorization request (better a
/// pushed one), or in the body of a step of the flow API. Made anew each time.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use nod_device::payload::{PayloadFacts, UnverifiedPayload, generate_mobile_payload};
/// use nod_device::proof::Freshness;
/// use nod_device::{DeviceKey as _, Issuer, PayloadBinding, SoftwareKey};
///
/// let issuer = Issuer::parse("https://id.example")?;
/// let key = SoftwareKey::generate()?;
/// let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; // of this sign-in's PKCE
/// let facts = PayloadFacts {
///     application_id: "shop-app".to_owned(),
///     platform: "android".to_owned(),
///     package: "com.example.shop".to_owned(),
///     bound_to: Some(challenge.to_owned()),
///     ..PayloadFacts::default()
/// };
/// let fresh = Freshness { iat: 1_772_366_400, jti: *b"sixteen.at.randm", nonce: None };
/// let payload = generate_mobile_payload(&facts, &issuer, None, &key, &fresh)?;
///
/// // At the server: the signature first, then the claims.
/// let unverified = UnverifiedPayload::parse(&payload)?;
/// assert_eq!(*unverified.jwk(), key.public_jwk());
/// let claims = unverified.claims(|jwk, signing_input, signature| {
///     let public = ring::signature::UnparsedPublicKey::new(
///         &ring::signature::ECDSA_P256_SHA256_FIXED,
///         jwk.to_uncompressed_point(),
///     );
///     public.verify(signing_input, signature).is_ok()
/// })?;
/// assert_eq!((claims.app.as_str(), claims.inst), ("shop-app", None));
/// assert_eq!(claims.bind, Some(PayloadBinding::of(challenge)));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn generate_mobile_payload(
    facts: &PayloadFacts,
    issuer: &Issuer,
    installation_id: Option<InstallationId>,
    key: &dyn DeviceKey,
    fresh: &Freshness,
) -> Result<String, PayloadError> {
    PayloadClaims::new(facts, issuer, installation_id, fresh).sign(key)
}

/// The JOSE header: `typ`, `alg`, `jwk` and no other member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayloadHeader {
    typ: PayloadType,
    alg: Algorithm,
    pub jwk: PublicJwk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum PayloadType {
    #[serde(rename = "mobile-payload+jwt")]
    MobilePayload,
}

impl PayloadHeader {
    pub const fn new(jwk: PublicJwk) -> Self {
        Self { typ: PayloadType::MobilePayload, alg: Algorithm::Es256, jwk }
    }

    pub fn parse(header: &[u8]) -> Result<Self, NotAPayload> {
        serde_json::from_slice(header).map_err(|_| NotAPayload::Header)
    }
}

/// A compact JWS whose header is that of a payload. The claims are out of reach until somebody who
/// can verify ES256 has said yes to the signature.
#[derive(Clone)]
pub struct UnverifiedPayload {
    header: PayloadHeader,
    signing_input: String,
    payload: Vec<u8>,
    signature: [u8; 64],
}

impl UnverifiedPayload {
    pub fn parse(compact: &str) -> Result<Self, NotAPayload> {
        let Compact { signing_input, header, payload, signature } =
            Compact::parse(compact, MAX_PAYLOAD_BYTES).ok_or(NotAPayload::NotCompact)?;
        Ok(Self {
            header: PayloadHeader::parse(&header)?,
            payload,
            signature: signature.try_into().map_err(|_| NotAPayload::NotCompact)?,
            signing_input,
        })
    }

    /// The key that claims to have signed.
    pub const fn jwk(&self) -> &PublicJwk {
        &self.header.jwk
    }

    /// `verify` is asked with the key, the signing input and the signature (`r || s`).
    pub fn claims(
        self,
        verify: impl FnOnce(&PublicJwk, &[u8], &[u8; 64]) -> bool,
    ) -> Result<PayloadClaims, NotAPayload> {
        if verify(&self.header.jwk, self.signing_input.as_bytes(), &self.signature) {
            PayloadClaims::parse(&self.payload)
        } else {
            Err(NotAPayload::Signature)
        }
    }
}

/// Without the claims: a payload is for one sign-in, and for no log.
impl fmt::Debug for UnverifiedPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedPayload({})", self.header.jwk.thumbprint())
    }
}
