//! One-time codes that are sent to a person, and where to: a second factor for whoever has no app [flows.md F9, D.5].
//!
//! A code is computed from what it is for and a key: it rests nowhere, and a message that has to be sent twice says the
//! same twice.

use std::ops::RangeInclusive;
use std::time::Duration;

use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::{DeviceId, OtpId, RequestId, UserId};
use crate::protocol::phone_number::{PhoneNumber, Reach};
use crate::protocol::totp::digits;
use crate::protocol::words::words;
use crate::secret::{Secret, constant_time_eq};

words! {
    /// By what a code is sent.
    Channel {
        Email = "email",
        /// A text message.
        Sms = "sms",
        /// A call that says it.
        Voice = "voice",
    }
}

impl Channel {
    /// As the type of a device [flows.md D.5].
    pub const fn device_type(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Sms => "SMS",
            Self::Voice => "VOICE",
        }
    }
}

/// Where a code came from that was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeSource {
    /// It was sent.
    Sent(Channel),
    /// An authenticator app showed it.
    Authenticator,
}

/// Where a person gets codes. An administrator has said that it is theirs, or they have brought one from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpDevice {
    pub id: DeviceId,
    pub user: UserId,
    pub channel: Channel,
    /// The address, or the number as E.164 has it.
    pub target: String,
    pub nickname: Option<String>,
    pub created_at: Timestamp,
}

impl OtpDevice {
    /// Enough for its owner to know it, and for nobody else to write to it.
    pub fn masked(&self) -> String {
        match self.channel {
            Channel::Email => {
                let (local, domain) = self.target.rsplit_once('@').unwrap_or_default();
                let first: String = local.chars().take(1).collect();
                format!("{first}•••@{domain}")
            }
            Channel::Sms | Channel::Voice => format!("•••{}", self.ending()),
        }
    }

    /// As what messages there are counted. Few mailboxes tell capitals from small letters, and no domain does: written in
    /// another way, it is no other address.
    pub fn counted(&self) -> String {
        self.target.to_lowercase()
    }

    /// `None`: it is an address.
    pub fn number(&self) -> Option<PhoneNumber> {
        match self.channel {
            Channel::Email => None,
            Channel::Sms | Channel::Voice => PhoneNumber::parse(&self.target),
        }
    }

    /// The last digits of its number.
    pub fn ending(&self) -> String {
        self.number().map(|number| number.ending().to_owned()).unwrap_or_default()
    }
}

/// An address that was given with a request, for one person. Sealed: whoever reads the store learns of none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenAddress {
    pub user: UserId,
    pub channel: Channel,
    pub sealed: Vec<u8>,
    pub given_at: Timestamp,
}

/// By what codes can be sent here, and how far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    pub email: bool,
    pub sms: Reach,
    pub voice: Reach,
}

impl Served {
    pub fn has(&self, device: &OtpDevice) -> bool {
        let reach = match device.channel {
            Channel::Email => return self.email,
            Channel::Sms => &self.sms,
            Channel::Voice => &self.voice,
        };
        device.number().is_some_and(|number| reach.has(&number))
    }
}

words! {
    /// What is known of a message with a code.
    #[derive(Default)]
    Delivery {
        /// Nothing yet.
        #[default]
        Sending = "SENDING",
        /// Somebody else has taken over responsibility for it.
        Sent = "SENT",
        /// It was not taken. It may be yet, but nobody should wait for it.
        NotSent = "NOT_SENT",
    }
}

impl Delivery {
    /// After another try: what was taken once is on its way, whatever is said of it later.
    #[must_use]
    pub const fn then(self, later: Self) -> Self {
        match self {
            Self::Sent => Self::Sent,
            Self::Sending | Self::NotSent => later,
        }
    }
}

/// A code in whose place another one was asked for. Whoever has its message in hand does not hand it over any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    pub at: Timestamp,
}

/// What an MFA policy says of codes by one channel [flows.md D.1, H.9]. Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtpMethod {
    pub enabled: bool,
    /// How many digits a code has.
    pub otp_length: u32,
    /// How long one is good.
    pub lifetime: u32,
    /// So many wrong ones,
    pub attempts: u32,
    /// and then none is looked at for this long.
    pub cool_down: u32,
}

impl OtpMethod {
    pub const OTP_LENGTH: RangeInclusive<u32> = 6..=10;
    pub const LIFETIME: RangeInclusive<u32> = 60..=1800;
    pub const ATTEMPTS: RangeInclusive<u32> = 1..=7;
    pub const COOL_DOWN: RangeInclusive<u32> = 120..=1800;

