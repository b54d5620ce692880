//! Every operation, as the committed document has it.

use std::collections::HashSet;

use nod::domain::client::GrantType;
use nod::protocol::admin_scope::Permission;
use reqwest::Method;
use serde_json::Value;

use crate::world::World;

struct Operation {
    path: String,
    method: Method,
    scope: Option<String>,
    document: Value,
}

fn operations() -> Vec<Operation> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/nod.json");
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, methods) in paths.iter().filter(|(path, _)| path.starts_with("/admin/")) {
        for (method, document) in methods.as_object().unwrap() {
            let scope = document["security"][0]["admin"][0].as_str().map(str::to_owned);
            let method = method.to_uppercase().parse().unwrap();
            operations.push(Operation { path: path.clone(), method, scope, document: document.clone() });
        }
    }
    operations
}

impl Operation {
    /// With identifiers of what is not there.
    fn path(&self) -> String {
        let nothing = |prefix: &str| format!("{prefix}_0000000000000000000000000z");
        self.path
            .replace("{client_id}", "nobody")
            .replace("{policy_id}", "nothing")
            .replace("{application_id}", "nothing")
            .replace("{native_application_id}", "nothing")
            .replace("{mfa_policy_id}", "nothing")
            .replace("{kid}", "nothing")
            .replace("{user_id}", &nothing("usr"))
            .replace("{device_id}", &nothing("dev"))
            .replace("{request_id}", &nothing("req"))
            .replace("{pairing_key_id}", &nothing("pky"))
            .replace("{webhook_id}", &nothing("whk"))
            .replace("{support_id}", "22222222")
            .replace("{delivery_id}", &nothing("dlv"))
    }

    async fn call(&self, world: &World, token: Option<&str>) -> (u16, Option<String>) {
        let mut request = world.request(self.method.clone(), &self.path());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if self.document["requestBody"].is_object() {
            request = request.json(&serde_json::json!({}));
        }
        // Of the stream, the beginning is enough.
        let response = request.send().await.unwrap();
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), challenge)
    }
}

#[tokio::test]
async fn every_operation_needs_the_scope_that_it_names() {
    let world = World::start().await;
    let all: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    let mut with_scope = Vec::new();
    for (n, scope) in all.iter().enumerate() {
        let with = world.robot(&format!("with-{n}"), scope).await;
        // To write implies to read.
        let writing = scope.replace(":read", ":write");
        let others: Vec<&str> = all.iter().copied().filter(|other| other != scope && *other != writing).collect();
        let without = world.robot(&format!("without-{n}"), &others.join(" ")).await;
        with_scope.push((*scope, with, without));
    }
    let mut seen = HashSet::new();
    for operation in operations() {
        let what = format!("{} {}", operation.method, operation.path);
        if operation.path == "/admin/v1/bootstrap" {
            assert_eq!(operation.scope, None, "{what} has a token of its own kind");
            continue;
        }
        let scope = operation.scope.as_deref().unwrap_or_else(|| panic!("{what} names no scope"));
        let (_, with, without) = with_scope.iter().find(|(own, ..)| *own == scope).expect(scope);
        seen.insert(scope.to_owned());
        assert_eq!(operation.call(&world, None).await, (401, Some("Bearer".to_owned())), "{what} without a token");
        let invalid = Some("Bearer error=\"invalid_token\"".to_owned());
        assert_eq!(operation.call(&world, Some("nonsense")).await, (401, invalid), "{what} with any token");
        let challenge = Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""));
        assert_eq!(operation.call(&world, Some(&without.token)).await, (403, challenge), "{what} without {scope}");
        let (status, _) = operation.call(&world, Some(&with.token)).await;
        assert!(!matches!(status, 401 | 403), "{what} with {scope}: {status}");
        let reads = operation.method == Method::GET;
        assert_eq!(scope.ends_with(":read"), reads, "{what}: who reads needs no right to write, who writes does");
    }
    let mut missing = all.clone();
    // One is for the direct API, which is none of these operations (`device_trust/device_authentications.rs`).
    missing.retain(|scope| !seen.contains(*scope) && *scope != "nod:device-authentications");
    // To listen and to look up have nothing to write.
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_operation_is_described() {
    let mut names = HashSet::new();
    let operations = operations();
    assert!(operations.len() > 40, "{}", operations.len());
    for Operation { path, method, document, .. } in &operations {
        let what = format!("{method} {path}");
        let name = document["operationId"].as_str().unwrap_or_else(|| panic!("{what} has no name"));
        assert!(name.chars().all(char::is_alphanumeric) && name.starts_with(char::is_lowercase), "{name}");
        assert!(names.insert(name.to_owned()), "{name} twice");
        assert_eq!(document["tags"].as_array().map(Vec::len), Some(1), "{what}");
        let summary = document["summary"].as_str().unwrap_or_else(|| panic!("{what} has no summary"));
        assert!((1..=60).contains(&summary.len()), "{summary}");
        for status in ["400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "503"] {
            let content = &document["responses"][status]["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{what} {status}");
        }
        for parameter in document["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            assert!(!name.starts_with('_'), "{what}: {name}");
            assert!(parameter["in"] != "path" || path.contains(&format!("{{{name}}}")), "{what}: {name}");
            assert!(parameter["schema"].get("default").is_none(), "{what}: {name}");
        }
        if *method == Method::POST && path != "/admin/v1/bootstrap" {
            let named = document["parameters"].as_array().into_iter().flatten();
            let repeats = named.filter(|parameter| parameter["name"] == "Idempotency-Key").count();
            assert_eq!(repeats, 1, "{what}");
        }
    }
}

