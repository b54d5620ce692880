//! Identifiers as people copy them: as the commands print them, or with the prefix that the admin API
//! gives them.

use serde::{Deserialize as _, Deserializer, de};

use crate::protocol::id::{DeviceId, RequestId, UserId};
use crate::protocol::public_id::{self, Kind};

pub(super) fn device(text: &str) -> Result<DeviceId, String> {
    named(Kind::Device, text, DeviceId::new)
}

pub(super) fn request(text: &str) -> Result<RequestId, String> {
    named(Kind::Request, text, RequestId::new)
}

/// As it is compared: the admin API's way to write it, turned into ours; anything else as it is.
pub(super) fn plain(name: &str, text: &str) -> String {
    let kind = match name {
        "user" => Kind::User,
        "device" => Kind::Device,
        "request" => Kind::Request,
        _ => return text.to_owned(),
    };
    public_id::decode(kind, text).map_or_else(|| text.to_owned(), |id| id.to_string())
}

pub(super) fn user_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| named(Kind::User, &text, UserId::new)).transpose().map_err(de::Error::custom)
}

fn named<T: std::str::FromStr>(kind: Kind, text: &str, of: impl Fn(uuid::Uuid) -> T) -> Result<T, String> {
    let prefixed = public_id::decode(kind, text).map(of);
    let wrong = || format!("neither a UUID nor an identifier that begins with {}_", kind.prefix());
    prefixed.or_else(|| text.parse().ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_device_has_two_spellings() {
        let id = Uuid::from_u128(0x0b9f_6a4e_6c1d_4e7a_8f00_2b6d_3c1a_9e55);
        assert_eq!(device(&id.to_string()), Ok(DeviceId::new(id)));
        assert_eq!(device(&public_id::encode(Kind::Device, id)), Ok(DeviceId::new(id)));
        assert!(device(&public_id::encode(Kind::Request, id)).is_err() && device("").is_err());
        assert_eq!(request(&public_id::encode(Kind::Request, id)), Ok(RequestId::new(id)));
        assert_eq!(plain("user", &public_id::encode(Kind::User, id)), id.to_string());
        assert_eq!(plain("client", "usr_x"), "usr_x");
    }
}
