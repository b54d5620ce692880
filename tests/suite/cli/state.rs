//! `nod apply`, `nod export`, and lists.

use super::config::Site;
use super::*;

const SHOP: &str = r#"
[[client]]
id = "till"
name = "Till 4"
secret = "env:TILL_SECRET"
grants = ["ciba", "refresh_token"]
number_matching = "pick"

[[client]]
id = "kiosk"
auth = "private_key_jwt"
jwks_uri = "https://kiosk.example/jwks"
auth_alg = "ES256"

[[user]]
username = "alice"
name = "Alice"
email = "alice@example.com"
email_verified = true

[[user]]
username = "bob"
"#;

const SECRET: (&str, &str) = ("TILL_SECRET", "correct-horse-battery");

pub(super) fn apply(site: &Site, text: &str, flags: &[&str]) -> Nod {
    fs::write(site.path("state.toml"), text).unwrap();
    let all = [&["apply", "-f", "state.toml", "-c", "nod.toml"], flags].concat();
    Nod::start_in(site.folder.path(), &all, &[SECRET])
}

pub(super) fn export(site: &Site) -> String {
    site.run(&["export", "-c", "nod.toml"]).ends_with(0)
}

/// What is in the trail: a no-op writes nothing.
pub(super) fn events(site: &Site) -> usize {
    let all = ["tail", "--since", "1d", "--no-follow", "-c", "nod.toml"];
    site.run(&all).ends_with(0).lines().count()
}

#[test]
fn ciba_4_where_a_client_is_told_is_applied_and_exported() {
    let site = Site::new().migrated();
    let told = r#"
[[client]]
id = "till"
auth = "private_key_jwt"
jwks_uri = "https://till.example/jwks"
backchannel_token_delivery_mode = "ping"
backchannel_client_notification_endpoint = "https://till.example/ciba"
backchannel_user_code_parameter = true
require_hint_token = true
"#;
    apply(&site, told, &[]).ends_with(0);
    let exported = export(&site);
    for line in told.lines().filter(|line| line.starts_with("backchannel_") || line.starts_with("require_")) {
        assert!(exported.lines().any(|one| one == line), "{line}:\n{exported}");
    }
    let before = events(&site);
    let same = apply(&site, &exported, &[]).ends_with(0);
    assert!(same.contains("0 to create, 0 to update, 0 to delete, 1 as they should be"), "{same}");
    assert_eq!(events(&site), before);
    // What the file does not say has its default.
    let polls: String =
        told.lines().filter(|line| !line.starts_with("backchannel_")).map(|line| format!("{line}\n")).collect();
    apply(&site, &polls, &["--yes"]).ends_with(0);
    let exported = export(&site);
    assert!(!exported.contains("backchannel_client") && !exported.contains("backchannel_token"), "{exported}");
    assert!(exported.contains("backchannel_user_code_parameter = false\nrequire_hint_token = true"), "{exported}");
    let problem = apply(&site, &told.replace("\"ping\"", "\"poll\""), &[]).ends_with(2);
    assert!(problem.contains("backchannel_client_notification_endpoint"), "{problem}");
}

#[test]
fn what_was_exported_applies_as_nothing_to_do() {
    let site = Site::new().migrated();
    let text = apply(&site, SHOP, &[]).ends_with(0);
    for line in ["+ client till", "+ client kiosk", "+ user alice", "+ user bob", "4 changes made"] {
        assert!(text.lines().any(|one| one == line), "{line}:\n{text}");
    }
    assert!(!text.contains(SECRET.1), "{text}");
    let exported = export(&site);
    assert!(!exported.contains(SECRET.1), "{exported}");
    let before = events(&site);
    // As it was written by hand, and as it was exported, once and again.
    for text in [SHOP, &exported] {
        let told = apply(&site, text, &["--prune"]).ends_with(0);
        assert!(told.contains("0 to create, 0 to update, 0 to delete, 4 as they should be"), "{told}");
    }
    assert_eq!(events(&site), before);
    assert_eq!(export(&site), exported);

    // Elsewhere it makes the same people, with the same `sub`, and asks for the secret that it lacks.
    let other = Site::new().migrated();
    let told = apply(&other, &exported, &[]).ends_with(2);
    assert!(told.contains("client till: it needs a secret"), "{told}");
    let whole = exported.replace("# secret = \"env:NAME\"", "secret = \"env:TILL_SECRET\"");
    apply(&other, &whole, &[]).ends_with(0);
    assert_eq!(export(&other), exported);
}

