//! Whoever has no second factor that counts makes one on the way, where the MFA policy says so [flows.md A.1.3, H.4].

use std::ops::ControlFlow;

use crate::domain::audit::{self, Event};
use crate::domain::flow::Flow;
use crate::domain::occasion::Notice;
use crate::domain::second_factor::{Verdict, Why};
use crate::protocol::flow_api::{self, DetailCode, FlowRefusal, Members};
use crate::protocol::id::{MfaPolicyId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::besides::Besides;
use crate::usecase::device_trust::evaluate::Way;
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::second_factor::SecondFactors;
use crate::usecase::sign_in::send_code::Asker;

/// The `deviceType` of an authenticator app.
const TOTP: &str = "TOTP";

impl SecondFactors {
    /// What whoever runs the flow does about it. `None`: it cannot be done now.
    pub(super) async fn set_up(
        &self,
        flow: Flow,
        action: flow_api::Action,
        judged: &Judged,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        if action == flow_api::Action::CancelDevicePairing {
            return Ok(flow.set_up_cancelled());
        }
        let (Some(policy), Some(user)) = (flow.mfa_policy(&judged.around()), flow.user()) else { return Ok(None) };
        let (flow, why) = match self.still_sets_up(flow, (&policy, user), (judged, asker)).await? {
            ControlFlow::Continue(still) => still,
            ControlFlow::Break(next) => return Ok(next),
        };
        if action == flow_api::Action::SetupMfa {
            return Ok(flow.set_up_begun());
        }
        if action == flow_api::Action::SelectDevicePairingMethod {
            if members.text("devicePairingMethod") != Some(TOTP) {
                let why = "a kind of device that nobody makes here";
                let (code, target) = (DetailCode::InvalidFieldValue, Some("devicePairingMethod"));
                return Err(FlowRefusal::invalid(code, target, why).into());
            }
            let policy = self.evaluate.policy(&policy).await?;
            return Ok(flow.set_up_with(self.totps.begin(&policy, &self.entropy)));
        }
        self.activate(flow, (user, &policy, why), judged, (members, asker)).await
    }

    /// Whoever has got a device meanwhile, be it in another flow, shows that one; and whoever is stopped makes nothing.
    /// `Continue`: why they get through with nothing else.
    async fn still_sets_up(
        &self,
        flow: Flow,
        (policy, user): (&MfaPolicyId, UserId),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<ControlFlow<Option<Flow>, (Flow, Why)>, StoreError> {
        let evaluated = self.evaluate.evaluate(user, policy, Way::of(&flow)).await?;
        if let Verdict::SetUp(why) = &evaluated.0 {
            return Ok(ControlFlow::Continue((flow, *why)));
        }
        self.record(&flow, &evaluated.0, judged.now).await;
        let Some(flow) = flow.set_up_over() else { return Ok(ControlFlow::Break(None)) };
        let before = flow.clone();
        let next = match self.came_to(flow, policy, evaluated, (None, asker)).await? {
            Ok(next) => next,
            Err(not) => before.second_factor_evaluated((Verdict::Failed(not.why()), None), None),
        };
        Ok(ControlFlow::Break(next))
    }

    /// What the person may have by then, who makes something for this reason.
    async fn besides(&self, why: Why, policy: &MfaPolicyId) -> Result<Besides, StoreError> {
        // What they have will not do, and that is why.
        if why != Why::NoDevices {
            return Ok(Besides::Anything);
        }
        let passkeys = self.evaluate.policy(policy).await?.fido2.enabled && self.evaluate.browsers;
        Ok(Besides::none(passkeys))
    }

    /// The first code of an authenticator app: it is one of the person's from now on.
    async fn activate(
        &self,
        flow: Flow,
        (user, policy, why): (UserId, &MfaPolicyId, Why),
        judged: &Judged,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let Some(new) = flow.new_totp().cloned() else { return Ok(None) };
        let now = judged.now;
        let added = Event::new(self.entropy.ordered_uuid(now), now, audit::Action::TotpDeviceAdded)
            .client(&flow.client)
            .request(flow.transaction)
            .user(user)
            .device(new.device);
        let otp = members.text("otp").unwrap_or_default();
        let besides = self.besides(why, policy).await?;
        let activated = self.totps.activate(user, &new, otp, (flow.password, besides, &added)).await?;
        let event = self.event(&flow, now).device(new.device);
        match activated {
            Ok(()) => {
                self.ledger.audit(event.of("otp_verified")).await;
                self.tell.of(user, Notice::Added, Some(policy), asker.language).await;
                Ok(flow.set_up_done(new.device))
            }
            Err(refusal) => {
                self.ledger.audit(event.refused(refusal.why)).await;
                Err(refusal.into())
            }
        }
    }
}
