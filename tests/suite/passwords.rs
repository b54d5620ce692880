//! Passwords: what a check tells and what it costs, how fast somebody may guess, and how one is changed.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use nod::domain::audit::{Action, Event};
use nod::domain::password::hash::{Cost, Hasher, Pepper, SALT};
use nod::domain::password::{Password, Refused};
use nod::domain::user::{Status, User};
use nod::entropy::Entropy;
use nod::protocol::id::ClientId;
use nod::secret::{MasterKey, Secret};
use nod::store::ephemeral::{Attempts, Ephemeral, Shelf};
use nod::store::sql::passwords::{Passwords, StoredPassword};
use nod::usecase::Error;
use nod::usecase::check_password::{Attempt, Caller, CheckPassword, Checked, Confirmed};
use nod::usecase::hashing::Spent;
use nod::usecase::password_ladder::PasswordLadder;
use nod::usecase::set_password::{Chosen, NowTheirs};

use crate::away_store::Away;
use crate::world::{Backing, Builder, MASTER_KEY, Person, World, seconds};

const RIGHT: &str = "tulips in may";
const WRONG: &str = "tulips in june";

/// What a world's hash costs.
const WORK: u64 = 64;

const OUTDATED: Cost = Cost { memory: 32, iterations: 2 };

fn world() -> Builder {
    // Of one address as many as a test wants; the limit has a test of its own.
    World::with().settings(|settings| settings.password_tries = 100_000)
}

fn password(text: &str) -> Password {
    Password::presented(text).unwrap()
}

/// What came of it, in words that can be compared.
fn told(result: &Result<Checked, Error>) -> String {
    match result {
        Ok(Checked::Right(_)) => "right".to_owned(),
        Ok(Checked::MustChange(_)) => "must change".to_owned(),
        Ok(Checked::Wrong) => "wrong".to_owned(),
        Err(Error::TooMany { retry_after }) => format!("wait {}", retry_after.as_secs()),
        Err(Error::Busy { .. }) => "busy".to_owned(),
        Err(Error::Unavailable(_)) => "unavailable".to_owned(),
        Err(error) => panic!("{error}"),
    }
}

async fn check(
    check: &CheckPassword,
    user: Option<&User>,
    username: &str,
    text: &str,
    from: &str,
    known_device: bool,
) -> Result<Checked, Error> {
    let shop = ClientId::parse("shop").unwrap();
    let caller = Caller { from: from.parse::<IpAddr>().unwrap(), known_device, client: Some(&shop) };
    check.check(Attempt { username, user, password: password(text), caller }).await
}

impl World {
    async fn tries_from(&self, username: &str, text: &str, from: &str, known_device: bool) -> Result<Checked, Error> {
        let (directory, checks) = (Arc::clone(&self.parts().directory), Arc::clone(&self.parts().check_password));
        let (username, text, from) = (username.to_owned(), text.to_owned(), from.to_owned());
        self.guard(&text);
        self.among_servers(async move {
            let user = directory.user_by_username(&username).await.unwrap();
            check(&checks, user.as_deref(), &username, &text, &from, known_device).await
        })
        .await
    }

    async fn tries(&self, username: &str, text: &str) -> String {
        told(&self.tries_from(username, text, "192.0.2.1", false).await)
    }

    async fn tries_on_known_device(&self, username: &str, text: &str) -> String {
        told(&self.tries_from(username, text, "192.0.2.1", true).await)
    }

    async fn confirmed(&self, username: &str, text: &str) -> Confirmed {
        match self.tries_from(username, text, "192.0.2.1", false).await.unwrap() {
            Checked::Right(confirmed) | Checked::MustChange(confirmed) => confirmed,
            Checked::Wrong => panic!("{username} is not confirmed"),
        }
    }

    async fn chooses(&self, confirmed: &Confirmed, text: &str) -> Chosen {
        let (set, confirmed, text) = (Arc::clone(&self.parts().set_password), confirmed.clone(), password(text));
        self.among_servers(async move { set.set(&confirmed, text, None, "en").await }).await.unwrap()
    }

    fn spent(&self) -> Spent {
        self.parts().check_password.hashing.spent()
    }

    fn passwords(&self) -> Passwords {
        Passwords::new(self.parts().database.clone())
    }

    async fn stored(&self, person: &Person) -> StoredPassword {
        let (passwords, id) = (self.passwords(), person.id);
        self.among_servers(async move { passwords.find(id).await }).await.unwrap().unwrap()
    }

