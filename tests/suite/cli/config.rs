//! `nod config`, and what `nod serve` refuses.

use super::*;

const TEN_MISTAKES: &str = r#"issuer = "https://id.example.com/"
colour = "red"

[ciba]
default_expiry = "120s"
max_expiry = "60s"
interval = "2 s"
intervall = "2s"
unknown_user = "strictly"

[limits]
connections = "many"

[databse]
url = "postgres://nod:hunter2@db/nod"

[tls]
key = "/etc/nod/key.pem"
"#;

/// A folder with a configuration that works on this machine, for `nod serve` too.
pub(super) struct Site {
    pub(super) folder: TempDir,
    pub(super) port: u16,
    pub(super) ops: u16,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// `more` stands after the rest.
    pub(super) fn with(more: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), port: free_port(), ops: free_port() };
        site.run(&["config", "init", "--with-key"]).ends_with(0);
        let text = format!(
            "issuer = \"http://localhost:{}\"\nlisten.public = \"127.0.0.1:{}\"\nlisten.ops = \"127.0.0.1:{}\"\n\
             database.url = \"sqlite:nod.db\"\nkeys.master_key_file = \"master.key\"\n{more}",
            site.port, site.port, site.ops
        );
        fs::write(site.path("nod.toml"), text).unwrap();
        site
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Nod {
        Nod::start_in(self.folder.path(), arguments, &[])
    }

    pub(super) fn migrated(self) -> Self {
        self.run(&["migrate", "-c", "nod.toml"]).ends_with(0);
        self
    }

    pub(super) fn serve(&self) -> Nod {
        let server = self.run(&["serve"]);
        server.says("\"ready\"");
        server
    }
}

#[test]
fn a_first_file_explains_itself_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| Nod::start_in(folder.path(), arguments, &[]);
    run(&["config", "init", "--issuer", "https://id.example.org", "--with-key"]).ends_with(0);
    let text = fs::read_to_string(folder.path().join("nod.toml")).unwrap();
    assert!(text.starts_with("#:schema ") && text.contains("issuer = \"https://id.example.org\""), "{text}");
    for setting in nod::config::SETTINGS.iter().filter(|setting| setting.key != "keys.master_key") {
        let field = setting.key.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("{field} = ")) && text.contains(setting.about), "{}:\n{text}", setting.key);
    }
    assert_eq!((mode(&folder.path().join("nod.toml")), mode(&folder.path().join("master.key"))), (0o600, 0o600));
    assert!(run(&["config", "check"]).ends_with(0).contains("nothing is wrong"));
    // What is commented out is the default, and right.
    let uncommented: String = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ") && !line.contains('`')).unwrap_or(line))
        .filter(|line| {
            !line.contains("/path")
                && !line.contains("\"\"")
                && !line.contains("127.0.0.1:1\"")
                && !line.starts_with("url = \"embedded")
                // Of use with the rest of its section alone.
                && !line.starts_with("sender = ")
        })
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(folder.path().join("all.toml"), uncommented).unwrap();
    run(&["config", "check", "-c", "all.toml"]).ends_with(0);

    let text = run(&["config", "init"]).ends_with(7);
    assert!(text.contains("left as it is"), "{text}");
    fs::remove_file(folder.path().join("nod.toml")).unwrap();
    run(&["config", "init", "--with-key"]).ends_with(7);
    assert!(!folder.path().join("nod.toml").exists(), "nothing, if not everything");
}

