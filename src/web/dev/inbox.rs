//! `/dev/inbox`: the letters, texts and calls that go to nobody in dev mode, and the pings to the client that has them here.

use std::sync::Arc;

use askama::Template;
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Request, Response, handler};
use serde_json::{Value, json};

use super::Pages;
use super::pings::Ping;
use crate::usecase::dev::{Received, ReceivedText};
use crate::web::page::{html, json, wants_html};

#[derive(Template)]
#[template(path = "dev/inbox.html")]
struct InboxPage {
    active: &'static str,
    ahead: Option<String>,
    letters: Vec<Shown>,
    texts: Vec<Arc<ReceivedText>>,
    pings: Vec<Arc<Ping>>,
}

struct Shown {
    to: String,
    at: String,
    subject: String,
    language: &'static str,
    text: String,
    /// The first in it.
    link: Option<String>,
}

impl Shown {
    fn of(received: &Received, issuer: &str) -> Self {
        let letter = &received.letter;
        let link = letter.text.split_whitespace().find(|word| word.starts_with(issuer));
        Self {
            to: letter.to.clone(),
            at: received.at.to_string(),
            subject: letter.subject.clone(),
            language: letter.language,
            text: letter.text.clone(),
            link: link.map(str::to_owned),
        }
    }
}

/// As a page for people, as JSON for their tests.
#[handler]
pub(super) fn show(Data(pages): Data<&Arc<Pages>>, request: &Request) -> Response {
    let letters = pages.inbox.as_ref().map(|inbox| inbox.letters()).unwrap_or_default();
    let texts = pages.inbox.as_ref().map(|inbox| inbox.texts()).unwrap_or_default();
    let pings = pages.pings.kept();
    if wants_html(request) {
        let letters = letters.iter().map(|received| Shown::of(received, &pages.issuer)).collect();
        let ahead = super::clock::ahead(pages);
        return html(StatusCode::OK, &InboxPage { active: "inbox", ahead, letters, texts, pings });
    }
    let told: Vec<Value> = letters.iter().map(|received| told(received)).collect();
    let texts: Vec<Value> = texts.iter().map(|received| told_of_text(received)).collect();
    let pings: Vec<Value> = pings.iter().map(|ping| ping.told()).collect();
    json(StatusCode::OK, &json!({ "letters": told, "texts": texts, "pings": pings }))
}

fn told_of_text(received: &ReceivedText) -> Value {
    let text = &received.text;
    json!({
        "type": if text.aloud { "voice" } else { "sms" }, "to": text.to, "at": received.at.to_string(),
        "language": text.language, "text": text.says,
    })
}

fn told(received: &Received) -> Value {
    let letter = &received.letter;
    json!({
        "to": letter.to, "at": received.at.to_string(), "subject": letter.subject, "language": letter.language,
        "text": letter.text, "html": letter.html,
    })
}
