//! Every state that a flow can be in, and how somebody gets there.

use nod::domain::recovery::Means;
use nod::protocol::flow_api::{Action, Kind, Status};
use serde_json::{Map, Value, json};

use super::flow_api::id;
use super::passkeys::password_and_passkey;
use super::recovery::secrets;
use super::{PASSWORD, device_grant, links, name_first, policy, refused};
use crate::world::{Browser, Client, FLOWS, World, seconds};

const CHANGE: &str = "/ext/password-change";
const RESET: &str = "/ext/password-reset";

/// Where a flow is: its state, and what tells it from others in the same state.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Run without a browser.
    Flow(Status),
    /// Run in a browser.
    InBrowser(Status),
    /// Who is signed in is offered to go on so.
    Offered,
    /// Somebody said no to a device.
    DeviceRefused,
    /// Beside any sign-in, about a password alone.
    Beside(Status),
    /// The same, of somebody who is signed in.
    BesideSignedIn,
}

const CHANGING: [Status; 3] =
    [Status::CurrentCredentialsRequired, Status::NewPasswordRequired, Status::SuccessfulPasswordChange];

/// Whatever there is beside a sign-in.
const BESIDE: [Status; 10] = [
    Status::CurrentCredentialsRequired,
    Status::NewPasswordRequired,
    Status::SuccessfulPasswordChange,
    Status::AccountRecoveryUsernameRequired,
    Status::AccountRecoveryOtlVerificationRequired,
    Status::RecoveryCodeRequired,
    Status::PasswordResetRequired,
    Status::SuccessfulPasswordReset,
    Status::Canceled,
    Status::Resume,
];

/// `device_trust::every_state` has these.
pub(crate) const SECOND_FACTOR: [Status; 20] = [
    Status::AuthenticationRequired,
    Status::DeviceSelectionRequired,
    Status::DeviceManagement,
    Status::PushConfirmationWaiting,
    Status::PushConfirmationTimedOut,
    Status::PushConfirmationRejected,
    Status::OtpRequired,
    Status::MobilePairingRequired,
    Status::MfaCompleted,
    Status::MfaFailed,
    Status::MfaSetupRequired,
    Status::DevicePairingMethodRequired,
    Status::TotpActivationRequired,
    Status::MobileActivationRequired,
    Status::EmailPairingTargetRequired,
    Status::SmsPairingTargetRequired,
    Status::VoicePairingTargetRequired,
    Status::EmailActivationRequired,
    Status::SmsActivationRequired,
    Status::VoiceActivationRequired,
];

impl Place {
    fn all() -> Vec<Self> {
        // RESUME is for browsers.
        let here = |status: &Status| *status != Status::Resume && !SECOND_FACTOR.contains(status);
        let flows = Status::ALL.iter().copied().filter(here).map(Self::Flow);
        let in_browser = [Status::Resume, Status::Failed, Status::AssertionRequired].map(Self::InBrowser);
        let others = [Self::Offered, Self::DeviceRefused, Self::BesideSignedIn];
        flows.chain(in_browser).chain(others).chain(BESIDE.map(Self::Beside)).collect()
    }

    const fn status(self) -> Status {
        match self {
            Self::Flow(status) | Self::InBrowser(status) | Self::Beside(status) => status,
            Self::Offered => Status::IdentifierRequired,
            Self::DeviceRefused => Status::Failed,
            Self::BesideSignedIn => Status::NewPasswordRequired,
        }
    }
}

/// The clients of every kind of flow.
struct Stage {
    world: World,
    /// Letters of this one have a link alone.
    linking: World,
    shop: Client,
    app: Client,
    linked: Client,
    named: Client,
    enrols: Client,
    tv: Client,
}

impl Stage {
    async fn start() -> Self {
        let world = World::with().letters().start().await;
        let linking = World::with().letters().settings(|settings| settings.recovery = Means::Link).start().await;
        let admin = world.admin().await;
        policy(&admin, &name_first("name-first")).await;
        policy(&admin, &password_and_passkey("enrols", true)).await;
        Self {
            shop: world.client("shop").signs_in().await,
            app: world.client("app").signs_in().redirectless().await,
            linked: linking.client("app").signs_in().redirectless().await,
            named: world.client("named").signs_in().redirectless().policy("name-first").await,
            enrols: world.client("enrols").signs_in().redirectless().policy("enrols").await,
            tv: device_grant::tv(&world).await,
            world,
            linking,
        }
    }

    fn world(&self, place: Place) -> &World {
        if place.status() == Status::AccountRecoveryOtlVerificationRequired { &self.linking } else { &self.world }
    }

