//! The audit trail: whole whatever happens to the servers, and visibly not so when somebody has had a
//! hand in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nod::clock::{ManualClock, Timestamp};
use nod::domain::audit::{Action, Event};
use nod::domain::trail::{Broken, Flaw, Head, KEPT, Said, hex};
use nod::entropy::Entropy;
use nod::protocol::id::{ClientId, RequestId, UserId};
use nod::secret::Secret;
use nod::store::ephemeral::StoreError;
use nod::store::sql::Database;
use nod::store::sql::audit::Chain;
use nod::store::sql::ledger::Ledger;
use nod::store::sql::retention::Retention;
use nod::store::sql::tokens::Tokens;
use nod::store::sql::trail::Trail;
use nod::usecase::verify_trail::{Reach, Verified, VerifyTrail};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::json;
use tokio::task::JoinSet;

use crate::backends::Postgres;
use crate::nodes::{Cutter, Lost, Pending, Site, Sql};

const DAY: Duration = Duration::from_secs(86_400);

/// One database, and servers that write its trail.
struct Archive {
    database: Database,
    raw: DatabaseConnection,
    url: String,
    clock: Arc<ManualClock>,
    entropy: Entropy,
    workers: JoinSet<()>,
    _directory: Option<tempfile::TempDir>,
}

impl Archive {
    async fn on(url: String, directory: Option<tempfile::TempDir>) -> Self {
        let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
        database.migrate().await.unwrap();
        let raw = sea_orm::Database::connect(&url).await.unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let (entropy, workers) = (Entropy::seeded(11), JoinSet::new());
        Self { database, raw, url, clock, entropy, workers, _directory: directory }
    }

