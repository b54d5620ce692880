//! What the services are told about who we are: tokens that are fetched, made, kept and made anew.

use serde_json::json;

use super::double::Reply;
use super::{Scene, a_while, audited, fcm_error, gave_up};
use crate::world::seconds;

#[tokio::test]
async fn an_access_token_is_fetched_once_and_used_until_it_ends() {
    let scene = Scene::start().await.reached_by_fcm().await;
    for n in 1..=3 {
        scene.asks().await;
        scene.services.fcm.takes(n).await;
    }
    assert_eq!(scene.services.fcm.assertions(), 1);
    scene.world.clock.advance(seconds(3539));
    scene.asks().await;
    scene.services.fcm.takes(4).await;
    assert_eq!(scene.services.fcm.assertions(), 2, "not up to its last second");
}

#[tokio::test]
async fn an_access_token_that_is_refused_is_fetched_again_once() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.asks().await;
    scene.services.fcm.takes(1).await;
    scene.services.fcm.withdraws_access();
    scene.asks().await;
    scene.services.fcm.takes(2).await;
    assert_eq!(scene.services.fcm.assertions(), 2);

    // One that is refused for ever is fetched once more, and no more than that.
    let watch = scene.world.watch().await;
    let unauthenticated = || Reply::Says(401, json!({ "error": { "code": 401, "status": "UNAUTHENTICATED" } }));
    scene.services.fcm.will([unauthenticated(), unauthenticated()]);
    scene.asks().await;
    scene.is_quiet().await;
    assert_eq!(scene.services.fcm.assertions(), 3);
    assert_eq!(audited(&watch).await, [gave_up("status 401 UNAUTHENTICATED")]);
}

#[tokio::test]
async fn a_provider_token_of_apples_lives_between_twenty_and_sixty_minutes() {
    let scene = Scene::start().await.reached_by_apns().await;
    for (n, (pause, made)) in [(0, 1), (19 * 60, 1), (20 * 60 + 59, 1), (60, 2), (39 * 60, 2)].into_iter().enumerate() {
        scene.world.clock.advance(seconds(pause));
        scene.asks().await;
        let sent = scene.services.apns.takes(n + 1).await;
        assert_eq!(scene.services.apns.providers(), made, "after {pause} s: {:?}", sent[n].authorization.len());
    }
}

#[tokio::test]
async fn a_provider_token_that_has_expired_is_made_anew_where_that_may_be() {
    let scene = Scene::start().await.reached_by_apns().await;
    let expired = || Reply::Says(403, json!({ "reason": "ExpiredProviderToken" }));
    let watch = scene.world.watch().await;
    scene.services.apns.will([expired()]);
    scene.asks().await;
    scene.is_quiet().await;
    assert_eq!(scene.services.apns.asked().len(), 1, "one that was made a moment ago is no better made again");
    scene.world.clock.advance(seconds(21 * 60));
    scene.services.apns.will([expired()]);
    scene.asks().await;
    scene.services.apns.takes(1).await;
    assert_eq!(scene.services.apns.providers(), 2);
    assert_eq!(audited(&watch).await[0], gave_up("status 403 ExpiredProviderToken"));
}

/// [security.md 81] A redirect is an answer like any other, and no word of it goes elsewhere.
#[tokio::test]
async fn s81_nobody_is_sent_elsewhere() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Says(307, json!({}))]);
    scene.asks().await;
    scene.is_quiet().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
    assert_eq!(audited(&watch).await, [gave_up("status 307")]);
}

/// Nothing that a service says gets any further, but for the words that it is known to say.
#[tokio::test]
async fn what_services_say_stays_where_it_is() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    scene.world.guard("a-word-of-theirs");
    scene.services.fcm.will([Reply::Says(403, fcm_error(403, "PERMISSION_DENIED", "a-word-of-theirs"))]);
    scene.asks().await;
    scene.is_quiet().await;
    scene.services.fcm.will([Reply::Says(403, fcm_error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"))]);
    scene.asks().await;
    scene.is_quiet().await;
    a_while().await;
    assert_eq!(audited(&watch).await, [gave_up("status 403"), gave_up("status 403 SENDER_ID_MISMATCH")]);
}
