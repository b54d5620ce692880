//! The second factor in a flow: asked of whoever runs it, or found out where nobody has anything to say.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::enrolment::{Enrolment, LIFETIME};
use crate::domain::flow::Flow;
use crate::domain::second_factor::Verdict;
use crate::entropy::Entropy;
use crate::protocol::flow_api::{DetailCode, FlowRefusal, Members};
use crate::protocol::id::{FlowId, MfaPolicyId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::ledger::Ledger;
use crate::usecase::device_trust::enrol::{OfferEnrolment, Whom};
use crate::usecase::device_trust::evaluate::Evaluate;
use crate::usecase::device_trust::read_payload::{ReadPayload, Within};
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::advance::FlowError;

pub struct SecondFactors {
    pub payloads: ReadPayload,
    pub evaluate: Evaluate,
    pub offers: OfferEnrolment,
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
        let app = match members.text("mobilePayload") {
            Some(payload) => {
                let challenge = flow.request.challenge.as_ref();
                let within = Within { transaction: flow.transaction, flow: id, challenge };
                let read = self.payloads.read(payload, &judged.client, &within).await?;
                let refused = |why| FlowRefusal::invalid(DetailCode::InvalidMobilePayload, Some("mobilePayload"), why);
                Some(read.map_err(refused)?)
            }
            None => flow.app.clone(),
        };
        let until = judged.now + LIFETIME;
        let Some(next) = self.came_to(flow.by(app), &policy, Some(until), judged.now).await? else { return Ok(None) };
        if let (Some((Enrolment { app, policy }, _)), Some(user)) = (next.offers_pairing(), next.user()) {
            let (transaction, client) = (next.transaction, &next.client);
            let whom = Whom { transaction, user, client, policy, password: next.password, session: None };
            self.offers.offer(whom, app, judged.now).await?;
        }
        Ok(Some(next))
    }

    /// Where nobody has anything to say: the app has shown itself before, or there is no page for it. `unattended`:
    /// the flow goes on by itself, too.
    pub(super) async fn found_out(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        unattended: bool,
        judged: &Judged,
    ) -> Result<Flow, StoreError> {
        let before = flow.clone();
        let Some(next) = self.came_to(flow, policy, None, judged.now).await? else {
            return Ok(before.lacking(&judged.around()));
        };
        if !unattended {
            return Ok(next);
        }
        // Failed, the policy may know another way.
        let on = next.clone().second_factor_continued(&judged.around());
        Ok(on.unwrap_or_else(|| next.lacking(&judged.around())))
    }

    async fn came_to(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        pairs: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Flow>, StoreError> {
        let Some(user) = flow.user() else { return Ok(None) };
        let (verdict, enrolment) = self.evaluate.evaluate(user, policy, flow.app.as_ref()).await?;
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::SecondFactorEvaluated)
            .client(&flow.client)
            .user(user)
            .request(flow.transaction);
        let event = match verdict {
            Verdict::Authorized(device) => event.device(device),
            Verdict::Waived(missing) => event.of(missing.as_str()),
            Verdict::Failed(why) => event.refused(why.as_str()),
        };
        self.ledger.audit(event).await;
        Ok(flow.second_factor_evaluated((verdict, enrolment), pairs))
    }
}
