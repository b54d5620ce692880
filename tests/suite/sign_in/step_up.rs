//! How well somebody was authenticated: what a relying party asks for, and what it is told [OIDCC §2, §5.5.1.1,
//! RFC 9470 §4].

use serde_json::{Value, json};

use super::{PASSWORD, policy, shop_and_alice};
use crate::world::{AUTHORIZE, Browser, Callback, Client, World, asked, decoded, seconds};

const BY_PASSWORD: &str = "urn:nod:acr:password";
const BY_DEVICE: &str = "urn:nod:acr:device";

/// A `claims` parameter that needs one of these classes.
fn needs(classes: &[&str]) -> String {
    json!({"id_token": {"acr": {"essential": true, "values": classes}}}).to_string()
}

/// A password for everybody, and once more for who asks for a device.
async fn bank(world: &World) -> Client {
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "again", "source": "password", "when": [{ "acr": BY_DEVICE }] },
    ]);
    policy(&world.admin().await, &json!({ "id": "careful", "steps": steps })).await;
    world.client("bank").signs_in().implied_consent().policy("careful").await
}

/// What the ID token says of how somebody was authenticated.
async fn told(client: &Client, code: &str) -> (Value, Value, Value) {
    let (_, claims) = decoded(&client.redeem(code).await.tokens().id_token);
    (claims["acr"].clone(), claims["amr"].clone(), claims["auth_time"].clone())
}

async fn silently(browser: &mut Browser, client: &Client, field: (&str, &str)) -> Callback {
    browser.authorize(client, &[("prompt", "none"), field]).await.unwrap_err()
}

#[tokio::test]
async fn oidcc_5_5_1_1_who_is_signed_in_steps_up_where_the_policy_has_a_step_for_it() {
    let world = World::start().await;
    let (_, _alice) = shop_and_alice(&world).await;
    let bank = bank(&world).await;
    let mut browser = world.browser();
    let code = browser.log_in(&bank, "alice", PASSWORD).await.get("code").to_owned();
    let began = world.now().seconds();
    assert_eq!(told(&bank, &code).await, (json!(BY_PASSWORD), json!(["pwd"]), json!(began)));
    world.clock.advance(seconds(60));
    // What the session is worth is not asked for again.
    let code = silently(&mut browser, &bank, ("acr_values", BY_PASSWORD)).await.get("code").to_owned();
    assert_eq!(told(&bank, &code).await.2, json!(began));
    // [security.md case 17] more than that, and somebody has to do something.
    silently(&mut browser, &bank, ("acr_values", BY_DEVICE)).await.error("login_required");
    let page = browser.authorize(&bank, &[("acr_values", BY_DEVICE)]).await.unwrap();
    let callback = browser.sign_in(page.has("type=\"password\""), "alice", PASSWORD).await.unwrap_err();
    // Once, not twice; and what is told is what was done, and when.
    let (acr, amr, at) = told(&bank, callback.get("code")).await;
    assert_eq!((acr, amr, at), (json!(BY_PASSWORD), json!(["pwd"]), json!(began + 60)));
    // A wish that nobody can grant is a wish: others are told what there is.
    let code = silently(&mut browser, &bank, ("acr_values", "urn:example:gold")).await.get("code").to_owned();
    assert_eq!(told(&bank, &code).await, (json!(BY_PASSWORD), json!(["pwd"]), json!(began + 60)));
}

#[tokio::test]
async fn oidcc_5_5_1_1_nobody_types_a_password_in_vain() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    for cannot in [needs(&[BY_DEVICE]), needs(&["urn:example:gold", "urn:nod:acr:device-number"])] {
        // No page, whoever is signed in.
        for fields in [vec![("claims", cannot.as_str())], vec![("claims", cannot.as_str()), ("prompt", "none")]] {
            let callback = browser.authorize(&shop, &fields).await.unwrap_err();
            callback.error("unmet_authentication_requirements");
        }
        browser.log_in(&shop, "alice", PASSWORD).await;
        silently(&mut browser, &shop, ("claims", &cannot)).await.error("unmet_authentication_requirements");
    }
    // One of several is enough, and what is told is that one.
    let can = needs(&[BY_DEVICE, BY_PASSWORD]);
    let code = silently(&mut browser, &shop, ("claims", &can)).await.get("code").to_owned();
    assert_eq!(told(&shop, &code).await.0, json!(BY_PASSWORD));
    // Essential, and nothing in particular.
    let any = json!({"id_token": {"acr": {"essential": true}}}).to_string();
    silently(&mut browser, &shop, ("claims", &any)).await.get("code");
}

#[tokio::test]
async fn oidcc_5_5_1_1_whoever_runs_the_flow_is_told() {
    let world = World::start().await;
    let (_, _alice) = shop_and_alice(&world).await;
    let bank = bank(&world).await;
    let app = world.client("app").signs_in().redirectless().implied_consent().await;
    let cannot = needs(&[BY_DEVICE]);
    // Told in the last state, where nobody is sent back.
    let mut phone = world.browser();
    let fields = [("claims", cannot.as_str())];
    let query = asked(&app, &[("response_mode", "pi.flow"), fields[0]]);
    let refused = phone.get(&format!("{AUTHORIZE}?{query}")).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["code"], "unmet_authentication_requirements");
    let callback = world.browser().authorize(&bank, &fields).await.unwrap_err();
    callback.error("unmet_authentication_requirements");
}
