//! Automatic enrollment: a person signs in to an app, and the ID token offers to make this phone
//! their device (flows.md F2).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::decode_32;
use crate::problem::Code;

/// The claim of the ID token that holds a [`DeviceEnrollment`].
pub const DEVICE_ENROLLMENT: &str = "device_enrollment";

/// 32 random bytes, good for one answer by one key. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrollmentTicket([u8; 32]);

/// Not 43 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an enrollment ticket")]
pub struct NotATicket;

impl EnrollmentTicket {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The text on the wire. Each caller is a place to look at in a review.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl FromStr for EnrollmentTicket {
    type Err = NotATicket;

    fn from_str(text: &str) -> Result<Self, NotATicket> {
        decode_32(text).map(Self).ok_or(NotATicket)
    }
}

impl fmt::Debug for EnrollmentTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for EnrollmentTicket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for EnrollmentTicket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What an ID token says about this phone; when the claim is absent, nothing. Members that this
/// version does not know are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum DeviceEnrollment {
    /// `{"offered": true, "ticket": .., "exp": ..}`
    Offered {
        ticket: EnrollmentTicket,
        /// Seconds since 1970.
        exp: i64,
    },
    /// `{"offered": false, "reason": ..}`: the sign-in counts, the phone is no device.
    NotOffered { reason: Code },
}

#[derive(Serialize, Deserialize)]
struct Wire {
    offered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<EnrollmentTicket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Code>,
}

impl TryFrom<Wire> for DeviceEnrollment {
    type Error = NotATicket;

    fn try_from(wire: Wire) -> Result<Self, NotATicket> {
        match wire {
            Wire { offered: true, ticket: Some(ticket), exp: Some(exp), .. } => Ok(Self::Offered { ticket, exp }),
            Wire { offered: false, reason: Some(reason), .. } => Ok(Self::NotOffered { reason }),
            Wire { .. } => Err(NotATicket),
        }
    }
}

impl From<DeviceEnrollment> for Wire {
    fn from(said: DeviceEnrollment) -> Self {
        match said {
            DeviceEnrollment::Offered { ticket, exp } => {
                Self { offered: true, ticket: Some(ticket), exp: Some(exp), reason: None }
            }
            DeviceEnrollment::NotOffered { reason } => {
                Self { offered: false, ticket: None, exp: None, reason: Some(reason) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn a_ticket_has_one_spelling_and_does_not_print() {
        let ticket: EnrollmentTicket = TICKET.parse().unwrap();
        assert_eq!(ticket.expose(), TICKET);
        assert_eq!(format!("{ticket:?}"), "[redacted]");
        for other in ["", &TICKET[1..], &format!("{TICKET}="), &TICKET.replace("h8", "h9"), &format!("../{TICKET}")] {
            assert_eq!(other.parse::<EnrollmentTicket>(), Err(NotATicket), "{other}");
        }
    }

    #[test]
    fn the_claim_says_one_thing() {
        let offered = format!(r#"{{"offered":true,"ticket":"{TICKET}","exp":1772366700}}"#);
        let read: DeviceEnrollment = serde_json::from_str(&offered).unwrap();
        assert_eq!(read, DeviceEnrollment::Offered { ticket: TICKET.parse().unwrap(), exp: 1_772_366_700 });
        assert_eq!(serde_json::to_string(&read).unwrap(), offered);
        let refused = r#"{"offered":false,"reason":"METHOD_LIMIT_REACHED"}"#;
        let read: DeviceEnrollment = serde_json::from_str(refused).unwrap();
        assert_eq!(read, DeviceEnrollment::NotOffered { reason: Code::MethodLimitReached });
        assert_eq!(serde_json::to_string(&read).unwrap(), refused);
        for half in [r#"{"offered":true}"#, r#"{"offered":false}"#, "{}", "true", r#"{"offered":"true"}"#] {
            assert!(serde_json::from_str::<DeviceEnrollment>(half).is_err(), "{half}");
        }
    }
}
