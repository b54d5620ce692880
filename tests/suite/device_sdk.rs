//! The SDK's own client against the real server: what an app would do.

use std::sync::Arc;

use nod::clock::{Clock as _, SystemClock};
use nod::domain::client::NumberMatching;
use nod_device::{DenyReason, DeviceClient, Event, InstallationInfo, NumberMatching as Shown, PairingKey, Timestamp};

use crate::world::{World, seconds};

fn info() -> InstallationInfo {
    InstallationInfo { platform: "TEST".to_owned(), ..InstallationInfo::default() }
}

/// An app that lives at the time of the world.
fn builder(world: &World) -> nod_device::DeviceClientBuilder {
    let clock = Arc::clone(&world.clock);
    DeviceClient::builder().clock(Arc::new(move || Timestamp::from_millis(clock.now().millis())))
}

async fn paired(world: &World, key: &PairingKey) -> DeviceClient {
    builder(world).pair(world.issuer(), key, &info()).await.unwrap().0
}

async fn next(events: &mut nod_device::Events) -> Event {
    tokio::time::timeout(seconds(5), events.next()).await.expect("an event in time").expect("no end")
}

#[tokio::test]
async fn the_sdk_pairs_listens_and_answers() {
    let world = World::start().await;
    let shop = world.client("shop").number_matching(NumberMatching::Pick).await;
    let alice = world.user("alice").await;
    let app = paired(&world, &alice.pairing_key().await).await;
    let mut events = app.events();
    assert!(matches!(next(&mut events).await, Event::Ready));

    let asked = shop.ask(&alice).await;
    let Event::Notification(question) = next(&mut events).await else { panic!("a question") };
    let Some(Shown::SelectNumber { options }) = &question.number_matching else { panic!("a number to pick") };
    assert!(options.contains(&asked.number()));
    app.approve(&question, Some(asked.number()), &["pin".to_owned()]).await.unwrap();
    // Its answer may have been lost: saying the same again does no harm.
    app.approve(&question, Some(asked.number()), &["pin".to_owned()]).await.unwrap();
    shop.poll(&asked).await.tokens();
    assert!(matches!(next(&mut events).await, Event::Canceled(_)));

    let asked = shop.ask(&alice).await;
    let Event::Notification(question) = next(&mut events).await else { panic!("a question") };
    app.deny(&question, DenyReason::None).await.unwrap();
    shop.poll(&asked).await.refused(400, "access_denied");
    let late = app.approve(&question, Some(asked.number()), &[]).await.unwrap_err();
    assert_eq!(late.refusal(), Some(&nod_device::Code::AlreadyDecided));
    assert!(app.pending().await.unwrap().is_empty());

    shop.ask(&alice).await;
    let question = app.pending().await.unwrap().remove(0);
    app.deny(&question, DenyReason::ReportFraud).await.unwrap();
    shop.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await.refused(403, "access_denied");
}

#[tokio::test]
async fn the_sdk_survives_a_restart_of_the_app_and_a_new_nonce() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").await);
    let app = paired(&world, &alice.pairing_key().await).await;
    let stored = serde_json::to_string(&app.state()).unwrap();
    drop(app);
    world.clock.advance(seconds(3600));
    let app = builder(&world).restore(serde_json::from_str(&stored).unwrap()).unwrap();
    let asked = shop.ask(&alice).await;
    let question = app.pending().await.unwrap().remove(0);
    app.approve(&question, None, &[]).await.unwrap();
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn the_sdk_rotates_its_key_and_gives_its_trust_up() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let app = paired(&world, &alice.pairing_key().await).await;
    app.pair_another(&bob.pairing_key().await, &info()).await.unwrap();
    let before = app.public_jwk();
    let rotated = app.rotate_key().await.unwrap();
    app.me().await.unwrap();
    rotated.activate();
    assert_ne!(app.public_jwk(), before);
    assert_eq!(app.me().await.unwrap().users.len(), 2);
    app.unpair().await.unwrap();
    let gone = app.me().await.unwrap_err();
    assert_eq!(gone.refusal(), Some(&nod_device::Code::DeviceUnknown));
}

#[tokio::test]
async fn the_sdk_sets_its_clock_by_the_server() {
    // `Date` is the machine's time, so it is this world's as well.
    let world = World::with().begins(SystemClock.now()).start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").await);
    for wrong in [-3_600_000, 3_600_000] {
        // A phone whose clock is an hour off.
        let clock = Arc::clone(&world.clock);
        let clock = move || Timestamp::from_millis(clock.now().millis() + wrong);
        let app = DeviceClient::builder().clock(Arc::new(clock));
        let (app, _) = app.pair(world.issuer(), &alice.pairing_key().await, &info()).await.unwrap();
        let asked = shop.ask(&alice).await;
        let question = app.pending().await.unwrap().remove(0);
        app.approve(&question, None, &[]).await.unwrap();
        shop.poll(&asked).await.tokens();
    }
}
