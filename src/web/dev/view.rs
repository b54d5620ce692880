//! Messages as pages show them: decoded, explained, and with secrets covered.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::usecase::signing_keys::KeyRing;
use crate::web::dev::curl;
use crate::web::dev::summary::Line;
use crate::web::dev::token::{self, Signature, Token};
use crate::web::dev::why::{Why, why};
use crate::web::dev::wire::{Actor, Answer, Call, Content, Message, Name, Wire};

/// Values that open something.
const SECRETS: [&str; 22] = [
    "access_token",
    "auth_req_id",
    "authorization",
    "client_assertion",
    "client_notification_token",
    "client_secret",
    "device-nonce",
    "device-proof",
    "dpop",
    "id_token",
    "id_token_hint",
    "keyUri",
    "login_hint_token",
    "mobilePayload",
    "pairingKey",
    "proofByNew",
    "pv",
    "refresh_token",
    "text",
    "token",
    "user_code",
    AUTH_REQ_ID_CLAIM,
];

/// [CIBA §7.3] the handle again, in an ID token.
pub(super) const AUTH_REQ_ID_CLAIM: &str = "urn:openid:params:jwt:claim:auth_req_id";

/// What is seen at first sight; the others are told on the pages of the inspector.
const TELLING: [&str; 7] =
    ["authorization", "device-nonce", "device-proof", "retry-after", "www-authenticate", "location", "dpop"];

pub(super) struct MessageView {
    pub number: u64,
    /// Since the first message that is shown.
    pub offset: String,
    pub at: String,
    pub took: String,
    pub from: String,
    pub to: String,
    /// Which lane it is in: `shop`, `phone` (from Nod: `nod`), `admin`, `webhook`.
    pub lane: &'static str,
    pub what: String,
    pub outcome: String,
    pub tone: &'static str,
    pub request: Option<String>,
    pub replay_of: Option<u64>,
    pub sent: Vec<Part>,
    pub received: Vec<Part>,
    pub why: Option<Why>,
    pub curl: Option<String>,
}

impl MessageView {
    /// The two sides of a call.
    pub(super) fn sides(&self) -> [&[Part]; 2] {
        [&self.sent, &self.received]
    }
}

/// A part of a message: some names with their values.
pub(super) struct Part {
    pub title: String,
    /// `verified` or `broken`, for what is signed.
    pub mark: &'static str,
    pub rows: Vec<Row>,
}

pub(super) struct Row {
    pub name: String,
    pub value: String,
    pub note: &'static str,
}

/// How much a page shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    /// Every header field.
    pub all: bool,
    pub reveal: bool,
}

pub(super) struct Viewer<'v> {
    pub wire: &'v Wire,
    pub keys: &'v KeyRing,
    pub base: &'v str,
    pub depth: Depth,
}

