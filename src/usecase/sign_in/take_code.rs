//! A code in a flow: it was brought, or another one is wanted, and it counts once the flow has taken it.

use std::ops::ControlFlow;

use crate::clock::Timestamp;
use crate::domain::flow::{Flow, SecondFactor};
use crate::protocol::flow_api::Members;
use crate::protocol::id::FlowId;
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::boxed::boxed;
use crate::usecase::sign_in::second_factor::{NotAsked, SecondFactors};
use crate::usecase::sign_in::send_code::Asker;

impl SecondFactors {
    /// Another code in place of the one that was sent.
    pub(super) async fn resend(
        &self,
        flow: Flow,
        judged: &Judged,
        asker: Asker<'_>,
    ) -> Result<Option<Flow>, FlowError> {
        let (Some(sent), Some(policy)) = (flow.sent().cloned(), flow.mfa_policy(&judged.around())) else {
            return Ok(None);
        };
        let flow = match self.still_there(flow, (&policy, sent.selected), (judged, asker)).await? {
            ControlFlow::Continue(flow) => flow,
            ControlFlow::Break(next) => return Ok(next),
        };
        let asked = self.asked_on(flow, &policy, (sent.selected, asker)).await?;
        Ok(asked.map_err(NotAsked::refusal)?)
    }

    /// The code that was sent, or that an app shows, as it was typed.
    pub(super) async fn check_code(
        &self,
        (id, flow): (&FlowId, Flow),
        judged: &Judged,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let (sent, typing) = (flow.sent().cloned(), flow.typed());
        let selected = sent.as_ref().map(|sent| sent.selected).or(typing.as_ref().map(|typing| typing.selected));
        let (Some(selected), Some(policy)) = (selected, flow.mfa_policy(&judged.around())) else { return Ok(None) };
        let flow = self.by_same_app((id, flow), judged, members).await?;
        let flow = match self.still_there(flow, (&policy, selected), (judged, asker)).await? {
            ControlFlow::Continue(flow) => flow,
            ControlFlow::Break(next) => return Ok(next),
        };
        let (Some(user), otp) = (flow.user(), members.text("otp").unwrap_or_default()) else { return Ok(None) };
        let checked = match (&sent, &typing) {
            (Some(sent), _) => self.codes.check(&flow, sent, otp).await?,
            (None, Some(typing)) => self.totps.check(user, typing, otp).await?,
            (None, None) => return Ok(None),
        };
        if checked.is_ok()
            && let ControlFlow::Break(answered) = boxed(|| self.answered_before(&flow, judged.now)).await?
        {
            return Ok(answered);
        }
        match checked {
            Ok(()) => {
                let next = match sent {
                    Some(sent) => flow.code_verified(sent.id),
                    None => flow.totp_verified(selected),
                };
                // Written down once the flow has taken it: [`SecondFactors::taken`].
                match next {
                    Some(next) => Ok(Some(self.admitted(next, judged.now).await?)),
                    None => Ok(None),
                }
            }
            Err(refusal) => {
                let event = self.event(&flow, judged.now).device(selected);
                self.ledger.audit(event.refused(refusal.why)).await;
                Err(refusal.into())
            }
        }
    }

    /// The flow has taken what was done, by whoever was asked in this way before: a code counts from now on.
    pub(super) async fn taken(&self, before: Option<&SecondFactor>, flow: &Flow, now: Timestamp) {
        let selected = before.and_then(SecondFactor::selected).filter(|_| flow.is_by_code());
        if let Some(device) = selected {
            self.ledger.audit(self.event(flow, now).device(device).of("otp_verified")).await;
        }
    }
}
