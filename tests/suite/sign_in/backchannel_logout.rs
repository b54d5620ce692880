//! OpenID Connect Back-Channel Logout 1.0.

use std::time::Duration;

use futures_util::future::join_all;
use nod::domain::client::LogoutUri;
use nod::outbound::egress::{Egress, EgressSettings};
use serde_json::{Value, json};

use super::PASSWORD;
use crate::admin::receiver::{Received, Receiver, Reply};
use crate::admin::robot::usr;
use crate::admin::until;
use crate::admin::webhooks::at_home;
use crate::world::{
    Backing, Browser, Builder, Client, ClientBuilder, DISCOVERY, SIGNED_OUT, Tokens, World, decoded, seconds,
};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Loopback may be called, and has time to answer.
pub(super) fn patient() -> Builder {
    World::with().settings(|settings| {
        let egress = EgressSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http_hosts: vec!["127.0.0.1".to_owned()],
            total_timeout: seconds(20),
            ..EgressSettings::default()
        };
        settings.egress = Egress::new(&egress).unwrap();
    })
}

/// A relying party that wants to be called there.
pub(super) fn called(world: &World, id: &str, receiver: &Receiver) -> ClientBuilder {
    let backchannel = Some(LogoutUri { uri: receiver.url(), session_required: true });
    let client = world.client(id).signs_in().refresh();
    client.registered(|client| client.sign_in.as_mut().unwrap().logout.backchannel = backchannel)
}

async fn signed_in(client: &Client, browser: &mut Browser) -> Tokens {
    let code = browser.log_in(client, "alice", PASSWORD).await.get("code").to_owned();
    client.redeem(&code).await.tokens()
}

/// The token that was sent, and nothing besides.
fn token(received: &Received) -> String {
    assert_eq!(received.content_type, "application/x-www-form-urlencoded");
    let fields: Vec<_> = url::form_urlencoded::parse(received.body.as_bytes()).collect();
    assert_eq!((fields.len(), &*fields[0].0), (1, "logout_token"), "{}", received.body);
    fields[0].1.to_string()
}

pub(super) fn claims(received: &Received) -> Value {
    decoded(&token(received)).1
}

/// A while in which nothing happens.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(1200)).await;
}

#[tokio::test]
async fn bcl_2_4_who_signed_in_in_the_session_is_told_that_it_has_ended() {
    let world = patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let (at_shop, at_bank, at_bar) = (Receiver::start(), Receiver::start(), Receiver::start());
    let shop = called(&world, "shop", &at_shop).await;
    let bank = called(&world, "bank", &at_bank).id_token_alg(nod::protocol::algorithm::Algorithm::RS256).await;
    let bar = called(&world, "bar", &at_bar).await;
    let quiet = world.client("quiet").signs_in().await;
    let mut browser = world.browser();
    let tokens = signed_in(&shop, &mut browser).await;
    signed_in(&bank, &mut browser).await;
    signed_in(&shop, &mut browser).await;
    signed_in(&quiet, &mut browser).await;
    // In another session of the same person; and with a code that nobody redeemed.
    signed_in(&bar, &mut world.browser()).await;
    browser.log_in(&bar, "alice", PASSWORD).await.get("code");

    let fields = [("id_token_hint", tokens.id_token.as_str()), ("post_logout_redirect_uri", SIGNED_OUT)];
    browser.log_out(&fields).await.unwrap_err();
    let (_, id_token) = decoded(&tokens.id_token);
    for (client, receiver, alg) in [("shop", &at_shop, "ES256"), ("bank", &at_bank, "RS256")] {
        let received = receiver.gets(1).await.remove(0);
        let (header, claims) = world.verified(&token(&received)).await;
        assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!(alg)));
        let now = world.now().seconds();
        assert_eq!(
            claims,
            json!({
                "iss": world.issuer(), "aud": client, "iat": now, "exp": now + 120, "jti": claims["jti"],
                "sub": id_token["sub"], "sid": id_token["sid"], "events": { EVENT: {} },
            })
        );
        assert!(claims["jti"].as_str().unwrap().len() > 20);
    }
    a_while().await;
    assert_eq!([&at_shop, &at_bank, &at_bar].map(|receiver| receiver.received().len()), [1, 1, 0]);
    // It is no ID token: nobody is signed out with it.
    let mut again = world.browser();
    signed_in(&shop, &mut again).await;
    let page = again.log_out(&[("id_token_hint", &token(&at_shop.received()[0]))]).await.unwrap();
    page.has("value=\"sign_out\"");
}

