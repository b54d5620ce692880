//! Proof of possession: each request carries `Device-Proof`, a compact JWS [RFC 7515 §3.1] by the
//! installation's key, in the shape of a `DPoP` proof [RFC 9449 §4.2].
//!
//! The claim `purpose` says what the proof is for and decides which other claims exist, so no proof
//! made for one call can serve another. The proof of a decision *is* the signed decision: one
//! signature, kept by the server as evidence.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::digest::{BodyDigest, ContextHash};
use crate::enrollment::EnrollmentTicket;
use crate::id::{DeviceId, InstallationId, NotificationId, UserId};
use crate::jwk::PublicJwk;
use crate::jws::{self, Algorithm, Compact, present};
use crate::messages::{ApproveRequest, DenyRequest};
use crate::notification::{Decision, DenyReason, NewDeviceChoice};
use crate::push::Acknowledgement;

mod wire;

use wire::Wire;

/// The request header that carries the proof.
pub const DEVICE_PROOF: &str = "Device-Proof";
/// The answer header that carries the server's nonce.
pub const DEVICE_NONCE: &str = "Device-Nonce";
/// The JOSE header `typ`: a JWS made for anything else is no proof [RFC 8725 §3.11].
pub const PROOF_TYPE: &str = "nod-proof+jwt";
/// The longest proof that [`UnverifiedProof::parse`] reads.
pub const MAX_PROOF_BYTES: usize = 8 * 1024;

/// A P-256 key that signs. It may live in a Secure Enclave or a `StrongBox`, where only the
/// operations exist and not the key.
pub trait DeviceKey: Send + Sync {
    fn public_jwk(&self) -> PublicJwk;

    /// ECDSA with SHA-256 over `signing_input`, as `r || s` [RFC 7518 §3.4]. It may ask the person
    /// for a finger or a face, and so it may block.
    fn sign(&self, signing_input: &[u8]) -> Result<[u8; 64], KeyError>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Deleted, invalidated by new biometrics, or the phone is locked.
    #[error("the key cannot be used")]
    Unavailable,
    /// The person did not let the key sign.
    #[error("the person did not release the key")]
    Declined,
    /// Stored bytes that are no P-256 key.
    #[error("the stored key is damaged")]
    Damaged,
}

/// The HTTP method, as the claim `htm` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What a proof is for. Checked before anything else in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Pairing,
    /// Yes or no to an enrollment.
    Enrollment,
    /// Every `GET`.
    Read,
    Approve,
    Deny,
    Rotate,
    Unpair,
    /// Where the installation is reached, or that it is no more.
    Push,
    /// What the app has noted down.
    Logs,
    /// The answer to a push that nobody sees.
    Ack,
}

/// The purpose with the claims that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    Pairing,
    Enrollment(EnrollmentDecision),
    Read,
    Approve(Approval),
    Deny(Denial),
    Rotate,
    Unpair,
    Push,
    Logs,
    Ack(Acknowledgement),
}

impl Statement {
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Pairing => Purpose::Pairing,
            Self::Enrollment(_) => Purpose::Enrollment,
            Self::Read => Purpose::Read,
            Self::Approve(_) => Purpose::Approve,
            Self::Deny(_) => Purpose::Deny,
            Self::Rotate => Purpose::Rotate,
            Self::Unpair => Purpose::Unpair,
            Self::Push => Purpose::Push,
            Self::Logs => Purpose::Logs,
            Self::Ack(_) => Purpose::Ack,
        }
    }
}

/// The signed answer to an enrollment. It has no `iss`: the installation may have no name yet, and
/// the ticket is bound to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentDecision {
    pub ticket: EnrollmentTicket,
    pub decision: Decision,
}

/// The signed yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The claim `iss`.
    pub installation_id: InstallationId,
    pub device_id: DeviceId,
    pub user_id: UserId,
    pub notification_id: NotificationId,
    pub context_hash: ContextHash,
    /// Exists when number matching asks, and only then.
    pub number_picked: Option<u32>,
    pub amr: Vec<String>,
    /// `TRUSTED` or `ONCE`. Exists when the question is about a new device, and only then.
    pub choice: Option<NewDeviceChoice>,
}

