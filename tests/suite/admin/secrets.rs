//! What was told once is not told again [security.md case 149].

use serde_json::{Value, json};

use super::location;
use super::webhooks::at_home;

/// Whatever administrators can read, of all kinds.
const LISTS: [&str; 7] = [
    "/admin/v1/clients",
    "/admin/v1/users",
    "/admin/v1/pairing-keys",
    "/admin/v1/initial-access-tokens",
    "/admin/v1/webhooks",
    "/admin/v1/keys",
    "/admin/v1/audit",
];

#[tokio::test]
async fn security_149_no_secret_is_read_back() {
    let world = at_home().start().await;
    let admin = world.admin().await;
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_else(|| panic!("{name}")).to_owned();
    let client = admin.post("/admin/v1/clients", &json!({ "client_id": "shop" })).await;
    let webhook = admin.post("/admin/v1/webhooks", &json!({ "url": "http://127.0.0.1:9/hook" })).await;
    let user = admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    let invitation = admin.post("/admin/v1/initial-access-tokens", &json!({})).await;
    let key = admin.act(&format!("{}/pairing-keys", location(&user))).await;
    let secrets = [
        text(&client.json(), "client_secret"),
        text(&webhook.json(), "secret"),
        text(&invitation.json(), "secret"),
        text(&key.json(), "key"),
    ];
    let own = [&client, &webhook, &user].map(location);
    for path in LISTS.into_iter().chain(own.iter().map(String::as_str)) {
        let answer = admin.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().len() > 20, "{path} has something");
        for secret in &secrets {
            assert!(!answer.text().contains(secret.as_str()), "{path}: {}", answer.text());
        }
    }
    // Public halves alone.
    let keys = admin.get("/admin/v1/keys").await.text();
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "PRIVATE KEY"] {
        assert!(!keys.contains(private), "{private}");
    }
}
