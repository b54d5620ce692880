//! What somebody let applications have, and took back.

use reqwest::Method;

use crate::rfc7591_registration::{open, registered};
use crate::sign_in::{PASSWORD, device_grant, shop_and_alice};
use crate::world::{Backing, Browser, CALLBACK, Client, Page, Tokens, World, seconds};

pub(super) const APPLICATIONS: &str = "/account/applications";
const NONE: &str = "No app has access to your account.";
const GONE: &str = "This app has no access any more.";

async fn signed_in(browser: &mut Browser, client: &Client, username: &str) -> Tokens {
    let code = browser.log_in(client, username, PASSWORD).await.get("code").to_owned();
    client.redeem(&code).await.tokens()
}

fn withdraws(client: &Client) -> [(&str, &str); 1] {
    [("client", client.id.as_str())]
}

/// Without what stands around names.
fn text(page: &Page) -> String {
    page.answer.text().replace("<bdi>", "").replace("</bdi>", "")
}

#[tokio::test]
async fn somebody_sees_what_they_allowed_and_takes_it_back() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).start().await;
        let _alice = world.user("alice").with_password(PASSWORD).await;
        world.user("bob").with_password(PASSWORD).await;
        let [shop, bank] = ["store", "bank"].map(|id| {
            let name = format!("The {id}");
            world
                .client(id)
                .signs_in()
                .refresh()
                .scope("openid profile email offline_access orders")
                .registered(move |client| client.name = name)
        });
        let (shop, bank) = (shop.await, bank.await);
        let (mut browser, mut bobs) = (world.browser(), world.browser());
        let page = browser.authorize(&shop, &[("scope", "openid profile orders offline_access")]).await.unwrap();
        let code = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
        let tokens = shop.redeem(&code).await.tokens();
        let day = world.now().to_string().split('T').next().unwrap().to_owned();
        world.clock.advance(seconds(3600));
        let others = signed_in(&mut browser, &bank, "alice").await;
        let of_bob = signed_in(&mut bobs, &shop, "bob").await;

        let page = browser.open(APPLICATIONS).await.unwrap();
        let listed = text(&page);
        for told in
            ["Signed in as alice", "The bank", "The store", "Know that it is you", "orders", &format!("Since {day}")]
        {
            assert!(listed.contains(told), "{told}: {listed}");
        }
        let (bank_has, _) =
            listed.split_once("<h2>The bank").map(|(_, rest)| rest.split_once("<h2>The store").unwrap()).unwrap();
        assert!(
            bank_has.contains("See your email address") && !bank_has.contains("Keep access"),
            "the newest first: {listed}"
        );
        assert_eq!(listed.matches("Keep access while you are away").count(), 1, "{listed}");

        let watch = world.watch().await;
        let page = browser.press(&page, "withdraw", &withdraws(&shop)).await.unwrap();
        assert_eq!((page.path.as_str(), page.answer.status), (APPLICATIONS, 200));
        assert!(!text(&page).contains("The store") && text(&page).contains("The bank"), "{}", text(&page));
        let events = watch.events().await;
        let event = events.iter().find(|event| event.action == "consent.withdrawn").expect("an event");
        assert_eq!((event.client.as_deref(), event.result.as_str()), (Some("store"), "done"));

        // What it had has ended, and what others had, and bob gave, has not.
        let refresh = |tokens: &Tokens| tokens.refresh_token.clone().unwrap();
        shop.refresh(&refresh(&tokens)).await.refused(400, "invalid_grant");
        assert_eq!(shop.introspect(&tokens.access_token).await["active"], false);
        bank.refresh(&refresh(&others)).await.tokens();
        shop.refresh(&refresh(&of_bob)).await.tokens();
        // The next sign-in asks anew, with the session that is still there.
        browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("consent_required");
        let page = browser.authorize(&shop, &[]).await.unwrap();
        page.has("wants to:").has("scope:profile").has("remembered until you withdraw it");
        // Once more there is nothing to take back, and nothing is recorded.
        let watch = world.watch().await;
        let page = browser.open(APPLICATIONS).await.unwrap();
        browser.press(&page, "withdraw", &withdraws(&shop)).await.unwrap().has(GONE).has("The bank");
        watch.nothing("a consent that there was not").await;
        browser.press(&page, "withdraw", &withdraws(&bank)).await.unwrap().has(NONE);
    }
}

