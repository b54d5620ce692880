//! A poll of the token endpoint [CIBA §10.1, §11]: pending, refused, or turned into tokens once.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::call;
use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::{AuthenticationRequest, Claim, Poll, Polling, REMEMBER, Redeemable};
use crate::domain::client::{Client, GrantType};
use crate::domain::grant::Grant;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::metrics::{Limit, OneMore, PollAnswer, metrics};
use crate::protocol::acr::AMR_DEVICE;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::dpop;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::extent::Extent;
use crate::protocol::id::{AuthReqId, GrantId, RequestId};
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;
use crate::secret::Digest;
use crate::store::ephemeral::{Found, Lifetime, Shelf, StoreError};
use crate::store::sql::decisions::Decisions;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::{Granted, Ledger};
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::held::{Entered, Held};
use crate::usecase::issue::{Along, Issue, TokenResponse};
use crate::usecase::prove_possession::suffices;

/// How often a held poll looks again by itself, in case a wake-up was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What [`Redeem::look`] saw.
pub struct Seen(Result<Option<Found<AuthenticationRequest>>, StoreError>);

pub struct Redeem {
    pub requests: Shelf<AuthenticationRequest>,
    pub directory: Arc<Directory>,
    pub ledger: Ledger,
    pub decisions: Decisions,
    pub issue: Arc<Issue>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    /// How long a poll of a long-polling client is held.
    pub hold: Duration,
    /// Seconds between polls.
    pub interval: u16,
    pub held: Held,
    /// Ends every held poll.
    pub shutdown: CancellationToken,
}

impl Redeem {
    /// Reads the request that is polled, if one is. It changes nothing, so it may happen before anybody
    /// knows who asks.
    pub async fn look(&self, parameters: &Parameters) -> Seen {
        let polls = parameters.get("grant_type") == Some(GrantType::Ciba.as_str());
        Seen(match parameters.get("auth_req_id").filter(|_| polls) {
            Some(id) => self.requests.find(&AuthReqId::presented(id).digest()).await,
            None => Ok(None),
        })
    }

    #[tracing::instrument(level = "debug", name = "redeem", skip_all)]
    pub async fn redeem(
        &self,
        client: &AuthenticatedClient,
        auth_req_id: &AuthReqId,
        seen: Seen,
        bound_to: Option<Confirmation>,
    ) -> Result<TokenResponse, Error> {
        let answer = self.answer(client, auth_req_id, seen, bound_to).await;
        metrics().polled(counted(&answer));
        answer
    }

    async fn answer(
        &self,
        client: &AuthenticatedClient,
        auth_req_id: &AuthReqId,
        Seen(seen): Seen,
        bound_to: Option<Confirmation>,
    ) -> Result<TokenResponse, Error> {
        let mut seen = seen?;
        client.needs(GrantType::Ciba)?;
        // Before anything is told of the request; and this counts as no poll.
        fits(auth_req_id, bound_to)?;
        let digest = auth_req_id.digest();
        let claim = Claim(u64::from_be_bytes(self.entropy.bytes()));
        let mut poll = self.poll(client, &digest, claim, &mut seen).await?;
        let holds = client.backchannel.as_ref().is_some_and(|backchannel| backchannel.long_poll);
        if poll == Some(Poll::Pending) && holds {
            // [CIBA §11] one request is polled once at a time.
            poll = match self.held.enter(digest, &client.id) {
                Entered::Full => {
                    metrics().limited(Limit::HeldPolls);
                    poll
                }
                Entered::Twice => {
                    let slowed = |request: AuthenticationRequest| (request.slowed(), Poll::SlowDown);
                    self.requests.update(&digest, Lifetime::Keep, slowed).await?
                }
                Entered::Held(_place) => {
                    let (begin, _held) = (tokio::time::Instant::now(), OneMore::of(&metrics().held_polls));
                    let poll = Box::pin(self.wait(client, &digest, claim, &mut seen)).await;
                    call::held(begin.elapsed());
                    poll?
                }
            };
        }
        match poll {
            Some(Poll::Claimed(redeemable)) => {
                // In a box: most polls have no use for the room.
                Box::pin(self.turn_into_tokens(client, (auth_req_id, bound_to), claim, *redeemable, seen)).await
            }
            other => Err(self.not_claimed(other.as_ref(), seen.as_ref())),
        }
    }