#[test]
fn what_changes_is_shown_and_what_takes_away_is_asked_for() {
    let site = Site::new().migrated();
    apply(&site, SHOP, &[]).ends_with(0);
    let before = export(&site);
    let renamed = SHOP.replace("Till 4", "Till 5");
    let told = apply(&site, &renamed, &["--plan"]).ends_with(0);
    assert!(told.contains("~ client till") && told.contains("\"Till 4\" → \"Till 5\""), "{told}");
    assert_eq!(export(&site), before, "a plan changes nothing");
    apply(&site, &renamed, &[]).ends_with(0);
    assert!(export(&site).contains("Till 5"));

    let less = renamed
        .replace("\n[[user]]\nusername = \"bob\"\n", "")
        .replace("username = \"alice\"", "username = \"alice\"\nstatus = \"locked\"");
    let told = apply(&site, &less, &["--prune"]).ends_with(2);
    assert!(told.contains("- user bob") && told.contains("say --yes"), "{told}");
    assert!(export(&site).contains("bob"), "nothing was done");
    // Without --prune only the lock is a reason to ask.
    let told = apply(&site, &less, &["--json"]).ends_with(2);
    let change: Value = serde_json::from_str(told.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    assert_eq!((change["action"].as_str(), change["id"].as_str()), (Some("update"), Some("alice")), "{told}");
    assert_eq!(change["changes"][0]["to"], "\"locked\"");
    apply(&site, &less, &["--prune", "--yes"]).ends_with(0);
    let after = export(&site);
    assert!(!after.contains("bob") && after.contains("status = \"locked\""), "{after}");

    // A kind that is not mentioned stays; none of it is said with an empty list.
    let people_only = &less[less.find("[[user]]").unwrap()..];
    apply(&site, people_only, &["--prune", "--yes"]).ends_with(0);
    assert!(export(&site).contains("till"));
    apply(&site, &format!("client = []\n{people_only}"), &["--prune", "--yes"]).ends_with(0);
    assert!(!export(&site).contains("till"));
}

#[test]
fn a_secret_is_only_referred_to() {
    let site = Site::new().migrated();
    let told = apply(&site, &SHOP.replace("env:TILL_SECRET", "hunter2-hunter2-hunter2"), &[]).ends_with(2);
    assert!(told.contains("env:NAME or file:PATH") && !told.contains("hunter2"), "{told}");
    let told = apply(&site, &SHOP.replace("secret =", "secert ="), &[]).ends_with(2);
    assert!(told.contains("state.toml:5") && told.contains("secert"), "{told}");
    // Everything that is wrong, at once.
    let wrong =
        SHOP.replace("env:TILL_SECRET", "env:NOT_SET").replace("\"ES256\"", "\"none\"").replace("\"bob\"", "\"alice\"");
    let told = apply(&site, &wrong, &[]).ends_with(2);
    for problem in ["NOT_SET is not set", "kiosk: auth_alg: One of", "user alice: is there twice"] {
        assert!(told.contains(problem), "{problem}:\n{told}");
    }
    assert!(export(&site).contains("client = []"), "nothing was done");

    apply(&site, SHOP, &[]).ends_with(0);
    fs::write(site.path("new.secret"), "another-horse-battery\n").unwrap();
    let rotated = SHOP.replace("env:TILL_SECRET", "file:new.secret");
    let told = apply(&site, &rotated, &["--yes"]).ends_with(0);
    assert!(told.contains("secret") && told.contains("the old one works until"), "{told}");
    let told = apply(&site, &rotated, &[]).ends_with(0);
    assert!(told.contains("0 to update"), "{told}");
}

const WEB: &str = r#"
[[client]]
id = "web"
policy_uri = "https://shop.example/privacy"
tos_uri = "https://shop.example/terms"
jwks_uri = "https://shop.example/jwks"
authorization_encrypted_response_alg = "ECDH-ES"
authorization_encrypted_response_enc = "A256GCM"
secret = "env:TILL_SECRET"
redirect_uris = ["https://shop.example/callback", "http://localhost:*/callback"]
require_pkce = false
implied_consent = true
grants = ["authorization_code", "implicit", "token_exchange"]
response_types = ["code", "code id_token"]
subject_type = "pairwise"
sector_identifier_uri = "https://shop.example/sector.json"
token_exchange_audiences = ["stock"]

[[client]]
id = "app"
auth = "none"
grants = ["authorization_code", "refresh_token"]
redirect_uris = ["com.example.app:/callback"]
dpop_bound_access_tokens = true
may_act = "web"
redirectless = true

[[client]]
id = "robot"
auth = "tls_client_auth"
tls_client_auth_san_dns = "robot.example"
tls_client_certificate_bound_access_tokens = true
grants = ["client_credentials"]
"#;

#[test]
fn what_signs_people_in_is_exported_and_applied() {
    let site = Site::new().migrated();
    apply(&site, WEB, &[]).ends_with(0);
    let exported = export(&site);
    for line in [
        "grants = [\"authorization_code\", \"implicit\", \"token_exchange\"]",
        "response_types = [\"code\", \"code id_token\"]",
        "policy_uri = \"https://shop.example/privacy\"",
        "tos_uri = \"https://shop.example/terms\"",
        "authorization_encrypted_response_alg = \"ECDH-ES\"",
        "authorization_encrypted_response_enc = \"A256GCM\"",
        "subject_type = \"pairwise\"",
        "sector_identifier_uri = \"https://shop.example/sector.json\"",
        "token_exchange_audiences = [\"stock\"]",
        "may_act = \"web\"",
        "redirect_uris = [\"https://shop.example/callback\", \"http://localhost:*/callback\"]",
        "response_types = [\"code\"]",
        "require_pkce = false",
        "implied_consent = true",
        "auth = \"none\"",
        "grants = [\"authorization_code\", \"refresh_token\"]",
        "redirectless = true",
        "require_pkce = true",
        "dpop_bound_access_tokens = true",
        "auth = \"tls_client_auth\"",
        "tls_client_auth_san_dns = \"robot.example\"",
        "tls_client_certificate_bound_access_tokens = true",
    ] {
        assert!(exported.lines().any(|one| one == line), "{line}:\n{exported}");
    }
    assert_eq!(exported.matches("# secret").count(), 1, "a public client has none: {exported}");
    let before = events(&site);
    for text in [WEB, &exported] {
        let told = apply(&site, text, &["--prune"]).ends_with(0);
        assert!(told.contains("0 to create, 0 to update, 0 to delete, 3 as they should be"), "{told}");
    }
    assert_eq!(events(&site), before);

    // An address that goes is one that somebody's sign-in cannot come back to: asked before.
    let moved = WEB.replace("com.example.app:/callback", "com.example.app:/cb");
    let told = apply(&site, &moved, &[]).ends_with(2);
    assert!(told.contains("redirect_uris") && told.contains("say --yes"), "{told}");
    apply(&site, &moved, &["--yes"]).ends_with(0);
    assert!(export(&site).contains("com.example.app:/cb\""));
    let strict = moved.replace("require_pkce = false\n", "");
    let told = apply(&site, &strict, &[]).ends_with(2);
    assert!(told.contains("require_pkce     false → true"), "{told}");

    // So is what somebody may do no longer, or gets otherwise than before.
    let with = |lines: &str| moved.replace("id = \"web\"\n", &format!("id = \"web\"\n{lines}\n"));
    let acts = with("token_exchange_impersonation = true");
    apply(&site, &acts, &["--yes"]).ends_with(0);
    for (changed, field) in [
        (moved.clone(), "token_exchange_impersonation"),
        (acts.replace("[\"stock\"]", "[\"till\"]"), "token_exchange_audiences"),
        (acts.replace("may_act = \"web\"\n", ""), "may_act"),
        (
            acts.replace("implied_consent", "dpop_bound_access_tokens = true\nimplied_consent"),
            "dpop_bound_access_tokens",
        ),
        (acts.replace("implied_consent", "userinfo_alg = \"ES256\"\nimplied_consent"), "userinfo_alg"),
        (acts.replace("implied_consent", "introspection_alg = \"ES256\"\nimplied_consent"), "introspection_alg"),
    ] {
        let told = apply(&site, &changed, &[]).ends_with(2);
        assert!(told.contains(field) && told.contains("say --yes"), "{field}:\n{told}");
    }
    apply(&site, SHOP, &["--yes"]).ends_with(0);
    let told = apply(&site, &SHOP.replace("auth_alg = \"ES256\"\n", ""), &[]).ends_with(2);
    assert!(told.contains("auth_alg") && told.contains("say --yes"), "{told}");

    // By the rules of every registration, in the words of the file.
    let wrong = WEB
        .replace("http://localhost:*/callback", "http://shop.example/cb")
        .replace("\"refresh_token\"", "\"ciba\"")
        .replace("redirectless = true", "require_pkce = false\nsecret = \"env:TILL_SECRET\"");
    let told = apply(&site, &wrong, &[]).ends_with(2);
    for problem in [
        "client web: redirect_uris/1: http is for localhost",
        "client app: grants/1: Not for a public client.",
        "client app: require_pkce: A public client always needs PKCE.",
        "client app: a client with keys, or a public one, has no secret",
    ] {
        assert!(told.contains(problem), "{problem}:\n{told}");
    }
}

/// Over HTTP, as anybody may.
fn registers_itself(site: &Site) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    let body = r#"{"redirect_uris":["https://shop.example/callback"],"client_name":"Guest"}"#;
    let (host, length) = (format!("localhost:{}", site.port), body.len());
    let head = format!("POST /as/clients.oauth2 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    let head = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let json: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{answer}"));
    json["client_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn clients_that_registered_themselves_are_left_alone() {
    let site = Site::with("registration.mode = \"open\"\n").migrated();
    apply(&site, SHOP, &[]).ends_with(0);
    let guest = {
        let _server = site.serve();
        registers_itself(&site)
    };
    let told = apply(&site, SHOP, &["--prune"]).ends_with(0);
    assert!(told.contains("4 as they should be; 1 that registered themselves are left alone"), "{told}");
    apply(&site, "client = []\n", &["--prune", "--yes"]).ends_with(0);
    let listed = site.run(&["client", "list", "-c", "nod.toml"]).ends_with(0);
    assert!(listed.contains(&guest) && listed.lines().count() == 1, "{listed}");
    let without = export(&site);
    assert!(!without.contains(&guest) && without.contains("client = []"), "{without}");
    assert!(without.contains("# Not here, and left alone: clients that registered themselves, 1."), "{without}");
    let theirs = SHOP.replace("id = \"kiosk\"", &format!("id = \"{guest}\""));
    let told = apply(&site, &theirs, &[]).ends_with(2);
    assert!(told.contains(&format!("client {guest}: it registered itself")), "{told}");
}

