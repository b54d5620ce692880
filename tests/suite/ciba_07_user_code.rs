//! [CIBA §7.1.2] A user code: a secret of the person, without which a client can have nobody asked.

use std::sync::Arc;

use nod::domain::password::Password;
use nod::domain::password::hash::{Cost, Hasher, Pepper, SALT};
use nod::domain::user::Status;
use nod::protocol::algorithm::Algorithm;
use nod::secret::{MasterKey, Secret};
use nod::store::sql::user_codes::{StoredUserCode, UserCodes};
use serde_json::json;

use crate::ciba_07_signed_request::signed;
use crate::world::{Answer, Backing, Builder, Client, ClientBuilder, MASTER_KEY, Person, World, limited, seconds};

const RIGHT: &str = "4815-1623";
const WRONG: &str = "4815-1624";

fn with_codes(client: ClientBuilder) -> ClientBuilder {
    client.registered(|client| client.backchannel.as_mut().unwrap().user_code = true)
}

fn uniform() -> Builder {
    World::with().generous().settings(|settings| settings.policy.uniform = true)
}

async fn ask(client: &Client, who: &str, code: &str) -> Answer {
    client.bc_authorize(&[("login_hint", who), ("scope", "openid"), ("user_code", code)]).await
}

/// What came of it, in words that can be compared.
fn told(answer: &Answer) -> String {
    match answer.status {
        200 => "asked".to_owned(),
        429 => format!("wait {}", answer.refused(429, "temporarily_unavailable").retry_after()),
        status => {
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            answer.refused(status, &error);
            error
        }
    }
}

impl World {
    fn hashes(&self) -> u64 {
        self.parts().check_password.hashing.spent().hashes
    }

    async fn stored_code(&self, person: &Person) -> StoredUserCode {
        let (codes, id) = (UserCodes::new(self.parts().database.clone()), person.id);
        self.among_servers(async move { codes.find(id).await }).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn t12_8_a_user_code_is_missing_wrong_or_locked() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).start().await;
        let shop = with_codes(world.client("shop")).await;
        let alice = world.user("alice").with_user_code(RIGHT).with_phone().await;
        for (code, error) in [("", "missing_user_code"), (WRONG, "invalid_user_code")] {
            let watch = world.watch().await;
            ask(&shop, "alice", code).await.refused(400, error);
            let event = watch.only_a_refusal(error).await;
            assert_eq!((event.action.as_str(), event.client.as_deref()), ("request.created", Some("shop")));
            assert!(event.reason.unwrap().starts_with(error));
        }
        assert!(alice.phone().pending().await.is_empty());
        // The next try waits, whether it would have been right or not, and nothing is looked at for it.
        let before = world.hashes();
        for code in [RIGHT, WRONG] {
            let watch = world.watch().await;
            let before = limited("ciba_user_codes");
            assert_eq!(told(&ask(&shop, "alice", code).await), "wait 1");
            assert!(limited("ciba_user_codes") > before, "whoever watches the limit sees it");
            watch.only_a_refusal("a try that came too early").await;
        }
        assert_eq!(world.hashes(), before);
        world.clock.advance(seconds(1));
        let asked = ask(&shop, "alice", RIGHT).await.ok();
        alice.phone().approve_the_question().await;
        shop.poll_id(asked["auth_req_id"].as_str().unwrap()).await.tokens();
        // Whoever knows it begins anew.
        for (code, said) in [(WRONG, "invalid_user_code"), (WRONG, "wait 1")] {
            assert_eq!(told(&ask(&shop, "alice", code).await), said);
        }
    }
}

#[tokio::test]
async fn security_5_7_the_hundredth_wrong_user_code_closes_this_way_for_a_day_and_no_other() {
    let world = World::with().generous().start().await;
    let (shop, bank) = (with_codes(world.client("shop")).await, world.client("bank").await);
    let alice = world.user("alice").with_user_code(RIGHT).with_phone().await;
    for _ in 0..100 {
        world.clock.advance(seconds(10));
        ask(&shop, "alice", WRONG).await.refused(400, "invalid_user_code");
    }
    world.clock.advance(seconds(60));
    for code in [RIGHT, WRONG] {
        assert_eq!(told(&ask(&shop, "alice", code).await), format!("wait {}", 86_400 - 60));
    }
    // Missing it is still missing, and clients without it ask as ever.
    assert_eq!(told(&ask(&shop, "alice", "").await), "missing_user_code");
    bank.ask(&alice).await;
    world.clock.advance(seconds(86_400));
    ask(&shop, "alice", RIGHT).await.ok();
}