    async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::on(format!("sqlite:{}/nod.db", directory.path().display()), Some(directory)).await
    }

    async fn postgres() -> Self {
        Self::on(Postgres::shared().database(), None).await
    }

    /// A server of its own, that comes to the database by this URL.
    async fn server(&mut self, url: &str) -> (Database, Ledger) {
        let database = Database::connect(&Secret::new(url.to_owned())).await.unwrap();
        let (ledger, writing) = Ledger::new(database.clone());
        self.workers.spawn(writing);
        (database, ledger)
    }

    fn event(&self, action: Action) -> Event {
        use nod::clock::Clock as _;
        let now = self.clock.now();
        Event::new(self.entropy.ordered_uuid(now), now, action)
            .client(&ClientId::parse("shop").unwrap())
            .user(UserId::new(self.entropy.uuid()))
            .request(RequestId::new(self.entropy.uuid()))
    }

    /// One transaction of its own, that has this event.
    async fn done(&self, event: Event) -> Result<(), StoreError> {
        use nod::clock::Clock as _;
        let (tokens, jti) = (Tokens::new(self.database.clone()), self.entropy.uuid().to_string());
        assert!(tokens.revoke_jwt(&jti, self.clock.now() + DAY, &event).await?);
        Ok(())
    }

    /// Six events; the second and the fifth are refusals.
    async fn written(self) -> Self {
        for n in 1..=6 {
            let event = self.event(Action::TokenRevoked);
            self.done(if n % 3 == 2 { event.refused(format!("reason {n}")) } else { event }).await.unwrap();
        }
        self
    }

    async fn does(&self, sql: &str) {
        self.raw.execute_unprepared(sql).await.unwrap();
    }

    async fn verify(&self, reach: Reach) -> Verified {
        let (chain, clock) = (Chain::new(self.database.clone()), Arc::clone(&self.clock));
        VerifyTrail { chain, clock }.verify(reach).await.unwrap()
    }

    async fn whole(&self) -> Head {
        let verified = self.verify(Reach::Whole).await;
        assert_eq!(verified.broken, None, "{verified:?}");
        verified.head
    }

    /// Until so many rows are there.
    async fn rows(&self, count: u64) -> Head {
        let begin = Instant::now();
        loop {
            let verified = self.verify(Reach::Whole).await;
            assert_eq!(verified.broken, None, "{verified:?}");
            if verified.kept == count {
                return verified.head;
            }
            assert!(verified.kept < count && begin.elapsed() < Duration::from_secs(20), "{verified:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Both servers write at once, what nobody waits for and what somebody does.
async fn is_whole_whoever_writes(mut archive: Archive) {
    let url = archive.url.clone();
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let (database, ledger) = archive.server(&url).await;
        for _ in 0..100 {
            let (ledger, event) = (ledger.clone(), archive.event(Action::InputRefused).refused("why"));
            tasks.spawn(async move { ledger.audit(event).await });
            let (tokens, event, jti) =
                (Tokens::new(database.clone()), archive.event(Action::TokenRevoked), archive.entropy.uuid());
            tasks.spawn(async move {
                // SQLite has one writer for all processes: who waited too long for it tries again.
                while tokens.revoke_jwt(&jti.to_string(), event.at + DAY, &event).await.is_err() {}
            });
        }
    }
    // Whoever reads on from the last row that was there misses none: webhooks, event streams, `nod tail`.
    let reader = archive.server(&url).await.0;
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        let trail = Trail::new(reader);
        let (mut last, mut looks) = (0, 0);
        while last < 400 {
            for event in trail.follow(last, 1000).await.unwrap() {
                assert_eq!(event.seq, last + 1, "a row came in before one that was there");
                last = event.seq;
            }
            looks += 1;
        }
        looks
    });
    tasks.join_all().await;
    let head = archive.rows(400).await;
    assert_eq!(head.seq, 400, "no number is left out");
    let looks: i32 = reading.join_all().await.into_iter().sum();
    assert!(looks > 3, "all was written before anybody looked {looks} times: this shows nothing");

    // What one remembers is there later, whatever comes.
    archive.done(archive.event(Action::TokenRevoked)).await.unwrap();
    for (reach, kept) in [(Reach::Since(head), 1), (Reach::WholeWith(head), 401), (Reach::Whole, 401)] {
        let verified = archive.verify(reach).await;
        assert_eq!((verified.broken, verified.kept, verified.head.seq), (None, kept, 401), "{reach:?}");
    }
    for wrong in [Head { seq: 399, ..head }, Head { hash: [1; 32], ..head }, Head { seq: 402, ..head }] {
        for reach in [Reach::Since(wrong), Reach::WholeWith(wrong)] {
            let broken = Some(Broken { seq: wrong.seq, flaw: Flaw::NotRemembered });
            assert_eq!(archive.verify(reach).await.broken, broken, "{reach:?}");
        }
    }
    let text = head.to_string();
    assert_eq!(text.parse(), Ok(head));
    for wrong in ["", "400", &text[1..text.len() - 1], &format!("{text}00"), &text.replace(':', " ")] {
        assert!(wrong.parse::<Head>().is_err(), "{wrong}");
    }
}

