//! One type per identifier. All are UUIDs, and one identifier has one spelling.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// Not a UUID in lower-case hyphenated form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in lower-case hyphenated form")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                canonical(text).map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

fn canonical(text: &str) -> Result<Uuid, NotAnId> {
    let uuid = Uuid::parse_str(text).map_err(|_| NotAnId)?;
    // The parser also takes braces, `urn:uuid:`, upper case and no hyphens.
    if uuid.hyphenated().to_string() == text { Ok(uuid) } else { Err(NotAnId) }
}

ids! {
    /// One installation of an app on one phone, and its key.
    InstallationId;
    /// One person on one installation: a phone shared by two people is two devices.
    DeviceId;
    /// A person.
    UserId;
    /// One question to one device.
    NotificationId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_spelling() {
        let text = "6f1c2d3e-4a5b-4c6d-8e7f-001122334455";
        let id: DeviceId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}")] {
            assert_eq!(other.parse::<DeviceId>(), Err(NotAnId), "{other}");
            assert!(serde_json::from_str::<DeviceId>(&format!("\"{other}\"")).is_err());
        }
    }
}
