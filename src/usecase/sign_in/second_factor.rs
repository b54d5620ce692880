//! The second factor in a flow: asked of whoever runs it, found out where nobody has anything to say, or asked of the
//! person on a device of theirs.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::enrolment::{Enrolment, LIFETIME};
use crate::domain::flow::{Flow, Outcome, Pushed, SecondFactor};
use crate::domain::mobile_app::MobileApp;
use crate::domain::second_factor::{First, Verdict, Why};
use crate::entropy::Entropy;
use crate::protocol::flow_api::{DetailCode, FlowErrorCode, FlowRefusal, Members};
use crate::protocol::id::{DeviceId, FlowId, MfaPolicyId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::ledger::Ledger;
use crate::usecase::device_trust::enrol::{OfferEnrolment, Whom};
use crate::usecase::device_trust::evaluate::Evaluate;
use crate::usecase::device_trust::read_payload::{ReadPayload, Within};
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::ask_device::{self, AskDevice};

pub struct SecondFactors {
    pub payloads: ReadPayload,
    pub evaluate: Evaluate,
    pub offers: OfferEnrolment,
    pub devices: AskDevice,
    pub ledger: Ledger,
    pub entropy: Arc<Entropy>,
}

impl SecondFactors {
    /// Whoever runs the flow says by which app. `None`: no second factor is asked for.
    pub async fn authenticate(
        &self,
        (id, flow): (&FlowId, Flow),
        judged: &Judged,
        members: &Members,
    ) -> Result<Option<Flow>, FlowError> {
        let Some(policy) = flow.wants_second_factor(&judged.around()) else { return Ok(None) };
        let flow = self.by_app((id, flow), judged, members).await?;
        let Some(evaluated) = self.evaluated(&flow, &policy, judged.now).await? else { return Ok(None) };
        let until = judged.now + LIFETIME;
        let came_to = self.came_to(flow, &policy, evaluated, Some(until)).await?;
        let Some(next) = came_to.map_err(|NotAsked| not_asked())? else { return Ok(None) };
        if let (Some((Enrolment { app, policy }, _)), Some(user)) = (next.offers_pairing(), next.user()) {
            let (transaction, client) = (next.transaction, &next.client);
            let whom = Whom { transaction, user, client, policy, password: next.password, session: None };
            self.offers.offer(whom, app, judged.now).await?;
        }
        Ok(Some(next))
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

    /// Where nobody has anything to say: the app has shown itself before, or there is no page for it. `unattended`:
    /// the flow goes on by itself, too. `Break`: somebody has to act.
    pub(super) async fn found_out(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        unattended: bool,
        judged: &Judged,
    ) -> Result<ControlFlow<Flow, Flow>, StoreError> {
        let before = flow.clone();
        let Some(evaluated) = self.evaluated(&flow, policy, judged.now).await? else {
            return Ok(ControlFlow::Continue(before.lacking(&judged.around())));
        };
        let asks = matches!(evaluated.0, Verdict::Ask(..));
        if asks && !flow.pushes_by_itself() {
            return Ok(ControlFlow::Break(before));
        }
        let next = match self.came_to(flow, policy, evaluated, None).await? {
            Ok(next) => next,
            Err(NotAsked) => before.clone().second_factor_evaluated((Verdict::Failed(Why::PushFailed), None), None),
        };
        let Some(next) = next else { return Ok(ControlFlow::Continue(before.lacking(&judged.around()))) };
        let asked = next.second_factor.as_ref().is_some_and(|came_to| !came_to.devices().is_empty());
        if !unattended || asked {
            return Ok(ControlFlow::Break(next));
        }
        // Failed, the policy may know another way.
        let on = next.clone().second_factor_continued(&judged.around());
        Ok(ControlFlow::Continue(on.unwrap_or_else(|| next.lacking(&judged.around()))))
    }

    /// The person is asked on this device. `None`: they cannot be now.
    pub async fn select(
        &self,
        (id, flow): (&FlowId, Flow),
        judged: &Judged,
        members: &Members,
    ) -> Result<Option<Flow>, FlowError> {
        let Some(policy) = flow.mfa_policy(&judged.around()) else { return Ok(None) };
        let flow = self.by_app((id, flow), judged, members).await?;
        let offered = flow.second_factor.as_ref().map(SecondFactor::devices).unwrap_or_default();
        let named = members.text("deviceRef").and_then(|id| id.parse().ok());
        let selected = named.filter(|device| offered.contains(device)).ok_or_else(no_device)?;
        // As things are now: it may be blocked, or gone.
        let Some(user) = flow.user() else { return Ok(None) };
        let (verdict, _) = self.evaluate.evaluate(user, &policy, None).await?;
        if !matches!(&verdict, Verdict::Ask(devices, _) if devices.contains(&selected)) {
            return Err(no_device().into());
        }
        // First the new one, so that whoever cannot be asked again is still asked.
        let Some(next) = self.asked_on(flow.clone(), &policy, selected).await? else {
            return Err(not_asked().into());
        };
        let Some(before) = flow.waits_for().cloned() else { return Ok(Some(next)) };
        match self.devices.withdraw(&flow, &before, "another device is asked").await? {
            Outcome::TimedOut => Ok(Some(next)),
            // There was an answer already, and that is what counts.
            outcome @ (Outcome::Approved(_) | Outcome::Denied) => {
                self.let_go(&next, next.waits_for()).await;
                Ok(self.answered(flow, &before, outcome, judged.now).await)
            }
        }
    }

    /// Whether the person has answered. `None`: nobody is asked.
    pub async fn poll(&self, flow: Flow, now: Timestamp) -> Result<Option<Flow>, StoreError> {
        let Some(pushed) = flow.waits_for().cloned() else { return Ok(None) };
        match self.devices.outcome(&flow, &pushed).await? {
            None => Ok(Some(flow)),
            Some(outcome) => Ok(self.answered(flow, &pushed, outcome, now).await),
        }
    }

    /// Whether a question has its answer, or will have none. Changes nothing.
    pub async fn is_answered(&self, flow: &Flow) -> Result<bool, StoreError> {
        match flow.waits_for() {
            Some(pushed) => self.devices.is_over(pushed).await,
            None => Ok(false),
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

    async fn answered(&self, flow: Flow, pushed: &Pushed, outcome: Outcome, now: Timestamp) -> Option<Flow> {
        let event = self.event(&flow, now).device(pushed.selected);
        let event = match outcome {
            Outcome::Approved(_) => event.of("push_confirmed"),
            Outcome::Denied => event.refused("push_rejected"),
            Outcome::TimedOut => event.refused("push_timed_out"),
        };
        let next = flow.answered(pushed.question, outcome)?;
        self.ledger.audit(event).await;
        Some(next)
    }

    /// `None`: of nobody who has proved to be somebody.
    async fn evaluated(
        &self,
        flow: &Flow,
        policy: &MfaPolicyId,
        now: Timestamp,
    ) -> Result<Option<(Verdict, Option<Enrolment>)>, StoreError> {
        let Some(user) = flow.user() else { return Ok(None) };
        let app: Option<&MobileApp> = flow.app.as_ref();
        let evaluated = self.evaluate.evaluate(user, policy, app).await?;
        let event = self.event(flow, now);
        let event = match &evaluated.0 {
            Verdict::Authorized(device) => event.device(*device),
            Verdict::Ask(..) => event.of("ask"),
            Verdict::Waived(missing) => event.of(missing.as_str()),
            Verdict::Failed(why) => event.refused(why.as_str()),
        };
        self.ledger.audit(event).await;
        Ok(Some(evaluated))
    }

    /// `None`: no second factor was asked for.
    async fn came_to(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        (verdict, enrolment): (Verdict, Option<Enrolment>),
        pairs: Option<Timestamp>,
    ) -> Result<Result<Option<Flow>, NotAsked>, StoreError> {
        let asked = match &verdict {
            Verdict::Ask(devices, First::Ask) => devices.first().copied(),
            Verdict::Ask(_, First::Choose) | Verdict::Authorized(_) | Verdict::Waived(_) | Verdict::Failed(_) => None,
        };
        let next = flow.second_factor_evaluated((verdict, enrolment), pairs);
        Ok(match (next, asked) {
            (Some(next), Some(device)) => self.asked_on(next, policy, device).await?.map(Some).ok_or(NotAsked),
            (next, _) => Ok(next),
        })
    }

    /// `None`: the person is not asked.
    async fn asked_on(&self, flow: Flow, policy: &MfaPolicyId, selected: DeviceId) -> Result<Option<Flow>, StoreError> {
        let Some(user) = flow.user() else { return Ok(None) };
        let policy = self.evaluate.policy(policy).await?;
        let devices = flow.second_factor.as_ref().map(SecondFactor::devices).unwrap_or_default();
        let whom = ask_device::Whom { user, devices, selected };
        Ok(self.devices.ask(&flow, &policy, whom).await?.and_then(|pushed| flow.pushed(pushed)))
    }

    fn event(&self, flow: &Flow, now: Timestamp) -> Event {
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
struct NotAsked;

fn not_asked() -> FlowRefusal {
    let why = "the person is asked too often";
    FlowRefusal::new(FlowErrorCode::RequestFailed, why).about(DetailCode::PushFailed, None)
}

fn no_device() -> FlowRefusal {
    FlowRefusal::invalid(DetailCode::InvalidDevice, Some("deviceRef"), "a device on which the person cannot be asked")
}
