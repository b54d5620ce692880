//! An authenticator app, as somebody has written it who read RFC 6238 and knows nothing of this server.

use nod::clock::Timestamp;
use ring::hmac;

#[derive(Clone)]
pub(crate) struct AuthenticatorApp {
    key: Vec<u8>,
}

impl AuthenticatorApp {
    /// Somebody has typed the key.
    pub(crate) fn typed(secret: &str) -> Self {
        let bits = secret.chars().flat_map(|letter| {
            let value = u8::try_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("base32")).unwrap();
            (0..5).rev().map(move |bit| (value >> bit) & 1)
        });
        let bits: Vec<u8> = bits.collect();
        Self { key: bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| (all << 1) | bit)).collect() }
    }

    /// What it shows `steps` of thirty seconds from then.
    pub(crate) fn code(&self, at: Timestamp, steps: i64) -> String {
        let counter = at.seconds() / 30 + steps;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.key);
        let mac = hmac::sign(&key, &counter.to_be_bytes());
        let at = usize::from(mac.as_ref()[19] & 0xf);
        let word: [u8; 4] = mac.as_ref()[at..at + 4].try_into().unwrap();
        format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
    }
}