    fn not_claimed(&self, poll: Option<&Poll>, seen: Option<&Found<AuthenticationRequest>>) -> Error {
        let refusal = refusal(poll);
        let wait = match poll {
            Some(Poll::Pending | Poll::SlowDown) => match seen.map(Found::value) {
                Some(Ok(request)) => request.wait(self.clock.now()),
                Some(Err(_)) | None => Duration::from_secs(u64::from(self.interval)),
            },
            Some(Poll::Busy) => Duration::from_secs(1),
            Some(_) | None => return refusal.into(),
        };
        Error::NotYet { refusal, wait }
    }

    /// `seen` becomes the request after the poll.
    async fn poll(
        &self,
        client: &AuthenticatedClient,
        digest: &Digest<AuthReqId>,
        claim: Claim,
        seen: &mut Option<Found<AuthenticationRequest>>,
    ) -> Result<Option<Poll>, StoreError> {
        let now = self.clock.now();
        let poll = |request: AuthenticationRequest| {
            call::about(request.id.uuid());
            request.poll(&client.id, claim, now)
        };
        if let Some(found) = seen.take()
            && let Some((poll, became)) = self.requests.change(digest, found, Lifetime::Keep, poll).await?
        {
            *seen = Some(became);
            return Ok(Some(poll));
        }
        // A store that lost its data forgets undecided requests only: what was decided, SQL knows.
        let Some(record) = self.decisions.find_by_digest(digest).await? else { return Ok(None) };
        let lifetime = (record.expires_at + REMEMBER).since(now);
        if lifetime.is_zero() {
            return Ok(None);
        }
        let request = AuthenticationRequest::rebuilt(&record, Polling { interval: self.interval, last: None });
        self.requests.insert(digest, &request, lifetime).await?;
        self.requests.update(digest, Lifetime::Keep, poll).await
    }

    /// Holds a pending poll until something happens, the time is over or the server stops.
    async fn wait(
        &self,
        client: &AuthenticatedClient,
        digest: &Digest<AuthReqId>,
        claim: Claim,
        seen: &mut Option<Found<AuthenticationRequest>>,
    ) -> Result<Option<Poll>, StoreError> {
        let until = tokio::time::Instant::now() + self.hold;
        // First watch, then look: what happens in between wakes us.
        let mut wakeups = self.requests.watch(digest).await;
        loop {
            let now = self.clock.now();
            *seen = self.requests.find(digest).await?;
            let left = match seen.as_ref().map(Found::value).transpose()? {
                Some(request) if request.is_pending(now) => request.expires_at.since(now),
                Some(_) | None => return self.poll(client, digest, claim, seen).await,
            };
            let look_again = tokio::time::Instant::now() + left.min(LOOK_AGAIN) + Duration::from_millis(1);
            tokio::select! {
                () = wakeups.woken() => {}
                () = tokio::time::sleep_until(look_again.min(until)) => {
                    if tokio::time::Instant::now() >= until {
                        return Ok(Some(Poll::Pending));
                    }
                }
                () = self.shutdown.cancelled() => return Ok(Some(Poll::Pending)),
            }
        }
    }

    /// The claim is ours for the length of the lease. SQL decides finally: of all who try, one
    /// inserts the grant.
    async fn turn_into_tokens(
        &self,
        client: &AuthenticatedClient,
        (auth_req_id, bound_to): (&AuthReqId, Option<Confirmation>),
        claim: Claim,
        redeemable: Redeemable,
        claimed: Option<Found<AuthenticationRequest>>,
    ) -> Result<TokenResponse, Error> {
        failpoint::hit("K11");
        let digest = auth_req_id.digest();
        let result = self.grant(client, auth_req_id, bound_to, redeemable).await;
        match &result {
            Ok(_) => {
                self.settle(&digest, claimed, AuthenticationRequest::redeemed).await;
                failpoint::hit("K14");
            }
            Err(Error::Refused(refusal)) if refusal.code == ErrorCode::InvalidGrant => {
                self.settle(&digest, claimed, AuthenticationRequest::redeemed).await;
            }
            Err(Error::Recorded(refusal)) if refusal.code == ErrorCode::AccessDenied => {
                self.settle(&digest, claimed, AuthenticationRequest::withheld).await;
            }
            // No answer is no commit, as far as we know: the next poll tries again, and where there was
            // one after all, SQL says so then.
            Err(
                Error::Refused(_)
                | Error::NotYet { .. }
                | Error::Recorded(_)
                | Error::TooMany { .. }
                | Error::Busy { .. }
                | Error::Unavailable(_),
            ) => {
                let released = self.requests.update(&digest, Lifetime::Keep, |request| (request.released(claim), ()));
                if released.await.is_err() {
                    tracing::warn!(auth_req.digest = %digest, "a claim was not released; its lease will end");
                }
            }
        }
        result
    }

