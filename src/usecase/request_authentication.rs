//! A relying party asks [CIBA §7]: who is meant, which devices can answer, and the question is
//! saved before anybody hears of it.

use std::sync::Arc;
use std::time::Duration;

use crate::call;
use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::{Asker, AuthenticationRequest, Denial, Polling, REMEMBER, State};
use crate::domain::client::{Backchannel, Client, Delivery, GrantType, NumberMatching};
use crate::domain::flow::Facts;
use crate::domain::inbox::{Added, Limits, Standing};
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::ping::{AFTER_THE_ANSWER, Ping};
use crate::entropy::Entropy;
use crate::failpoint;
use crate::protocol::acr::Acr;
use crate::protocol::admin_scope::is_administrative;
use crate::protocol::backchannel_authentication::{BackchannelAuthenticationRequest, Hint};
use crate::protocol::client_notification_token::ClientNotificationToken;
use crate::protocol::dpop;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{AuthReqId, NotificationId, RequestId, UserId};
use crate::protocol::jwt::Thumbprint;
use crate::protocol::parameters::Parameters;
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Kind, Outbox};
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::callbacks::Callbacks;
use crate::usecase::device_trust::evaluate::Evaluate;
use crate::usecase::put_question::{PutQuestion, challenge};
use crate::usecase::rates::Rate;
use crate::usecase::read_question::ReadQuestion;
use crate::usecase::resolve_hint::{Meant, ResolveHint};
use crate::usecase::spend_pushes::SpendPushes;

pub struct RequestAuthentication {
    pub questions: PutQuestion,
    pub ledger: Ledger,
    pub read: ReadQuestion,
    pub hints: ResolveHint,
    pub callbacks: Callbacks,
    pub outbox: Outbox,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub policy: Policy,
    /// Of each client.
    pub requests: Rate,
    /// About each person.
    pub asked: Rate<UserId>,
    pub evaluate: Evaluate,
    pub pushes: SpendPushes,
}

#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub default_expiry: Duration,
    pub max_expiry: Duration,
    /// Seconds.
    pub interval: u16,
    /// A hint that leads to nobody is accepted and expires, instead of `unknown_user_id`.
    pub uniform: bool,
    pub limits: Limits,
}

/// [CIBA §7.3]
#[derive(Debug)]
pub struct Acknowledgement {
    pub auth_req_id: AuthReqId,
    pub expires_in: Duration,
    /// Seconds.
    pub interval: u16,
    /// What the client shows, when it opted in.
    pub number_matching: Option<(NumberMatching, u8)>,
    pub request: RequestId,
}

