//! Each scenario of the home page is played as its chip plays it, and judged.

use nod::domain::authentication_request::{Decision, Denial};
use nod::protocol::id::RequestId;
use nod::store::sql::decisions::Decisions;
use nod::web::dev::scenario::ALL;
use serde_json::Value;

use super::{dev_mode, page, person, post};
use crate::world::World;

const ASKED: &str = "shop → Nod: POST /as/bc-auth.ciba 200";
const RINGS: &str = "Nod → Alice's phone: event notification";
const PENDING: &str = "shop → Nod: POST /as/token.oauth2 400 authorization_pending";
const NO: &str = "shop → Nod: POST /as/token.oauth2 400 access_denied";
const TOKENS: &str = "shop → Nod: POST /as/token.oauth2 200";
const KEYS: &str = "shop → Nod: GET /pf/JWKS 200";
const OVER: &str = "Nod → Alice's phone: event canceled";

/// What became of one scenario.
struct Played {
    world: World,
    outcome: Value,
}

/// And bob, who has no phone.
async fn stage() -> World {
    let world = dev_mode().await;
    person(&world, "bob").await;
    world
}

async fn play(name: &str) -> Played {
    let world = stage().await;
    let outcome = post(&world, &format!("/dev/scenarios/{name}")).await.ok();
    Played { world, outcome }
}

impl Played {
    /// The end for the shop, and what alice's phone and tablet show.
    #[track_caller]
    fn ends(&self, end: &str, phone: Option<&str>, tablet: Option<&str>) -> &Self {
        let outcome = &self.outcome;
        assert_eq!(outcome["end"], end, "{outcome:#}");
        assert_eq!(outcome["as_told"], true, "{outcome:#}");
        let shows = |n: usize| outcome["devices"][n]["shows"].as_str();
        assert_eq!((shows(0), shows(1)), (phone, tablet), "{outcome:#}");
        self
    }

    /// The messages, identifiers left out.
    #[track_caller]
    fn says(&self, expected: &[&str]) -> &Self {
        let messages: Vec<String> = self.outcome["messages"].as_array().unwrap().iter().map(line).collect();
        assert_eq!(messages, expected, "{:#}", self.outcome);
        self
    }

    /// What is written down for good.
    async fn decision(&self) -> Option<Decision> {
        let id: RequestId = self.outcome["request"].as_str().unwrap().parse().unwrap();
        let decisions = Decisions::new(self.world.parts().database.clone());
        let found = self.world.among_servers(async move { decisions.find(id).await.unwrap() }).await;
        found.map(|record| record.outcome)
    }
}

fn line(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    let path =
        text("what").split('/').map(|part| if part.len() == 36 { "…" } else { part }).collect::<Vec<_>>().join("/");
    let mut line = format!("{} → {}: {path}", text("from"), text("to"));
    if let Some(status) = message["status"].as_u64() {
        line = format!("{line} {status}");
    }
    if message["error"].is_string() {
        line = format!("{line} {}", text("error"));
    }
    line
}

#[tokio::test]
async fn deny() {
    let played = play("deny").await;
    played.ends("access_denied", Some("denied"), None);
    let deny = "Alice's phone → Nod: POST /device/v1/notifications/…/deny 200";
    played.says(&[ASKED, RINGS, PENDING, deny, OVER, NO]);
    assert_eq!(played.decision().await, Some(Decision::Denied(Denial::Refused)));
}

#[tokio::test]
async fn wrong_number() {
    let played = play("wrong-number").await;
    played.ends("access_denied", Some("wrong_number"), None);
    let approve = "Alice's phone → Nod: POST /device/v1/notifications/…/approve 403 NUMBER_MISMATCH";
    played.says(&[ASKED, RINGS, PENDING, approve, OVER, NO]);
    assert_eq!(played.decision().await, Some(Decision::Denied(Denial::WrongNumber)));
}

#[tokio::test]
async fn phone_offline() {
    let played = play("phone-offline").await;
    played.ends("tokens", Some("approved"), None);
    let back = "Alice's phone → Nod: GET /device/v1/events 200";
    let ready = "Nod → Alice's phone: event ready";
    let approve = "Alice's phone → Nod: POST /device/v1/notifications/…/approve 200";
    // It rings when it is back, not when it was asked.
    played.says(&[ASKED, PENDING, back, ready, RINGS, approve, OVER, TOKENS, KEYS]);
    assert!(matches!(played.decision().await, Some(Decision::Approved(_))));
}

#[tokio::test]
async fn too_slow() {
    let begin = std::time::Instant::now();
    let played = play("too-slow").await;
    played.ends("expired_token", Some("too_late"), None);
    // The phone sees for itself that it is too late.
    played.says(&[ASKED, RINGS, PENDING, "shop → Nod: POST /as/token.oauth2 400 expired_token"]);
    assert_eq!(played.decision().await, None);
    assert!(begin.elapsed().as_secs() < 15, "nobody waits");
    let now = played.world.parts().clock.now();
    assert_eq!(
        now.since(played.world.now()).as_secs(),
        31,
        "the clock of dev mode was moved, that of the world was not"
    );
}

#[tokio::test]
async fn not_me() {
    let played = play("not-me").await;
    played.ends("access_denied", Some("reported"), None);
    let deny = "Alice's phone → Nod: POST /device/v1/notifications/…/deny 200";
    played.says(&[ASKED, RINGS, PENDING, deny, OVER, NO]);
    assert_eq!(played.decision().await, Some(Decision::Denied(Denial::Reported)));
}

