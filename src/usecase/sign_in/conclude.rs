//! The answer of a flow in which nothing is left to ask: a session, a code, what the person agreed to.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::Client;
use crate::domain::code::{Code, REMEMBER, given_beside};
use crate::domain::device_authorization::{Connected, DeviceAuthorization, Settled};
use crate::domain::flow::{At, Flow};
use crate::domain::grant::Grant;
use crate::domain::session::{Authentication, Session};
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::protocol::admin_scope::is_administrative;
use crate::protocol::authorization_response::AuthorizationResponse;
use crate::protocol::claims_request::Place;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{AuthorizationCode, ConsentId, DeviceId, FlowId, GrantId, SessionId, SessionToken, UserId};
use crate::protocol::scope::Scope;
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::store::sql::consents::Consents;
use crate::store::sql::ledger::{Granted, Ledger, Rests};
use crate::store::sql::sessions::Replaced;
use crate::usecase::Error;
use crate::usecase::issue::{InFront, Issue};
use crate::usecase::sign_in::known_devices::KnownDevices;
use crate::usecase::sign_in::shown::{Shown, refused};
use crate::usecase::sign_in::{Browser, Known, SignedIn};

pub struct Conclude {
    pub shown: Arc<Shown>,
    pub known: Arc<Known>,
    pub codes: Shelf<Code>,
    pub devices: Shelf<DeviceAuthorization>,
    pub ledger: Ledger,
    pub issue: Arc<Issue>,
    pub known_devices: Arc<KnownDevices>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// What a flow came to.
#[derive(Debug)]
pub struct Concluded {
    pub response: AuthorizationResponse,
    /// For the browser, where it has none that counts.
    pub session: Option<SignedIn>,
}

/// Who is signed in now, and where.
struct Entered {
    client: Arc<Client>,
    user: Arc<User>,
    authentication: Authentication,
    /// The trusted device that was there.
    device: Option<DeviceId>,
    session: SessionId,
    /// What the client has it by, where it has to ask.
    consent: Option<ConsentId>,
    /// Of a new session.
    signed_in: Option<SignedIn>,
}

impl Conclude {
    /// The person is signed in, and what they agreed to is remembered. `Refused`: something changed since the
    /// person was authenticated.
    async fn enter(&self, flow: &Flow, browser: &Browser, now: Timestamp) -> Result<Entered, Error> {
        let (Some(user), Some(own), Some(authentication)) =
            (flow.user(), flow.authenticated.as_ref(), flow.authentication())
        else {
            return Err(Refusal::new(ErrorCode::ServerError, "Nobody was authenticated.").into());
        };
        let Some(person) = self.known.directory.user(&user).await?.filter(|user| user.is_active()) else {
            return Err(Refusal::new(ErrorCode::AccessDenied, "The person may not sign in.")
                .because("the user is locked, disabled or gone")
                .into());
        };
        let Some(client) = self.known.client(&flow.client).await? else {
            return Err(Refusal::new(ErrorCode::UnauthorizedClient, "The client may not have people sign in.").into());
        };
        let device = flow.trusted.map(|trusted| trusted.device);
        if let Some(device) = device
            && !self.known.directory.may_answer(&user, device, now).await?
        {
            return Err(Refusal::new(ErrorCode::AccessDenied, "The device is trusted no more.").into());
        }
        let event = |action| self.event(action, flow, now).user(user);
        // It ended since: what it stood for was not proved to us in this flow.
        if let Some(session) = flow.leans_on()
            && !self.known.sessions.is_live(session, now).await?
        {
            return Err(Refusal::new(ErrorCode::LoginRequired, "The session has ended.").into());
        }
        let (session, signed_in) = if let Some(session) = flow.session {
            self.known.sessions.seen(session, now).await?;
            (session, None)
        } else {
            let whose = (user, flow.password);
            let begun = event(Action::SessionBegun);
            let begun = self.begin_session(whose, own.clone(), browser, &begun, now).await?;
            let Some((session, signed_in)) = begun else {
                return Err(Refusal::new(ErrorCode::LoginRequired, "The password has changed.").into());
            };
            (session, Some(signed_in))
        };
        if self.has_shown_app(flow, user).await? {
            self.known.sessions.shown_second(session, now).await?;
        }
        let consents = &self.known.consents;
        let consent = match &flow.agreed {
            Some(agreed) => consents.add(user, &flow.client, agreed, &event(Action::ConsentGiven), now).await?,
            // Remembered, if nobody has taken it back since.
            None => consents.find(user, &flow.client).await?.and_then(|given| given.id),
        };
        Ok(Entered { client, user: person, authentication, device, session, consent, signed_in })
    }