impl RequestAuthentication {
    #[tracing::instrument(level = "debug", name = "request_authentication", skip_all)]
    /// `key`: what a DPoP proof has shown.
    pub async fn request(
        &self,
        client: &AuthenticatedClient,
        parameters: &Parameters,
        key: Option<Thumbprint>,
    ) -> Result<Acknowledgement, Error> {
        failpoint::hit("K1");
        let now = self.clock.now();
        let backchannel = match &client.backchannel {
            // [FAPI-CIBA §5.2.2] and no public client, whatever is registered.
            Some(backchannel) if client.may(GrantType::Ciba) && !client.is_public() => backchannel,
            Some(_) | None => {
                return Err(
                    Refusal::new(ErrorCode::UnauthorizedClient, "The client is not registered for CIBA.").into()
                );
            }
        };
        self.requests.count(&client.id, now)?;
        let read = self.read.read(client, backchannel, parameters, now).await?;
        let parameters = read.as_ref().unwrap_or(parameters);
        let asked = BackchannelAuthenticationRequest::parse(parameters)?;
        let token = match &backchannel.delivery {
            Delivery::Poll => None,
            Delivery::Ping { .. } => Some(ClientNotificationToken::required(parameters)?),
        };
        let key = dpop::one_key(asked.dpop_jkt, key)?;
        if asked.dpop_jkt.is_some() && client.tls_client_certificate_bound_access_tokens {
            return Err(dpop::NOT_TO_A_KEY.into());
        }
        let acr = held_against(client, backchannel, &asked)?;
        let code = asked.user_code.as_ref().filter(|_| backchannel.user_code);
        let meant = self.hints.resolve(client, &asked.hint, code, now).await?;
        // Nobody as well as somebody: the limit tells no difference.
        self.asked.count(&meant.id(), now)?;

        let by = self.mfa_policy(client, &asked, now).await?;
        let by = by.as_deref();
        let number_matching = by.map_or(backchannel.number_matching, |by| by.matching_for(backchannel.number_matching));
        let longest = by.map_or(self.policy.max_expiry, |by| by.asked_for().min(self.policy.max_expiry));
        let expires_in = asked.requested_expiry.unwrap_or(self.policy.default_expiry).min(longest);
        let auth_req_id = AuthReqId::for_key(self.entropy.token(), key);
        let mut request = AuthenticationRequest {
            about: None,
            id: RequestId::new(self.entropy.ordered_uuid(now)),
            notification: NotificationId::new(self.entropy.uuid()),
            client: client.id.clone(),
            asker: Asker::Client,
            user: meant.id(),
            scope: asked.scope,
            acr,
            binding_message: asked.binding_message,
            challenge: challenge(&self.entropy, number_matching),
            issued_at: now,
            expires_at: now + expires_in,
            polling: Polling { interval: self.policy.interval, last: None },
            state: State::Pending,
        };
        call::about(request.id.uuid());
        if let Meant::Person(user) = &meant {
            call::about_person(&user.username);
        }
        failpoint::hit("K2");
        match token {
            None => self.put(&mut request, &auth_req_id, by).await?,
            // In a box: most requests have no use for the room.
            Some(token) => Box::pin(self.put_to_be_told(client, &mut request, (&auth_req_id, token), by)).await?,
        }

        let mut event = Event::new(self.entropy.ordered_uuid(now), now, Action::RequestCreated)
            .client(&client.id)
            .request(request.id);
        match &meant {
            Meant::Person(user) => event.user = Some(user.id),
            Meant::Nobody(_) => event.reason = Some("nobody is behind the hint".to_owned()),
        }
        if let Asker::ByPolicy(asked) = request.asker {
            event.device = asked;
        }
        if request.state == State::Denied(Denial::NoDevice) {
            event.reason = Some(Denial::NoDevice.as_str().to_owned());
        }
        self.ledger.audit(event).await;
        failpoint::hit("K5");
        Ok(Acknowledgement {
            auth_req_id,
            expires_in,
            interval: self.policy.interval,
            number_matching: number_matching.zip(request.challenge.number()),
            request: request.id,
        })
    }