    /// Brings a flow of somebody new there.
    async fn arrive(&self, place: Place, number: usize) -> (Browser, Value) {
        let world = self.world(place);
        // A network has so many tries a minute.
        world.clock.advance(seconds(10));
        let person = world.user(&format!("person-{number}")).with_password(PASSWORD).await;
        let username = person.username.as_str();
        let mut phone = world.browser();
        let state = match place {
            Place::Flow(Status::MustChangePassword) => {
                world.demand_change(&person).await;
                let state = phone.flow(&self.app, &[]).await;
                phone.password(id(&state), username, PASSWORD).await.ok()
            }
            Place::Flow(status) => self.flow(&mut phone, world, status, username).await,
            Place::InBrowser(status) => self.in_browser(&mut phone, status, username).await,
            Place::Offered => {
                phone.log_in(&self.shop, username, PASSWORD).await;
                phone.flow(&self.app, &[("prompt", "select_account")]).await
            }
            Place::DeviceRefused => {
                let state = device_grant::begun(&mut phone, &self.tv, world).await;
                phone.act(id(&state), "cancel", &json!({})).await.ok()
            }
            Place::Beside(status) => beside(&mut phone, world, status, username).await,
            Place::BesideSignedIn => {
                phone.log_in(&self.shop, username, PASSWORD).await;
                let page = phone.open(CHANGE).await.unwrap();
                phone.look(&page).await
            }
        };
        assert_eq!(state["status"], place.status().as_str(), "{place:?}");
        (phone, state)
    }

    async fn flow(&self, phone: &mut Browser, world: &World, status: Status, username: &str) -> Value {
        let special = [
            (Status::AccountRecoveryOtlVerificationRequired, &self.linked),
            (Status::IdentifierRequired, &self.named),
            (Status::Fido2ActivationRequired, &self.enrols),
        ];
        let client = special.iter().find(|(of, _)| *of == status).map_or(&self.app, |(_, client)| *client);
        if status == Status::OauthDeviceUserCodeRequired {
            return device_grant::begun_without_page(phone, client).await.ok();
        }
        if [Status::OauthDeviceUserCodeConfirmationRequired, Status::OauthDeviceCompleted].contains(&status) {
            return self.device(phone, status, username).await;
        }
        let state = phone.flow(client, &[("prompt", "consent")]).await;
        let flow = id(&state).to_owned();
        if CHANGING.contains(&status) || status == Status::Canceled {
            let state = phone.act(&flow, "initiatePasswordChange", &json!({})).await.ok();
            changing(phone, state, status, (world, username)).await
        } else if BESIDE.contains(&status) {
            let state = phone.act(&flow, "initiateAccountRecovery", &json!({})).await.ok();
            recovering(phone, state, status, (world, username)).await
        } else if status == Status::AssertionRequired {
            phone.turn(&flow).await
        } else if status == Status::Failed {
            phone.act(&flow, "cancel", &json!({})).await.ok()
        } else if [Status::ConsentRequired, Status::Fido2ActivationRequired].contains(&status) {
            // Whoever has no passkey makes one, where the policy says so.
            phone.password(&flow, username, PASSWORD).await.ok()
        } else if status == Status::Completed {
            phone.password(&flow, username, PASSWORD).await.ok();
            phone.act(&flow, "grantConsent", &json!({})).await.ok()
        } else {
            state
        }
    }

    async fn device(&self, phone: &mut Browser, status: Status, username: &str) -> Value {
        let state = device_grant::begun(phone, &self.tv, &self.world).await;
        if status == Status::OauthDeviceUserCodeConfirmationRequired {
            return state;
        }
        phone.act(id(&state), "confirmUserCode", &json!({ "userCode": state["userCode"] })).await.ok();
        phone.password(id(&state), username, PASSWORD).await.ok();
        phone.act(id(&state), "grantConsent", &json!({})).await.ok()
    }

    async fn in_browser(&self, browser: &mut Browser, status: Status, username: &str) -> Value {
        let page = browser.authorize(&self.shop, &[]).await.unwrap();
        let flow = page.flow();
        if status == Status::Failed {
            browser.act(flow, "cancel", &json!({})).await.ok()
        } else if status == Status::AssertionRequired {
            browser.turn(flow).await
        } else {
            browser.password(flow, username, PASSWORD).await.ok();
            browser.act(flow, "grantConsent", &json!({})).await.ok()
        }
    }
}

impl Browser {
    async fn turn(&mut self, flow: &str) -> Value {
        let body = json!({ "authenticationSource": "passkey" });
        self.act(flow, "useAlternativeAuthenticationSource", &body).await.ok()
    }
}

async fn beside(browser: &mut Browser, world: &World, status: Status, username: &str) -> Value {
    let changes = CHANGING.contains(&status);
    let page = browser.open(if changes { CHANGE } else { RESET }).await.unwrap();
    let state = browser.look(&page).await;
    if changes {
        changing(browser, state, status, (world, username)).await
    } else {
        recovering(browser, state, status, (world, username)).await
    }
}

const NEXT: &str = "twelve green bottles";

/// From the first state of a change on.
async fn changing(phone: &mut Browser, state: Value, status: Status, (world, username): (&World, &str)) -> Value {
    let flow = id(&state).to_owned();
    if status == Status::CurrentCredentialsRequired {
        return state;
    }
    if status == Status::Canceled {
        return phone.act(&flow, "cancelPasswordChange", &json!({})).await.ok();
    }
    let credentials = json!({ "username": username, "password": PASSWORD });
    let state = phone.act(&flow, "checkCurrentCredentials", &credentials).await.ok();
    if status == Status::NewPasswordRequired {
        return state;
    }
    let state = phone.act(&flow, "checkNewPassword", &json!({ "newPassword": NEXT })).await.ok();
    world.nothing_waits().await;
    state
}

