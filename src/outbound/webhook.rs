//! One delivery to a webhook, signed as Standard Webhooks asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, StatusCode};
use url::Url;

use super::egress::{AnswerBody, Egress, EgressError, Outgoing};
use crate::clock::Timestamp;
use crate::secret::Secret;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What begins the secret as it is shown.
pub const PREFIX: &str = "whsec_";

/// What came of a try.
#[derive(Debug)]
pub enum Verdict {
    /// 2xx.
    Accepted(u16),
    /// 410: the receiver wants no more.
    Gone(u16),
    /// Any other status, redirects among them.
    Refused(u16),
    /// No answer.
    Failed(EgressError),
}

/// What one delivery says, to whom.
#[derive(Clone, Debug)]
pub struct WebhookMessage {
    pub url: Url,
    pub headers: [(HeaderName, String); 3],
    pub body: String,
}

impl WebhookMessage {
    /// `secrets` are the bytes behind `whsec_`; each makes a signature.
    pub fn new(url: Url, id: &str, body: String, secrets: &[Secret<Vec<u8>>], now: Timestamp) -> Self {
        let signatures = secrets.iter().map(|secret| signature(secret, id, now, &body)).collect::<Vec<_>>().join(" ");
        let headers = [(ID, id.to_owned()), (TIMESTAMP, now.seconds().to_string()), (SIGNATURE, signatures)];
        Self { url, headers, body }
    }
}

pub async fn send(egress: &Egress, message: &WebhookMessage) -> Verdict {
    let mut outgoing = Outgoing::post(message.url.clone(), "application/json", message.body.clone());
    for (name, value) in message.headers.clone() {
        let Ok(value) = HeaderValue::try_from(value) else { return Verdict::Failed(EgressError::Header) };
        outgoing = outgoing.header(name, value);
    }
    match egress.send(outgoing, AnswerBody::Ignored).await {
        Ok(answer) if answer.status.is_success() => Verdict::Accepted(answer.status.as_u16()),
        Ok(answer) if answer.status == StatusCode::GONE => Verdict::Gone(answer.status.as_u16()),
        Ok(answer) => Verdict::Refused(answer.status.as_u16()),
        Err(error) => Verdict::Failed(error),
    }
}

fn signature(secret: &Secret<Vec<u8>>, id: &str, now: Timestamp, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.expose());
    let signed = format!("{id}.{}.{body}", now.seconds());
    format!("v1,{}", STANDARD.encode(ring::hmac::sign(&key, signed.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn standard_webhooks_signs_id_timestamp_and_body() {
        let secret = Secret::new(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let at = Timestamp::from_seconds(1_614_265_330);
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
