//! Where people get one-time codes: made and deleted by administrators, who say that it is theirs.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::audit::Action;
use crate::domain::otp::{Channel, OtpDevice};
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{DeviceId, UserId};
use crate::protocol::phone_number::PhoneNumber;
use crate::protocol::public_id::{self, Kind};
use crate::store::sql::otp_devices::{Added, OtpDevices};
use crate::store::sql::people::People;
use crate::usecase::admin::client_metadata::Problems;
use crate::usecase::admin::users::is_address;
use crate::usecase::admin::{AdminError, Administrator, Desk, Precondition};

/// Of one person.
pub(super) const MOST: u32 = 5;
const LONGEST_NICKNAME: usize = 100;

pub struct ManageOtpDevices {
    pub devices: OtpDevices,
    pub people: People,
    pub desk: Desk,
}

/// What is to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOtpDevice {
    #[serde(rename = "type")]
    pub channel: String,
    pub target: String,
    #[serde(default)]
    pub nickname: Option<String>,
}

pub fn otp_device_id(text: &str) -> Result<DeviceId, AdminError> {
    Ok(public_id::decode(Kind::Device, text).map(DeviceId::new).ok_or(AdminErrorCode::NotFound)?)
}

pub(super) fn check_nickname(nickname: Option<&str>, problems: &mut Problems) {
    match nickname {
        Some(name) if name.chars().count() > LONGEST_NICKNAME => {
            problems.add("/nickname", FieldCode::TooLong, "At most 100 characters.");
        }
        Some(name) if name.trim().is_empty() || name.chars().any(char::is_control) => {
            problems.add("/nickname", FieldCode::Invalid, "Empty, or with control characters.");
        }
        Some(_) | None => {}
    }
}

fn read_nickname(value: Value) -> Result<Option<String>, AdminError> {
    let mut problems = Problems::default();
    let nickname = match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            problems.add("/nickname", FieldCode::Invalid, "It has to be a string.");
            None
        }
    };
    check_nickname(nickname.as_deref(), &mut problems);
    if problems.0.is_empty() { Ok(nickname) } else { Err(AdminError::invalid(problems.0)) }
}

impl NewOtpDevice {
    /// By what, and where to, as we write it.
    fn checked(&self) -> Result<(Channel, String), AdminError> {
        let mut problems = Problems::default();
        let channel = Channel::parse(&self.channel);
        let target = match channel {
            Some(Channel::Email) if self.target.len() > 254 => {
                problems.add("/target", FieldCode::TooLong, "At most 254 bytes.");
                None
            }
            Some(Channel::Email) if !is_address(&self.target) => {
                problems.add("/target", FieldCode::Invalid, "Not a mail address.");
                None
            }
            Some(Channel::Email) => Some(self.target.clone()),
            Some(Channel::Sms | Channel::Voice) => self.number(&mut problems),
            None => {
                problems.add("/type", FieldCode::Unknown, "email, sms or voice.");
                None
            }
        };
        check_nickname(self.nickname.as_deref(), &mut problems);
        match channel.zip(target) {
            Some(checked) if problems.0.is_empty() => Ok(checked),
            Some(_) | None => Err(AdminError::invalid(problems.0)),
        }
    }

    fn number(&self, problems: &mut Problems) -> Option<String> {
        let number = PhoneNumber::parse(&self.target);
        match &number {
            None => {
                problems.add("/target", FieldCode::Invalid, "Not one number with + and its country, as E.164 has it.");
            }
            // Nothing is ever sent there, whatever is allowed.
            Some(number) if number.is_dear() => {
                problems.add("/target", FieldCode::NotAllowed, "A number of premium rate, or of nobody.");
            }
            Some(_) => {}
        }
        number.map(|number| number.as_str().to_owned())
    }
}

impl ManageOtpDevices {
    /// The oldest first. There are few.
    pub async fn list(&self, user: UserId) -> Result<Vec<OtpDevice>, AdminError> {
        if self.people.find(user).await?.is_none() {
            return Err(AdminErrorCode::NotFound.into());
        }
        Ok(self.devices.of_user(user).await?)
    }

    pub async fn read(&self, user: UserId, id: DeviceId) -> Result<OtpDevice, AdminError> {
        Ok(self.devices.find(user, id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    pub async fn add(&self, by: &Administrator, user: UserId, new: NewOtpDevice) -> Result<OtpDevice, AdminError> {
        let (channel, target) = new.checked()?;
        let now = self.desk.clock.now();
        let NewOtpDevice { nickname, .. } = new;
        let id = DeviceId::new(self.desk.entropy.uuid());
        let device = OtpDevice { id, user, channel, target, nickname, created_at: now };
        let event = self.desk.event(by, Action::OtpDeviceAdded).user(user).device(id);
        let problem = |detail| AdminError::invalid(vec![FieldProblem::new("/target", FieldCode::NotAllowed, detail)]);
        match self.devices.add(&device, MOST, &event).await? {
            Added::Yes => Ok(device),
            Added::NoUser => Err(AdminErrorCode::NotFound.into()),
            Added::Taken => Err(problem("The user has it already.")),
            Added::TooMany => Err(problem("The user has five already.")),
        }
    }

    /// Names it; `Null` takes the name away.
    pub async fn rename(
        &self,
        by: &Administrator,
        (user, id): (UserId, DeviceId),
        nickname: Option<Value>,
        unchanged: Precondition<'_, OtpDevice>,
    ) -> Result<OtpDevice, AdminError> {
        let nickname = nickname.map(read_nickname).transpose()?;
        let event = self.desk.event(by, Action::OtpDeviceUpdated).user(user).device(id);
        let changed = self.devices.update_if((user, id), &event, |device| {
            if !unchanged(device) {
                return Err(AdminErrorCode::PreconditionFailed);
            }
            let nickname = nickname.unwrap_or_else(|| device.nickname.clone());
            Ok(OtpDevice { nickname, ..device.clone() })
        });
        Ok(changed.await?.ok_or(AdminErrorCode::NotFound)??)
    }

    /// No code goes there any more, and one that is on its way is worth nothing.
    pub async fn delete(&self, by: &Administrator, user: UserId, id: DeviceId) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::OtpDeviceRemoved).user(user).device(id);
        let deleted = self.devices.delete(user, id, &event).await?;
        if deleted { Ok(()) } else { Err(AdminErrorCode::NotFound.into()) }
    }
}