impl Viewer<'_> {
    pub(super) fn all<M: AsRef<Message>>(&self, messages: &[M]) -> Vec<MessageView> {
        let first = messages.first().map(|message| message.as_ref().at);
        messages.iter().map(|message| self.view(message.as_ref(), first)).collect()
    }

    fn view(&self, message: &Message, first: Option<Timestamp>) -> MessageView {
        let line = Line::of(self.wire, message);
        let answer = message.answer();
        let error = line.error.clone();
        let (outcome, tone) = match (&message.content, answer) {
            (Content::Event { .. } | Content::Handed { .. }, _) => (String::new(), "info"),
            (Content::Delivery { answer: Err(error), .. }, _) => (error.clone(), "bad"),
            (Content::Call { .. } | Content::Delivery { .. }, None) => ("…".to_owned(), "info"),
            (Content::Call { .. } | Content::Delivery { .. }, Some(answer)) => {
                // A receiver that leads elsewhere has not taken what it got.
                let good = if matches!(message.content, Content::Delivery { .. }) { 300 } else { 400 };
                let tone = if answer.status < good && error.is_none() {
                    "ok"
                } else if is_handshake(error.as_deref()) {
                    "info"
                } else {
                    "bad"
                };
                let error = error.as_deref().map(|error| format!(" {error}")).unwrap_or_default();
                (format!("{}{error}", answer.status), tone)
            }
        };
        let (sent, received, curl, why) = match &message.content {
            Content::Event { data, .. } => (self.body("Event", data.as_bytes()), Vec::new(), None, None),
            Content::Handed { body, .. } => (self.body("Handed over", body), Vec::new(), None, None),
            Content::Delivery { call, answer } => {
                let received = answer.as_ref().map(|answer| self.answer(answer)).unwrap_or_default();
                (self.call(call, &message.signed), received, None, None)
            }
            Content::Call { call, answer } => {
                let received = answer.as_ref().map(|answer| self.answer(answer)).unwrap_or_default();
                let why = answer.as_ref().and_then(|answer| why(call, answer));
                (self.call(call, &message.signed), received, Some(curl::curl(self.base, call, self.depth.reveal)), why)
            }
        };
        MessageView {
            number: message.number,
            offset: first.map(|first| offset(first, message.at)).unwrap_or_default(),
            at: message.at.to_string(),
            took: answer.map(|answer| format!("{} ms", answer.took.as_millis())).unwrap_or_default(),
            lane: match (&message.content, &message.actor) {
                (_, Actor::Admin(_)) => "admin",
                (_, Actor::Webhook(_)) => "webhook",
                (Content::Event { .. } | Content::Handed { .. }, _) => "nod",
                (_, Actor::Phone(_) | Actor::Person(_)) => "phone",
                (_, Actor::Client(_) | Actor::Unknown) => "shop",
            },
            from: line.from,
            to: line.to,
            what: shortened(&line.what),
            outcome,
            tone,
            request: line.request,
            replay_of: message.replay_of,
            sent,
            received,
            why,
            curl,
        }
    }

    /// `signed`: what is known of tokens whose keys the clients have registered.
    fn call(&self, call: &Call, signed: &[(Name, Signature)]) -> Vec<Part> {
        let mut rows = self.headers(&call.headers);
        let query = call.query();
        rows.extend(query.iter().map(|(name, value)| self.row(name, value, "query")));
        let form = call.form();
        rows.extend(form.iter().map(|(name, value)| self.row(name, value, "")));
        let body: &[u8] = if form.is_empty() { &call.body } else { &[] };
        let mut parts = self.whole("Sent", rows, body);
        let given = call.headers.iter().chain(&query).chain(&form);
        parts.extend(given.filter_map(|(name, value)| self.token(name, value, signed)));
        parts
    }

    fn answer(&self, answer: &Answer) -> Vec<Part> {
        self.whole("Answered", self.headers(&answer.headers), &answer.body)
    }

    /// Header fields first, then the body and the tokens in it.
    fn whole(&self, title: &str, rows: Vec<Row>, body: &[u8]) -> Vec<Part> {
        let mut parts = self.body(title, body);
        match parts.first_mut() {
            Some(first) => {
                first.rows.splice(0..0, rows);
            }
            None if rows.is_empty() => {}
            None => parts.push(Part { title: title.to_owned(), mark: "", rows }),
        }
        parts
    }

    fn headers(&self, headers: &[(String, String)]) -> Vec<Row> {
        let shown = headers.iter().filter(|(name, _)| self.depth.all || TELLING.contains(&name.as_str()));
        shown.map(|(name, value)| self.row(name, value, "header")).collect()
    }

    /// The members of an object or of a form, and the tokens among them; or the text as it is.
    fn body(&self, title: &str, body: &[u8]) -> Vec<Part> {
        if body.is_empty() {
            return Vec::new();
        }
        let members = members(body).unwrap_or_else(|| vec![("body".to_owned(), lossy(body))]);
        let rows = members.iter().map(|(name, value)| self.row(name, value, "")).collect();
        let mut parts = vec![Part { title: title.to_owned(), mark: "", rows }];
        parts.extend(members.iter().filter_map(|(name, value)| self.token(name, value, &[])));
        parts
    }

    fn row(&self, name: &str, value: &str, note: &'static str) -> Row {
        Row { name: name.to_owned(), value: covered(name, value, self.depth.reveal), note }
    }

    /// A token, taken apart, with the word on its signature.
    fn part(&self, name: &str, token: &Token) -> Part {
        let (mark, signed) = match &token.signature {
            Signature::By(key) => ("verified", format!("signature verified with {key}")),
            Signature::Broken => ("broken", "the signature does not verify".to_owned()),
            Signature::Unknown => ("", "signed with a key that is not here".to_owned()),
        };
        let rows = claims(&token.header, &token.claims, self.depth.reveal);
        Part { title: format!("{name}, decoded · {signed}"), mark, rows }
    }

    fn token(&self, name: &str, value: &str, signed: &[(Name, Signature)]) -> Option<Part> {
        let text = token::shown(value).unwrap_or(value);
        let mut token = token::read(text, self.keys)?;
        if token::of_clients(name).is_some() {
            // No key of ours has anything to say of it.
            let digest = Name::of(text);
            let known = signed.iter().find(|(name, _)| *name == digest).map(|(_, signature)| signature.clone());
            token.signature = known.unwrap_or(Signature::Unknown);
        }
        Some(self.part(name, &token))
    }
}

