//! OpenID Connect Front-Channel Logout 1.0.

use nod::domain::client::LogoutUri;

use super::PASSWORD;
use crate::world::{Browser, Client, ClientBuilder, SIGNED_OUT, Tokens, World, decoded};

/// A relying party that wants to be loaded in a frame.
fn framed(world: &World, id: &str, uri: &str) -> ClientBuilder {
    let frontchannel = Some(LogoutUri { uri: uri.to_owned(), session_required: true });
    let client = world.client(id).signs_in().refresh();
    client.registered(|client| client.sign_in.as_mut().unwrap().logout.frontchannel = frontchannel)
}

async fn signed_in(client: &Client, browser: &mut Browser) -> Tokens {
    let code = browser.log_in(client, "alice", PASSWORD).await.get("code").to_owned();
    client.redeem(&code).await.tokens()
}

/// What the page loads in frames.
fn frames(text: &str) -> Vec<String> {
    let frames = text.split("<iframe src=\"").skip(1);
    frames.map(|rest| rest.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn fcl_3_a_browser_that_signs_out_loads_the_clients_of_the_session_before_it_goes_back() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let shop = framed(&world, "shop", "https://shop.example/out?a=b").await;
    let bank = framed(&world, "bank", "https://bank.example:8443/out").await;
    let _bar = framed(&world, "bar", "https://bar.example/out").await;
    let mut browser = world.browser();
    let tokens = signed_in(&shop, &mut browser).await;
    signed_in(&bank, &mut browser).await;
    let asked = Browser::log_out_at(&[
        ("id_token_hint", &tokens.id_token),
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "a state"),
    ]);
    let answer = browser.get(&asked).await;
    assert_eq!(answer.status, 200, "not yet back");
    let (_, claims) = decoded(&tokens.id_token);
    let about = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("iss", world.issuer())
        .append_pair("sid", claims["sid"].as_str().unwrap())
        .finish();
    let mut loaded = frames(&answer.text());
    loaded.sort();
    assert_eq!(
        loaded,
        [format!("https://bank.example:8443/out?{about}"), format!("https://shop.example/out?a=b&{about}")]
    );
    // Nothing else is framed, and nobody frames us.
    let policy = answer.header("content-security-policy").unwrap().to_owned();
    assert!(policy.ends_with("; frame-src https://bank.example:8443 https://shop.example"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{policy}");
    let back = format!("{SIGNED_OUT}&#38;state=a+state");
    assert!(answer.text().contains(&format!("http-equiv=\"refresh\" content=\"3;url={back}\"")), "{}", answer.text());
    assert!(answer.text().contains(&format!("href=\"{back}\"")));
    assert!(!browser.cookies.contains_key("nod-session"));

    // Nothing is left to be told.
    let again = browser.get(&asked).await;
    assert_eq!((again.status, again.text().contains("<iframe")), (303, false));
}

#[tokio::test]
async fn fcl_3_who_signs_out_on_our_own_page_sees_the_frames_there() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let shop = framed(&world, "shop", "https://shop.example/out").await;
    let mut browser = world.browser();
    signed_in(&shop, &mut browser).await;
    let page = browser.log_out(&[]).await.unwrap();
    assert!(frames(&page.answer.text()).is_empty(), "not before they agree");
    let done = browser.press(&page, "sign_out", &[]).await.unwrap();
    assert_eq!(frames(&done.answer.text()).len(), 1);
    assert!(!done.answer.text().contains("http-equiv=\"refresh\""), "nobody is sent anywhere");
    // A session without such a client has none.
    let quiet = world.client("quiet").signs_in().refresh().await;
    let tokens = signed_in(&quiet, &mut browser).await;
    let page = browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    assert!(!page.answer.header("content-security-policy").unwrap().contains("frame-src"));
}

#[tokio::test]
async fn fcl_2_a_client_is_framed_where_people_come_back_to_it() {
    let world = World::start().await;
    let admin = world.admin().await;
    for uri in ["https://evil.test/out", "http://shop.example/out", "https://shop.example/out#x", "javascript:x", ""] {
        let asked = serde_json::json!({ "redirect_uris": ["https://shop.example/cb"], "frontchannel_logout_uri": uri });
        let refused = admin.post("/admin/v1/clients", &asked).await;
        assert_eq!(refused.status, 422, "{uri}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/frontchannel_logout_uri", "{uri}");
    }
}
