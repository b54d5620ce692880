//! `nod webhook`: whom the server tells what happens.

use super::config::Site;
use super::events::{Listening, listen};
use super::*;

const URL: &str = "https://hooks.example/nod";

fn webhook(site: &Site, arguments: &[&str]) -> Nod {
    site.run(&[&["webhook"], arguments, &["-c", "nod.toml"]].concat())
}

/// The identifier at the beginning of what was told, and the secret on the next line.
fn made(told: &str) -> (String, String) {
    let id = told.split_whitespace().next().unwrap().to_owned();
    let secret = told.lines().find_map(|line| line.strip_prefix("secret  ")).unwrap_or_else(|| panic!("{told}"));
    (id, secret.to_owned())
}

fn listed(nod: Nod) -> Vec<Value> {
    nod.ends_with(0).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn a_webhook_is_registered_changed_and_deleted_by_commands() {
    let site = Site::new().migrated();
    let told = webhook(&site, &["create", URL, "--event", "user.locked", "--description", "Desk"]).ends_with(0);
    let (id, secret) = made(&told);
    assert!(id.starts_with("whk_") && secret.starts_with("whsec_"), "{told}");
    let [one] = &listed(webhook(&site, &["list"]))[..] else { panic!("one webhook") };
    assert_eq!((&one["id"], &one["url"], &one["enabled"]), (&id.as_str().into(), &URL.into(), &true.into()));
    assert_eq!((&one["event_types"], &one["description"]), (&serde_json::json!(["user.locked"]), &"Desk".into()));
    assert!(!one.to_string().contains(&secret));

    webhook(&site, &["disable", &id]).ends_with(0);
    let shown = || listed(webhook(&site, &["show", &id, "--json"])).remove(0);
    assert_eq!(shown()["enabled"], false);
    webhook(&site, &["enable", &id]).ends_with(0);
    assert_eq!((&shown()["enabled"], &shown()["event_types"][0]), (&true.into(), &"user.locked".into()));
    webhook(&site, &["update", &id, "--all-events", "--description", ""]).ends_with(0);
    assert_eq!((shown()["event_types"].clone(), &shown()["description"]), (serde_json::json!([]), &Value::Null));
    webhook(&site, &["update", &id]).ends_with(2);
    webhook(&site, &["update", &id, "--all-events", "--event", "user.locked"]).ends_with(2);

    let (same, other) = made(&webhook(&site, &["rotate-secret", &id]).ends_with(0));
    assert!(same == id && other.starts_with("whsec_") && other != secret);
    let stored = fs::read(site.path("nod.db")).unwrap();
    for secret in [&secret, &other] {
        assert!(!String::from_utf8_lossy(&stored).contains(secret.as_str()), "it rests sealed");
    }
    let told = webhook(&site, &["delete", &id]).ends_with(2);
    assert!(told.contains(URL) && told.contains("say --yes"), "{told}");
    shown();
    webhook(&site, &["delete", &id, "--yes"]).ends_with(0);
    webhook(&site, &["show", &id]).ends_with(6);
    assert!(listed(webhook(&site, &["list"])).is_empty());
    let trail = site.run(&["tail", "--since", "1d", "--no-follow", "-c", "nod.toml"]).ends_with(0);
    for event in ["webhook.created", "webhook.updated", "webhook.secret_rotated", "webhook.deleted"] {
        assert!(trail.contains(event), "{event}: {trail}");
    }
}

#[test]
fn a_webhook_that_may_not_be_called_is_not_registered() {
    let site = Site::new().migrated();
    for (arguments, told) in [
        (&["create", "http://hooks.example/nod"][..], "url: An https URL"),
        (&["create", "https://127.0.0.1/nod"], "url: An https URL"),
        (&["create", URL, "--event", "user.unheard_of"], "event_types: An event type that there is not"),
    ] {
        let text = webhook(&site, arguments).ends_with(2);
        assert!(text.contains(told), "{arguments:?}: {text}");
    }
    let mut nod = webhook(&site, &["create", URL, "--secret-stdin"]);
    nod.type_line("whsec_hunter2");
    let told = nod.ends_with(2);
    assert!(told.contains("secret: whsec_ and the base64") && !told.contains("hunter2"), "{told}");
    // Never on the command line.
    webhook(&site, &["create", URL, "--secret", "whsec_hunter2"]).ends_with(2);
    for arguments in [&["show", "whk_x"][..], &["enable", "whk_x"], &["ping", "whk_x"], &["deliveries", "whk_x"]] {
        webhook(&site, arguments).ends_with(6);
    }
    assert!(listed(webhook(&site, &["list"])).is_empty());
}

#[test]
fn a_server_tells_whom_a_command_has_registered() {
    let dev = Dev::start();
    let data = dev.data();
    let run = |arguments: &[&str]| Nod::start(&[arguments, &["--data-dir", data.to_str().unwrap()]].concat());
    let folder = tempfile::tempdir().unwrap();
    let Listening { nod: listening, address, secret } = listen(folder.path(), &[]);
    let url = format!("http://{address}/hooks");
    let mut creating = run(&["webhook", "create", &url, "--event", "user.created", "--secret-stdin"]);
    creating.type_line(&secret);
    let (id, shown) = made(&creating.ends_with(0));
    assert_eq!(shown, secret, "the one that the receiver has");

    run(&["webhook", "ping", &id]).ends_with(0);
    listening.says("webhook.ping");
    run(&["user", "create", "carol"]).ends_with(0);
    listening.says("\"type\": \"user.created\"");
    let deadline = Instant::now() + PATIENCE;
    let delivered = loop {
        let delivered = listed(run(&["webhook", "deliveries", &id, "--state", "delivered"]));
        if delivered.len() == 2 {
            break delivered;
        }
        assert!(Instant::now() < deadline, "{delivered:?}");
    };
    assert_eq!(delivered[0]["event_type"], "user.created", "newest first");
    assert_eq!((&delivered[0]["attempts"], &delivered[0]["last_status"]), (&1.into(), &204.into()));
    run(&["webhook", "deliveries", &id, "--state", "lost"]).ends_with(2);

    let heard = |what: &str| listening.output.text().matches(what).count();
    let before = heard("POST /hooks  signature ✓");
    assert_eq!(before, 2, "{}", listening.output.text());
    let again = delivered[0]["id"].as_str().unwrap();
    assert!(run(&["webhook", "redeliver", &id, again]).ends_with(0).contains("pending  user.created"));
    while heard("POST /hooks  signature ✓") == before {
        assert!(Instant::now() < deadline, "it does not come again: {}", listening.output.text());
        thread::sleep(Duration::from_millis(20));
    }
    run(&["webhook", "redeliver", &id, "dlv_00000000000000000000000000"]).ends_with(6);

    // What happens meanwhile is not told, and what happens afterwards is.
    run(&["webhook", "disable", &id]).ends_with(0);
    run(&["user", "create", "dave"]).ends_with(0);
    run(&["webhook", "enable", &id]).ends_with(0);
    let erin = run(&["user", "create", "erin"]).ends_with(0);
    let erin = erin.split_whitespace().next().unwrap().parse().unwrap();
    listening.says(&nod::protocol::public_id::encode(nod::protocol::public_id::Kind::User, erin));
    assert_eq!(listed(run(&["webhook", "deliveries", &id])).len(), 3);
}
