//! Every state of a second factor, and how somebody gets there [flows.md H.7, security.md case 130].

use nod::protocol::flow_api::Status;
use serde_json::Value;

use super::step_up_message::here;
use super::step_up_otp::code;
use super::step_up_totp::Own;
use super::{PASSWORD, Scene, json, ticket};
use crate::sign_in::every_state::{SECOND_FACTOR, is_only_read, only_its_links};
use crate::sign_in::flow_api::id;
use crate::world::{Browser, Client, Person, Phone, seconds};

/// By what somebody got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// An app that nobody knows, or whose device is trusted already.
    App,
    Push,
    Email,
    Totp,
    Nothing,
    /// The same, where the policy has people make one.
    SetUp,
}

/// A state, by what, and whether in a browser: where our own pages show it, nothing is left for whoever runs it to
/// say, and so there are fewer of them.
type Place = (Status, By, bool);

const PLACES: [Place; 43] = [
    (Status::AuthenticationRequired, By::Push, false),
    (Status::DeviceSelectionRequired, By::Push, false),
    (Status::DeviceSelectionRequired, By::Email, false),
    (Status::DeviceManagement, By::Push, false),
    (Status::DeviceManagement, By::Email, false),
    (Status::PushConfirmationWaiting, By::Push, false),
    (Status::PushConfirmationTimedOut, By::Push, false),
    (Status::PushConfirmationRejected, By::Push, false),
    (Status::OtpRequired, By::Email, false),
    (Status::OtpRequired, By::Totp, false),
    (Status::MobilePairingRequired, By::App, false),
    (Status::MfaCompleted, By::App, false),
    (Status::MfaCompleted, By::Push, false),
    (Status::MfaCompleted, By::Email, false),
    (Status::MfaCompleted, By::Totp, false),
    (Status::MfaCompleted, By::Nothing, false),
    (Status::MfaFailed, By::Push, false),
    (Status::DeviceSelectionRequired, By::Push, true),
    (Status::DeviceManagement, By::Push, true),
    (Status::PushConfirmationWaiting, By::Push, true),
    (Status::PushConfirmationTimedOut, By::Push, true),
    (Status::PushConfirmationRejected, By::Push, true),
    (Status::OtpRequired, By::Email, true),
    (Status::OtpRequired, By::Totp, true),
    (Status::MfaCompleted, By::Push, true),
    (Status::MfaCompleted, By::Email, true),
    (Status::MfaCompleted, By::Totp, true),
    (Status::MfaSetupRequired, By::SetUp, false),
    (Status::DevicePairingMethodRequired, By::SetUp, false),
    (Status::TotpActivationRequired, By::SetUp, false),
    (Status::MobileActivationRequired, By::SetUp, false),
    (Status::EmailPairingTargetRequired, By::SetUp, false),
    (Status::SmsPairingTargetRequired, By::SetUp, false),
    (Status::VoicePairingTargetRequired, By::SetUp, false),
    (Status::EmailActivationRequired, By::SetUp, false),
    (Status::SmsActivationRequired, By::SetUp, false),
    (Status::VoiceActivationRequired, By::SetUp, false),
    (Status::MfaSetupRequired, By::SetUp, true),
    (Status::EmailPairingTargetRequired, By::SetUp, true),
    (Status::EmailActivationRequired, By::SetUp, true),
    (Status::DevicePairingMethodRequired, By::SetUp, true),
    (Status::TotpActivationRequired, By::SetUp, true),
    (Status::MobileActivationRequired, By::SetUp, true),
];

struct Stage {
    scene: Scene,
    /// Whose people come with a browser.
    web: Client,
}

impl Stage {
    async fn start() -> Self {
        let app = json!({ "application": "shop-app", "auto_enrollment": true, "device_authorization": true });
        let mfa = json!({
            "id": "mfa", "no_devices_mode": "bypass", "number_matching": "off", "email": { "enabled": true },
            "sms": { "enabled": true }, "voice": { "enabled": true },
            "totp": { "enabled": true }, "device_selection": "prompt_to_select", "applications": [app],
        });
        let scene = Scene::in_world(here().start().await, mfa).await;
        let web = scene.world.client("web").signs_in().implied_consent().await;
        Self { scene, web }
    }