#[tokio::test]
async fn bcl_2_6_however_a_session_ends_its_clients_are_told() {
    let world = patient().start().await;
    let bob = "another long password of bob";
    let (alice, _bob) = (world.user("alice").with_password(PASSWORD).await, world.user("bob").with_password(bob).await);
    let receiver = Receiver::start();
    let shop = called(&world, "shop", &receiver).await;
    let admin = world.admin().await;
    let at = format!("/admin/v1/users/{}", usr(&alice));
    for (turn, way) in ["page", "another person", "locked", "disabled", "deleted"].into_iter().enumerate() {
        let mut browser = world.browser();
        let tokens = signed_in(&shop, &mut browser).await;
        match way {
            "page" => {
                let page = browser.log_out(&[]).await.unwrap();
                browser.press(&page, "sign_out", &[]).await.unwrap().has("signed out");
            }
            "another person" => {
                let page = browser.authorize(&shop, &[("prompt", "login")]).await.unwrap();
                browser.sign_in(&page, "bob", bob).await.unwrap_err();
            }
            "locked" => drop(admin.act(&format!("{at}/lock")).await.ok()),
            "disabled" => drop(admin.act(&format!("{at}/disable")).await.ok()),
            _ => assert_eq!(admin.delete(&at).await.status, 204),
        }
        let received = receiver.gets(turn + 1).await;
        assert_eq!(claims(&received[turn])["sid"], decoded(&tokens.id_token).1["sid"], "{way}");
        if ["locked", "disabled"].contains(&way) {
            admin.act(&format!("{at}/unlock")).await.ok();
            // What ended does not come back with them.
            browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
            shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
        }
    }
    a_while().await;
    assert_eq!(receiver.received().len(), 5, "once each");
}

#[tokio::test]
async fn bcl_2_8_a_client_with_a_bad_moment_is_told_later() {
    let world = at_home().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receiver = Receiver::start();
    receiver.will([Reply::Status(503), Reply::Status(429), Reply::Silence, Reply::Status(200)]);
    let shop = called(&world, "shop", &receiver).await;
    let mut browser = world.browser();
    let tokens = signed_in(&shop, &mut browser).await;
    browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    let first = receiver.gets(1).await.remove(0);
    a_while().await;
    assert_eq!(receiver.received().len(), 1, "not before its time");
    for (pause, count) in [(1, 2), (5, 3), (30, 4)] {
        let due = format!("due_at={}", (world.now() + seconds(pause)).millis());
        until("the next try is planned", async || {
            world.rows("outbox").await.iter().any(|row| row.contains(&due)).then_some(())
        })
        .await;
        world.clock.advance(seconds(pause - 1));
        a_while().await;
        assert_eq!(receiver.received().len(), count - 1, "not before its time");
        world.clock.advance(seconds(1));
        let last = receiver.gets(count).await.pop().unwrap();
        let (first, last) = (claims(&first), claims(&last));
        assert_eq!((&first["jti"], &first["sid"]), (&last["jti"], &last["sid"]), "the same word");
        assert_eq!(last["iat"], world.now().seconds(), "in a token that is good");
    }
    a_while().await;
    world.clock.advance(seconds(86_400));
    a_while().await;
    assert_eq!(receiver.received().len(), 4, "told");
}

/// Whoever signs out is signed out at once, whatever those do who are told.
#[tokio::test]
async fn security_143_nobody_waits_for_a_client_that_does_not_answer() {
    let world = patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receivers = [Receiver::start(), Receiver::start(), Receiver::start()];
    let replies = [Reply::Silence, Reply::Half, Reply::After(5000)];
    let mut browser = world.browser();
    let mut last = None;
    for ((number, receiver), reply) in receivers.iter().enumerate().zip(replies) {
        receiver.will([reply]);
        let client = called(&world, &format!("client{number}"), receiver).await;
        last = Some((signed_in(&client, &mut browser).await, client));
    }
    let (tokens, client) = last.unwrap();
    let begun = std::time::Instant::now();
    browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    assert!(begun.elapsed() < seconds(2), "{:?}", begun.elapsed());
    browser.authorize(&client, &[("prompt", "none")]).await.unwrap_err().error("login_required");
    for receiver in &receivers {
        receiver.gets(1).await;
    }
}

