//! `nod doctor` and `nod healthcheck`.

use super::config::Site;
use super::*;

#[track_caller]
pub(super) fn checks(nod: Nod, code: i32) -> Vec<(String, String, String)> {
    let text = nod.ends_with(code);
    let report: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(report["exit"], code, "{report:#}");
    let word = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    checks.map(|check| (word(check, "check"), word(check, "state"), word(check, "what"))).collect()
}

#[track_caller]
pub(super) fn has(checks: &[(String, String, String)], name: &str, state: &str, what: &str) {
    let found = checks.iter().any(|check| check.0 == name && check.1 == state && check.2.contains(what));
    assert!(found, "{name} {state} {what}: {checks:#?}");
}

#[test]
fn a_deployment_that_is_well_has_no_cross() {
    let site = Site::new().migrated();
    // Before the first start.
    let found = checks(site.run(&["doctor", "--offline", "--json"]), 0);
    has(&found, "master key", "good", "none yet");
    let _server = site.serve();
    let found = checks(site.run(&["doctor", "--json"]), 0);
    for (name, what) in [
        ("configuration", "nod.toml"),
        ("database", "SQLite takes writes"),
        ("migrations", "up to date"),
        ("master key", "opens the signing keys"),
        ("keys", "ES256: signs since 0 days"),
        ("pending", "for one node"),
        ("issuer", "answers in"),
        ("discovery", "as the configuration has it"),
        ("headers", "come back"),
        ("jwks", "6 keys, those of the database"),
    ] {
        has(&found, name, "good", what);
    }
    let text = site.run(&["doctor"]).ends_with(0);
    assert!(text.lines().all(|line| line.starts_with("✓ ")), "{text}");
    // From elsewhere, only the address is known.
    let elsewhere = tempfile::tempdir().unwrap();
    let address = format!("http://localhost:{}", site.port);
    let found = checks(Nod::start_in(elsewhere.path(), &["doctor", &address, "--json"], &[]), 0);
    has(&found, "jwks", "good", "6 keys");
    // Another issuer than the configured one.
    let found = checks(site.run(&["doctor", &address, "--set", "issuer=http://localhost:1", "--json"]), 1);
    has(&found, "discovery", "wrong", "not http://localhost:1");
}

#[test]
fn what_is_wrong_is_told_without_a_server_too() {
    let site = Site::new();
    let found = checks(site.run(&["doctor", "--json"]), 4);
    has(&found, "database", "unreachable", "nod migrate up");
    has(&found, "issuer", "unreachable", "");
    assert!(!site.path("nod.db").exists(), "a look makes nothing");
    let found = checks(site.run(&["doctor", "--offline", "--json", "--set", "database.url_file=x"]), 1);
    has(&found, "configuration", "wrong", "NOD-CFG-009");
    let site = site.migrated();
    drop(site.serve());
    fs::write(site.path("master.key"), "11".repeat(32)).unwrap();
    let found = checks(site.run(&["doctor", "--offline", "--json"]), 1);
    has(&found, "master key", "wrong", "not the one");
}