/// Since when: what is added later does not make it younger.
#[tokio::test]
async fn a_consent_is_as_old_as_its_beginning() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[("scope", "openid")]).await.unwrap();
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    let day = world.now().to_string().split('T').next().unwrap().to_owned();
    world.clock.advance(seconds(26 * 3600));
    signed_in(&mut browser, &shop, "alice").await;
    let listed = text(&browser.open(APPLICATIONS).await.unwrap());
    assert!(listed.contains(&format!("Since {day}")) && listed.contains("See your name"), "{listed}");
}

#[tokio::test]
async fn security_what_was_agreed_to_and_taken_back_gives_nothing() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    let page = browser.open(APPLICATIONS).await.unwrap();
    browser.press(&page, "withdraw", &withdraws(&shop)).await.unwrap().has(NONE);
    shop.redeem(&code).await.refused(400, "invalid_grant");
    // A device that waits for tokens is no other case.
    let tv = device_grant::tv(&world).await;
    let waiting = device_grant::asks(&tv, &world).await;
    device_grant::connects(&mut browser, &waiting).await;
    let page = browser.open(APPLICATIONS).await.unwrap();
    browser.press(page.has("Telly"), "withdraw", &withdraws(&tv)).await.unwrap().has(NONE);
    device_grant::poll(&tv, &waiting).await.refused(400, "invalid_grant");
    // Where nobody is asked, nobody has given anything.
    let desk = world.client("desk").signs_in().implied_consent().await;
    signed_in(&mut browser, &desk, "alice").await;
    browser.open(APPLICATIONS).await.unwrap().has(NONE);
}

/// The clock stands still: it is another consent all the same.
#[tokio::test]
async fn security_what_was_taken_back_is_not_given_again_by_another_consent() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).start().await;
        let (shop, _alice) = shop_and_alice(&world).await;
        let tv = device_grant::tv(&world).await;
        let mut browser = world.browser();
        let old = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
        let waiting = device_grant::asks(&tv, &world).await;
        device_grant::connects(&mut browser, &waiting).await;
        for client in [&shop, &tv] {
            let page = browser.open(APPLICATIONS).await.unwrap();
            browser.press(&page, "withdraw", &withdraws(client)).await.unwrap();
        }
        let new = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
        let other = device_grant::asks(&tv, &world).await;
        device_grant::connects(&mut browser, &other).await;
        shop.redeem(&old).await.refused(400, "invalid_grant");
        device_grant::poll(&tv, &waiting).await.refused(400, "invalid_grant");
        // Agreed to once more it is the same consent.
        let page = browser.authorize(&shop, &[("prompt", "consent")]).await.unwrap();
        browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        let tokens = shop.redeem(&new).await.tokens();
        device_grant::poll(&tv, &other).await.tokens();
        shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.tokens();
    }
}

#[tokio::test]
async fn security_nobody_else_takes_it_back() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    world.user("bob").with_password(PASSWORD).await;
    let (mut browser, mut bobs) = (world.browser(), world.browser());
    browser.log_in(&shop, "alice", PASSWORD).await;
    let given = world.rows("consent").await;
    for (mark, site) in [("", "same-origin"), ("csrf=AAAA&", "same-origin"), ("", "cross-site")] {
        let request = browser.request(Method::POST, APPLICATIONS).header("sec-fetch-site", site);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = browser.send(request.body(format!("{mark}action=withdraw&client={}", shop.id))).await;
        assert_eq!(answer.status, 403, "{mark} {site}");
    }
    // Bob may press what he likes.
    let other = world.client("other").signs_in().await;
    bobs.log_in(&other, "bob", PASSWORD).await;
    let page = bobs.open(APPLICATIONS).await.unwrap();
    bobs.press(&page, "withdraw", &withdraws(&shop)).await.unwrap().has(GONE);
    for fields in [vec![], vec![("client", "")], vec![("client", "no such client")]] {
        bobs.press(&page, "withdraw", &fields).await.unwrap().has(GONE);
    }
    bobs.press(&page, "keep", &withdraws(&other)).await.unwrap().has(GONE);
    assert_eq!(world.rows("consent").await.len(), given.len() + 1);
    let mut nobody = world.browser();
    let answer = nobody.get(APPLICATIONS).await;
    assert!(answer.status == 403 && answer.text().contains("You are not signed in."), "{}", answer.text());
    assert_eq!(browser.send(browser.request(Method::PUT, APPLICATIONS)).await.status, 405);
}