/// A commit whose answer was lost is made again, among others.
async fn events_that_come_again_are_there_once(mut archive: Archive) {
    let url = archive.url.clone();
    let (_, ledger) = archive.server(&url).await;
    let events: Vec<Event> = (0..9).map(|_| archive.event(Action::InputRefused)).collect();
    for group in [&events[..4], &events[2..6], &events[..], &events[8..]] {
        for event in group {
            ledger.audit(event.clone()).await;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(archive.rows(9).await.seq, 9);
}

/// What a row said is forgotten when it is due; that it was there can be shown until the end of all.
async fn retention_leaves_the_chain(archive: Archive) {
    use nod::clock::Clock as _;
    let archive = archive.written().await;
    let (retention, head) = (Retention::new(archive.database.clone()), archive.whole().await);
    let purge = async |expected: u64| {
        assert_eq!(retention.purge(archive.clock.now(), 100).await.unwrap(), expected);
    };
    purge(0).await;
    archive.clock.advance(30 * DAY);
    purge(2).await;
    let verified = archive.verify(Reach::WholeWith(head)).await;
    assert_eq!((verified.broken, verified.kept, verified.taken), (None, 4, 2));

    // Nothing is left but what is too old, and then something new.
    archive.clock.advance(370 * DAY);
    purge(4).await;
    let verified = archive.verify(Reach::Whole).await;
    assert_eq!((verified.broken, verified.kept, verified.taken, verified.head), (None, 0, 1, head));
    archive.done(archive.event(Action::TokenRevoked).refused("a new one")).await.unwrap();
    let verified = archive.verify(Reach::WholeWith(head)).await;
    assert_eq!((verified.broken, verified.kept, verified.head.seq), (None, 1, 7));
    archive.clock.advance(30 * DAY);
    purge(1).await;
    purge(0).await;
    assert_eq!(archive.verify(Reach::Whole).await.taken, 2);
    archive.done(archive.event(Action::TokenRevoked)).await.unwrap();
    assert_eq!(archive.whole().await.seq, 8);

    // What was remembered too long ago is not there, and it is said.
    let old = Head { seq: 3, ..head };
    assert_eq!(archive.verify(Reach::WholeWith(old)).await.broken, Some(Broken { seq: 3, flaw: Flaw::NotRemembered }));
}

/// Somebody else has written since a server last did, and what they wrote is as it was or emptied: the server
/// goes on from there, and not from the end that it remembers.
async fn nobody_goes_on_from_an_old_end(mut archive: Archive) {
    use nod::clock::Clock as _;
    let url = archive.url.clone();
    let (other, _ledger) = archive.server(&url).await;
    let by_other = async |refused: bool| {
        let event = archive.event(Action::TokenRevoked);
        let event = if refused { event.refused("by another") } else { event };
        let (tokens, jti) = (Tokens::new(other.clone()), archive.entropy.uuid().to_string());
        assert!(tokens.revoke_jwt(&jti, archive.clock.now() + DAY, &event).await.unwrap());
    };
    let by_us = async || archive.done(archive.event(Action::TokenRevoked)).await.unwrap();
    by_us().await;
    by_us().await;
    by_other(false).await;
    by_us().await;
    assert_eq!(archive.whole().await.seq, 4);

    // The last row that we wrote is the last one that is kept, and not the last one.
    by_other(true).await;
    by_other(true).await;
    archive.clock.advance(31 * DAY);
    assert_eq!(Retention::new(other.clone()).purge(archive.clock.now(), 100).await.unwrap(), 2);
    by_us().await;
    by_us().await;
    assert_eq!(archive.whole().await.seq, 8);

    // Nothing is kept of what anybody wrote.
    by_other(false).await;
    archive.clock.advance(401 * DAY);
    assert_eq!(Retention::new(other.clone()).purge(archive.clock.now(), 100).await.unwrap(), 7);
    by_us().await;
    assert_eq!(archive.whole().await.seq, 10);

    // Of so many, the next statement begins after a row of the one before.
    let (_, ledger) = archive.server(&url).await;
    for _ in 0..100 {
        ledger.audit(archive.event(Action::InputRefused)).await;
    }
    assert_eq!(archive.rows(101).await.seq, 110);
}

/// In a database that had a trail before, the chain begins after it.
async fn the_chain_begins_after_what_was_there(archive: Archive) {
    let insert = "INSERT INTO audit (seq, id, at, action, result) VALUES";
    let id = |n: u8| {
        if archive.url.starts_with("sqlite") {
            format!("x'{}'", hex(&[n; 16]))
        } else {
            format!("decode('{}', 'hex')", hex(&[n; 16]))
        }
    };
    archive.does(&format!("{insert} (7, {}, 0, 'client.created', 'done')", id(7))).await;
    archive.does("DELETE FROM audit_begin").await;
    let zero = if archive.url.starts_with("sqlite") { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
    archive.does(&format!("INSERT INTO audit_begin SELECT COALESCE(MAX(seq), 0), {zero} FROM audit")).await;
    let archive = archive.written().await;
    let verified = archive.verify(Reach::Whole).await;
    assert_eq!((verified.broken, verified.kept, verified.head.seq), (None, 6, 13));
    assert_eq!(Retention::new(archive.database.clone()).purge(Timestamp::from_millis(0) + KEPT, 10).await.unwrap(), 1);
    assert_eq!(archive.whole().await.seq, 13);
}

macro_rules! on_both {
    ($($test:ident,)*) => {
        mod on_sqlite { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(super::Archive::sqlite().await).await; })* }
        mod on_postgres { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(super::Archive::postgres().await).await; })* }
    };
}

on_both! {
    is_whole_whoever_writes,
    events_that_come_again_are_there_once,
    retention_leaves_the_chain,
    nobody_goes_on_from_an_old_end,
    the_chain_begins_after_what_was_there,
}

