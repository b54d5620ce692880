//! RFC 9396: what exactly is asked for.

use nod::protocol::authorization_details::DetailType;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::world::{Browser, Client, PAR, World, decoded};

async fn bank() -> World {
    let types = ["payment: amount:object*, creditor:text*, note", "account: iban*"];
    let types: Vec<DetailType> = types.map(|text| DetailType::parse(text).unwrap()).into();
    World::with().settings(move |settings| settings.authorization.details = types.clone().into()).start().await
}

async fn scene(world: &World, opaque: bool) -> (Client, Browser) {
    world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().refresh();
    let shop = if opaque { shop.opaque().await } else { shop.await };
    shop.update(|shop| shop.sign_in.as_mut().unwrap().requests.details = vec!["payment".to_owned()]).await;
    (shop, world.browser())
}

fn payment(amount: &str) -> Value {
    json!({"type": "payment", "amount": {"currency": "EUR", "value": amount}, "creditor": "<Book> shop"})
}

#[tokio::test]
async fn rfc9396_2_the_person_sees_what_exactly_and_the_tokens_say_it() {
    for opaque in [false, true] {
        let world = bank().await;
        let (shop, mut browser) = scene(&world, opaque).await;
        let details = json!([payment("12.00"), payment("5.00")]);
        let text = details.to_string();
        let fields = [("authorization_details", text.as_str())];
        let page = browser.authorize(&shop, &fields).await.unwrap();
        let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
        page.has("value=\"allow\"").has("payment").has("12.00").has("creditor").has("Book");
        assert!(!page.answer.text().contains("<Book>"), "escaped");
        let ticked = [("scope:profile", "on"), ("scope:email", "on")];
        let callback = browser.press(&page, "allow", &ticked).await.unwrap_err();
        let tokens = shop.redeem(callback.get("code")).await.tokens();
        assert_eq!(tokens.json["authorization_details"], details);
        assert_eq!(shop.introspect(&tokens.access_token).await["authorization_details"], details);
        if !opaque {
            assert_eq!(decoded(&tokens.access_token).1["authorization_details"], details);
        }
        // [RFC 9396 §6] a fresh token for one of them.
        let (refresh, one) = (tokens.refresh_token.unwrap(), json!([payment("5.00")]));
        let less = one.to_string();
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.as_str()),
            ("authorization_details", less.as_str()),
        ];
        let fresh = shop.token(&fields).await.tokens();
        assert_eq!(shop.introspect(&fresh.access_token).await["authorization_details"], one);
        // Somebody agreed to this payment, and not to the next one.
        browser.authorize(&shop, &[("authorization_details", less.as_str())]).await.unwrap().has("value=\"allow\"");
        let none = [("authorization_details", less.as_str()), ("prompt", "none")];
        browser.authorize(&shop, &none).await.unwrap_err().error("consent_required");
        browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().get("code");
        // Nor do they go without saying for a client whose scopes do.
        shop.update(|shop| shop.sign_in.as_mut().unwrap().implied_consent = true).await;
        browser.authorize(&shop, &[]).await.unwrap_err().get("code");
        browser.authorize(&shop, &none).await.unwrap_err().error("consent_required");
    }
}

