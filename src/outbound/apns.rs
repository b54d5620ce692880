//! Apple Push Notification service, by HTTP/2 and provider tokens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use nod_device::PushMessage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::egress::{Answer, AnswerBody, Egress, EgressError, Outgoing};
use super::push::{Address, LONGEST_ANSWER, Message, Outcome, TIMEOUT, known};
use crate::clock::Timestamp;
use crate::domain::push::{Environment, Told};
use crate::domain::push_credentials::TeamKey;
use crate::secret::Secret;

/// Apple takes a token for an hour, and another one not more often than every twenty minutes.
const RENEWED_AFTER: Duration = Duration::from_secs(40 * 60);
const NOT_BEFORE: Duration = Duration::from_secs(20 * 60);
/// Keys whose tokens are kept: one for each app.
const KEYS: usize = 1000;

const TOPIC: HeaderName = HeaderName::from_static("apns-topic");
const PUSH_TYPE: HeaderName = HeaderName::from_static("apns-push-type");
const PRIORITY: HeaderName = HeaderName::from_static("apns-priority");
const EXPIRATION: HeaderName = HeaderName::from_static("apns-expiration");
const COLLAPSE_ID: HeaderName = HeaderName::from_static("apns-collapse-id");

/// What it says beside the status.
const REASONS: [&str; 19] = [
    "BadDeviceToken",
    "DeviceTokenNotForTopic",
    "ExpiredToken",
    "Unregistered",
    "ExpiredProviderToken",
    "InvalidProviderToken",
    "MissingProviderToken",
    "BadTopic",
    "MissingTopic",
    "TopicDisallowed",
    "Forbidden",
    "BadCollapseId",
    "BadExpirationDate",
    "PayloadTooLarge",
    "TooManyProviderTokenUpdates",
    "TooManyRequests",
    "InternalServerError",
    "ServiceUnavailable",
    "Shutdown",
];

#[derive(Debug)]
pub struct Apns {
    egress: Egress,
    production: Url,
    sandbox: Url,
    tokens: Mutex<HashMap<[u8; 32], Provider>>,
}

/// What shows who we are.
#[derive(Clone, Debug)]
struct Provider {
    token: Secret<String>,
    made_at: Timestamp,
}

#[derive(Default, Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    reason: String,
    /// When the token was found to be good no more, in milliseconds.
    timestamp: Option<i64>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

#[derive(Serialize)]
struct Body {
    aps: Value,
    nod: PushMessage,
}

impl Apns {
    pub fn new(egress: Egress, production: Url, sandbox: Url) -> Self {
        Self { egress, production, sandbox, tokens: Mutex::default() }
    }

    pub async fn send(&self, key: &TeamKey, to: &Address<'_>, message: &Message, now: Timestamp) -> Outcome {
        let Some(topic) = to.bundle_id else { return Outcome::Refused("the application has no bundle_id".to_owned()) };
        let mut expired: Option<Provider> = None;
        loop {
            let provider = match self.provider(key, expired.as_ref(), now) {
                Ok(provider) => provider,
                Err(outcome) => return outcome,
            };
            let answer = match self.post(&provider.token, (to, topic), message).await {
                Ok(answer) => answer,
                Err(error) => return Outcome::failed(&error),
            };
            let said = serde_json::from_slice::<ErrorAnswer>(&answer.body).unwrap_or_default();
            // By its clock. One that was made a moment ago will not be better for being made again.
            let old = answer.status == 403 && said.reason == "ExpiredProviderToken";
            if old && expired.is_none() && now.since(provider.made_at) >= NOT_BEFORE {
                expired = Some(provider);
                continue;
            }
            return outcome(&answer, &said);
        }
    }

    async fn post(
        &self,
        provider: &Secret<String>,
        (to, topic): (&Address<'_>, &str),
        message: &Message,
    ) -> Result<Answer, EgressError> {
        let mut url = match to.environment {
            Environment::Production => self.production.clone(),
            Environment::Sandbox => self.sandbox.clone(),
        };
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["3", "device", to.token.expose()]);
        }
        // What is shown is in the app: here it is named only. The app puts what it has fetched in its place.
        let (push_type, priority, aps) = match message.told {
            Told::Question => {
                let alert = json!({ "title-loc-key": "NOD_QUESTION_TITLE", "loc-key": "NOD_QUESTION_BODY" });
                let aps = json!({
                    "alert": alert, "sound": "default", "mutable-content": 1, "interruption-level": "time-sensitive",
                });
                ("alert", "10", aps)
            }
            // The system wakes the app, and shows nothing. Apple takes no other priority for it.
            Told::Ended | Told::Silent | Told::Test => ("background", "5", json!({ "content-available": 1 })),
        };
        let body = serde_json::to_vec(&Body { aps, nod: message.body() }).unwrap_or_default();
        let text = |text: String| HeaderValue::try_from(text).map_err(|_| EgressError::Header);
        let outgoing = Outgoing { timeout: Some(TIMEOUT), ..Outgoing::post(url, "application/json", body) }
            .header(TOPIC, text(topic.to_owned())?)
            .header(PUSH_TYPE, HeaderValue::from_static(push_type))
            .header(PRIORITY, HeaderValue::from_static(priority))
            .header(EXPIRATION, text(message.expires_at.seconds().to_string())?)
            .header(COLLAPSE_ID, text(message.notification.to_string())?);
        self.egress.send(bearer(outgoing, provider)?, AnswerBody::UpTo(LONGEST_ANSWER)).await
    }

    /// The one that is used now: never `expired`.
    fn provider(&self, key: &TeamKey, expired: Option<&Provider>, now: Timestamp) -> Result<Provider, Outcome> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = tokens.get(&key.which)
            && now.since(kept.made_at) < RENEWED_AFTER
            // A clock that goes back must not keep it for ever.
            && kept.made_at <= now
            && expired.is_none_or(|expired| expired.made_at != kept.made_at)
        {
            return Ok(kept.clone());
        }
        let signed = key.key.sign(Some(&key.key_id), &Claims { iss: &key.team, iat: now.seconds() });
        let token = signed.map_err(|error| Outcome::Refused(error.to_string()))?;
        if tokens.len() >= KEYS && !tokens.contains_key(&key.which) {
            tokens.clear();
        }
        let made = Provider { token, made_at: now };
        tokens.insert(key.which, made.clone());
        Ok(made)
    }
}

/// As Apple writes the scheme.
fn bearer(outgoing: Outgoing, token: &Secret<String>) -> Result<Outgoing, EgressError> {
    let value = HeaderValue::try_from(format!("bearer {}", token.expose()));
    let mut value = value.map_err(|_| EgressError::Header)?;
    value.set_sensitive(true);
    Ok(outgoing.header(http::header::AUTHORIZATION, value))
}

fn outcome(answer: &Answer, said: &ErrorAnswer) -> Outcome {
    let status = answer.status.as_u16();
    let reason = known(&REASONS, &said.reason);
    let bad = |reason: &str| Outcome::BadToken(format!("status {status} {reason}"));
    match (status, reason) {
        (410, Some("Unregistered")) => match said.timestamp {
            Some(since) => Outcome::Gone { since: Some(Timestamp::from_millis(since)) },
            // Then nobody can tell whether it is of this token's present life.
            None => bad("Unregistered, without a time"),
        },
        (400, Some(reason @ "BadDeviceToken")) => Outcome::BadHere(format!("status {status} {reason}")),
        (400 | 410, Some(reason @ ("DeviceTokenNotForTopic" | "ExpiredToken"))) => bad(reason),
        (_, reason) => Outcome::of_status(status, &answer.headers, reason),
    }
}