#[test]
fn ten_mistakes_are_ten_lines() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("nod.toml"), TEN_MISTAKES).unwrap();
    let key = "00".repeat(31) + "42";
    let environment =
        [("NOD_TOKENS__ACESS", "1h"), ("NOD_DATABASE__URL", "sqlite:nod.db"), ("NOD_KEYS__MASTER_KEY", &*key)];
    let check = |arguments: &[&str]| Nod::start_in(folder.path(), arguments, &environment).ends_with(3);
    let text = check(&["config", "check"]);
    assert!(text.contains("the configuration has 10 problems"), "{text}");
    for (code, place) in [
        ("NOD-CFG-010  issuer has", "nod.toml:1:10"),
        ("NOD-CFG-003  there is no setting colour", "nod.toml:2:1"),
        ("NOD-CFG-011  ciba.max_expiry", "nod.toml:6:14"),
        ("NOD-CFG-005  ciba.interval is \"2 s\"", "nod.toml:7:12"),
        ("NOD-CFG-003  there is no setting ciba.intervall", "nod.toml:8:1"),
        ("NOD-CFG-005  ciba.unknown_user", "nod.toml:9:16"),
        ("NOD-CFG-004  limits.connections is a text", "nod.toml:12:15"),
        ("NOD-CFG-003  there is no setting databse", "nod.toml:14:2"),
        ("NOD-CFG-014  tls.key is set", "nod.toml:18:7"),
        ("NOD-CFG-003  NOD_TOKENS__ACESS is no setting", "env NOD_TOKENS__ACESS"),
    ] {
        let at = text.find(code).unwrap_or_else(|| panic!("{code}:\n{text}"));
        assert!(text[at..].lines().nth(1).unwrap().contains(place), "{code} at {place}:\n{text}");
    }
    for help in ["did you mean ciba.interval?", "did you mean database?", "did you mean NOD_TOKENS__ACCESS?"] {
        assert!(text.contains(help), "{help}:\n{text}");
    }
    let json: Value = serde_json::from_str(&check(&["config", "check", "--json"])).unwrap();
    let problems = json["problems"].as_array().unwrap();
    assert_eq!((json["ok"].as_bool(), problems.len()), (Some(false), 10), "{json:#}");
    let interval = problems.iter().find(|problem| problem["at"]["line"] == 7).unwrap();
    assert_eq!(interval["at"]["column"], 12);
    assert_eq!(interval["code"], "NOD-CFG-005");
    // Every command that reads it says the same, and none a secret.
    for command in
        [&["serve"][..], &["user", "list", "-c", "nod.toml"], &["config", "show"], &["migrate", "-c", "nod.toml"]]
    {
        let told = check(command);
        assert!(told.contains("NOD-CFG-011") && !told.contains("hunter2") && !told.contains(&key), "{told}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn each_value_is_shown_with_its_origin_and_no_secret() {
    let site = Site::with("database.url_file = \"url\"\n");
    fs::write(site.path("url"), "sqlite:secret.db").unwrap();
    fs::create_dir(site.path("nod.d")).unwrap();
    fs::write(site.path("nod.d/10.toml"), "[tokens]\naccess = \"300s\"\n").unwrap();
    let text = fs::read_to_string(site.path("nod.toml")).unwrap().replace("database.url = \"sqlite:nod.db\"\n", "");
    fs::write(site.path("nod.toml"), text).unwrap();
    let environment = [("NOD_CIBA__INTERVAL", "2s"), ("NOD_EPHEMERAL__URL", "redis://:hunter2@localhost")];
    let show = |arguments: &[&str]| Nod::start_in(site.folder.path(), arguments, &environment).ends_with(0);
    let text = show(&["config", "show", "--json", "--set", "limits.connections=7"]);
    assert!(!text.contains("hunter2"), "{text}");
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key}"));
    assert_eq!(rows.len(), nod::config::SETTINGS.len());
    assert_eq!(row("ciba.interval")["origin"]["variable"], "NOD_CIBA__INTERVAL");
    assert_eq!(row("ephemeral.url")["value"], "***");
    assert_eq!(row("tokens.access")["origin"]["file"], "nod.d/10.toml");
    assert_eq!(row("tokens.access")["origin"]["line"], 2);
    assert_eq!(row("limits.connections")["value"], 7);
    assert_eq!(row("limits.connections")["origin"]["source"], "flag");
    assert_eq!(row("devices.max_per_user")["origin"]["source"], "default");
    let text = show(&["config", "show", "--security"]);
    assert!(text.contains("\"topic\":\"issuer\"") && !text.contains("hunter2"), "{text}");
    // A secret as an argument is one that everybody sees.
    let text = site.run(&["config", "check", "--set", "database.url=hunter2"]).ends_with(3);
    assert!(text.contains("NOD-CFG-008") && !text.contains("hunter2"), "{text}");
}

