//! `nod tail` and `nod listen`.

use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nod::clock::{Clock as _, SystemClock};
use ring::hmac;

use super::config::Site;
use super::*;

#[test]
fn what_happens_is_followed() {
    let site = Site::new().migrated();
    let create = |name: &str| site.run(&["user", "create", name, "-c", "nod.toml"]).ends_with(0);
    create("alice");
    let tail = |flags: &[&str]| site.run(&[&["tail", "-c", "nod.toml"], flags].concat());
    let following = tail(&["--since", "1h", "--filter", "type=user.*"]);
    following.says("user.created");
    let new_only = tail(&["--filter", "type=*.locked", "--filter", "result=done"]);
    let deadline = Instant::now() + PATIENCE;
    create("bob");
    site.run(&["client", "create", "till", "-c", "nod.toml"]).ends_with(0);
    while following.output.text().lines().count() < 2 {
        assert!(Instant::now() < deadline, "{}", following.output.text());
        thread::sleep(Duration::from_millis(20));
    }
    let events: Vec<Value> = following.output.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["type"] == "user.created" && event["id"].is_string()), "{events:?}");
    assert_ne!(events[0]["user"], events[1]["user"]);
    let text = tail(&["--since", "1h", "--no-follow", "--filter", "client=till"]).ends_with(0);
    assert_eq!(text.lines().count(), 1, "{text}");
    tail(&["--no-follow"]).ends_with(0);
    tail(&["--filter", "colour=red"]).ends_with(2);
    // Ctrl-C is an end as any other.
    for nod in [following, new_only] {
        Command::new("kill").args(["-INT", &nod.child.id().to_string()]).status().unwrap();
        nod.ends_with(0);
    }
}

pub(super) struct Listening {
    pub(super) nod: Nod,
    pub(super) address: String,
    pub(super) secret: String,
}

pub(super) fn listen(folder: &Path, flags: &[&str]) -> Listening {
    let here = ["listen", "--listen", "127.0.0.1:0"];
    let nod = Nod::start_in(folder, &[&here, flags].concat(), &[]);
    let line = nod.says("listening  http://");
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let secret = Nod::start_in(folder, &["listen", "--print-secret"], &[]).ends_with(0).trim().to_owned();
    Listening { nod, address, secret }
}

/// One request, and the status of its answer.
fn post(address: &str, headers: &[(&str, &str)], body: &str) -> String {
    exchange(address, "/hooks", headers, body).split(' ').nth(1).unwrap_or_default().to_owned()
}

