//! `nod client create`, `update` and `show`, for clients that sign people in.

use super::config::Site;

const CALLBACK: &str = "https://shop.example/callback";

fn client(site: &Site, arguments: &[&str]) -> super::Nod {
    site.run(&[&["client"], arguments, &["-c", "nod.toml"]].concat())
}

#[track_caller]
fn shows(site: &Site, id: &str, lines: &[&str]) {
    let text = client(site, &["show", id]).ends_with(0);
    for line in lines {
        assert!(text.lines().any(|one| one == *line), "{line}:\n{text}");
    }
}

#[test]
fn a_client_that_signs_people_in_is_registered_and_changed() {
    let site = Site::new().migrated();
    let told = client(&site, &["create", "shop", "--redirect-uri", CALLBACK]).ends_with(0);
    assert!(told.contains("secret  "), "{told}");
    shows(
        &site,
        "shop",
        &[
            "grants        authorization_code",
            "redirect uri  https://shop.example/callback",
            "sign-in       code, pkce required true, redirectless false, implied consent false",
        ],
    );
    // What is not named stays; a list is replaced.
    let two = ["--redirect-uri", "https://shop.example/cb", "--redirect-uri", "http://127.0.0.1/cb"];
    let flags = ["--require-pkce=false", "--redirectless", "--implied-consent", "--name", "The shop"];
    client(&site, &[&["update", "shop"], &two[..], &flags].concat()).ends_with(0);
    let changed = "sign-in       code, pkce required false, redirectless true, implied consent true";
    shows(&site, "shop", &["redirect uri  https://shop.example/cb", "redirect uri  http://127.0.0.1/cb", changed]);
    assert!(!client(&site, &["show", "shop"]).ends_with(0).contains(CALLBACK));
    client(&site, &["update", "shop", "--grant", "authorization_code", "--grant", "refresh_token"]).ends_with(0);
    shows(&site, "shop", &["grants        authorization_code refresh_token", changed]);
    client(&site, &["update", "shop", "--unset", "redirectless", "--unset", "require_pkce"]).ends_with(0);
    shows(&site, "shop", &["sign-in       code, pkce required true, redirectless false, implied consent true"]);

    let pages = ["--policy-uri", "https://shop.example/privacy", "--tos-uri", "https://shop.example/terms"];
    client(&site, &[&["update", "shop", "--client-uri", "https://shop.example/"], &pages[..]].concat()).ends_with(0);
    shows(&site, "shop", &["policy page   https://shop.example/privacy", "terms         https://shop.example/terms"]);
    client(&site, &["update", "shop", "--unset", "client_uri", "--name", "Shop"]).ends_with(0);
    shows(&site, "shop", &["terms         https://shop.example/terms"]);
    assert!(!client(&site, &["show", "shop"]).ends_with(0).contains("page          "));

    let told = client(&site, &["create", "app", "--public", "--redirect-uri", "com.example.app:/cb"]).ends_with(0);
    assert!(!told.contains("secret"), "{told}");
    client(&site, &["rotate-secret", "app"]).ends_with(7);
    client(&site, &["create", "till", "--long-poll"]).ends_with(0);
    shows(&site, "till", &["backchannel   poll, number matching off, long poll true"]);
    client(&site, &["update", "till", "--long-poll=false"]).ends_with(0);
    let exchange =
        ["--grant", "token_exchange", "--token-exchange-audience", "stock", "--token-exchange-impersonation"];
    client(&site, &[&["create", "backend", "--may-act", "other"], &exchange[..]].concat()).ends_with(0);
    shows(&site, "backend", &["exchange      audiences stock, impersonation true", "may act       other"]);
    client(&site, &["update", "till", "--userinfo-alg", "PS256", "--introspection-alg", "ES256"]).ends_with(0);
    shows(&site, "till", &["userinfo      PS256", "introspection ES256"]);
    client(&site, &["update", "till", "--userinfo-alg", "EdDSA"]).ends_with(2);
    client(&site, &["update", "till", "--dpop-bound-access-tokens"]).ends_with(0);
    shows(&site, "till", &["access token  always with a DPoP proof"]);
    let certified = ["--auth", "tls_client_auth", "--tls-subject-dn", "CN=robot,O=X", "--tls-bound-access-tokens"];
    let told = client(&site, &[&["create", "robot", "--grant", "client_credentials"], &certified[..]].concat());
    assert!(!told.ends_with(0).contains("secret"));
    shows(&site, "robot", &["certificate   subject CN=robot,O=X", "access token  always with its certificate"]);
    client(&site, &["update", "robot", "--tls-san-dns", "robot.example"]).ends_with(2);
    let renamed = ["update", "robot", "--unset", "tls_client_auth_subject_dn", "--tls-san-dns", "robot.example"];
    client(&site, &renamed).ends_with(0);
    shows(&site, "robot", &["certificate   host robot.example"]);
    client(&site, &["update", "till", "--unset", "dpop_bound_access_tokens"]).ends_with(0);
    assert!(!client(&site, &["show", "till"]).ends_with(0).contains("DPoP"));
    shows(&site, "till", &["backchannel   poll, number matching off, long poll false"]);

    let both = ["--grant", "authorization_code", "--grant", "implicit", "--response-type", "code id_token"];
    let site_of = ["create", "page", "--redirect-uri", CALLBACK, "--subject-type", "pairwise"];
    client(&site, &[&site_of[..], &both].concat()).ends_with(0);
    let sign_in = "sign-in       code id_token, pkce required true, redirectless false, implied consent false";
    shows(&site, "page", &[sign_in, "people        pairwise, in the sector shop.example"]);
    let elsewhere = ["update", "page", "--redirect-uri", CALLBACK, "--redirect-uri", "https://bank.example/cb"];
    let told = client(&site, &elsewhere).ends_with(2);
    assert!(told.contains("sector_identifier_uri"), "{told}");
    let sector = ["--sector-identifier-uri", "https://sector.example/list.json"];
    client(&site, &[&elsewhere[..], &sector].concat()).ends_with(0);
    shows(&site, "page", &["people        pairwise, in the sector sector.example"]);
    let told =
        client(&site, &["create", "other", "--redirect-uri", CALLBACK, "--response-type", "id_token"]).ends_with(2);
    assert!(told.contains("response_types"), "{told}");
}

