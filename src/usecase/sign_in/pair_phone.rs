//! Whoever has no second factor pairs a phone on the way, by a key that its app brings [flows.md A.1.3, F19].

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::flow::{IDLE, NewPhone};
use crate::entropy::Entropy;
use crate::protocol::flow_api::{FlowErrorCode, FlowRefusal};
use crate::protocol::id::{PairingKey, UserId};
use crate::secret::{Digest, MasterKey};
use crate::store::ephemeral::StoreError;
use crate::store::sql::devices::{Devices, KeyCreated};
use crate::store::sql::first_phone::Came;
use crate::usecase::pairing_keys::{self, RecognisePairingKeys};

pub struct PairPhone {
    pub devices: Devices,
    pub recognise: Arc<RecognisePairingKeys>,
    pub master: Arc<MasterKey>,
    /// How long a pairing key is good.
    pub lifetime: Duration,
    pub entropy: Arc<Entropy>,
}

impl PairPhone {
    /// A key for the phone of somebody, as long as they have no other second factor. `password`: when the one was chosen
    /// that they gave.
    pub(super) async fn begin(
        &self,
        (user, password): (UserId, Option<Timestamp>),
        event: &Event,
        now: Timestamp,
    ) -> Result<Result<NewPhone, FlowRefusal>, StoreError> {
        let key = pairing_keys::draw(&self.entropy);
        let digest = self.recognise.digest(&key);
        // A sign-in that nobody goes on with is over by then.
        let expires_at = now + self.lifetime.min(IDLE);
        let why = match self.devices.create_key_in_flow((user, password), &digest, (now, expires_at), event).await? {
            KeyCreated::Yes => {
                let sealed = self.master.seal(&NewPhone::place(&digest), key.expose().as_bytes(), &self.entropy);
                return Ok(Ok(NewPhone::new(digest, &sealed, expires_at)));
            }
            KeyCreated::TooMany => "the person has as many pairing keys as one may have",
            KeyCreated::UnknownApplication => "the app that the key is for is gone",
            KeyCreated::UnknownUser => "the person may not sign in any more, or another password was chosen since",
        };
        Ok(Err(FlowRefusal::new(FlowErrorCode::RequestFailed, why)))
    }

    /// The key, for whoever shows it.
    pub(super) fn key_of(&self, new: &NewPhone) -> Result<PairingKey, StoreError> {
        let opened = self.master.open(&NewPhone::place(&new.key), &new.sealed()).ok();
        let key = opened.as_ref().and_then(|opened| std::str::from_utf8(opened.expose()).ok());
        key.map(PairingKey::presented).ok_or(StoreError::Corrupt("a sealed pairing key"))
    }

    pub(super) async fn came(&self, user: UserId, new: &NewPhone, now: Timestamp) -> Result<Came, StoreError> {
        self.devices.came(user, &new.key, now).await
    }

    /// No flow shows the key any more.
    pub(super) async fn forget(&self, key: &Digest<PairingKey>) {
        if let Err(error) = self.devices.forget_key(key).await {
            // It ends by itself, and is good for nobody who has got another second factor.
            tracing::warn!(%error, "a pairing key that nobody needs any more was not forgotten");
        }
    }
}
