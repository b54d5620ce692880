//! Texts and calls by Twilio, or whoever speaks as it does: `Messages` and `Calls` of its REST API of 2010-04-01.
//!
//! It knows no name by which a message that comes again is the same one. So nothing is handed over twice unless it is
//! certain that it was not taken.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::courier::{Courier, Text, Undelivered};
use super::egress::{Answer, AnswerBody, Egress, EgressError, Outgoing};
use crate::secret::Secret;

/// More than any answer of theirs.
const LARGEST: usize = 64 * 1024;

pub struct Twilio {
    pub egress: Egress,
    /// Their base address.
    pub url: Url,
    /// The account's SID.
    pub account: String,
    pub token: Secret<String>,
    /// A number, or for texts a messaging service's SID.
    pub from: String,
    /// For one message, from the look-up of the name to the answer.
    pub patience: Duration,
}

/// What is read of an answer. Its words may have the number in them.
#[derive(Debug, Deserialize)]
struct Said {
    /// Of a message or a call that they have.
    #[serde(default)]
    sid: Option<String>,
    /// A word of theirs, or with an error the status again.
    #[serde(default)]
    status: serde_json::Value,
    /// Of an error.
    #[serde(default)]
    code: Option<u32>,
}

impl Twilio {
    fn endpoint(&self, of: &str) -> Option<Url> {
        let mut url = self.url.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(["2010-04-01", "Accounts", &self.account, of]);
        Some(url)
    }

    fn request(&self, text: &Text) -> Option<Outgoing> {
        let mut form = Serializer::new(String::new());
        form.append_pair("To", &text.to);
        let endpoint = if text.aloud {
            form.append_pair("From", &self.from).append_pair("Twiml", &twiml(text));
            self.endpoint("Calls.json")?
        } else {
            let from = if self.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
            form.append_pair(from, &self.from).append_pair("Body", &text.says);
            self.endpoint("Messages.json")?
        };
        let login = STANDARD.encode(format!("{}:{}", self.account, self.token.expose()));
        let mut login = HeaderValue::try_from(format!("Basic {login}")).ok()?;
        login.set_sensitive(true);
        let outgoing = Outgoing::post(endpoint, "application/x-www-form-urlencoded", form.finish());
        Some(Outgoing { timeout: Some(self.patience), ..outgoing.header(header::AUTHORIZATION, login) })
    }
}

/// What is said, twice: nobody has a pencil ready at once.
fn twiml(text: &Text) -> String {
    let says: String = text.says.chars().filter(|c| !c.is_control()).map(escaped).collect();
    let voice = match text.language {
        "de" => "de-DE",
        "es" => "es-ES",
        "fr" => "fr-FR",
        "ja" => "ja-JP",
        "ar" => "arb",
        _ => "en-US",
    };
    format!("<Response><Say language=\"{voice}\" loop=\"2\">{says}</Say></Response>")
}

fn escaped(c: char) -> String {
    match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.to_string(),
    }
}

#[async_trait]
impl Courier<Text> for Twilio {
    async fn deliver(&self, text: &Text) -> Result<(), Undelivered> {
        let Some(outgoing) = self.request(text) else {
            return Err(Undelivered::Never("it cannot be asked for".to_owned()));
        };
        match self.egress.send(outgoing, AnswerBody::UpTo(LARGEST)).await {
            Ok(answer) => said(&answer),
            Err(error @ (EgressError::Url(_) | EgressError::Header | EgressError::TrustAnchor)) => {
                Err(Undelivered::Never(error.to_string()))
            }
            // Nothing has been said to anybody.
            Err(error @ (EgressError::PrivateAddress | EgressError::NoAddress)) => {
                Err(Undelivered::NotNow(error.to_string()))
            }
            Err(error @ (EgressError::Timeout | EgressError::TooLarge | EgressError::Connection(_))) => {
                Err(Undelivered::Unclear(error.to_string()))
            }
        }
    }

    fn knows_repeats(&self) -> bool {
        false
    }
}

fn said(answer: &Answer) -> Result<(), Undelivered> {
    let status = answer.status;
    let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
    let code = said.as_ref().and_then(|said| said.code).map(|code| format!(", code {code}")).unwrap_or_default();
    let why = format!("status {}{code}", status.as_u16());
    if status.is_success() {
        // They have it where they name it, and do not say in the same breath that it came to nothing.
        let Some(Said { sid: Some(_), status, .. }) = said else {
            return Err(Undelivered::Unclear(format!("{why}, and an answer that is none")));
        };
        let failed = ["failed", "undelivered", "canceled", "busy", "no-answer"].iter().any(|word| status == *word);
        return if failed { Err(Undelivered::Never(format!("{why}, and it failed"))) } else { Ok(()) };
    }
    let about_us = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    if about_us.contains(&status) || status == StatusCode::SERVICE_UNAVAILABLE {
        Err(Undelivered::NotNow(why))
    } else if status.is_server_error() {
        Err(Undelivered::Unclear(why))
    } else {
        Err(Undelivered::Never(why))
    }
}
