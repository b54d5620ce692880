//! [reliability F21, F22] A push service in trouble troubles nobody else: the request stands, the phone finds it when it
//! looks, and the service is left alone for a while.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::double::Reply;
use super::{Scene, a_while, at_rest, audited, audited_of, done, fcm_error, gave_up, pushes, read, with_app};
use crate::world::seconds;

#[tokio::test]
async fn f21_a_service_that_fails_is_tried_again_with_growing_pauses() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    let internal = || Reply::Says(500, fcm_error(500, "INTERNAL", "INTERNAL"));
    scene.services.fcm.will([internal(), internal(), internal()]);
    scene.asks().await;
    for (tried, pause) in [(1, 1), (2, 2), (3, 4)] {
        scene.services.fcm.is_asked(tried).await;
        scene.is_planned_in(pause).await;
        scene.world.clock.advance(seconds(pause));
    }
    scene.services.fcm.takes(1).await;
    scene.is_quiet().await;
    assert_eq!(audited(&watch).await, [done()], "told once, and nothing of the tries before");
}

#[tokio::test]
async fn f21_a_service_says_when_it_has_time() {
    for (status, pause) in [(429, 7), (503, 12)] {
        let scene = Scene::start().await.reached_by_fcm().await;
        scene.services.fcm.will([Reply::Later(status, pause)]);
        scene.asks().await;
        scene.services.fcm.is_asked(1).await;
        scene.is_planned_in(pause).await;
        scene.world.clock.advance(seconds(pause - 1));
        a_while().await;
        assert_eq!(scene.services.fcm.asked().len(), 1);
        scene.world.clock.advance(seconds(1));
        scene.services.fcm.takes(1).await;
    }
    // As long as that, the question is not waited for.
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Later(429, 3600)]);
    scene.asks().await;
    scene.is_quiet().await;
    assert_eq!(audited(&watch).await, [gave_up("status 429")]);
}

#[tokio::test]
async fn f21_the_request_and_its_answer_know_nothing_of_a_service_that_is_silent() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.services.fcm.will([Reply::Silence, Reply::Silence]);
    let begin = Instant::now();
    let asked = scene.asks().await;
    scene.phone().approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    // And one that is silent holds up no other.
    let scene = {
        let mut scene = scene;
        with_app(&scene.world, &mut scene.alice).await;
        scene
    };
    assert_eq!(scene.alice.phones[1].reached_at("APNS", "production", super::APNS_TOKEN).await.status, 204);
    scene.asks().await;
    scene.services.apns.takes(1).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn f21_a_half_answer_is_no_answer() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.services.fcm.will([Reply::Half]);
    scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    scene.is_planned_in(1).await;
    scene.world.clock.advance(seconds(1));
    scene.services.fcm.takes(1).await;
    scene.is_quiet().await;
}

#[tokio::test]
async fn f21_the_token_endpoint_is_in_trouble() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    scene.services.fcm.token_endpoint_will([
        Reply::Later(503, 3),
        Reply::Half,
        Reply::Says(200, json!({ "error": "of another kind" })),
    ]);
    scene.asks().await;
    for pause in [3, 2, 4] {
        scene.is_planned_in(pause).await;
        scene.world.clock.advance(seconds(pause));
    }
    scene.services.fcm.takes(1).await;
    scene.is_quiet().await;
    // A key that was withdrawn is refused, and nobody asks again and again.
    scene.world.clock.advance(seconds(3600));
    scene.services.fcm.token_endpoint_will([Reply::Says(400, json!({ "error": "invalid_grant" }))]);
    scene.asks().await;
    scene.is_quiet().await;
    assert_eq!(audited(&watch).await, [done(), gave_up("the token endpoint: status 400")]);
}

