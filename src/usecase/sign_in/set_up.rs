//! Whoever has no second factor that counts makes one on the way, where the MFA policy says so [flows.md A.1.3, H.4].

use std::ops::ControlFlow;

use crate::clock::Timestamp;
use crate::domain::audit::{self, Event};
use crate::domain::enrolment::Enrolment;
use crate::domain::flow::{Flow, SettingUp};
use crate::domain::mfa_policy::Makes;
use crate::domain::occasion::Notice;
use crate::domain::otp::Channel;
use crate::domain::second_factor::{Verdict, Why};
use crate::protocol::flow_api::{self, DetailCode, FlowRefusal, Members};
use crate::protocol::id::{DeviceId, MfaPolicyId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::besides::Besides;
use crate::store::sql::first_phone::Came;
use crate::usecase::device_trust::evaluate::Way;
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::boxed::boxed;
use crate::usecase::sign_in::second_factor::SecondFactors;
use crate::usecase::sign_in::send_code::Asker;

impl SecondFactors {
    /// What whoever runs the flow does about it. `None`: it cannot be done now.
    pub(super) async fn set_up(
        &self,
        flow: Flow,
        action: flow_api::Action,
        judged: &Judged,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let (Some(policy), Some(user)) = (flow.mfa_policy(&judged.around()), flow.user()) else { return Ok(None) };
        let gives_up = action == flow_api::Action::CancelDevicePairing;
        if gives_up || action == flow_api::Action::SkipMfa {
            let evaluated = self.evaluate.evaluate(user, &policy, Way::of(&flow)).await?;
            let may_skip = matches!(evaluated.0, Verdict::SetUp(_, Some(_)));
            if gives_up {
                return Ok(flow.set_up_cancelled(may_skip));
            }
            if may_skip {
                self.ledger.audit(self.event(&flow, judged.now).of("set_up_skipped")).await;
                return Ok(flow.set_up_skipped());
            }
            return Ok(self.set_up_elsewhere(flow, (&policy, evaluated), (judged, asker)).await?);
        }
        let (flow, why) = match self.still_sets_up(flow, (&policy, user), (judged, asker)).await? {
            ControlFlow::Continue(still) => still,
            ControlFlow::Break(next) => return Ok(next),
        };
        if action == flow_api::Action::SetupMfa {
            return Ok(flow.set_up_begun(self.evaluate.makes(&policy).await?));
        }
        if action == flow_api::Action::SelectDevicePairingMethod {
            return boxed(|| self.begin(flow, (user, &policy), judged.now, members)).await;
        }
        let by = (members, asker);
        if let Some(setting_up @ (SettingUp::Target(_) | SettingUp::Address(_))) = flow.setting_up().cloned() {
            return boxed(|| self.set_up_address(flow, setting_up, (action, (user, &policy, why)), (judged, by))).await;
        }
        self.activate(flow, (user, &policy, why), judged, by).await
    }

    /// Whoever has got a device meanwhile, be it in another flow, shows that one; whoever is stopped makes nothing; and nobody
    /// makes what the policy has no more: they say anew what it is to be. `Continue`: why they get through with nothing else.
    async fn still_sets_up(
        &self,
        flow: Flow,
        (policy, user): (&MfaPolicyId, UserId),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<ControlFlow<Option<Flow>, (Flow, Why)>, StoreError> {
        let evaluated = self.evaluate.evaluate(user, policy, Way::of(&flow)).await?;
        if let Verdict::SetUp(why, _) = &evaluated.0 {
            let makes = self.evaluate.makes(policy).await?;
            let dropped = flow.setting_up().and_then(SettingUp::kind).is_some_and(|kind| !makes.contains(&kind));
            if dropped {
                return Ok(ControlFlow::Break(flow.set_up_otherwise(makes)));
            }
            return Ok(ControlFlow::Continue((flow, *why)));
        }
        Ok(ControlFlow::Break(self.set_up_elsewhere(flow, (policy, evaluated), (judged, asker)).await?))
    }

    /// Nothing is made any more: it came to something else.
    async fn set_up_elsewhere(
        &self,
        flow: Flow,
        (policy, evaluated): (&MfaPolicyId, (Verdict, Option<Enrolment>)),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<Option<Flow>, StoreError> {
        self.record(&flow, &evaluated.0, judged.now).await;
        let Some(flow) = flow.set_up_over() else { return Ok(None) };
        let before = flow.clone();
        Ok(match self.came_to(flow, policy, evaluated, (None, asker)).await? {
            Ok(next) => next,
            Err(not) => before.second_factor_evaluated((Verdict::Failed(not.why()), None), None),
        })
    }

    /// They say what they make.
    async fn begin(
        &self,
        flow: Flow,
        (user, policy): (UserId, &MfaPolicyId),
        now: Timestamp,
        members: &Members,
    ) -> Result<Option<Flow>, FlowError> {
        let makes = self.evaluate.makes(policy).await?;
        let named = members.text("devicePairingMethod").and_then(Makes::parse);
        match named.filter(|kind| makes.contains(kind)) {
            Some(Makes::Totp) => {
                let policy = self.evaluate.policy(policy).await?;
                Ok(flow.set_up_with(self.totps.begin(&policy, &self.entropy)))
            }
            Some(Makes::Fido2) => Ok(flow.set_up_passkey()),
            Some(Makes::Email) => Ok(flow.set_up_target(Channel::Email)),
            Some(Makes::Sms) => Ok(flow.set_up_target(Channel::Sms)),
            Some(Makes::Voice) => Ok(flow.set_up_target(Channel::Voice)),
            Some(Makes::Mobile) => {
                let event = Event::new(self.entropy.ordered_uuid(now), now, audit::Action::PairingKeyCreated)
                    .client(&flow.client)
                    .request(flow.transaction)
                    .user(user);
                let begun = self.phones.begin((user, flow.password), &event, now).await?;
                Ok(flow.set_up_phone(begun?))
            }
            None => {
                let why = "a kind of device that nobody makes here";
                let (code, target) = (DetailCode::InvalidFieldValue, Some("devicePairingMethod"));
                Err(FlowRefusal::invalid(code, target, why).into())
            }
        }
    }

    /// Whether the phone has come that somebody is to pair: it is their second factor from then on. `None`: none is
    /// waited for.
    pub(super) async fn phone_awaited(
        &self,
        flow: Flow,
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<Option<Flow>, StoreError> {
        let (Some(new), Some(user)) = (flow.new_phone().cloned(), flow.user()) else { return Ok(None) };
        let Some(policy) = flow.mfa_policy(&judged.around()) else { return Ok(None) };
        let now = judged.now;
        let came = self.phones.came(user, &new, now).await?;
        if came == Came::NotYet {
            return Ok(Some(flow));
        }
        let evaluated = self.evaluate.evaluate(user, &policy, Way::of(&flow)).await?;
        match (came, &evaluated.0) {
            (Came::As(device), Verdict::Ask(devices, _)) if devices.contains(&device) => {
                let event = self.event(&flow, now).device(device);
                self.ledger.audit(event.of("device_paired")).await;
                Ok(flow.phone_came(&new.key, device))
            }
            // This node is about to hear of it.
            (Came::As(_), Verdict::SetUp(..)) if now < new.expires_at => Ok(Some(flow)),
            (_, Verdict::SetUp(..)) => Ok(flow.no_phone_came(self.evaluate.makes(&policy).await?)),
            (_, _) => self.set_up_elsewhere(flow, (&policy, evaluated), (judged, asker)).await,
        }
    }

    /// What the person may have by then, who makes something for this reason.
    pub(super) async fn besides(&self, why: Why, policy: &MfaPolicyId) -> Result<Besides, StoreError> {
        // What they have will not do, and that is why.
        if why != Why::NoDevices {
            return Ok(Besides::Anything);
        }
        let passkeys = self.evaluate.policy(policy).await?.fido2.enabled && self.evaluate.browsers;
        Ok(Besides::none(passkeys))
    }

    /// As [`SecondFactors::still_sets_up`], of a passkey that is made as a second factor, with what the person may have
    /// besides. Any other is made as it is.
    pub(super) async fn still_makes(
        &self,
        flow: Flow,
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Result<ControlFlow<Option<Flow>, (Flow, Besides)>, StoreError> {
        if !flow.makes_second_factor() {
            return Ok(ControlFlow::Continue((flow, Besides::Anything)));
        }
        let (Some(policy), Some(user)) = (flow.mfa_policy(&judged.around()), flow.user()) else {
            return Ok(ControlFlow::Break(None));
        };
        Ok(match self.still_sets_up(flow, (&policy, user), (judged, asker)).await? {
            ControlFlow::Continue((flow, why)) => ControlFlow::Continue((flow, self.besides(why, &policy).await?)),
            ControlFlow::Break(next) => ControlFlow::Break(next),
        })
    }

    /// A passkey of `user` was made, who needed a second factor: this device.
    pub(super) async fn passkey_made(
        &self,
        flow: Flow,
        (user, device): (UserId, DeviceId),
        (judged, asker): (&Judged, Asker<'_>),
    ) -> Option<Flow> {
        let (policy, event) = (flow.mfa_policy(&judged.around()), self.event(&flow, judged.now));
        let next = flow.passkey_made((user, device), judged.now)?;
        self.ledger.audit(event.of("passkey_made")).await;
        self.tell.of(user, Notice::Added, policy.as_ref(), asker.language).await;
        Some(next)
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
