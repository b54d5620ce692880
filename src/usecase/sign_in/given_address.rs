//! An address that is given with a request, and is none of the person's devices: a code goes there, for one device
//! authentication [flows.md A.3].

use crate::clock::Timestamp;
use crate::domain::device_authentication::LONGEST;
use crate::domain::otp::{Channel, OtpDevice};
use crate::protocol::flow_api::{DetailCode, FlowRefusal};
use crate::protocol::id::{DeviceId, MfaPolicyId, UserId};
use crate::store::ephemeral::StoreError;
use crate::usecase::addresses::target;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::device_authentications::{DeviceAuthentications, Wanted};
use crate::usecase::sign_in::second_factor::SecondFactors;

/// As it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// As the type of a device.
    pub kind: &'a str,
    pub email: Option<&'a str>,
    pub phone: Option<&'a str>,
}

const KIND: &str = "selectedDevice.oneTime.type";
const EMAIL: &str = "selectedDevice.oneTime.email";
const PHONE: &str = "selectedDevice.oneTime.phone";

impl Given<'_> {
    /// By what, and where to, as we write it.
    fn read(&self) -> Result<(Channel, String), FlowRefusal> {
        let impossible = |member| {
            let why = "an address to which no code can be sent";
            FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some(member), why)
        };
        let channel = Channel::ALL.iter().copied().find(|channel| channel.device_type() == self.kind);
        let channel = channel.ok_or_else(|| impossible(KIND))?;
        let ((text, member), (other, its)) = match channel {
            Channel::Email => ((self.email, EMAIL), (self.phone, PHONE)),
            Channel::Sms | Channel::Voice => ((self.phone, PHONE), (self.email, EMAIL)),
        };
        if other.is_some() {
            return Err(impossible(its));
        }
        let lacking = || FlowRefusal::invalid(DetailCode::FieldRequired, Some(member), "an address that is missing");
        let text = text.ok_or_else(lacking)?;
        target(channel, text).map(|target| (channel, target)).ok_or_else(|| impossible(member))
    }
}

impl DeviceAuthentications {
    /// The address that was given, kept for this one. Refused where nothing would be sent there, and where the person has
    /// something to read: a code shows it to nobody.
    pub(super) async fn given(
        &self,
        wanted: &Wanted<'_>,
        policy: &MfaPolicyId,
        now: Timestamp,
    ) -> Result<Option<DeviceId>, FlowError> {
        let Some(given) = wanted.given else { return Ok(None) };
        let (channel, target) = given.read()?;
        let id = DeviceId::new(self.entropy.uuid());
        let device = OtpDevice { id, user: wanted.user, channel, target, nickname: None, created_at: now };
        let factors = &self.known.second_factors;
        if wanted.said.is_some() || !factors.evaluate.takes(&device, policy).await? {
            let why = "no code goes to an address of this kind";
            return Err(FlowRefusal::invalid(DetailCode::InvalidDevice, Some("selectedDevice.oneTime"), why).into());
        }
        factors.codes.devices.give(&device, LONGEST).await?;
        Ok(Some(id))
    }
}

impl SecondFactors {
    /// The address that was given, while a code may go there.
    pub(super) async fn still_given(
        &self,
        user: UserId,
        id: DeviceId,
        policy: &MfaPolicyId,
    ) -> Result<Option<DeviceId>, StoreError> {
        let Some(device) = self.codes.devices.given(user, id).await? else { return Ok(None) };
        Ok(self.evaluate.takes(&device, policy).await?.then_some(id))
    }
}
