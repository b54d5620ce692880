//! Word to phones that do not listen, by the services that reach them (flows.md H.3, F5; security.md 81, 94, 95, 117-123;
//! reliability.md F21, F22).

use nod_device::PushMessage;
use serde_json::{Value, json};

use self::double::{BUNDLE, Double, KEY_ID, SUBJECT, Sent, Services, TEAM, p8};
use crate::admin::robot::Robot;
use crate::world::{Asked, Builder, Client, Person, Phone, Watch, World};

mod credentials;
mod delivery;
mod dev_mode;
mod double;
mod log;
mod muted;
mod sign_in;
mod silent;
mod silent_pages;
mod tokens;
mod trouble;
mod unpairing;
mod wire;

const PACKAGE: &str = "com.example.shop";
const FCM_TOKEN: &str = "dGhlLXBob25l:APA91bF-of_alice";
const APNS_TOKEN: &str = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad";

/// A shop that asks alice, who has a phone with an app whose operator has an account at every push service.
struct Scene {
    services: Services,
    world: World,
    shop: Client,
    alice: Person,
}

impl Scene {
    async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let services = Services::start();
        let world = change(services.around()).start().await;
        world.guard(services.service_account()["private_key"].as_str().unwrap());
        world.guard(&p8());
        {
            let admin = world.admin().await;
            app(&world, &admin).await;
            accounts(&services, &admin).await;
        }
        let shop = world.client("shop").await;
        let mut alice = world.user("alice").await;
        with_app(&world, &mut alice).await;
        Self { services, world, shop, alice }
    }

    fn phone(&self) -> &Phone {
        self.alice.phone()
    }

    /// alice's phone, reached by FCM.
    async fn reached_by_fcm(self) -> Self {
        assert_eq!(self.phone().reached_at("FCM", "production", FCM_TOKEN).await.status, 204);
        self
    }

    async fn reached_by_apns(self) -> Self {
        assert_eq!(self.phone().reached_at("APNS", "production", APNS_TOKEN).await.status, 204);
        self
    }

    async fn reached_by_browser(self) -> Self {
        let subscription = self.services.web.subscription("alice");
        assert_eq!(self.phone().reached_at("WEB_PUSH", "production", &subscription).await.status, 204);
        self
    }

    async fn asks(&self) -> Asked {
        self.shop.ask(&self.alice).await
    }

    /// No push waits any more.
    async fn is_quiet(&self) {
        for _ in 0..600 {
            if pushes(&self.world).await.is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("pushes wait");
    }

    /// The same, and what a busy database has put off comes again meanwhile.
    async fn settles(&self) {
        // Each is due again some time, and no question is over by then.
        for _ in 0..80 {
            let Some(pause) = at_rest(&self.world).await else { return };
            self.world.clock.advance(pause);
        }
        panic!("pushes wait");
    }

    /// The next try is planned for so many seconds from now.
    async fn is_planned_in(&self, pause: u64) {
        let due = format!("due_at={}", (self.world.now() + crate::world::seconds(pause)).millis());
        crate::admin::until("the next try is planned", async || {
            pushes(&self.world).await.iter().any(|row| row.contains(&due)).then_some(())
        })
        .await;
    }

    async fn has_token(&self) -> bool {
        !self.world.rows("push_token").await.is_empty()
    }

    /// How it is that the operator wants phones without the app to be nobody's.
    async fn unpairs_automatically(self) -> Self {
        let admin = self.world.robot("operator", "nod:admin").await;
        let change = json!({ "automatic_unpairing": true });
        let app = admin.patch("/admin/v1/native-applications/shop-app", &change).await.ok();
        assert_eq!(app["automatic_unpairing"], true);
        drop(admin);
        self
    }
}

/// The app, and its client.
async fn app(world: &World, admin: &Robot<'_>) {
    world.client("app").signs_in().redirectless().implied_consent().await;
    let app = json!({
        "id": "shop-app", "name": "The shop", "client": "app", "package_name": PACKAGE, "bundle_id": BUNDLE,
    });
    assert_eq!(admin.post("/admin/v1/native-applications", &app).await.status, 201);
}