    async fn grant(
        &self,
        client: &AuthenticatedClient,
        auth_req_id: &AuthReqId,
        bound_to: Option<Confirmation>,
        redeemable: Redeemable,
    ) -> Result<TokenResponse, Error> {
        let now = self.clock.now();
        let Redeemable { request, user, scope, acr, issued_at, approval } = redeemable;
        // [reliability I12] what was true at the approval may no longer be; nor, after a held poll, what was
        // true when the client authenticated. One that was registered anew under the name is another.
        let registered = client.created_at;
        let client = self
            .directory
            .client(&client.id)
            .await?
            .filter(|client| !client.disabled && client.created_at == registered && client.may(GrantType::Ciba))
            .ok_or_else(|| Refusal::invalid_client("stopped since it authenticated"))?;
        let demands = self.issue.profiles.of(&client);
        demands.admit(&client)?;
        suffices(&client, &demands, bound_to)?;
        let grant = Grant {
            id: GrantId::new(self.entropy.ordered_uuid(now)),
            request: Some(request),
            client: client.id.clone(),
            user,
            device: Some(approval.device),
            session: None,
            // [CIBA §7.1] no public client comes here.
            bound_to: None,
            scope,
            extent: Extent::default(),
            acr,
            amr: AMR_DEVICE.join(" "),
            authenticated_at: approval.at,
            created_at: now,
            revoked_at: None,
        };
        let grant = match self.standing(&client, &grant, issued_at).await? {
            Ok(scope) => Grant { scope, ..grant },
            Err(why) => return Err(self.withhold(grant, why).await?),
        };
        let minted = self.issue.mint(&client, &grant, &Along::request(auth_req_id).bound_to(bound_to), now)?;
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::RequestRedeemed)
            .client(&client.id)
            .user(user)
            .device(approval.device)
            .request(request);
        let granted = self.ledger.grant(grant, minted.refresh_row, minted.access_row, event).await?;
        failpoint::hit("K13");
        match granted {
            Granted::First => Ok(minted.response),
            // Only the poll that got the tokens marks the request; this one found it unmarked.
            Granted::Already => Err(self.granted_before(request).await?),
            // Of an approval on a phone: no browser has a session in it, and it is asked for each time.
            Granted::SessionEnded | Granted::ConsentWithdrawn => Err(lost().into()),
        }
    }

    /// The scope that may be given now, or why nothing may.
    async fn standing(
        &self,
        client: &Client,
        grant: &Grant,
        issued_at: Timestamp,
    ) -> Result<Result<Scope, &'static str>, Error> {
        let Some(user) = self.directory.user(&grant.user).await?.filter(|user| user.is_active()) else {
            return Ok(Err("the user is locked, disabled or gone"));
        };
        call::about_person(&user.username);
        let devices = self.directory.devices_of(&grant.user).await?;
        if !devices.iter().any(|(device, _)| Some(device.id) == grant.device && device.may_answer(issued_at)) {
            return Ok(Err("the approving device is blocked or unpaired"));
        }
        // What the client may ask for may have changed as well.
        Ok(grant.scope.within(&client.scope).ok_or("the client may ask for nothing of the request any more"))
    }

    /// The client is told that the request was denied, and that is the last word: a person who is
    /// unlocked, or a device that is unblocked, must not bring the approval back. SQL remembers it as a
    /// grant that was revoked when it was given.
    async fn withhold(&self, grant: Grant, why: &'static str) -> Result<Error, Error> {
        let (Some(request), Some(device), now) = (grant.request, grant.device, grant.created_at) else {
            return Ok(denied(why).into());
        };
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::RequestRedeemed)
            .client(&grant.client)
            .user(grant.user)
            .device(device)
            .request(request)
            .refused(why.to_owned());
        let grant = Grant { revoked_at: Some(now), ..grant };
        match self.ledger.grant(grant, None, None, event).await? {
            Granted::First => Ok(Error::Recorded(denied(why))),
            Granted::Already => self.granted_before(request).await,
            Granted::SessionEnded | Granted::ConsentWithdrawn => Ok(denied(why).into()),
        }
    }

    /// Why a request that has a grant gives none: tokens were given, or withheld for good.
    async fn granted_before(&self, request: RequestId) -> Result<Error, Error> {
        let withheld = self.decisions.was_withheld(request).await?;
        Ok(if withheld { Error::Recorded(denied("withheld before")) } else { lost().into() })
    }

    async fn settle(
        &self,
        digest: &Digest<AuthReqId>,
        claimed: Option<Found<AuthenticationRequest>>,
        end: fn(AuthenticationRequest) -> AuthenticationRequest,
    ) {
        let end = |request: AuthenticationRequest| (end(request), ());
        let settled = match claimed {
            Some(claimed) => self.requests.change(digest, claimed, Lifetime::Keep, end).await.map(drop),
            None => self.requests.update(digest, Lifetime::Keep, end).await.map(drop),
        };
        if let Err(error) = settled {
            // What was given or withheld stands in SQL; whoever claims again is refused there.
            tracing::warn!(auth_req.digest = %digest, %error, "the end of a request was not marked");
        }
    }
}