    /// Whether the person has brought a code of an authenticator app that they had before. Nothing else opens the pages on
    /// which it is removed: where an MFA policy has no apps, a password alone makes another second factor.
    async fn has_shown_app(&self, flow: &Flow, user: UserId) -> Result<bool, StoreError> {
        let Some(shown) = flow.code_shown_by() else { return Ok(false) };
        let apps = self.known.second_factors.evaluate.totp_devices.of_user(user).await?;
        let had = apps.iter().find(|own| own.id == shown).and_then(|own| own.activated_at);
        Ok(had.is_some_and(|since| since < flow.started_at))
    }

    fn event(&self, action: Action, flow: &Flow, now: Timestamp) -> Event {
        Event::new(self.entropy.ordered_uuid(now), now, action).client(&flow.client).request(flow.transaction)
    }

    /// The answer for the relying party.
    pub async fn conclude(&self, flow: &Flow, browser: &Browser) -> Result<Concluded, Error> {
        let now = self.clock.now();
        let entered = self.enter(flow, browser, now).await?;
        let mut response = AuthorizationResponse::default();
        let response_type = flow.request.response_type;
        let code = if response_type.has_code() {
            let code = self.code(flow, &entered, now).await?;
            response = response.with("code", code.expose().clone());
            Some(code)
        } else {
            None
        };
        let event = self.event(Action::SignInCompleted, flow, now).user(entered.user.id);
        if response_type.is_in_front() {
            response = self.in_front(flow, &entered, (response, code.as_ref()), event, now).await?;
        } else {
            self.ledger.audit(event).await;
        }
        Ok(Concluded { response, session: entered.signed_in })
    }

    async fn code(&self, flow: &Flow, entered: &Entered, now: Timestamp) -> Result<AuthorizationCode, StoreError> {
        let code = AuthorizationCode::new(self.entropy.token());
        let worth = Code {
            transaction: flow.transaction,
            client: flow.client.clone(),
            redirect_uri: flow.request.destination.redirect_uri.clone(),
            challenge: flow.request.challenge,
            dpop_jkt: flow.request.dpop_jkt,
            user: entered.user.id,
            session: entered.session,
            consent: entered.consent,
            scope: flow.granted(),
            nonce: flow.request.nonce.clone(),
            extent: flow.extent(),
            authentication: entered.authentication.clone(),
            password: flow.password,
            device: entered.device,
            enrolment: flow.enrolment.clone(),
            issued_at: now,
            burnt: false,
        };
        self.codes.insert(&code.digest(), &worth, REMEMBER).await?;
        Ok(code)
    }

