//! RFC 8707: whom an access token is for.

use nod::domain::client::GrantType;
use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::json;

use super::{PASSWORD, shop_and_alice};
use crate::world::{AUTHORIZE, Answer, CALLBACK, CIBA, Client, REGISTER, TOKEN, World, asked, decoded, enc};

const API: &str = "https://api.example";
const FILES: &str = "https://files.example/v1";

/// A client that may have tokens for two servers, signed in for those that are named.
async fn signed_in(world: &World, opaque: bool, resources: &[&str]) -> (Client, String) {
    world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().refresh();
    let shop = if opaque { shop.opaque().await } else { shop.await };
    shop.update(|shop| shop.resources = vec![API.to_owned(), FILES.to_owned()]).await;
    let pairs: Vec<(&str, &str)> = resources.iter().map(|uri| ("resource", *uri)).collect();
    let mut browser = world.browser();
    let page = browser.open(&format!("{AUTHORIZE}?{}&{}", asked(&shop, &[]), enc(&pairs))).await.unwrap();
    let code = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
    (shop, code)
}

#[tokio::test]
async fn rfc8707_2_a_token_is_for_the_servers_that_were_named() {
    for opaque in [false, true] {
        let world = World::start().await;
        let (shop, code) = signed_in(&world, opaque, &[API, FILES]).await;
        let tokens = shop.redeem(&code).await.tokens();
        assert_eq!(shop.introspect(&tokens.access_token).await["aud"], json!([API, FILES]));
        if !opaque {
            assert_eq!(decoded(&tokens.access_token).1["aud"], json!([API, FILES]));
        }
        // It opens nothing here.
        world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
        // [RFC 8707 §2.2] a fresh one for one of them, and again for both.
        let refresh = tokens.refresh_token.unwrap();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", API)];
        let one = shop.token(&fields).await.tokens();
        assert_eq!(shop.introspect(&one.access_token).await["aud"], API);
        let both = shop.refresh(&one.refresh_token.unwrap()).await.tokens();
        assert_eq!(shop.introspect(&both.access_token).await["aud"], json!([API, FILES]));
    }
}

#[tokio::test]
async fn security_30_nobody_gets_a_token_for_more() {
    let world = World::start().await;
    let (shop, code) = signed_in(&world, false, &[API]).await;
    for wider in [FILES, "https://evil.example", "nonsense", world.issuer()] {
        shop.redeem_with(&code, &[("resource", wider)]).await.refused(400, "invalid_target");
    }
    let tokens = shop.redeem_with(&code, &[("resource", API)]).await.tokens();
    assert_eq!(decoded(&tokens.access_token).1["aud"], API);
    let refresh = tokens.refresh_token.unwrap();
    for wider in [FILES, world.issuer()] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", wider)];
        shop.token(&fields).await.refused(400, "invalid_target");
    }
    // What was refused has spent nothing.
    shop.refresh(&refresh).await.tokens();
    let mut browser = world.browser();
    for unknown in ["https://evil.example", "https://api.example/", "relative", "https://api.example#x"] {
        let callback = browser.authorize(&shop, &[("resource", unknown)]).await.unwrap_err();
        callback.error("invalid_target");
    }
}

#[tokio::test]
async fn rfc8707_2_without_a_name_a_token_is_for_us_and_we_can_be_named_too() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let tokens = shop.redeem(browser.log_in(&shop, "alice", PASSWORD).await.get("code")).await.tokens();
    assert_eq!(decoded(&tokens.access_token).1["aud"], world.issuer());
    shop.redeem_with(browser.log_in(&shop, "alice", PASSWORD).await.get("code"), &[("resource", API)])
        .await
        .refused(400, "invalid_target");
    shop.update(|shop| shop.resources = vec![API.to_owned()]).await;
    let both = enc(&[("resource", API), ("resource", world.issuer())]);
    let callback = browser.open(&format!("{AUTHORIZE}?{}&{both}", asked(&shop, &[]))).await.unwrap_err();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(decoded(&tokens.access_token).1["aud"], json!([API, world.issuer()]));
    world.userinfo(&tokens.access_token).await.ok();
}