#[tokio::test]
async fn ciba_13_a_missing_user_code_is_missing_whoever_is_meant() {
    for world in [World::with().generous().start().await, uniform().start().await] {
        let shop = with_codes(world.client("shop")).await;
        world.user("alice").with_user_code(RIGHT).await;
        world.user("bob").await;
        world.user("locked").with_user_code(RIGHT).await.lock().await;
        for who in ["alice", "bob", "locked", "nobody"] {
            let watch = world.watch().await;
            ask(&shop, who, "").await.refused(400, "missing_user_code");
            watch.only_a_refusal(who).await;
        }
        assert_eq!(world.hashes(), 2, "those that were set");
    }
}

#[tokio::test]
async fn security_55_a_wrong_user_code_tells_nothing_of_the_person() {
    let world = uniform().start().await;
    let shop = with_codes(world.client("shop")).await;
    world.user("alice").with_user_code(RIGHT).await;
    world.user("bob").await;
    world.user("locked").with_user_code(RIGHT).await.lock().await;
    world.user("disabled").with_user_code(RIGHT).await.set_status(Status::Disabled).await;
    let mut answers = Vec::new();
    for who in ["alice", "bob", "locked", "disabled", "nobody"] {
        let before = world.hashes();
        let watch = world.watch().await;
        let answer = ask(&shop, who, WRONG).await;
        answer.refused(400, "invalid_user_code");
        watch.only_a_refusal(who).await;
        assert_eq!(world.hashes() - before, 1, "{who}");
        answers.push((answer.json(), told(&ask(&shop, who, WRONG).await)));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    // Who knows the code of somebody who is locked sees a question that nobody answers.
    world.clock.advance(seconds(1));
    for who in ["alice", "locked"] {
        let asked = ask(&shop, who, RIGHT).await.ok();
        shop.poll_id(asked["auth_req_id"].as_str().unwrap()).await.refused(400, "authorization_pending");
    }
}

#[tokio::test]
async fn under_the_strict_policy_who_has_no_user_code_looks_like_whose_is_another() {
    let world = World::with().generous().start().await;
    let shop = with_codes(world.client("shop")).await;
    let _alice = world.user("alice").with_user_code(RIGHT).await;
    let _bob = world.user("bob").await;
    let locked = world.user("locked").with_user_code(RIGHT).await;
    locked.lock().await;
    // [CIBA §13] that there is nobody is said there in any case.
    ask(&shop, "nobody", RIGHT).await.refused(400, "unknown_user_id");
    let mut answers = Vec::new();
    for who in ["alice", "bob", "locked"] {
        answers.push(ask(&shop, who, WRONG).await.refused(400, "invalid_user_code").json());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    world.clock.advance(seconds(1));
    ask(&shop, "locked", RIGHT).await.refused(403, "access_denied");
    // Another person's is wrong as well.
    ask(&shop, "bob", RIGHT).await.refused(400, "invalid_user_code");
}

#[tokio::test]
async fn ciba_7_1_1_a_user_code_may_be_within_a_signed_question() {
    let world = World::with().generous().start().await;
    let shop = with_codes(world.client("shop").private_key_jwt(Algorithm::ES256)).await;
    let alice = world.user("alice").with_user_code("481516234").with_phone().await;
    for (code, error) in [
        (json!(null), "missing_user_code"),
        (json!(""), "missing_user_code"),
        (json!(WRONG), "invalid_user_code"),
        (json!("x".repeat(33)), "invalid_request"),
    ] {
        let request = signed(&world, &shop, &json!({ "user_code": code }));
        shop.bc_authorize(&[("request", &request)]).await.refused(400, error);
    }
    world.clock.advance(seconds(1));
    // A number is the text of it.
    for code in [json!("481516234"), json!(481_516_234)] {
        let request = signed(&world, &shop, &json!({ "user_code": code }));
        shop.bc_authorize(&[("request", &request)]).await.ok();
        alice.phone().approve_the_question().await;
    }
}

#[tokio::test]
async fn the_user_code_is_that_of_whomever_the_hint_means() {
    let world = World::with().generous().start().await;
    let shop = with_codes(world.client("shop").private_key_jwt(Algorithm::ES256)).await;
    let alice = world.user("alice").with_user_code(RIGHT).with_phone().await;
    let asked = ask(&shop, "alice", RIGHT).await.ok();
    alice.phone().approve_the_question().await;
    let told = shop.poll_id(asked["auth_req_id"].as_str().unwrap()).await.tokens().id_token;
    for (code, status) in [("", 400), (WRONG, 400), (RIGHT, 429)] {
        let fields = [("id_token_hint", told.as_str()), ("scope", "openid"), ("user_code", code)];
        assert_eq!(shop.bc_authorize(&fields).await.status, status, "{code}");
    }
    world.clock.advance(seconds(1));
    shop.bc_authorize(&[("id_token_hint", &told), ("scope", "openid"), ("user_code", RIGHT)]).await.ok();
    // A parameter is 32 bytes at most, of whatever client.
    let long = "x".repeat(33);
    ask(&shop, "alice", &long).await.refused(400, "invalid_request");
    ask(&world.client("bank").await, "alice", &long).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_user_code_rests_as_a_hash_that_is_no_password() {
    let world = World::with().generous().start().await;
    let shop = with_codes(world.client("shop")).await;
    // The same text is both.
    let alice = world.user("alice").with_password(RIGHT).with_user_code(RIGHT).await;
    let stored = world.stored_code(&alice).await;
    assert!(stored.hash.phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", stored.hash.phc);
    ask(&shop, "alice", RIGHT).await.ok();
    // Each in the place of the other is good for nothing.
    world.sql("UPDATE user_code SET phc = (SELECT phc FROM password WHERE password.user_id = user_code.user_id)").await;
    ask(&shop, "alice", RIGHT).await.refused(400, "invalid_user_code");
}

#[tokio::test]
async fn security_5_1_a_user_code_that_is_hashed_otherwise_is_hashed_anew() {
    let world = World::with().generous().start().await;
    let shop = with_codes(world.client("shop")).await;
    let alice = world.user("alice").with_user_code(RIGHT).await;
    let pepper = Pepper::new(&MasterKey::new(&Secret::new(MASTER_KEY)));
    let hasher = Hasher { pepper, cost: Cost { memory: 32, iterations: 2 } };
    let outdated = hasher.rehash(alice.id, &Password::user_code(RIGHT), [3; SALT]).unwrap();
    let (codes, id) = (UserCodes::new(world.parts().database.clone()), alice.id);
    let before = world.stored_code(&alice).await.hash;
    let (now, was) = (Arc::new(outdated.clone()), before.clone());
    assert!(world.among_servers(async move { codes.replace(id, &was, &now).await }).await.unwrap());
    ask(&shop, "alice", WRONG).await.refused(400, "invalid_user_code");
    assert_eq!(world.stored_code(&alice).await.hash, outdated);
    world.clock.advance(seconds(1));
    ask(&shop, "alice", RIGHT).await.ok();
    let anew = world.stored_code(&alice).await.hash;
    assert!(anew != outdated && anew.phc.contains("m=64,t=1"), "{}", anew.phc);
    ask(&shop, "alice", RIGHT).await.ok();
}

#[tokio::test]
async fn a_new_user_code_is_no_longer_guessed_at() {
    let world = World::with().generous().start().await;
    let shop = with_codes(world.client("shop")).await;
    let alice = world.user("alice").with_user_code(RIGHT).await;
    let admin = world.admin().await;
    let at = format!("/admin/v1/users/{}/user-code", crate::admin::robot::usr(&alice));
    ask(&shop, "alice", WRONG).await.refused(400, "invalid_user_code");
    assert_eq!(told(&ask(&shop, "alice", RIGHT).await), "wait 1");
    assert_eq!(admin.put(&at, &json!({"user_code": "2342-1615"})).await.status, 204);
    world.guard("2342-1615");
    ask(&shop, "alice", "2342-1615").await.ok();
    ask(&shop, "alice", RIGHT).await.refused(400, "invalid_user_code");
    assert_eq!(admin.delete(&at).await.status, 204);
    world.clock.advance(seconds(1));
    ask(&shop, "alice", "2342-1615").await.refused(400, "invalid_user_code");
}