    /// The MFA policy that says how people are asked for this client, where its sign-on policy asks for a second factor: of
    /// somebody whom no browser brings, and who has shown nothing.
    async fn mfa_policy(
        &self,
        client: &Client,
        asked: &BackchannelAuthenticationRequest,
        now: Timestamp,
    ) -> Result<Option<Arc<MfaPolicy>>, StoreError> {
        let sign_on = self.evaluate.directory.sign_on().await?;
        let values = asked.acr_values.as_deref().unwrap_or_default().split(' ');
        let facts = Facts {
            client: &client.id,
            scope: &asked.scope,
            asked: values.filter_map(Acr::parse).max(),
            authenticated_at: None,
            reached: None,
            from: None,
            person: None,
            now,
        };
        match sign_on.policy_of(client).and_then(|policy| policy.second_factor(&facts)) {
            Some(id) => self.evaluate.policy(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same for a client that will be told. How, is saved before anybody can decide.
    async fn put_to_be_told(
        &self,
        client: &Client,
        request: &mut AuthenticationRequest,
        (auth_req_id, token): (&AuthReqId, ClientNotificationToken),
        by: Option<&MfaPolicy>,
    ) -> Result<(), Error> {
        let (now, digest) = (request.issued_at, auth_req_id.digest());
        let lifetime = request.expires_at.since(now) + REMEMBER;
        self.callbacks.keep(auth_req_id, &token, client.created_at, lifetime).await?;
        if let Err(error) = self.put(request, auth_req_id, by).await {
            // If it stays, it ends by itself.
            let _ = self.callbacks.forget(&digest).await;
            return Err(error);
        }
        if request.state != State::Pending {
            let ping = Ping::of_request(request, digest);
            let due = now + AFTER_THE_ANSWER;
            self.outbox.put_for_later(ping.id(), Kind::Ping, &ping.encode(), (now, due)).await?;
        }
        Ok(())
    }

    /// Put to whoever can answer; where an MFA policy says who that is, to that phone.
    async fn put(
        &self,
        request: &mut AuthenticationRequest,
        auth_req_id: &AuthReqId,
        by: Option<&MfaPolicy>,
    ) -> Result<(), Error> {
        if let Some(policy) = by {
            request.asker = Asker::ByPolicy(self.evaluate.phone(request.user, policy).await?.ok());
        }
        let (devices, digest) = (self.questions.devices_for(request).await?, auth_req_id.digest());
        if devices.is_empty() && !self.policy.uniform {
            // [flows F12] accepted, then denied: the client learns nothing about devices here.
            request.state = State::Denied(Denial::NoDevice);
            return Ok(self.questions.save(&digest, request).await?);
        }
        let inbox = (Standing::Stranger, self.policy.limits);
        if let Some(policy) = by {
            self.may_ask(request, &digest, policy, inbox).await?;
        }
        has_room(self.questions.put(request, &digest, &devices, inbox).await?, request.issued_at)
    }

    /// Counted last, where there is somebody to ask and room for it: whoever cannot be asked is not locked by that. Nobody
    /// as well as somebody: the limit tells no difference.
    async fn may_ask(
        &self,
        request: &AuthenticationRequest,
        digest: &Digest<AuthReqId>,
        policy: &MfaPolicy,
        inbox: (Standing, Limits),
    ) -> Result<(), Error> {
        let now = request.issued_at;
        has_room(self.questions.room(request, digest, inbox).await?, now)?;
        match self.pushes.spend((&request.client, request.id), (request.user, "en"), policy, now).await? {
            None => Ok(()),
            Some(until) => Err(too_many(until, now)),
        }
    }
}

fn has_room(added: Added, now: Timestamp) -> Result<(), Error> {
    match added {
        Added::Yes => Ok(()),
        Added::Full { until } => Err(too_many(until, now)),
    }
}

fn too_many(until: Timestamp, now: Timestamp) -> Error {
    Error::TooMany { retry_after: until.since(now).max(Duration::from_secs(1)) }
}

/// Whether this client may ask so. What context is asked for, then.
fn held_against(
    client: &AuthenticatedClient,
    registered: &Backchannel,
    asked: &BackchannelAuthenticationRequest,
) -> Result<Acr, Refusal> {
    if registered.require_hint_token && matches!(asked.hint, Hint::Login(_)) {
        let told = "login_hint is not accepted of this client: login_hint_token or id_token_hint is required.";
        return Err(Refusal::invalid_request(told));
    }
    // What a client may administer is no person's to approve.
    if !asked.scope.is_within(&client.scope) || asked.scope.names().any(is_administrative) {
        return Err(Refusal::new(ErrorCode::InvalidScope, "A scope is unknown or not for this client."));
    }
    // [FAPI-CIBA §5.2.2] whoever is asked can tell this question from another one.
    if client.demands().binding_message && asked.binding_message.is_none() {
        let told = "binding_message is required by the security profile.";
        return Err(Refusal::new(ErrorCode::InvalidBindingMessage, told));
    }
    // [CIBA §13] of whomever it is: who has none is nobody's affair.
    if registered.user_code && asked.user_code.is_none() {
        return Err(Refusal::new(ErrorCode::MissingUserCode, "user_code is required of this client."));
    }
    let best = if registered.number_matching.is_some() { Acr::DeviceNumber } else { Acr::Device };
    Acr::choose(asked.acr_values.as_deref(), best)
        .ok_or(Refusal::invalid_request("None of the acr_values can be satisfied."))
}