#[tokio::test]
async fn rfc8707_2_a_client_for_itself_names_servers_as_well() {
    let world = World::start().await;
    let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("files:read nod:users:read").await;
    robot.update(|robot| robot.resources = vec![API.to_owned()]).await;
    let ask =
        async |resource: &str| robot.post(TOKEN, &[("grant_type", "client_credentials"), ("resource", resource)]).await;
    ask(FILES).await.refused(400, "invalid_target");
    let token = ask(API).await.ok()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(decoded(&token).1["aud"], API);
    // What another server is shown, it cannot use here.
    let admin = world.request(Method::GET, "/admin/v1/users").bearer_auth(&token);
    assert_eq!(Answer::of(admin).await.status, 401);
}

#[tokio::test]
async fn security_27_what_the_client_may_reach_no_more_is_not_refreshed() {
    let world = World::start().await;
    let (shop, code) = signed_in(&world, false, &[API, FILES]).await;
    let both = shop.redeem(&code).await.tokens();
    shop.update(|shop| shop.resources = vec![FILES.to_owned()]).await;
    let one = shop.refresh(&both.refresh_token.unwrap()).await.tokens();
    assert_eq!(decoded(&one.access_token).1["aud"], FILES);
    // Without any left, it is not for us instead.
    shop.update(|shop| shop.resources.clear()).await;
    shop.refresh(&one.refresh_token.unwrap()).await.refused(400, "invalid_grant");
    shop.update(|shop| shop.resources = vec![API.to_owned()]).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[("resource", API)]).await.unwrap();
    let code = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
    shop.update(|shop| shop.resources.clear()).await;
    shop.redeem(&code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rfc8707_2_2_where_nothing_was_asked_for_nothing_is_picked() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.update(|shop| shop.resources = vec![API.to_owned()]).await;
    let asked = shop.ask(&alice).await;
    let waiting = [("grant_type", CIBA), ("auth_req_id", asked.auth_req_id.as_str())];
    for (name, value, error) in [
        ("resource", API, "invalid_target"),
        ("authorization_details", r#"[{"type":"payment"}]"#, "invalid_authorization_details"),
    ] {
        shop.token(&[&waiting[..], &[(name, value)]].concat()).await.refused(400, error);
        let device = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", "x")];
        let tv = world.client(&format!("tv-{name}")).public().grants([GrantType::DeviceCode]).await;
        tv.token(&[&device[..], &[(name, value)]].concat()).await.refused(400, error);
    }
    // It was no poll.
    shop.poll(&asked).await.refused(400, "authorization_pending");
}

/// A server with an address of so many bytes.
fn server(number: usize, length: usize) -> String {
    let begin = format!("https://{number:02}.example/");
    format!("{begin}{}", "x".repeat(length - begin.len()))
}

#[tokio::test]
async fn rfc7009_2_every_access_token_is_short_enough_to_be_given_back() {
    let world = World::start().await;
    let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("reports").await;
    // As many servers as fit, and one whose address makes the difference.
    let (mut fits, mut too_long, mut longest) = (30, 400, String::new());
    while too_long - fits > 1 {
        let length = usize::midpoint(fits, too_long);
        let mut servers: Vec<String> = (0..14).map(|number| server(number, 386)).collect();
        servers.push(server(14, length));
        let registered = servers.clone();
        robot.update(move |robot| robot.resources = registered).await;
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(servers.iter().map(|server| ("resource", server.as_str())));
        let answer = robot.token(&fields).await;
        if answer.status == 200 {
            fits = length;
            longest = answer.ok()["access_token"].as_str().unwrap().to_owned();
        } else {
            too_long = length;
            answer.refused(400, "invalid_request");
        }
    }
    assert!((8192 - 3..=8192).contains(&longest.len()), "{} bytes", longest.len());
    assert_eq!(robot.introspect(&longest).await["active"], true);
    assert_eq!(robot.revoke(&longest, None).await.status, 200);
    assert_eq!(robot.introspect(&longest).await, json!({"active": false}));
}

#[tokio::test]
async fn rfc8707_2_2_a_code_that_is_worth_too_much_at_once_gives_tokens_for_less() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().await;
    let servers: Vec<String> = (0..17).map(|number| server(number, 390)).collect();
    let registered = servers.clone();
    shop.update(move |shop| shop.resources = registered).await;
    let pairs: Vec<(&str, &str)> = servers.iter().map(|uri| ("resource", uri.as_str())).collect();
    let mut browser = world.browser();
    let page = browser.open(&format!("{AUTHORIZE}?{}&{}", asked(&shop, &[]), enc(&pairs))).await.unwrap();
    let code = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
    shop.redeem(&code).await.refused(400, "invalid_request");
    let tokens = shop.redeem_with(&code, &[("resource", &servers[3])]).await.tokens();
    assert_eq!(decoded(&tokens.access_token).1["aud"], servers[3]);
}

