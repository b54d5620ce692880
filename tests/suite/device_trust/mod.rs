//! Apps become devices that people trust: mobile payload, enrolment, silent authorization (flows.md F1-F3, F6).

use serde_json::{Value, json};

use crate::admin::robot::Robot;
use crate::world::{Answer, Browser, Client, Person, Phone, World};

mod address_in_a_flow;
mod attacks;
mod authorization;
mod backchannel;
mod conditions;
mod device_authentications;
mod device_authentications_once;
mod device_authentications_read;
mod device_authentications_ways;
mod enrolment;
mod every_state;
mod gone;
mod guesses;
mod invariants;
mod management;
mod mobile;
mod new_device;
mod new_device_answers;
mod new_device_stands;
mod new_device_told;
mod notices;
mod other_way;
mod pairing_in_a_flow;
mod passkey_in_a_flow;
mod payload;
mod payload_encryption;
mod phone_in_a_flow;
mod phone_passcodes;
mod races;
mod ready;
mod remember_me;
pub(crate) mod step_up;
mod step_up_fido2;
mod step_up_letters;
mod step_up_message;
mod step_up_otp;
mod step_up_pages;
mod step_up_races;
mod step_up_senders;
mod step_up_totp;
mod stopped;
mod transport_modes;
mod web_view;
mod worth;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const PAIRING: &str = "MOBILE_PAIRING_REQUIRED";

/// A shop with an app, whose people show a second factor.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) shop: Client,
    pub(crate) alice: Person,
}

/// What the MFA policy says where a test says nothing else.
pub(crate) fn usual() -> Value {
    json!({
        "id": "mfa",
        "no_devices_mode": "bypass",
        "applications": [{ "application": "shop-app", "auto_enrollment": true, "device_authorization": true }],
    })
}

impl Scene {
    async fn of(mfa: Value) -> Self {
        Self::in_world(World::start().await, mfa).await
    }

    pub(crate) async fn in_world(world: World, mfa: Value) -> Self {
        let shop = world.client("shop").signs_in().redirectless().implied_consent().refresh().await;
        Self::of_client(world, shop, mfa).await
    }

    /// Where this client is the one of the app.
    async fn of_client(world: World, shop: Client, mfa: Value) -> Self {
        let admin = world.admin().await;
        let app = json!({
            "id": "shop-app", "name": "The shop", "client": "shop", "package_name": "com.example.shop",
        });
        made(&admin, "/admin/v1/native-applications", app).await;
        asked_by(&admin, mfa).await;
        let alice = world.user("alice").with_password(PASSWORD).await;
        Self { world, shop, alice }
    }

    /// A sign-in at its second factor.
    pub(crate) async fn at_second_factor(&self, browser: &mut Browser) -> String {
        let first = browser.flow(&self.shop, &[]).await;
        let id = first["id"].as_str().unwrap().to_owned();
        let state = browser.password(&id, "alice", PASSWORD).await.ok();
        assert_eq!(state["status"], "AUTHENTICATION_REQUIRED");
        assert_eq!(state["user"]["username"], "alice");
        id
    }

    /// What a sign-in by this app comes to.
    pub(crate) async fn by(&self, phone: &Phone) -> (Browser, String, Value) {
        let mut browser = self.world.browser();
        let id = self.at_second_factor(&mut browser).await;
        let state = authenticate(&mut browser, &id, &phone.payload(|_| {})).await.ok();
        (browser, id, state)
    }

    /// The tokens of a sign-in that has come to something.
    pub(crate) async fn tokens(&self, browser: &mut Browser, id: &str) -> Value {
        let state = browser.act(id, "continueAuthentication", &json!({})).await.ok();
        assert_eq!(state["status"], "COMPLETED");
        self.shop.redeem(state["authorizeResponse"]["code"].as_str().unwrap()).await.ok()
    }

    /// A phone that alice has taken for a device, as the app offered.
    pub(crate) async fn trusted(&self) -> Phone {
        let mut phone = self.world.phone();
        let (_, _, state) = self.by(&phone).await;
        assert_eq!(phone.enrol(ticket(&state)).await.status, 201);
        phone
    }
}

/// What an app is offered, and both answers; what it answers by itself; and what a server has somebody asked. The issuer,
/// for whoever shows it as that of another.
pub(crate) async fn examples() -> String {
    let mut mfa = usual();
    mfa["applications"][0]["extra_verification"] = json!("permissive");
    // Chance would draw the number.
    mfa["number_matching"] = json!("off");
    let scene = Scene::of(mfa).await;
    let phone = scene.world.phone();
    let (_, _, state) = scene.by(&phone).await;
    phone.see(ticket(&state)).await.ok();
    assert_eq!(phone.refuse_enrolment(ticket(&state)).await.status, 204);
    let phone = scene.trusted().await;
    let mut events = phone.listen().await;
    assert_eq!(events.next().await.unwrap().0, "ready");
    scene.by(&phone).await;
    let (_, pushed) = events.next().await.unwrap();
    let said = nod_device::PushMessage::read(pushed.to_string().as_bytes()).unwrap();
    let answer = nod_device::Call::acknowledge(phone.installation(), said.notification_id, said.pv.unwrap());
    phone.call(&answer).await.ok();
    device_authentications::examples(&scene).await;
    scene.world.issuer().to_owned()
}

/// What the ID tokens of sign-ins by a trusted app, and with a code, say.
pub(crate) async fn acrs() -> [Value; 2] {
    [by_app().await, step_up_otp::acr().await]
}

async fn by_app() -> Value {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let (mut browser, id, _) = scene.by(&phone).await;
    claims(&scene.tokens(&mut browser, &id).await)["acr"].clone()
}

/// People show a second factor by this MFA policy, at all clients that name no other sign-on policy.
pub(crate) async fn asked_by(admin: &Robot<'_>, mfa: Value) {
    made(admin, "/admin/v1/mfa-policies", mfa).await;
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "mfa", "source": "mfa", "mfa_policy": "mfa" },
    ]);
    made(admin, "/admin/v1/policies", json!({ "id": "both", "steps": steps })).await;
    admin.patch("/admin/v1/sign-on-settings", &json!({ "default_policy": "both" })).await.ok();
}

pub(crate) async fn made(admin: &Robot<'_>, path: &str, body: Value) {
    assert_eq!(admin.post(path, &body).await.status, 201, "{path}");
}

async fn authenticate(browser: &mut Browser, id: &str, payload: &str) -> Answer {
    browser.act(id, "authenticate", &json!({ "mobilePayload": payload })).await
}

fn ticket(state: &Value) -> &str {
    assert_eq!(state["status"], PAIRING, "{state}");
    state["serverPayload"]["ticket"].as_str().unwrap()
}

/// The claims of an ID token.
pub(crate) fn claims(tokens: &Value) -> Value {
    crate::world::decoded(tokens["id_token"].as_str().unwrap()).1
}