    /// The same password, hashed at another cost than this world's.
    async fn outdate(&self, person: &Person, text: &str) {
        let pepper = Pepper::new(&MasterKey::new(&Secret::new(MASTER_KEY)));
        let outdated = Hasher { pepper, cost: OUTDATED }.rehash(person.id, &password(text), [3; SALT]).unwrap();
        let (passwords, id, before) = (self.passwords(), person.id, self.stored(person).await);
        assert!(self.among_servers(async move { passwords.replace(id, &before.hash, &outdated).await }).await.unwrap());
    }

    async fn must_change(&self, person: &Person) {
        let (passwords, id, now) = (self.passwords(), person.id, self.now());
        let event = Event::new(Entropy::default().uuid(), now, Action::PasswordChangeRequired).user(id);
        let demanded = async move { passwords.demand_if(id, |_| event, |_| Ok::<_, ()>(true)).await };
        assert!(self.among_servers(demanded).await.unwrap().unwrap().unwrap().must_change);
    }
}

#[tokio::test]
async fn security_135_every_check_costs_one_hash_and_tells_nothing() {
    let world = world().start().await;
    world.user("alice").with_password(RIGHT).await;
    world.user("without").await;
    world.user("locked").with_password(RIGHT).await.lock().await;
    world.user("disabled").with_password(RIGHT).await.set_status(Status::Disabled).await;
    let cases = [
        ("alice", WRONG, "wrong", Some("wrong password")),
        ("alice", "", "wrong", Some("wrong password")),
        ("without", RIGHT, "wrong", Some("there is no password")),
        ("without", "", "wrong", Some("there is no password")),
        ("locked", RIGHT, "wrong", Some("the user is locked or disabled")),
        ("locked", WRONG, "wrong", Some("the user is locked or disabled")),
        ("disabled", RIGHT, "wrong", Some("the user is locked or disabled")),
        ("nobody", RIGHT, "wrong", Some("unknown user")),
        ("nobody", "", "wrong", Some("unknown user")),
        ("alice", RIGHT, "right", None),
    ];
    for (username, text, expected, reason) in cases {
        let what = format!("{username} with {text:?}");
        world.clock.advance(seconds(60));
        let (before, watch) = (world.spent(), world.watch().await);
        assert_eq!(world.tries(username, text).await, expected, "{what}");
        let after = world.spent();
        assert_eq!((after.hashes - before.hashes, after.work - before.work), (1, WORK), "{what}");
        watch.nothing_changed(&what).await;
        let events = watch.events().await;
        assert_eq!(events.len(), 1, "{what}: {events:?}");
        let result = if reason.is_some() { "refused" } else { "done" };
        assert_eq!((events[0].action.as_str(), events[0].result.as_str()), ("password.checked", result), "{what}");
        assert_eq!((events[0].reason.as_deref(), events[0].client.as_deref()), (reason, Some("shop")), "{what}");
    }
}

#[tokio::test]
async fn security_5_6_each_failure_lets_the_next_try_wait_whoever_exists() {
    let world = world().start().await;
    world.user("alice").with_password(RIGHT).await;
    for username in ["alice", "nobody"] {
        for wait in [1, 3, 5, 10, 10] {
            assert_eq!(world.tries(username, WRONG).await, "wrong", "{username}");
            let spent = world.spent();
            for text in [WRONG, RIGHT] {
                assert_eq!(world.tries(username, text).await, format!("wait {wait}"), "{username}");
            }
            assert_eq!(world.spent(), spent, "nothing is hashed for who must wait");
            world.clock.advance(seconds(wait));
        }
    }
    // A success is the end of it.
    assert_eq!(world.tries("alice", RIGHT).await, "right");
    assert_eq!(world.tries("alice", RIGHT).await, "right");
    assert_eq!(world.tries("alice", WRONG).await, "wrong");
    assert_eq!(world.tries("alice", RIGHT).await, "wait 1");
    // What stops guessing at one stops nobody else.
    assert_eq!(world.tries("somebody else", WRONG).await, "wrong");
}

#[tokio::test]
async fn security_5_7_a_known_device_is_not_kept_out_and_has_a_ladder_of_its_own() {
    let world = world().start().await;
    world.user("alice").with_password(RIGHT).await;
    for wait in [1, 3, 5] {
        world.tries("alice", WRONG).await;
        world.clock.advance(seconds(wait));
    }
    assert_eq!(world.tries("alice", WRONG).await, "wrong");
    assert_eq!(world.tries("alice", RIGHT).await, "wait 10");
    assert_eq!(world.tries_on_known_device("alice", RIGHT).await, "right");
    assert_eq!(world.tries("alice", RIGHT).await, "wait 10", "who guesses elsewhere is not let off");
    // Whoever has taken the device away guesses no faster.
    assert_eq!(world.tries_on_known_device("alice", WRONG).await, "wrong");
    assert_eq!(world.tries_on_known_device("alice", RIGHT).await, "wait 1");
}

