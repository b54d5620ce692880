//! Security profiles on the command line.

use std::fs;

use serde_json::Value;

use super::config::Site;

const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

fn client(site: &Site, arguments: &[&str]) -> super::Nod {
    site.run(&[&["client"], arguments, &["-c", "nod.toml"]].concat())
}

fn apply(site: &Site, text: &str, more: &[&str]) -> super::Nod {
    fs::write(site.path("state.toml"), text).unwrap();
    site.run(&[&["apply", "-f", "state.toml", "-c", "nod.toml"], more].concat())
}

#[test]
fn clients_meet_the_profile_of_the_server() {
    let site = Site::with("profile = \"fapi2-security\"\n").migrated();
    fs::write(site.path("jwks"), JWKS).unwrap();
    let secret = "token_endpoint_auth_method: The security profile demands";
    let callback = ["--redirect-uri", "https://shop.example/cb"];
    let told = client(&site, &[&["create", "shop"], &callback[..]].concat()).ends_with(2);
    assert!(told.contains(secret), "{told}");
    let keys = ["--auth", "private_key_jwt", "--jwks", "jwks"];
    let create = [&["create", "shop"], &callback[..], &keys].concat();
    let told = client(&site, &[&create[..], &["--id-token-alg", "RS256"]].concat()).ends_with(2);
    assert!(told.contains("id_token_signed_response_alg: The security profile does not allow"), "{told}");
    client(&site, &create).ends_with(0);
    let told = client(&site, &["update", "shop", "--userinfo-alg", "RS256"]).ends_with(2);
    assert!(told.contains("userinfo_signed_response_alg: The security profile"), "{told}");

    let declared = "[[client]]\nid = \"till\"\n[[client]]\nid = \"kiosk\"\nauth = \"private_key_jwt\"\njwks = \"file:jwks\"\nauth_alg = \"RS256\"\n";
    for more in [&[][..], &["--plan"]] {
        let told = apply(&site, declared, more).ends_with(2);
        for problem in
            ["client till: auth: The security profile demands", "client kiosk: auth_alg: The security profile"]
        {
            assert!(told.contains(problem), "{problem}:\n{told}");
        }
    }
    assert!(!site.run(&["export", "-c", "nod.toml"]).ends_with(0).contains("kiosk"), "nothing was done");
}

#[test]
fn a_client_is_held_to_a_profile_by_itself() {
    let site = Site::new().migrated();
    fs::write(site.path("jwks"), JWKS).unwrap();
    let keys = ["--auth", "private_key_jwt", "--jwks", "jwks", "--ciba-request-alg", "ES256"];
    client(&site, &[&["create", "till"], &keys[..], &["--security-profile", "fapi-ciba"]].concat()).ends_with(0);
    let shown = client(&site, &["show", "till"]).ends_with(0);
    assert!(shown.lines().any(|line| line == "profile       fapi-ciba"), "{shown}");
    assert!(shown.contains("signed with ES256"), "{shown}");
    let exported = site.run(&["export", "-c", "nod.toml"]).ends_with(0);
    for line in ["security_profile = \"fapi-ciba\"", "ciba_request_alg = \"ES256\""] {
        assert!(exported.lines().any(|one| one == line), "{line}:\n{exported}");
    }
    let told = apply(&site, &exported, &[]).ends_with(0);
    assert!(told.contains("0 to create, 0 to update"), "{told}");
    let weaker = exported.replace("id_token_alg = \"ES256\"", "id_token_alg = \"RS256\"");
    let told = apply(&site, &weaker, &["--yes"]).ends_with(2);
    assert!(told.contains("client till: id_token_alg: The security profile"), "{told}");
    let told = apply(&site, &exported.replace("fapi-ciba", "fapi3"), &["--yes"]).ends_with(2);
    assert!(told.contains("client till: security_profile: One of oauth21"), "{told}");
    let unset = ["--unset", "jwks", "--unset", "backchannel_authentication_request_signing_alg"];
    let secret = [&["update", "till", "--auth", "client_secret_basic"], &unset[..]].concat();
    let told = client(&site, &secret).ends_with(2);
    assert!(told.contains("The security profile demands"), "{told}");
    client(&site, &["update", "till", "--unset", "security_profile"]).ends_with(0);
    assert!(!client(&site, &["show", "till"]).ends_with(0).contains("profile   "));
    client(&site, &["create", "other", "--security-profile", "fapi3"]).ends_with(2);
}

