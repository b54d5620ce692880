//! The invariants of flows.md H.7 for which a server has to be asked: people do whatever they like, by chance, and
//! what they are told is held against what really happened. The others are in `domain/flow/tests/invariants.rs`.

use reqwest::Method;
use serde_json::{Value, json};

use super::passkeys::with_passkey;
use super::{PASSWORD, links, policy, refused, shop_and_alice};
use crate::world::authenticator::Passkey;
use crate::world::{Answer, Browser, Client, FLOWS, World, decoded, seconds};

const WALKS: u64 = 10;
const STEPS: usize = 18;
const OPTIONS: &str = "publicKeyCredentialRequestOptions";
const WRONG: &str = "nobody's password at all";
const TERMINAL: [&str; 2] = ["COMPLETED", "FAILED"];

/// The same in every run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Whatever the API knows, and some that it does not do now.
const ACTIONS: [&str; 12] = [
    "submitIdentifier",
    "checkUsernamePassword",
    "checkAssertion",
    "activateFido2Device",
    "useAlternativeAuthenticationSource",
    "cancel",
    "grantConsent",
    "initiatePasswordChange",
    "checkCurrentCredentials",
    "cancelPasswordChange",
    "continueAuthentication",
    "confirmUserCode",
];

/// People, what they have, and where the flow of one of them is.
struct Walk<'w> {
    world: &'w World,
    app: &'w Client,
    phone: Browser,
    flow: String,
    /// Of alice, and of bob.
    passkeys: &'w mut [Passkey; 2],
    /// Who has proved to be somebody in this flow, and so last.
    proved: Option<usize>,
    /// Whether that was by a passkey, too.
    by_passkey: bool,
    /// What has signed somebody in already.
    spent: Vec<String>,
}

const PEOPLE: [&str; 2] = ["alice", "bob"];

/// What somebody brings along with an action.
struct Brought {
    body: Value,
    /// Whose it is, where it proves something.
    whose: Option<usize>,
    /// It was worth something once.
    old: bool,
}

