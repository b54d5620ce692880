//! Time-based one-time passwords [RFC 6238] as authenticator apps know them: HMAC-SHA-1, six digits, thirty seconds.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;

use crate::clock::Timestamp;
use crate::secret::{Secret, constant_time_eq};

/// How long a code is shown, in seconds [RFC 6238 §4.1].
pub const STEP: i64 = 30;
pub const DIGITS: u32 = 6;
/// Bytes of a key: as long as the MAC [RFC 4226 §4 R6].
pub const KEY: usize = 20;

/// What somebody and we have in common.
#[derive(Debug)]
pub struct TotpKey(Secret<[u8; KEY]>);

impl TotpKey {
    pub const fn new(bytes: [u8; KEY]) -> Self {
        Self(Secret::new(bytes))
    }

    /// `None`: not as long as a key is.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    pub const fn expose(&self) -> &[u8; KEY] {
        self.0.expose()
    }

    /// What is shown in a time step [RFC 6238 §4.2].
    pub fn code(&self, step: i64) -> Secret<String> {
        Secret::new(truncated(self.mac(step).as_ref(), DIGITS))
    }

    fn mac(&self, step: i64) -> hmac::Tag {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        hmac::sign(&key, &step.to_be_bytes())
    }

    /// The time step whose code was typed, no more than `windows` before or after `now`. `after`: the last one that
    /// was taken; nothing up to it is worth anything [RFC 6238 §5.2]. `None`: it is the code of none.
    pub fn step_of(&self, typed: &str, now: Timestamp, windows: u32, after: Option<i64>) -> Option<i64> {
        let (typed, current, windows) = (digits(typed), step_at(now), i64::from(windows));
        let mut found = None;
        // All of them, whichever it is: how long it takes tells nothing.
        for step in current.saturating_sub(windows)..=current.saturating_add(windows) {
            let right = constant_time_eq(self.code(step).expose().as_bytes(), typed.expose().as_bytes());
            if right && found.is_none() && after.is_none_or(|last| step > last) {
                found = Some(step);
            }
        }
        found
    }

    /// As people type it [RFC 4648 §6].
    pub fn base32(&self) -> Secret<String> {
        Secret::new(base32(self.0.expose()))
    }

    /// What an authenticator app reads from a QR code: an `otpauth` URI. `issuer` and `account` are what it calls it.
    pub fn uri(&self, issuer: &str, account: &str) -> Secret<String> {
        let (issuer, account) = (encoded(issuer), encoded(account));
        let secret = self.base32();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}",
            secret.expose()
        ))
    }
}

/// The time step that it is [RFC 6238 §4.2].
pub const fn step_at(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP)
}

/// A code without what people put between its digits.
pub fn digits(typed: &str) -> Secret<String> {
    Secret::new(typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect())
}

/// As many decimal digits of a MAC [RFC 4226 §5.3].
fn truncated(mac: &[u8], digits: u32) -> String {
    let at = mac.last().map_or(0, |last| usize::from(last & 0x0f));
    let word = mac.get(at..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
    let number = u64::from(u32::from_be_bytes(word) & 0x7fff_ffff) % 10_u64.pow(digits);
    format!("{number:0width$}", width = usize::try_from(digits).unwrap_or_default())
}

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn base32(bytes: &[u8]) -> String {
    let letter = |five: u32| {
        let five = u8::try_from(five & 0x1f).unwrap_or_default();
        char::from(if five < 26 { b'A' + five } else { b'2' + (five - 26) })
    };
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0_u32);
    for byte in bytes {
        held = ((held << 8) | u32::from(*byte)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter(held >> bits));
        }
    }
    if bits > 0 {
        text.push(letter(held << (5 - bits)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TotpKey {
        TotpKey::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// [RFC 4226 §5.4]
    #[test]
    fn rfc4226_5_4_the_example() {
        let mac = 0x1f86_9869_0e02_ca16_6185_50ef_7f19_da8e_u128.to_be_bytes();
        let mac = [&mac[..], &[0x94, 0x5b, 0x55, 0x5a]].concat();
        assert_eq!((truncated(&mac, 6).as_str(), truncated(&mac, 8).as_str()), ("872921", "57872921"));
    }

    /// [RFC 4226 Appendix D]
    #[test]
    fn rfc4226_d_the_codes_of_ten_counters() {
        let codes: Vec<_> = (0..10).map(|step| key().code(step).expose().clone()).collect();
        assert_eq!(
            codes,
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
        );
    }

    /// [RFC 6238 Appendix B] those of SHA-1, of which we show the last six digits.
    #[test]
    fn rfc6238_b_the_codes_of_six_moments() {
        for (seconds, step, code) in [
            (59, 1, "94287082"),
            (1_111_111_109, 37_037_036, "07081804"),
            (1_111_111_111, 37_037_037, "14050471"),
            (1_234_567_890, 41_152_263, "89005924"),
            (2_000_000_000, 66_666_666, "69279037"),
            (20_000_000_000, 666_666_666, "65353130"),
        ] {
            assert_eq!(step_at(at(seconds)), step, "{seconds}");
            assert_eq!(truncated(key().mac(step).as_ref(), 8), code, "{seconds}");
            assert_eq!(key().code(step).expose(), &code[2..], "{seconds}");
        }
    }

    /// [RFC 6238 §5.2; security.md case 121]
    #[test]
    fn security_121_a_code_is_of_its_time_and_no_older_than_the_last_one() {
        let now = at(1_111_111_109);
        let step = step_at(now);
        for (offset, windows, found) in
            [(0, 1, true), (-1, 1, true), (1, 1, true), (-2, 1, false), (2, 1, false), (-2, 2, true), (10, 10, true)]
        {
            let code = key().code(step + offset);
            assert_eq!(
                key().step_of(code.expose(), now, windows, None),
                found.then_some(step + offset),
                "{offset} of {windows}"
            );
        }
        let code = key().code(step);
        assert_eq!(key().step_of(code.expose(), now, 1, Some(step - 1)), Some(step));
        for after in [step, step + 1] {
            assert_eq!(key().step_of(code.expose(), now, 1, Some(after)), None);
        }
        let (first, last) = code.expose().split_at(3);
        assert_eq!(key().step_of(&format!(" {first} {last}\n"), now, 1, None), Some(step));
        for wrong in ["", first, &format!("{first}{last}0")] {
            assert_eq!(key().step_of(wrong, now, 1, None), None, "{wrong}");
        }
    }

    /// [RFC 4648 §10]
    #[test]
    fn rfc4648_10_letters_and_digits_of_a_key() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(key().base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn an_uri_says_whose_key_it_is_and_nothing_else_does() {
        assert_eq!(
            key().uri("id.example", "alice & bob:1").expose(),
            "otpauth://totp/id.example:alice%20%26%20bob%3A1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=id.example&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{:?}", key()), "TotpKey([redacted])");
    }
}