fn exchange(address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let mut request =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&[name, ": ", value, "\r\n"].concat());
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn signed(secret: &str, age: i64, body: &str) -> [(&'static str, String); 3] {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let now = SystemClock.now().seconds() - age;
    let text = format!("msg_1.{now}.{body}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(tag));
    [("webhook-id", "msg_1".to_owned()), ("webhook-timestamp", now.to_string()), ("webhook-signature", signature)]
}

fn post_signed(address: &str, secret: &str, age: i64, signed_body: &str, body: &str) -> String {
    let headers = signed(secret, age, signed_body);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    post(address, &headers, body)
}

#[test]
fn a_webhook_is_shown_with_a_verdict_on_its_signature() {
    let folder = tempfile::tempdir().unwrap();
    let Listening { nod, address, secret } = listen(folder.path(), &[]);
    let body = r#"{"type":"request.created"}"#;
    assert_eq!(post_signed(&address, &secret, 0, body, body), "204");
    nod.says("POST /hooks  signature ✓");
    nod.says("\"type\": \"request.created\"");
    assert_eq!(post_signed(&address, &secret, 0, body, "{}"), "401");
    nod.says("signature ✗");
    assert_eq!(post_signed(&address, &secret, 600, body, body), "401");
    nod.says("too old");
    assert_eq!(post(&address, &[], "{\"auth_req_id\":\"x\"}"), "204");
    nod.says("not signed");
    assert!(!nod.output.text().contains(&secret));
    assert_eq!(mode(&folder.path().join(".nod/webhook.secret")), 0o600);
    // The secret is the same the next time.
    Command::new("kill").args(["-INT", &nod.child.id().to_string()]).status().unwrap();
    nod.ends_with(0);
    let again = listen(folder.path(), &["--once"]);
    assert_eq!(again.secret, secret);
    assert_eq!(post_signed(&again.address, &secret, 0, body, "{}"), "401");
    again.nod.ends_with(5);
}

#[test]
fn what_is_received_is_forwarded() {
    let folder = tempfile::tempdir().unwrap();
    let behind = listen(folder.path(), &["--once"]);
    let url = format!("http://{}/elsewhere", behind.address);
    let Listening { nod, address, secret } = listen(folder.path(), &["--forward-to", &url]);
    let body = r#"{"type":"request.approved"}"#;
    assert_eq!(post_signed(&address, &secret, 0, body, body), "204");
    assert!(behind.nod.ends_with(0).contains("POST /elsewhere  signature ✓"));
    nod.says("forwarded 204");
    // Nobody is there any more.
    assert_eq!(post(&address, &[], ""), "502");
    nod.says("not forwarded");
    // A ping's token is for its receiver, not for the screen.
    let quiet = Nod::start_in(folder.path(), &["listen", "--listen", &behind.address, "--json", "--once"], &[]);
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&behind.address).is_err() {
        assert!(Instant::now() < deadline, "nobody listens");
        thread::sleep(Duration::from_millis(20));
    }
    post(&behind.address, &[("authorization", "Bearer hunter2")], body);
    let text = quiet.ends_with(0);
    let received: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(received["headers"]["authorization"], "Bearer ***", "{text}");
    assert_eq!(received["signature"], "none");
    assert!(!text.contains("hunter2"), "{text}");
    Nod::start(&["listen", "--forward-to", "localhost"]).ends_with(2);
}

/// A call of the admin API of `nod dev`, and the members of its answer.
fn admin(dev: &Dev, path: &str, token: &str, body: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let address = dev.issuer.strip_prefix("http://").unwrap();
    let answer = exchange(address, path, &headers, body);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// What `--print-secret` prints is good for registering, and what the server made is good for listening.
#[test]
fn a_ping_of_the_server_arrives_with_its_signature() {
    let dev = Dev::start();
    let begin = fs::read_to_string(dev.data().join("bootstrap-token")).unwrap();
    let root = admin(&dev, "/admin/v1/bootstrap", begin.trim(), "{\"client_id\":\"root\"}");
    let credentials = STANDARD.encode(format!("root:{}", root["client_secret"].as_str().unwrap()));
    let basic = format!("Basic {credentials}");
    let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let fetched = exchange(
        dev.issuer.strip_prefix("http://").unwrap(),
        "/as/token.oauth2",
        &headers,
        "grant_type=client_credentials&scope=nod:admin",
    );
    let fetched: Value = serde_json::from_str(fetched.split_once("\r\n\r\n").unwrap().1).unwrap();
    let token = fetched["access_token"].as_str().unwrap();
    let register = |address: &str, secret: Option<&str>| {
        let mut body = serde_json::json!({ "url": format!("http://{address}/hooks") });
        if let Some(secret) = secret {
            body["secret"] = secret.into();
        }
        admin(&dev, "/admin/v1/webhooks", token, &body.to_string())
    };
    let ping = |made: &Value| {
        let path = format!("/admin/v1/webhooks/{}/ping", made["webhook"]["id"].as_str().unwrap());
        assert_eq!(admin(&dev, &path, token, "")["event_type"], "webhook.ping");
    };

    let folder = tempfile::tempdir().unwrap();
    let Listening { nod, address, secret } = listen(folder.path(), &["--once"]);
    let made = register(&address, Some(&secret));
    assert_eq!(made["secret"], *secret);
    ping(&made);
    nod.says("signature ✓");
    nod.ends_with(0);

    let made = register(&format!("127.0.0.1:{}", free_port()), None);
    let theirs = folder.path().join("theirs");
    fs::write(&theirs, made["secret"].as_str().unwrap()).unwrap();
    let address = made["webhook"]["url"].as_str().unwrap().strip_prefix("http://").unwrap().trim_end_matches("/hooks");
    let here = ["listen", "--listen", address, "--secret-file", "theirs", "--once"];
    let nod = Nod::start_in(folder.path(), &here, &[]);
    nod.says("listening  http://");
    ping(&made);
    nod.says("signature ✓");
    nod.ends_with(0);
}
