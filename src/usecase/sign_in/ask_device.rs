//! The person is asked on a device of theirs, as a relying party would ask them: one question, for one evaluation in one
//! flow [flows.md F9].

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::{About, Asker, AuthenticationRequest, FINALISE, Polling, State};
use crate::domain::decision::Record;
use crate::domain::flow::{Flow, Outcome, Pushed};
use crate::domain::inbox::{Added, Limits, Standing};
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::mobile_app::{Choice, Newcomer};
use crate::domain::session::Trusted;
use crate::domain::silence::{REMEMBERED, Silence};
use crate::entropy::Entropy;
use crate::protocol::acr::Acr;
use crate::protocol::id::{AuthReqId, DeviceId, NotificationId, RequestId, UserId};
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::ledger::{Also, Decided, Ledger};
use crate::usecase::put_question::{PutQuestion, challenge};
use crate::usecase::settle::{Seen, Settle};
use crate::usecase::spend_pushes::SpendPushes;

pub struct AskDevice {
    pub questions: PutQuestion,
    pub settle: Settle,
    pub pushes: SpendPushes,
    pub silences: Shelf<Silence>,
    pub ledger: Ledger,
    pub limits: Limits,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Who is asked, and on which of the devices on which they could be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whom<'a> {
    pub(super) user: UserId,
    pub(super) devices: &'a [DeviceId],
    pub(super) selected: DeviceId,
    /// In which they are written to, should they be.
    pub(super) language: &'a str,
}

impl AskDevice {
    /// `None`: nobody is asked, since they were asked too often, or too many questions wait for them.
    pub(super) async fn ask(
        &self,
        flow: &Flow,
        policy: &MfaPolicy,
        Whom { user, devices, selected, language }: Whom<'_>,
    ) -> Result<Option<Pushed>, StoreError> {
        let now = self.clock.now();
        if self.pushes.spend((&flow.client, flow.transaction), (user, language), policy, now).await?.is_some() {
            return Ok(None);
        }
        let matching = policy.number_matching.asked();
        let newcomer = flow.newcomer.as_ref().map(|asked| {
            let app = asked.about.app.clone();
            About::Newcomer(Box::new(Newcomer { app, policy: policy.id.clone() }))
        });
        let about = newcomer.or_else(|| flow.said.clone().map(About::Said));
        let request = AuthenticationRequest {
            id: RequestId::new(self.entropy.ordered_uuid(now)),
            notification: NotificationId::new(self.entropy.uuid()),
            client: flow.client.clone(),
            asker: Asker::Flow(selected),
            user,
            scope: flow.asked(),
            acr: if matching.is_some() { Acr::DeviceNumber } else { Acr::Device },
            binding_message: None,
            challenge: challenge(&self.entropy, matching),
            about,
            issued_at: now,
            expires_at: now + policy.asked_for(),
            polling: Polling { interval: 0, last: None },
            state: State::Pending,
        };
        // Nobody ever has what this is the digest of.
        let digest = AuthReqId::for_key(self.entropy.token(), None).digest();
        let asked = self.questions.devices_for(&request).await?;
        // The person asks themselves: how often, the policy says.
        let limits = Limits { per_client_and_user: self.limits.per_user, ..self.limits };
        if asked.is_empty()
            || self.questions.put(&request, &digest, &asked, (Standing::Known, limits)).await? != Added::Yes
        {
            return Ok(None);
        }
        let event = self.event(Action::RequestCreated, flow, now).user(user).device(selected);
        self.ledger.audit(event.request(request.id).of("second factor")).await;
        let AuthenticationRequest { id: question, challenge, expires_at, .. } = request;
        Ok(Some(Pushed {
            devices: devices.to_vec(),
            selected,
            question,
            digest,
            challenge,
            expires_at,
            passcode: None,
        }))
    }

