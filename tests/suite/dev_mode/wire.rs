//! What else is on the wire: the calls that clients get, and sign-ins, each with a page of its own.

use nod::domain::client::LogoutUri;

use super::{last, page, post};
use crate::admin::receiver::Receiver;
use crate::admin::{until, webhooks};
use crate::device_trust::step_up::signs_in_with_a_phone;
use crate::sign_in::PASSWORD;
use crate::sign_in::device_grant::{asks, connects, poll, tv};
use crate::world::{SIGNED_OUT, World, asked};

const NOTIFICATION_TOKEN: &str = "Zq5-the.till~knows+this/by==";

async fn dev_mode() -> World {
    webhooks::at_home().dev_mode().generous().start().await
}

/// Where all of the request is that a message is about.
fn its_page(message: &str) -> String {
    let (_, link) = message.split_once("<a href=\"/dev/wire/").unwrap_or_else(|| panic!("of no request: {message}"));
    format!("/dev/wire/{}", link.split_once('"').unwrap().0)
}

/// What Nod has called the receiver with, once it is on the wire.
async fn called(world: &World) -> String {
    until("the call", async || {
        let wire = page(world, "/dev/wire").await.text();
        last(&wire, "POST /hook").filter(|message| message.contains("204")).map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn product_1_4_a_ping_is_on_the_wire_with_its_request() {
    let (world, receiver) = (dev_mode().await, Receiver::start());
    let till = world.client("till").pinged_at(receiver.url()).await;
    let bob = world.user("bob").with_phone().await;
    till.ask_with(&bob, &[("client_notification_token", NOTIFICATION_TOKEN)]).await;
    bob.phone().approve_the_question().await;
    receiver.gets(1).await;
    let ping = called(&world).await;
    for part in ["<bdi>Nod</bdi> → <bdi>till</bdi>", "auth_req_id", "Bearer Zq5-th…"] {
        assert!(ping.contains(part), "{part}: {ping}");
    }
    assert!(!ping.contains(NOTIFICATION_TOKEN) && !ping.contains("Send again"), "{ping}");
    let request = page(&world, &its_page(&ping)).await.text();
    for what in ["POST /as/bc-auth.ciba", "POST /hook"] {
        assert!(last(&request, what).is_some(), "{what}: {request}");
    }
}

#[tokio::test]
async fn product_1_4_a_sign_in_has_its_page_and_a_sign_out_is_told_on_the_wire() {
    let (world, receiver) = (dev_mode().await, Receiver::start());
    let backchannel = Some(LogoutUri { uri: receiver.url(), session_required: true });
    let till = world.client("till").signs_in();
    let till = till.registered(|client| client.sign_in.as_mut().unwrap().logout.backchannel = backchannel).await;
    let _bob = world.user("bob").with_password(PASSWORD).await;
    let mut browser = world.browser();
    let code = browser.log_in(&till, "bob", PASSWORD).await.get("code").to_owned();
    let tokens = till.redeem(&code).await.tokens();
    world.userinfo(&tokens.access_token).await.ok();

    let wire = page(&world, "/dev/wire").await.text();
    let its_own = its_page(last(&wire, "POST /as/token.oauth2").expect("the code is redeemed"));
    let sign_in = page(&world, &its_own).await.text();
    for what in ["GET /as/authorization.oauth2", "POST /as/token.oauth2", "GET /idp/userinfo.openid"] {
        assert!(last(&sign_in, what).is_some(), "{what}: {sign_in}");
    }
    assert!(sign_in.contains("<span class=\"what\">POST /sign-in/"), "the page of the flow: {sign_in}");
    // The next one is another one.
    world.browser().log_in(&till, "bob", PASSWORD).await.get("code");
    let wire = page(&world, "/dev/wire").await.text();
    let another = its_page(last(&wire, "GET /as/authorization.oauth2").expect("it began"));
    assert_ne!(another, its_own);
    assert!(last(&page(&world, &another).await.text(), "POST /as/token.oauth2").is_none(), "nobody has redeemed it");

    let fields = [("id_token_hint", tokens.id_token.as_str()), ("post_logout_redirect_uri", SIGNED_OUT)];
    browser.log_out(&fields).await.unwrap_err();
    let told = called(&world).await;
    for part in ["<bdi>Nod</bdi> → <bdi>till</bdi>", "logout_token, decoded · signature verified with Nod’s key"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// Whoever gives up on our page is sent back by another page, since a form leads nowhere else.
#[tokio::test]
async fn product_1_4_what_a_person_refused_is_an_error_on_the_wire() {
    let world = dev_mode().await;
    let till = world.client("till").signs_in().await;
    let _bob = world.user("bob").with_password(PASSWORD).await;
    let mut browser = world.browser();
    let sign_in = browser.authorize(&till, &[]).await.unwrap();
    browser.press(&sign_in, "cancel", &[]).await.unwrap_err().error("access_denied");
    let errors = page(&world, "/dev/wire?kind=errors").await.text();
    assert!(errors.contains("Why <span class=\"mono\">access_denied</span>"), "{errors}");
}

/// By JARM, by a form that sends itself, and by both.
#[tokio::test]
async fn product_1_4_an_error_is_one_on_the_wire_whichever_way_the_client_is_told() {
    let world = dev_mode().await;
    let till = world.client("till").signs_in().await;
    for mode in ["query", "fragment", "form_post", "jwt", "fragment.jwt", "form_post.jwt"] {
        let path = format!("/as/authorization.oauth2?{}", asked(&till, &[("response_mode", mode), ("prompt", "none")]));
        world.browser().get(&path).await;
        let errors = page(&world, "/dev/wire?kind=errors").await.text();
        let error = last(&errors, "GET /as/authorization.oauth2").unwrap_or_else(|| panic!("{mode}: {errors}"));
        assert!(error.contains("Why <span class=\"mono\">login_required</span>"), "{mode}: {error}");
        assert!(error.contains("OIDC Core §3.1.2.6"), "{mode}: {error}");
        post(&world, "/dev/wire/clear").await;
    }
}

#[tokio::test]
async fn product_1_4_what_connects_a_device_is_on_one_page() {
    let world = dev_mode().await;
    let tv = tv(&world).await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let waiting = asks(&tv, &world).await;
    poll(&tv, &waiting).await.refused(400, "authorization_pending");
    connects(&mut world.browser(), &waiting).await;
    let tokens = poll(&tv, &waiting).await.tokens();
    world.userinfo(&tokens.access_token).await.ok();

    let wire = page(&world, "/dev/wire").await.text();
    let its_own = its_page(last(&wire, "POST /as/device_authz.oauth2").expect("it asked"));
    let all = page(&world, &its_own).await.text();
    for what in ["POST /as/user_authz.oauth2", "GET /idp/userinfo.openid"] {
        assert!(last(&all, what).is_some(), "{what}: {all}");
    }
    assert!(all.contains("<span class=\"what\">POST /sign-in/"), "the page of the flow: {all}");
    let polls = all.matches("<span class=\"what\">POST /as/token.oauth2</span>").count();
    assert_eq!(polls, 2, "the one that came too early, too: {all}");
    // Another device is another page.
    let other = asks(&tv, &world).await;
    poll(&tv, &other).await.refused(400, "authorization_pending");
    let wire = page(&world, "/dev/wire").await.text();
    assert_ne!(its_page(last(&wire, "POST /as/token.oauth2").unwrap()), its_own);
}

#[tokio::test]
async fn product_1_4_what_a_sign_in_asks_on_a_device_is_on_its_page() {
    let world = signs_in_with_a_phone(dev_mode().await).await;
    let wire = page(&world, "/dev/wire").await.text();
    let its_own = its_page(last(&wire, "POST /as/token.oauth2").expect("the code is redeemed"));
    let all = page(&world, &its_own).await.text();
    let flows = all.matches("<span class=\"what\">POST /pf-ws/authn/flows/").count();
    assert!(flows >= 3, "password, second factor, poll: {all}");
    assert!(all.contains("<span class=\"what\">POST /device/v1/notifications/"), "what the phone said: {all}");
}

/// What would go to people is there as what goes to clients is, and what opens something is covered.
#[tokio::test]
async fn product_1_4_what_is_sent_to_people_is_on_the_wire_with_its_sign_in() {
    let world = super::dev_mode().await;
    post(&world, "/dev/scenarios/sms-fallback").await.ok();
    let inbox = world.get("/dev/inbox").await.ok();
    let (to, says) = (inbox["texts"][0]["to"].as_str().unwrap(), inbox["texts"][0]["text"].as_str().unwrap());
    let code = says.rsplit_once('#').expect("a code").1.trim();
    let wire = page(&world, "/dev/wire").await.text();
    let text = last(&wire, "text").expect("the text");
    assert!(text.contains(&format!("<bdi>Nod</bdi> → <bdi>{to}</bdi>")), "{text}");
    assert!(!text.contains(code) && !text.contains("Send again"), "{text}");
    let all = page(&world, &its_page(text)).await.text();
    assert!(last(&all, "POST /as/token.oauth2").is_some(), "the sign-in that it was for: {all}");
    let revealed = page(&world, "/dev/wire?reveal=1").await.text();
    assert!(last(&revealed, "text").expect("the text").contains(code), "{revealed}");
}