#[test]
fn ciba_4_a_client_is_told_where_a_command_says() {
    let site = Site::new().migrated();
    let endpoint = "https://till.example/ciba";
    client(&site, &["create", "till", "--notification-endpoint", endpoint]).ends_with(0);
    let pinged =
        ["backchannel   ping, number matching off, long poll false", "pinged at     https://till.example/ciba"];
    shows(&site, "till", &pinged);
    client(&site, &["update", "till", "--name", "Till 5"]).ends_with(0);
    shows(&site, "till", &pinged);
    client(&site, &["update", "till", "--delivery-mode", "poll"]).ends_with(2);
    let unset = ["--unset", "backchannel_client_notification_endpoint"];
    client(&site, &[&["update", "till", "--delivery-mode", "poll"], &unset[..]].concat()).ends_with(0);
    shows(&site, "till", &["backchannel   poll, number matching off, long poll false"]);
    client(&site, &["update", "till", "--delivery-mode", "ping"]).ends_with(2);
    client(&site, &["update", "till", "--delivery-mode", "push"]).ends_with(2);
    client(&site, &["update", "till", "--notification-endpoint", "http://till.example/ciba"]).ends_with(2);
}

#[test]
fn ciba_4_who_gives_user_codes_and_hint_tokens_a_command_says() {
    let site = Site::new().migrated();
    client(&site, &["create", "till", "--ask-user-code", "--require-hint-token"]).ends_with(0);
    shows(&site, "till", &["asks          with a user code true, by hint tokens alone true"]);
    client(&site, &["update", "till", "--name", "Till 5", "--require-hint-token=false"]).ends_with(0);
    shows(&site, "till", &["asks          with a user code true, by hint tokens alone false"]);
    client(&site, &["update", "till", "--unset", "backchannel_user_code_parameter"]).ends_with(0);
    shows(&site, "till", &["asks          with a user code false, by hint tokens alone false"]);
    for flag in ["--ask-user-code", "--require-hint-token"] {
        let told = client(&site, &["create", "shop", "--redirect-uri", CALLBACK, flag]).ends_with(2);
        assert!(told.contains("Only with the CIBA grant."), "{told}");
    }
}