#[tokio::test]
async fn rfc7662_2_a_resource_server_asks_about_tokens_for_it() {
    let inactive = json!({"active": false});
    for opaque in [false, true] {
        let world = World::start().await;
        let (shop, code) = signed_in(&world, opaque, &[API, FILES]).await;
        let is = |id: &str, uri: &str| {
            let uri = uri.to_owned();
            let server = world.client(id).grants([GrantType::ClientCredentials]).scope("reports");
            server.registered(|client| {
                client.backchannel = None;
                client.protected_resources = vec![uri];
            })
        };
        let (api, files) = (is("api", API).await, is("files", FILES).await);
        let (slash, ours) = (is("slash", &format!("{API}/")).await, is("ours", world.issuer()).await);
        let both = shop.redeem(&code).await.tokens();
        for server in [&api, &files] {
            let told = server.introspect(&both.access_token).await;
            assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!("shop")), "{told}");
            assert_eq!(told["aud"], json!([API, FILES]));
        }
        let refresh = both.refresh_token.unwrap();
        // [RFC 7662 §4] nor is anything said of what is no use to a server.
        for server in [&api, &files, &slash, &ours] {
            assert_eq!(server.introspect(&refresh).await, inactive);
        }
        assert_eq!(slash.introspect(&both.access_token).await, inactive, "compared as text");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", API)];
        let one = shop.token(&fields).await.tokens();
        assert_eq!(api.introspect(&one.access_token).await["aud"], API);
        assert_eq!(files.introspect(&one.access_token).await, inactive);
        // Tokens for this server are nobody's else, whatever is registered.
        let bob = world.user("bob").with_phone().await;
        let till = world.client("till");
        let till = if opaque { till.opaque() } else { till }.await;
        let here = till.log_in(&bob).await;
        assert_eq!(ours.introspect(&here.access_token).await, inactive);
        // To give a token back is for whom it was given to.
        api.revoke(&one.access_token, None).await;
        assert_eq!(api.introspect(&one.access_token).await["active"], true);
        shop.revoke(&one.access_token, None).await;
        assert_eq!(api.introspect(&one.access_token).await, inactive);
        api.update(|api| api.protected_resources.clear()).await;
        assert_eq!(api.introspect(&both.access_token).await, inactive);
    }
}

#[tokio::test]
async fn rfc7662_4_which_server_a_client_is_administrators_say() {
    let world = World::with().settings(|settings| settings.registration = Admission::Anybody).start().await;
    let admin = world.admin().await;
    let wanted = json!({ "redirect_uris": [CALLBACK], "protected_resources": [API] });
    let own = Answer::of(world.request(Method::POST, REGISTER).json(&wanted)).await;
    assert_eq!((own.status, own.json().get("protected_resources")), (201, None), "{}", own.text());
    let told = own.json();
    world.guard(told["client_secret"].as_str().unwrap());
    world.guard(told["registration_access_token"].as_str().unwrap());
    let at = format!("/admin/v1/clients/{}", told["client_id"].as_str().unwrap());
    assert_eq!(admin.get(&at).await.ok().get("protected_resources"), None);
    let changed = admin.patch(&at, &json!({ "protected_resources": [API, FILES] })).await.ok();
    assert_eq!(changed["protected_resources"], json!([API, FILES]));
    assert_eq!(admin.patch(&at, &json!({ "protected_resources": null })).await.ok().get("protected_resources"), None);
    let wrong = admin.patch(&at, &json!({ "protected_resources": [API, "relative"] })).await;
    wrong.admin_problem(422, "validation_failed");
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/protected_resources/1");
}
