//! Trust by pairing key (flows.md F19), and its end.

use std::sync::Arc;
use std::time::Duration;

use nod_device::messages::{InstallationInfo, RotateRequest};
use nod_device::proof::{MAX_PROOF_BYTES, PROOF_TYPE, RotationClaims};

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::device::{About, Device};
use crate::domain::occasion::Notice;
use crate::domain::pairing_guesses::{PairingGuesses, WINDOW, Whose};
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::metrics::{Limit, metrics};
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::{DeviceId, InstallationId, PairingKey};
use crate::protocol::jwt::EmbeddedKeyProof;
use crate::secret::Digest;
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::{Claimed, Devices, Newcomer};
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError, Proved};
use crate::usecase::pairing_keys::RecognisePairingKeys;
use crate::usecase::tell_person::TellPerson;
use crate::usecase::withdraw::{DEVICE_UNPAIRED, WithdrawQuestions};

/// How far from now the proof of a new key may have been made.
const FRESH: Duration = Duration::from_secs(60);

pub struct PairDevice {
    pub devices: Devices,
    pub recognise: Arc<RecognisePairingKeys>,
    pub guesses: Shelf<PairingGuesses>,
    pub bell: DeviceBell,
    pub withdraw: WithdrawQuestions,
    pub tell: TellPerson,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub issuer: String,
    pub max_per_user: u32,
}

impl PairDevice {
    /// Counts a try before anything is compared or stored for it, by installation key and by network: a guesser
    /// makes new keys for free.
    pub async fn admit(&self, proof: &Proved, from: &str) -> Result<(), DeviceError> {
        let [of_key, of_network] = counted(proof, from);
        self.guess(Whose::Installation, &of_key).await?;
        let admitted = self.guess(Whose::Network, &of_network).await;
        if admitted.is_err() {
            // What others of the network have guessed does not close the way of this phone elsewhere.
            self.take_back(&of_key).await?;
        }
        admitted
    }

    async fn guess(&self, whose: Whose, counted: &Digest<PairingGuesses>) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let guess = |guesses: PairingGuesses| guesses.guess(whose, now);
        match self.guesses.upsert(counted, WINDOW, guess).await? {
            None => Ok(()),
            Some(wait) => {
                metrics().limited(Limit::Pairing);
                Err(DeviceError::TooMany { retry_after: wait.max(Duration::from_secs(1)) })
            }
        }
    }

    async fn take_back(&self, counted: &Digest<PairingGuesses>) -> Result<(), StoreError> {
        let take_back = |guesses: PairingGuesses| (guesses.taken_back(), ());
        self.guesses.update(counted, Lifetime::Keep, take_back).await?;
        Ok(())
    }

    /// What was admitted was right, or was compared with nothing.
    pub async fn is_no_guess(&self, proof: &Proved, from: &str) {
        for counted in counted(proof, from) {
            if let Err(error) = self.take_back(&counted).await {
                // What came of it stands, and one guess less is left for a while.
                tracing::warn!(%error, "a pairing key that was not wrong stays counted");
            }
        }
    }

    /// After [`PairDevice::admit`] of the same proof and network.
    #[tracing::instrument(level = "debug", name = "pair_device", skip_all)]
    pub async fn pair(
        &self,
        (proof, from): (&Proved, &str),
        key: &PairingKey,
        info: InstallationInfo,
        language: &str,
    ) -> Result<(Device, User), DeviceError> {
        let claimed = self.claim(proof, key, info).await;
        if !matches!(claimed, Ok(Claimed::Invalid)) {
            self.is_no_guess(proof, from).await;
        }
        match claimed? {
            Claimed::Paired(paired) => {
                failpoint::hit("K23");
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

    async fn claim(&self, proof: &Proved, key: &PairingKey, info: InstallationInfo) -> Result<Claimed, DeviceError> {
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
        Ok(self.devices.claim(&self.recognise.digest(key), &newcomer, now, event).await?)
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
        let fresh = made.since(now) <= FRESH && now.since(made) <= FRESH;
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

/// Under what the guesses of an installation key rest, and those of a network.
fn counted(proof: &Proved, from: &str) -> [Digest<PairingGuesses>; 2] {
    let of = |what: &str, who: &str| Digest::of(format!("{what}\0{who}").as_bytes());
    [of("installation", &proof.jkt), of("network", from)]
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
