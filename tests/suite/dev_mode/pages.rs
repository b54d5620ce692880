//! The pages as markup, and what is behind their buttons. How they are for people, a browser tells
//! (tests/browser).

use std::time::Duration;

use nod::protocol::public_id::{self, Kind};
use reqwest::Method;
use serde_json::{Value, json};

use super::{dev_mode, page, post, post_form};
use crate::admin::receiver::Receiver;
use crate::admin::{until, webhooks};
use crate::world::{Answer, BC_AUTHORIZE, FLOWS, TOKEN, World, basic};

/// Asks for something the wrong way, as the shop.
async fn ask(world: &World, body: &str) -> Answer {
    let request = world.request(Method::POST, BC_AUTHORIZE).header("authorization", basic("shop", "shop-secret"));
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned())).await
}

#[tokio::test]
async fn every_page_is_fenced_in() {
    let world = dev_mode().await;
    let outcome = post(&world, "/dev/scenarios/deny").await.ok();
    let request = format!("/dev/wire/{}", outcome["request"].as_str().unwrap());
    for path in ["/", "/dev/wire", &request, "/dev/wire?reveal=1", "/dev/inbox", "/dev/clock", "/dev/wire/gone"] {
        let page = page(&world, path).await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.split("; ").any(|one| one == part), "{path} {part}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert_eq!(page.header("cross-origin-resource-policy"), Some("same-origin"));
        let text = page.text();
        for inline in ["<style", " style=", "<script>", "javascript:", " onclick", " onload", "//cdn"] {
            assert!(!text.contains(inline), "{path} has {inline}");
        }
        for needed in ["<html lang=\"en\"", "class=\"skip\"", "<main id=\"main\"", "role=\"status\""] {
            assert!(text.contains(needed), "{path} lacks {needed}");
        }
    }
    assert_eq!(page(&world, "/dev/wire/gone").await.status, 404);
}

