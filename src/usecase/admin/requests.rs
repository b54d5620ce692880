//! Authentication requests: what was asked, and what became of it.
//!
//! A request has no row of its own until it is decided (`docs/adr/0002`). The list is the audit trail's:
//! each row that tells of a request, with the decision and the grant beside it. Where there is neither,
//! the person's inbox tells whether the question still waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::decision::Record;
use crate::domain::inbox::Inbox;
use crate::domain::ping::Ping;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::{AuthReqId, ClientId, DeviceId, RequestId, UserId};
use crate::protocol::public_id::{self, Kind};
use crate::secret::Digest;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::ledger::{Also, Decided};
use crate::store::sql::trail::{Asked, Requested, Settled, Trail};
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition};
use crate::usecase::settle::{Seen, Settle};

/// The questions of people, as the ephemeral store has them.
#[derive(Clone)]
pub struct Questions {
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
}

/// A question, and by what it is found.
pub type Question = (Digest<AuthReqId>, AuthenticationRequest);

impl Questions {
    /// All that are remembered of a person, oldest first.
    pub async fn of(&self, user: UserId) -> Result<Vec<Question>, StoreError> {
        let Some(inbox) = self.inboxes.get(&user).await? else { return Ok(Vec::new()) };
        self.read(inbox.entries().iter().map(|entry| entry.request).collect()).await
    }

    /// Those that wait for an answer.
    pub async fn waiting(&self, user: UserId, now: Timestamp) -> Result<Vec<Question>, StoreError> {
        let Some(inbox) = self.inboxes.get(&user).await? else { return Ok(Vec::new()) };
        self.read(inbox.live(now).map(|entry| entry.request).collect()).await
    }

    async fn read(&self, digests: Vec<Digest<AuthReqId>>) -> Result<Vec<Question>, StoreError> {
        let mut found = Vec::with_capacity(digests.len());
        for digest in digests {
            if let Some(request) = self.requests.get(&digest).await? {
                found.push((digest, request));
            }
        }
        Ok(found)
    }
}

pub struct ManageRequests {
    pub trail: Arc<Trail>,
    pub questions: Questions,
    pub settle: Settle,
    pub desk: Desk,
    /// No question waits longer.
    pub max_expiry: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    Approved,
    Denied,
    Cancelled,
    Expired,
    Redeemed,
}

/// A request, as far as anybody may know it.
#[derive(Clone, Debug)]
pub struct Overview {
    pub id: RequestId,
    pub client: ClientId,
    pub user: Option<UserId>,
    pub status: Status,
    pub created_at: Timestamp,
    /// Unknown for one that was forgotten undecided.
    pub expires_at: Option<Timestamp>,
    pub decided_at: Option<Timestamp>,
    pub device: Option<DeviceId>,
    pub reason: Option<String>,
    pub redeemed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub status: Option<Status>,
    pub client: Option<String>,
    pub user: Option<UserId>,
    pub created_after: Option<Timestamp>,
}

pub fn request_id(text: &str) -> Result<RequestId, AdminError> {
    Ok(public_id::decode(Kind::Request, text).map(RequestId::new).ok_or(AdminErrorCode::NotFound)?)
}

/// So many are looked at in one go.
const AT_ONCE: u32 = 200;