#[tokio::test]
async fn security_another_client_of_the_same_name_was_allowed_nothing() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let store = world.client("store").signs_in().await;
    let mut browser = world.browser();
    browser.log_in(&store, "alice", PASSWORD).await;
    store.delete().await;
    assert!(world.rows("consent").await.is_empty());
    browser.open(APPLICATIONS).await.unwrap().has(NONE);
}

/// [OIDCR §2] as links. A picture that a client names itself is not shown.
#[tokio::test]
async fn oidcr_2_the_page_of_consent_leads_to_what_a_client_says_of_itself() {
    let world = open().start().await;
    world.user("alice").with_password(PASSWORD).await;
    let asked = serde_json::json!({
        "redirect_uris": [CALLBACK], "client_name": "The other shop", "logo_uri": "https://shop.example/logo.png",
        "policy_uri": "https://shop.example/privacy?a=1&b=2", "tos_uri": "https://shop.example/terms",
    });
    let own = registered(&world, &asked).await;
    let mut browser = world.browser();
    let fields = [
        ("client_id", own.json["client_id"].as_str().unwrap()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let query = crate::world::enc(&fields);
    let page = browser.open(&format!("/as/authorization.oauth2?{query}")).await.unwrap();
    let fields = [("username", "alice"), ("password", PASSWORD)];
    let page = browser.press(&page, "sign_in", &fields).await.unwrap();
    page.has("href=\"https://shop.example/privacy?a=1&#38;b=2\" rel=\"noopener noreferrer\"");
    page.has("href=\"https://shop.example/terms\" rel=\"noopener noreferrer\"");
    assert!(text(&page).contains("Privacy policy of The other shop"), "{}", text(&page));
    assert!(!text(&page).contains("logo.png") && !text(&page).contains("/sign-in/logo/"), "{}", text(&page));
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(policy.contains("img-src 'self' data:;") && !policy.contains("shop.example"), "{policy}");
}

/// The same of a client that somebody else looks after, and in place of what one says of itself.
#[tokio::test]
async fn oidcr_2_who_looks_after_a_client_says_where_people_read_about_it() {
    let world = open().start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().await;
    let pages = serde_json::json!({
        "client_uri": "https://shop.example/", "logo_uri": "https://shop.example/logo.png",
        "policy_uri": "https://shop.example/privacy", "tos_uri": "https://shop.example/terms",
    });
    let at = "/admin/v1/clients/shop";
    let changed = admin.patch(at, &pages).await.ok();
    for (name, value) in pages.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
        for bad in ["http://shop.example/", "javascript:alert(1)", "https://me@shop.example/", "/terms", ""] {
            let refused = admin.patch(at, &serde_json::json!({ name.as_str(): bad })).await;
            refused.admin_problem(422, "validation_failed");
            assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{name}"), "{bad}");
        }
    }
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let fields = [("username", "alice"), ("password", PASSWORD)];
    let page = browser.press(&page, "sign_in", &fields).await.unwrap();
    page.has("href=\"https://shop.example/privacy\" rel=\"noopener noreferrer\"");
    page.has("href=\"https://shop.example/terms\" rel=\"noopener noreferrer\"");
    assert!(!text(&page).contains("logo.png"), "{}", text(&page));
    let changed = admin.patch(at, &serde_json::json!({ "policy_uri": null })).await.ok();
    assert_eq!((changed.get("policy_uri"), &changed["tos_uri"]), (None, &pages["tos_uri"]));
    browser.log_in(&shop, "alice", PASSWORD).await;
    let page = browser.authorize(&shop, &[("prompt", "consent")]).await.unwrap();
    page.has("https://shop.example/terms");
    assert!(!text(&page).contains("https://shop.example/privacy"), "{}", text(&page));

    let asked = serde_json::json!({ "redirect_uris": [CALLBACK], "tos_uri": "https://shop.example/own" });
    let own = registered(&world, &asked).await;
    let at = format!("/admin/v1/clients/{}", own.json["client_id"].as_str().unwrap());
    let changed = admin.patch(&at, &serde_json::json!({ "policy_uri": "https://shop.example/privacy" })).await.ok();
    assert_eq!(
        (&changed["policy_uri"], &changed["tos_uri"]),
        (&pages["policy_uri"], &asked["tos_uri"]),
        "what it said of itself stays"
    );
    let changed = admin.patch(&at, &serde_json::json!({ "tos_uri": null })).await.ok();
    assert_eq!((changed.get("tos_uri"), &changed["policy_uri"]), (None, &pages["policy_uri"]));
}