/// Each list that has parts begins where somebody says, and tells how many there are.
#[test]
fn product_2_3_every_list_takes_a_time_and_counts() {
    let names = |operation: &Operation| -> Vec<String> {
        let parameters = operation.document["parameters"].as_array().into_iter().flatten();
        parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut lists = 0;
    for operation in operations() {
        let names = names(&operation);
        if names.iter().any(|name| name == "cursor") {
            assert!(names.iter().any(|name| name == "created_after"), "{} {}", operation.method, operation.path);
            assert!(names.iter().any(|name| name == "count"), "{} {}", operation.method, operation.path);
            lists += 1;
        }
    }
    assert!(lists > 10, "{lists}");
}

/// An app, and what it may do.
async fn device_trust(admin: &super::robot::Robot<'_>) {
    let client = serde_json::json!({ "client_id": "bank-app", "redirect_uris": ["https://bank.example/callback"] });
    super::location(&admin.post("/admin/v1/clients", &client).await);
    let bank = serde_json::json!({ "id": "bank", "client": "bank-app", "bundle_id": "com.example.bank" });
    super::location(&admin.post("/admin/v1/native-applications", &bank).await);
    super::location(&admin.post("/admin/v1/mfa-policies", &serde_json::json!({ "id": "trusted" })).await);
}

/// RFC 9110 §13.1.1: what names another state does nothing, and what nobody compares is not taken.
#[tokio::test]
async fn no_operation_that_changes_something_ignores_if_match() {
    let world = super::webhooks::at_home().start().await;
    let admin = world.admin().await;
    let alice = world.user("alice").with_phone().with_password("correct horse battery").await;
    let shop = world.client("shop").await;
    let user = format!("/admin/v1/users/{}", super::robot::usr(&alice));
    let device = admin.get(&format!("{user}/devices")).await.ok()["items"][0]["id"].as_str().unwrap().to_owned();
    let receiver = super::receiver::Receiver::start();
    let webhook = admin
        .post("/admin/v1/webhooks", &serde_json::json!({ "url": receiver.url(), "event_types": ["client.deleted"] }))
        .await;
    let webhook = super::location(&webhook);
    admin.act(&format!("{webhook}/ping")).await.ok();
    let delivery = super::until("a delivery", async || {
        let log = admin.get(&format!("{webhook}/deliveries?state=delivered")).await.ok();
        Some(log["items"].get(0)?["id"].as_str()?.to_owned())
    })
    .await;
    // One that is told nothing: its place in the trail stays where it is.
    admin.patch(&webhook, &serde_json::json!({ "enabled": false })).await.ok();
    shop.ask(&alice).await;
    let request = super::until("a request", async || {
        let all = admin.get("/admin/v1/requests").await.ok();
        Some(all["items"].get(0)?["id"].as_str()?.to_owned())
    })
    .await;
    let login = serde_json::json!({ "id": "login", "url": "https://login.shop.example/" });
    super::location(&admin.post("/admin/v1/authentication-applications", &login).await);
    let staff = serde_json::json!({ "id": "staff", "steps": [{ "id": "password", "source": "password" }] });
    super::location(&admin.post("/admin/v1/policies", &staff).await);
    device_trust(&admin).await;
    let initial = admin.post("/admin/v1/initial-access-tokens", &serde_json::json!({})).await;
    let initial = super::location(&initial).rsplit('/').next().unwrap().to_owned();
    let address = serde_json::json!({ "type": "email", "target": "alice@home.example" });
    let address = super::location(&admin.post(&format!("{user}/otp-devices"), &address).await);
    let key = admin.act(&format!("{user}/pairing-keys")).await;
    let pairing_key = super::location(&key).rsplit('/').next().unwrap().to_owned();
    admin.act("/admin/v1/keys/rotate?emergency=true").await.ok();
    let keys = admin.get("/admin/v1/keys").await.ok();
    let retiring = keys["items"].as_array().unwrap().iter().find(|key| key["state"] == "retiring");
    let kid = retiring.unwrap()["kid"].as_str().unwrap().to_owned();
    let named = |path: &str| {
        path.replace("{client_id}", "shop")
            .replace("{policy_id}", "staff")
            .replace("{application_id}", "login")
            .replace("{native_application_id}", "bank")
            .replace("{mfa_policy_id}", "trusted")
            .replace("{kid}", &kid)
            .replace("{user_id}", &super::robot::usr(&alice))
            .replace("{device_id}", &device)
            .replace("{request_id}", &request)
            .replace("{pairing_key_id}", &pairing_key)
            .replace("{token_id}", &initial)
            .replace("{otp_device_id}", address.rsplit('/').next().unwrap())
            .replace("{webhook_id}", webhook.rsplit('/').next().unwrap())
            .replace("{delivery_id}", &delivery)
    };
    let (mut compared, mut refused) = (0, 0);
    for operation in operations() {
        if matches!(operation.method, Method::GET) || operation.path == "/admin/v1/bootstrap" {
            continue;
        }
        let what = format!("{} {}", operation.method, operation.path);
        let declared = operation.document["parameters"].as_array().into_iter().flatten();
        let declared = declared.filter(|parameter| parameter["name"] == "If-Match").count() == 1;
        let mut call = admin.request(operation.method.clone(), &named(&operation.path)).header("if-match", "\"old\"");
        if operation.document["requestBody"].is_object() {
            call = call.json(&serde_json::json!({}));
        }
        let watch = world.watch().await;
        let answer = crate::world::Answer::of(call).await;
        if declared {
            answer.admin_problem(412, "precondition_failed");
            compared += 1;
        } else {
            answer.admin_problem(400, "invalid_request");
            assert_eq!(answer.json()["errors"][0]["parameter"], "If-Match", "{what}");
            refused += 1;
        }
        watch.only_a_refusal(&what).await;
    }
    assert!(compared >= 20 && refused >= 7, "{compared} {refused}");
    // With what was read it is done.
    for (at, action) in [
        (user.clone(), "lock"),
        (format!("/admin/v1/devices/{device}"), "block"),
        (format!("/admin/v1/requests/{request}"), "cancel"),
        (webhook.clone(), "rotate-secret"),
        ("/admin/v1/clients/shop".to_owned(), "rotate-secret"),
    ] {
        let tag = admin.get(&at).await.header("etag").unwrap().to_owned();
        let call = admin.request(Method::POST, &format!("{at}/{action}")).header("if-match", tag);
        admin.guarded(crate::world::Answer::of(call).await).ok();
    }
}

#[tokio::test]
async fn a_token_is_looked_at_again_at_each_call() {
    let world = World::start().await;
    let robot = world.robot("robot", "nod:clients:write nod:users:read").await;
    assert_eq!(robot.get("/admin/v1/users").await.status, 200);
    robot.client.update(|client| client.scope = nod::protocol::scope::Scope::parse("nod:clients:read").unwrap()).await;
    robot.get("/admin/v1/users").await.admin_problem(403, "insufficient_scope");
    assert_eq!(robot.get("/admin/v1/clients").await.status, 200, "what is left is left");
    robot.delete("/admin/v1/clients/shop").await.admin_problem(403, "insufficient_scope");
    let narrow = robot.only("nod:clients:read").await;
    robot.client.update(|client| client.scope = nod::protocol::scope::Scope::parse("nod:admin").unwrap()).await;
    narrow.get("/admin/v1/users").await.admin_problem(403, "insufficient_scope");
}

#[tokio::test]
async fn a_persons_token_administers_nothing() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let opaque = world.client("opaque").opaque().await;
    for client in [shop, opaque] {
        let tokens = client.log_in(&alice).await;
        for path in ["/admin/v1/clients", "/admin/v1/nothing"] {
            let answer = world.admin_call(Method::GET, path, Some(&tokens.access_token)).await;
            answer.admin_problem(401, "token_invalid");
        }
    }
}