    /// Brings a sign-in of somebody new there.
    async fn arrive(&self, place: Place, number: usize) -> (Browser, Value) {
        let (status, by, in_browser) = place;
        let world = &self.scene.world;
        // A network has so many tries a minute.
        world.clock.advance(seconds(10));
        let several = matches!(status, Status::DeviceSelectionRequired | Status::DeviceManagement);
        let person = self.person(by, several, number).await;
        let shows = if by == By::Totp { Some(self.scene.authenticator(&person.username).await) } else { None };
        let mut app = world.phone();
        if (status, by) == (Status::MfaCompleted, By::App) {
            let (_, state) = self.authenticated(&person, Some(&app)).await;
            assert_eq!(app.enrol(ticket(&state)).await.status, 201);
        }
        if by == By::SetUp {
            // Those before it are over by then.
            let admin = self.scene.another_robot("changes").await;
            admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "no_devices_mode": "setup" })).await.ok();
        }
        if status == Status::MfaFailed {
            person.phone().block().await;
        }
        let (mut browser, state) = if in_browser {
            self.in_browser(&person).await
        } else if status == Status::AuthenticationRequired {
            self.at_second_factor(&person).await
        } else {
            self.authenticated(&person, Some(&app).filter(|_| by == By::App)).await
        };
        let state = if status == Status::DeviceManagement { managing(&mut browser, &state).await } else { state };
        let there = state["status"] == status.as_str();
        let state =
            if there { state } else { self.answered(&mut browser, &state, (&person, shows.as_ref()), status).await };
        // A letter is on its way by itself.
        world.nothing_waits().await;
        assert_eq!(state["status"], status.as_str(), "{place:?}");
        (browser, state)
    }

    async fn person(&self, by: By, several: bool, number: usize) -> Person {
        let (world, name) = (&self.scene.world, format!("person-{number}"));
        let mut person = world.user(&name).with_password(PASSWORD).await;
        for at in 0..=usize::from(several) {
            match by {
                By::Push => drop(person.pair(world.phone()).await),
                By::Email => drop(self.scene.address(&name, &format!("{name}-{at}@home.example")).await),
                By::App | By::Totp | By::Nothing | By::SetUp => {}
            }
        }
        person
    }

    async fn at_second_factor(&self, person: &Person) -> (Browser, Value) {
        let mut browser = self.scene.world.browser();
        let begun = browser.flow(&self.scene.shop, &[]).await;
        let state = browser.password(id(&begun), &person.username, PASSWORD).await.ok();
        (browser, state)
    }

    async fn authenticated(&self, person: &Person, app: Option<&Phone>) -> (Browser, Value) {
        let (mut browser, state) = self.at_second_factor(person).await;
        let body = app.map_or_else(|| json!({}), |app| json!({ "mobilePayload": app.payload(|_| {}) }));
        let state = browser.act(id(&state), "authenticate", &body).await.ok();
        (browser, state)
    }

    async fn in_browser(&self, person: &Person) -> (Browser, Value) {
        let mut browser = self.scene.world.browser();
        let page = browser.authorize(&self.web, &[]).await.unwrap();
        let state = browser.password(page.flow(), &person.username, PASSWORD).await.ok();
        (browser, state)
    }

    /// What the person does, or does not do, so that it leads on.
    async fn answered(
        &self,
        browser: &mut Browser,
        state: &Value,
        (person, shows): (&Person, Option<&Own>),
        status: Status,
    ) -> Value {
        let world = &self.scene.world;
        if state["status"] == Status::MfaSetupRequired.as_str() {
            let begun = browser.act(id(state), "setupMfa", &json!({})).await.ok();
            if status == Status::DevicePairingMethodRequired {
                return begun;
            }
            let method = json!({ "devicePairingMethod": { "deviceType": kind_of(status) } });
            let chosen = browser.act(id(state), "selectDevicePairingMethod", &method).await.ok();
            let (email, phone) = (format!("{}@home.example", person.username), "+4915123456789");
            let submits = [
                (Status::EmailActivationRequired, "submitEmailTarget", json!({ "email": email })),
                (Status::SmsActivationRequired, "submitSmsTarget", json!({ "phone": phone })),
                (Status::VoiceActivationRequired, "submitVoiceTarget", json!({ "phone": phone })),
            ];
            let submits = submits.into_iter().find(|(of, ..)| *of == status);
            let Some((_, action, body)) = submits else { return chosen };
            return browser.act(id(state), action, &body).await.ok();
        }
        if state["status"] == Status::OtpRequired.as_str() {
            world.nothing_waits().await;
            let shown = shows.map(|own| own.app.code(world.now(), 0));
            let otp = json!({ "otp": shown.unwrap_or_else(|| code(&world.inbox()[0])) });
            return browser.act(id(state), "checkOtp", &otp).await.ok();
        }
        if status == Status::PushConfirmationTimedOut {
            world.clock.advance(seconds(41));
        } else if status == Status::PushConfirmationRejected {
            person.phone().deny_the_question().await;
        } else {
            person.phone().approve_the_question().await;
        }
        browser.act(id(state), "poll", &json!({})).await.ok()
    }
}

/// The first device is asked of whoever wants to look after theirs.
async fn managing(browser: &mut Browser, state: &Value) -> Value {
    let state = browser.act(id(state), "manageDevices", &json!({})).await.ok();
    let device = json!({ "deviceRef": { "id": state["devices"][0]["id"] } });
    browser.act(id(&state), "selectDevice", &device).await.ok()
}

/// What somebody makes who is there.
fn kind_of(status: Status) -> &'static str {
    const KINDS: [(Status, &str); 7] = [
        (Status::MobileActivationRequired, "MOBILE"),
        (Status::EmailPairingTargetRequired, "EMAIL"),
        (Status::EmailActivationRequired, "EMAIL"),
        (Status::SmsPairingTargetRequired, "SMS"),
        (Status::SmsActivationRequired, "SMS"),
        (Status::VoicePairingTargetRequired, "VOICE"),
        (Status::VoiceActivationRequired, "VOICE"),
    ];
    KINDS.iter().find(|(of, _)| *of == status).map_or("TOTP", |(_, kind)| kind)
}

#[test]
fn every_state_of_a_second_factor_is_here() {
    assert!(SECOND_FACTOR.iter().all(|status| PLACES.iter().any(|(here, ..)| here == status)));
}

#[tokio::test]
async fn t15_2_what_is_no_link_is_refused_and_changes_nothing() {
    let stage = Stage::start().await;
    for (number, place) in PLACES.into_iter().enumerate() {
        let (mut browser, state) = stage.arrive(place, number).await;
        only_its_links(&stage.scene.world, &mut browser, &state, &format!("{place:?}")).await;
    }
}

/// [flows.md I1] also where a question or a code is over by then, and on our own page.
#[tokio::test]
async fn i1_reading_changes_nothing_in_any_state() {
    let stage = Stage::start().await;
    for (number, place) in PLACES.into_iter().enumerate() {
        let (mut browser, state) = stage.arrive(place, number).await;
        is_only_read(&stage.scene.world, &mut browser, &state, &format!("{place:?}")).await;
    }
}
