//! Texts and calls by whoever the operator has for them: one signed HTTP request for each, as Standard Webhooks asks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use url::Url;

use super::courier::{Courier, Text, Undelivered};
use super::egress::{AnswerBody, Egress, EgressError, Outgoing};
use super::webhook::WebhookMessage;
use crate::clock::Clock;
use crate::secret::Secret;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub struct TextWebhook {
    pub egress: Egress,
    pub url: Url,
    /// The bytes behind `whsec_`.
    pub secret: Secret<Vec<u8>>,
    /// Whom the messages are from, where the receiver does not know by itself.
    pub from: Option<String>,
    /// For one message, from the look-up of the name to the answer.
    pub patience: Duration,
    pub clock: Arc<dyn Clock>,
}

/// The same each time it is handed over.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    text: &'a str,
    language: &'a str,
}

#[async_trait]
impl Courier<Text> for TextWebhook {
    async fn deliver(&self, text: &Text) -> Result<(), Undelivered> {
        let body = Body {
            id: &text.id,
            kind: if text.aloud { "voice" } else { "sms" },
            to: &text.to,
            from: self.from.as_deref(),
            text: &text.says,
            language: text.language,
        };
        // Plain texts: nothing can fail here.
        let body = serde_json::to_string(&body).unwrap_or_default();
        let secrets = std::slice::from_ref(&self.secret);
        let WebhookMessage { url, headers, body } =
            WebhookMessage::new(self.url.clone(), &text.id, body, secrets, self.clock.now());
        let mut outgoing = Outgoing::post(url, "application/json", body);
        for (name, value) in headers.into_iter().chain([(IDEMPOTENCY_KEY, text.id.clone())]) {
            let value = HeaderValue::try_from(value).map_err(|_| never(&EgressError::Header))?;
            outgoing = outgoing.header(name, value);
        }
        outgoing.timeout = Some(self.patience);
        match self.egress.send(outgoing, AnswerBody::Ignored).await {
            Ok(answer) => said(answer.status),
            // An address that is refused is refused again.
            Err(error @ (EgressError::Url(_) | EgressError::Header)) => Err(never(&error)),
            Err(error) => Err(Undelivered::NotNow(error.to_string())),
        }
    }
}

fn never(error: &EgressError) -> Undelivered {
    Undelivered::Never(error.to_string())
}

/// What a status says of the message; what it says of us may be mended.
fn said(status: StatusCode) -> Result<(), Undelivered> {
    let why = format!("status {}", status.as_u16());
    let about_us = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    if status.is_success() {
        Ok(())
    } else if status.is_server_error() || about_us.contains(&status) {
        Err(Undelivered::NotNow(why))
    } else {
        Err(Undelivered::Never(why))
    }
}
