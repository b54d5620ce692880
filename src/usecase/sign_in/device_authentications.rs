//! A server has somebody asked for a second factor, outside of any sign-in: the direct API [flows.md A.3, H.4]. What asks is
//! what asks in a flow; nothing else of one is here.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::client::Client;
use crate::domain::device_authentication::{DeviceAuthentication, LONGEST, one_step, request};
use crate::domain::flow::{Facts, Flow, Outcome, Start};
use crate::domain::mobile_app::MobileApp;
use crate::domain::second_factor::{First, Verdict};
use crate::entropy::Entropy;
use crate::protocol::device_authentication::Action;
use crate::protocol::flow_api::{self, DetailCode, FlowRefusal, Members};
use crate::protocol::id::{
    BrowserKey, ClientId, DeviceAuthenticationId, DeviceId, FlowId, MfaPolicyId, NativeApplicationId, RequestId, UserId,
};
use crate::protocol::notification::Said;
use crate::store::ephemeral::{Found, Lifetime, Shelf, StoreError};
use crate::usecase::device_trust::evaluate::Way;
use crate::usecase::device_trust::read_payload::Within;
use crate::usecase::rates::Rate;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::await_device::Waiting;
use crate::usecase::sign_in::given_address::Given;
use crate::usecase::sign_in::passkeys::proves_nothing;
use crate::usecase::sign_in::send_code::Asker;
use crate::usecase::sign_in::shown::Shown;
use crate::usecase::sign_in::{Judged, Known, Page, Seen};

pub struct DeviceAuthentications {
    pub known: Arc<Known>,
    pub shown: Arc<Shown>,
    pub kept: Shelf<DeviceAuthentication>,
    /// Of each client.
    pub requests: Rate,
    /// About each person.
    pub asked: Rate<UserId>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Who calls, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    pub client: &'a ClientId,
    pub asker: Asker<'a>,
}

/// Of whom a second factor is asked, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub user: UserId,
    /// On this device, and in no other way. `None`: the policy says where.
    pub device: Option<DeviceId>,
    /// `None`: that of the client's own sign-on policy.
    pub policy: Option<&'a str>,
    /// The app that the person uses, and what it has shown.
    pub app: Option<(&'a str, &'a str)>,
    /// What the person has to read.
    pub said: Option<&'a Said>,
    /// Where they are sent a code, once.
    pub given: Option<Given<'a>>,
}

/// What a server does to one.
pub enum Act {
    SelectDevice(Members),
    CheckOtp(Members),
    CheckAssertion(Members),
    /// `ends`: nobody is asked on another device, either.
    CancelPush {
        ends: bool,
    },
}

impl Act {
    const fn action(&self) -> Action {
        match self {
            Self::SelectDevice(_) => Action::SelectDevice,
            Self::CheckOtp(_) => Action::CheckOtp,
            Self::CheckAssertion(_) => Action::CheckAssertion,
            Self::CancelPush { .. } => Action::CancelPush,
        }
    }
}

/// One, as its client sees it.
#[derive(Clone, Debug)]
pub struct Told {
    pub id: DeviceAuthenticationId,
    pub own: DeviceAuthentication,
    /// The devices, and how it stands with a code.
    pub seen: Seen,
    /// Those of the person that are blocked.
    pub blocked: Vec<DeviceId>,
    /// The policy lets through whoever has nothing to show.
    pub bypass_allowed: bool,
}

/// Whoever is about to find out whom else there is to ask has done so by then, or does not live any more.
const FINDS_OUT: Duration = Duration::from_secs(10);
const UNNAMED: StoreError = StoreError::Corrupt("a name of ours that is none");

