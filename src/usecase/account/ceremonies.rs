//! What a browser was asked to have signed on the pages of an account, until it comes with it.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::passkey::{Ceremony, OfAccount, Purpose};
use crate::entropy::Entropy;
use crate::protocol::id::{CeremonyId, SessionId};
use crate::protocol::webauthn::LIFETIME;
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};

#[derive(Clone)]
pub struct Ceremonies {
    pub begun: Shelf<OfAccount>,
    pub entropy: Arc<Entropy>,
}

impl Ceremonies {
    pub async fn begin(&self, session: SessionId, ceremony: Ceremony) -> Result<CeremonyId, StoreError> {
        let id = CeremonyId::new(self.entropy.token());
        let begun = OfAccount { session, ceremony, used: false };
        self.begun.insert(&id.digest(), &begun, LIFETIME).await?;
        Ok(id)
    }

    /// For the first who comes with it. `None`: it is over, or another session's, or for something else.
    pub async fn take(
        &self,
        id: &CeremonyId,
        (session, purpose): (SessionId, Purpose),
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        let take = |begun: OfAccount| begun.taken(session, purpose, now);
        Ok(self.begun.update(&id.digest(), Lifetime::Keep, take).await?.flatten())
    }
}
