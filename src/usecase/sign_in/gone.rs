//! The second factor of somebody whose device goes away while they are asked on it, who is stopped themselves, or who has
//! blocked the app meanwhile: the flow waits for nobody, and goes on with what there is [flows.md F5, F10, H.4].

use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::clock::Timestamp;
use crate::domain::client::Client;
use crate::domain::enrolment::LIFETIME;
use crate::domain::flow::{Flow, Outcome, SecondFactor};
use crate::domain::second_factor::Verdict;
use crate::protocol::flow_api::FlowRefusal;
use crate::protocol::id::{DeviceId, MfaPolicyId};
use crate::store::ephemeral::StoreError;
use crate::usecase::device_trust::evaluate::Way;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::await_device::Waiting;
use crate::usecase::sign_in::second_factor::{SecondFactors, no_device};
use crate::usecase::sign_in::send_code::Asker;
use crate::usecase::sign_in::{Judged, Known};

/// A flow that waits for nobody any more, before it is found out what comes of that.
pub(super) struct Unasked {
    pub(super) flow: Flow,
    policy: MfaPolicyId,
    /// Until when whoever runs the flow can have the app become a device before it goes on.
    pairs: Option<Timestamp>,
}

impl Known {
    /// The flow of somebody who was asked, or whose app was, with the answer. `None`: nobody was asked. `Continue`:
    /// there will be none.
    pub(super) async fn polled(
        &self,
        flow: Flow,
        client: &Arc<Client>,
        asker: Asker<'_>,
        now: Timestamp,
    ) -> Result<ControlFlow<Option<Flow>, (Unasked, Judged)>, StoreError> {
        let factors = &self.second_factors;
        if let Some(verifying) = flow.verifying().copied() {
            // Mostly there is nothing yet, and nothing else to be looked at.
            if !factors.is_answered(&flow).await? {
                return Ok(ControlFlow::Break(Some(flow)));
            }
            let judged = self.judged(Arc::clone(client), flow.user(), now).await?;
            let unattended = self.is_unattended(&flow, &judged).await?;
            let waiting = Waiting { judged: &judged, asker, unattended };
            return Ok(ControlFlow::Break(Box::pin(factors.verify(flow, verifying, waiting)).await?));
        }
        if flow.new_phone().is_some() {
            let judged = self.judged(Arc::clone(client), flow.user(), now).await?;
            return Ok(ControlFlow::Break(Box::pin(factors.phone_awaited(flow, (&judged, asker))).await?));
        }
        let Some(flow) = factors.poll(flow, now).await? else { return Ok(ControlFlow::Break(None)) };
        if !factors.is_stranded(&flow).await? {
            return Ok(ControlFlow::Break(Some(flow)));
        }
        let judged = self.judged(Arc::clone(client), flow.user(), now).await?;
        let left = factors.left(flow, &judged).await?;
        Ok(left.map_continue(|unasked| (unasked, judged)))
    }
}

impl SecondFactors {
    /// Whether nobody can answer what a flow waits for, or did until a moment ago: the phone is none of the person's any
    /// more, or the person is stopped. Whoever made it so may not have got to withdraw the question. Changes nothing.
    pub(super) async fn is_stranded(&self, flow: &Flow) -> Result<bool, StoreError> {
        let pushed = flow.second_factor.as_ref().and_then(SecondFactor::pushed).map(|pushed| pushed.selected);
        let phone = pushed.or_else(|| flow.verifying().map(|verifying| verifying.device));
        let (Some(phone), Some(user)) = (phone, flow.user()) else { return Ok(false) };
        Ok(!self.evaluate.is_there(user, phone).await?)
    }

    /// Whether the person has said, of whatever question, that they want nothing of the app of this flow.
    pub(super) async fn is_blocked(&self, flow: &Flow) -> Result<bool, StoreError> {
        match (flow.user(), &flow.app) {
            (Some(user), Some(app)) => self.evaluate.blocks(user, app).await,
            (Some(_) | None, _) => Ok(false),
        }
    }

    /// On which devices the person can be asked as things are now: one may be blocked, or gone, the person may be stopped,
    /// or the policy may do without. None for an app that they have blocked.
    async fn there(&self, flow: &Flow, policy: &MfaPolicyId) -> Result<Vec<DeviceId>, FlowError> {
        let user = flow.user().ok_or_else(FlowRefusal::not_now)?;
        if self.is_blocked(flow).await? {
            return Ok(Vec::new());
        }
        let (verdict, _) = self.evaluate.evaluate(user, policy, Way::of(flow).by_nothing()).await?;
        let given = match flow.given.filter(|_| verdict.leaves_open()) {
            Some(given) => self.still_given(user, given, policy).await?,
            None => None,
        };
        let own = if let Verdict::Ask(devices, _) = verdict { devices } else { Vec::new() };
        Ok(own.into_iter().chain(given).collect())
    }

