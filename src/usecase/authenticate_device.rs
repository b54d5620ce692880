//! Which installation calls? Every call of the device API carries a proof of possession of its key,
//! made for this very call (flows.md H.3; the shape of RFC 9449).

use std::sync::Arc;
use std::time::Duration;

use nod_device::BodyDigest;
use nod_device::proof::{MAX_PROOF_BYTES, PROOF_TYPE, ProofClaims, Purpose};

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::device::{Device, Installation};
use crate::entropy::Entropy;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::jwt::{EmbeddedKeyProof, VerificationKey};
use crate::secret::constant_time_eq;
use crate::store::ephemeral::{Replay, StoreError};
use crate::store::kept::Kept;
use crate::store::sql::devices::Devices;
use crate::store::sql::directory::{Directory, Paired};

/// How far the clock of a phone may be off.
const SKEW: Duration = Duration::from_secs(60);

/// Why the device API gave no result.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error(transparent)]
    Refused(#[from] DeviceRefusal),
    #[error("too many tries; again in {} s", retry_after.as_secs())]
    TooMany { retry_after: Duration },
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<DeviceErrorCode> for DeviceError {
    fn from(code: DeviceErrorCode) -> Self {
        Self::Refused(code.into())
    }
}

/// One call, as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub proof: Option<&'a str>,
    pub purpose: Purpose,
    pub method: &'a str,
    /// Below the issuer, without query: `/device/v1/me`.
    pub path: &'a str,
    pub body: Option<&'a [u8]>,
}

/// A proof that verified. Whose key it is remains to be seen.
#[derive(Debug)]
pub struct Proved {
    pub claims: ProofClaims,
    pub jkt: String,
    pub key: VerificationKey,
    /// Not one of those that are kept.
    key_is_new: bool,
    /// The compact JWS: the evidence, when it is a decision.
    pub evidence: String,
}

/// An installation that has proved itself in this call.
#[derive(Debug)]
pub struct AuthenticatedInstallation {
    pub installation: Installation,
    pub devices: Vec<Device>,
    pub proof: Proved,
}

pub struct AuthenticateDevice {
    pub directory: Arc<Directory>,
    pub devices: Devices,
    pub replay: Replay,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub issuer: String,
    pub nonces: Nonces,
    pub keys: Kept<[u8; 32], VerificationKey>,
}

impl AuthenticateDevice {
    #[tracing::instrument(level = "debug", name = "authenticate_device", skip_all)]
    pub async fn authenticate(&self, call: &Call<'_>) -> Result<AuthenticatedInstallation, DeviceError> {
        let proof = self.prove(call)?;
        let paired = self.directory.installation_by_jkt(&proof.jkt).await?.ok_or(DeviceErrorCode::DeviceUnknown)?;
        self.spend(&proof).await?;
        // Reading a key costs twice as much as using it, so those of our installations are kept.
        if proof.key_is_new {
            self.keys.insert(*proof.key.thumbprint().as_bytes(), proof.key.clone());
        }
        let Paired { installation, devices } = Paired::clone(&paired);
        adopt_announced(&self.devices, &installation, &proof.jkt, (&*self.entropy, self.clock.now())).await?;
        Ok(AuthenticatedInstallation { installation, devices, proof })
    }

    /// A valid proof by any key, unspent: for pairing, where the key is not known yet.
    pub fn prove(&self, call: &Call<'_>) -> Result<Proved, DeviceError> {
        let now = self.clock.now();
        let compact = call.proof.ok_or(DeviceErrorCode::ProofRequired)?;
        let invalid = |why: String| DeviceRefusal::new(DeviceErrorCode::ProofInvalid, why);
        let proof = EmbeddedKeyProof::parse(compact, PROOF_TYPE, MAX_PROOF_BYTES)
            .map_err(|error| invalid(error.to_string()))?;
        let known = self.keys.get(proof.thumbprint().as_bytes());
        let (key, key_is_new) = match known {
            Some(key) => (key, false),
            None => (proof.verification_key().map_err(|error| invalid(error.to_string()))?, true),
        };
        let claims: ProofClaims = proof.verify(&key).map_err(|error| invalid(error.to_string()))?.into_claims();
        // Purpose first: no proof made for one call serves another.
        if claims.statement.purpose() != call.purpose {
            return Err(invalid("another purpose".into()).into());
        }
        let htu = claims.htu.strip_prefix(self.issuer.as_str());
        if claims.htm.as_str() != call.method || htu != Some(call.path) || claims.aud != self.issuer {
            return Err(invalid("another request".into()).into());
        }
        if claims.bd != call.body.map(BodyDigest::of) {
            return Err(invalid("another body".into()).into());
        }
        let made = Timestamp::from_seconds(claims.iat);
        if made.since(now) > SKEW || now.since(made) > SKEW {
            return Err(DeviceErrorCode::ProofExpired.into());
        }
        match &claims.nonce {
            Some(nonce) if self.nonces.accepts(nonce, now) => {}
            Some(_) | None => return Err(DeviceErrorCode::UseDeviceNonce.into()),
        }
        Ok(Proved { claims, jkt: proof.thumbprint().to_string(), key, key_is_new, evidence: compact.to_owned() })
    }

    /// Spends a proof: it was good for one call. Asked for last, so that a stranger's proofs leave no
    /// marks.
    pub async fn spend(&self, proof: &Proved) -> Result<(), DeviceError> {
        // Twice the skew: a proof from a fast clock is fresh for that long.
        let lifetime = SKEW * 2 + Duration::from_secs(1);
        if self.replay.first_use(proof.jkt.as_bytes(), proof.claims.jti.as_bytes(), lifetime).await? {
            Ok(())
        } else {
            Err(DeviceErrorCode::ProofReplayed.into())
        }
    }
}

/// First use of an announced key: from now on it is the only one. Nothing to do for any other.
pub(super) async fn adopt_announced(
    devices: &Devices,
    installation: &Installation,
    jkt: &str,
    (entropy, now): (&Entropy, Timestamp),
) -> Result<(), StoreError> {
    if installation.next_jkt.as_deref() != Some(jkt) {
        return Ok(());
    }
    let event = Event::new(entropy.ordered_uuid(now), now, Action::DeviceKeyRotated);
    devices.adopt_key(installation.id, jkt, &event).await.map(drop)
}

/// Nonces that every node can check without a store: a keyed function of the time.
#[derive(Clone)]
pub struct Nonces(ring::hmac::Key);

/// A nonce is given out for this long and accepted for up to twice as long.
const NONCE_SECONDS: i64 = 300;

impl Nonces {
    pub fn new(key: ring::hmac::Key) -> Self {
        Self(key)
    }

    pub fn current(&self, now: Timestamp) -> String {
        self.of(now.seconds().div_euclid(NONCE_SECONDS))
    }

    pub fn accepts(&self, nonce: &str, now: Timestamp) -> bool {
        let window = now.seconds().div_euclid(NONCE_SECONDS);
        [window, window - 1].into_iter().any(|window| constant_time_eq(self.of(window).as_bytes(), nonce.as_bytes()))
    }

    fn of(&self, window: i64) -> String {
        use base64::Engine as _;
        let tag = ring::hmac::sign(&self.0, &window.to_be_bytes());
        let short = tag.as_ref().get(..16).unwrap_or_default();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(short)
    }
}
