//! Signatures of Standard Webhooks, version 1: HMAC-SHA-256 over `id.timestamp.body`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ring::hmac;

use crate::clock::Timestamp;

pub(super) struct Key(hmac::Key);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Valid,
    /// No signature at all: a ping, or somebody with curl.
    Unsigned,
    Wrong,
    /// Right, and too far from now: perhaps sent again by somebody else.
    Stale,
}

const TOLERATED: Duration = Duration::from_secs(300);

impl Key {
    /// `whsec_` and base64, as senders show it.
    pub(super) fn parse(secret: &str) -> Option<Self> {
        let key = STANDARD.decode(secret.trim().strip_prefix("whsec_")?).ok()?;
        (key.len() >= 24).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Verdict {
        let field = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(signatures) = field("webhook-signature") else { return Verdict::Unsigned };
        let (Some(id), Some(timestamp)) = (field("webhook-id"), field("webhook-timestamp")) else {
            return Verdict::Wrong;
        };
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let fits = |signature: &str| {
            let bytes = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            bytes.is_some_and(|bytes| hmac::verify(&self.0, &signed, &bytes).is_ok())
        };
        // Several while a secret is replaced.
        if !signatures.split(' ').any(fits) {
            return Verdict::Wrong;
        }
        let Ok(sent) = timestamp.parse().map(Timestamp::from_seconds) else { return Verdict::Wrong };
        if now.since(sent).max(sent.since(now)) > TOLERATED { Verdict::Stale } else { Verdict::Valid }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification's reference implementations.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_vector_of_the_specification_fits() {
        let key = Key::parse(SECRET).unwrap();
        let signature =
            "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let all = [("webhook-id", id), ("webhook-timestamp", "1614265330"), ("webhook-signature", signature)];
        let at = |seconds: i64| Timestamp::from_seconds(1_614_265_330 + seconds);
        assert_eq!(key.verify(&headers(&all), BODY, at(299)), Verdict::Valid);
        assert_eq!(key.verify(&headers(&all), BODY, at(301)), Verdict::Stale);
        assert_eq!(key.verify(&headers(&all), BODY, at(-301)), Verdict::Stale);
        assert_eq!(key.verify(&headers(&all), b"{}", at(0)), Verdict::Wrong);
        assert_eq!(key.verify(&headers(&all[1..]), BODY, at(0)), Verdict::Wrong);
        assert_eq!(key.verify(&headers(&all[..2]), BODY, at(0)), Verdict::Unsigned);
        assert!(Key::parse("hunter2").is_none());
    }
}
