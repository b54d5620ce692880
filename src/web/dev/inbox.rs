//! `/dev/inbox`: the letters, texts, calls and pushes that go to nobody in dev mode, and the pings to the client that has
//! them here. All but the pings are on the wire, too.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Request, Response, handler};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Pages;
use super::pings::Ping;
use super::wire::{Actor, Content, Message, Name, Wire};
use crate::protocol::id::RequestId;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::dev::{Handed, Received, ReceivedPush, ReceivedText};
use crate::web::page::{html, json, wants_html};

#[derive(Template)]
#[template(path = "dev/inbox.html")]
struct InboxPage {
    active: &'static str,
    ahead: Option<String>,
    letters: Vec<Shown>,
    texts: Vec<Arc<ReceivedText>>,
    pushes: Vec<Arc<ReceivedPush>>,
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
    let pushes = pages.inbox.as_ref().map(|inbox| inbox.pushes()).unwrap_or_default();
    let pings = pages.pings.kept();
    if wants_html(request) {
        let letters = letters.iter().map(|received| Shown::of(received, &pages.issuer)).collect();
        let ahead = super::clock::ahead(pages);
        return html(StatusCode::OK, &InboxPage { active: "inbox", ahead, letters, texts, pushes, pings });
    }
    let told: Vec<Value> = letters.iter().map(|received| told(received)).collect();
    let texts: Vec<Value> = texts.iter().map(|received| told_of_text(received)).collect();
    let pushes: Vec<Value> = pushes.iter().map(|received| told_of_push(received)).collect();
    let pings: Vec<Value> = pings.iter().map(|ping| ping.told()).collect();
    json(StatusCode::OK, &json!({ "letters": told, "texts": texts, "pushes": pushes, "pings": pings }))
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

fn told_of_push(received: &ReceivedPush) -> Value {
    json!({
        "provider": received.provider.as_str(), "device": public_id::encode(Kind::Device, received.device.uuid()),
        "phone": received.phone, "at": received.at.to_string(), "expires_at": received.expires_at.to_string(),
        "told": received.told.as_str(),
        "message": serde_json::from_str::<Value>(&received.says).unwrap_or_default(),
    })
}

/// Writes down what is handed over, as long as there is an inbox.
pub(super) async fn overhear(wire: Arc<Wire>, handed: Option<broadcast::Receiver<Handed>>) {
    let Some(mut handed) = handed else { return };
    loop {
        match handed.recv().await {
            Ok(handed) => write_down(&wire, &handed),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn write_down(wire: &Wire, handed: &Handed) {
    let of = |request: RequestId| Name::of(&public_id::encode(Kind::Request, request.uuid()));
    let (at, actor, what, body, names) = match handed {
        Handed::Letter(received) => {
            let letter = &received.letter;
            let body = json!({ "language": letter.language, "subject": letter.subject, "text": letter.text });
            let names = letter.about.map(of).into_iter().collect();
            (received.at, Actor::Person(letter.to.clone()), "letter".to_owned(), body.to_string(), names)
        }
        Handed::Text(received) => {
            let text = &received.text;
            let body = json!({ "language": text.language, "text": text.says });
            let what = if text.aloud { "call" } else { "text" };
            let names = text.about.map(of).into_iter().collect();
            (received.at, Actor::Person(text.to.clone()), what.to_owned(), body.to_string(), names)
        }
        Handed::Push(received) => {
            let phone = received.phone.clone().unwrap_or_else(|| "a phone".to_owned());
            let names = vec![Name::of(&received.notification.to_string()), of(received.request)];
            let what = format!("push {}", received.told);
            (received.at, Actor::Phone(phone), what, received.says.clone(), names)
        }
    };
    let content = Content::Handed { what, body: Bytes::from(body) };
    wire.begin(|number| Message { number, at, actor, content, names, signed: Vec::new(), replay_of: None });
}