#[test]
fn an_applied_client_can_ask() {
    let dev = Dev::start();
    let _phone = dev.listening(&["--auto", "approve"]);
    let file = dev.data().join("state.toml");
    fs::write(&file, SHOP.split("[[client]]\nid = \"kiosk\"").next().unwrap()).unwrap();
    let (file, data) = (file.to_str().unwrap().to_owned(), dev.data());
    let apply = ["apply", "-f", &file, "--data-dir", data.to_str().unwrap()];
    Nod::start_with(&apply, &[SECRET]).ends_with(0);
    let party = ["test", "ciba", "--issuer", &dev.issuer, "--client-id", "till"];
    let deadline = Instant::now() + PATIENCE;
    // A running server knows of it within a second.
    while Nod::start_with(&party, &[("NOD_CLIENT_SECRET", SECRET.1)]).end().0 != 0 {
        assert!(Instant::now() < deadline, "the client is not known");
    }
}

#[test]
fn lists_are_objects_for_scripts() {
    let site = Site::new().migrated();
    apply(&site, SHOP, &[]).ends_with(0);
    site.serve();
    let rows = |arguments: &[&str]| -> Vec<Value> {
        let text = site.run(&[arguments, &["-c", "nod.toml"]].concat()).ends_with(0);
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    };
    for (command, count) in [
        (&["client", "list"][..], 2),
        (&["user", "list", "--json"], 2),
        (&["device", "list", "alice"], 0),
        (&["request", "list", "alice"], 0),
        (&["keys", "list"], 6),
        (&["migrate", "status"], 0),
    ] {
        let rows = rows(command);
        assert_eq!(rows.len(), count, "{command:?}: {rows:?}");
        // `id` first, for those who take the first word.
        assert!(rows.iter().all(|row| row["id"].is_string()), "{command:?}: {rows:?}");
    }
    let clients = rows(&["client", "list"]);
    assert_eq!(clients[1]["grants"][1], "refresh_token", "{clients:?}");
    let pending = Site::new();
    let text = pending.run(&["migrate", "status", "-c", "nod.toml"]).ends_with(0);
    assert!(text.contains("\"state\":\"pending\""), "{text}");
}

