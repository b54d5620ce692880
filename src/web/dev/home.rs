//! The home page: the shop, the phone, the wire, and other ways for the story to go.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use nod_device::Notification;
use poem::http::StatusCode;
use poem::web::{Data, Path, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;
use serde_json::json;

use super::Pages;
use super::clock::ahead;
use super::phone::{Answer, Connection, How, Phone, options};
use super::scenario::{self, Scenario};
use super::shop::{BINDING_MESSAGE, CLIENT_ID, CLIENT_SECRET};
use super::stage::{Now, Status, USER};
use super::view::{AUTH_REQ_ID_CLAIM, Depth, MessageView, Row, Viewer, claims};
use crate::http::body::RawBody;
use crate::http::server::CallTime;
use crate::web::page::{html, json, see_other, wants_html};

/// Between two steps of a scenario, at most.
const SLOWEST: Duration = Duration::from_secs(3);

#[derive(Template)]
#[template(path = "dev/home.html")]
struct HomePage {
    active: &'static str,
    ahead: Option<String>,
    shop: ShopView,
    devices: Vec<DeviceView>,
    messages: Vec<MessageView>,
    scenarios: &'static [Scenario],
    /// The scenario that is playing, or was the last.
    scenario: Option<&'static Scenario>,
    playing: bool,
    caption: &'static str,
}

struct ShopView {
    message: &'static str,
    curl: String,
    number: Option<u32>,
    request: Option<String>,
    waiting: bool,
    tag: &'static str,
    tone: &'static str,
    says: String,
    /// What the ID token says, once there is one, and the key that signed it.
    id_token: Option<(Vec<Row>, String)>,
}

struct DeviceView {
    id: &'static str,
    name: &'static str,
    tag: &'static str,
    tone: &'static str,
    questions: Vec<QuestionView>,
    says: String,
    says_tone: &'static str,
}

struct QuestionView {
    id: String,
    title: String,
    /// Where it says more than the message below it.
    body: Option<String>,
    client: String,
    message: Option<String>,
    scope: String,
    options: Vec<u32>,
}

#[handler]
pub(super) fn home(Data(pages): Data<&Arc<Pages>>) -> Response {
    let now = pages.stage.now();
    let since = now.order.as_ref().map_or(u64::MAX, |order| order.since);
    let messages: Vec<_> = pages.wire.messages().into_iter().filter(|message| message.number > since).collect();
    let depth = Depth { all: false, reveal: false };
    let viewer = Viewer { wire: &pages.wire, keys: &pages.keys, base: &pages.issuer, depth };
    let devices = pages.stage.devices().into_iter().filter(|device| device.id == "phone" || is_there(device));
    html(
        StatusCode::OK,
        &HomePage {
            active: "demo",
            ahead: ahead(pages),
            shop: shop(&now, &pages.issuer),
            devices: devices.map(|device| device_view(device)).collect(),
            messages: viewer.all(&messages),
            scenarios: &scenario::ALL,
            scenario: now.playing.or_else(|| now.order.as_ref()?.scenario),
            playing: now.playing.is_some(),
            caption: now.caption,
        },
    )
}

#[handler]
pub(super) fn to_home() -> Response {
    see_other("/")
}

/// A device that is paired, or has something to show from when it was.
fn is_there(device: &Phone) -> bool {
    let screen = device.screen();
    screen.connection != Connection::Unpaired || screen.last.is_some()
}

fn shop(now: &Now, issuer: &str) -> ShopView {
    let order = now.order.as_ref();
    let (tag, tone, says) = match order.map(|order| &order.status) {
        None => ("ready", "info", "Alice is at the till.".to_owned()),
        Some(Status::Asking) => ("asking", "info", "The shop asks.".to_owned()),
        Some(Status::Waiting) => ("waiting", "info", "for Alice’s phone.".to_owned()),
        Some(Status::Paid(_)) => ("paid ✓", "ok", "Tokens received: Alice said yes.".to_owned()),
        Some(Status::SigningIn) => ("signing in", "info", "Somebody is at the shop’s app.".to_owned()),
        Some(Status::SignedIn(_)) => ("signed in ✓", "ok", "Tokens received by the shop’s app.".to_owned()),
        Some(Status::Paired) => ("paired ✓", "ok", "Alice has another device.".to_owned()),
        Some(Status::Withdrawn) => ("withdrawn", "warn", "The shop took its question back.".to_owned()),
        Some(Status::Refused(refused)) => ("no", "bad", format!("{}: {}", refused.error, refused.description)),
        Some(Status::Trouble(trouble)) => ("trouble", "bad", trouble.clone()),
    };
    let id_token = order.and_then(|order| match &order.status {
        Status::Paid(paid) | Status::SignedIn(paid) => {
            let key = match &paid.key {
                Some(key) => format!("Signature verified with Nod’s key {key}"),
                None => "No published key verifies it".to_owned(),
            };
            let mut rows = claims(&paid.header, &paid.claims, false);
            // The line above them has the key already, and the inspector has the long name of a spent handle.
            rows.retain(|row| row.name != "kid" && row.name != AUTH_REQ_ID_CLAIM);
            Some((rows, key))
        }
        Status::Asking
        | Status::Waiting
        | Status::SigningIn
        | Status::Paired
        | Status::Refused(_)
        | Status::Withdrawn
        | Status::Trouble(_) => None,
    });
    let waiting = order.is_some_and(|order| matches!(order.status, Status::Waiting));
    ShopView {
        message: BINDING_MESSAGE,
        curl: format!(
            "curl -u {CLIENT_ID}:{CLIENT_SECRET} {issuer}/as/bc-auth.ciba \\\n  -d scope=openid -d login_hint={USER} \\\n  \
             --data-urlencode 'binding_message={BINDING_MESSAGE}'"
        ),
        number: order.filter(|_| waiting).and_then(|order| order.asked.as_ref()).and_then(super::shop::Asked::number),
        request: order.and_then(|order| order.request).map(|request| request.to_string()),
        waiting,
        tag,
        tone,
        says,
        id_token,
    }
}

fn device_view(device: &Phone) -> DeviceView {
    let screen = device.screen();
    let (tag, tone) = match screen.connection {
        Connection::Unpaired => ("not paired", "warn"),
        Connection::Connecting => ("connecting", "info"),
        Connection::Listening => ("paired", "ok"),
        Connection::Asleep => ("asleep", "warn"),
        Connection::Offline => ("offline", "bad"),
    };
    let (says, says_tone) = match (&screen.last, screen.questions.is_empty()) {
        (_, false) => ("A question for Alice.".to_owned(), ""),
        (Some(ended), true) => ending(&ended.how),
        (None, true) => ("Nothing to decide.".to_owned(), ""),
    };
    // The newest on top.
    let questions = screen.questions.iter().rev().map(question).collect();
    DeviceView { id: device.id, name: device.name, tag, tone, questions, says, says_tone }
}

fn question(notification: &Notification) -> QuestionView {
    let context = &notification.client_context;
    QuestionView {
        id: notification.notification_id.to_string(),
        title: notification.title.clone(),
        body: Some(&notification.body).filter(|body| Some(*body) != context.binding_message.as_ref()).cloned(),
        client: context.client_name.clone(),
        message: context.binding_message.clone(),
        scope: context.scope.clone(),
        options: options(notification).to_vec(),
    }
}

fn ending(how: &How) -> (String, &'static str) {
    let (text, tone) = match how {
        How::Paired => ("Paired: Alice is asked here, too.", "ok"),
        How::Approved => ("You said yes.", "ok"),
        How::Denied => ("You said no. Nothing was paid.", "warn"),
        How::Reported => (
            "Thank you for telling us. Nothing was paid, and nothing can be asked until an administrator has looked.",
            "bad",
        ),
        How::WrongNumber => ("That was not the number in the shop. The request is over.", "bad"),
        How::TooLate => ("Too late: the time to answer is over.", "warn"),
        How::Withdrawn => ("The shop has withdrawn its question.", "warn"),
        How::AnsweredElsewhere => ("Answered on another device.", "info"),
        How::Failed(why) => return (format!("The answer did not get through: {why}"), "bad"),
    };
    (text.to_owned(), tone)
}

/// To the page for a person, and in short for a script.
fn done(request: &Request) -> Response {
    if wants_html(request) { see_other("/") } else { json(StatusCode::OK, &json!({ "done": true })) }
}

fn busy(request: &Request) -> Response {
    if wants_html(request) {
        return see_other("/");
    }
    let text = "A scenario is playing; wait for its end.";
    json(StatusCode::CONFLICT, &json!({ "error": "busy", "error_description": text }))
}

#[handler]
pub(super) async fn send(Data(pages): Data<&Arc<Pages>>, request: &Request) -> Response {
    match pages.stage.send().await {
        Ok(()) if wants_html(request) => see_other("/"),
        Ok(()) => {
            let asked = pages.stage.now().order.and_then(|order| order.request);
            json(StatusCode::OK, &json!({ "request": asked.map(|request| request.to_string()) }))
        }
        Err(_) => busy(request),
    }
}

#[handler]
pub(super) async fn cancel(Data(pages): Data<&Arc<Pages>>, request: &Request) -> Response {
    let Ok(_turn) = pages.stage.turn.try_lock() else { return busy(request) };
    pages.stage.withdraw().await;
    done(request)
}

/// `answer` is a number, `approve`, `deny` or `report`.
#[handler]
pub(super) async fn answer(
    Data(pages): Data<&Arc<Pages>>,
    request: &Request,
    Path(device): Path<String>,
    RawBody(body): RawBody,
) -> Response {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let answer = match field("answer") {
        Some("approve") => Some(Answer::Approve { number: None }),
        Some("deny") => Some(Answer::Deny),
        Some("report") => Some(Answer::Report),
        Some(number) => number.parse().ok().map(|number| Answer::Approve { number: Some(number) }),
        None => None,
    };
    let question = field("notification").and_then(|id| id.parse().ok());
    let (Some(answer), Some(question)) = (answer, question) else {
        let text = "notification is an identifier, answer a number, approve, deny or report.";
        return json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request", "error_description": text }));
    };
    match pages.stage.answer(&device, question, answer).await {
        _ if wants_html(request) => see_other("/"),
        Some(how) => json(StatusCode::OK, &json!({ "shows": how.as_str() })),
        None => json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
    }
}

/// The scenarios that there are, for scripts.
#[handler]
pub(super) fn scenarios() -> Response {
    let all = scenario::ALL
        .iter()
        .map(|one| json!({ "name": one.name, "title": one.title, "about": one.about, "end": one.end.as_str() }));
    json(StatusCode::OK, &json!({ "scenarios": all.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
struct Pace {
    /// Milliseconds between two steps, for those who watch.
    #[serde(default)]
    pace: u64,
}

/// Plays a scenario. A script gets its end, a browser without scripts watches the page.
#[handler]
pub(super) async fn play(
    Data(pages): Data<&Arc<Pages>>,
    request: &Request,
    Path(name): Path<String>,
    Query(Pace { pace }): Query<Pace>,
) -> Response {
    let Some(scenario) = scenario::find(&name) else {
        return json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }));
    };
    let pace = Duration::from_millis(pace).min(SLOWEST);
    if wants_html(request) {
        let stage = Arc::clone(&pages.stage);
        // Who reloads the page sees how it goes on.
        pages.stage.run(async move { drop(stage.play(scenario, Duration::from_secs(1)).await) });
        return see_other("/");
    }
    CallTime::of(request).extend(Duration::from_secs(60));
    match pages.stage.play(scenario, pace).await {
        Ok(outcome) => json(StatusCode::OK, &json!(outcome)),
        Err(_) => busy(request),
    }
}