#[test]
fn a_certificate_that_ends_is_told() {
    let site = Site::new();
    let mut params = rcgen::CertificateParams::new(vec!["id.example.com".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(site.path("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(site.path("key.pem"), key.serialize_pem()).unwrap();
    fs::set_permissions(site.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let tls = ["--set", "tls.cert=cert.pem", "--set", "tls.key=key.pem"];
    let site = site.migrated();
    let found = checks(site.run(&[&["doctor", "--offline", "--json"], &tls[..]].concat()), 1);
    has(&found, "tls.cert", "wrong", "ended at 2020-01-01");
    site.run(&[&["config", "check"], &tls[..]].concat()).ends_with(0);
    fs::write(site.path("key.pem"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(site.run(&[&["config", "check"], &tls[..]].concat()).ends_with(3).contains("NOD-CFG-009"));
}

#[test]
fn redis_is_examined() {
    let redis = crate::backends::Redis::start();
    let site = Site::new().migrated();
    let url = redis.url();
    let doctor = |url: &str| {
        let environment = [("NOD_EPHEMERAL__URL", url)];
        Nod::start_in(site.folder.path(), &["doctor", "--offline", "--json"], &environment)
    };
    let found = checks(doctor(&url), 0);
    has(&found, "redis", "good", "takes writes");
    has(&found, "redis", "good", "noeviction, append-only, and its clock agrees");
    let address = url.trim_start_matches("redis://").split('/').next().unwrap();
    let mut console = std::net::TcpStream::connect(address).unwrap();
    for setting in ["maxmemory-policy allkeys-lru", "appendonly no"] {
        write!(console, "CONFIG SET {setting}\r\n").unwrap();
        let mut answer = [0; 5];
        console.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }
    let found = checks(doctor(&url), 1);
    has(&found, "eviction", "wrong", "allkeys-lru");
    has(&found, "persistence", "wrong", "appendonly is off");
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    has(&checks(doctor(&nobody), 4), "redis", "unreachable", "");
}

#[test]
fn a_container_asks_whether_its_server_is_ready() {
    let site = Site::new().migrated();
    site.run(&["healthcheck"]).ends_with(4);
    let server = site.serve();
    assert_eq!(site.run(&["healthcheck"]).ends_with(0).trim(), "ready");
    // What cannot be read here says nothing about the server.
    site.run(&["healthcheck", "--set", "keys.master_key_file=elsewhere"]).ends_with(0);
    drop(server);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let busy = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).unwrap();
        let body = r#"{"status":"not ready","database":"up","ephemeral":"down"}"#;
        let head = format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    });
    let text = site.run(&["healthcheck", "--url", &url]).ends_with(1);
    assert!(text.contains("not ready, ephemeral down"), "{text}");
    busy.join().unwrap();
}

#[test]
fn whom_the_server_tells_is_connected_to_and_told_nothing() {
    let site = Site::with("outbound.allow = [\"127.0.0.0/8\"]\n").migrated();
    let run = |arguments: &[&str]| site.run(&[arguments, &["-c", "nod.toml"]].concat()).ends_with(0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let somebody = format!("https://{}", listener.local_addr().unwrap());
    let nobody = format!("https://127.0.0.1:{}", free_port());
    let heard = thread::spawn(move || {
        // Of each connection, all that it brings.
        let mut heard = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_to_end(&mut heard).unwrap();
        }
        heard
    });
    // Of what does not happen here: the server tells it nothing either.
    run(&["webhook", "create", &format!("{somebody}/hooks?key=hunter2"), "--event", "user.locked"]);
    run(&["client", "create", "till", "--notification-endpoint", &format!("{somebody}/ciba")]);
    run(&["client", "create", "kiosk", "--notification-endpoint", &format!("{nobody}/ciba")]);
    let _server = site.serve();
    let found = checks(site.run(&["doctor", "--json"]), 0);
    has(&found, "webhooks", "good", "1 of 1 addresses can be connected to");
    has(&found, "pings", "good", "1 of 2 addresses can be connected to");
    // It is its client's affair.
    has(&found, "pings", "odd", &format!("kiosk: {nobody}: "));
    assert_eq!(heard.join().unwrap(), b"");

    let told = run(&["webhook", "create", &format!("{nobody}/hooks?key=hunter2"), "--event", "user.locked"]);
    let id = told.split_whitespace().next().unwrap();
    let found = checks(site.run(&["doctor", "--json"]), 4);
    has(&found, "webhooks", "unreachable", &format!("{id}: {nobody}: "));
    assert!(found.iter().all(|(_, _, what)| !what.contains("hunter2")), "{found:#?}");
    // Who is not told is not looked for.
    run(&["webhook", "disable", id]);
    run(&["client", "disable", "kiosk"]);
    let found = checks(site.run(&["doctor", "--offline", "--json"]), 0);
    assert!(found.iter().all(|(name, ..)| name != "webhooks" && name != "pings"), "{found:#?}");
}

/// [security 81] Whom the server would not call is not called from here either, by address or by name.
#[test]
fn security_81_whom_the_server_would_not_call_is_told_and_not_called() {
    let allowed = "outbound.allow = [\"127.0.0.0/8\"]\n";
    let site = Site::with(allowed).migrated();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let places = [format!("https://127.0.0.1:{port}"), format!("https://localhost:{port}")];
    for place in &places {
        let url = format!("{place}/hooks");
        site.run(&["webhook", "create", &url, "--event", "user.locked", "-c", "nod.toml"]).ends_with(0);
    }
    let text = fs::read_to_string(site.path("nod.toml")).unwrap();
    fs::write(site.path("nod.toml"), text.replace(allowed, "")).unwrap();
    let _server = site.serve();
    let found = checks(site.run(&["doctor", "--json"]), 1);
    for place in &places {
        has(&found, "webhooks", "wrong", &format!(": {place}: "));
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