    pub const fn tries(self) -> Tries {
        Tries { attempts: self.attempts, cool_down: self.cool_down }
    }
}

/// How many wrong codes are looked at, and what comes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    pub attempts: u32,
    /// In seconds.
    pub cool_down: u32,
}

impl Default for OtpMethod {
    fn default() -> Self {
        Self { enabled: false, otp_length: 6, lifetime: 300, attempts: 3, cool_down: 120 }
    }
}

/// [security.md 5.6] another code is sent no sooner.
pub const RESEND_AFTER: Duration = Duration::from_secs(30);

/// A code that is on its way, in one flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// On which the person could be asked, the primary one first.
    pub devices: Vec<DeviceId>,
    /// Where it goes.
    pub selected: DeviceId,
    /// Names the code. Another one, to the same address or in another flow, is not this one.
    pub id: OtpId,
    pub channel: Channel,
    /// As the policy had it then.
    pub method: OtpMethod,
    /// Not the first one.
    pub again: bool,
    pub sent_at: Timestamp,
}

impl Sent {
    pub fn expires_at(&self) -> Timestamp {
        self.sent_at + Duration::from_secs(u64::from(self.method.lifetime))
    }

    pub fn resend_after(&self) -> Timestamp {
        self.sent_at + RESEND_AFTER
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at()
    }
}

/// What a code is for: one person, one flow, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeOf {
    pub transaction: RequestId,
    pub user: UserId,
    pub id: OtpId,
    pub length: u32,
}

/// Makes and knows the codes.
#[derive(Clone)]
pub struct OtpSecrets(hmac::Key);

impl OtpSecrets {
    pub const fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    /// Digits alone: nobody has to tell letters from each other.
    pub fn code(&self, of: CodeOf) -> Secret<String> {
        let CodeOf { transaction, user, id, length } = of;
        let parts = [transaction.uuid(), user.uuid(), id.uuid()];
        let mac = hmac::sign(&self.0, &parts.map(uuid::Uuid::into_bytes).concat());
        let bytes = mac.as_ref().first_chunk::<16>().copied().unwrap_or_default();
        let code = u128::from_be_bytes(bytes) % 10_u128.pow(length);
        Secret::new(format!("{code:0width$}", width = usize::try_from(length).unwrap_or_default()))
    }

    /// Whether this is the code, with whatever people put between its digits.
    pub fn is_code(&self, of: CodeOf, typed: &str) -> bool {
        constant_time_eq(self.code(of).expose().as_bytes(), digits(typed).expose().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const fn of(transaction: u128, user: u128, id: u128) -> CodeOf {
        CodeOf {
            transaction: RequestId::new(Uuid::from_u128(transaction)),
            user: UserId::new(Uuid::from_u128(user)),
            id: OtpId::new(Uuid::from_u128(id)),
            length: 6,
        }
    }

    fn secrets(key: u8) -> OtpSecrets {
        OtpSecrets::new(hmac::Key::new(hmac::HMAC_SHA256, &[key; 32]))
    }

    /// [security.md case 117]
    #[test]
    fn a_code_is_of_one_person_in_one_flow() {
        let code = secrets(1).code(of(1, 1, 1)).expose().clone();
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        let (first, last) = code.split_at(3);
        for typed in [code.clone(), format!(" {first} {last}\n"), format!("{first}-{last}")] {
            assert!(secrets(1).is_code(of(1, 1, 1), &typed), "{typed}");
        }
        for other in [of(2, 1, 1), of(1, 2, 1), of(1, 1, 2)] {
            assert!(!secrets(1).is_code(other, &code), "{other:?}");
        }
        assert!(!secrets(2).is_code(of(1, 1, 1), &code));
        for wrong in ["", first, &format!("{code}0")] {
            assert!(!secrets(1).is_code(of(1, 1, 1), wrong), "{wrong}");
        }
        let long = CodeOf { length: 10, ..of(1, 1, 1) };
        assert_eq!(secrets(1).code(long).expose().len(), 10);
    }

    #[test]
    fn an_address_is_shown_with_most_of_it_hidden() {
        let device = |channel, target: &str| OtpDevice {
            id: DeviceId::new(Uuid::nil()),
            user: UserId::new(Uuid::nil()),
            channel,
            target: target.to_owned(),
            nickname: None,
            created_at: Timestamp::from_seconds(0),
        };
        assert_eq!(device(Channel::Email, "alice@example.com").masked(), "a•••@example.com");
        assert_eq!(device(Channel::Email, "é@example.com").masked(), "é•••@example.com");
        for channel in [Channel::Sms, Channel::Voice] {
            assert_eq!(device(channel, "+4915123456789").masked(), "•••89");
        }
    }
}