impl DeviceAuthentications {
    /// Somebody is asked, or it is found out that they need not be, or cannot.
    #[tracing::instrument(level = "debug", name = "begin_device_authentication", skip_all)]
    pub async fn begin(&self, caller: Caller<'_>, wanted: Wanted<'_>) -> Result<Told, FlowError> {
        let now = self.clock.now();
        self.requests.count(caller.client, now).map_err(FlowError::Other)?;
        let client = self.client(caller.client).await?;
        let person = self.known.directory.user(&wanted.user).await?;
        let nobody =
            || FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some("user.id"), "there is nobody like that");
        let user = person.ok_or_else(nobody)?.id;
        let policy = self.policy(&client, wanted.policy, now).await?;
        let id = DeviceAuthenticationId::new(self.entropy.uuid());
        let transaction = RequestId::new(self.entropy.ordered_uuid(now));
        let app = match wanted.app {
            Some(shown) => Some(self.app(&id, transaction, shown).await?),
            None => None,
        };
        self.asked.count(&user, now).map_err(FlowError::Other)?;
        let judged = self.judged(Arc::clone(&client), (&policy, wanted.device), now)?;
        let start = Start {
            transaction,
            client: client.id.clone(),
            request: request().ok_or(UNNAMED)?,
            // No browser has it.
            browser: BrowserKey::new(self.entropy.token()).digest(),
            from: None,
            cookieless: false,
            recoverable: false,
            meant: None,
            device: None,
            app,
        };
        let given = self.given(&wanted, &policy, now).await?;
        let flow = Flow::of_known(start, user, &judged.around()).saying(wanted.said.cloned()).given(given);
        if let Some(device) = wanted.device {
            Box::pin(self.may_be_asked(user, (&policy, Way::of(&flow)), device)).await?;
        }
        let flow = Box::pin(self.evaluated(flow, &policy, (&judged, caller.asker))).await?;
        let flow = self.known.with_ceremony(flow, &judged).await?;
        let own = DeviceAuthentication { flow, policy, device: wanted.device, cancelled: false, updated_at: now };
        let kept = self.kept.insert(&id, &own, LONGEST).await;
        if !matches!(kept, Ok(true)) {
            // Nobody could ever come for the answer.
            self.known.second_factors.let_go(&own.flow, own.flow.waits_for()).await;
        }
        if !kept? {
            return Err(StoreError::Contended.into());
        }
        tracing::info!(client.id = %client.id, request.id = %transaction, status = own.status().as_str(), "device authentication");
        self.told(id, own, client).await
    }

    /// Where it is, and whether there is an answer by now.
    pub async fn read(&self, id: DeviceAuthenticationId, caller: Caller<'_>) -> Result<Told, FlowError> {
        let now = self.clock.now();
        let (mut found, own, client) = self.find(id, caller.client).await?;
        let judged = self.judged(Arc::clone(&client), (&own.policy, own.device), now)?;
        if let Some(flow) = self.polled((id, &mut found, &own), (&judged, caller.asker)).await? {
            let flow = self.known.with_ceremony(flow, &judged).await?;
            let next = own.clone().at(flow, now);
            if self.keep((id, &found, &own), &next).await? {
                return self.told(id, next, client).await;
            }
        }
        // Somebody else was faster, and has found out the same.
        let (_, own, client) = self.find(id, caller.client).await?;
        self.told(id, own, client).await
    }

    /// One action, and where it is then. Refused, it is where it was.
    #[tracing::instrument(level = "debug", name = "advance_device_authentication", skip_all)]
    pub async fn act(&self, id: DeviceAuthenticationId, caller: Caller<'_>, act: Act) -> Result<Told, FlowError> {
        let now = self.clock.now();
        let (found, own, client) = self.find(id, caller.client).await?;
        let action = act.action();
        if !own.actions().contains(&action) {
            return Err(FlowRefusal::not_now().into());
        }
        let judged = self.judged(Arc::clone(&client), (&own.policy, own.device), now)?;
        let by = (&judged, caller.asker);
        let by_code = matches!(act, Act::CheckOtp(_));
        let next = match act {
            Act::SelectDevice(members) => {
                let flow = self.asked((id, &own), (flow_api::Action::SelectDevice, &members), by).await?;
                flow.map(|flow| own.clone().at(flow, now))
            }
            Act::CheckOtp(members) => {
                let flow = self.asked((id, &own), (flow_api::Action::CheckOtp, &members), by).await?;
                flow.map(|flow| own.clone().at(flow, now))
            }
            Act::CheckAssertion(members) => {
                let flow = self.asserted((id, &found, &own), &members, by).await?;
                flow.map(|flow| own.clone().at(flow, now))
            }
            Act::CancelPush { ends } => self.taken_back(&own, ends, now).await?,
        };
        let mut next = next.ok_or_else(FlowRefusal::not_now)?;
        next.flow = self.known.with_ceremony(next.flow, &judged).await?;
        if !self.keep((id, &found, &own), &next).await? {
            // Somebody else was faster: what was to be done is none of the state's actions any more.
            return Err(FlowRefusal::not_now().into());
        }
        if by_code {
            self.known.second_factors.taken(own.flow.second_factor.as_ref(), &next.flow, now).await;
        }
        tracing::info!(client.id = %client.id, request.id = %next.flow.transaction, action = action.as_str(), status = next.status().as_str(), "device authentication");
        self.told(id, next, client).await
    }

    async fn told(
        &self,
        id: DeviceAuthenticationId,
        own: DeviceAuthentication,
        client: Arc<Client>,
    ) -> Result<Told, FlowError> {
        let seen = self.shown.seen(&flow_id(id), own.flow.clone(), client).await?;
        let (blocked, bypass_allowed) = (self.blocked(&own).await?, self.allows_bypass(&own).await?);
        Ok(Told { id, own, seen, blocked, bypass_allowed })
    }

    /// One that this client has asked for. Every reason why not reads the same.
    async fn find(
        &self,
        id: DeviceAuthenticationId,
        caller: &ClientId,
    ) -> Result<(Found<DeviceAuthentication>, DeviceAuthentication, Arc<Client>), FlowError> {
        let not_found = |why| FlowError::from(FlowRefusal::not_found(why));
        let found = self.kept.find(&id).await?.ok_or_else(|| not_found("there is no such device authentication"))?;
        let mut own = found.value()?;
        own.flow = own.flow.seen_as(found.version().0);
        if own.client() != caller {
            return Err(not_found("another client's device authentication"));
        }
        if own.is_over(self.clock.now()) {
            return Err(not_found("the device authentication is over"));
        }
        Ok((found, own, self.client(caller).await?))
    }

    async fn client(&self, id: &ClientId) -> Result<Arc<Client>, FlowError> {
        let client = self.known.directory.client(id).await?.filter(|client| !client.disabled);
        Ok(client.ok_or_else(|| FlowRefusal::not_found("the client is gone"))?)
    }

    /// The one that is named, or that by which people show a second factor to this client when they sign in.
    async fn policy(&self, client: &Client, named: Option<&str>, now: Timestamp) -> Result<MfaPolicyId, FlowError> {
        const FIELD: Option<&str> = Some("policy.id");
        let sign_on = self.known.directory.sign_on().await?;
        if let Some(named) = named {
            let id = MfaPolicyId::parse(named).filter(|id| sign_on.mfa_policy(id).is_some());
            let none = || FlowRefusal::invalid(DetailCode::InvalidFieldValue, FIELD, "there is no such MFA policy");
            return Ok(id.ok_or_else(none)?);
        }
        let (client_id, scope) = (&client.id, &client.scope);
        let (asked, authenticated_at, reached, from, person) = (None, None, None, None, None);
        let facts = Facts { client: client_id, scope, asked, authenticated_at, reached, from, person, now };
        let own = sign_on.policy_of(client).and_then(|policy| policy.second_factor(&facts)).cloned();
        let none = || FlowRefusal::invalid(DetailCode::FieldRequired, FIELD, "the client has no MFA policy of its own");
        Ok(own.ok_or_else(none)?)
    }

    /// The app whose payload it is.
    async fn app(
        &self,
        id: &DeviceAuthenticationId,
        transaction: RequestId,
        (application, payload): (&str, &str),
    ) -> Result<MobileApp, FlowError> {
        let sign_on = self.known.directory.sign_on().await?;
        let application =
            NativeApplicationId::parse(application).and_then(|id| sign_on.native_application(&id).cloned());
        let client = match application {
            Some(application) => self.known.directory.client(&application.client).await?,
            None => None,
        };
        let unknown = || {
            let why = "there is no such native application";
            FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some("application.id"), why)
        };
        let client = client.ok_or_else(unknown)?;
        let flow = flow_id(*id);
        let within = Within { transaction, flow: Some(&flow), challenge: None };
        let read = self.known.second_factors.payloads.read(payload, &client, &within).await?;
        let refused = |why| FlowRefusal::invalid(DetailCode::InvalidMobilePayload, Some("mobilePayload"), why);
        Ok(read.map_err(refused)?)
    }

    /// A second factor is all that is asked for.
    fn judged(
        &self,
        client: Arc<Client>,
        (policy, only): (&MfaPolicyId, Option<DeviceId>),
        now: Timestamp,
    ) -> Result<Judged, StoreError> {
        let passkeys = self.known.passkeys.party.is_some();
        let policy = Arc::new(one_step(policy).ok_or(UNNAMED)?);
        Ok(Judged { client, policy, remembered: None, passkeys, person: None, only, now })
    }

    /// Refused: the policy has the person asked, and they cannot be on this device.
    async fn may_be_asked(
        &self,
        user: UserId,
        (policy, way): (&MfaPolicyId, Way<'_>),
        device: DeviceId,
    ) -> Result<(), FlowError> {
        let (verdict, _) = self.known.second_factors.evaluate.evaluate(user, policy, way).await?;
        if matches!(&verdict, Verdict::Ask(devices, _) if !devices.contains(&device)) {
            let why = "a device on which the person cannot be asked";
            return Err(FlowRefusal::invalid(DetailCode::InvalidDevice, Some("selectedDevice.id"), why).into());
        }
        Ok(())
    }

    /// What it comes to by the policy, and whoever has to be asked is.
    async fn evaluated(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<Flow, FlowError> {
        const LOST: StoreError = StoreError::Corrupt("a second factor of nobody");
        let factors = &self.known.second_factors;
        let before = flow.clone();
        let mut evaluated = factors.evaluated(&flow, policy, judged).await?.ok_or(LOST)?;
        if let Some(given) = flow.given.filter(|_| evaluated.0.leaves_open()) {
            evaluated = (Verdict::Ask(vec![given], First::Ask), None);
        }
        let next = match factors.came_to(flow, policy, evaluated, (None, asker)).await? {
            Ok(next) => next,
            Err(not) => before.second_factor_evaluated((Verdict::Failed(not.why()), None), None),
        };
        Ok(next.ok_or(LOST)?)
    }

    /// What came of whom it waits for. `None`: somebody else finds that out.
    async fn polled(
        &self,
        (id, found, own): (DeviceAuthenticationId, &mut Found<DeviceAuthentication>, &DeviceAuthentication),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let (factors, flow, now) = (&self.known.second_factors, own.flow.clone(), judged.now);
        if own.cancelled {
            return Ok(Some(flow));
        }
        if flow.second_factor.is_none() {
            let again = DeviceAuthentication { updated_at: now, ..own.clone() };
            if now < own.updated_at + FINDS_OUT || !self.kept.step(&id, found, &again, Lifetime::Keep).await? {
                return Ok(Some(flow));
            }
            let flow = flow.seen_as(found.version().0);
            let evaluated = self.evaluated(flow, &own.policy, (judged, asker));
            return Ok(Some(Box::pin(evaluated).await?));
        }
        if let Some(verifying) = flow.verifying().copied() {
            if !factors.is_answered(&flow).await? {
                return Ok(Some(flow));
            }
            let waiting = Waiting { judged, asker, unattended: false };
            return match Box::pin(factors.verify(flow, verifying, waiting)).await {
                // Somebody else was faster, and has found out the same.
                Err(StoreError::Contended) => Ok(None),
                verified => Ok(verified?),
            };
        }
        if flow.waits_for().is_none() {
            return Ok(Some(flow));
        }
        let Some(flow) = factors.poll(flow, now).await? else { return Ok(None) };
        if !factors.is_stranded(&flow).await? {
            return Ok(Some(flow));
        }
        match factors.left(flow, judged).await? {
            ControlFlow::Break(next) => Ok(next),
            ControlFlow::Continue(mut unasked) => {
                // Of many who come at that moment one goes on: the person is asked once, and sent one code.
                let between = own.clone().at(unasked.flow.clone(), now);
                if !self.kept.step(&id, found, &between, Lifetime::Keep).await? {
                    return Ok(None);
                }
                unasked.flow = unasked.flow.seen_as(found.version().0);
                Ok(Box::pin(factors.ask_next(unasked, (judged, asker))).await?)
            }
        }
    }

    /// The person is asked on another device, or has brought a code: as in a flow.
    async fn asked(
        &self,
        (id, own): (DeviceAuthenticationId, &DeviceAuthentication),
        (action, members): (flow_api::Action, &Members),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let (id, flow) = (flow_id(id), own.flow.clone());
        let acted = self.known.second_factors.act((&id, flow), action, judged, (members, asker));
        Box::pin(acted).await
    }

    /// A passkey answers. Refused, another signature is asked for: a challenge is for one try.
    async fn asserted(
        &self,
        (id, found, own): (DeviceAuthenticationId, &Found<DeviceAuthentication>, &DeviceAuthentication),
        members: &Members,
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let factors = &self.known.second_factors;
        let flow = match factors.still_asserts(own.flow.clone(), (judged, asker)).await? {
            ControlFlow::Continue(flow) => flow,
            ControlFlow::Break(next) => return Ok(next),
        };
        if let Some(user) = self.known.asserted_by(&flow, Page::Own, members).await? {
            return Ok(factors.asserted(flow, user, judged).await?);
        }
        let anew = self.known.with_ceremony(flow.without_ceremony(), judged).await?;
        // Somebody else was faster: then there is another one already.
        self.keep((id, found, own), &own.clone().at(anew, judged.now)).await?;
        Err(proves_nothing().into())
    }

    /// Nobody is asked on the phone any more; whoever has answered in time has.
    async fn taken_back(
        &self,
        own: &DeviceAuthentication,
        ends: bool,
        now: Timestamp,
    ) -> Result<Option<DeviceAuthentication>, StoreError> {
        let factors = &self.known.second_factors;
        let Some(pushed) = own.flow.waits_for().cloned() else { return Ok(None) };
        match factors.devices.withdraw(&own.flow, &pushed, "whoever asked has taken it back").await? {
            Outcome::TimedOut => Ok(Some(own.clone().taken_back(pushed.devices, ends, now))),
            outcome @ (Outcome::Approved(_) | Outcome::Admitted(_) | Outcome::LetIn(_) | Outcome::Denied) => {
                let answered = factors.answered(own.flow.clone(), &pushed, outcome, now).await?;
                Ok(answered.map(|flow| own.clone().at(flow, now)))
            }
        }
    }

    /// Where it is from now on. `false`: somebody else was faster.
    async fn keep(
        &self,
        (id, found, before): (DeviceAuthenticationId, &Found<DeviceAuthentication>, &DeviceAuthentication),
        next: &DeviceAuthentication,
    ) -> Result<bool, StoreError> {
        if before == next {
            return Ok(true);
        }
        let kept = self.kept.replace(&id, found, next, Lifetime::Keep).await?;
        self.known.second_factors.asked_in_vain(before.flow.waits_for(), &next.flow, kept).await;
        Ok(kept)
    }
}

/// As what a flow would be called.
fn flow_id(id: DeviceAuthenticationId) -> FlowId {
    FlowId::presented(&id.to_string())
}
