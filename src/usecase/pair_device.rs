//! Trust by pairing key (flows.md F19), and its end.

use std::sync::Arc;
use std::time::Duration;

use nod_device::messages::{InstallationInfo, RotateRequest};
use nod_device::proof::{MAX_PROOF_BYTES, PROOF_TYPE, RotationClaims};

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::device::{About, Device};
use crate::domain::occasion::Notice;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::metrics::{Limit, metrics};
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::{DeviceId, InstallationId, PairingKey};
use crate::protocol::jwt::EmbeddedKeyProof;
use crate::store::ephemeral::Attempts;
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::{Claimed, Devices, Newcomer};
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError, Proved};
use crate::usecase::limit::{Most, limit};
use crate::usecase::pairing_keys::RecognisePairingKeys;
use crate::usecase::tell_person::TellPerson;
use crate::usecase::withdraw::{DEVICE_UNPAIRED, WithdrawQuestions};

/// Guesses per installation and minute; twelve digits are not guessed at that pace.
const GUESSES: u32 = 5;
const GUESSES_FROM_ONE_ADDRESS: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

pub struct PairDevice {
    pub devices: Devices,
    pub recognise: Arc<RecognisePairingKeys>,
    pub attempts: Attempts,
    pub bell: DeviceBell,
    pub withdraw: WithdrawQuestions,
    pub tell: TellPerson,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub issuer: String,
    pub max_per_user: u32,
}

impl PairDevice {
    /// Counts a try before anything is compared or stored for it, by address and by key: a guesser
    /// makes new keys for free.
    pub async fn admit(&self, proof: &Proved, from: &str) -> Result<(), DeviceError> {
        for (who, most) in [(from, GUESSES_FROM_ONE_ADDRESS), (proof.jkt.as_str(), GUESSES)] {
            let most = Most { what: "pairing", times: most, window: WINDOW, limit: Limit::Pairing };
            if let Some(retry_after) = limit(&self.attempts, most, who.as_bytes()).await? {
                return Err(DeviceError::TooMany { retry_after });
            }
        }
        Ok(())
    }

    #[tracing::instrument(level = "debug", name = "pair_device", skip_all)]
    pub async fn pair(
        &self,
        proof: &Proved,
        key: &PairingKey,
        info: InstallationInfo,
        language: &str,
    ) -> Result<(Device, User), DeviceError> {
        let now = self.clock.now();
        let about = about(info)?;
        let public_jwk = serde_json::to_string(&proof.key.public_jwk()).unwrap_or_default();
        let newcomer = Newcomer {
            application: None,
            jkt: &proof.jkt,
            public_jwk: &public_jwk,
            about: &about,
            new_installation: InstallationId::new(self.entropy.uuid()),
            new_device: DeviceId::new(self.entropy.uuid()),
            max_devices: self.max_per_user,
        };
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::DevicePaired);
        match self.devices.claim(&self.recognise.digest(key), &newcomer, now, event).await? {
            Claimed::Paired(paired) => {
                // Whoever listens with this phone already listens for the new user too.
                self.bell.ring(&paired.installation.id).await;
                self.tell.of(paired.user.id, Notice::Added, None, language).await;
                Ok((paired.device, paired.user))
            }
            Claimed::Invalid => Err(DeviceErrorCode::PairingKeyInvalid.into()),
            Claimed::Full => {
                metrics().limited(Limit::DevicesPerUser);
                Err(DeviceErrorCode::MethodLimitReached.into())
            }
        }
    }

    /// Announces another key for an installation. The old one works until the new one is first used.
    pub async fn rotate(
        &self,
        caller: &AuthenticatedInstallation,
        request: &RotateRequest,
    ) -> Result<InstallationId, DeviceError> {
        let now = self.clock.now();
        let id = caller.installation.id;
        let refused = |why: String| DeviceRefusal::new(DeviceErrorCode::ProofInvalid, why);
        let proof = EmbeddedKeyProof::parse(&request.proof_by_new, PROOF_TYPE, MAX_PROOF_BYTES)
            .map_err(|error| refused(error.to_string()))?;
        let key = proof.verification_key().map_err(|error| refused(error.to_string()))?;
        let claims: RotationClaims = proof.verify(&key).map_err(|error| refused(error.to_string()))?.into_claims();
        let made = Timestamp::from_seconds(claims.iat);
        let fresh = made.since(now) <= WINDOW && now.since(made) <= WINDOW;
        let same_key =
            serde_json::to_value(request.new_jwk).ok() == serde_json::to_value(key.public_jwk()).ok().map(bare);
        if claims.aud != self.issuer || claims.installation_id.uuid() != id.uuid() || !fresh || !same_key {
            return Err(refused("the new key's proof is for something else".into()).into());
        }
        let jkt = proof.thumbprint().to_string();
        let jwk = serde_json::to_string(&key.public_jwk()).unwrap_or_default();
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::DeviceKeyRotated);
        if self.devices.announce_key(id, &jkt, &jwk, &event).await? {
            Ok(id)
        } else {
            Err(refused("the new key is another installation's".into()).into())
        }
    }

    /// The app gives one of its own devices up.
    pub async fn unpair(
        &self,
        caller: &AuthenticatedInstallation,
        id: DeviceId,
        language: &str,
    ) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let device = caller.devices.iter().find(|device| device.id == id).ok_or(DeviceErrorCode::DeviceNotFound)?;
        let event =
            Event::new(self.entropy.ordered_uuid(now), now, Action::DeviceUnpaired).user(device.user).device(device.id);
        let unpaired = self.devices.unpair(id, &event).await?;
        self.bell.ring(&caller.installation.id).await;
        self.withdraw.of(device, DEVICE_UNPAIRED).await;
        if unpaired.is_some() {
            self.tell.of(device.user, Notice::Removed, None, language).await;
        }
        Ok(())
    }
}

/// The public members alone.
fn bare(mut jwk: serde_json::Value) -> serde_json::Value {
    if let Some(members) = jwk.as_object_mut() {
        members.retain(|name, _| matches!(name.as_str(), "kty" | "crv" | "x" | "y"));
    }
    jwk
}

/// Short, printable text: it is shown to people who decide about devices.
pub(super) fn about(info: InstallationInfo) -> Result<About, DeviceRefusal> {
    let about = About::from(info);
    if is_short(&about) {
        Ok(about)
    } else {
        Err(DeviceRefusal::new(DeviceErrorCode::InvalidRequest, "a member of installation is too long"))
    }
}

pub(super) fn is_short(about: &About) -> bool {
    let short = |text: &str| text.chars().count() <= 64 && !text.chars().any(char::is_control);
    let all = [
        &about.platform,
        &about.name,
        &about.model,
        &about.os_version,
        &about.app_version,
        &about.sdk_version,
        &about.application,
    ];
    all.into_iter().flatten().all(|text| short(text))
}
