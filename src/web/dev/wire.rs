//! What passed between the server and those around it: the last 500 messages, in memory alone.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::protocol::id::RequestId;
use crate::secret::sha256;
use crate::web::dev::token::{self, Signature};

const KEPT: usize = 500;
const LINKS: usize = 4 * KEPT;
/// In `web/sign_in/hop.html`, before the address.
const HOP: &str = "http-equiv=\"refresh\" content=\"0;url=";
/// In `web/sign_in/form_post.html`: in the form that sends itself, and before each of its parameters.
const FORM: &str = " id=\"response\"";
const FIELD: &str = "<input type=\"hidden\" name=\"";

/// Who spoke with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    /// A relying party, by its `client_id`.
    Client(String),
    /// A phone, as its owner calls it.
    Phone(String),
    /// A client at the admin API, by its `client_id`, if its token is good for anything.
    Admin(Option<String>),
    /// A webhook of somebody's, by the host that it is at.
    Webhook(String),
    /// Somebody who gets letters or texts, by where they would go.
    Person(String),
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Counted from 1; the order in which they began.
    pub number: u64,
    pub at: Timestamp,
    pub actor: Actor,
    pub content: Content,
    /// The request is known by any of these, once the links to it are known.
    pub names: Vec<Name>,
    /// The tokens that a client has signed, and what the keys that it had registered then say of them.
    pub signed: Vec<(Name, Signature)>,
    /// Which message was sent again.
    pub replay_of: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Call {
        call: Call,
        answer: Option<Answer>,
    },
    /// An event on the live channel of a phone, or of an administrator.
    Event {
        name: String,
        data: String,
    },
    /// What would have gone out by a carrier of ours: a push, a letter, a text, a call.
    Handed {
        what: String,
        body: Bytes,
    },
    /// What we called, and what came of it.
    Delivery {
        call: Call,
        answer: Result<Answer, String>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Empty while a live channel is open.
    pub body: Bytes,
    pub took: Duration,
}

/// What names a request in a message: a digest, so that nothing secret is kept twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name([u8; 32]);

impl Name {
    pub(super) fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }
}

impl Call {
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The parameters of the query, decoded.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The parameters of a form, decoded.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        let is_form = self.header("content-type").is_some_and(|kind| kind.contains("x-www-form-urlencoded"));
        if is_form { url::form_urlencoded::parse(&self.body).into_owned().collect() } else { Vec::new() }
    }
}

impl Answer {
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The code of an OAuth error, whichever way a client is told it, of a problem document, or of the flow API.
    pub(super) fn error(&self) -> Option<String> {
        if self.status < 400 {
            return self.told("error");
        }
        let body = self.json()?;
        let code = body.get("error").or_else(|| body.get("code"))?;
        code.as_str().map(str::to_owned)
    }

    /// What the server said of it.
    pub(super) fn description(&self) -> Option<String> {
        if self.status < 400 {
            return self.told("error_description");
        }
        let body = self.json()?;
        let text = ["error_description", "title", "message"].into_iter().find_map(|name| body.get(name))?;
        text.as_str().map(str::to_owned)
    }

    /// Where it sends a browser: by its header, or by the page that stands for a redirect after a form of ours.
    pub(super) fn leads_to(&self) -> Option<String> {
        let header = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case("location"));
        if let Some((_, location)) = header {
            return Some(location.clone());
        }
        let (_, hop) = std::str::from_utf8(&self.body).ok()?.split_once(HOP)?;
        let (location, _) = hop.split_once('"')?;
        Some(unescaped(location))
    }

    /// What a client is told through the browser, beside a JWT or in it [JARM §2].
    pub(super) fn told(&self, name: &str) -> Option<String> {
        let response = self.response();
        let find = |name: &str| response.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let signed = || token::claims(&find("response")?)?.get(name)?.as_str().map(str::to_owned);
        find(name).or_else(signed)
    }

    /// The parameters of a redirect, in the query or in the fragment [RFC 6749 §4.1.2.1, §4.2.2.1], or those of the
    /// form that stands for one [OAuth 2.0 Form Post Response Mode §2].
    fn response(&self) -> Vec<(String, String)> {
        let Some(location) = self.leads_to() else { return self.posted().unwrap_or_default() };
        let (address, fragment) = location.split_once('#').unwrap_or((location.as_str(), ""));
        let query = address.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let parts = [query, fragment].into_iter();
        parts.flat_map(|text| url::form_urlencoded::parse(text.as_bytes()).into_owned()).collect()
    }

    fn posted(&self) -> Option<Vec<(String, String)>> {
        let (_, form) = std::str::from_utf8(&self.body).ok()?.split_once(FORM)?;
        let (form, _) = form.split_once("</form>")?;
        let field = |field: &str| {
            let (name, rest) = field.split_once("\" value=\"")?;
            let (value, _) = rest.split_once('"')?;
            Some((unescaped(name), unescaped(value)))
        };
        Some(form.split(FIELD).skip(1).filter_map(field).collect())
    }
}