#[test]
fn a_client_with_a_certificate_has_keys_for_its_questions() {
    let site = Site::new().migrated();
    fs::write(site.path("jwks"), JWKS).unwrap();
    let known = ["--auth", "tls_client_auth", "--tls-subject-dn", "CN=till", "--tls-bound-access-tokens"];
    let held = [&["create", "till"], &known[..], &["--security-profile", "fapi-ciba"]].concat();
    let told = client(&site, &held).ends_with(2);
    assert!(told.contains("jwks: The security profile demands signed requests"), "{told}");
    client(&site, &[&held[..], &["--jwks", "jwks", "--ciba-request-alg", "ES256"]].concat()).ends_with(0);
    let exported = site.run(&["export", "-c", "nod.toml"]).ends_with(0);
    assert!(exported.lines().any(|line| line.starts_with("jwks = ")), "{exported}");
    let told = apply(&site, &exported, &[]).ends_with(0);
    assert!(told.contains("0 to create, 0 to update"), "{told}");
    let told = apply(&site, &exported.replace("\"till\"", "\"kiosk\""), &[]).ends_with(0);
    assert!(told.contains("+ client kiosk"), "{told}");
}

/// The rows by their topics.
fn posture(site: &Site, more: &[&str]) -> Vec<(String, Value)> {
    let text = site.run(&[&["config", "show", "--security", "--json"], more].concat()).ends_with(0);
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| (row["topic"].as_str().unwrap().to_owned(), row)).collect()
}

/// The topics of what a profile demands.
const DEMANDS: [&str; 10] = [
    "profile",
    "client authentication",
    "algorithms",
    "assertions",
    "pkce",
    "authorization",
    "pushed requests",
    "signed requests",
    "signed answers",
    "bound tokens",
];

#[test]
fn the_posture_says_what_is_demanded_and_by_what() {
    let site = Site::with("tokens.access = \"1h\"\n");
    let row = |rows: &[(String, Value)], topic: &str| {
        let found = rows.iter().find(|(name, _)| name == topic);
        found.unwrap_or_else(|| panic!("{topic}")).1.clone()
    };
    let rows = posture(&site, &[]);
    for topic in DEMANDS {
        let row = row(&rows, topic);
        assert_eq!((&row["state"], &row["origin"]), (&"open".into(), &serde_json::json!([])), "{row}");
    }
    assert!(row(&rows, "tokens")["what"].as_str().unwrap().contains("3600 s"));
    assert!(site.run(&["config", "check"]).ends_with(0).contains("nothing is wrong"));
    let rows = posture(&site, &["--set", "profile=fapi2-message-signing"]);
    for topic in DEMANDS {
        let row = row(&rows, topic);
        assert_eq!((&row["state"], &row["origin"][0]["key"]), (&"good".into(), &"profile".into()), "{row}");
        assert_eq!(row["origin"][0]["origin"]["source"], "flag");
    }
    assert_eq!(row(&rows, "algorithms")["what"], "ES256, PS256, EdDSA");
    assert!(row(&rows, "tokens")["what"].as_str().unwrap().contains("600 s"));
    assert_eq!(row(&rows, "tokens")["origin"][0]["key"], "profile");
    let rows = posture(&site, &["--set", "authorization.require_pushed=true", "--set", "profile=oauth21"]);
    assert_eq!(row(&rows, "pushed requests")["origin"][0]["key"], "authorization.require_pushed");
    assert_eq!(row(&rows, "signed requests")["state"], "open");
    assert!(row(&rows, "codes")["what"].as_str().unwrap().contains("60 s"));
    let told = site.run(&["config", "check", "--set", "profile=fapi3"]).ends_with(3);
    assert!(told.contains("one of oauth21, fapi2-security"), "{told}");
}