/// Whether what was shown is the key that the request was for, if it was for one [RFC 9449 §10].
fn fits(auth_req_id: &AuthReqId, bound_to: Option<Confirmation>) -> Result<(), Refusal> {
    match (auth_req_id.key(), bound_to.and_then(Confirmation::key)) {
        (None, _) => Ok(()),
        (Some(own), Some(shown)) if own == shown => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::invalid_grant("the auth_req_id is for another key")),
        (Some(_), None) => Err(dpop::refused("The auth_req_id needs a DPoP proof by the key of its request.")),
    }
}

/// The grant was committed, but nobody knows whether its tokens have arrived: the node died, or the
/// answer of the database or our own was lost. They are not given again.
fn lost() -> Refusal {
    Refusal::new(
        ErrorCode::InvalidGrant,
        "The tokens of this auth_req_id were issued before. If they did not arrive, start a new request.",
    )
    .because("redeemed already, and perhaps the tokens never arrived")
}

fn denied(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::AccessDenied, "The request was denied.").because(why)
}

fn counted(answer: &Result<TokenResponse, Error>) -> PollAnswer {
    let refusal = match answer {
        Ok(_) => return PollAnswer::Issued,
        Err(Error::Refused(refusal) | Error::Recorded(refusal) | Error::NotYet { refusal, .. }) => refusal,
        Err(Error::TooMany { .. } | Error::Busy { .. } | Error::Unavailable(_)) => return PollAnswer::Unavailable,
    };
    // Codes are the words of the wire; a poll knows few of them.
    if refusal.code == ErrorCode::AuthorizationPending {
        PollAnswer::Pending
    } else if refusal.code == ErrorCode::SlowDown {
        PollAnswer::SlowDown
    } else if refusal.code == ErrorCode::ExpiredToken {
        PollAnswer::Expired
    } else if refusal.code == ErrorCode::AccessDenied {
        PollAnswer::Denied
    } else {
        PollAnswer::Invalid
    }
}

fn refusal(poll: Option<&Poll>) -> Refusal {
    match poll {
        None => Refusal::invalid_grant("unknown auth_req_id"),
        Some(Poll::Foreign) => Refusal::invalid_grant("another client's auth_req_id"),
        Some(Poll::Redeemed) => Refusal::invalid_grant("redeemed already"),
        Some(Poll::Cancelled) => Refusal::invalid_grant("cancelled by the client"),
        Some(Poll::Pending | Poll::Claimed(_)) => {
            Refusal::new(ErrorCode::AuthorizationPending, "The person has not answered yet.")
        }
        Some(Poll::SlowDown) => {
            Refusal::new(ErrorCode::SlowDown, "Polled too early: the interval is 5 seconds longer from now on.")
        }
        Some(Poll::Busy) => Refusal::new(ErrorCode::SlowDown, "Another poll is being answered.")
            .because("busy: the approval is being redeemed by another poll"),
        Some(Poll::Expired) => Refusal::new(ErrorCode::ExpiredToken, "The auth_req_id has expired."),
        Some(Poll::Denied) => denied("denied"),
    }
}
