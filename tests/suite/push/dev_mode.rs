//! In dev mode nobody is rung: what a phone would get is in the inbox and on the wire, and no service hears of it.

use nod::protocol::public_id::{self, Kind};
use nod_device::DenyReason;
use reqwest::Method;
use serde_json::{Value, json};

use super::{APNS_TOKEN, FCM_TOKEN, Scene, audited, done, is_untouched, with_app};
use crate::admin::until;
use crate::world::Answer;

/// What is in the inbox once there are so many, the newest first.
async fn inbox(scene: &Scene, count: usize) -> Vec<Value> {
    until("the pushes", async || {
        let pushes = scene.world.get("/dev/inbox").await.ok()["pushes"].as_array().unwrap().clone();
        assert!(pushes.len() <= count, "{pushes:?}");
        (pushes.len() == count).then_some(pushes)
    })
    .await
}

async fn page(scene: &Scene, path: &str) -> String {
    Answer::of(scene.world.request(Method::GET, path).header("accept", "text/html")).await.text()
}

#[tokio::test]
async fn product_1_4_what_phones_would_get_stays_here_and_is_on_the_wire() {
    let mut scene = Scene::with(|builder| builder.dev_mode().generous()).await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    assert_eq!(scene.alice.phones[1].reached_at("APNS", "sandbox", APNS_TOKEN).await.status, 204);
    let watch = scene.world.watch().await;
    scene.asks().await;
    let device = |n: usize| public_id::encode(Kind::Device, scene.alice.phones[n].device().uuid());
    let both = inbox(&scene, 2).await;
    let question = scene.phone().question().await;
    for (n, provider) in [(0, "fcm"), (1, "apns")] {
        let got = both.iter().find(|push| push["device"] == device(n)).unwrap_or_else(|| panic!("{both:?}"));
        assert_eq!(
            (&got["provider"], &got["phone"], &got["told"]),
            (&json!(provider), &json!("A phone"), &json!("question"))
        );
        // What the app reads, and nothing else: the rest is fetched with a proof.
        assert_eq!(
            got["message"],
            json!({ "type": "AUTHENTICATION", "notificationId": question.notification_id.to_string() })
        );
    }
    scene.phone().deny(&question, DenyReason::None).await.ok();
    let over = inbox(&scene, 3).await.remove(0);
    assert_eq!((&over["told"], &over["message"]["type"]), (&json!("ended"), &json!("AUTH_CANCELED")));
    assert_eq!(over["device"], device(1), "whoever has answered is not told that it is over");
    until("the trail", async || (audited(&watch).await == [done(), done()]).then_some(())).await;
    for service in [&scene.services.fcm, &scene.services.apns, &scene.services.sandbox] {
        is_untouched(service);
    }

    let shown = page(&scene, "/dev/inbox").await;
    assert!(shown.contains("AUTH_CANCELED") && shown.contains("A phone"), "{shown}");
    assert!(!shown.contains(FCM_TOKEN) && !shown.contains(APNS_TOKEN), "{shown}");
    let wire = page(&scene, "/dev/wire?kind=events").await;
    let (_, rest) = wire.split_once("<span class=\"what\">push question</span>").unwrap_or_else(|| panic!("{wire}"));
    let (_, rest) = rest.split_once("<a href=\"/dev/wire/").expect("it is of a request");
    let request = page(&scene, &format!("/dev/wire/{}", rest.split_once('"').unwrap().0)).await;
    for what in ["POST /as/bc-auth.ciba", "push question", "push ended", "<bdi>Nod</bdi> → <bdi>A phone</bdi>"] {
        assert!(request.contains(what), "{what}: {request}");
    }
}

/// Whoever tries out their app has no account at a push service yet.
#[tokio::test]
async fn product_1_4_the_inbox_takes_pushes_without_an_account_anywhere() {
    let scene = Scene::with(|builder| builder.dev_mode().generous()).await.reached_by_fcm().await;
    {
        let admin = scene.world.robot("operator", "nod:admin").await;
        let at = "/admin/v1/native-applications/shop-app/push-credentials/fcm";
        assert_eq!(admin.delete(at).await.status, 204);
    }
    scene.asks().await;
    assert_eq!(inbox(&scene, 1).await[0]["provider"], "fcm");
    is_untouched(&scene.services.fcm);
}