    /// Whether there is something to come for. Changes nothing.
    pub(super) async fn is_over(&self, pushed: &Pushed) -> Result<bool, StoreError> {
        let request = self.questions.requests.get(&pushed.digest).await?;
        let now = self.clock.now();
        Ok(request.is_none_or(|request| !request.is_pending(now)))
    }

    /// What became of the question. `None`: somebody may still answer.
    pub(super) async fn outcome(&self, flow: &Flow, pushed: &Pushed) -> Result<Option<Outcome>, StoreError> {
        let now = self.clock.now();
        let Some(request) = self.questions.requests.get(&pushed.digest).await? else {
            return Ok(Some(Outcome::TimedOut));
        };
        if request.is_pending(now) {
            return Ok(None);
        }
        if request.state == State::Pending {
            let (outcome, first) = self.end(flow, pushed, "timed out").await?;
            // Of many who come at that moment, one has found out that nobody answered: it was one question.
            if first || outcome != Outcome::TimedOut {
                self.heard(&request, pushed, outcome).await?;
            }
            return Ok(Some(outcome));
        }
        let outcome = came_to(&request, now);
        if outcome != Outcome::TimedOut {
            self.heard(&request, pushed, outcome).await?;
        }
        Ok(Some(outcome))
    }

    /// A phone that answers is none to be suspicious of; of one that does not, time after time, the trail says so.
    async fn heard(
        &self,
        request: &AuthenticationRequest,
        pushed: &Pushed,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        if outcome != Outcome::TimedOut {
            return self.silences.remove(&pushed.selected).await;
        }
        if self.silences.upsert(&pushed.selected, REMEMBERED, Silence::longer).await? {
            let now = self.clock.now();
            let event = Event::new(self.entropy.ordered_uuid(now), now, Action::DeviceUpdated);
            self.ledger.audit(event.user(request.user).device(pushed.selected).of("suspect")).await;
        }
        Ok(())
    }

    /// Nobody can answer any more; or somebody was faster, and that is what counts: SQL has the last word.
    pub(super) async fn withdraw(
        &self,
        flow: &Flow,
        pushed: &Pushed,
        why: &'static str,
    ) -> Result<Outcome, StoreError> {
        Ok(self.end(flow, pushed, why).await?.0)
    }

    /// The same; and whether it is this that ended the question.
    async fn end(&self, flow: &Flow, pushed: &Pushed, why: &'static str) -> Result<(Outcome, bool), StoreError> {
        let now = self.clock.now();
        let Some(request) = self.questions.requests.get(&pushed.digest).await? else {
            return Ok((Outcome::TimedOut, false));
        };
        if request.state != State::Pending {
            return Ok((came_to(&request, now), false));
        }
        let event = self.event(Action::RequestCancelled, flow, now).user(request.user).device(pushed.selected);
        let event = event.request(request.id).of(why);
        let record = Record::cancelled(&request, pushed.digest, now);
        match self.settle.settle(record, event, Also::default(), Seen::default()).await? {
            Decided::First => Ok((Outcome::TimedOut, true)),
            Decided::Already(decision) => Ok((came_to(&request.decided(&decision), now), false)),
        }
    }

    fn event(&self, action: Action, flow: &Flow, now: Timestamp) -> Event {
        Event::new(self.entropy.ordered_uuid(now), now, action).client(&flow.client)
    }
}

/// An approval that nobody came for is worth nothing after a while, as for a relying party.
fn came_to(request: &AuthenticationRequest, now: Timestamp) -> Outcome {
    match &request.state {
        State::Approved(approval) if now < request.expires_at + FINALISE => {
            let trusted = Trusted { device: approval.device, acr: request.acr };
            match approval.choice {
                None => Outcome::Approved(trusted),
                Some(Choice::Trusted) => Outcome::Admitted(trusted),
                Some(Choice::Once) => Outcome::LetIn(trusted),
            }
        }
        State::Denied(_) => Outcome::Denied,
        State::Pending | State::Approved(_) | State::Redeeming { .. } | State::Redeemed | State::Cancelled => {
            Outcome::TimedOut
        }
    }
}
