//! What became of what a flow waits for: an answer on a device, or by an app that nobody looks at. Where the app gives none,
//! the policy says what comes of it [flows.md F3, H.4].

use std::ops::ControlFlow;

use crate::clock::Timestamp;
use crate::domain::enrolment::{Enrolment, LIFETIME};
use crate::domain::flow::{Flow, Outcome as Answer, Verifying};
use crate::domain::mfa_policy::{Extra, ExtraVerification, Unanswered};
use crate::domain::second_factor::{First, Verdict, Why};
use crate::domain::silent_push::Outcome;
use crate::protocol::id::{DeviceId, MfaPolicyId};
use crate::store::ephemeral::StoreError;
use crate::usecase::device_trust::evaluate::Way;
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::second_factor::SecondFactors;
use crate::usecase::sign_in::send_code::Asker;

/// Who waits.
#[derive(Clone, Copy)]
pub(super) struct Waiting<'a> {
    pub(super) judged: &'a Judged,
    pub(super) asker: Asker<'a>,
    /// Our own pages show the flow: there is no app that could say more.
    pub(super) unattended: bool,
}

impl SecondFactors {
    /// Whether the person has answered. `None`: nobody is asked.
    pub async fn poll(&self, flow: Flow, now: Timestamp) -> Result<Option<Flow>, StoreError> {
        let Some(pushed) = flow.waits_for().cloned() else { return Ok(None) };
        match self.devices.outcome(&flow, &pushed).await? {
            None => Ok(Some(flow)),
            Some(outcome) => self.answered(flow, &pushed, outcome, now).await,
        }
    }

