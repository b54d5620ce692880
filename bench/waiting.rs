//! Requests that wait, as many as are asked for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use nod::clock::{Clock as _, SystemClock};
use nod::domain::authentication_request::{Asker, AuthenticationRequest, Challenge, Polling, State};
use nod::domain::inbox::{Entry, Inbox, Limits, Standing};
use nod::entropy::Entropy;
use nod::protocol::acr::Acr;
use nod::protocol::binding_message::BindingMessage;
use nod::protocol::id::{AuthReqId, NotificationId, RequestId, UserId};
use nod::protocol::scope::Scope;
use nod::store::ephemeral::{Ephemeral, Shelf};

use crate::Result;
use crate::cast::{RelyingParty, SCOPE};
use crate::scenario::{Poll, polls};

/// The requests that wait for an answer.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Whose it is, and its `auth_req_id`.
    pub requests: Vec<(usize, String)>,
    pub users: Vec<UserId>,
}

impl Waiting {
    /// Puts requests into `nod`'s store until there are `count`, each with its inbox entry, as `nod`
    /// puts them. Answers how many there were before.
    pub(crate) async fn grow(
        &mut self,
        parties: &[RelyingParty],
        count: usize,
        store: &Arc<dyn Ephemeral>,
        entropy: &Entropy,
    ) -> Result<usize> {
        let (requests, inboxes) = (Shelf::new(Arc::clone(store)), Shelf::<Inbox>::new(Arc::clone(store)));
        let old = self.requests.len();
        for party in (0..parties.len()).cycle().take(count - old) {
            self.requests.push((party, entropy.token().expose().clone()));
            self.users.push(UserId::new(entropy.uuid()));
        }
        let lifetime = Duration::from_secs(600);
        let limits = Limits { per_user: 3, per_client_and_user: 1 };
        stream::iter(self.requests[old..].iter().zip(&self.users[old..]))
            .map(async |((party, id), user)| {
                let now = SystemClock.now();
                let digest = AuthReqId::presented(id).digest();
                let request = AuthenticationRequest {
                    id: RequestId::new(entropy.ordered_uuid(now)),
                    notification: NotificationId::new(entropy.uuid()),
                    asker: Asker::Client,
                    client: parties[*party].id.clone(),
                    user: *user,
                    scope: Scope::parse(SCOPE).ok_or("no scope")?,
                    acr: Acr::Device,
                    binding_message: Some(BindingMessage::parse("Order 4711")?),
                    challenge: Challenge::None,
                    about: None,
                    issued_at: now,
                    expires_at: now + lifetime,
                    // At any pace: thousands of polls a second reach each of a thousand requests.
                    polling: Polling { interval: 0, last: None },
                    state: State::Pending,
                };
                let entry = Entry::new(request.notification, digest, &request.client, request.expires_at);
                requests.insert(&digest, &request, lifetime).await?;
                inboxes
                    .upsert(user, lifetime, |inbox| inbox.add(entry.clone(), Standing::Stranger, limits, now))
                    .await?;
                Result::Ok(())
            })
            .buffer_unordered(64)
            .try_collect::<()>()
            .await?;
        Ok(old)
    }

    /// One poll of each of `count` requests from all over, or several where there are fewer.
    pub(crate) fn polls(&self, count: usize, parties: &[RelyingParty], entropy: &Entropy) -> Vec<Poll> {
        // A prime, so that the steps meet every request before they meet one again.
        let steps = (0..).map(|step: usize| &self.requests[step * 7919 % self.requests.len()]);
        polls(count, steps.map(|(party, id)| (&parties[*party], id.as_str())), entropy)
    }
}