impl Walk<'_> {
    async fn state(&mut self) -> Value {
        self.phone.get(&format!("{FLOWS}{}", self.flow)).await.ok()
    }

    fn brings(&mut self, action: &str, state: &Value, chance: &mut Chance) -> Brought {
        // Most go on as they began.
        let whose = self.proved.filter(|_| chance.below(4) > 0).unwrap_or_else(|| chance.below(PEOPLE.len()));
        let right = chance.below(4) > 0;
        let nothing = |body: Value| Brought { body, whose: None, old: false };
        match action {
            "submitIdentifier" => nothing(json!({ "identifier": chance.one_of(&["alice", "bob", "nobody"]) })),
            "checkUsernamePassword" | "checkCurrentCredentials" => {
                let password = if right { PASSWORD } else { WRONG };
                let body = json!({ "username": PEOPLE[whose], "password": password });
                Brought { body, whose: Some(whose).filter(|_| right), old: false }
            }
            "checkAssertion" if !self.spent.is_empty() && chance.below(4) == 0 => {
                let made = self.spent[chance.below(self.spent.len())].clone();
                Brought { body: json!({ "assertion": made }), whose: None, old: true }
            }
            "checkAssertion" => {
                let asked = &state[OPTIONS];
                let asked = if asked.is_null() {
                    json!({ "challenge": "AAAA", "allowCredentials": [] })
                } else {
                    asked.clone()
                };
                let made = self.passkeys[whose].get(&asked).to_string();
                Brought { body: json!({ "assertion": made }), whose: Some(whose), old: false }
            }
            "activateFido2Device" => nothing(json!({ "attestation": "{}" })),
            "useAlternativeAuthenticationSource" => {
                nothing(json!({ "authenticationSource": chance.one_of(&["password", "passkey"]) }))
            }
            "confirmUserCode" => nothing(json!({ "userCode": "WDJB-MJHT" })),
            _ => nothing(json!({})),
        }
    }

    /// [I1, I5] looking changes nothing, and shows what there is. That the stores are the same afterwards is for
    /// `every_state` to see: here time goes on, and what is over is swept away meanwhile.
    async fn looks(&mut self) -> Value {
        let state = self.state().await;
        is_whole(&state);
        assert_eq!(self.state().await, state, "[I1]");
        state
    }

    async fn steps(&mut self, chance: &mut Chance) {
        let before = self.looks().await;
        // The network has so many tries a minute; and a code that was given already is good for one.
        if !TERMINAL.contains(&before["status"].as_str().unwrap()) {
            self.world.clock.advance(seconds(11));
        }
        let linked: Vec<String> =
            links(&before).into_iter().filter(|link| *link != "self").map(str::to_owned).collect();
        let any = linked.is_empty() || chance.below(5) == 0;
        let action = if any { chance.one_of(&ACTIONS).to_owned() } else { linked[chance.below(linked.len())].clone() };
        // Giving up ends it too early, most of the time.
        if (action.starts_with("cancel") || action.starts_with("deny")) && chance.below(8) > 0 {
            return;
        }
        let Brought { body, whose, old } = self.brings(&action, &before, chance);
        let answer = self.phone.act(&self.flow, &action, &body).await;
        let what = format!("{action} with {body} at {}", before["status"]);
        if !linked.contains(&action) {
            refused(&answer, 400, "INVALID_ACTION_ID", None);
            assert_eq!(self.state().await, before, "[I5] {what}");
            return;
        }
        assert!(!TERMINAL.contains(&before["status"].as_str().unwrap()), "[I4] {what}");
        let done = answer.status == 200;
        assert!(done || answer.json()["code"] != "INVALID_ACTION_ID", "[I5] {what}: {}", answer.text());
        assert!(!(done && old), "[I3] {what}");
        let proves = ["checkUsernamePassword", "checkAssertion"].contains(&action.as_str());
        if !done || !proves {
            return;
        }
        let by_passkey = action == "checkAssertion";
        assert!(whose.is_some(), "[I2] {what}");
        // A password may be another person's: then it is their sign-in. A passkey never is.
        assert!(!by_passkey || self.proved.is_none() || self.proved == whose, "[I8] {what}");
        if by_passkey {
            self.spent.push(body["assertion"].as_str().unwrap().to_owned());
        }
        self.by_passkey = by_passkey || (self.by_passkey && self.proved == whose);
        self.proved = whose;
    }

    /// [I2, I3] what the relying party is told is what somebody proved, once, and what the audit trail has.
    async fn ends(&mut self, people: &[crate::world::Person; 2], checked: &[String]) {
        let state = self.looks().await;
        if state["status"] != "COMPLETED" {
            return;
        }
        let code = state["authorizeResponse"]["code"].as_str().unwrap();
        let (_, claims) = decoded(&self.app.redeem(code).await.tokens().id_token);
        self.app.redeem(code).await.refused(400, "invalid_grant");
        let proved = self.proved.expect("[I2] somebody");
        assert_eq!(claims["sub"], people[proved].id.to_string(), "[I2]");
        let swears = claims["amr"].as_array().unwrap().contains(&json!("pop"));
        assert!(self.by_passkey || !swears, "[I2] {claims}");
        let kind = if swears { "passkey.checked" } else { "password.checked" };
        assert!(checked.iter().any(|action| action == kind), "[I2] {kind} is in the audit trail: {checked:?}");
    }
}

#[track_caller]
pub(crate) fn is_whole(state: &Value) {
    let href = state["_links"]["self"]["href"].as_str().unwrap_or_default();
    let id = state["id"].as_str().unwrap_or_default();
    assert!(state["status"].is_string() && !id.is_empty() && href.ends_with(&format!("{FLOWS}{id}")), "[I5] {state}");
}

fn walked() -> Value {
    let steps = json!([
        { "id": "name", "source": "identifier" },
        { "id": "first", "source": "password", "alternatives": ["passkey"] },
        { "id": "second", "source": "passkey", "alternatives": ["password"] },
    ]);
    json!({ "id": "walked", "steps": steps })
}

/// [flows.md H.7]
#[tokio::test]
async fn whatever_people_do_over_the_api() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let people = [alice, world.user("bob").with_password(PASSWORD).await];
    let mut passkeys = [
        with_passkey(&world, &shop, "alice", Passkey::new(world.issuer())).await,
        with_passkey(&world, &shop, "bob", Passkey::new(world.issuer())).await,
    ];
    policy(&world.admin().await, &walked()).await;
    let app = world.client("app").signs_in().redirectless().policy("walked").await;
    let (mut spent, mut completed) = (Vec::new(), 0);
    for seed in 0..WALKS {
        let mut chance = Chance::of(seed);
        let mut phone = world.browser();
        let begun = phone.flow(&app, &[]).await;
        let flow = begun["id"].as_str().unwrap().to_owned();
        let watch = world.watch().await;
        let (app, world) = (&app, &world);
        let (proved, by_passkey) = (None, false);
        let mut walk = Walk { world, app, phone, flow, passkeys: &mut passkeys, proved, by_passkey, spent };
        for _ in 0..STEPS {
            walk.steps(&mut chance).await;
        }
        let events = watch.events().await.into_iter().filter(|event| event.result != "refused");
        let checked: Vec<String> = events.map(|event| event.action).collect();
        walk.ends(&people, &checked).await;
        completed += usize::from(walk.state().await["status"] == "COMPLETED");
        spent = walk.spent;
    }
    assert!(completed > 0, "somebody got through");
}

