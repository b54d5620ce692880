//! Every kind of handle in every slot (security 26, 70; CVE-2026-4282 and CVE-2026-4325 of a peer,
//! whose one flat store made one kind out of another): what is no handle of that slot is unknown
//! there, and the handle is not spent by it.

use std::collections::HashSet;

use nod::domain::client::GrantType;
use nod::protocol::id::AuthReqId;
use nod::secret::Secret;
use nod::usecase::register_client::Admission;
use nod_device::{Call, PairingKey};
use reqwest::Method;
use serde_json::json;

use crate::sign_in::PASSWORD;
use crate::world::{
    AUTHORIZE, Answer, Asked, Browser, Builder, CALLBACK, Client, FLOWS, PAR, Person, Phone, Prover, REGISTER, TOKEN,
    World, enc, seconds,
};

mod shapes;

struct Scene {
    world: World,
    shop: Client,
    alice: Person,
    asked: Asked,
    /// In which two flows wait: one for its person, the other, `ending`, for the browser to come for the answer.
    browser: Browser,
    ending: String,
    /// What is connected from another device.
    tv: Client,
    /// What gets tokens with a key.
    robot: Client,
    prover: Prover,
    /// Where a client that registered itself looks after itself.
    own: String,
    handles: Vec<(&'static str, String)>,
}

const CLIENT_CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn scene() -> Scene {
    scene_in(World::with()).await
}

async fn scene_in(world: Builder) -> Scene {
    let world = world.generous().settings(|settings| settings.registration = Admission::Anybody).start().await;
    let shop = world.client("shop").signs_in().refresh().await;
    let club = world.client("club").opaque().refresh().await;
    let alice = world.user("alice").with_phone().with_password(PASSWORD).await;
    let (of_shop, of_club) = (shop.log_in(&alice).await, club.log_in(&alice).await);
    let asked = shop.ask(&alice).await;
    let phone = alice.phone();
    let question = phone.question().await;
    let nonce = phone.craft(&Call::me()).claims["nonce"].as_str().unwrap().to_owned();
    let mut browser = world.browser();
    let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    let anew = [("prompt", "login")];
    let (waiting, ending) =
        (browser.authorize(&shop, &anew).await.unwrap(), browser.authorize(&shop, &anew).await.unwrap());
    let ended = browser.password(ending.flow(), "alice", PASSWORD).await.ok();
    let (_, ticket) = ended["resumeUrl"].as_str().unwrap().split_once("?ticket=").unwrap();
    let tv = world.client("tv").public().grants([GrantType::DeviceCode]).await;
    let shown = tv.post("/as/device_authz.oauth2", &[("scope", "openid")]).await.ok();
    let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("reports").await;
    let prover = world.prover();
    prover.token(&robot, &CLIENT_CREDENTIALS).await.ok();
    let registered =
        Answer::of(world.request(Method::POST, REGISTER).json(&json!({ "redirect_uris": [CALLBACK] }))).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    let registered = registered.json();
    let own = format!("{REGISTER}/{}", registered["client_id"].as_str().unwrap());
    let handles = vec![
        ("authorization code", code),
        ("flow id", waiting.flow().to_owned()),
        ("resume ticket", ticket.to_owned()),
        ("device_code", shown["device_code"].as_str().unwrap().to_owned()),
        ("DPoP nonce", prover.nonce().unwrap()),
        ("registration access token", registered["registration_access_token"].as_str().unwrap().to_owned()),
        ("JWT access token", of_shop.access_token),
        ("opaque access token", of_club.access_token),
        ("refresh token", of_shop.refresh_token.unwrap()),
        ("ID token", of_shop.id_token),
        ("auth_req_id", asked.auth_req_id.clone()),
        ("notification id", question.notification_id.to_string()),
        ("device id", phone.device().to_string()),
        ("installation id", phone.installation().to_string()),
        ("user id", alice.id.to_string()),
        ("pairing key", alice.pairing_key().await.expose().to_owned()),
        ("device nonce", nonce),
        ("client secret", shop.secret().to_owned()),
        ("proof", phone.sign(&phone.craft(&Call::me()))),
        ("request_uri", pushed(&shop).await),
    ];
    let ending = ending.flow().to_owned();
    Scene { world, shop, alice, asked, browser, ending, tv, robot, prover, own, handles }
}

const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

/// The part of a `request_uri` that nobody can guess.
async fn pushed(shop: &Client) -> String {
    let fields = [("response_type", "code"), ("redirect_uri", CALLBACK), ("scope", "openid")];
    let answer = shop.post(PAR, &fields).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["request_uri"].as_str().unwrap().strip_prefix(REQUEST_URI).unwrap().to_owned()
}

impl Scene {
    /// As a browser brings it.
    async fn bring(&self, handle: &str) -> u16 {
        let uri = format!("{REQUEST_URI}{handle}");
        let query = enc(&[("client_id", self.shop.id.as_str()), ("request_uri", &uri)]);
        self.world.get(&format!("{AUTHORIZE}?{query}")).await.status
    }