#[tokio::test]
async fn security_5_7_a_hundred_failures_close_the_path_for_a_day_and_not_the_person() {
    let world = world().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_password(RIGHT).await);
    let watch = world.watch().await;
    for n in 1..=100 {
        assert_eq!(world.tries("alice", WRONG).await, "wrong", "{n}");
        if n < 100 {
            world.clock.advance(seconds(10));
        }
    }
    let closed = |reason: &str| reason == "wrong password, 100 times in a row: this way is closed for a day";
    let events = watch.events().await;
    assert_eq!(events.iter().filter(|event| event.reason.as_deref().is_some_and(closed)).count(), 1);
    world.clock.advance(seconds(3600));
    assert_eq!(world.tries("alice", RIGHT).await, format!("wait {}", 23 * 3600));
    assert_eq!(world.tries_on_known_device("alice", RIGHT).await, "right");
    shop.log_in(&alice).await;
    world.clock.advance(seconds(23 * 3600));
    assert_eq!(world.tries("alice", RIGHT).await, "right");
}

#[tokio::test]
async fn security_9_a_network_has_twenty_tries_a_minute_on_a_known_device_too() {
    let world = World::start().await;
    world.user("alice").with_password(RIGHT).await;
    for (networks, other) in [
        (["198.51.100.7", "198.51.100.99"], "198.51.101.7"),
        (["2001:db8:1:2ff::7", "2001:db8:1:201::9"], "2001:db8:1:300::7"),
    ] {
        for n in 0..20 {
            let from = networks[n % 2];
            assert_eq!(told(&world.tries_from(&format!("user {n}"), WRONG, from, false).await), "wrong");
        }
        let spent = world.spent();
        for known_device in [false, true] {
            let refused = world.tries_from("alice", RIGHT, networks[0], known_device).await;
            assert_eq!(told(&refused), "wait 60");
        }
        assert_eq!(world.spent(), spent, "nothing is hashed");
        assert_eq!(told(&world.tries_from("alice", RIGHT, other, false).await), "right");
        world.clock.advance(seconds(60));
        assert_eq!(told(&world.tries_from("alice", RIGHT, networks[0], false).await), "right");
    }
}

#[tokio::test]
async fn of_many_guesses_at_once_one_is_looked_at() {
    for world in [world(), world().backing(Backing::Postgres).redis()] {
        let world = world.start().await;
        world.user("alice").with_password(RIGHT).await;
        for username in ["alice", "nobody"] {
            let before = world.spent().hashes;
            let tries: Vec<String> = join_all((0..32).map(|_| world.tries(username, WRONG))).await;
            assert_eq!(tries.iter().filter(|told| *told == "wrong").count(), 1, "{tries:?}");
            assert_eq!(tries.iter().filter(|told| *told == "wait 1").count(), 31, "{tries:?}");
            assert_eq!(world.spent().hashes - before, 1, "{username}");
        }
    }
}

#[tokio::test]
async fn security_165_two_hundred_logins_at_once_are_few_hashes_and_clear_answers() {
    // Slow enough that they meet.
    let slow = |settings: &mut nod::app::Settings| settings.hashing.cost = Cost { memory: 19_456, iterations: 2 };
    let world = world().settings(slow).start().await;
    let names: Vec<String> = (0..200).map(|n| format!("user {n}")).collect();
    let tries: Vec<String> = join_all(names.iter().map(|name| world.tries(name, WRONG))).await;
    let (wrong, busy) = (count(&tries, "wrong"), count(&tries, "busy"));
    // A store that has no answer in time, on a machine that does other things, is as clear.
    assert_eq!(wrong + busy + count(&tries, "unavailable"), 200, "{tries:?}");
    let spent = world.spent();
    assert_eq!(spent.hashes, u64::try_from(wrong).unwrap(), "who is not served costs nothing");
    assert!((1..=2).contains(&spent.most_at_once), "{spent:?}");
    // How many have their turn within two seconds depends on the machine.
    assert!(busy > 0 && wrong > 2, "{wrong} were served and {busy} sent away");
    // For whom nobody looked, nothing is counted.
    let sent_away = names.iter().zip(&tries).find(|(_, told)| *told == "busy").unwrap().0;
    assert_eq!(world.tries(sent_away, WRONG).await, "wrong");
}