    /// The device that is asked. `Break`: it is there no more, and this is where the flow is then.
    pub(super) async fn still_there(
        &self,
        flow: Flow,
        (policy, selected): (&MfaPolicyId, DeviceId),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<ControlFlow<Option<Flow>, Flow>, FlowError> {
        if self.there(&flow, policy).await?.contains(&selected) {
            return Ok(ControlFlow::Continue(flow));
        }
        Ok(ControlFlow::Break(self.go_on(flow, (judged, asker)).await?))
    }

    /// The same for one that is chosen. Refused: it cannot be, and what the flow waits for, or offers, is still there.
    pub(super) async fn still_offered(
        &self,
        flow: Flow,
        (policy, chosen): (&MfaPolicyId, DeviceId),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<ControlFlow<Option<Flow>, Flow>, FlowError> {
        let there = self.there(&flow, policy).await?;
        if there.contains(&chosen) {
            return Ok(ControlFlow::Continue(flow));
        }
        let waits = flow.second_factor.as_ref().is_some_and(|second_factor| match second_factor.selected() {
            Some(asked) => there.contains(&asked),
            None => second_factor.devices().iter().any(|offered| there.contains(offered)),
        });
        if waits {
            return Err(no_device().into());
        }
        Ok(ControlFlow::Break(self.go_on(flow, (judged, asker)).await?))
    }

    /// The same for the passkey that is asked for as a second factor, before it has answered. A step of its own has none
    /// that could be gone.
    pub(super) async fn still_asserts(
        &self,
        flow: Flow,
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<ControlFlow<Option<Flow>, Flow>, FlowError> {
        let selected = flow.asserting().map(|asserting| asserting.selected);
        let (Some(selected), Some(policy)) = (selected, flow.mfa_policy(&judged.around())) else {
            return Ok(ControlFlow::Continue(flow));
        };
        self.still_there(flow, (&policy, selected), (judged, asker)).await
    }

    /// What it comes to anew.
    fn go_on<'a>(
        &'a self,
        flow: Flow,
        (judged, asker): (&'a Judged, Asker<'a>),
    ) -> BoxFuture<'a, Result<Option<Flow>, StoreError>> {
        Box::pin(async move {
            match self.left(flow, judged).await? {
                ControlFlow::Continue(unasked) => self.ask_next(unasked, (judged, asker)).await,
                ControlFlow::Break(next) => Ok(next),
            }
        })
    }

    /// Nobody is asked any more. `Break`: whoever answered in time has answered, as SQL has the last word.
    pub(super) async fn left(
        &self,
        flow: Flow,
        judged: &Judged,
    ) -> Result<ControlFlow<Option<Flow>, Unasked>, StoreError> {
        if let Some(pushed) = flow.waits_for().cloned() {
            match self.devices.withdraw(&flow, &pushed, "nobody can answer it any more").await? {
                Outcome::TimedOut => {}
                outcome @ (Outcome::Approved(_) | Outcome::Admitted(_) | Outcome::LetIn(_) | Outcome::Denied) => {
                    return Ok(ControlFlow::Break(self.answered(flow, &pushed, outcome, judged.now).await?));
                }
            }
        }
        // Whoever could have the app become a device before the flow goes on still can, whoever is asked about it then.
        let pairs = flow.newcomer.as_ref().is_some_and(|asked| asked.pairs).then(|| judged.now + LIFETIME);
        Ok(match (flow.mfa_policy(&judged.around()), flow.unasked()) {
            (Some(policy), Some(flow)) => ControlFlow::Continue(Unasked { flow, policy, pairs }),
            (Some(_) | None, _) => ControlFlow::Break(None),
        })
    }

    /// Whom the policy has asked then, or what else it says. `None`: no second factor is asked for.
    pub(super) async fn ask_next(
        &self,
        Unasked { flow, policy, pairs }: Unasked,
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<Option<Flow>, StoreError> {
        let Some(evaluated) = self.evaluated_otherwise(&flow, &policy, judged).await? else { return Ok(None) };
        let choosing = flow.clone().second_factor_evaluated(evaluated.clone(), pairs);
        let next = match self.came_to(flow, &policy, evaluated, (pairs, asker)).await? {
            Ok(next) => next,
            // On the next one they are asked too often: they may know another.
            Err(_) => choosing,
        };
        if let Some(next) = &next {
            self.offered(next, judged.now).await?;
        }
        Ok(next)
    }
}