#[tokio::test]
async fn cancelled() {
    let played = play("cancelled").await;
    played.ends("invalid_grant", Some("withdrawn"), None);
    let revoke = "shop → Nod: POST /as/revoke_token.oauth2 200";
    played.says(&[ASKED, RINGS, PENDING, revoke, OVER, "shop → Nod: POST /as/token.oauth2 400 invalid_grant"]);
    assert_eq!(played.decision().await, Some(Decision::Cancelled));
}

#[tokio::test]
async fn two_phones() {
    let played = play("two-phones").await;
    played.ends("tokens", Some("answered_elsewhere"), Some("approved"));
    let mut messages: Vec<String> = played.outcome["messages"].as_array().unwrap().iter().map(line).collect();
    // Both devices hear of it at the same time.
    for pair in [(5, 6), (9, 10)] {
        if messages[pair.0].contains("tablet") {
            messages.swap(pair.0, pair.1);
        }
    }
    let tablet = "Nod → Alice's tablet";
    assert_eq!(
        messages,
        [
            "a phone → Nod: POST /device/v1/pairings 401 USE_DEVICE_NONCE".to_owned(),
            "Alice's tablet → Nod: POST /device/v1/pairings 201".to_owned(),
            "Alice's tablet → Nod: GET /device/v1/events 200".to_owned(),
            format!("{tablet}: event ready"),
            ASKED.to_owned(),
            RINGS.to_owned(),
            format!("{tablet}: event notification"),
            PENDING.to_owned(),
            "Alice's tablet → Nod: POST /device/v1/notifications/…/approve 200".to_owned(),
            OVER.to_owned(),
            format!("{tablet}: event canceled"),
            TOKENS.to_owned(),
            KEYS.to_owned(),
        ]
    );
    assert!(matches!(played.decision().await, Some(Decision::Approved(_))));
}

#[tokio::test]
async fn pair_phone() {
    let played = play("pair-phone").await;
    played.ends("paired", None, Some("paired"));
    played.says(&[
        "a phone → Nod: POST /device/v1/pairings 401 USE_DEVICE_NONCE",
        "Alice's tablet → Nod: POST /device/v1/pairings 201",
        "Alice's tablet → Nod: GET /device/v1/events 200",
        "Nod → Alice's tablet: event ready",
    ]);
}

#[tokio::test]
async fn lost_push() {
    let played = play("lost-push").await;
    played.ends("tokens", Some("approved"), None);
    let pull = "Alice's phone → Nod: GET /device/v1/notifications/pending 200";
    let approve = "Alice's phone → Nod: POST /device/v1/notifications/…/approve 200";
    // Nothing rings.
    played.says(&[ASKED, PENDING, pull, approve, TOKENS, KEYS]);
    assert!(matches!(played.decision().await, Some(Decision::Approved(_))));
}

/// The messages of a story, and how many of them begin so.
fn count(played: &Played, begins: &str) -> usize {
    let messages = played.outcome["messages"].as_array().unwrap();
    messages.iter().map(line).filter(|line| line.starts_with(begins)).count()
}

#[tokio::test]
async fn silent_sign_in() {
    let played = play("silent-sign-in").await;
    played.ends("tokens", None, None);
    assert_eq!(count(&played, "shop → Nod: GET /as/authorization.oauth2 200"), 2, "{:#}", played.outcome);
    assert_eq!(count(&played, "shop-app → Nod: POST /as/token.oauth2 200"), 2, "{:#}", played.outcome);
    assert_eq!(count(&played, "Nod → "), 0, "nobody is asked: {:#}", played.outcome);
    // The offer is looked at, and taken.
    let enrolled = played.outcome["messages"].as_array().unwrap().iter().map(line);
    let enrolled = enrolled.filter(|line| line.contains("/device/v1/enrollments/") && line.ends_with("201")).count();
    assert_eq!(enrolled, 1, "{:#}", played.outcome);
    // Its tokens say by what, and of the phone nothing is left.
    let trail = played.world.rows("audit").await.join("\n");
    assert!(trail.contains("device.paired") && trail.contains("device.unpaired"), "{trail}");
    let home = page(&played.world, "/").await.text();
    assert!(home.contains("urn:nod:acr:trusted-device") && home.contains("signed in"), "{home}");
}

#[tokio::test]
async fn sms_fallback() {
    let begin = std::time::Instant::now();
    let played = play("sms-fallback").await;
    played.ends("tokens", Some("withdrawn"), None);
    assert_eq!((count(&played, RINGS), count(&played, OVER)), (1, 1), "{:#}", played.outcome);
    assert_eq!(count(&played, "shop-app → Nod: POST /as/token.oauth2 200"), 1, "{:#}", played.outcome);
    let texts = played.world.texts();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(begin.elapsed().as_secs() < 15, "nobody waits");
    let home = page(&played.world, "/").await.text();
    assert!(home.contains("urn:nod:acr:otp"), "{home}");
    assert!(played.world.rows("otp_device").await.is_empty(), "the number was for the story");
}

#[tokio::test]
async fn all_scenarios_follow_each_other_and_leave_nothing_behind() {
    let world = stage().await;
    let listed = world.get("/dev/scenarios").await.json();
    assert_eq!(listed["scenarios"].as_array().unwrap().len(), ALL.len());
    // The second round finds what the first one left.
    for scenario in ALL.iter().chain(&ALL) {
        let outcome = post(&world, &format!("/dev/scenarios/{}", scenario.name)).await.ok();
        assert_eq!(outcome["end"], scenario.end.as_str(), "{outcome:#}");
    }
    post(&world, "/dev/scenarios/none-of-them").await.refused(404, "not_found");
}

#[tokio::test]
async fn one_scenario_at_a_time() {
    let world = dev_mode().await;
    let (first, second) = tokio::join!(post(&world, "/dev/scenarios/deny?pace=200"), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        post(&world, "/dev/scenarios/deny").await
    });
    first.ok();
    second.refused(409, "busy");
}