/// What two people do at the same moment: one of them exists.
struct Twins {
    phones: [Browser; 2],
    flows: [String; 2],
}

const NAMES: [&str; 2] = ["alice", "nobody"];

impl Twins {
    async fn send(&mut self, method: Method, action: &str, body: impl Fn(&str) -> Value) -> [Answer; 2] {
        let mut answers = Vec::new();
        for ((phone, flow), name) in self.phones.iter_mut().zip(&self.flows).zip(NAMES) {
            let answer = if method == Method::GET {
                phone.get(&format!("{FLOWS}{flow}")).await
            } else {
                phone.act(flow, action, &body(name)).await
            };
            answers.push(answer);
        }
        <[Answer; 2]>::try_from(answers).unwrap()
    }

    /// Without what is of one flow alone.
    fn told(&self, which: usize, answer: &Answer) -> (u16, Option<String>, String) {
        let mut text = answer.text().replace(&self.flows[which], "FLOW").replace(NAMES[which], "NAME");
        if let Some(challenge) = answer.json()[OPTIONS]["challenge"].as_str() {
            text = text.replace(challenge, "CHALLENGE");
        }
        (answer.status, answer.header("retry-after").map(str::to_owned), text)
    }
}

/// [flows.md I7, security.md case 135] until somebody has proved something, whatever is tried.
#[tokio::test]
async fn i7_nothing_tells_who_exists_whatever_is_tried() {
    let world = World::with().letters().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    with_passkey(&world, &shop, "alice", Passkey::new(world.issuer())).await;
    policy(&world.admin().await, &walked()).await;
    let app = world.client("app").signs_in().redirectless().policy("walked").await;
    let mut stranger = Passkey::new(world.issuer());
    stranger.handle = Some(vec![7; 16]);
    for seed in 0..WALKS {
        let mut chance = Chance::of(seed);
        let mut phones = [world.browser(), world.browser()];
        let mut flows = Vec::new();
        for phone in &mut phones {
            flows.push(phone.flow(&app, &[]).await["id"].as_str().unwrap().to_owned());
        }
        let mut twins = Twins { phones, flows: <[String; 2]>::try_from(flows).unwrap() };
        for _ in 0..STEPS {
            world.clock.advance(seconds(u64::try_from(chance.below(12)).unwrap() + 6));
            let seen = twins.send(Method::GET, "", |_| Value::Null).await;
            assert_eq!(twins.told(0, &seen[0]), twins.told(1, &seen[1]), "[I7] GET");
            let state = seen[0].json();
            let linked: Vec<String> =
                links(&state).into_iter().filter(|link| *link != "self").map(str::to_owned).collect();
            if linked.is_empty() {
                break;
            }
            let action = linked[chance.below(linked.len())].clone();
            // Giving up ends it too early, most of the time.
            if action.starts_with("cancel") && chance.below(3) > 0 {
                continue;
            }
            let way = chance.one_of(&["password", "passkey"]);
            let asked = [&seen[0], &seen[1]].map(|seen| seen.json()[OPTIONS].clone());
            let made =
                asked.map(|asked| if asked.is_null() { String::new() } else { stranger.get(&asked).to_string() });
            let body = |name: &str| match action.as_str() {
                "submitIdentifier" => json!({ "identifier": name }),
                "checkUsernamePassword" | "checkCurrentCredentials" => json!({ "username": name, "password": WRONG }),
                "checkAssertion" => json!({ "assertion": made[usize::from(name == NAMES[1])] }),
                "useAlternativeAuthenticationSource" => json!({ "authenticationSource": way }),
                "checkAccountRecoveryUsername" => json!({ "username": name }),
                "checkRecoveryCode" => json!({ "recoveryCode": "0000 0000" }),
                _ => json!({}),
            };
            let answers = twins.send(Method::POST, &action, body).await;
            assert_eq!(twins.told(0, &answers[0]), twins.told(1, &answers[1]), "[I7] {action} at {}", state["status"]);
        }
    }
    world.nothing_waits().await;
}