/// Its accounts at the push services.
async fn accounts(services: &Services, admin: &Robot<'_>) {
    let at = |provider: &str| format!("/admin/v1/native-applications/shop-app/push-credentials/{provider}");
    let fcm = json!({ "service_account": services.service_account() });
    admin.put(&at("fcm"), &fcm).await.ok();
    let apns = json!({ "team_id": TEAM, "key_id": KEY_ID, "private_key": p8() });
    admin.put(&at("apns"), &apns).await.ok();
    admin.put(&at("web_push"), &json!({ "subject": SUBJECT })).await.ok();
}

/// One more phone, with the app.
async fn with_app(world: &World, person: &mut Person) {
    let mut phone = world.phone();
    let key = person.pairing_key().await;
    assert_eq!(phone.pair_as(&key, PACKAGE).await.status, 201);
    person.phones.push(phone);
}

async fn pushes(world: &World) -> Vec<String> {
    world.rows("outbox").await.into_iter().filter(|row| row.contains("kind=push")).collect()
}

/// What the trail says of pushes since.
async fn audited(watch: &Watch) -> Vec<(String, Option<String>)> {
    let events = watch.events().await.into_iter().filter(|event| event.action == "request.pushed");
    events.map(|event| (event.result, event.reason)).collect()
}

/// The same of so many pushes, which is written down by and by: as long as there is more of it with the looks, however
/// long they take, it is waited for.
async fn audited_of(watch: &Watch, pushes: usize) -> Vec<(String, Option<String>)> {
    let (mut known, mut in_vain) = (0, 0);
    loop {
        let told = audited(watch).await;
        if told.len() >= pushes {
            return told;
        }
        in_vain = if told.len() == known { in_vain + 1 } else { 0 };
        assert!(in_vain < LOOKS, "{} of {pushes} pushes have come to an end", told.len());
        known = told.len();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn done() -> (String, Option<String>) {
    ("done".to_owned(), None)
}

fn gave_up(why: &str) -> (String, Option<String>) {
    ("refused".to_owned(), Some(why.to_owned()))
}

/// What the app reads of it, by the SDK.
fn read(sent: &Sent) -> PushMessage {
    PushMessage::read(sent.says.to_string().as_bytes()).expect("a push of ours")
}

/// Of UNREGISTERED.
fn unregistered() -> Value {
    json!({ "error": {
        "code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND",
        "details": [{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED" }],
    } })
}

fn fcm_error(status: u16, name: &str, code: &str) -> Value {
    json!({ "error": { "code": status, "status": name, "details": [
        { "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [] },
        { "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code },
    ] } })
}

/// A while in which nothing happens.
async fn a_while() {
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
}

/// Nobody was asked anything.
fn is_untouched(service: &Double) {
    assert!(service.asked().is_empty(), "{:?}", service.asked());
}

/// For so long, in milliseconds, a push is that of whoever carries it.
const LEASE: i64 = 30_000;

/// So often is looked for something to happen.
const LOOKS: u32 = 15_000;
/// And while a push may be with its service. No call lasts for so many looks.
const LOOKS_AT_A_CALL: u32 = 1000;

/// Once nobody does anything about pushes: in how long the next one is due. `None`: none is left.
async fn at_rest(world: &World) -> Option<std::time::Duration> {
    let due = |row: &str| -> i64 {
        let text = row.split(' ').find_map(|part| part.strip_prefix("due_at=")).unwrap_or_else(|| panic!("{row}"));
        text.parse().unwrap()
    };
    let (mut before, mut in_vain) = (Vec::new(), 0);
    while in_vain < LOOKS {
        let (now, rows) = (world.now().millis(), pushes(world).await);
        in_vain = if rows == before { in_vain + 1 } else { 0 };
        let left: Vec<_> = rows.iter().map(|row| due(row) - now).collect();
        // Time stands still: what is due in just that long was taken now. Unless that is a pause that happens to be as
        // long, and nothing happens any more.
        let in_hands = |pause: &i64| *pause <= 0 || (*pause == LEASE && in_vain < LOOKS_AT_A_CALL);
        if !left.iter().any(in_hands) {
            return Some(std::time::Duration::from_millis(u64::try_from(*left.iter().min()?).unwrap()));
        }
        before = rows;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("pushes are due, and nobody is done with them");
}
