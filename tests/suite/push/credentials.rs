//! The accounts of an app at the push services: set by administrators, read by nobody (security.md 81, 149).

use serde_json::{Value, json};

use super::double::Services;
use super::{KEY_ID, SUBJECT, Scene, TEAM, accounts, app, p8};
use crate::admin::robot::Robot;

const ALL: &str = "/admin/v1/native-applications/shop-app/push-credentials";

fn of(provider: &str) -> String {
    format!("{ALL}/{provider}")
}

/// An app without accounts.
async fn bare(services: &Services) -> crate::world::World {
    let world = services.around().start().await;
    world.guard(services.service_account()["private_key"].as_str().unwrap());
    world.guard(&p8());
    let admin = world.admin().await;
    app(&world, &admin).await;
    drop(admin);
    world
}

async fn findings(admin: &Robot<'_>) -> Vec<String> {
    let readiness = admin.get("/admin/v1/native-applications/shop-app/mfa-readiness").await.ok();
    let findings = readiness["findings"].as_array().unwrap();
    let push = findings.iter().filter(|finding| finding["code"].as_str().unwrap().ends_with("credentials_missing"));
    push.map(|finding| format!("{} {}", finding["level"].as_str().unwrap(), finding["code"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn s149_credentials_are_written_and_never_read_again() {
    let services = Services::start();
    let world = bare(&services).await;
    let admin = world.robot("operator", "nod:admin").await;
    let watch = world.watch().await;
    assert_eq!(admin.get(ALL).await.ok(), json!({ "items": [] }));
    assert_eq!(findings(&admin).await, ["warning fcm_credentials_missing", "warning apns_credentials_missing"]);
    accounts(&services, &admin).await;
    assert!(findings(&admin).await.is_empty());
    let listed = admin.get(ALL).await.ok();
    let items = listed["items"].as_array().unwrap();
    let at = world.now().to_string();
    assert_eq!(items[0], json!({ "provider": "apns", "team_id": TEAM, "key_id": KEY_ID, "updated_at": at }));
    assert_eq!(
        items[1],
        json!({
            "provider": "fcm", "project_id": super::double::PROJECT, "client_email": super::double::EMAIL,
            "key_id": "account-key", "updated_at": at,
        })
    );
    assert_eq!((&items[2]["provider"], &items[2]["subject"]), (&json!("web_push"), &json!(SUBJECT)));
    assert_eq!(items[2]["public_key"].as_str().unwrap().len(), 87);
    assert!(!listed.to_string().contains("PRIVATE KEY"));
    assert_eq!(admin.delete(&of("fcm")).await.status, 204);
    assert_eq!(admin.delete(&of("fcm")).await.status, 404);
    assert_eq!(admin.get(ALL).await.ok()["items"].as_array().unwrap().len(), 2);
    // They go with the app.
    assert_eq!(admin.delete("/admin/v1/native-applications/shop-app").await.status, 204);
    assert_eq!(admin.get(ALL).await.status, 404);
    assert!(world.rows("push_credentials").await.is_empty());
    let events = watch.events().await.into_iter().filter(|event| event.action.starts_with("push_credentials."));
    let told: Vec<_> = events.map(|event| format!("{} {}", event.action, event.reason.unwrap())).collect();
    let set = |provider: &str| format!("push_credentials.set shop-app {provider}");
    let removed = "push_credentials.removed shop-app fcm".to_owned();
    assert_eq!(told, [set("fcm"), set("apns"), set("web_push"), removed]);
}

/// Browsers have subscribed with the key: it stays, unless another one is given.
#[tokio::test]
async fn rfc8292_the_key_of_subscriptions_stays() {
    let services = Services::start();
    let world = bare(&services).await;
    let admin = world.robot("operator", "nod:admin").await;
    let first = admin.put(&of("web_push"), &json!({ "subject": SUBJECT })).await.ok();
    let again = admin.put(&of("web_push"), &json!({ "subject": "https://id.example.com" })).await.ok();
    assert_eq!(first["public_key"], again["public_key"]);
    assert_eq!(again["subject"], "https://id.example.com");
    // The example of RFC 8292 has no private key; this pair was made elsewhere.
    let (private, public) = nod::protocol::jwt::ServiceKey::new_es256_pair().unwrap();
    let text = |bytes: &[u8]| crate::world::b64(bytes);
    world.guard(&text(private.expose()));
    let body = json!({ "subject": SUBJECT, "private_key": text(private.expose()), "public_key": text(&public) });
    assert_eq!(admin.put(&of("web_push"), &body).await.ok()["public_key"], text(&public));
}

#[tokio::test]
async fn what_are_no_credentials_is_refused() {
    let services = Services::start();
    let world = bare(&services).await;
    let admin = world.robot("operator", "nod:admin").await;
    let account = |change: &dyn Fn(&mut Value)| {
        let mut account = services.service_account();
        change(&mut account);
        json!({ "service_account": account })
    };
    let apns = |key: &str, team: &str| json!({ "team_id": team, "key_id": KEY_ID, "private_key": key });
    let rsa = services.service_account()["private_key"].as_str().unwrap().to_owned();
    let (_, other) = nod::protocol::jwt::ServiceKey::new_es256_pair().unwrap();
    let (private, _) = nod::protocol::jwt::ServiceKey::new_es256_pair().unwrap();
    let text = |bytes: &[u8]| crate::world::b64(bytes);
    let halves = json!({ "subject": SUBJECT, "private_key": text(private.expose()), "public_key": text(&other) });
    for (provider, body, member) in [
        ("fcm", json!({}), "/service_account"),
        ("fcm", json!({ "service_account": {} }), "/service_account"),
        ("fcm", account(&|account| account["type"] = json!("authorized_user")), "/service_account"),
        ("fcm", account(&|account| account["private_key"] = json!(p8())), "/service_account"),
        ("fcm", account(&|account| account["project_id"] = json!("../../x")), "/service_account"),
        // [security.md 81] It leads inside, or in the clear.
        ("fcm", account(&|account| account["token_uri"] = json!("https://10.0.0.1/token")), "/service_account"),
        ("fcm", account(&|account| account["token_uri"] = json!("http://oauth2.example/token")), "/service_account"),
        ("fcm", account(&|account| account["token_uri"] = json!("file:///etc/passwd")), "/service_account"),
        ("apns", apns(&rsa, TEAM), "/private_key"),
        ("apns", apns("nothing", TEAM), "/private_key"),
        ("apns", apns(&p8(), "short"), "/team_id"),
        ("apns", json!({ "team_id": TEAM, "key_id": KEY_ID }), "/private_key"),
        ("apns", json!({ "team_id": TEAM, "key_id": KEY_ID, "private_key": p8(), "subject": SUBJECT }), "/subject"),
        ("web_push", json!({}), "/subject"),
        ("web_push", json!({ "subject": "mailto:ops@localhost" }), "/subject"),
        ("web_push", json!({ "subject": SUBJECT, "public_key": "abc" }), "/private_key"),
        ("web_push", json!({ "subject": SUBJECT, "public_key": "abc", "private_key": "abc" }), "/private_key"),
        ("web_push", halves, "/private_key"),
    ] {
        let answer = admin.put(&of(provider), &body).await;
        assert_eq!(answer.status, 422, "{provider} {member} {}", answer.text());
        assert!(answer.text().contains(member), "{provider} {member} {}", answer.text());
    }
    assert_eq!(admin.put(&of("hms"), &json!({})).await.status, 404);
    let elsewhere = "/admin/v1/native-applications/none/push-credentials/web_push";
    assert_eq!(admin.put(elsewhere, &json!({ "subject": SUBJECT })).await.status, 404);
    assert!(world.rows("push_credentials").await.is_empty());
}

#[tokio::test]
async fn credentials_are_for_whoever_may_change_policies() {
    let scene = Scene::start().await;
    let reader = scene.world.robot("reader", "nod:policies:read").await;
    reader.get(ALL).await.ok();
    assert_eq!(reader.put(&of("web_push"), &json!({ "subject": SUBJECT })).await.status, 403);
    assert_eq!(reader.delete(&of("fcm")).await.status, 403);
    let stranger = scene.world.robot("stranger", "nod:users:read").await;
    assert_eq!(stranger.get(ALL).await.status, 403);
}