#[tokio::test]
async fn security_49_what_is_unknown_or_not_this_clients_is_refused() {
    let world = bank().await;
    let (shop, mut browser) = scene(&world, false).await;
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    let bad = [
        "x".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        json!([{"type": "loan"}]).to_string(),
        json!([{"type": "account", "iban": "DE1"}]).to_string(),
        json!([{"type": "payment", "amount": {}}]).to_string(),
        json!([{"type": "payment", "amount": {}, "creditor": "x", "extra": true}]).to_string(),
        format!(r#"[{{"type":"payment","amount":{{"x":{deep}}},"creditor":"x"}}]"#),
        r#"[{"type":"payment","amount":{},"amount":{},"creditor":"x"}]"#.to_owned(),
        format!("[{}]", vec!["{}"; 600].join(",")),
    ];
    for text in &bad {
        let watch = world.watch().await;
        let callback = browser.authorize(&shop, &[("authorization_details", text)]).await.expect_err(text);
        callback.error("invalid_authorization_details");
        watch.only_a_refusal(text).await;
        let form = [
            ("response_type", "code"),
            ("redirect_uri", crate::world::CALLBACK),
            ("scope", "openid"),
            ("authorization_details", text),
        ];
        shop.post(PAR, &form).await.refused(400, "invalid_authorization_details");
    }
    // As many and as long as one likes: no parameter is longer than that, and nobody looks into it.
    for long in [format!("[{}]", "x".repeat(8192)), format!("[{}]", vec!["{}"; 5000].join(",")), "[".repeat(20_000)] {
        let watch = world.watch().await;
        let start = std::time::Instant::now();
        shop.post(PAR, &[("authorization_details", &long)]).await.refused(400, "invalid_request");
        assert!(start.elapsed() < crate::world::seconds(1));
        watch.only_a_refusal("long details").await;
    }
    // Nor are they taken at the token endpoint, where nobody asked for any.
    let code = browser.authorize(&shop, &[]).await.unwrap();
    let code = browser.sign_in(&code, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
    for text in &bad {
        let refused = shop.redeem_with(&code, &[("authorization_details", text)]).await;
        refused.refused(400, "invalid_authorization_details");
    }
    // [RFC 9396 §10]
    let metadata = world.get(crate::world::DISCOVERY).await.json();
    assert_eq!(metadata["authorization_details_types_supported"], json!(["payment", "account"]));
}

#[tokio::test]
async fn rfc9396_5_a_member_of_another_type_is_refused_and_named() {
    let world = bank().await;
    let (shop, mut browser) = scene(&world, false).await;
    for (member, value) in [("amount", json!([1])), ("amount", json!("12.00")), ("creditor", json!({"name": "x"}))] {
        let mut wrong = payment("12.00");
        wrong[member] = value;
        let text = json!([payment("5.00"), wrong]).to_string();
        let watch = world.watch().await;
        let callback = browser.authorize(&shop, &[("authorization_details", &text)]).await.expect_err(&text);
        callback.error("invalid_authorization_details");
        let told = callback.get("error_description");
        assert!(told.contains(&format!("payment: {member} has to be of type")), "{told}");
        watch.only_a_refusal(&text).await;
    }
    let mut without = payment("12.00");
    without.as_object_mut().unwrap().remove("creditor");
    let text = json!([without]).to_string();
    let callback = browser.authorize(&shop, &[("authorization_details", &text)]).await.expect_err(&text);
    assert!(callback.get("error_description").contains("creditor is missing"));
    let form = [
        ("response_type", "code"),
        ("redirect_uri", crate::world::CALLBACK),
        ("scope", "openid"),
        ("authorization_details", text.as_str()),
    ];
    let pushed = shop.post(PAR, &form).await;
    assert!(pushed.json()["error_description"].as_str().unwrap().contains("creditor is missing"));
    pushed.refused(400, "invalid_authorization_details");
}

#[tokio::test]
async fn security_50_no_token_is_for_more_than_was_approved() {
    let world = bank().await;
    let (shop, mut browser) = scene(&world, false).await;
    let text = json!([payment("12.00")]).to_string();
    let page = browser.authorize(&shop, &[("authorization_details", &text)]).await.unwrap();
    let code = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
    let mut other = payment("12.00");
    other["creditor"] = json!("Mallory");
    for more in [json!([payment("1200.00")]), json!([other]), json!([payment("12.00"), payment("1.00")])] {
        let more = more.to_string();
        let refused = shop.redeem_with(&code, &[("authorization_details", &more)]).await;
        refused.refused(400, "invalid_authorization_details");
    }
    let tokens = shop.redeem(&code).await.tokens();
    let (refresh, more) = (tokens.refresh_token.unwrap(), json!([payment("1200.00")]).to_string());
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("authorization_details", more.as_str()),
    ];
    shop.token(&fields).await.refused(400, "invalid_authorization_details");
    // Without any, there is nothing to name.
    let code = browser.authorize(&shop, &[]).await.unwrap_err().get("code").to_owned();
    let refused = shop.redeem_with(&code, &[("authorization_details", &text)]).await;
    refused.refused(400, "invalid_authorization_details");
}

#[tokio::test]
async fn security_27_what_the_client_may_ask_for_no_more_is_not_refreshed() {
    let world = bank().await;
    let (shop, mut browser) = scene(&world, false).await;
    let text = json!([payment("12.00")]).to_string();
    let page = browser.authorize(&shop, &[("authorization_details", &text)]).await.unwrap();
    let code = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
    let tokens = shop.redeem(&code).await.tokens();
    shop.update(|shop| shop.sign_in.as_mut().unwrap().requests.details.clear()).await;
    shop.refresh(&tokens.refresh_token.unwrap()).await.refused(400, "invalid_grant");
}
