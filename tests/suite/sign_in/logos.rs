//! The picture of a client, on our pages and from our own origin.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;

use super::PASSWORD;
use super::rfc9101_request_objects::Host;
use crate::admin::webhooks::at_home;
use crate::world::{Client, World, seconds};

const PICTURE: &str = "GIF89a, and what it shows";

/// A client with a picture at this address.
async fn pictured(world: &World, id: &str, address: &str) -> Client {
    let at = format!("{address}/logo");
    world.client(id).signs_in().registered(move |client| client.pages.logo_uri = Some(at)).await
}

fn path(client: &str) -> String {
    format!("/sign-in/logo/{}", URL_SAFE_NO_PAD.encode(client))
}

#[tokio::test]
async fn product_3_2_the_picture_of_a_client_is_shown_from_our_own_origin() {
    let world = at_home().start().await;
    let host = Host::start();
    // What its server says that it is does not count.
    host.says("200 OK", "Content-Type: text/html\r\n", PICTURE);
    world.user("alice").with_password(PASSWORD).await;
    let shop = pictured(&world, "shop", &host.address).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let shown = format!("src=\"{}\"", path("shop"));
    page.has(&shown);
    let fields = [("username", "alice"), ("password", PASSWORD)];
    let page = browser.press(&page, "sign_in", &fields).await.unwrap();
    page.has(&shown).has("value=\"allow\"");
    assert!(!page.answer.text().contains(&host.address), "{}", page.answer.text());
    assert_eq!(host.calls(), 0, "a page waits for nobody");
    let picture = browser.get(&path("shop")).await;
    assert_eq!((picture.status, picture.text().as_str()), (200, PICTURE));
    for (name, value) in [
        ("content-type", "image/gif"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, max-age=600"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(picture.header(name), Some(value), "{name}");
    }
    assert!(picture.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    // Where there is none, there is nothing.
    let plain = world.client("plain").signs_in().await;
    let page = browser.authorize(&plain, &[]).await.unwrap();
    assert!(!page.answer.text().contains("/sign-in/logo/"), "{}", page.answer.text());
    for path in [path("plain"), path("nobody"), "/sign-in/logo/".to_owned(), "/sign-in/logo/%21".to_owned()] {
        assert_eq!(browser.get(&path).await.status, 404, "{path}");
    }
    let posted = browser.request(Method::POST, &path("shop"));
    assert_eq!(browser.send(posted).await.status, 405);
}

#[tokio::test]
async fn security_73_a_picture_is_fetched_once_and_from_nowhere_private() {
    let world = at_home().start().await;
    let host = Host::start();
    let mut browser = world.browser();
    host.says("200 OK", "", PICTURE);
    let shop = pictured(&world, "shop", &host.address).await;
    for _ in 0..3 {
        assert_eq!(browser.get(&path("shop")).await.status, 200);
    }
    assert_eq!(host.calls(), 1);
    // When it cannot be had any more, it is what it was; and nobody is called each time.
    world.clock.advance(seconds(3601));
    host.says("302 Found", &format!("Location: {}/other\r\n", host.address), "");
    for _ in 0..3 {
        assert_eq!(browser.get(&path("shop")).await.text(), PICTURE);
    }
    assert_eq!(host.calls(), 2, "redirects are not followed");
    world.clock.advance(seconds(61));
    host.says("200 OK", "", "GIF87a, another one");
    assert_eq!(browser.get(&path("shop")).await.text(), "GIF87a, another one");
    // Of the client as it is now.
    shop.update(|client| client.pages.logo_uri = None).await;
    assert_eq!(browser.get(&path("shop")).await.status, 404);

    let large = PICTURE.repeat(3000);
    for (id, status, body) in [
        ("document", "200 OK", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"),
        ("large", "200 OK", large.as_str()),
        ("gone", "404 Not Found", PICTURE),
    ] {
        host.says(status, "", body);
        pictured(&world, id, &host.address).await;
        let before = host.calls();
        for _ in 0..3 {
            assert_eq!(browser.get(&path(id)).await.status, 404, "{id}");
        }
        assert_eq!(host.calls() - before, 1, "{id}");
    }
    // By the rules of all calls: no private address, where nobody has allowed any.
    let strict = World::start().await;
    host.says("200 OK", "", PICTURE);
    let calls = host.calls();
    pictured(&strict, "shop", &host.address).await;
    assert_eq!(strict.browser().get(&path("shop")).await.status, 404);
    assert_eq!(host.calls(), calls);
}