#[tokio::test]
async fn security_5_8_a_hand_in_the_trail_is_seen_and_where() {
    let insert = "INSERT INTO audit (seq, id, at, action, result, hash)";
    let forged = format!(
        "{insert} SELECT 7, x'07070707070707070707070707070707', at, action, result, hash FROM audit WHERE seq = 6"
    );
    let unchained =
        format!("{insert} VALUES (7, x'07070707070707070707070707070707', 0, 'user.created', 'done', NULL)");
    let cases = [
        // Changed, field by field.
        ("UPDATE audit SET action = 'user.created' WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET at = at + 1 WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET result = 'refused' WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET reason = 'another' WHERE seq = 2", 2, Flaw::Changed),
        ("UPDATE audit SET reason = '' WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET client_id = 'bank' WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET client_id = NULL WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET user_id = request_id, request_id = user_id WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET device_id = user_id WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET user_id = x'00' WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET id = x'00000000000000000000000000000000' WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET hash = x'00' WHERE seq = 3", 3, Flaw::Changed),
        ("UPDATE audit SET hash = NULL WHERE seq = 3", 3, Flaw::Unchained),
        ("UPDATE audit SET reason = 'x' WHERE seq = 6", 6, Flaw::Changed),
        // Taken out, put elsewhere, put in.
        ("DELETE FROM audit WHERE seq = 3", 3, Flaw::Missing),
        ("DELETE FROM audit WHERE seq = 1", 1, Flaw::Missing),
        ("DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3", 3, Flaw::Changed),
        (
            "UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; \
             UPDATE audit SET seq = 4 WHERE seq = 99",
            3,
            Flaw::Changed,
        ),
        ("UPDATE audit SET seq = seq + 10", 1, Flaw::Missing),
        (&forged, 7, Flaw::Changed),
        (&unchained, 7, Flaw::Unchained),
        // The end cut off, or all of it: whoever remembers the head sees it.
        ("DELETE FROM audit WHERE seq > 4", 6, Flaw::NotRemembered),
        ("DELETE FROM audit", 6, Flaw::NotRemembered),
        // The beginning cut off, as if it was old.
        (
            "UPDATE audit_begin SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2); DELETE FROM audit WHERE seq < 3",
            3,
            Flaw::BeginsTooLate,
        ),
        ("UPDATE audit_begin SET seq = 2; DELETE FROM audit WHERE seq < 3", 3, Flaw::Changed),
    ];
    for (sql, seq, flaw) in cases {
        let archive = Archive::sqlite().await.written().await;
        let head = archive.whole().await;
        archive.does(sql).await;
        let broken = Some(Broken { seq, flaw });
        assert_eq!(archive.verify(Reach::WholeWith(head)).await.broken, broken, "{sql}");
        if flaw != Flaw::NotRemembered {
            assert_eq!(archive.verify(Reach::Whole).await.broken, broken, "{sql}");
        }
        // Servers go on, and what they write does not hide it.
        archive.done(archive.event(Action::TokenRevoked)).await.unwrap();
        let found = archive.verify(Reach::WholeWith(head)).await.broken.unwrap_or_else(|| panic!("hidden: {sql}"));
        assert!(found.seq <= seq, "{sql}: {found}");
    }
}

#[tokio::test]
async fn security_5_8_what_is_emptied_was_due() {
    let stub = |archive: &Archive, seq: i64, result: &str, at: &str| {
        let (trail, result, at) = (Chain::new(archive.database.clone()), result.to_owned(), at.to_owned());
        async move {
            let entry = trail.after(seq - 1, 1).await.unwrap().remove(0);
            let Said::Kept(content) = entry.said else { panic!("{entry:?}") };
            format!(
                "INSERT INTO audit_stub SELECT seq, {at}, {result}, x'{}', hash FROM audit WHERE seq = {seq}; \
                 DELETE FROM audit WHERE seq = {seq}",
                hex(&content.digest())
            )
        }
    };
    let cases = [
        // A refusal that is due, and one that is not.
        (2, "result", "at", 31, None),
        (2, "result", "at", 29, Some(Flaw::TakenTooEarly)),
        // What was done is not made a refusal, nor older than it is.
        (3, "result", "at", 31, Some(Flaw::TakenTooEarly)),
        (3, "'refused'", "at", 31, Some(Flaw::Changed)),
        (3, "result", "0", 31, Some(Flaw::Changed)),
        (3, "result", "at", 401, None),
    ];
    for (seq, result, at, days, flaw) in cases {
        let archive = Archive::sqlite().await.written().await;
        let head = archive.whole().await;
        archive.clock.advance(days * DAY);
        archive.does(&stub(&archive, seq, result, at).await).await;
        let broken = archive.verify(Reach::WholeWith(head)).await.broken;
        assert_eq!(broken, flaw.map(|flaw| Broken { seq, flaw }), "{seq} {result} {at} {days}");
    }
}

