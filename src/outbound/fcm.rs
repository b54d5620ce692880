//! Firebase Cloud Messaging, HTTP v1. A service account signs an assertion [RFC 7523 §2.1], and gets for it the access
//! token with which messages are sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nod_device::PushMessage;
use serde::{Deserialize, Serialize};
use url::Url;

use super::egress::{Answer, AnswerBody, Egress, Outgoing};
use super::push::{LONGEST_ANSWER, Message, Outcome, TIMEOUT, known};
use crate::clock::Timestamp;
use crate::domain::push::Told;
use crate::domain::push_credentials::ServiceAccount;
use crate::secret::Secret;

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// An assertion is used at once.
const ASSERTION_LIFETIME: i64 = 600;
/// A token is not used up to its last second: it has to get there.
const MARGIN: Duration = Duration::from_secs(60);
/// Accounts whose tokens are kept: one for each app.
const ACCOUNTS: usize = 1000;

/// What it says beside the status.
const CODES: [&str; 9] = [
    "UNREGISTERED",
    "INVALID_ARGUMENT",
    "SENDER_ID_MISMATCH",
    "QUOTA_EXCEEDED",
    "UNAVAILABLE",
    "INTERNAL",
    "THIRD_PARTY_AUTH_ERROR",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
];

#[derive(Debug)]
pub struct Fcm {
    egress: Egress,
    base: Url,
    access: Mutex<HashMap<[u8; 32], Arc<Slot>>>,
}

/// Where the token of one account is. Whoever needs it while it is fetched waits.
type Slot = tokio::sync::Mutex<Option<Access>>;

#[derive(Clone, Debug)]
struct Access {
    token: Secret<String>,
    until: Timestamp,
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

#[derive(Serialize)]
struct Body<'a> {
    message: MessageBody<'a>,
}

#[derive(Serialize)]
struct MessageBody<'a> {
    token: &'a str,
    /// Texts alone. Without `notification`: the app shows what it has fetched, and the system shows nothing.
    data: PushMessage,
    android: Android,
}

#[derive(Serialize)]
struct Android {
    priority: &'static str,
    ttl: String,
}

#[derive(Default, Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    error: ErrorBody,
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "errorCode")]
    code: Option<String>,
}

impl Fcm {
    pub fn new(egress: Egress, base: Url) -> Self {
        Self { egress, base, access: Mutex::default() }
    }

    pub async fn send(
        &self,
        account: &ServiceAccount,
        token: &Secret<String>,
        message: &Message,
        now: Timestamp,
    ) -> Outcome {
        let mut refused: Option<Secret<String>> = None;
        loop {
            let access = match self.access(account, refused.as_ref(), now).await {
                Ok(access) => access,
                Err(outcome) => return outcome,
            };
            match self.post(account, &access, token, message, now).await {
                // It may have been withdrawn, or the key changed: another one, once.
                Ok(answer) if answer.status == 401 && refused.is_none() => refused = Some(access),
                Ok(answer) => return outcome(&answer),
                Err(outcome) => return outcome,
            }
        }
    }

    async fn post(
        &self,
        account: &ServiceAccount,
        access: &Secret<String>,
        token: &Secret<String>,
        message: &Message,
        now: Timestamp,
    ) -> Result<Answer, Outcome> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "projects", &account.project, "messages:send"]);
        }
        let android = Android {
            priority: match message.told {
                Told::Question | Told::Silent | Told::Test => "HIGH",
                Told::Ended => "NORMAL",
            },
            ttl: format!("{}s", message.seconds_left(now)),
        };
        let body = Body { message: MessageBody { token: token.expose(), data: message.body(), android } };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let outgoing = Outgoing { timeout: Some(TIMEOUT), ..Outgoing::post(url, "application/json", body) };
        let outgoing = outgoing.bearer(access).map_err(|error| Outcome::failed(&error))?;
        self.egress.send(outgoing, AnswerBody::UpTo(LONGEST_ANSWER)).await.map_err(|error| Outcome::failed(&error))
    }

    /// The token of an account, and never `refused`.
    async fn access(
        &self,
        account: &ServiceAccount,
        refused: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Result<Secret<String>, Outcome> {
        let slot = self.slot(account);
        let mut kept = slot.lock().await;
        if let Some(access) = &*kept
            && now + MARGIN < access.until
            && refused.is_none_or(|refused| refused.expose() != access.token.expose())
        {
            return Ok(access.token.clone());
        }
        let fetched = self.fetch(account, now).await?;
        let token = fetched.token.clone();
        *kept = Some(fetched);
        Ok(token)
    }

    fn slot(&self, account: &ServiceAccount) -> Arc<Slot> {
        let mut slots = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of accounts that were changed go with the others.
        if slots.len() >= ACCOUNTS && !slots.contains_key(&account.which) {
            slots.clear();
        }
        Arc::clone(slots.entry(account.which).or_default())
    }

    async fn fetch(&self, account: &ServiceAccount, now: Timestamp) -> Result<Access, Outcome> {
        let assertion = Assertion {
            iss: &account.email,
            scope: SCOPE,
            aud: account.token_uri.as_str(),
            iat: now.seconds(),
            exp: now.seconds() + ASSERTION_LIFETIME,
        };
        let signed = account.key.sign(account.key_id.as_deref(), &assertion);
        let signed = signed.map_err(|error| Outcome::Refused(error.to_string()))?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT)
            .append_pair("assertion", signed.expose())
            .finish();
        let url = account.token_uri.clone();
        let outgoing =
            Outgoing { timeout: Some(TIMEOUT), ..Outgoing::post(url, "application/x-www-form-urlencoded", form) };
        let answer = self.egress.send(outgoing, AnswerBody::UpTo(LONGEST_ANSWER)).await;
        let answer = answer.map_err(|error| Outcome::failed(&error))?;
        if !answer.status.is_success() {
            return Err(match Outcome::of_status(answer.status.as_u16(), &answer.headers, None) {
                Outcome::NotNow { why, retry_after, unwell } => {
                    Outcome::NotNow { why: format!("the token endpoint: {why}"), retry_after, unwell }
                }
                Outcome::Refused(why) => Outcome::Refused(format!("the token endpoint: {why}")),
                other @ (Outcome::Taken(_) | Outcome::Gone { .. } | Outcome::BadToken(_) | Outcome::BadHere(_)) => {
                    other
                }
            });
        }
        let read = serde_json::from_slice::<TokenAnswer>(&answer.body);
        let TokenAnswer { access_token, expires_in } = read.map_err(|_| Outcome::NotNow {
            why: "the token endpoint: no token".to_owned(),
            retry_after: None,
            unwell: true,
        })?;
        let until = now + Duration::from_secs(expires_in.min(86_400));
        Ok(Access { token: Secret::new(access_token), until })
    }
}

fn outcome(answer: &Answer) -> Outcome {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return Outcome::Taken(status);
    }
    let ErrorBody { status: said, details } =
        serde_json::from_slice::<ErrorAnswer>(&answer.body).unwrap_or_default().error;
    let code = details.iter().find_map(|detail| detail.code.as_deref()).unwrap_or(&said);
    match (status, known(&CODES, code)) {
        // A 404 without that word is about the project, not about the phone.
        (404, Some("UNREGISTERED")) => Outcome::Gone { since: None },
        (_, Some(code @ ("SENDER_ID_MISMATCH" | "INVALID_ARGUMENT"))) => {
            Outcome::BadToken(format!("status {status} {code}"))
        }
        (_, code) => Outcome::of_status(status, &answer.headers, code),
    }
}