/// From the first state of a recovery on.
async fn recovering(phone: &mut Browser, state: Value, status: Status, (world, username): (&World, &str)) -> Value {
    let flow = id(&state).to_owned();
    if status == Status::AccountRecoveryUsernameRequired {
        return state;
    }
    if status == Status::Canceled {
        return phone.act(&flow, "cancelAccountRecovery", &json!({})).await.ok();
    }
    let state = phone.act(&flow, "checkAccountRecoveryUsername", &json!({ "username": username })).await.ok();
    world.nothing_waits().await;
    if matches!(status, Status::RecoveryCodeRequired | Status::AccountRecoveryOtlVerificationRequired) {
        return state;
    }
    let (code, _) = secrets(&world.inbox()[0]);
    let state = phone.act(&flow, "checkRecoveryCode", &json!({ "recoveryCode": code })).await.ok();
    if status == Status::PasswordResetRequired {
        return state;
    }
    let state = phone.act(&flow, "checkPasswordReset", &json!({ "newPassword": NEXT })).await.ok();
    world.nothing_waits().await;
    if status == Status::SuccessfulPasswordReset {
        return state;
    }
    phone.act(&flow, "continueAuthentication", &json!({})).await.ok()
}

/// What an action needs, if not what would be right.
fn plausible(action: Action) -> Value {
    let body = action.members().iter().filter(|member| member.required).map(|member| {
        let value = match member.kind {
            Kind::Text => json!("alice"),
            Kind::Flag => json!(true),
            Kind::Reference => json!({ "id": "alice" }),
            Kind::Method => json!({ "deviceType": "alice" }),
        };
        (member.name.to_owned(), value)
    });
    Value::Object(body.collect::<Map<_, _>>())
}

/// [flows.md A.1] what it is that asks in a state.
fn asks(status: &str) -> &'static str {
    match status {
        "IDENTIFIER_REQUIRED" => "identifier",
        "ASSERTION_REQUIRED" | "FIDO2_ACTIVATION_REQUIRED" => "passkey",
        "CONSENT_REQUIRED" => "consent",
        "RESUME" | "COMPLETED" | "FAILED" => "policy",
        device if device.starts_with("OAUTH_DEVICE_") => "device_grant",
        factor if SECOND_FACTOR.iter().any(|one| one.as_str() == factor) => "mfa",
        _ => "password",
    }
}

/// Whatever is no link of a state is refused there, and changes nothing.
pub(crate) async fn only_its_links(world: &World, phone: &mut Browser, state: &Value, what: &str) {
    assert_eq!(state["pluginTypeId"], asks(state["status"].as_str().unwrap()), "{what}");
    let watch = world.watch().await;
    for action in Action::ALL.iter().filter(|action| !links(state).contains(&action.as_str())) {
        let answer = phone.act(id(state), action.as_str(), &plausible(*action)).await;
        refused(&answer, 400, "INVALID_ACTION_ID", None);
    }
    watch.nothing_changed(what).await;
    assert_eq!(phone.get(&format!("{FLOWS}{}", id(state))).await.ok(), *state, "{what}");
}

/// [security.md case 130] every pair of a state and an action.
#[tokio::test]
async fn t15_2_what_is_no_link_is_refused_and_changes_nothing() {
    let stage = Stage::start().await;
    let mut reached = Vec::new();
    for (number, place) in Place::all().into_iter().enumerate() {
        let (mut phone, state) = stage.arrive(place, number).await;
        reached.push(place.status());
        only_its_links(stage.world(place), &mut phone, &state, &format!("{place:?}")).await;
    }
    let all = Status::ALL.iter().all(|status| reached.contains(status) || SECOND_FACTOR.contains(status));
    assert!(all, "{reached:?}");
}

/// [flows.md I1] also where it is too late for what is to be done there, and on our own page.
#[tokio::test]
async fn i1_reading_changes_nothing_in_any_state() {
    let stage = Stage::start().await;
    for (number, place) in Place::all().into_iter().enumerate() {
        let (mut phone, state) = stage.arrive(place, number).await;
        is_only_read(stage.world(place), &mut phone, &state, &format!("{place:?}")).await;
    }
}

/// Read twice and once on our own page, at once and when much of it is over.
pub(crate) async fn is_only_read(world: &World, phone: &mut Browser, state: &Value, what: &str) {
    for later in [0, 6 * 60] {
        // A challenge is good for five minutes.
        world.clock.advance(seconds(later));
        let watch = world.watch().await;
        let now = phone.get(&format!("{FLOWS}{}", id(state))).await.ok();
        assert_eq!((&now["status"], links(&now)), (&state["status"], links(state)), "{what}, {later} s later");
        let page = phone.get(&format!("/sign-in/{}", id(state))).await;
        assert!(page.status < 500, "{what}: {}", page.text());
        assert_eq!(phone.get(&format!("{FLOWS}{}", id(state))).await.ok(), now, "{what}");
        watch.nothing(&format!("GET at {what}, {later} s later")).await;
    }
}