/// A node that stops between its last statement and its commit has the lock of the trail. The others
/// answer meanwhile, and after two seconds they go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_in_its_commit_holds_the_others_for_two_seconds() {
    let mut archive = Archive::postgres().await;
    let line = Cutter::before(Postgres::shared().address()).await;
    let mut url = url::Url::parse(&archive.url).unwrap();
    url.set_port(Some(line.at.port())).unwrap();
    let (stopping, _) = archive.server(url.as_str()).await;
    let stopping = Tokens::new(stopping);
    line.cuts(Lost::Node).await;
    let event = archive.event(Action::KeyRetired);
    let (stopped, tries) = tokio::join!(stopping.revoke_jwt("stopped", event.at + DAY, &event), async {
        while !line.has_cut() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let begin = Instant::now();
        let mut tries = 0_u64;
        loop {
            let asked = Instant::now();
            let done = archive.done(archive.event(Action::TokenRevoked)).await;
            assert!(asked.elapsed() < Duration::from_millis(1500), "it answers: {:?}", asked.elapsed());
            tries += 1;
            if done.is_ok() {
                break;
            }
            assert!(begin.elapsed() < Duration::from_millis(3500), "{:?}", begin.elapsed());
        }
        assert!(tries > 1 && begin.elapsed() > Duration::from_secs(1), "nobody held the lock: this shows nothing");
        tries
    });
    assert!(matches!(stopped, Err(StoreError::Unavailable(_))));
    let trail = archive.verify(Reach::Whole).await;
    assert!(
        trail.broken.is_none() && u64::try_from(trail.head.seq) == Ok(trail.kept),
        "what was not committed left no gap: {trail:?}"
    );
    // A try that was told too late that it was done is there as well.
    assert!((1..=tries).contains(&trail.kept), "{tries} tries: {trail:?}");
    let left = format!("SELECT 1 FROM audit WHERE action = '{}'", Action::KeyRetired.as_str());
    let left = Statement::from_string(archive.raw.get_database_backend(), left);
    assert!(archive.raw.query_one_raw(left).await.unwrap().is_none(), "and no trace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_says_whether_the_trail_is_whole() {
    let site = Site::new(Sql::Sqlite, Pending::Embedded).await;
    site.person("alice").await;
    let _node = site.node().await;
    let run = |arguments: &[&str]| {
        let output = site.command(&[&["audit"], arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = run(&["verify"]);
    assert_eq!(code, Some(0), "{text}");
    let head = text.lines().find_map(|line| line.strip_prefix("head   ")).expect("a head").to_owned();
    site.relying_party("shop", false).await;
    for arguments in [&["verify", "--from", &head][..], &["verify", "--from", &head, "--whole"]] {
        let (code, text) = run(arguments);
        assert_eq!(code, Some(0), "{text}");
    }
    let (code, text) = run(&["export"]);
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!((&lines[0]["seq"], &lines.last().unwrap()["action"]), (&json!(1), &json!("client.created")));

    site.facts.does("UPDATE audit SET action = 'user.deleted' WHERE seq = 2").await;
    let (code, text) = run(&["verify", "--json"]);
    assert_eq!(code, Some(1), "{text}");
    let json: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(json["broken"], json!({ "seq": 2, "flaw": "changed" }));
    assert!(text.contains("row 2 does not follow"), "{text}");
    assert_eq!(run(&["verify", "--from", "no head"]).0, Some(2));
}