impl ManageRequests {
    /// What is filtered by its wait is filtered after it was counted: such a part may have fewer items
    /// than were asked for, and still not be the last.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Page<Overview>, StoreError> {
        let now = self.desk.now();
        let wanted = self.wanted(filter, now);
        let before = after.map_or(i64::MAX, |position| position.at);
        let found = self.trail.requests(&wanted, before, limit.saturating_add(1)).await?;
        let page = Page::of(found, limit, |asked| Position { at: asked.seq, id: Vec::new() });
        let mut waiting = HashMap::new();
        let mut items = Vec::with_capacity(page.items.len());
        for asked in page.items {
            let overview = self.overview(asked, &mut waiting, now).await?;
            if filter.status.is_none_or(|status| status == overview.status) {
                items.push(overview);
            }
        }
        Ok(Page { items, next: page.next })
    }

    /// How many there are in all parts.
    pub async fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let of_sql = async || self.trail.count_requests(&self.wanted(filter, self.desk.now())).await;
        match filter.status {
            Some(Status::Pending) => self.count_pending(filter.clone()).await,
            // Of what nobody has decided, whatever does not wait.
            Some(Status::Expired) => Ok(of_sql().await?.saturating_sub(self.count_pending(filter.clone()).await?)),
            None | Some(Status::Approved | Status::Denied | Status::Cancelled | Status::Redeemed) => of_sql().await,
        }
    }

    /// Whether one waits is not in the database: those that may are looked at, each of them.
    async fn count_pending(&self, filter: Filter) -> Result<u64, StoreError> {
        let filter = Filter { status: Some(Status::Pending), ..filter };
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.list(&filter, after, AT_ONCE).await?;
            count += u64::try_from(page.items.len()).unwrap_or(u64::MAX);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    fn wanted(&self, filter: &Filter, now: Timestamp) -> Requested {
        let settled = filter.status.map(|status| match status {
            Status::Pending | Status::Expired => Settled::Undecided,
            Status::Approved => Settled::Approved,
            Status::Denied => Settled::Denied,
            Status::Cancelled => Settled::Cancelled,
            Status::Redeemed => Settled::Redeemed,
        });
        // No older one waits: nothing before it is looked through.
        let oldest = (filter.status == Some(Status::Pending)).then(|| now - self.max_expiry);
        Requested { settled, client: filter.client.clone(), user: filter.user, since: filter.created_after.max(oldest) }
    }

    pub async fn read(&self, id: RequestId) -> Result<Overview, AdminError> {
        let asked = self.trail.request(id).await?.ok_or(AdminErrorCode::NotFound)?;
        Ok(self.overview(asked, &mut HashMap::new(), self.desk.now()).await?)
    }

    /// Withdraws a question: its client is refused, its devices are told.
    pub async fn cancel(
        &self,
        by: &Administrator,
        id: RequestId,
        unchanged: Precondition<'_, Overview>,
    ) -> Result<Overview, AdminError> {
        let before = self.read(id).await?;
        // A request that waits changes by what ends it, and to that the first comes: below.
        if !unchanged(&before) {
            return Err(AdminErrorCode::PreconditionFailed.into());
        }
        let user = before.user.ok_or(AdminErrorCode::AlreadyDecided)?;
        self.cancel_of(by, user, id).await?;
        self.read(id).await
    }

    /// As [`ManageRequests::cancel`], when the person is known.
    pub async fn cancel_of(&self, by: &Administrator, user: UserId, id: RequestId) -> Result<(), AdminError> {
        let now = self.desk.now();
        let waiting = self.questions.waiting(user, now).await?;
        let found = waiting.into_iter().find(|(_, request)| request.id == id && request.decidable(now).is_ok());
        let (digest, request) = found.ok_or(AdminErrorCode::AlreadyDecided)?;
        let event =
            self.desk.event(by, Action::RequestCancelled).client(&request.client).user(user).request(request.id);
        let record = Record::cancelled(&request, digest, now);
        let client = self.settle.directory.client(&request.client).await?;
        let waits = client.filter(|_| request.asker.is_client());
        let also = Also { ping: waits.and_then(|client| Ping::to(&client, &record)), ..Also::default() };
        match self.settle.settle(record, event, also, Seen::default()).await? {
            Decided::First => Ok(()),
            Decided::Already(_) => Err(AdminErrorCode::AlreadyDecided.into()),
        }
    }

    async fn overview(
        &self,
        asked: Asked,
        waiting: &mut HashMap<UserId, Vec<Question>>,
        now: Timestamp,
    ) -> Result<Overview, StoreError> {
        let mut overview = Overview {
            id: asked.id,
            client: asked.client,
            user: asked.user,
            status: Status::Expired,
            created_at: asked.at,
            expires_at: asked.decided.as_ref().map(|decided| decided.expires_at),
            decided_at: asked.decided.as_ref().map(|decided| decided.at),
            device: asked.decided.as_ref().and_then(|decided| decided.device),
            reason: asked.decided.as_ref().and_then(|decided| decided.reason.clone()),
            redeemed_at: asked.redeemed_at,
        };
        let outcome = asked.decided.as_ref().map(|decided| decided.outcome.as_str());
        overview.status = match outcome {
            _ if asked.redeemed_at.is_some() => Status::Redeemed,
            Some("approved") => Status::Approved,
            Some("denied") => Status::Denied,
            Some(_) => Status::Cancelled,
            None if asked.no_device => {
                overview.decided_at = Some(asked.at);
                overview.reason = Some("no_device".to_owned());
                Status::Denied
            }
            // Too old to wait: nobody needs to look.
            None if asked.at + self.max_expiry <= now => Status::Expired,
            None => match asked.user {
                // Nobody is behind it, and nobody answers: it waits as long as any.
                None => Status::Pending,
                Some(user) => {
                    if let Entry::Vacant(unknown) = waiting.entry(user) {
                        unknown.insert(self.questions.waiting(user, now).await?);
                    }
                    let question = waiting.get(&user).into_iter().flatten().find(|(_, request)| request.id == asked.id);
                    overview.expires_at = question.map(|(_, request)| request.expires_at);
                    if question.is_some_and(|(_, request)| request.is_pending(now)) {
                        Status::Pending
                    } else {
                        Status::Expired
                    }
                }
            },
        };
        Ok(overview)
    }
}