#[test]
fn everything_can_come_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "00".repeat(32)).unwrap();
    fs::set_permissions(folder.path().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    let environment = [
        ("NOD_ISSUER", "https://id.example.com"),
        ("NOD_PROXY__TRUSTED", "10.0.0.0/8, fd00::/8"),
        ("NOD_DATABASE__URL", "sqlite:nod.db"),
        ("NOD_KEYS__MASTER_KEY_FILE", "key"),
    ];
    Nod::start_in(folder.path(), &["config", "check"], &environment).ends_with(0);
    let text = Nod::start_in(folder.path(), &["config", "check"], &environment[1..]).ends_with(3);
    assert!(text.contains("issuer is missing") && text.contains("NOD_ISSUER"), "{text}");
    let text = Nod::start_in(folder.path(), &["serve"], &environment[..3]).ends_with(3);
    assert!(text.contains("NOD-CFG-006  no master key"), "{text}");
    let text = Nod::start_in(folder.path(), &["config", "check", "-c", "elsewhere.toml"], &environment).ends_with(3);
    assert!(text.contains("NOD-CFG-001") && text.contains("nod config init"), "{text}");
}

#[test]
fn the_database_is_its_owners_alone() {
    let site = Site::new();
    site.run(&["migrate", "-c", "nod.toml"]).ends_with(0);
    assert_eq!(mode(&site.path("nod.db")), 0o600);
    let server = site.run(&["serve"]);
    server.says("ready");
    for name in ["", "-wal", "-shm", "-node", "-ephemeral", "-ephemeral-wal", "-ephemeral-shm"] {
        assert_eq!(mode(&site.path(&format!("nod.db{name}"))), 0o600, "nod.db{name}");
    }
    drop(server);
    // Somebody wants the group to read it.
    fs::set_permissions(site.path("nod.db"), fs::Permissions::from_mode(0o640)).unwrap();
    site.run(&["user", "list", "-c", "nod.toml"]).ends_with(0);
    assert_eq!(mode(&site.path("nod.db")), 0o640);
}

#[test]
fn the_schema_is_for_editors() {
    let schema: Value = serde_json::from_str(&Nod::start(&["config", "schema"]).ends_with(0)).unwrap();
    assert_eq!(schema, nod::config::json_schema());
    assert_eq!(schema["properties"]["ciba"]["properties"]["unknown_user"]["enum"][0], "strict");
    assert_eq!(schema["properties"]["ephemeral"]["properties"]["url"]["default"], "embedded");
    assert_eq!(schema["properties"]["limits"]["properties"]["connections"]["default"], 10_000);
}