#[test]
fn ciba_7_1_2_a_user_code_comes_by_standard_input() {
    let site = Site::new().migrated();
    let user = |arguments: &[&str]| site.run(&[&["user"], arguments, &["-c", "nod.toml"]].concat());
    user(&["create", "bob"]).ends_with(0);
    let set = |whose: &str, code: &str, status: i32| {
        let mut nod = user(&["set-user-code", whose]);
        nod.type_line(code);
        let told = nod.ends_with(status);
        assert!(!told.contains(code), "{told}");
        told
    };
    assert!(set("bob", "4815-1623", 0).contains("has a new user code"));
    assert!(set("bob", "48151", 2).contains("user_code: At least 6 characters."));
    set("nobody", "4815-1623", 6);
    let stored = std::fs::read(site.path("nod.db")).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains("4815-1623"));
    user(&["remove-user-code", "bob"]).ends_with(0);
    user(&["remove-user-code", "bob"]).ends_with(6);
    let trail = site.run(&["tail", "--since", "1d", "--no-follow", "-c", "nod.toml"]).ends_with(0);
    assert!(trail.contains("user_code.set") && trail.contains("user_code.removed"), "{trail}");
}

#[test]
fn what_cannot_be_registered_is_said() {
    let site = Site::new().migrated();
    client(&site, &["create", "till"]).ends_with(0);
    for (arguments, told) in [
        (&["create", "shop", "--redirect-uri", "http://shop.example/cb"][..], "redirect_uris/0: http is for localhost"),
        (&["create", "shop", "--grant", "authorization_code"], "redirect_uris: Who signs people in needs"),
        (&["create", "app", "--public"], "redirect_uris: Who signs people in needs"),
        (&["create", "app", "--public", "--grant", "ciba"], "grant_types/0: Not for a public client."),
        (
            &["create", "app", "--public", "--redirect-uri", CALLBACK, "--require-pkce=false"],
            "require_pkce: A public client always needs PKCE.",
        ),
        (&["create", "app", "--public", "--auth", "client_secret_basic"], "cannot be used with"),
        (&["create", "app", "--public", "--redirect-uri", CALLBACK, "--secret-stdin"], "for a client with a secret"),
        (
            &["create", "till", "--redirectless"],
            "redirectless: Only with the authorization_code or the implicit grant.",
        ),
        (
            &["update", "till", "--redirect-uri", CALLBACK],
            "redirect_uris: Only with the authorization_code or the implicit grant.",
        ),
        (
            &["create", "app", "--redirect-uri", CALLBACK, "--backchannel-logout-uri", "ftp://shop.example/out"],
            "backchannel_logout_uri: An https URL",
        ),
        (
            &["create", "kiosk", "--auth", "private_key_jwt", "--jwks-uri", "https://kiosk.example/jwks#1"],
            "jwks_uri: An https URL",
        ),
        (
            &["create", "app", "--redirect-uri", CALLBACK, "--request-uri", "http://shop.example/request"],
            "request_uris/0: An https URL",
        ),
        (
            &["create", "app", "--redirect-uri", CALLBACK, "--authorization-response-encryption-alg", "ECDH-ES"],
            "authorization_encrypted_response_alg: Only with jwks or jwks_uri",
        ),
        (
            &["create", "app", "--redirect-uri", CALLBACK, "--logo-uri", "http://shop.example/logo.png"],
            "logo_uri: An https URL of at most 400 characters",
        ),
        (&["update", "till", "--unset", "redirect_url"], "unknown field `redirect_url`"),
        (&["update", "till", "--unset", "client_name", "--name", "x"], "client_name is both set and --unset"),
    ] {
        let text = client(&site, arguments).ends_with(2);
        assert!(text.contains(told), "{arguments:?}:\n{text}");
    }
    client(&site, &["update", "nobody", "--name", "x"]).ends_with(6);
    shows(&site, "till", &["grants        urn:openid:params:grant-type:ciba"]);
}
