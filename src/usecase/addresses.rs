//! Where people get codes: at devices of theirs, and once at an address that was given with a request. That one rests
//! sealed, under a name like a device's, for as long as anybody may ask for a code there.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::otp::{Channel, GivenAddress, OtpDevice};
use crate::entropy::Entropy;
use crate::protocol::id::{DeviceId, UserId};
use crate::protocol::phone_number::PhoneNumber;
use crate::secret::{MasterKey, Sealed};
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::otp_devices::OtpDevices;
use crate::usecase::admin::users::is_address;

/// In bytes.
const LONGEST: usize = 254;
const LOST: StoreError = StoreError::Corrupt("an address that was given");

#[derive(Clone)]
pub struct Addresses {
    /// Those of the people.
    pub own: OtpDevices,
    pub given: Shelf<GivenAddress>,
    pub master: Arc<MasterKey>,
    pub entropy: Arc<Entropy>,
}

impl Addresses {
    /// `None`: the person has none of that name, and none was given for them.
    pub async fn find(&self, user: UserId, id: DeviceId) -> Result<Option<OtpDevice>, StoreError> {
        match self.own.find(user, id).await? {
            Some(own) => Ok(Some(own)),
            None => self.given(user, id).await,
        }
    }

    /// `None`: none was given for them, or it is forgotten.
    pub async fn given(&self, user: UserId, id: DeviceId) -> Result<Option<OtpDevice>, StoreError> {
        let Some(given) = self.given.get(&id).await?.filter(|given| given.user == user) else { return Ok(None) };
        let GivenAddress { channel, sealed, given_at, .. } = given;
        let target = self.master.open(&place(id), &Sealed::from_bytes(sealed)).map_err(|_| LOST)?;
        let target = String::from_utf8(target.expose().clone()).map_err(|_| LOST)?;
        Ok(Some(OtpDevice { id, user, channel, target, nickname: None, created_at: given_at }))
    }

    /// It is there from now on, for so long.
    pub async fn give(&self, device: &OtpDevice, lifetime: Duration) -> Result<(), StoreError> {
        let sealed = self.master.seal(&place(device.id), device.target.as_bytes(), &self.entropy);
        let given = GivenAddress {
            user: device.user,
            channel: device.channel,
            sealed: sealed.as_bytes().to_vec(),
            given_at: device.created_at,
        };
        if self.given.insert(&device.id, &given, lifetime).await? { Ok(()) } else { Err(LOST) }
    }
}

/// Where codes go by this channel, as we write it. `None`: it is nowhere, or where nothing is ever sent.
pub(super) fn target(channel: Channel, text: &str) -> Option<String> {
    match channel {
        Channel::Email => (text.len() <= LONGEST && is_address(text)).then(|| text.to_owned()),
        Channel::Sms | Channel::Voice => {
            let number = PhoneNumber::parse(text).filter(|number| !number.is_dear());
            number.map(|number| number.as_str().to_owned())
        }
    }
}

fn place(id: DeviceId) -> String {
    format!("given address|{id}")
}
