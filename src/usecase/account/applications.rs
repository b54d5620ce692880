//! What somebody who is signed in lets applications have, and that they may have it no more.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::Client;
use crate::entropy::Entropy;
use crate::protocol::id::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::store::ephemeral::StoreError;
use crate::usecase::sign_in::Known;

pub struct OwnApplications {
    pub known: Arc<Known>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// A client, and what it may have without asking again.
#[derive(Debug)]
pub struct Allowed {
    pub client: Arc<Client>,
    pub scope: Scope,
    pub since: Timestamp,
}

impl OwnApplications {
    pub async fn of(&self, user: UserId) -> Result<Vec<Allowed>, StoreError> {
        let mut allowed = Vec::new();
        for (client, scope, since) in self.known.consents.of_user(user).await? {
            // One that is switched off may be switched on again.
            if let Some(client) = self.known.directory.client(&client).await? {
                allowed.push(Allowed { client, scope, since });
            }
        }
        Ok(allowed)
    }

    /// The client has to ask anew, and what it has ends. `false`: it had nothing.
    #[tracing::instrument(level = "debug", name = "withdraw_consent", skip_all)]
    pub async fn withdraw(&self, user: UserId, client: &ClientId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::ConsentWithdrawn).user(user).client(client);
        let withdrawn = self.known.consents.withdraw(user, client, &event, now).await?;
        if withdrawn {
            tracing::info!(user.id = %user, client.id = %client, "consent withdrawn");
        }
        Ok(withdrawn)
    }
}
