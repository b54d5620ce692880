//! Web Push [RFC 8030]: to whatever push service the browser has chosen, encrypted for the browser [RFC 8291], and signed
//! as ours [RFC 8292].

mod encryption;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use url::Url;

use super::egress::{AnswerBody, Egress, EgressError, Outgoing};
use super::push::{Message, Outcome, TIMEOUT};
use crate::clock::Timestamp;
use crate::domain::push::Told;
use crate::domain::push_credentials::Vapid;
use crate::entropy::Entropy;
use crate::secret::Secret;

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");
/// [RFC 8292 §2] no more than 24 hours.
const SIGNED_FOR: i64 = 12 * 3600;

#[derive(Debug)]
pub struct WebPush {
    egress: Egress,
    entropy: Arc<Entropy>,
}

/// A subscription, as `PushSubscription.toJSON()` writes it.
#[derive(Clone)]
pub struct Subscription {
    pub endpoint: Url,
    /// The uncompressed point of the browser's key.
    pub p256dh: [u8; 65],
    pub auth: [u8; 16],
}

/// Without what opens it.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

#[derive(Deserialize)]
struct Wire {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

impl Subscription {
    pub fn parse(json: &str) -> Option<Self> {
        let Wire { endpoint, keys } = serde_json::from_str(json).ok()?;
        // Some write the padding.
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        Some(Self {
            endpoint: Url::parse(&endpoint).ok()?,
            p256dh: decode(&keys.p256dh)?.try_into().ok()?,
            auth: decode(&keys.auth)?.try_into().ok()?,
        })
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: String,
    exp: i64,
    sub: &'a str,
}

impl WebPush {
    pub const fn new(egress: Egress, entropy: Arc<Entropy>) -> Self {
        Self { egress, entropy }
    }

    pub async fn send(
        &self,
        vapid: &Vapid,
        subscription: &Secret<String>,
        message: &Message,
        now: Timestamp,
    ) -> Outcome {
        let Some(to) = Subscription::parse(subscription.expose()) else {
            return Outcome::BadToken("not a subscription".to_owned());
        };
        let outgoing = match self.outgoing(vapid, &to, message, now) {
            Ok(outgoing) => outgoing,
            Err(outcome) => return outcome,
        };
        match self.egress.send(outgoing, AnswerBody::Ignored).await {
            // [RFC 8030 §7.3] The subscription is no more.
            Ok(answer) if matches!(answer.status.as_u16(), 404 | 410) => Outcome::Gone { since: None },
            Ok(answer) => Outcome::of_status(answer.status.as_u16(), &answer.headers, None),
            Err(error) => Outcome::failed(&error),
        }
    }

    fn outgoing(
        &self,
        vapid: &Vapid,
        to: &Subscription,
        message: &Message,
        now: Timestamp,
    ) -> Result<Outgoing, Outcome> {
        let refused = |error: EgressError| Outcome::failed(&error);
        let plain = serde_json::to_vec(&message.body()).unwrap_or_default();
        let body = encryption::encrypt(&plain, to, &self.entropy);
        let body = body.ok_or_else(|| Outcome::BadToken("not a key of a browser".to_owned()))?;
        let claims = Claims {
            aud: to.endpoint.origin().ascii_serialization(),
            exp: now.seconds() + SIGNED_FOR,
            sub: &vapid.subject,
        };
        let signed = vapid.key.sign(None, &claims).map_err(|error| Outcome::Refused(error.to_string()))?;
        let text = |text: String| HeaderValue::try_from(text).map_err(|_| refused(EgressError::Header));
        let mut authorization = text(format!("vapid t={}, k={}", signed.expose(), vapid.public_key))?;
        authorization.set_sensitive(true);
        let urgency = match message.told {
            Told::Question | Told::Silent | Told::Test => "high",
            Told::Ended => "normal",
        };
        // [RFC 8030 §5.4] A question that did not get there yet is replaced by word that it is over.
        let topic = URL_SAFE_NO_PAD.encode(message.notification.uuid().as_bytes());
        let url = to.endpoint.clone();
        Ok(Outgoing { timeout: Some(TIMEOUT), ..Outgoing::post(url, "application/octet-stream", body) }
            .header(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"))
            .header(TTL, text(message.seconds_left(now).to_string())?)
            .header(URGENCY, HeaderValue::from_static(urgency))
            .header(TOPIC, text(topic)?)
            .header(header::AUTHORIZATION, authorization))
    }
}