fn count(tries: &[String], what: &str) -> usize {
    tries.iter().filter(|told| *told == what).count()
}

#[tokio::test]
async fn security_5_1_an_outdated_hash_is_made_anew_at_the_next_login() {
    let world = world().start().await;
    let alice = world.user("alice").with_password(RIGHT).await;
    world.outdate(&alice, RIGHT).await;
    let before = world.stored(&alice).await;
    world.tries("alice", WRONG).await;
    assert_eq!(world.stored(&alice).await, before, "a wrong password changes nothing");
    world.clock.advance(seconds(10));

    let spent = world.spent().hashes;
    assert_eq!(world.tries("alice", RIGHT).await, "right");
    assert_eq!(world.spent().hashes - spent, 2);
    let after = world.stored(&alice).await;
    assert_eq!(after.hash.cost(), Some(Cost { memory: 64, iterations: 1 }));
    assert_eq!((after.changed_at, after.must_change), (before.changed_at, false), "it is the same password");
    assert_eq!(world.tries("alice", RIGHT).await, "right");
    assert_eq!(world.spent().hashes - spent, 3);
    assert_eq!(world.stored(&alice).await, after);
}

#[tokio::test]
async fn a_hash_that_is_made_anew_never_undoes_a_change() {
    for world in [world(), world().backing(Backing::Postgres).redis()] {
        let world = world.start().await;
        for n in 0..12 {
            let (username, new) = (format!("user{n}"), format!("a new one, number {n}"));
            let person = world.user(&username).with_password(RIGHT).await;
            let confirmed = world.confirmed(&username, RIGHT).await;
            world.outdate(&person, RIGHT).await;
            let (changed, _) = tokio::join!(world.chooses(&confirmed, &new), world.tries(&username, RIGHT));
            assert!(matches!(changed, Chosen::Changed(_)), "{changed:?}");
            world.clock.advance(seconds(20));
            assert_eq!(world.tries(&username, &new).await, "right", "{n}");
            assert_eq!(world.tries(&username, RIGHT).await, "wrong", "{n}");
        }
    }
}

#[tokio::test]
async fn a_person_changes_the_password_and_the_old_one_is_over() {
    for world in [world(), world().backing(Backing::Postgres).redis()] {
        let world = world.start().await;
        let alice = world.user("alice").with_password(RIGHT).await;
        world.guard("roses in june");
        let (confirmed, meanwhile) = (world.confirmed("alice", RIGHT).await, world.confirmed("alice", RIGHT).await);
        assert_eq!((confirmed.user(), confirmed.at()), (alice.id, world.now()));
        for (text, refused) in [
            ("short", Refused::TooShort),
            ("iloveyou", Refused::Common),
            ("roses of Alice", Refused::ContainsUsername),
            (RIGHT, Refused::Unchanged),
        ] {
            let watch = world.watch().await;
            assert_eq!(world.chooses(&confirmed, text).await, Chosen::Refused(refused));
            watch.nothing("a refused password").await;
        }

        let watch = world.watch().await;
        let Chosen::Changed(NowTheirs { user, at }) = world.chooses(&confirmed, "roses in june").await else {
            panic!("it is a good one");
        };
        assert_eq!(user, alice.id);
        assert!(at > confirmed.changed_at(), "although no time has passed");
        let events = watch.events().await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!((events[0].action.as_str(), events[0].result.as_str()), ("password.changed", "done"));

        // Whoever had the old one, and was confirmed with it, comes second.
        assert_eq!(world.chooses(&meanwhile, "mine from now on").await, Chosen::NotConfirmed);
        assert_eq!(world.chooses(&confirmed, "mine from now on").await, Chosen::NotConfirmed);
        assert_eq!(world.confirmed("alice", "roses in june").await.changed_at(), at);
        assert_eq!(world.tries("alice", RIGHT).await, "wrong");
    }
}

#[tokio::test]
async fn a_change_lets_who_has_failed_before_begin_anew() {
    let world = world().start().await;
    world.user("alice").with_password(RIGHT).await;
    let confirmed = world.confirmed("alice", RIGHT).await;
    world.tries("alice", WRONG).await;
    world.tries_on_known_device("alice", WRONG).await;
    assert_eq!(world.tries("alice", RIGHT).await, "wait 1");
    assert!(matches!(world.chooses(&confirmed, "roses in june").await, Chosen::Changed(_)));
    assert_eq!(world.tries("alice", "roses in june").await, "right");
    assert_eq!(world.tries_on_known_device("alice", "roses in june").await, "right");
}