    /// A browser comes for the answer of its flow.
    fn resume(&self, ticket: &str) -> String {
        format!("/as/resume/{}?{}", self.ending, enc(&[("ticket", ticket)]))
    }

    async fn connect(&self, device_code: &str) -> Answer {
        self.tv.token(&[("grant_type", DEVICE_GRANT), ("device_code", device_code)]).await
    }

    /// With a proof that has this nonce.
    async fn prove(&self, nonce: &str) -> Answer {
        let mut claims = self.prover.claims("POST", TOKEN);
        claims["nonce"] = json!(nonce);
        let proof = self.prover.key().jws(&self.prover.header(), &claims);
        Answer::of(self.robot.form(TOKEN, &CLIENT_CREDENTIALS).header("dpop", proof)).await
    }

    /// As the client that registered itself.
    async fn look_after(&self, token: &str) -> Answer {
        Answer::of(self.world.request(Method::GET, &self.own).bearer_auth(token)).await
    }

    /// All handles but those of a slot's own kind.
    fn others<'s>(&'s self, own: &'s [&str]) -> impl Iterator<Item = &'s (&'static str, String)> {
        self.handles.iter().filter(move |(kind, _)| !own.contains(kind))
    }

    fn handle(&self, kind: &str) -> &str {
        &self.handles.iter().find(|(own, _)| *own == kind).unwrap().1
    }

