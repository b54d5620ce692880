//! What we say about how a person was authenticated: `acr` and `amr` (OIDC Core §2, RFC 8176).

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The authentication contexts that this server can really produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acr {
    /// A password was right.
    #[serde(rename = "urn:nod:acr:password")]
    Password,
    /// A password was right, and a trusted device proved by its key that it was there, without asking anybody.
    #[serde(rename = "urn:nod:acr:trusted-device")]
    TrustedDevice,
    /// Approved with the key of a paired device.
    #[serde(rename = "urn:nod:acr:device")]
    Device,
    /// The same, and the person carried a number from the relying party's screen to the device.
    #[serde(rename = "urn:nod:acr:device-number")]
    DeviceNumber,
    /// A passkey answered, on a page of ours, for a person whom its authenticator had verified: two factors, and
    /// no page of somebody else's could have had it.
    #[serde(rename = "urn:nod:acr:passkey")]
    Passkey,
    /// A password was right, and so was a code: one that was sent to an address of the person, or that an app showed.
    // The last one, since what rests in stores says so by number; it is not the strongest.
    #[serde(rename = "urn:nod:acr:otp")]
    Otp,
}

impl Acr {
    /// The weaker first.
    pub const ALL: [Self; 6] =
        [Self::Password, Self::Otp, Self::TrustedDevice, Self::Device, Self::DeviceNumber, Self::Passkey];

    /// What an answer on a device can come to [CIBA §7.1].
    pub const OF_DEVICE: [Self; 2] = [Self::Device, Self::DeviceNumber];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "urn:nod:acr:password",
            Self::TrustedDevice => "urn:nod:acr:trusted-device",
            Self::Device => "urn:nod:acr:device",
            Self::DeviceNumber => "urn:nod:acr:device-number",
            Self::Passkey => "urn:nod:acr:passkey",
            Self::Otp => "urn:nod:acr:otp",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|acr| acr.as_str() == text)
    }

    /// The first of the requested values that an approval on a device with `best` satisfies; `best` itself when
    /// nothing was asked for; `None` when nothing that was asked for can be had.
    pub fn choose(requested: Option<&str>, best: Self) -> Option<Self> {
        let Some(requested) = requested else { return Some(best) };
        let mut values = requested.split(' ').filter(|value| !value.is_empty()).peekable();
        if values.peek().is_none() {
            return Some(best);
        }
        values.filter_map(Self::parse).find(|acr| Self::OF_DEVICE.contains(acr) && *acr <= best)
    }
}

impl Ord for Acr {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |acr: &Self| Self::ALL.iter().position(|one| one == acr);
        rank(self).cmp(&rank(other))
    }
}

impl PartialOrd for Acr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The authentication method of [RFC 8176 §2] that a password is.
pub const AMR_PASSWORD: &str = "pwd";

/// Authentication methods of a passkey. Nobody has attested where its key is, so we take it for a software key;
/// the person was there, and the authenticator has verified them with another factor.
pub const AMR_PASSKEY: &str = "pop swk user mfa";

/// Authentication methods of a trusted device that proved by its key that it was there: nobody acted.
pub const AMR_TRUSTED_DEVICE: &str = "pop swk mfa";

/// Authentication methods of a device that was asked besides something else, and whose person said yes.
pub const AMR_STEP_UP: &str = "pop swk user mfa";

/// The authentication method of a code that came by mail: no second factor, since whoever has the mailbox need not be
/// the person [NIST SP 800-63B §3.1.3.1; security.md 5.1].
pub const AMR_OTP_BY_MAIL: &str = "otp";

/// Authentication methods of a code that came to a telephone number: a second factor, if one that somebody may have had
/// put on another card [NIST SP 800-63B §3.1.3.3].
pub const AMR_OTP_BY_SMS: &str = "otp sms mfa";

/// The same, said by a call.
pub const AMR_OTP_BY_CALL: &str = "otp tel mfa";

/// Authentication methods of a code that an app of the person showed: a second factor, if one that a page of somebody
/// else's can ask for [NIST SP 800-63B §3.1.4].
pub const AMR_OTP_BY_APP: &str = "otp mfa";

/// Authentication methods of an answer on a device (RFC 8176 §2). We state what we have verified: possession of a key that
/// we must take for a software key, and a person who acted. What a device says beyond that is kept
/// as evidence and not repeated as ours.
pub const AMR_DEVICE: [&str; 3] = ["pop", "swk", "user"];

#[cfg(test)]
mod tests {
    use super::Acr;

    #[test]
    fn ciba_7_1_the_first_acr_value_that_can_be_had_is_chosen() {
        assert_eq!(Acr::choose(None, Acr::Device), Some(Acr::Device));
        assert_eq!(Acr::choose(Some("urn:x urn:nod:acr:device"), Acr::DeviceNumber), Some(Acr::Device));
        assert_eq!(Acr::choose(Some("urn:nod:acr:device-number"), Acr::Device), None);
        assert_eq!(Acr::choose(Some("urn:x"), Acr::DeviceNumber), None);
        assert_eq!(Acr::choose(Some("urn:nod:acr:password"), Acr::DeviceNumber), None);
        assert_eq!(Acr::choose(Some("urn:nod:acr:passkey"), Acr::DeviceNumber), None);
    }
}
