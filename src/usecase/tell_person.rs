//! A person is written to, or sent a text, when something becomes of their devices [flows.md D.1, H.4; security.md 5.1, case 122].

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::mfa_policy::{MfaPolicy, Notification};
use crate::domain::occasion::{Notice, Occasion};
use crate::entropy::Entropy;
use crate::protocol::id::{MfaPolicyId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::store::sql::outbox::{Kind, Outbox};

#[derive(Clone)]
pub struct TellPerson {
    pub directory: Arc<Directory>,
    /// With as what it rests there. `None`: nobody carries letters or texts.
    pub outbox: Option<(Outbox, Kind)>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl TellPerson {
    /// What happened is committed by then, and stays so whatever becomes of the letter. `by`: the MFA policy by which it
    /// did; what is of none is told where any policy has people told. `language`: a BCP 47 tag.
    pub async fn of(&self, user: UserId, notice: Notice, by: Option<&MfaPolicyId>, language: &str) {
        if let Err(error) = self.tell(user, notice, by, language).await {
            tracing::warn!(user.id = %user, %error, "nobody is told of what became of their devices");
        }
    }

    async fn tell(
        &self,
        user: UserId,
        notice: Notice,
        by: Option<&MfaPolicyId>,
        language: &str,
    ) -> Result<(), StoreError> {
        let Some((outbox, kind)) = &self.outbox else { return Ok(()) };
        let sign_on = self.directory.sign_on().await?;
        let by = match by {
            Some(policy) => sign_on.mfa_policy(policy).map(has_people_told),
            None => sign_on.mfa_policies().map(has_people_told).max(),
        };
        let by = by.unwrap_or_default();
        if by == Notification::Nothing {
            return Ok(());
        }
        let occasion = Occasion::OfDevices { user, notice, language: language.to_owned(), by };
        outbox.put(self.entropy.uuid(), *kind, &occasion.encode(), self.clock.now()).await
    }
}

fn has_people_told(policy: &Arc<MfaPolicy>) -> Notification {
    policy.new_device_notification
}