/// Who signs out reads where they may still be signed in: no application that was told is among them.
#[tokio::test]
async fn the_page_names_who_could_not_be_told() {
    let world = patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receivers = [Receiver::start(), Receiver::start(), Receiver::start(), Receiver::start()];
    let replies = [Reply::Status(200), Reply::Status(500), Reply::Status(400), Reply::After(5000)];
    let mut browser = world.browser();
    let mut clients = Vec::new();
    for ((name, receiver), reply) in ["told", "ill", "cross", "slow"].into_iter().zip(&receivers).zip(replies) {
        receiver.will([reply]);
        clients.push(called(&world, name, receiver).await);
    }
    clients.push(world.client("mute").signs_in().await);
    let asks = world.client("asks").signs_in().await;
    for client in clients.iter().chain([&asks]) {
        let code = browser.log_in(client, "alice", PASSWORD).await.get("code").to_owned();
        client.redeem(&code).await.tokens();
        client.update(|client| client.name = format!("App {}", client.id)).await;
    }
    let page = browser.log_out(&[("client_id", "asks")]).await.unwrap();
    let begun = std::time::Instant::now();
    let page = browser.press(&page, "sign_out", &[("client_id", "asks")]).await.unwrap();
    assert!(begun.elapsed() < seconds(3), "{:?}", begun.elapsed());
    let text = page.has("You are signed out").has("You may still be signed in to these apps:").answer.text();
    let named: Vec<_> = ["told", "ill", "cross", "slow", "mute", "asks"]
        .into_iter()
        .filter(|name| text.contains(&format!("<li><bdi>App {name}</bdi></li>")))
        .collect();
    assert_eq!(named, ["ill", "cross", "slow", "mute"], "{text}");
    // Whoever had a bad moment, or was too slow, is told again; the others are not.
    world.clock.advance(seconds(10));
    receivers[1].gets(2).await;
    receivers[3].gets(2).await;
    a_while().await;
    assert_eq!([0, 2].map(|one| receivers[one].received().len()), [1, 1]);

    // Where everybody knows, there is nothing to read.
    let told = &clients[0];
    let tokens = signed_in(told, &mut browser).await;
    receivers[0].will([Reply::Status(200)]);
    let page = browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    assert!(!page.has("You are signed out").answer.text().contains("still be signed in"), "{}", page.answer.text());
    assert_eq!(receivers[0].received().len(), 2, "told by the time that somebody reads it");
}

#[tokio::test]
async fn bcl_2_8_a_client_that_refuses_is_left_alone() {
    let world = patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receiver = Receiver::start();
    let shop = called(&world, "shop", &receiver).await;
    for (turn, status) in [400, 401, 404, 302].into_iter().enumerate() {
        receiver.will([Reply::Status(status)]);
        let watch = world.watch().await;
        let mut browser = world.browser();
        let tokens = signed_in(&shop, &mut browser).await;
        browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
        receiver.gets(turn + 1).await;
        let told = until("an event", async || {
            watch.events().await.into_iter().find(|event| event.action == "session.end_not_told")
        });
        let told = told.await;
        assert_eq!((told.result.as_str(), told.client.as_deref()), ("refused", Some("shop")));
        assert_eq!(told.reason.unwrap(), format!("status {status}"));
        world.clock.advance(seconds(86_400));
        a_while().await;
        assert_eq!(receiver.received().len(), turn + 1, "{status}: neither again nor elsewhere");
    }
}

#[tokio::test]
async fn bcl_2_5_a_client_that_never_answers_is_given_up_after_half_a_day() {
    let world = patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receiver = Receiver::start();
    receiver.will(vec![Reply::Status(500); 20]);
    let shop = called(&world, "shop", &receiver).await;
    let mut browser = world.browser();
    let tokens = signed_in(&shop, &mut browser).await;
    let watch = world.watch().await;
    browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    for count in 1..=11 {
        until("the next try", async || {
            world.clock.advance(seconds(5 * 3600));
            (receiver.received().len() >= count).then_some(())
        })
        .await;
    }
    let events = until("an event", async || {
        let events = watch.events().await;
        events.iter().any(|event| event.action == "session.end_not_told").then_some(events)
    });
    assert_eq!(events.await.last().unwrap().reason.as_deref(), Some("status 500"));
    world.clock.advance(seconds(5 * 3600));
    a_while().await;
    assert_eq!(receiver.received().len(), 11);
}

#[tokio::test]
async fn security_73_no_private_address_is_called() {
    // As in production.
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receiver = Receiver::start();
    let shop = called(&world, "shop", &receiver).await;
    let mut browser = world.browser();
    let tokens = signed_in(&shop, &mut browser).await;
    browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    a_while().await;
    assert_eq!(receiver.received().len(), 0);
    assert!(world.log().contains("not told of a logout"), "it was tried");
    // Nor is one registered.
    let admin = world.admin().await;
    let shop = json!({ "client_id": "x", "redirect_uris": ["https://x.example/cb"] });
    for uri in [
        "https://127.0.0.1/out",
        "https://10.0.0.1/out",
        "https://[::1]/out",
        "http://x.example/out",
        "https://x.example/out#f",
        "https://a:b@x.example/out",
        "ftp://x.example/out",
        "/out",
        "",
    ] {
        let mut asked = shop.clone();
        asked["backchannel_logout_uri"] = json!(uri);
        let refused = admin.post("/admin/v1/clients", &asked).await;
        assert_eq!(refused.status, 422, "{uri}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/backchannel_logout_uri", "{uri}");
    }
}