#[tokio::test]
async fn f21_a_service_that_is_away_is_left_alone_and_others_are_not() {
    let mut scene = Scene::start().await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    assert_eq!(scene.alice.phones[1].reached_at("APNS", "production", super::APNS_TOKEN).await.status, 204);
    scene.services.fcm.will((0..5).map(|_| Reply::Says(502, Value::Null)));
    for n in 1..=5 {
        scene.asks().await;
        scene.services.fcm.is_asked(n).await;
        scene.services.apns.takes(n).await;
    }
    scene.is_planned_in(1).await;
    // Nobody calls it for a while, though it would answer by now.
    scene.world.clock.advance(seconds(2));
    scene.asks().await;
    scene.services.apns.takes(6).await;
    a_while().await;
    assert_eq!(scene.services.fcm.asked().len(), 5);
    assert_eq!(pushes(&scene.world).await.len(), 6);
    // Then one goes first, and the others when it has worked.
    scene.world.clock.advance(seconds(10));
    scene.services.fcm.takes(1).await;
    for _ in 0..6 {
        scene.world.clock.advance(seconds(10));
        a_while().await;
    }
    scene.is_quiet().await;
    let mut told: Vec<_> = scene.services.fcm.taken().iter().map(|sent| read(sent).notification_id).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 6);
}

/// [reliability F22] It says that it has taken it, and nobody ever hears of it.
#[tokio::test]
async fn f22_a_push_that_is_lost_loses_no_question() {
    let scene = Scene::start().await.reached_by_apns().await;
    let asked = scene.asks().await;
    scene.services.apns.takes(1).await;
    // The app was opened for another reason.
    let question = scene.phone().question().await;
    scene.phone().approve(&question).await.ok();
    scene.shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn without_credentials_the_trail_says_so_and_the_question_stands() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let path = "/admin/v1/native-applications/shop-app/push-credentials/fcm";
    assert_eq!(admin.delete(path).await.status, 204);
    let watch = scene.world.watch().await;
    scene.asks().await;
    scene.is_quiet().await;
    assert_eq!(audited(&watch).await, [gave_up("no credentials that can be used")]);
    assert_eq!(scene.phone().pending().await.len(), 1);
    // Set again, they are used at once.
    admin.put(path, &json!({ "service_account": scene.services.service_account() })).await.ok();
    scene.asks().await;
    scene.services.fcm.takes(1).await;
}

#[tokio::test]
async fn a_push_that_comes_too_late_is_not_sent() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Says(500, Value::Null)]);
    scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    scene.is_planned_in(1).await;
    scene.world.clock.advance(seconds(120));
    scene.is_quiet().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
    assert_eq!(audited(&watch).await, [gave_up("too late")]);
}

/// Services as they are on a bad day: whatever they say, every push comes to one end, no question is lost, and no phone is
/// unpaired.
#[tokio::test]
async fn f21_a_bad_day_of_all_services() {
    let mut scene = Scene::start().await.unpairs_automatically().await.reached_by_fcm().await;
    for (n, provider) in ["APNS", "WEB_PUSH"].into_iter().enumerate() {
        with_app(&scene.world, &mut scene.alice).await;
        let subscription = scene.services.web.subscription("alice");
        let token = if provider == "APNS" { super::APNS_TOKEN } else { subscription.as_str() };
        assert_eq!(scene.alice.phones[n + 1].reached_at(provider, "production", token).await.status, 204);
    }
    let services = [&scene.services.fcm, &scene.services.apns, &scene.services.web];
    for (seed, service) in (1..).zip(services) {
        service.is_nasty(50, seed);
    }
    let watch = scene.world.watch().await;
    for _ in 0..12 {
        let asked = scene.asks().await;
        assert_eq!(asked.json["expires_in"], 120);
    }
    // Time goes on when all that is due was tried, to when the next one is: what comes of the day is what the services
    // have said, and not how long anybody took.
    while let Some(pause) = at_rest(&scene.world).await {
        scene.world.clock.advance(pause);
    }
    let told = audited_of(&watch, 36).await;
    assert_eq!(told.len(), 36, "each came to one end: {told:?}");
    let (arrived, lost): (Vec<_>, Vec<_>) = told.into_iter().partition(|(result, _)| result == "done");
    assert!(arrived.len() >= 24, "{} arrived, {lost:?}", arrived.len());
    let mut taken = 0;
    for service in services {
        let mut told: Vec<_> = service.taken().iter().map(|sent| read(sent).notification_id).collect();
        assert!(told.len() < service.asked().len(), "it was nasty");
        told.sort_unstable();
        told.dedup();
        assert!((1..=12).contains(&told.len()), "{told:?}");
        taken += told.len();
    }
    assert!(taken >= arrived.len(), "{taken} were taken, {} are said to be", arrived.len());
    assert_eq!(scene.world.rows("device").await.len(), 3);
    assert_eq!(scene.world.rows("push_token").await.len(), 3);
}