/// Every operation, with every token that is none of an administrator: whatever it is good for elsewhere.
#[tokio::test]
async fn security_147_no_other_token_opens_any_operation() {
    let world = World::start().await;
    let admin = world.admin().await;
    let old = admin.token.clone();
    world.clock.advance(crate::world::seconds(3600));
    let admin = world.admin_again(&admin).await;
    let alice = world.user("alice").with_phone().await;
    let (shop, opaque) = (world.client("shop").refresh().await, world.client("opaque").opaque().await);
    let tokens = shop.log_in(&alice).await;
    let of_opaque = opaque.log_in(&alice).await.access_token;
    let elsewhere = world.client("elsewhere").grants([GrantType::ClientCredentials]).scope("nod:admin");
    let elsewhere = elsewhere.registered(|client| {
        client.backchannel = None;
        client.resources = vec!["https://api.example".to_owned()];
    });
    let for_another = [("grant_type", "client_credentials"), ("resource", "https://api.example")];
    let elsewhere = elsewhere.await;
    let for_another = elsewhere.token(&for_another).await.ok();
    let for_another = for_another["access_token"].as_str().unwrap();
    let revoked = world.admin_again(&admin).await;
    assert_eq!(admin.client.revoke(&revoked.token, None).await.status, 200);
    // Of another server: neither its name nor its keys are ours.
    let other = World::start().await;
    let of_another = other.admin().await.token;
    let forged = {
        let mut parts: Vec<_> = admin.token.split('.').map(str::to_owned).collect();
        parts[2] = of_another.rsplit('.').next().unwrap().to_owned();
        parts.join(".")
    };
    let alices = tokens.refresh_token.as_deref().unwrap();
    let phone = alice.phone().sign(&alice.phone().craft(&nod_device::Call::me()));
    let wrong = [
        ("a person's", &*tokens.access_token),
        ("a person's, opaque", &*of_opaque),
        ("an ID token", &tokens.id_token),
        ("a refresh token", alices),
        ("one for another server", for_another),
        ("one of another server", &of_another),
        ("one with the signature of another", &forged),
        ("one that has ended", &old),
        ("one that was given back", &revoked.token),
        ("what a phone signs", &phone),
    ];
    // Each of them is worth something where it belongs.
    for (client, token) in
        [(&shop, &*tokens.access_token), (&opaque, &of_opaque), (&shop, alices), (&elsewhere, for_another)]
    {
        assert_eq!(client.introspect(token).await["active"], true);
    }
    admin.get("/admin/v1/clients").await.ok();
    for operation in operations() {
        for (what, token) in wrong {
            let (status, challenge) = operation.call(&world, Some(token)).await;
            let what = format!("{} {} with {what}", operation.method, operation.path);
            assert_eq!(status, 401, "{what}");
            assert!(challenge.is_some_and(|challenge| challenge.starts_with("Bearer")), "{what}");
        }
    }
}
