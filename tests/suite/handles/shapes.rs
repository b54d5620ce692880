//! What handles look like [security.md case 155]: as long as nobody guesses them, nothing of a person, of a time or of
//! another handle in them.

use std::collections::{BTreeMap, HashSet};

use nod::domain::client::GrantType;
use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::{Value, json};

use super::pushed;
use crate::rfc7591_registration::initial_token;
use crate::sign_in::PASSWORD;
use crate::world::{Answer, CALLBACK, REGISTER, World, seconds};

const DRAWS: usize = 12;

/// Of each kind that is drawn, one after the other, of different people and at different times. (What is computed, as the
/// ticket of a `resumeUrl` is, says when it ends.)
async fn drawn() -> BTreeMap<&'static str, Vec<String>> {
    let world = World::with().generous().settings(|settings| {
        settings.registration = Admission::Anybody;
        settings.registrations = 1000;
    });
    let world = world.start().await;
    let shop = world.client("shop").signs_in().refresh().await;
    let club = world.client("club").opaque().refresh().await;
    let tv = world.client("tv").public().grants([GrantType::DeviceCode]).await;
    let admin = world.admin().await;
    let mut all = BTreeMap::<_, Vec<String>>::new();
    for draw in 0..DRAWS {
        world.clock.advance(seconds(61));
        let username = format!("alice-{draw}");
        let alice = world.user(&username).with_phone().with_password(PASSWORD).await;
        let mut browser = world.browser();
        let code = browser.log_in(&shop, &username, PASSWORD).await.get("code").to_owned();
        let page = browser.authorize(&shop, &[("prompt", "login")]).await.unwrap();
        let tokens = shop.redeem(&code).await.tokens();
        let opaque = club.log_in(&alice).await;
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        let shown = tv.post("/as/device_authz.oauth2", &[("scope", "openid")]).await.ok();
        let registration = json!({ "redirect_uris": [CALLBACK] });
        let registered = Answer::of(world.request(Method::POST, REGISTER).json(&registration)).await.json();
        let (invitation, _) = initial_token(&world.admin_again(&admin).await, &json!({})).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for (kind, handle) in [
            ("authorization code", code),
            ("flow id", page.flow().to_owned()),
            ("session cookie", browser.cookies["nod-session"].clone()),
            ("refresh token", tokens.refresh_token.unwrap()),
            ("opaque access token", opaque.access_token),
            ("refresh token of another client", opaque.refresh_token.unwrap()),
            ("auth_req_id", asked.auth_req_id),
            ("device_code", text(&shown["device_code"])),
            ("request_uri", pushed(&shop).await),
            ("client secret", text(&registered["client_secret"])),
            ("registration access token", text(&registered["registration_access_token"])),
            ("initial access token", invitation),
            ("notification id", question.notification_id.to_string()),
        ] {
            all.entry(kind).or_default().push(handle);
        }
    }
    all
}

/// Good in one browser, or on one phone, alone: 128 bits [security.md 5.2].
const SHORTER: [&str; 2] = ["flow id", "notification id"];

/// How many bits differ, at most, from one to the next: where all have the same character, none does.
fn bits(handles: &[String]) -> u32 {
    let at = |place: usize| handles.iter().filter_map(move |handle| handle.as_bytes().get(place));
    let places = (0..handles[0].len()).filter(|place| at(*place).collect::<HashSet<_>>().len() > 1);
    let hex = handles.iter().all(|handle| handle.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
    let each = if hex { 4 } else { 6 };
    u32::try_from(places.count()).unwrap() * each
}

#[tokio::test]
async fn security_155_every_kind_of_handle_is_long_and_tells_nothing() {
    let all = drawn().await;
    let distinct: HashSet<_> = all.values().flatten().collect();
    assert_eq!(distinct.len(), all.len() * DRAWS, "no two are alike, of whatever kind");
    for (kind, handles) in &all {
        let (bits, least) = (bits(handles), if SHORTER.contains(kind) { 120 } else { 250 });
        assert!(bits >= least, "{bits} bits in {kind}: {handles:?}");
        assert!(handles.iter().all(|handle| handle.len() == handles[0].len()), "{kind}: {handles:?}");
        assert!(!handles.is_sorted() && !handles.iter().rev().is_sorted(), "{kind} tells its time: {handles:?}");
        let is_uuid = handles[0].len() == 36 && handles[0].split('-').count() == 5;
        // [RFC 9562 §5.4] version 4: no time in it.
        assert!(!is_uuid || handles.iter().all(|id| &id[14..15] == "4"), "{kind}: {handles:?}");
        // Nothing at the beginning of one is at the beginning of another.
        let begins: HashSet<_> = handles.iter().map(|handle| &handle[..4]).collect();
        assert_eq!(begins.len(), DRAWS, "{kind}: {handles:?}");
    }
}