#[test]
fn production_is_refused_with_one_list() {
    let dev = Dev::start();
    let data = dev.data();
    let site = Site::new();
    let key = data.join("master.key");
    let text = format!(
        "issuer = \"http://id.example.com\"\nlisten.public = \"127.0.0.1:{}\"\nlisten.ops = \"127.0.0.1:{}\"\n\
         database.url = \"sqlite:{}\"\nkeys.master_key_file = \"{}\"\n\
         ephemeral.url_file = \"redis.url\"\n",
        site.port,
        site.ops,
        data.join("dev.db").display(),
        key.display()
    );
    fs::write(site.path("nod.toml"), text).unwrap();
    fs::write(site.path("redis.url"), "redis://:hunter2@redis.example.com:6379").unwrap();
    fs::set_permissions(site.path("redis.url"), fs::Permissions::from_mode(0o644)).unwrap();
    let text = site.run(&["serve"]).ends_with(3);
    assert!(text.contains("not started, for 4 reasons"), "{text}");
    for (code, way_out) in [
        ("NOD-CFG-101", "there is no override"),
        ("NOD-CFG-102", "danger.plain_redis"),
        ("NOD-CFG-104", "danger.readable_secrets"),
        ("NOD-CFG-106", "danger.dev_data"),
    ] {
        let at = text.find(code).unwrap_or_else(|| panic!("{code}:\n{text}"));
        assert!(text[at..].lines().take(3).any(|line| line.contains(way_out)), "{code}:\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    // Without its clients there still are its people.
    for client in ["shop", "shop-ping"] {
        site.run(&["client", "delete", client, "--yes", "-c", "nod.toml"]).ends_with(0);
    }
    for user in ["alice", "bob"] {
        let text = site.run(&["serve"]).ends_with(3);
        assert!(text.contains(&format!("the user {user} still has the password that dev mode gives them")), "{text}");
        site.run(&["user", "delete", user, "--yes", "-c", "nod.toml"]).ends_with(0);
    }
    assert!(!site.run(&["serve"]).ends_with(3).contains("NOD-CFG-106"));
    // What is wrong, and what is unsafe, stand in the same list.
    let text = site.run(&["serve", "--set", "ciba.interval=0s", "--set", "keys.master_key_file="]).ends_with(3);
    for code in ["NOD-CFG-005", "NOD-CFG-012", "NOD-CFG-101", "NOD-CFG-102", "NOD-CFG-104"] {
        assert!(text.contains(code), "{code}:\n{text}");
    }
    // The configuration alone tells three of them.
    assert!(site.run(&["config", "check"]).ends_with(3).contains("3 problems"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(site.run(&["config", "check"]).ends_with(3).contains("chmod 600"));
}

/// Status and all of the answer.
fn ask(address: &str, said: &str) -> (u16, String) {
    send(address, "GET", said)
}

fn send(address: &str, method: &str, said: &str) -> (u16, String) {
    call(address, ("id.example.org", method, "/.well-known/openid-configuration"), said)
}

fn call(address: &str, (host, method, path): (&str, &str, &str), said: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{said}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}

/// The program itself, as it is started.
#[test]
fn security_70_a_server_has_nothing_of_dev_mode() {
    let site = Site::new().migrated();
    let _server = site.serve();
    let host = format!("localhost:{}", site.port);
    let call = |method: &str, path: &str| {
        call(&format!("127.0.0.1:{}", site.port), (host.as_str(), method, path), "Content-Length: 0\r\n")
    };
    assert_eq!(call("GET", "/.well-known/openid-configuration").0, 200, "it is there");
    for path in ["/", "/dev", "/dev/wire", "/dev/inbox", "/dev/clock", "/dev/number?user=alice&notification=x"] {
        let (status, answer) = call("GET", path);
        assert!(status == 404 && answer.contains("not_found"), "{path}: {answer}");
    }
    for path in ["/dev/shop/requests", "/dev/shop/cancel", "/dev/wire/clear", "/dev/pairing-keys?user=alice"] {
        let (status, answer) = call("POST", path);
        assert!(status == 404 && answer.contains("not_found"), "{path}: {answer}");
    }
}

/// What `nod config init` writes, served at once: for a proxy on this machine, and for nobody else.
#[test]
fn a_first_file_serves_nobody_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| Nod::start_in(folder.path(), arguments, &[]);
    run(&["config", "init", "--issuer", "https://id.example.org", "--with-key"]).ends_with(0);
    let written: toml::Table = fs::read_to_string(folder.path().join("nod.toml")).unwrap().parse().unwrap();
    assert_eq!(written["listen"]["public"].as_str(), Some("127.0.0.1:8443"));
    run(&["migrate", "-c", "nod.toml"]).ends_with(0);
    let (public, ops) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let listen = [format!("listen.public={public}"), format!("listen.ops={ops}")];
    let server = run(&["serve", "--set", &listen[0], "--set", &listen[1]]);
    server.says("\"ready\"");
    let (said, answer) = ask(&public, "");
    assert!(said == 400 && answer.contains("not encrypted"), "{answer}");
    let encrypted = "X-Forwarded-Proto: https\r\nX-Request-Id: mine\r\n";
    let (said, document) = ask(&public, encrypted);
    assert_eq!(said, 200);
    // It comes before the routes, and lacks nothing that an answer has.
    for field in ["cache-control: public, max-age=3600", "x-content-type-options: nosniff", "x-request-id: mine"] {
        assert!(document.contains(field), "{field}: {document}");
    }
    assert!(document.contains("\"issuer\":\"https://id.example.org\""), "{document}");
    let (said, head) = send(&public, "HEAD", encrypted);
    assert!(said == 200 && head.ends_with("\r\n\r\n"), "{head}");
    let (said, refused) = send(&public, "DELETE", encrypted);
    assert!(said == 405 && refused.to_lowercase().contains("allow: get"), "{refused}");
    let begun = Instant::now();
    loop {
        let trail = run(&["audit", "export", "-c", "nod.toml"]).ends_with(0);
        match trail.matches("not encrypted").count() {
            0 if begun.elapsed() < PATIENCE => {}
            count => break assert_eq!(count, 1, "{trail}"),
        }
    }
}

#[test]
fn a_door_without_tls_is_for_proxies() {
    let site = Site::new();
    let check = |more: &[&str]| {
        let sets = more.iter().flat_map(|set| ["--set", *set]);
        site.run(&["config", "check"].into_iter().chain(sets).collect::<Vec<_>>())
    };
    let public = "listen.public=0.0.0.0:1";
    let (issuer, here) = ("issuer=https://id.example.com", "proxy.trusted=127.0.0.0/8,::1/128");
    for refused in [&[public][..], &[public, here], &[public, issuer, here], &[issuer, "proxy.trusted=10.0.0.0/8,::/0"]]
    {
        let text = check(refused).ends_with(3);
        assert!(text.contains("NOD-CFG-108") && text.contains("danger.plain_http"), "{refused:?}:\n{text}");
        let permitted = [refused, &["danger.plain_http=true"]].concat();
        check(&permitted).ends_with(0);
    }
    check(&[public, issuer, "proxy.trusted=172.16.0.0/12"]).ends_with(0);
    check(&[issuer, here]).ends_with(0);
}

/// After a power cut both start at once, and the database takes longer.
#[test]
fn a_database_that_does_not_answer_yet_is_waited_for() {
    let postgres = crate::backends::Postgres::start();
    let site = Site::new();
    let url = postgres.database();
    let run = |arguments: &[&str]| Nod::start_in(site.folder.path(), arguments, &[("NOD_DATABASE__URL", &url)]);
    run(&["migrate", "-c", "nod.toml"]).ends_with(0);
    postgres.pause();
    let server = run(&["serve"]);
    server.says("trying again");
    postgres.unpause();
    server.says("\"ready\"");
    drop(server);
    // Not for ever.
    let begun = Instant::now();
    let nowhere = format!("postgres://nod@127.0.0.1:{}/nod", free_port());
    Nod::start_in(site.folder.path(), &["serve"], &[("NOD_DATABASE__URL", &nowhere)]).ends_with(4);
    assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn two_nodes_need_redis_on_postgresql_too() {
    let postgres = crate::backends::Postgres::start();
    let site = Site::new();
    let url = postgres.database();
    let run = |arguments: &[&str]| Nod::start_in(site.folder.path(), arguments, &[("NOD_DATABASE__URL", &url)]);
    run(&["migrate", "-c", "nod.toml"]).ends_with(0);
    let first = run(&["serve"]);
    first.says("\"ready\"");
    let text = run(&["serve"]).ends_with(3);
    assert!(text.contains("NOD-CFG-107"), "{text}");
    // That of tests is fast, and forgets.
    let text = run(&["doctor"]).ends_with(1);
    for line in
        ["✓ database       PostgreSQL takes writes", "apart from the database's", "✗ durability     fsync is off"]
    {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    let text = run(&["tail", "--since", "1h", "--no-follow", "--filter", "type=key.*", "-c", "nod.toml"]).ends_with(0);
    assert!(text.lines().count() >= 3, "{text}");
    drop(first);
    run(&["serve"]).says("\"ready\"");
}

#[test]
fn two_nodes_need_redis_between_them() {
    let site = Site::new().migrated();
    let mut first = site.serve();
    let text =
        site.run(&["serve", "--set", "listen.public=127.0.0.1:0", "--set", "listen.ops=127.0.0.1:0"]).ends_with(3);
    assert!(text.contains("NOD-CFG-107") && text.contains("danger.shared_embedded"), "{text}");
    let text = site.run(&["serve", "--set", "danger.shared_embedded=true"]).ends_with(1);
    assert!(text.contains("cannot listen"), "it came further: {text}");
    assert!(text.contains("an override of a safety rule is set"), "{text}");
    // However the first one ends, the next one may start.
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    site.serve();
}