    /// Everything is still good for what it is.
    async fn all_still_work(&self) {
        self.world.userinfo(self.handle("JWT access token")).await.ok();
        self.world.userinfo(self.handle("opaque access token")).await.ok();
        self.shop.refresh(self.handle("refresh token")).await.tokens();
        self.shop.poll(&self.asked).await.refused(400, "authorization_pending");
        self.alice.phone().approve_the_question().await;
        self.shop.poll(&self.asked).await.tokens();
        let key = PairingKey::parse(self.handle("pairing key")).unwrap();
        assert_eq!(self.world.phone().pair(&key).await.status, 201);
        assert_eq!(self.bring(self.handle("request_uri")).await, 303);
        self.shop.redeem(self.handle("authorization code")).await.tokens();
        self.connect(self.handle("device_code")).await.refused(400, "authorization_pending");
        self.prove(self.handle("DPoP nonce")).await.ok();
        self.look_after(self.handle("registration access token")).await.ok();
        let mut browser = self.browser.clone();
        let waiting = browser.get(&format!("{FLOWS}{}", self.handle("flow id"))).await.ok();
        assert_eq!(waiting["status"], "USERNAME_PASSWORD_REQUIRED");
        browser.open(&self.resume(self.handle("resume ticket"))).await.unwrap_err().get("code");
    }
}

#[tokio::test]
async fn security_26_no_handle_is_an_auth_req_id() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["auth_req_id"]) {
        let watch = scene.world.watch().await;
        // What looks as if it were for a key wants a proof of that first [RFC 9449 §10].
        let for_key = AuthReqId::new(Secret::new(handle.clone())).key().is_some();
        let error = match () {
            () if handle.len() > 128 => "invalid_request",
            () if for_key => "invalid_dpop_proof",
            () => "invalid_grant",
        };
        scene.shop.poll_id(handle).await.refused(400, error);
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_an_authorization_code() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["authorization code"]) {
        let watch = scene.world.watch().await;
        scene.shop.redeem(handle).await.refused(400, "invalid_grant");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_device_code() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["device_code"]) {
        let watch = scene.world.watch().await;
        scene.connect(handle).await.refused(400, "invalid_grant");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_70_no_handle_is_a_flow_or_a_way_to_its_end() {
    let scene = scene().await;
    let mut browser = scene.browser.clone();
    for (kind, handle) in scene.others(&["flow id"]) {
        let watch = scene.world.watch().await;
        let read = browser.get(&format!("{FLOWS}{handle}")).await;
        assert_eq!((read.status, &read.json()["code"]), (404, &json!("FLOW_NOT_FOUND")), "{kind}");
        let acted = browser.act(handle, "cancel", &json!({})).await;
        assert_eq!((acted.status, &acted.json()["code"]), (404, &json!("FLOW_NOT_FOUND")), "{kind}");
        assert_eq!(browser.get(&format!("/sign-in/{handle}")).await.status, 400, "{kind}");
        watch.nothing(kind).await;
    }
    for (kind, handle) in scene.others(&["resume ticket"]) {
        let watch = scene.world.watch().await;
        assert_eq!(browser.get(&scene.resume(handle)).await.status, 400, "{kind}");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_registration_access_token() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["registration access token"]) {
        let watch = scene.world.watch().await;
        scene.look_after(handle).await.refused(401, "invalid_token");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_dpop_nonce() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["DPoP nonce"]) {
        let watch = scene.world.watch().await;
        scene.prove(handle).await.refused(400, "use_dpop_nonce");
        watch.nothing(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_refresh_token() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["refresh token"]) {
        let watch = scene.world.watch().await;
        let error = if handle.len() > 256 { "invalid_request" } else { "invalid_grant" };
        scene.shop.refresh(handle).await.refused(400, error);
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_an_access_token() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["JWT access token", "opaque access token"]) {
        let watch = scene.world.watch().await;
        scene.world.userinfo(handle).await.refused(401, "invalid_token");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_but_a_token_is_active_or_revoked() {
    let scene = scene().await;
    let own = ["JWT access token", "opaque access token", "refresh token"];
    for (kind, handle) in scene.others(&own) {
        let watch = scene.world.watch().await;
        assert_eq!(scene.shop.introspect(handle).await, json!({"active": false}), "{kind}");
        if *kind != "auth_req_id" {
            assert_eq!(scene.shop.revoke(handle, None).await.status, 200);
        }
        watch.nothing_changed(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_hint() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["ID token"]) {
        let watch = scene.world.watch().await;
        scene
            .shop
            .bc_authorize(&[("id_token_hint", handle), ("scope", "openid")])
            .await
            .refused(400, "invalid_request");
        watch.only_a_refusal(kind).await;
    }
    for (kind, handle) in scene.others(&[]).filter(|(_, handle)| handle.len() <= 255) {
        let watch = scene.world.watch().await;
        scene.shop.bc_authorize(&[("login_hint", handle), ("scope", "openid")]).await.refused(400, "unknown_user_id");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_request_uri() {
    let scene = scene().await;
    for (kind, handle) in scene.others(&["request_uri"]).filter(|(_, handle)| handle.len() < 2000) {
        let watch = scene.world.watch().await;
        assert_eq!(scene.bring(handle).await, 400, "{kind}");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_pairing_key() {
    let scene = scene().await;
    let phone = scene.world.phone();
    phone.warm().await;
    for (kind, handle) in scene.others(&["pairing key"]) {
        let crafted = phone.craft(&Phone::pairing_call(&PairingKey::parse("000000000000").unwrap()));
        let watch = scene.world.watch().await;
        phone.send(&crafted.with_body(|body| body["pairingKey"] = json!(handle))).await.problem(400, "INVALID_REQUEST");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_70_no_handle_but_a_notification_id_is_found_on_a_phone() {
    let scene = scene().await;
    let phone = scene.alice.phone();
    let question = phone.question().await;
    for (kind, handle) in scene.others(&["notification id"]) {
        for (call, way) in [("", "GET"), ("/approve", "POST")] {
            let mut crafted =
                if way == "GET" { phone.craft(&Call::me()) } else { phone.craft_approval(&question, None) };
            crafted.path = format!("/device/v1/notifications/{handle}{call}");
            let htu = format!("{}{}", scene.world.issuer(), crafted.path);
            let watch = scene.world.watch().await;
            phone.send(&crafted.claim("htu", htu)).await.problem(404, "NOTIFICATION_NOT_FOUND");
            watch.only_a_refusal(kind).await;
        }
    }
    for (kind, handle) in scene.others(&["device id"]) {
        let mut crafted = phone.craft(&Call::unpair(phone.device()));
        crafted.path = format!("/device/v1/devices/{handle}");
        let htu = format!("{}{}", scene.world.issuer(), crafted.path);
        let watch = scene.world.watch().await;
        phone.send(&crafted.claim("htu", htu)).await.problem(404, "DEVICE_NOT_FOUND");
        watch.only_a_refusal(kind).await;
    }
    scene.all_still_work().await;
}

#[tokio::test]
async fn security_26_no_handle_is_a_nonce_or_a_secret() {
    let scene = scene().await;
    let phone = scene.alice.phone();
    for (_, handle) in scene.others(&["device nonce"]) {
        phone.send(&phone.craft(&Call::me()).claim("nonce", handle.as_str())).await.problem(401, "USE_DEVICE_NONCE");
    }
    let shop = TOKEN;
    for (n, (kind, handle)) in (0..).zip(scene.others(&["client secret"])) {
        // Ten wrong secrets in a minute are too many.
        if n % 9 == 8 {
            scene.world.clock.advance(seconds(61));
        }
        let request = scene.shop.bare(shop, &[]).header("authorization", crate::world::basic("shop", handle));
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 401, "{kind}");
    }
}

#[tokio::test]
async fn security_155_no_two_handles_are_alike_and_none_tells_its_time() {
    let world = World::with().generous().start().await;
    let shop = world.client("shop").opaque().refresh().await;
    let alice = world.user("alice").with_phone().await;
    let mut seen = HashSet::new();
    let mut first_characters = HashSet::new();
    for _ in 0..25 {
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        alice.phone().approve(&question).await.ok();
        let tokens = shop.poll(&asked).await.tokens();
        for secret in [&asked.auth_req_id, &tokens.access_token, tokens.refresh_token.as_ref().unwrap()] {
            assert_eq!(secret.len(), 43);
            first_characters.insert(secret.chars().next().unwrap());
            assert!(seen.insert(secret.clone()));
        }
        let id = question.notification_id.to_string();
        // [RFC 9562 §5.4] version 4: no time in it.
        assert_eq!(&id[14..15], "4");
        assert!(seen.insert(id));
    }
    assert!(first_characters.len() > 20, "no common beginning");
}

/// [security.md case 166] Whoever begins things and leaves them takes room while these are good, and no longer.
#[tokio::test]
async fn security_166_whatever_was_begun_ends_by_itself() {
    let scene = scene_in(World::with().redis()).await;
    let lifetimes = scene.world.lifetimes().await;
    let kinds: HashSet<u8> = lifetimes.iter().map(|(kind, _)| *kind).collect();
    assert!(kinds.len() >= 6, "{lifetimes:?}");
    for (kind, lifetime) in lifetimes {
        assert!(lifetime.is_some_and(|lifetime| lifetime <= seconds(86_400)), "{}: {lifetime:?}", char::from(kind));
    }
}