impl Approval {
    /// Whether the body that came along says the same. Otherwise: `PROOF_MISMATCH`.
    pub fn agrees_with(&self, body: &ApproveRequest) -> bool {
        let ApproveRequest { device_id, user_id, amr, number_picked, choice, context_hash } = body;
        self.device_id == *device_id
            && self.user_id == *user_id
            && self.amr == *amr
            && self.number_picked == *number_picked
            && self.choice == *choice
            && self.context_hash == *context_hash
    }
}

/// The signed no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The claim `iss`.
    pub installation_id: InstallationId,
    pub device_id: DeviceId,
    pub user_id: UserId,
    pub notification_id: NotificationId,
    pub context_hash: ContextHash,
    pub reason: DenyReason,
    /// `DENY` or `BLOCK`, where the question is about a new device.
    pub choice: Option<NewDeviceChoice>,
}

impl Denial {
    /// Whether the body that came along says the same. Otherwise: `PROOF_MISMATCH`.
    pub fn agrees_with(&self, body: &DenyRequest) -> bool {
        let DenyRequest { device_id, user_id, reason, choice } = body;
        self.device_id == *device_id && self.user_id == *user_id && self.reason == *reason && self.choice == *choice
    }
}

/// The claims of a `Device-Proof`. They read from JSON strictly: an unknown claim, a claim that the
/// purpose does not have, one that it lacks, a `null`, a repetition are all refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct ProofClaims {
    /// `purpose`, and for a decision `iss`, `decision`, `deviceId`, ...
    pub statement: Statement,
    pub htm: Method,
    /// The absolute URL without query and fragment [RFC 9449 §4.2].
    pub htu: String,
    /// The issuer.
    pub aud: String,
    /// Seconds since 1970.
    pub iat: i64,
    /// 16 to 64 random bytes in base64url.
    pub jti: String,
    /// The `Device-Nonce` seen last.
    pub nonce: Option<String>,
    /// Exists when the request has a body, and only then.
    pub bd: Option<BodyDigest>,
}

/// Why claims, a header or a compact JWS are no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAProof {
    #[error("not a compact JWS of at most 8 KiB")]
    NotCompact,
    #[error("the JOSE header is not that of a proof")]
    Header,
    #[error("the claims are not those of a proof")]
    Claims,
    #[error("`jti` is not 16 to 64 bytes in base64url")]
    Jti,
    #[error("the claims do not fit the purpose")]
    Purpose,
    #[error("the signature is not that of the key in the header")]
    Signature,
}

fn check_jti(jti: &str) -> Result<(), NotAProof> {
    let bytes = URL_SAFE_NO_PAD.decode(jti).map_err(|_| NotAProof::Jti)?;
    if (16..=64).contains(&bytes.len()) { Ok(()) } else { Err(NotAProof::Jti) }
}

impl ProofClaims {
    /// From the payload of a JWS whose signature was verified.
    pub fn parse(payload: &[u8]) -> Result<Self, NotAProof> {
        let wire: Wire = serde_json::from_slice(payload).map_err(|_| NotAProof::Claims)?;
        wire.try_into()
    }

    /// The compact JWS.
    pub fn sign(&self, key: &dyn DeviceKey) -> Result<String, KeyError> {
        jws::sign(&ProofHeader::new(key.public_jwk()), self, key)
    }
}

/// What the caller of this crate's core brings to each proof: the core has neither clock nor
/// randomness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Seconds since 1970, by the server's clock as well as the device knows it.
    pub iat: i64,
    /// From the system's generator; never used twice.
    pub jti: [u8; 16],
    /// The `Device-Nonce` seen last, if any.
    pub nonce: Option<String>,
}