    /// A one-time passcode has come in place of the answer that a flow waits for, and nobody is asked any more. `Break`:
    /// there was an answer already, and that is what counts.
    pub(super) async fn answered_before(
        &self,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<ControlFlow<Option<Flow>>, StoreError> {
        let Some(pushed) = flow.waits_for() else { return Ok(ControlFlow::Continue(())) };
        match self.devices.withdraw(flow, pushed, "a one-time passcode was brought").await? {
            Answer::TimedOut => Ok(ControlFlow::Continue(())),
            outcome @ (Answer::Approved(_) | Answer::Admitted(_) | Answer::LetIn(_) | Answer::Denied) => {
                Ok(ControlFlow::Break(self.answered(flow.clone(), pushed, outcome, now).await?))
            }
        }
    }

    /// Whether what is waited for has an answer, or will have none. Changes nothing.
    pub async fn is_answered(&self, flow: &Flow) -> Result<bool, StoreError> {
        let over = match (flow.waits_for(), flow.verifying()) {
            (Some(pushed), _) => self.devices.is_over(pushed).await?,
            (None, Some(verifying)) => self.silent.outcome(verifying).await?.is_some(),
            (None, None) => return Ok(false),
        };
        Ok(over || self.is_stranded(flow).await?)
    }

    /// An app is believed, or is not, by the policy and the devices of now.
    pub(super) async fn verify(
        &self,
        flow: Flow,
        verifying: Verifying,
        waiting: Waiting<'_>,
    ) -> Result<Option<Flow>, StoreError> {
        let outcome = self.silent.outcome(&verifying).await?;
        let (Some(user), Some(policy)) = (flow.user(), flow.mfa_policy(&waiting.judged.around())) else {
            return Ok(None);
        };
        let now = waiting.judged.now;
        let evaluated = waiting.judged.narrowed(self.evaluate.evaluate(user, &policy, Way::of(&flow)).await?);
        let vouches = |device: DeviceId| device == verifying.device;
        let extra = match &evaluated.0 {
            Verdict::Verify(device, extra) if vouches(*device) => Some(*extra),
            Verdict::Authorized(device) if vouches(*device) => None,
            // It was blocked, or unpaired, or the policy lets it vouch for nobody any more; or the person is stopped.
            Verdict::Verify(..)
            | Verdict::Authorized(_)
            | Verdict::LetIn
            | Verdict::Remembered(_)
            | Verdict::Ask(..)
            | Verdict::Waived(_)
            | Verdict::SetUp(..)
            | Verdict::Failed(_) => {
                self.record(&flow, &evaluated.0, now).await;
                return self.led_to(flow, (&policy, evaluated), waiting).await;
            }
        };
        // As it is there after all, it may answer still.
        let Some(outcome) = outcome else { return Ok(Some(flow)) };
        let event = self.event(&flow, now).device(verifying.device);
        let verified = |answered| Some(flow.clone().vouched_for(verifying.notification, answered));
        let why = Why::ExtraVerificationFailed;
        let (event, next) = match outcome {
            Outcome::Gone => (event.refused("app_uninstalled"), None),
            Outcome::Confirmed => (event.of("extra_verification_ok"), verified(true)),
            Outcome::Unanswered => match Believed::without_answer(extra) {
                Believed::Yes => (event.of("extra_verification_skipped"), verified(false)),
                Believed::No => {
                    let anew = flow.clone().unasked();
                    let failed = anew.and_then(|flow| flow.second_factor_evaluated((Verdict::Failed(why), None), None));
                    (event.refused(why.as_str()), Some(failed))
                }
                Believed::Otherwise => (event.refused(why.as_str()), None),
            },
        };
        self.ledger.audit(event).await;
        if let Some(next) = next {
            return Ok(next);
        }
        let evaluated = self.evaluated_otherwise(&flow, &policy, waiting.judged).await?;
        let Some(evaluated) = evaluated else { return Ok(None) };
        self.led_to(flow, (&policy, evaluated), waiting).await
    }

    /// What it comes to where the device that called vouches for nobody: it has not answered, or did not vouch when the
    /// person was asked. `None`: of nobody who has proved to be somebody.
    pub(super) async fn evaluated_otherwise(
        &self,
        flow: &Flow,
        policy: &MfaPolicyId,
        judged: &Judged,
    ) -> Result<Option<(Verdict, Option<Enrolment>)>, StoreError> {
        let Some(user) = flow.user() else { return Ok(None) };
        let evaluated = judged.narrowed(self.evaluate.evaluate_otherwise(user, policy, Way::of(flow)).await?);
        self.record(flow, &evaluated.0, judged.now).await;
        Ok(Some(evaluated))
    }

    async fn led_to(
        &self,
        flow: Flow,
        (policy, evaluated): (&MfaPolicyId, (Verdict, Option<Enrolment>)),
        Waiting { judged, asker, unattended }: Waiting<'_>,
    ) -> Result<Option<Flow>, StoreError> {
        let Some(flow) = flow.unasked() else { return Ok(None) };
        let (mut verdict, enrolment) = evaluated;
        // No phone rings on the word of a session alone, which any page may have used.
        if unattended
            && !flow.pushes_by_itself()
            && let Verdict::Ask(_, first) = &mut verdict
        {
            *first = First::Choose;
        }
        let until: Option<Timestamp> = (!unattended).then(|| judged.now + LIFETIME);
        let before = flow.clone();
        let next = match self.came_to(flow, policy, (verdict, enrolment), (until, asker)).await? {
            Ok(next) => next,
            Err(not) => before.second_factor_evaluated((Verdict::Failed(not.why()), None), None),
        };
        if let Some(next) = &next {
            self.offered(next, judged.now).await?;
        }
        Ok(next)
    }
}

/// What comes of an app that has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Believed {
    Yes,
    No,
    /// The person shows something else.
    Otherwise,
}

impl Believed {
    /// `extra`: what the policy wants of it now. `None`: nothing.
    const fn without_answer(extra: Option<Extra>) -> Self {
        let Some(Extra { mode, fallback, .. }) = extra else { return Self::Yes };
        match (mode, fallback) {
            (ExtraVerification::Restrictive, Unanswered::Fail) => Self::No,
            (ExtraVerification::Restrictive, Unanswered::OtherMethod) => Self::Otherwise,
            (ExtraVerification::Disabled | ExtraVerification::Permissive, _) => Self::Yes,
        }
    }
}
