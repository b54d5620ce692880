//! The answer of a flow in which nothing is left to ask: a session, a code, what the person agreed to.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::code::{Code, REMEMBER};
use crate::domain::device_authorization::{Connected, DeviceAuthorization, Settled};
use crate::domain::flow::{At, Flow};
use crate::domain::session::{Authentication, Session};
use crate::entropy::Entropy;
use crate::protocol::authorization_response::AuthorizationResponse;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{AuthorizationCode, FlowId, SessionId, SessionToken, UserId};
use crate::store::ephemeral::{Lifetime, Shelf};
use crate::store::sql::ledger::Ledger;
use crate::store::sql::sessions::Replaced;
use crate::usecase::Error;
use crate::usecase::sign_in::shown::{Shown, refused};
use crate::usecase::sign_in::{Browser, Known};

pub struct Conclude {
    pub shown: Arc<Shown>,
    pub known: Arc<Known>,
    pub codes: Shelf<Code>,
    pub devices: Shelf<DeviceAuthorization>,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// What a flow came to.
#[derive(Debug)]
pub struct Concluded {
    pub response: AuthorizationResponse,
    /// For the browser, where it has none that counts.
    pub session: Option<SessionToken>,
}

/// Who is signed in now, and where.
struct Entered {
    user: UserId,
    authentication: Authentication,
    session: SessionId,
    /// Of a new session.
    token: Option<SessionToken>,
}

impl Conclude {
    /// The person is signed in, and what they agreed to is remembered. `Refused`: something changed since the
    /// person was authenticated.
    async fn enter(&self, flow: &Flow, browser: &Browser, now: Timestamp) -> Result<Entered, Error> {
        let Some((user, authentication)) = flow.user().zip(flow.authenticated.as_ref()) else {
            return Err(Refusal::new(ErrorCode::ServerError, "Nobody was authenticated.").into());
        };
        let active = self.known.directory.user(&user).await?.is_some_and(|user| user.is_active());
        if !active {
            return Err(Refusal::new(ErrorCode::AccessDenied, "The person may not sign in.")
                .because("the user is locked, disabled or gone")
                .into());
        }
        if self.known.client(&flow.client).await?.is_none() {
            return Err(Refusal::new(ErrorCode::UnauthorizedClient, "The client may not have people sign in.").into());
        }
        let event = |action| self.event(action, flow, now).user(user);
        let (session, token) = match flow.session {
            Some(session) if self.known.sessions.is_live(session, now).await? => {
                self.known.sessions.seen(session, now).await?;
                (session, None)
            }
            // It ended since: what it stood for was not proved to us in this flow.
            Some(_) => return Err(Refusal::new(ErrorCode::LoginRequired, "The session has ended.").into()),
            None => {
                let (session, token) = self
                    .begin_session(user, authentication.clone(), browser, &event(Action::SessionBegun), now)
                    .await?;
                (session, Some(token))
            }
        };
        if let Some(agreed) = &flow.agreed {
            self.known.consents.add(user, &flow.client, agreed, &event(Action::ConsentGiven), now).await?;
        }
        Ok(Entered { user, authentication: authentication.clone(), session, token })
    }

    fn event(&self, action: Action, flow: &Flow, now: Timestamp) -> Event {
        Event::new(self.entropy.ordered_uuid(now), now, action).client(&flow.client).request(flow.transaction)
    }

    /// The answer for the relying party.
    pub async fn conclude(&self, flow: &Flow, browser: &Browser) -> Result<Concluded, Error> {
        let now = self.clock.now();
        let Entered { user, authentication, session, token } = self.enter(flow, browser, now).await?;
        let code = AuthorizationCode::new(self.entropy.token());
        let worth = Code {
            transaction: flow.transaction,
            client: flow.client.clone(),
            redirect_uri: flow.request.destination.redirect_uri.clone(),
            challenge: flow.request.challenge,
            dpop_jkt: flow.request.dpop_jkt,
            user,
            session,
            scope: flow.granted(),
            nonce: flow.request.nonce.clone(),
            extent: flow.extent(),
            authentication,
            issued_at: now,
            burnt: false,
        };
        self.codes.insert(&code.digest(), &worth, REMEMBER).await?;
        self.ledger.audit(self.event(Action::SignInCompleted, flow, now).user(user)).await;
        Ok(Concluded { response: AuthorizationResponse::default().with("code", code.expose().clone()), session: token })
    }

    /// The device that waits for the flow is told what came of it [RFC 8628 §3.3], by the first who says so.
    pub async fn connect(&self, flow: Flow, browser: &Browser) -> Result<(Flow, Option<SessionToken>), Error> {
        let now = self.clock.now();
        let Some(code) = flow.device.as_ref().map(|device| device.code) else { return Ok((flow, None)) };
        let (settled, token, event) = if flow.at == At::Ready {
            let Entered { user, authentication, session, token } = self.enter(&flow, browser, now).await?;
            let connected = Connected { user, scope: flow.granted().clone(), authentication, session };
            let connect = |device: DeviceAuthorization| device.connected(&connected, now);
            let settled = self.devices.update(&code, Lifetime::Keep, connect).await?;
            (settled, token, self.event(Action::DeviceAuthorizationApproved, &flow, now).user(user))
        } else {
            let refuse = |device: DeviceAuthorization| device.refused(now);
            let settled = self.devices.update(&code, Lifetime::Keep, refuse).await?;
            (settled, None, self.event(Action::DeviceAuthorizationDenied, &flow, now))
        };
        match (settled, &flow.at) {
            (Some(Settled::Connected), At::Ready) => {
                self.ledger.audit(event).await;
                Ok((flow.connected(), token))
            }
            (Some(Settled::Refused), At::Failed(_)) => {
                self.ledger.audit(event).await;
                Ok((flow, token))
            }
            // Somebody else was first, or the device waits no more.
            (Some(Settled::Connected | Settled::Refused | Settled::Expired) | None, _) => {
                Err(Refusal::invalid_request("The device does not wait any more.").into())
            }
        }
    }

    /// Without a browser, the answer goes into the flow, and may be a refusal.
    pub async fn complete(
        &self,
        id: &FlowId,
        flow: Flow,
        browser: &Browser,
    ) -> Result<(Flow, Option<SessionToken>), Error> {
        let (response, session) = match self.conclude(&flow, browser).await {
            Ok(concluded) => (concluded.response, concluded.session),
            Err(Error::Refused(refusal)) => (refused(&refusal), None),
            Err(error) => return Err(error),
        };
        Ok((self.shown.with_answer(id, flow, response)?, session))
    }

    async fn begin_session(
        &self,
        user: UserId,
        authentication: Authentication,
        browser: &Browser,
        event: &Event,
        now: Timestamp,
    ) -> Result<(SessionId, SessionToken), Error> {
        let before = match &browser.session {
            Some(token) => self.known.sessions.find(&token.digest(), now).await?,
            None => None,
        };
        let token = SessionToken::new(self.entropy.token());
        let session = Session {
            id: SessionId::new(self.entropy.uuid()),
            token: token.digest(),
            user,
            authentication,
            created_at: now,
            seen_at: now,
        };
        let ended = before
            .as_ref()
            .map(|before| Event::new(self.entropy.ordered_uuid(now), now, Action::SessionEnded).user(before.user));
        let replaces = before.as_ref().zip(ended.as_ref()).map(|(session, ended)| Replaced { session, ended });
        Ok((self.known.sessions.begin(&session, replaces, event).await?, token))
    }
}
