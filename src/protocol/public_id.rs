//! Identifiers as the admin API writes them: a prefix that says of what, then the UUID in Crockford's
//! base32. They are names, not secrets; an `auth_req_id` has none.

use uuid::Uuid;

/// What an identifier is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Client,
    User,
    Device,
    Installation,
    Request,
    PairingKey,
    Passkey,
    Policy,
    Application,
    NativeApplication,
    MfaPolicy,
    InitialAccessToken,
    Webhook,
    Delivery,
    Event,
}

impl Kind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Client => "cli",
            Self::User => "usr",
            Self::Device => "dev",
            Self::Installation => "ins",
            Self::Request => "req",
            Self::PairingKey => "pky",
            Self::Passkey => "psk",
            Self::Policy => "pol",
            Self::Application => "app",
            Self::NativeApplication => "nap",
            Self::MfaPolicy => "mfa",
            Self::InitialAccessToken => "iat",
            Self::Webhook => "whk",
            Self::Delivery => "dlv",
            Self::Event => "evt",
        }
    }
}

/// No i, l, o, u: nobody mistakes them for a digit, or a word.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 128 bits in groups of five.
const LENGTH: usize = 26;

pub fn encode(kind: Kind, id: Uuid) -> String {
    let value = id.as_u128();
    let mut text = String::with_capacity(4 + LENGTH);
    text.push_str(kind.prefix());
    text.push('_');
    for group in (0..LENGTH).rev() {
        let digit = usize::try_from((value >> (5 * group)) & 31).unwrap_or(0);
        text.push(ALPHABET.get(digit).copied().map_or('0', char::from));
    }
    text
}

/// The one spelling only: the other prefixes, capitals and the letters that Crockford lets pass for
/// digits are refused, so that an identifier can be compared as text.
pub fn decode(kind: Kind, text: &str) -> Option<Uuid> {
    let digits = text.strip_prefix(kind.prefix())?.strip_prefix('_')?;
    if digits.len() != LENGTH {
        return None;
    }
    let mut value: u128 = 0;
    for digit in digits.bytes() {
        let digit = ALPHABET.iter().position(|letter| *letter == digit)?;
        // The first digit has three bits to give.
        if value >> 123 != 0 {
            return None;
        }
        value = (value << 5) | u128::try_from(digit).ok()?;
    }
    Some(Uuid::from_u128(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_identifier_has_a_prefix_and_26_digits() {
        assert_eq!(encode(Kind::User, Uuid::nil()), "usr_00000000000000000000000000");
        assert_eq!(encode(Kind::Device, Uuid::max()), "dev_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let id = Uuid::parse_str("018f3e2a-7b1c-7d4e-8f00-112233445566").unwrap();
        assert_eq!(decode(Kind::Request, &encode(Kind::Request, id)), Some(id));
    }

    #[test]
    fn it_has_one_spelling() {
        let text = encode(Kind::User, Uuid::from_u128(17 << 60 | 1));
        let others = [
            text.to_uppercase(),
            text.replace("usr", "dev"),
            text.replace('1', "l"),
            format!("{text}0"),
            text[..29].to_owned(),
            "usr_8zzzzzzzzzzzzzzzzzzzzzzzzz".to_owned(),
            "usr_zzzzzzzzzzzzzzzzzzzzzzzzzz".to_owned(),
            "usr-00000000000000000000000000".to_owned(),
            "00000000000000000000000000".to_owned(),
            "usr_0000000000000000000000000\u{e9}".to_owned(),
            String::new(),
        ];
        for other in others {
            assert_eq!(decode(Kind::User, &other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_uuid_comes_back(value: u128) {
            let id = Uuid::from_u128(value);
            prop_assert_eq!(decode(Kind::Event, &encode(Kind::Event, id)), Some(id));
        }
    }
}