#[tokio::test]
async fn bcl_2_2_a_client_registers_where_it_is_told() {
    let world = World::start().await;
    let admin = world.admin().await;
    let asked = json!({
        "client_id": "shop", "redirect_uris": ["https://shop.example/cb"],
        "backchannel_logout_uri": "https://shop.example:8443/out?a=b", "backchannel_logout_session_required": true,
        "frontchannel_logout_uri": "https://shop.example/frame", "frontchannel_logout_session_required": true,
    });
    let made = admin.post("/admin/v1/clients", &asked).await.json()["client"].clone();
    for name in [
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
    ] {
        assert_eq!(made[name], asked[name], "{name}");
    }
    let patched = json!({ "backchannel_logout_uri": null, "frontchannel_logout_uri": null });
    let refused = admin.patch("/admin/v1/clients/shop", &patched).await;
    assert_eq!(refused.status, 422, "what belongs to an address goes with it");
    let patched = json!({
        "backchannel_logout_uri": null, "backchannel_logout_session_required": null,
        "frontchannel_logout_uri": null, "frontchannel_logout_session_required": null,
    });
    let left = admin.patch("/admin/v1/clients/shop", &patched).await.ok();
    assert!(left.get("backchannel_logout_uri").is_none() && left.get("frontchannel_logout_uri").is_none());
    let metadata = world.get(DISCOVERY).await.json();
    for name in [
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
    ] {
        assert_eq!(metadata[name], true, "{name}");
    }
}

#[tokio::test]
async fn word_of_a_logout_outlives_the_server_that_saw_it() {
    let mut world = patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receiver = Receiver::start();
    receiver.will([Reply::Status(503)]);
    let shop = called(&world, "shop", &receiver).await;
    let mut browser = world.browser();
    let tokens = signed_in(&shop, &mut browser).await;
    browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    receiver.gets(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.restart().await;
    world.clock.advance(seconds(60));
    let received = receiver.gets(2).await;
    assert_eq!(claims(&received[0])["jti"], claims(&received[1])["jti"]);
    a_while().await;
    assert_eq!(receiver.received().len(), 2);
}

/// Whoever is to be later by so much. What is below zero is for the others.
async fn after(millis: i64) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(millis).unwrap_or_default())).await;
}

/// Whoever has an ID token of a session hears of its end, once, however close the two were.
#[tokio::test]
async fn r5_who_got_an_id_token_is_told_of_the_logout() {
    for world in [patient(), patient().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let _alice = world.user("alice").with_password(PASSWORD).await;
        let shop = world.client("shop").signs_in().refresh().await;
        let receivers: Vec<Receiver> = (0..8).map(|_| Receiver::start()).collect();
        let mut clients = Vec::new();
        for (number, receiver) in receivers.iter().enumerate() {
            clients.push(called(&world, &format!("client{number}"), receiver).await);
        }
        let (mut told, mut given, mut refused) = (vec![0; clients.len()], 0, 0);
        // By how many milliseconds the redemptions are ahead. Who is faster depends on the machine: this is
        // moved to where they meet.
        let mut lead = 6_i64;
        for round in 0.. {
            if round >= 6 && given > 0 && refused > 0 {
                break;
            }
            assert!(round < 60, "{given} given, {refused} refused: there was no race");
            let mut browser = world.browser();
            let tokens = signed_in(&shop, &mut browser).await;
            let mut codes = Vec::new();
            for client in &clients {
                codes.push(browser.log_in(client, "alice", PASSWORD).await.get("code").to_owned());
            }
            let logout = {
                let (mut browser, hint) = (browser.at(1), tokens.id_token.clone());
                async move {
                    after(lead).await;
                    browser.log_out(&[("id_token_hint", hint.as_str())]).await.unwrap();
                }
            };
            let redemptions = clients.iter().zip(&codes).enumerate().map(|(number, (client, code))| {
                let client = client.at(number % 2);
                async move {
                    after(-lead).await;
                    client.redeem(code).await.status == 200
                }
            });
            let (redeemed, ()) = futures_util::join!(join_all(redemptions), logout);
            match redeemed.iter().filter(|redeemed| **redeemed).count() {
                0 => lead += 4,
                all if all == clients.len() => lead -= 4,
                _ => {}
            }
            for (number, redeemed) in redeemed.into_iter().enumerate() {
                given += usize::from(redeemed);
                refused += usize::from(!redeemed);
                told[number] += usize::from(redeemed);
                receivers[number].gets(told[number]).await;
            }
        }
        a_while().await;
        let received: Vec<usize> = receivers.iter().map(|receiver| receiver.received().len()).collect();
        assert_eq!(received, told, "nobody else, and nobody twice");
    }
}
