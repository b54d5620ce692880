//! The relying party withdraws its question (RFC 7009 with `token_type_hint=auth_req_id`).

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::decision::Record;
use crate::entropy::Entropy;
use crate::protocol::id::AuthReqId;
use crate::store::ephemeral::Shelf;
use crate::store::sql::ledger::{Also, Decided};
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::settle::{Seen, Settle};

pub struct Cancel {
    pub requests: Shelf<AuthenticationRequest>,
    pub settle: Settle,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl Cancel {
    /// Whether the request was this client's and still open. Anything else changes nothing, and
    /// the client is told the same (RFC 7009 §2.2).
    #[tracing::instrument(level = "debug", name = "cancel", skip_all)]
    pub async fn cancel(&self, client: &AuthenticatedClient, auth_req_id: &AuthReqId) -> Result<bool, Error> {
        let now = self.clock.now();
        let digest = auth_req_id.digest();
        let Some(request) = self.requests.get(&digest).await? else { return Ok(false) };
        if !request.is_of(&client.id) || request.decidable(now).is_err() {
            return Ok(false);
        }
        let record = Record::cancelled(&request, digest, now);
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::RequestCancelled)
            .client(&client.id)
            .user(request.user)
            .request(request.id);
        // Whoever withdraws it need not be told.
        Ok(matches!(self.settle.settle(record, event, Also::default(), Seen::default()).await?, Decided::First))
    }
}