/// What is an error by its status, and yet goes as it should.
pub(super) fn is_handshake(error: Option<&str>) -> bool {
    matches!(error, Some("authorization_pending" | "USE_DEVICE_NONCE"))
}

/// What a token says.
pub(super) fn claims(header: &Value, claims: &Value, reveal: bool) -> Vec<Row> {
    let row =
        |name: &str, value: String, note| Row { name: name.to_owned(), value: covered(name, &value, reveal), note };
    let head = ["alg", "kid", "typ"].into_iter().filter_map(|name| Some((name, header.get(name)?)));
    let head = head.map(|(name, value)| row(name, plain(value), "header"));
    let rest = claims
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| row(name, instant(name, value).unwrap_or_else(|| plain(value)), token::meaning(name)));
    head.chain(rest).collect()
}

/// What a body names and says: an object, or a form, whatever its type pretends.
fn members(body: &[u8]) -> Option<Vec<(String, String)>> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(members)) => Some(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        Err(_) if body.contains(&b'=') => Some(url::form_urlencoded::parse(body).into_owned().collect()),
        Ok(_) | Err(_) => None,
    }
}

/// A body as it was, but for its secrets.
pub(super) fn covered_body(body: &[u8], reveal: bool) -> String {
    let Some(members) = members(body).filter(|_| !reveal) else { return lossy(body) };
    // Only what is covered changes.
    members.iter().fold(lossy(body), |text, (name, value)| {
        let cover = covered(name, value, false);
        if cover == *value { text } else { text.replace(value.as_str(), &cover) }
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Seconds since 1970, for people.
fn instant(name: &str, value: &Value) -> Option<String> {
    let seconds = value.as_i64().filter(|_| ["exp", "iat", "nbf", "auth_time"].contains(&name))?;
    Some(format!("{seconds} ({})", Timestamp::from_seconds(seconds)))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Enough to recognise a secret, too little to use it.
pub(super) fn covered(name: &str, value: &str, reveal: bool) -> String {
    let secret = SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
    if reveal || !secret {
        return value.to_owned();
    }
    let (scheme, rest) = match value.split_once(' ') {
        Some((scheme, rest)) if name.eq_ignore_ascii_case("authorization") => (format!("{scheme} "), rest),
        Some(_) | None => (String::new(), value),
    };
    let shown: String = rest.chars().take(6.min(rest.chars().count() / 3)).collect();
    format!("{scheme}{shown}…")
}

/// Identifiers in an address, as long as it takes to tell them apart.
fn shortened(what: &str) -> String {
    let is_id = |part: &str| part.len() == 36 && part.bytes().filter(|byte| *byte == b'-').count() == 4;
    let short = |part: &str| if is_id(part) { part.chars().take(4).chain(['…']).collect() } else { part.to_owned() };
    what.split('/').map(short).collect::<Vec<String>>().join("/")
}

fn offset(first: Timestamp, at: Timestamp) -> String {
    let passed = at.since(first).as_millis();
    if passed < 1000 { format!("+{passed} ms") } else { format!("+{}.{} s", passed / 1000, passed % 1000 / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_covered_until_it_is_asked_for() {
        assert_eq!(covered("authorization", "Basic c2hvcDpzaG9wLXNlY3JldA==", false), "Basic c2hvcD…");
        assert_eq!(covered("auth_req_id", "abcdefghijklmnopqrstuvwxyz", false), "abcdef…");
        assert_eq!(covered("client_secret", "short", false), "s…");
        assert_eq!(covered("scope", "openid", false), "openid");
        assert_eq!(covered("client_secret", "short", true), "short");
        let body = br#"{"pairingKey":"123456789012","n":1}"#;
        assert_eq!(covered_body(body, false), r#"{"pairingKey":"1234…","n":1}"#);
        assert_eq!(covered_body(b"client_secret=very-secret&scope=openid", false), "client_secret=ver…&scope=openid");
        assert_eq!(covered_body(body, true), String::from_utf8_lossy(body));
    }

    #[test]
    fn time_is_told_from_the_first_message() {
        let at = |millis| Timestamp::from_millis(millis);
        assert_eq!(offset(at(1000), at(1014)), "+14 ms");
        assert_eq!(offset(at(1000), at(3050)), "+2.0 s");
    }
}