#[tokio::test]
async fn a_password_that_must_be_changed_is_good_for_that_alone() {
    let world = world().start().await;
    let alice = world.user("alice").with_password(RIGHT).await;
    world.must_change(&alice).await;
    assert_eq!(world.tries("alice", WRONG).await, "wrong");
    world.clock.advance(seconds(1));
    assert_eq!(world.tries("alice", RIGHT).await, "must change");
    let confirmed = world.confirmed("alice", RIGHT).await;
    assert_eq!(world.chooses(&confirmed, RIGHT).await, Chosen::Refused(Refused::Unchanged));
    assert!(matches!(world.chooses(&confirmed, "roses in june").await, Chosen::Changed(_)));
    assert_eq!(world.tries("alice", "roses in june").await, "right");
}

#[tokio::test]
async fn who_may_not_log_in_changes_no_password() {
    let world = world().start().await;
    let alice = world.user("alice").with_password(RIGHT).await;
    let confirmed = world.confirmed("alice", RIGHT).await;
    alice.lock().await;
    assert_eq!(world.chooses(&confirmed, "roses in june").await, Chosen::NotConfirmed);
    alice.unlock().await;
    alice.delete().await;
    assert_eq!(world.chooses(&confirmed, "roses in june").await, Chosen::NotConfirmed);
    assert!(world.rows("password").await.is_empty(), "it goes with its user");
}

#[tokio::test]
async fn without_a_store_nobody_is_let_in() {
    let world = world().start().await;
    world.user("alice").with_password(RIGHT).await;
    let there = &world.parts().check_password;
    let (away, here): (Arc<dyn Ephemeral>, _) = (Arc::new(Away), Arc::clone(&world.parts().ephemeral));
    let master = MasterKey::new(&Secret::new(MASTER_KEY));
    for (attempts, ladder) in [(&away, &here), (&here, &away)] {
        let without = CheckPassword {
            passwords: world.passwords(),
            hashing: Arc::clone(&there.hashing),
            ladder: PasswordLadder::new(Shelf::new(Arc::clone(ladder)), &master),
            attempts: Attempts::new(Arc::clone(attempts)),
            ledger: there.ledger.clone(),
            refusals: there.refusals.clone(),
            clock: Arc::clone(&there.clock),
            entropy: Arc::clone(&there.entropy),
            tries: there.tries,
        };
        let (directory, spent) = (Arc::clone(&world.parts().directory), world.spent());
        let told = world.among_servers(async move {
            let alice = directory.user_by_username("alice").await.unwrap();
            told(&check(&without, alice.as_deref(), "alice", RIGHT, "192.0.2.1", true).await)
        });
        assert_eq!(told.await, "unavailable");
        assert_eq!(world.spent(), spent);
    }

    // The same without the other store, and it counts as no failure.
    world.sql("ALTER TABLE password RENAME TO elsewhere").await;
    for username in ["alice", "nobody", "alice", "nobody"] {
        assert_eq!(world.tries(username, RIGHT).await, "unavailable", "{username}");
    }
    world.sql("ALTER TABLE elsewhere RENAME TO password").await;
    assert_eq!(world.tries("alice", RIGHT).await, "right");
}

#[tokio::test]
async fn security_169_no_password_is_written_down() {
    for world in [world(), world().backing(Backing::Postgres).redis()] {
        let world = world.start().await;
        let secrets = ["canary: the first", "canary: a wrong one", "canary: the second", "canary: too common"];
        for secret in secrets {
            world.guard(secret);
        }
        world.user("alice").with_password(secrets[0]).await;
        world.tries("alice", secrets[1]).await;
        world.tries("alice", secrets[3]).await;
        world.tries("canary: a name", secrets[1]).await;
        world.clock.advance(seconds(60));
        let confirmed = world.confirmed("alice", secrets[0]).await;
        assert!(matches!(world.chooses(&confirmed, secrets[2]).await, Chosen::Changed(_)));
        // Nor what somebody typed as a name: it may be a password in the wrong field.
        world.guard("canary: a name");
        let stored = world.rows("password").await;
        assert!(stored.len() == 1 && stored[0].contains("$argon2id$v=19$m=64,t=1,p=1$"), "{stored:?}");
        assert!(world.parts().check_password.hashing.spent().hashes > 4);
    }
}
