//! A message in one line, for scripts and for people.

use serde::Serialize;

use crate::web::dev::wire::{Actor, Answer, Content, Message, Wire};

#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub number: u64,
    pub at: String,
    pub from: String,
    pub to: String,
    /// `POST /as/token.oauth2`, or `event notification`
    pub what: String,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub request: Option<String>,
}

impl Line {
    pub(super) fn of(wire: &Wire, message: &Message) -> Self {
        let who = name(&message.actor);
        let (from, to, what) = match &message.content {
            Content::Call { call, .. } => (who, "Nod".to_owned(), format!("{} {}", call.method, call.path())),
            Content::Delivery { call, .. } => ("Nod".to_owned(), who, format!("{} {}", call.method, call.path())),
            Content::Event { name, .. } => ("Nod".to_owned(), who, format!("event {name}")),
            Content::Handed { what, .. } => ("Nod".to_owned(), who, what.clone()),
        };
        let answer = message.answer();
        Self {
            number: message.number,
            at: message.at.to_string(),
            from,
            to,
            what,
            status: answer.map(|answer| answer.status),
            error: match &message.content {
                Content::Delivery { answer: Err(error), .. } => Some(error.clone()),
                Content::Delivery { .. } | Content::Call { .. } | Content::Event { .. } | Content::Handed { .. } => {
                    answer.and_then(Answer::error)
                }
            },
            request: wire.request_of(message).map(|request| request.to_string()),
        }
    }
}

pub(super) fn name(actor: &Actor) -> String {
    match actor {
        Actor::Client(name) | Actor::Phone(name) | Actor::Person(name) => name.clone(),
        Actor::Admin(Some(client)) => format!("{client} (administrator)"),
        Actor::Admin(None) => "an administrator".to_owned(),
        Actor::Webhook(host) => format!("{host} (webhook)"),
        Actor::Unknown => "somebody".to_owned(),
    }
}