    /// Tokens for the browser itself [OIDCC §3.2.2.5, §3.3.2.5]. Their grant is another one than that of the code: it
    /// ends with the session in any case, and has nothing that could be refreshed.
    async fn in_front(
        &self,
        flow: &Flow,
        entered: &Entered,
        (mut response, code): (AuthorizationResponse, Option<&AuthorizationCode>),
        event: Event,
        now: Timestamp,
    ) -> Result<AuthorizationResponse, Error> {
        let client = &entered.client;
        // What held when the flow began may not any more.
        let registered = client.sign_in.as_ref().map(|sign_in| sign_in.response_types.as_slice());
        if !registered.is_some_and(|registered| registered.contains(&flow.request.response_type)) {
            let told = "The client is not registered for this response_type.";
            return Err(Refusal::new(ErrorCode::UnauthorizedClient, told).into());
        }
        // What goes through a browser administers nothing, and is for while the person is there.
        let fits = |name: &str| name != Scope::OFFLINE_ACCESS && !is_administrative(name);
        let nothing = || Refusal::new(ErrorCode::InvalidScope, "The scope has nothing for this answer.");
        let scope = flow.granted().within(&client.scope).and_then(|scope| scope.only(fits)).ok_or_else(nothing)?;
        let extent = client.still(flow.extent(), &self.issue.issuer).ok_or_else(nothing)?;
        // [OIDCC §5.4] with an access token, and with a code that gives one, UserInfo tells.
        let alone = code.is_none() && !flow.request.response_type.has_token();
        let claims = entered.user.claims(|claim, value| {
            (alone && scope.contains(claim.scope())) || extent.claims.wants(Place::IdToken, claim, value)
        });
        let grant = Grant {
            id: GrantId::new(self.entropy.ordered_uuid(now)),
            request: code.map(|code| given_beside(&code.digest())),
            client: flow.client.clone(),
            user: entered.user.id,
            device: entered.device,
            session: Some(entered.session),
            bound_to: None,
            scope,
            extent,
            acr: entered.authentication.acr,
            amr: entered.authentication.amr.clone(),
            authenticated_at: entered.authentication.at,
            created_at: now,
            revoked_at: None,
        };
        let asked = InFront {
            response_type: flow.request.response_type,
            nonce: flow.request.nonce.as_deref(),
            state: flow.request.destination.state.as_deref(),
            code: code.map(|code| code.expose().as_str()),
            claims,
        };
        let minted = self.issue.mint_in_front(client, &grant, asked, now)?;
        if let Some(token) = &minted.access_token {
            response = response
                .with("access_token", token.expose().clone())
                .with("token_type", Confirmation::token_type(None))
                .with("expires_in", minted.expires_in.as_secs().to_string())
                .with("scope", grant.scope.to_string());
        }
        if let Some(token) = &minted.id_token {
            response = response.with("id_token", token.expose().clone());
        }
        let consent = Consents::needed(client, &flow.granted(), entered.consent);
        let on = Rests { session: grant.session, consent };
        match self.ledger.grant_on(on, grant, None, minted.access_row, event).await? {
            Granted::First => Ok(response),
            Granted::SessionEnded => Err(Refusal::new(ErrorCode::LoginRequired, "The session has ended.").into()),
            Granted::ConsentWithdrawn => {
                Err(Refusal::new(ErrorCode::ConsentRequired, "The person has taken back what they agreed to.").into())
            }
            Granted::Already => Err(StoreError::Corrupt("a code was drawn twice").into()),
        }
    }

    /// The device that waits for the flow is told what came of it [RFC 8628 §3.3], by the first who says so.
    pub async fn connect(&self, flow: Flow, browser: &Browser) -> Result<(Flow, Option<SignedIn>), Error> {
        let now = self.clock.now();
        let Some(code) = flow.device.as_ref().map(|device| device.code) else { return Ok((flow, None)) };
        let (settled, signed_in, event) = if flow.at == At::Ready {
            let Entered { user, authentication, device, session, consent, signed_in, .. } =
                self.enter(&flow, browser, now).await?;
            let user = user.id;
            let scope = flow.granted();
            let connected = Connected { user, scope, authentication, device, session, consent };
            let connect = |device: DeviceAuthorization| device.connected(&connected, now);
            let settled = self.devices.update(&code, Lifetime::Keep, connect).await?;
            (settled, signed_in, self.event(Action::DeviceAuthorizationApproved, &flow, now).user(user))
        } else {
            let refuse = |device: DeviceAuthorization| device.refused(now);
            let settled = self.devices.update(&code, Lifetime::Keep, refuse).await?;
            (settled, None, self.event(Action::DeviceAuthorizationDenied, &flow, now))
        };
        match (settled, &flow.at) {
            (Some(Settled::Connected), At::Ready) => {
                self.ledger.audit(event).await;
                Ok((flow.connected(), signed_in))
            }
            (Some(Settled::Refused), At::Failed(_)) => {
                self.ledger.audit(event).await;
                Ok((flow, signed_in))
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
    ) -> Result<(Flow, Option<SignedIn>), Error> {
        let (response, session) = match self.conclude(&flow, browser).await {
            Ok(concluded) => (concluded.response, concluded.session),
            Err(Error::Refused(refusal)) => (refused(&refusal), None),
            Err(error) => return Err(error),
        };
        Ok((self.shown.with_answer(id, flow, response)?, session))
    }

    async fn begin_session(
        &self,
        (user, password): (UserId, Option<Timestamp>),
        authentication: Authentication,
        browser: &Browser,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<(SessionId, SignedIn)>, Error> {
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
            second_at: None,
        };
        let ended = before
            .as_ref()
            .map(|before| Event::new(self.entropy.ordered_uuid(now), now, Action::SessionEnded).user(before.user));
        let replaces = before.as_ref().zip(ended.as_ref()).map(|(session, ended)| Replaced { session, ended });
        let begun = self.known.sessions.begin(&session, replaces, password, event).await?;
        let device = self.known_devices.after(browser.device.as_ref(), user, now);
        Ok(begun.map(|id| (id, SignedIn { session: token, device })))
    }
}