const SIGN_ON: &str = r#"
[sign_on]
default_policy = "name-first"
default_application = "login"

[[application]]
id = "login"
url = "https://login.shop.example/"
additional_allowed_origins = ["https://preview.shop.example"]

[[policy]]
id = "name-first"
steps = [{ id = "name", source = "identifier" }, { id = "password", source = "password" }]

[[policy]]
id = "staff"
name = "Staff"
application = "login"
steps = [
    { id = "password", source = "password", when = [{ not_within = 3600 }], success = "done" },
]

[[client]]
id = "desk"
auth = "none"
redirect_uris = ["com.example.desk:/callback"]
sign_on_policy = "staff"
"#;

#[test]
fn how_people_sign_in_is_exported_and_applied() {
    let site = Site::new().migrated();
    let told = apply(&site, SIGN_ON, &["--yes"]).ends_with(0);
    let lines = ["+ application login", "+ policy name-first", "+ policy staff", "~ sign_on settings", "+ client desk"];
    let at: Vec<_> = lines.iter().map(|line| told.lines().position(|one| one == *line)).collect();
    assert!(at.iter().all(Option::is_some) && at.is_sorted(), "in this order: {told}");
    let exported = export(&site);
    for line in [
        "default_policy = \"name-first\"",
        "url = \"https://login.shop.example/\"",
        "sign_on_policy = \"staff\"",
        "restrict_access_to_redirectless_mode = false",
        "policies_disabled = false",
        "flow_api_disabled = false",
        "include_request_context = false",
    ] {
        assert!(exported.lines().any(|one| one == line), "{line}:\n{exported}");
    }
    let before = events(&site);
    for text in [SIGN_ON, &exported] {
        let told = apply(&site, text, &["--prune"]).ends_with(0);
        assert!(told.contains("0 to create, 0 to update, 0 to delete, 4 as they should be"), "{told}");
    }
    assert_eq!(events(&site), before);
    assert_eq!(export(&site), exported);
    let other = Site::new().migrated();
    apply(&other, &exported, &["--yes"]).ends_with(0);
    assert_eq!(export(&other), exported);

    // Whose cookies would be kept back is told.
    let told = other.run(&["doctor", "--offline", "--json"]).ends_with(0);
    assert!(told.contains("login is on another site than the issuer"), "{told}");

    // Who signs in otherwise from now on is asked about.
    let weaker = SIGN_ON.replace("3600", "36000");
    let told = apply(&site, &weaker, &[]).ends_with(2);
    assert!(told.contains("~ policy staff") && told.contains("say --yes"), "{told}");
    // All goes, each after what names it.
    let told =
        apply(&site, "application = []\npolicy = []\nclient = []\n[sign_on]\n", &["--prune", "--yes"]).ends_with(0);
    let gone = ["~ sign_on settings", "- client desk", "- policy name-first", "- policy staff", "- application login"];
    assert!(gone.iter().all(|line| told.lines().any(|one| one == *line)), "{told}");
    assert!(export(&site).contains("policy = []"));
    // Or is left where it is named.
    apply(&site, SIGN_ON, &["--yes"]).ends_with(0);
    let told = apply(&site, "policy = []\n", &["--prune", "--yes"]).ends_with(7);
    assert!(told.contains("in use"), "{told}");

    let wrong = SIGN_ON
        .replace("source = \"identifier\"", "source = \"face\"")
        .replace("sign_on_policy = \"staff\"", "sign_on_policy = \"guests\"")
        .replace("https://preview.shop.example", "preview.shop.example");
    let told = apply(&site, &wrong, &[]).ends_with(2);
    for problem in [
        "application login: additional_allowed_origins/0: Not an absolute URL.",
        "policy name-first: steps/0/source: identifier, password, passkey or mfa.",
    ] {
        assert!(told.contains(problem), "{problem}:\n{told}");
    }
    let told = apply(&site, &SIGN_ON.replace("application = \"login\"", "application = \"other\""), &[]).ends_with(2);
    assert!(told.contains("policy staff: there is no application other"), "{told}");
    let told = apply(&site, &SIGN_ON.replace("sign_on_policy = \"staff\"", "sign_on_policy = \"guests\""), &[]);
    let told = told.ends_with(2);
    assert!(told.contains("client desk: there is no policy guests"), "{told}");
}
