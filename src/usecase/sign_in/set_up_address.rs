//! Whoever has no second factor says where they get codes: it is theirs once one has come back from there [flows.md A.1.3].

use crate::clock::Timestamp;
use crate::domain::audit::{self, Event};
use crate::domain::flow::{Flow, NewAddress, SettingUp};
use crate::domain::occasion::Notice;
use crate::domain::otp::{Channel, OtpDevice};
use crate::domain::second_factor::Why;
use crate::protocol::flow_api::{Action, DetailCode, FlowErrorCode, FlowRefusal, Members};
use crate::protocol::id::{DeviceId, MfaPolicyId, UserId};
use crate::usecase::addresses::target;
use crate::usecase::sign_in::Judged;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::second_factor::SecondFactors;
use crate::usecase::sign_in::send_code::{self, Asker, NotSent};

impl SecondFactors {
    /// What whoever runs the flow does about it. `None`: it cannot be done now.
    pub(super) async fn set_up_address(
        &self,
        flow: Flow,
        setting_up: SettingUp,
        (action, (user, policy, why)): (Action, (UserId, &MfaPolicyId, Why)),
        (judged, (members, asker)): (&Judged, (&Members, Asker<'_>)),
    ) -> Result<Option<Flow>, FlowError> {
        let now = judged.now;
        match setting_up {
            SettingUp::Target(channel) => {
                let device = self.named(user, channel, members, now)?;
                self.send_first(flow, policy, &device, asker).await
            }
            SettingUp::Address(new) if action == Action::ResendOtp => {
                self.send_first(flow, policy, &new.device(user), asker).await
            }
            SettingUp::Address(new) => {
                self.activate_address(flow, &new, (user, policy, why), now, (members, asker)).await
            }
            SettingUp::Required { .. }
            | SettingUp::Choosing(_)
            | SettingUp::Totp(_)
            | SettingUp::Phone(_)
            | SettingUp::Passkey => Ok(None),
        }
    }

    /// Where they say that they get codes, if any are sent there.
    fn named(
        &self,
        user: UserId,
        channel: Channel,
        members: &Members,
        now: Timestamp,
    ) -> Result<OtpDevice, FlowRefusal> {
        let member = match channel {
            Channel::Email => "email",
            Channel::Sms | Channel::Voice => "phone",
        };
        let target = target(channel, members.text(member).unwrap_or_default().trim());
        let id = DeviceId::new(self.entropy.uuid());
        let named = target.map(|target| OtpDevice { id, user, channel, target, nickname: None, created_at: now });
        named.filter(|device| self.evaluate.served.has(device)).ok_or_else(|| {
            let why = "no address or number, or one to which nothing is sent";
            FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some(member), why)
        })
    }

    /// A code is on its way there, in place of one that was before.
    async fn send_first(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        device: &OtpDevice,
        asker: Asker<'_>,
    ) -> Result<Option<Flow>, FlowError> {
        let policy = self.evaluate.policy(policy).await?;
        let whom = send_code::Whom { user: device.user, devices: &[], selected: device, asker };
        let claim = self.claim(&flow).await?;
        let sent = self.codes.send(&flow, &policy, whom).await;
        if !matches!(sent, Ok(Ok(_))) {
            self.claims.remove(&claim).await?;
        }
        let sent = sent?.map_err(NotSent::refusal)?;
        Ok(flow.first_code_sent(NewAddress { target: device.target.clone(), sent }))
    }

    /// The first code has come back: the address is one of the person's from now on.
    async fn activate_address(
        &self,
        flow: Flow,
        new: &NewAddress,
        (user, policy, why): (UserId, &MfaPolicyId, Why),
        now: Timestamp,
        (members, asker): (&Members, Asker<'_>),
    ) -> Result<Option<Flow>, FlowError> {
        let device = new.device(user);
        let added = Event::new(self.entropy.ordered_uuid(now), now, audit::Action::OtpDeviceAdded)
            .client(&flow.client)
            .request(flow.transaction)
            .user(user)
            .device(device.id);
        let otp = members.text("otp").unwrap_or_default();
        let mut checked = self.codes.check_first(&flow, (&device, &new.sent), otp).await?;
        let only = (flow.password, self.besides(why, policy).await?);
        if checked.is_ok() && !self.codes.devices.own.add_first(&device, only, &added).await? {
            let told = "there is a second factor already, or another password was chosen since";
            checked = Err(FlowRefusal::new(FlowErrorCode::RequestFailed, told));
        }
        let event = self.event(&flow, now).device(device.id);
        match checked {
            Ok(()) => {
                self.ledger.audit(event.of("otp_verified")).await;
                self.tell.of(user, Notice::Added, Some(policy), asker.language).await;
                Ok(flow.first_code_verified(new.sent.id))
            }
            Err(refusal) => {
                self.ledger.audit(event.refused(refusal.why)).await;
                Err(refusal.into())
            }
        }
    }
}