impl Freshness {
    pub(crate) fn jti_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.jti)
    }
}

/// The claims of `proofByNew`: the new key of an installation agrees to become it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotationClaims {
    /// Always [`Purpose::Rotate`]; [`RotationClaims::parse`] refuses others.
    pub purpose: Purpose,
    /// The issuer.
    pub aud: String,
    pub iat: i64,
    pub jti: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    pub installation_id: InstallationId,
}

impl RotationClaims {
    pub fn new(aud: &str, installation_id: InstallationId, fresh: &Freshness) -> Self {
        Self {
            purpose: Purpose::Rotate,
            aud: aud.to_owned(),
            iat: fresh.iat,
            jti: fresh.jti_text(),
            nonce: fresh.nonce.clone(),
            installation_id,
        }
    }

    /// From the payload of a JWS whose signature was verified.
    pub fn parse(payload: &[u8]) -> Result<Self, NotAProof> {
        let claims: Self = serde_json::from_slice(payload).map_err(|_| NotAProof::Claims)?;
        check_jti(&claims.jti)?;
        if claims.purpose == Purpose::Rotate { Ok(claims) } else { Err(NotAProof::Purpose) }
    }

    /// The compact JWS, by the new key.
    pub fn sign(&self, new_key: &dyn DeviceKey) -> Result<String, KeyError> {
        jws::sign(&ProofHeader::new(new_key.public_jwk()), self, new_key)
    }
}

/// The JOSE header: `typ`, `alg`, `jwk` and no other member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofHeader {
    typ: ProofType,
    alg: Algorithm,
    pub jwk: PublicJwk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ProofType {
    #[serde(rename = "nod-proof+jwt")]
    NodProof,
}

impl ProofHeader {
    pub const fn new(jwk: PublicJwk) -> Self {
        Self { typ: ProofType::NodProof, alg: Algorithm::Es256, jwk }
    }

    pub fn parse(header: &[u8]) -> Result<Self, NotAProof> {
        serde_json::from_slice(header).map_err(|_| NotAProof::Header)
    }
}

/// A compact JWS whose header is that of a proof. The claims are out of reach until somebody who
/// can verify ES256 has said yes to the signature.
#[derive(Clone, Debug)]
pub struct UnverifiedProof {
    header: ProofHeader,
    signing_input: String,
    payload: Vec<u8>,
    signature: [u8; 64],
}

impl UnverifiedProof {
    pub fn parse(compact: &str) -> Result<Self, NotAProof> {
        let Compact { signing_input, header, payload, signature } =
            Compact::parse(compact, MAX_PROOF_BYTES).ok_or(NotAProof::NotCompact)?;
        Ok(Self {
            header: ProofHeader::parse(&header)?,
            payload,
            signature: signature.try_into().map_err(|_| NotAProof::NotCompact)?,
            signing_input,
        })
    }

    /// The key that claims to have signed: enough to look an installation up.
    pub const fn jwk(&self) -> &PublicJwk {
        &self.header.jwk
    }

    /// `verify` is asked with the key, the signing input and the signature (`r || s`).
    pub fn claims(self, verify: impl FnOnce(&PublicJwk, &[u8], &[u8; 64]) -> bool) -> Result<ProofClaims, NotAProof> {
        ProofClaims::parse(&self.verified(verify)?)
    }

    /// The same for a `proofByNew`.
    pub fn rotation_claims(
        self,
        verify: impl FnOnce(&PublicJwk, &[u8], &[u8; 64]) -> bool,
    ) -> Result<RotationClaims, NotAProof> {
        RotationClaims::parse(&self.verified(verify)?)
    }

    fn verified(self, verify: impl FnOnce(&PublicJwk, &[u8], &[u8; 64]) -> bool) -> Result<Vec<u8>, NotAProof> {
        if verify(&self.header.jwk, self.signing_input.as_bytes(), &self.signature) {
            Ok(self.payload)
        } else {
            Err(NotAProof::Signature)
        }
    }
}