/// What stands in an attribute of our pages.
fn unescaped(text: &str) -> String {
    let plain = text.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    plain.replace("&amp;", "&").replace("&#38;", "&")
}

impl Message {
    pub(super) fn answer(&self) -> Option<&Answer> {
        match &self.content {
            Content::Call { answer, .. } => answer.as_ref(),
            Content::Delivery { answer, .. } => answer.as_ref().ok(),
            Content::Event { .. } | Content::Handed { .. } => None,
        }
    }
}

/// The ring, and what tells those who watch it.
pub(super) struct Wire {
    ring: Mutex<Ring>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Ring {
    messages: VecDeque<Arc<Message>>,
    links: HashMap<Name, RequestId>,
    /// The oldest first, to forget them in that order.
    linked: VecDeque<Name>,
    last: u64,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self { ring: Mutex::default(), changed: watch::Sender::new(0) }
    }

    /// Each change is whole before the lock is given back.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that is shown has changed, here or elsewhere.
    pub(super) fn touch(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The number of the message that began last.
    pub(super) fn last(&self) -> u64 {
        self.ring().last
    }

    /// Takes a message in and gives it its number.
    pub(super) fn begin(&self, make: impl FnOnce(u64) -> Message) -> u64 {
        let number = {
            let mut ring = self.ring();
            ring.last += 1;
            let number = ring.last;
            ring.messages.push_back(Arc::new(make(number)));
            if ring.messages.len() > KEPT {
                ring.messages.pop_front();
            }
            number
        };
        self.touch();
        number
    }

    /// Completes a message, if it is still here.
    pub(super) fn change(&self, number: u64, change: impl FnOnce(&mut Message)) {
        if let Some(message) = self.ring().messages.iter_mut().find(|message| message.number == number) {
            change(Arc::make_mut(message));
        }
        self.touch();
    }

    pub(super) fn link(&self, names: impl IntoIterator<Item = Name>, request: RequestId) {
        let mut ring = self.ring();
        for name in names {
            if ring.links.insert(name, request).is_none() {
                ring.linked.push_back(name);
            }
            if ring.linked.len() > LINKS
                && let Some(oldest) = ring.linked.pop_front()
            {
                ring.links.remove(&oldest);
            }
        }
    }

    /// Whether it is known which request this names.
    pub(super) fn knows(&self, name: Name) -> bool {
        self.ring().links.contains_key(&name)
    }

    pub(super) fn request_of(&self, message: &Message) -> Option<RequestId> {
        let ring = self.ring();
        message.names.iter().find_map(|name| ring.links.get(name).copied())
    }

    pub(super) fn find(&self, number: u64) -> Option<Arc<Message>> {
        self.ring().messages.iter().find(|message| message.number == number).cloned()
    }

    /// The oldest first.
    pub(super) fn messages(&self) -> Vec<Arc<Message>> {
        self.ring().messages.iter().cloned().collect()
    }

    pub(super) fn of_request(&self, request: RequestId) -> Vec<Arc<Message>> {
        self.messages().into_iter().filter(|message| self.request_of(message) == Some(request)).collect()
    }

    pub(super) fn clear(&self) {
        self.ring().messages.clear();
        self.touch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64) -> Message {
        Message {
            number,
            at: Timestamp::from_seconds(0),
            actor: Actor::Unknown,
            content: Content::Event { name: "ready".to_owned(), data: String::new() },
            names: vec![Name::of(&number.to_string())],
            signed: Vec::new(),
            replay_of: None,
        }
    }

    #[test]
    fn the_ring_keeps_the_last_500_and_their_numbers() {
        let wire = Wire::new();
        for _ in 0..600 {
            wire.begin(message);
        }
        let kept = wire.messages();
        assert_eq!((kept.len(), kept[0].number, wire.last()), (500, 101, 600));
        assert!(wire.find(100).is_none());
        wire.clear();
        assert!(wire.messages().is_empty());
        assert_eq!(wire.begin(message), 601, "numbers are not given twice");
    }

    #[test]
    fn a_message_finds_its_request_however_late_the_link_comes() {
        let (wire, request) = (Wire::new(), RequestId::new(uuid::Uuid::from_u128(7)));
        let number = wire.begin(message);
        assert!(wire.of_request(request).is_empty());
        wire.link([Name::of(&number.to_string())], request);
        assert_eq!(wire.of_request(request).len(), 1);
    }
}