#[tokio::test]
async fn the_story_goes_by_forms_alone() {
    let world = dev_mode().await;
    let click = async |path: &str, body: &str| {
        let request = world.request(Method::POST, path).header("accept", "text/html,*/*");
        let answer =
            Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned())).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.text());
        page(&world, "/").await.text()
    };
    let sent = click("/dev/shop/requests", "").await;
    let between = |text: &str, begin: &str, end: &str| {
        text.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).map(|(found, _)| found.to_owned())
    };
    let number = between(&sent, "<span class=\"digits\">", "</span>").expect("a number");
    let mut page = sent;
    let question = loop {
        // The phone hears of it a moment later.
        match between(&page, "name=\"notification\" value=\"", "\"") {
            Some(question) => break question,
            None => page = super::page(&world, "/").await.text(),
        }
    };
    assert!(page.contains(&format!("aria-label=\"Approve with {number}\"")), "the number is among those offered");
    assert_eq!(page.matches("class=\"pick\"").count(), 3);
    let answered = click("/dev/phones/phone", &format!("notification={question}&answer={number}")).await;
    assert!(answered.contains("You said yes."), "{answered}");
    let paid = loop {
        let page = super::page(&world, "/").await.text();
        if page.contains("The ID token") {
            break page;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(paid.contains("Signature verified with Nod’s key"), "{paid}");
    // Nonsense is refused, and what is gone cannot be answered.
    let nonsense = post_form(&world, "/dev/phones/phone", "notification=x&answer=1").await;
    nonsense.refused(400, "invalid_request");
    let late = post_form(&world, "/dev/phones/phone", &format!("notification={question}&answer=deny")).await;
    late.refused(404, "not_found");
}

#[tokio::test]
async fn ciba_10_2_the_inbox_takes_what_a_client_is_told_and_nothing_else() {
    const JSON: &str = "application/json";
    let world = dev_mode().await;
    let tell = async |authorization: &str, kind: &str, body: &str| {
        let request = world.request(Method::POST, "/dev/inbox/ping").header("authorization", authorization);
        Answer::of(request.header("content-type", kind).body(body.to_owned())).await
    };
    for n in 1..=51 {
        let answer = tell(&format!("Bearer token-{n}"), JSON, &format!("{{\"auth_req_id\":\"id-{n}\"}}")).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    }
    for bad in ["Basic eDp5", "Bearer", "Bearer a b", "bearer=a"] {
        let answer = tell(bad, JSON, "{\"auth_req_id\":\"x\"}").await;
        answer.refused(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    for (kind, bad) in [
        ("text/plain", "{\"auth_req_id\":\"x\"}"),
        (JSON, ""),
        (JSON, "[]"),
        (JSON, "{}"),
        (JSON, "{\"auth_req_id\":\"\"}"),
        (JSON, "{\"auth_req_id\":7}"),
        (JSON, "{\"auth_req_id\":\"x\",\"auth_req_id\":\"y\"}"),
    ] {
        tell("Bearer a", kind, bad).await.refused(400, "invalid_request");
    }
    // The last fifty, the newest first.
    let inbox = world.get("/dev/inbox").await.ok();
    let pings = inbox["pings"].as_array().unwrap();
    let newest = json!({
        "at": world.parts().clock.now().to_string(), "auth_req_id": "id-51", "client_notification_token": "token-51",
    });
    assert_eq!((pings.len(), &pings[0], &pings[49]["auth_req_id"]), (50, &newest, &json!("id-2")));
    assert_eq!(tell("Bearer a", JSON, "{\"auth_req_id\":\"<b>\"}").await.status, 204);
    let shown = page(&world, "/dev/inbox").await.text();
    assert!(shown.contains("token-51") && !shown.contains("<b>"), "{shown}");
}

#[tokio::test]
async fn the_clock_goes_forward_only() {
    let world = dev_mode().await;
    let before = world.parts().clock.now();
    let moved = post_form(&world, "/dev/clock", "seconds=121").await.ok();
    assert_eq!((&moved["ahead_seconds"], world.parts().clock.now().since(before).as_secs()), (&Value::from(121), 121));
    let json = world.request(Method::POST, "/dev/clock").header("content-type", "application/json");
    Answer::of(json.body("{\"seconds\": 9}")).await.ok();
    assert_eq!(world.get("/dev/clock").await.ok()["ahead_seconds"], 130);
    assert!(page(&world, "/").await.text().contains("clock 130 s ahead"));
    // Whoever calls learns the time as it is meant, and hands out what fits it.
    let date = world.get(crate::world::DISCOVERY).await.header("date").unwrap().to_owned();
    assert_eq!(date, "Fri, 15 Jan 2027 08:02:10 GMT");
    for bad in ["seconds=0", "seconds=-5", "seconds=1e9", "seconds=99999999999", "", "minutes=1", "seconds="] {
        post_form(&world, "/dev/clock", bad).await.refused(400, "invalid_request");
    }
    assert_eq!(world.get("/dev/clock").await.ok()["ahead_seconds"], 130);
}

#[tokio::test]
async fn the_inspector_says_why_and_covers_secrets() {
    let world = dev_mode().await;
    ask(&world, "scope=openid&login_hint=alice&requested_expiry=soon").await.refused(400, "invalid_request");
    ask(&world, "scope=profile&login_hint=alice").await.refused(400, "invalid_request");
    let text = page(&world, "/dev/wire").await.text();
    assert!(text.contains("requested_expiry is not a positive whole number."), "{text}");
    assert!(text.contains("requested_expiry=120: whole seconds."), "{text}");
    assert!(text.contains("CIBA §7.1"), "{text}");

    let paid = post(&world, "/dev/scenarios/phone-offline").await.ok();
    let request = format!("/dev/wire/{}", paid["request"].as_str().unwrap());
    let covered = page(&world, &request).await.text();
    for part in [
        "id_token, decoded · signature verified with Nod’s key",
        "device-proof, decoded · signature verified with the phone’s key",
        "shop:sho…",
    ] {
        assert!(covered.contains(part), "{part}: {covered}");
    }
    let encoded = basic("shop", "shop-secret").trim_start_matches("Basic ").to_owned();
    assert!(!covered.contains("shop-secret") && !covered.contains(&encoded), "{covered}");
    let handle = "urn:openid:params:jwt:claim:auth_req_id</dt><dd>";
    let shown = covered.split_once(handle).and_then(|(_, rest)| rest.split_once("</dd>")).expect("the claim").0;
    assert!(shown.split(' ').next().unwrap().ends_with('…'), "the handle is covered where it comes again: {shown}");
    let revealed = page(&world, &format!("{request}?reveal=1")).await.text();
    assert!(revealed.contains("shop:shop-secret") && revealed.contains(&encoded));
}

/// The words of each API are explained as its own, and an error that a redirect carries is one, too.
#[tokio::test]
async fn the_inspector_knows_whose_error_it_is() {
    let world = dev_mode().await;
    let till = world.client("till").signs_in().await;
    assert_eq!(Answer::of(world.request(Method::GET, "/admin/v1/clients")).await.status, 401);
    assert_eq!(world.get(&format!("{FLOWS}none")).await.status, 404);
    world.browser().authorize(&till, &[("prompt", "none")]).await.unwrap_err().error("login_required");
    let text = page(&world, "/dev/wire?kind=errors").await.text();
    for part in [
        "<a href=\"/docs/errors/token_required\">",
        "docs/flow-api.md, errors",
        "Why <span class=\"mono\">login_required</span>",
        "The same request without prompt=none: the person has to sign in.",
        "class=\"outcome bad\">303 login_required",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("once the server is well again"), "{text}");
    let page = page(&world, "/docs/errors/token_required").await;
    assert_eq!(page.status, 200, "where it is explained");
}

#[tokio::test]
async fn a_pairing_key_is_covered_wherever_it_is_shown() {
    let world = dev_mode().await;
    post(&world, "/dev/scenarios/two-phones").await.ok();
    let revealed = page(&world, "/dev/wire?reveal=1").await.text();
    let (_, rest) = revealed.split_once("pairingKey</dt><dd>").expect("a pairing");
    let (key, _) = rest.split_once("</dd>").unwrap();
    assert_eq!(key.trim().len(), 12, "{key}");
    assert!(revealed.contains(&format!("pairingKey&#34;:&#34;{}", key.trim())), "in the command, too");
    let covered = page(&world, "/dev/wire").await.text();
    assert!(covered.contains("pairingKey") && !covered.contains(key.trim()), "{covered}");
}

#[tokio::test]
async fn messages_are_filtered_and_cleared() {
    let world = dev_mode().await;
    post(&world, "/dev/scenarios/deny").await.ok();
    let count = async |query: &str| {
        page(&world, &format!("/dev/wire{query}")).await.text().matches("<li class=\"message").count()
    };
    let all = count("").await;
    assert!(all >= 6);
    assert_eq!(count("?kind=errors&text=access_denied").await, 1);
    assert_eq!(count("?actor=shop").await, 3);
    assert_eq!(count("?actor=shop&kind=events").await, 0);
    assert_eq!(count("?text=no-such-thing").await, 0);
    // What is typed is shown, and is text.
    let typed = page(&world, "/dev/wire?text=%22%3E%3Cscript%3E").await.text();
    assert!(!typed.contains("\"><script>"), "{typed}");
    post(&world, "/dev/wire/clear").await.ok();
    assert_eq!(count("").await, 0);
}

/// Administrators are no relying parties, their live channel is no phone's, and what webhooks are told is there.
#[tokio::test]
async fn administrators_and_webhooks_have_lanes_of_their_own() {
    let world = webhooks::at_home().dev_mode().generous().start().await;
    let none = page(&world, "/dev/wire").await.text();
    assert!(!none.contains("Administrators") && !none.contains("Webhooks"), "{none}");
    let (admin, receiver) = (world.admin().await, Receiver::start());
    let hook = json!({ "url": receiver.url(), "event_types": ["user.created"] });
    admin.post("/admin/v1/webhooks", &hook).await;
    let mut events = world.request(Method::GET, "/admin/v1/events").bearer_auth(&admin.token).send().await.unwrap();
    admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    receiver.gets(1).await;
    events.chunk().await.unwrap();
    let text = until("the delivery", async || {
        let text = page(&world, "/dev/wire").await.text();
        (text.contains("lane-webhook") && text.contains("event user.created")).then_some(text)
    })
    .await;
    for lane in ["<span>Administrators</span>", "<span>Webhooks</span>"] {
        assert!(text.contains(lane), "{lane}");
    }
    let lanes = |lane: &str| -> Vec<&str> {
        let messages = text.split("<li class=\"message ").skip(1);
        messages.filter(|message| message.starts_with(&format!("lane-{lane}\""))).collect()
    };
    let admins = lanes("admin");
    assert!(admins.iter().any(|one| one.contains("POST /admin/v1/users") && one.contains("root (administrator)")));
    assert!(admins.iter().any(|one| one.contains("event user.created")), "the live channel of an administrator");
    assert!(["phone", "nod", "shop"].iter().all(|lane| lanes(lane).iter().all(|one| !one.contains("/admin/v1"))));
    let [told] = lanes("webhook")[..] else { panic!("{text}") };
    for part in ["127.0.0.1 (webhook)", "204", "webhook-signature", "user.created"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("Send again"), "it is not ours to be sent to us");
}

#[tokio::test]
async fn a_request_has_its_page_by_either_name() {
    let world = dev_mode().await;
    let outcome = post(&world, "/dev/scenarios/deny").await.ok();
    let request: uuid::Uuid = outcome["request"].as_str().unwrap().parse().unwrap();
    let prefixed = public_id::encode(Kind::Request, request);
    let count = async |name: &str| {
        let page = page(&world, &format!("/dev/wire/{name}")).await;
        (page.status, page.text().matches("<li class=\"message").count())
    };
    let (status, messages) = count(&prefixed).await;
    assert!(status == 200 && messages > 3, "{messages}");
    assert_eq!(count(&request.to_string()).await, (200, messages));
    assert_eq!(count("req_0000000000000000000000000z").await.0, 404);
    assert_eq!(count(&prefixed.replace("req_", "dev_")).await.0, 404);
}

#[tokio::test]
async fn a_message_is_sent_again_and_refused_for_the_right_reason() {
    let world = dev_mode().await;
    let outcome = post(&world, "/dev/scenarios/phone-offline").await.ok();
    let messages = outcome["messages"].as_array().unwrap();
    let number_of = |what: &str, status: u64| {
        let is_it = |message: &&Value| message["what"].as_str().unwrap().ends_with(what) && message["status"] == status;
        messages.iter().find(is_it).unwrap()["number"].as_u64().unwrap()
    };
    let again = post(&world, &format!("/dev/wire/messages/{}/replay", number_of(TOKEN, 200))).await.ok();
    assert_eq!(again["status"], 400, "tokens are given once");
    let again = post(&world, &format!("/dev/wire/messages/{}/replay", number_of("/approve", 200))).await.ok();
    assert_eq!(again["status"], 401, "a proof is good for one call");
    let text = page(&world, "/dev/wire").await.text();
    assert!(text.contains("PROOF_REPLAYED") && text.contains("sent again after"), "{text}");
    post(&world, "/dev/wire/messages/9999/replay").await.refused(404, "not_found");
}

#[tokio::test]
async fn scripts_follow_the_wire_and_resume() {
    let world = dev_mode().await;
    post(&world, "/dev/scenarios/deny").await.ok();
    let mut stream = world.request(Method::GET, "/dev/events").header("last-event-id", "0").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains("access_denied") {
        let chunk = tokio::time::timeout(Duration::from_secs(5), stream.chunk()).await.expect("in time").unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk.expect("an event")));
    }
    assert!(text.contains("id: 1\n") && text.contains("authorization_pending"), "{text}");
    assert!(!text.contains("shop-secret"), "{text}");
}
