//! The second factor in a flow: asked of whoever runs it, found out where nobody has anything to say, or asked of the
//! person on a device of theirs.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::enrolment::{Enrolment, LIFETIME};
use crate::domain::flow::{Asking, Flow, Outcome, Pushed, SecondFactor};
use crate::domain::mfa_policy::IntegrityDetection;
use crate::domain::mobile_app::{MobileApp, Newcomer};
use crate::domain::passkey::{Asserting, Passkey};
use crate::domain::second_factor::{First, Verdict, Why};
use crate::domain::totp::Typing;
use crate::entropy::Entropy;
use crate::metrics::{Limit, metrics};
use crate::protocol::flow_api::{self, DetailCode, FlowErrorCode, FlowRefusal, Members};
use crate::protocol::id::{DeviceId, FlowId, MfaPolicyId, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::ledger::Ledger;
use crate::usecase::device_trust::enrol::{OfferEnrolment, Whom};
use crate::usecase::device_trust::evaluate::{Evaluate, Way};
use crate::usecase::device_trust::read_payload::{ReadPayload, Within};
use crate::usecase::device_trust::silent::VerifySilently;
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::ask_device::{self, AskDevice};
use crate::usecase::sign_in::boxed::boxed;
use crate::usecase::sign_in::check_totp::CheckTotp;
use crate::usecase::sign_in::pair_phone::PairPhone;
use crate::usecase::sign_in::send_code::{self, Asker, NotSent, SendCode};
use crate::usecase::tell_person::TellPerson;

pub struct SecondFactors {
    pub payloads: ReadPayload,
    pub evaluate: Evaluate,
    pub offers: OfferEnrolment,
    pub claims: Shelf<Asking>,
    pub max_devices: u32,
    pub silent: VerifySilently,
    pub devices: AskDevice,
    pub codes: SendCode,
    pub totps: CheckTotp,
    pub phones: PairPhone,
    pub tell: TellPerson,
    pub ledger: Ledger,
    pub entropy: Arc<Entropy>,
}

impl SecondFactors {
    /// What whoever runs the flow wants of it, but for a look at what came of a question. `None`: it cannot be done now.
    pub async fn act(
        &self,
        of: (&FlowId, Flow),
        action: flow_api::Action,
        judged: &Judged,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        if action == flow_api::Action::SelectDevice {
            boxed(|| self.select(of, judged, (members, asker))).await
        } else if action == flow_api::Action::CheckOtp {
            boxed(|| self.check_code(of, judged, (members, asker))).await
        } else if action == flow_api::Action::ResendOtp && of.1.setting_up().is_none() {
            boxed(|| self.resend(of.1, judged, asker)).await
        } else if action == flow_api::Action::Authenticate {
            boxed(|| self.authenticate(of, judged, (members, asker))).await
        } else {
            boxed(|| self.set_up(of.1, action, judged, (members, asker))).await
        }
    }

    /// Whoever runs the flow says by which app. `None`: no second factor is asked for.
    async fn authenticate(
        &self,
        (id, flow): (&FlowId, Flow),
        judged: &Judged,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let Some(policy) = flow.wants_second_factor(&judged.around()) else { return Ok(None) };
        let flow = self.by_app((id, flow), judged, members).await?;
        let Some(evaluated) = self.evaluated(&flow, &policy, judged).await? else { return Ok(None) };
        let until = judged.now + LIFETIME;
        let came_to = self.came_to(flow, &policy, evaluated, (Some(until), asker)).await?;
        let Some(next) = came_to.map_err(NotAsked::refusal)? else { return Ok(None) };
        self.offered(&next, judged.now).await?;
        Ok(Some(next))
    }

    /// Whoever runs the flow is told the ticket, where there is one.
    pub(super) async fn offered(&self, flow: &Flow, now: Timestamp) -> Result<(), StoreError> {
        let offered = (flow.offers_pairing(), flow.user());
        if let (Some((Enrolment { app, policy, grounds: Ok(grounds) }, _)), Some(user)) = offered {
            let (transaction, client, grounds) = (flow.transaction, &flow.client, *grounds);
            let (let_in_by, password) = (flow.let_in_by(), flow.password);
            let whom = Whom { transaction, user, client, policy, grounds, let_in_by, password, session: None };
            self.offers.offer(whom, app, now).await?;
        }
        Ok(())
    }

    /// Somebody has let in the app that they were asked about, if they were: it may become a device, unless they have as
    /// many as they may have.
    pub(super) async fn admitted(&self, flow: Flow, now: Timestamp) -> Result<Flow, StoreError> {
        let Some(user) = flow.user().filter(|_| flow.newcomer.is_some()) else { return Ok(flow) };
        let count = self.evaluate.directory.devices_of(&user).await?.len();
        let is_full = u32::try_from(count).is_ok_and(|count| count >= self.max_devices);
        if is_full {
            metrics().limited(Limit::DevicesPerUser);
            let event = Event::new(self.entropy.ordered_uuid(now), now, Action::DevicePaired).client(&flow.client);
            self.ledger.audit(event.user(user).refused("as many devices as one may have")).await;
        }
        let next = flow.admitted((!is_full).then(|| now + LIFETIME));
        self.offered(&next, now).await?;
        Ok(next)
    }

    /// With the app that a payload shows, where there is one.
    async fn by_app(&self, (id, flow): (&FlowId, Flow), judged: &Judged, members: &Members) -> Result<Flow, FlowError> {
        let Some(payload) = members.text("mobilePayload") else { return Ok(flow) };
        let challenge = flow.request.challenge.as_ref();
        let within = Within { transaction: flow.transaction, flow: Some(id), challenge };
        let read = self.payloads.read(payload, &judged.client, &within).await?;
        let refused = |why| FlowRefusal::invalid(DetailCode::InvalidMobilePayload, Some("mobilePayload"), why);
        Ok(flow.by(Some(read.map_err(refused)?)))
    }

    /// The same once it came to something: that was found out by the app of then, or without any.
    pub(super) async fn by_same_app(
        &self,
        (id, flow): (&FlowId, Flow),
        judged: &Judged,
        members: &Members,
    ) -> Result<Flow, FlowError> {
        let jkt = |flow: &Flow| flow.app.as_ref().map(|app| app.jkt.clone());
        let before = jkt(&flow);
        let flow = self.by_app((id, flow), judged, members).await?;
        // [flows.md T10.11] what somebody lets in is the app that they were asked about.
        if jkt(&flow) != before {
            let why = "another app than the one by which the second factor began";
            return Err(FlowRefusal::invalid(DetailCode::InvalidMobilePayload, Some("mobilePayload"), why).into());
        }
        Ok(flow)
    }

    /// Where nobody has anything to say: the app has shown itself before, or there is no page for it. `unattended`:
    /// the flow goes on by itself, too. `Break`: somebody has to act.
    pub(super) async fn found_out(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        unattended: bool,
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<ControlFlow<Flow, Flow>, StoreError> {
        let before = flow.clone();
        let Some(evaluated) = self.evaluated(&flow, policy, judged).await? else {
            return Ok(ControlFlow::Continue(before.lacking(&judged.around())));
        };
        let asks = matches!(evaluated.0, Verdict::Ask(..));
        if asks && !flow.pushes_by_itself() {
            return Ok(ControlFlow::Break(before));
        }
        let next = match self.came_to(flow, policy, evaluated, (None, asker)).await? {
            Ok(next) => next,
            Err(not) => before.clone().second_factor_evaluated((Verdict::Failed(not.why()), None), None),
        };
        let Some(next) = next else { return Ok(ControlFlow::Continue(before.lacking(&judged.around()))) };
        let asked = next.second_factor.as_ref().is_some_and(|came_to| !came_to.devices().is_empty());
        if !unattended || asked || next.setting_up().is_some() {
            return Ok(ControlFlow::Break(next));
        }
        // Failed, the policy may know another way.
        let on = next.clone().second_factor_continued(&judged.around());
        Ok(ControlFlow::Continue(on.unwrap_or_else(|| next.lacking(&judged.around()))))
    }

    /// The person is asked on this device. `None`: they cannot be now.
    async fn select(
        &self,
        (id, flow): (&FlowId, Flow),
        judged: &Judged,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let Some(policy) = flow.mfa_policy(&judged.around()) else { return Ok(None) };
        let flow = self.by_same_app((id, flow), judged, members).await?;
        let offered = flow.second_factor.as_ref().map(SecondFactor::offered).unwrap_or_default();
        let named = members.text("deviceRef").and_then(|id| id.parse().ok());
        let selected = named.filter(|device| offered.contains(device)).ok_or_else(no_device)?;
        let flow = match self.still_offered(flow, (&policy, selected), (judged, asker)).await? {
            ControlFlow::Continue(flow) => flow,
            ControlFlow::Break(next) => return Ok(next),
        };
        // First the new one, so that whoever cannot be asked again is still asked.
        let asked = self.asked_on(flow.clone(), &policy, (selected, asker)).await?;
        let Some(next) = asked.map_err(NotAsked::refusal)? else { return Ok(None) };
        let Some(before) = flow.waits_for().cloned() else { return Ok(Some(next)) };
        match self.devices.withdraw(&flow, &before, "another device is asked").await? {
            Outcome::TimedOut => Ok(Some(next)),
            // There was an answer already, and that is what counts.
            outcome @ (Outcome::Approved(_) | Outcome::Admitted(_) | Outcome::LetIn(_) | Outcome::Denied) => {
                self.let_go(&next, next.waits_for()).await;
                Ok(self.answered(flow, &before, outcome, judged.now).await?)
            }
        }
    }

    /// A question that a flow waits for no more, or has never waited for, is withdrawn.
    pub async fn let_go(&self, flow: &Flow, pushed: Option<&Pushed>) {
        let Some(pushed) = pushed else { return };
        if let Err(error) = self.devices.withdraw(flow, pushed, "the sign-in waits for it no more").await {
            // It ends by itself, and an answer to it counts for nothing.
            tracing::warn!(request.id = %pushed.question, %error, "a question was not withdrawn");
        }
    }

    /// Of the question that was asked before and that of now, the one which nobody waits for is withdrawn. `kept`: the
    /// flow is where it is now; else somebody else was faster.
    pub(super) async fn asked_in_vain(&self, before: Option<&Pushed>, flow: &Flow, kept: bool) {
        let question = |pushed: Option<&Pushed>| pushed.map(|pushed| pushed.question);
        let now = flow.waits_for();
        if question(before) != question(now) {
            self.let_go(flow, if kept { before } else { now }).await;
        }
    }

    pub(super) async fn answered(
        &self,
        flow: Flow,
        pushed: &Pushed,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Option<Flow>, StoreError> {
        let event = self.event(&flow, now).device(pushed.selected);
        let says_yes = match outcome {
            Outcome::Approved(_) | Outcome::Admitted(_) | Outcome::LetIn(_) => true,
            Outcome::Denied | Outcome::TimedOut => false,
        };
        // One may say no for good of an app, and yes to another question about it: the no counts.
        if says_yes && self.is_blocked(&flow).await? {
            let Some(next) = flow.unasked() else { return Ok(None) };
            self.ledger.audit(event.refused(Why::DeviceBlocked.as_str())).await;
            return Ok(next.second_factor_evaluated((Verdict::Failed(Why::DeviceBlocked), None), None));
        }
        let event = match outcome {
            Outcome::Approved(_) | Outcome::Admitted(_) => event.of("push_confirmed"),
            Outcome::LetIn(_) => event.of("device_access_allowed"),
            Outcome::Denied => event.refused("push_rejected"),
            Outcome::TimedOut => event.refused("push_timed_out"),
        };
        let Some(next) = flow.answered(pushed.question, outcome) else { return Ok(None) };
        if let Outcome::LetIn(trusted) = outcome {
            self.let_in(&next, trusted.device, now).await?;
        }
        self.ledger.audit(event).await;
        match outcome {
            Outcome::Admitted(_) => self.admitted(next, now).await.map(Some),
            Outcome::Approved(_) | Outcome::LetIn(_) | Outcome::Denied | Outcome::TimedOut => Ok(Some(next)),
        }
    }

    /// Let in once on this device, the app is not asked about for as long as the policy says: from when somebody came for
    /// the answer, as one that nobody comes for is worth nothing.
    async fn let_in(&self, flow: &Flow, on: DeviceId, now: Timestamp) -> Result<(), StoreError> {
        let (Some(user), Some(asked)) = (flow.user(), &flow.newcomer) else { return Ok(()) };
        let (app, policy) = (asked.about.app.clone(), asked.about.policy.clone());
        let sign_on = self.evaluate.directory.sign_on().await?;
        // Where the policy is gone, nobody is asked by it any more.
        let Some(seconds) = sign_on.mfa_policy(&policy).map(|own| own.let_in_for) else { return Ok(()) };
        match (Newcomer { app, policy }).let_in((user, on), seconds, now) {
            Some(stands) => self.evaluate.standings.let_in(&stands, flow.password).await,
            None => Ok(()),
        }
    }

    /// `None`: of nobody who has proved to be somebody.
    pub(super) async fn evaluated(
        &self,
        flow: &Flow,
        policy: &MfaPolicyId,
        judged: &Judged,
    ) -> Result<Option<(Verdict, Option<Enrolment>)>, StoreError> {
        let Some(user) = flow.user() else { return Ok(None) };
        let (way, browser) = (Way::of(flow), flow.spared_by(&judged.around()));
        let evaluated = judged.narrowed(self.evaluate.evaluate_in(browser.as_ref(), user, policy, way).await?);
        if let Some(app) = way.app.filter(|app| app.unsound) {
            self.note_unsound(flow, policy, app, judged.now).await?;
        }
        self.record(flow, &evaluated.0, judged.now).await;
        Ok(Some(evaluated))
    }

    /// The app says that its phone is not as it should be.
    async fn note_unsound(
        &self,
        flow: &Flow,
        policy: &MfaPolicyId,
        app: &MobileApp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event = self.event(flow, now);
        let event = match self.evaluate.policy(policy).await?.integrity(&app.application) {
            IntegrityDetection::Disabled => return Ok(()),
            IntegrityDetection::Permissive => event.of("device_rooted"),
            IntegrityDetection::Restrictive => event.refused("device_rooted"),
        };
        self.ledger.audit(event).await;
        Ok(())
    }

    pub(super) async fn record(&self, flow: &Flow, verdict: &Verdict, now: Timestamp) {
        let event = self.event(flow, now);
        let event = match verdict {
            Verdict::Authorized(device) => event.device(*device),
            Verdict::Verify(device, _) => event.device(*device).of("extra_verification"),
            Verdict::LetIn => event.of("device_access_allowed"),
            Verdict::Remembered(device) => event.device(*device).of("browser_remembered"),
            Verdict::Ask(..) => event.of("ask"),
            Verdict::Waived(missing) => event.of(missing.as_str()),
            Verdict::SetUp(..) => event.of("set_up"),
            Verdict::Failed(why) => event.refused(why.as_str()),
        };
        self.ledger.audit(event).await;
    }

    /// `None`: no second factor was asked for.
    pub(super) async fn came_to(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        (verdict, enrolment): (Verdict, Option<Enrolment>),
        (pairs, asker): (Option<Timestamp>, Asker<'_>),
    ) -> Result<Result<Option<Flow>, NotAsked>, StoreError> {
        let asked = match &verdict {
            Verdict::Verify(device, extra) => {
                let Some(user) = flow.user() else { return Ok(Ok(None)) };
                let claim = self.claim(&flow).await?;
                let begun = self.silent.begin(&flow, (user, *device), *extra).await;
                if !matches!(begun, Ok(Some(_))) {
                    self.claims.remove(&claim).await?;
                }
                return Ok(Ok(begun?.and_then(|verifying| flow.verifies(verifying))));
            }
            Verdict::Ask(devices, First::Ask) => devices.first().copied(),
            Verdict::Ask(_, First::Choose)
            | Verdict::Authorized(_)
            | Verdict::LetIn
            | Verdict::Remembered(_)
            | Verdict::Waived(_)
            | Verdict::SetUp(..)
            | Verdict::Failed(_) => None,
        };
        let next = flow.second_factor_evaluated((verdict, enrolment), pairs);
        Ok(match (next, asked) {
            (Some(next), Some(device)) => self.asked_first(next, policy, (device, asker)).await?,
            (next, _) => Ok(next),
        })
    }

    /// The person is asked on this device, or for a code: one that is sent there, or that it shows. `None`: there is nobody to ask.
    // Boxed where it is made: whatever a message needs to be sent would else be part of all that may come to this.
    pub(super) fn asked_on<'a>(
        &'a self,
        flow: Flow,
        policy: &'a MfaPolicyId,
        (selected, asker): (DeviceId, Asker<'a>),
    ) -> BoxFuture<'a, Result<Result<Option<Flow>, NotAsked>, StoreError>> {
        Box::pin(async move {
            let Some(user) = flow.user() else { return Ok(Ok(None)) };
            let policy = self.evaluate.policy(policy).await?;
            let devices = flow.second_factor.as_ref().map(SecondFactor::devices).unwrap_or_default();
            let address = match flow.given.filter(|given| *given == selected) {
                Some(given) => self.codes.devices.given(user, given).await?,
                None => self.codes.devices.own.find(user, selected).await?,
            };
            if let Some(address) = address {
                let whom = send_code::Whom { user, devices, selected: &address, asker };
                let claim = self.claim(&flow).await?;
                let sent = self.codes.send(&flow, &policy, whom).await;
                if !matches!(sent, Ok(Ok(_))) {
                    self.claims.remove(&claim).await?;
                }
                return Ok(sent?.map(|sent| flow.code_sent(sent)).map_err(NotAsked::Code));
            }
            if let Some(app) = self.totps.devices.find(user, selected).await? {
                let asked = self.totps.ask(devices, &app, &policy).await?;
                return Ok(asked.map(|typing| flow.with_typing(typing)).map_err(NotAsked::Code));
            }
            if self.evaluate.passkeys.of_user(user).await?.iter().map(Passkey::device).any(|own| own == selected) {
                let asserting = Asserting { devices: devices.to_vec(), selected };
                return Ok(Ok(flow.with_assertion(asserting)));
            }
            let whom = ask_device::Whom { user, devices, selected, language: asker.language };
            // A passcode says nothing of what was read.
            let reads = flow.said.is_some();
            let passcode = if reads { None } else { self.totps.instead(user, selected, &policy).await? };
            let claim = self.claim(&flow).await?;
            let pushed = self.devices.ask(&flow, &policy, whom).await;
            if !matches!(pushed, Ok(Some(_))) {
                self.claims.remove(&claim).await?;
            }
            if let Some(pushed) = pushed? {
                return Ok(Ok(flow.pushed(Pushed { passcode, ..pushed })));
            }
            // [flows.md H.4] a phone that cannot be asked now shows a passcode, where that counts and is looked at.
            if let Some(method) = passcode
                && !self.totps.is_locked(user).await?
            {
                let typing = Typing { devices: devices.to_vec(), selected, method };
                return Ok(Ok(flow.with_typing(typing)));
            }
            Ok(Err(NotAsked::Push))
        })
    }

    /// Taken before anything is sent, so that one alone sends it. `Contended`: somebody else was faster. Once it is sent,
    /// the claim stays: whoever has seen the flow as it was comes too late.
    pub(super) async fn claim(&self, flow: &Flow) -> Result<Digest<Asking>, StoreError> {
        let claim = flow.claim();
        let first = self.claims.insert(&claim, &Asking, Asking::LIFETIME).await?;
        if first { Ok(claim) } else { Err(StoreError::Contended) }
    }

    /// A passkey of `user` has answered: where one was asked for as a second factor, or in a step of its own.
    pub(super) async fn asserted(&self, flow: Flow, user: UserId, judged: &Judged) -> Result<Option<Flow>, StoreError> {
        let Some(selected) = flow.asserting().map(|asserting| asserting.selected) else {
            return Ok(flow.passkey_verified(user, &judged.around()));
        };
        let event = self.event(&flow, judged.now).device(selected);
        let Some(next) = flow.assertion_verified(user, judged.now) else { return Ok(None) };
        self.ledger.audit(event.of("assertion_verified")).await;
        self.admitted(next, judged.now).await.map(Some)
    }

    pub(super) fn event(&self, flow: &Flow, now: Timestamp) -> Event {
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::SecondFactorEvaluated)
            .client(&flow.client)
            .request(flow.transaction);
        match flow.user() {
            Some(user) => event.user(user),
            None => event,
        }
    }
}

/// The person should have been asked, and was not.
pub(super) enum NotAsked {
    Push,
    Code(NotSent),
}

impl NotAsked {
    pub(super) const fn why(&self) -> Why {
        match self {
            Self::Push => Why::PushFailed,
            Self::Code(not_sent) => not_sent.why(),
        }
    }

    pub(super) fn refusal(self) -> FlowRefusal {
        match self {
            Self::Push => {
                let why = "the person is asked too often";
                FlowRefusal::new(FlowErrorCode::RequestFailed, why).about(DetailCode::PushFailed, None)
            }
            Self::Code(not_sent) => not_sent.refusal(),
        }
    }
}

pub(super) fn no_device() -> FlowRefusal {
    FlowRefusal::invalid(DetailCode::InvalidDevice, Some("deviceRef"), "a device on which the person cannot be asked")
}
