//! Decisions and grants: made once, kept all.

use std::time::Duration;

use futures_util::future::join_all;
use nod::domain::audit::Action;
use nod::domain::authentication_request::{Decision, Denial};
use nod::domain::decision::Record;
use nod::domain::grant::{Grant, StoredAccessToken};
use nod::protocol::extent::Extent;
use nod::protocol::id::{ConsentId, RequestId, UserId};
use nod::protocol::scope::Scope;
use nod::secret::Secret;
use nod::store::sql::Database;
use nod::store::sql::consents::{Consents, Given};
use nod::store::sql::ledger::{Also, Decided, Granted, Ledger, Rests};
use tokio::task::JoinSet;

use super::stage::{Stage, now, shop, until};

on_every_engine! {
    a_decision_is_made_once
    a_report_locks_the_person_when_it_is_the_first_answer
    many_decisions_are_all_kept
    a_grant_is_given_once
    what_a_grant_gives_besides_scopes_is_kept
    what_was_taken_back_gives_no_grant
    what_is_given_again_is_another_consent
    a_consent_is_not_taken_back_while_something_is_given_for_it
    in_one_group_the_first_one_wins
    one_bad_row_does_not_hurt_its_group
    a_ledger_that_ends_has_written_everything
}

async fn a_decision_is_made_once(stage: Stage) {
    for round in 0..5 {
        let request = RequestId::new(stage.entropy.uuid());
        let mut tasks = JoinSet::new();
        for n in 0..64 {
            let outcome = match n % 3 {
                0 => stage.approval(),
                1 => Decision::Denied(Denial::Reported),
                _ => Decision::Cancelled,
            };
            let (node, event) = (stage.node(n), stage.event(Action::RequestApproved).request(request));
            let record = Stage::record(request, outcome.clone());
            tasks.spawn(async move { (outcome, node.ledger.decide(record, event).await.unwrap()) });
        }
        let verdicts = tasks.join_all().await;
        let winners: Vec<_> = verdicts.iter().filter(|(_, decided)| *decided == Decided::First).collect();
        assert_eq!(winners.len(), 1);
        let (stands, _) = winners[0];
        for (_, decided) in &verdicts {
            assert!(*decided == Decided::First || *decided == Decided::Already(stands.clone()), "{decided:?}");
        }
        let kept = stage.nodes[1].decisions.find(request).await.unwrap().unwrap();
        assert_eq!((&kept.outcome, kept.evidence.as_deref()), (stands, Some("header.payload.signature")));
        assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, round + 1, "one event for one decision");
        assert_eq!(stage.count("SELECT COUNT(*) FROM outbox").await, round + 1);
    }
}

async fn a_report_locks_the_person_when_it_is_the_first_answer(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    let report = |request: RequestId| {
        let record = Record { user: alice.id, ..Stage::record(request, Decision::Denied(Denial::Reported)) };
        let (event, locked) = (stage.event(Action::RequestReported), stage.event(Action::UserLocked));
        let also = Also { locked: Some(locked), ..Also::default() };
        async move { here.ledger.decide_and(record, event, also).await.unwrap() }
    };
    let locked = "SELECT COUNT(*) FROM account WHERE status = 'locked'";
    let events = "SELECT COUNT(*) FROM audit WHERE action = 'user.locked'";
    let approved = RequestId::new(stage.entropy.uuid());
    let record = Record { user: alice.id, ..Stage::record(approved, stage.approval()) };
    there.ledger.decide(record, stage.event(Action::RequestApproved)).await.unwrap();
    assert!(matches!(report(approved).await, Decided::Already(_)));
    assert_eq!((stage.count(locked).await, stage.count(events).await), (0, 0));

    // Reports of several questions at the same time, and no person is locked twice.
    let reports = (0..8).map(|_| report(RequestId::new(stage.entropy.uuid())));
    assert!(join_all(reports).await.iter().all(|decided| *decided == Decided::First));
    assert_eq!((stage.count(locked).await, stage.count(events).await), (1, 1));
    until(async || !there.directory.user(&alice.id).await.unwrap().unwrap().is_active()).await;
}

async fn many_decisions_are_all_kept(stage: Stage) {
    let mut tasks = JoinSet::new();
    for n in 0..500 {
        let record = Stage::record(RequestId::new(stage.entropy.uuid()), stage.approval());
        let (node, event) = (stage.node(n), stage.event(Action::RequestApproved));
        tasks.spawn(async move { node.ledger.decide(record, event).await.unwrap() });
    }
    assert!(tasks.join_all().await.iter().all(|decided| *decided == Decided::First));
    assert_eq!(stage.count("SELECT COUNT(*) FROM decision").await, 500);
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 500);
    assert_eq!(stage.count("SELECT COUNT(*) FROM outbox").await, 500);
}

async fn a_grant_is_given_once(stage: Stage) {
    for _ in 0..5 {
        let request = RequestId::new(stage.entropy.uuid());
        let mut tasks = JoinSet::new();
        for n in 0..64 {
            let (grant, refresh, access) = stage.grant(Some(request));
            let (node, event) = (stage.node(n), stage.event(Action::RequestRedeemed));
            tasks.spawn(async move {
                let granted = node.ledger.grant(grant, Some(refresh.clone()), Some(access.clone()), event).await;
                (granted.unwrap(), refresh, access)
            });
        }
        let mut winners = 0;
        for (granted, refresh, access) in tasks.join_all().await {
            let first = granted == Granted::First;
            winners += u32::from(first);
            let tokens = &stage.nodes[0].tokens;
            assert_eq!(tokens.refresh_token(&refresh.digest).await.unwrap().is_some(), first);
            assert_eq!(tokens.access_token(&access.digest, now()).await.unwrap().is_some(), first);
        }
        assert_eq!(winners, 1);
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 5);
    assert_eq!(stage.count("SELECT COUNT(*) FROM refresh_token").await, 5);
}

/// Most give nothing; in one group with those, and by itself.
async fn what_a_grant_gives_besides_scopes_is_kept(stage: Stage) {
    let (ledger, tokens) = (&stage.nodes[0].ledger, &stage.nodes[0].tokens);
    let (plain, of_servers) = (Extent::default(), Extent::of_resources(vec!["https://api.example".to_owned()]));
    for extents in [vec![&plain, &of_servers, &plain, &of_servers], vec![&of_servers], vec![&plain]] {
        let given: Vec<_> = extents
            .into_iter()
            .map(|extent| {
                let (grant, refresh, access) = stage.grant(Some(RequestId::new(stage.entropy.uuid())));
                let access = StoredAccessToken { extent: extent.clone(), ..access };
                (Grant { extent: extent.clone(), ..grant }, refresh, access)
            })
            .collect();
        let writes = given.iter().map(|(grant, refresh, access)| {
            let event = stage.event(Action::CodeRedeemed);
            ledger.grant(grant.clone(), Some(refresh.clone()), Some(access.clone()), event)
        });
        for granted in join_all(writes).await {
            assert_eq!(granted.unwrap(), Granted::First);
        }
        for (grant, refresh, access) in given {
            let (token, of) = tokens.access_token(&access.digest, now()).await.unwrap().unwrap();
            assert_eq!((token.extent, &of), (access.extent, &grant));
            assert_eq!(tokens.refresh_token(&refresh.digest).await.unwrap().unwrap().1, grant);
        }
    }
}

/// Whoever looked before the person took it back gets nothing for it either.
async fn what_was_taken_back_gives_no_grant(stage: Stage) {
    let consents = Consents::new(Database::connect(&Secret::new(stage.url.clone())).await.unwrap());
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let scope = |text: &str| Scope::parse(text).unwrap();
    let give = async |user: UserId, wanted: Option<(Option<ConsentId>, &str)>| {
        let consent = wanted.map(|(id, text)| Given { id, scope: scope(text) });
        granted_on(&stage, user, consent).await
    };
    let agree = async |user: UserId, text: &str| {
        let event = stage.event(Action::ConsentGiven);
        consents.add(user, &shop(), &scope(text), &event, now()).await.unwrap()
    };
    let (hers, his) = (agree(alice.id, "openid").await, agree(bob.id, "openid profile").await);
    assert_eq!(give(alice.id, Some((hers, "openid"))).await, Granted::First);
    assert_eq!(give(alice.id, Some((hers, "openid profile"))).await, Granted::ConsentWithdrawn, "bob's is not hers");
    let withdrawn = stage.event(Action::ConsentWithdrawn);
    assert!(consents.withdraw(alice.id, &shop(), &withdrawn, now()).await.unwrap());
    assert_eq!(give(alice.id, Some((hers, "openid"))).await, Granted::ConsentWithdrawn);
    assert_eq!(give(bob.id, Some((his, "openid"))).await, Granted::First);
    assert_eq!(give(alice.id, None).await, Granted::First, "where nobody is asked, nothing is taken back");
    assert_eq!(stage.count("SELECT COUNT(*) FROM token_grant WHERE revoked_at IS NULL").await, 2);
    assert_eq!(stage.count("SELECT COUNT(*) FROM refresh_token").await, 3);
}

/// What came of a grant that rests on this.
async fn granted_on(stage: &Stage, user: UserId, consent: Option<Given>) -> Granted {
    let (grant, refresh, _) = stage.grant(Some(RequestId::new(stage.entropy.uuid())));
    let (grant, event) = (Grant { user, ..grant }, stage.event(Action::CodeRedeemed));
    let on = Rests { session: None, consent };
    stage.nodes[0].ledger.grant_on(on, grant, Some(refresh), None, event).await.unwrap()
}

/// Within the same millisecond too.
async fn what_is_given_again_is_another_consent(stage: Stage) {
    let consents = Consents::new(Database::connect(&Secret::new(stage.url.clone())).await.unwrap());
    let alice = stage.user("alice").await.id;
    let [less, more] = ["openid", "openid profile"].map(|text| Scope::parse(text).unwrap());
    let agree = |scope: &Scope| {
        let (consents, scope, event) = (&consents, scope.clone(), stage.event(Action::ConsentGiven));
        async move { consents.add(alice, &shop(), &scope, &event, now()).await.unwrap() }
    };
    let first = agree(&less).await;
    assert!(first.is_some());
    assert_eq!(agree(&more).await, first, "to agree to more is no other consent");
    let withdrawn = stage.event(Action::ConsentWithdrawn);
    assert!(consents.withdraw(alice, &shop(), &withdrawn, now()).await.unwrap());
    // Several at the same time are one.
    let seconds = join_all((0..8).map(|_| agree(&more))).await;
    let second = seconds[0];
    assert!(second != first && seconds.iter().all(|id| *id == second), "{first:?} {seconds:?}");
    for (id, granted) in
        [(first, Granted::ConsentWithdrawn), (None, Granted::ConsentWithdrawn), (second, Granted::First)]
    {
        let needed = Given { id, scope: less.clone() };
        assert_eq!(consents.cover(alice, &shop(), Some(&needed)).await.unwrap(), granted == Granted::First, "{id:?}");
        assert_eq!(granted_on(&stage, alice, Some(needed)).await, granted, "{id:?}");
    }
}

/// In whatever order they come, nothing of it is left.
async fn a_consent_is_not_taken_back_while_something_is_given_for_it(stage: Stage) {
    let consents = Consents::new(Database::connect(&Secret::new(stage.url.clone())).await.unwrap());
    let alice = stage.user("alice").await;
    let scope = Scope::parse("openid profile").unwrap();
    for round in 0..12 {
        let given = stage.event(Action::ConsentGiven);
        let id = consents.add(alice.id, &shop(), &scope, &given, now()).await.unwrap();
        let mut given = JoinSet::new();
        for n in 0..32 {
            let (grant, refresh, _) = stage.grant(Some(RequestId::new(stage.entropy.uuid())));
            let on = Rests { session: None, consent: Some(Given { id, scope: scope.clone() }) };
            let (node, event) = (stage.node(n), stage.event(Action::CodeRedeemed));
            let grant = Grant { user: alice.id, ..grant };
            given.spawn(async move { node.ledger.grant_on(on, grant, Some(refresh), None, event).await.unwrap() });
        }
        tokio::time::sleep(Duration::from_micros(400 * round)).await;
        let withdrawn = stage.event(Action::ConsentWithdrawn);
        assert!(consents.withdraw(alice.id, &shop(), &withdrawn, now()).await.unwrap());
        for granted in given.join_all().await {
            assert!(matches!(granted, Granted::First | Granted::ConsentWithdrawn), "{granted:?}");
        }
        assert_eq!(stage.count("SELECT COUNT(*) FROM token_grant WHERE revoked_at IS NULL").await, 0, "{round}");
    }
}

async fn in_one_group_the_first_one_wins(stage: Stage) {
    let database = Database::connect(&Secret::new(stage.url.clone())).await.unwrap();
    let (ledger, writing) = Ledger::new(database);
    let request = RequestId::new(stage.entropy.uuid());
    let (mut decisions, mut grants) = (JoinSet::new(), JoinSet::new());
    for n in 0..20 {
        let outcome = if n % 2 == 0 { stage.approval() } else { Decision::Cancelled };
        let (record, event) = (Stage::record(request, outcome.clone()), stage.event(Action::RequestApproved));
        let deciding = ledger.clone();
        decisions.spawn(async move { (outcome, deciding.decide(record, event).await.unwrap()) });
        let (grant, refresh, _) = stage.grant(Some(request));
        let (granting, event) = (ledger.clone(), stage.event(Action::RequestRedeemed));
        grants.spawn(async move { granting.grant(grant, Some(refresh), None, event).await.unwrap() });
    }
    // All of them wait before anything is written.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut writer = JoinSet::new();
    writer.spawn(writing);
    let decisions = decisions.join_all().await;
    let winners: Vec<_> = decisions.iter().filter(|(_, decided)| *decided == Decided::First).collect();
    assert_eq!(winners.len(), 1);
    let stands = Decided::Already(winners[0].0.clone());
    assert_eq!(decisions.iter().filter(|(_, decided)| *decided == stands).count(), 19);
    assert_eq!(grants.join_all().await.into_iter().filter(|granted| *granted == Granted::First).count(), 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM refresh_token").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 2);
}

async fn one_bad_row_does_not_hurt_its_group(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (taken, _, _) = stage.granted().await;
    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let (mut grant, refresh, _) = stage.grant(Some(RequestId::new(stage.entropy.uuid())));
        if n == 10 {
            grant.id = taken.id;
        }
        let (ledger, event) = (here.ledger.clone(), stage.event(Action::RequestRedeemed));
        tasks.spawn(async move { (n, ledger.grant(grant, Some(refresh), None, event).await) });
    }
    here.ledger.audit(stage.event(Action::InputRefused).refused("a\0b")).await;
    for (n, granted) in tasks.join_all().await {
        assert_eq!(granted.is_ok(), n != 10, "{n}: {granted:?}");
    }
    until(async || stage.count("SELECT COUNT(*) FROM audit").await == 1 + 19 + 1).await;
}

async fn a_ledger_that_ends_has_written_everything(stage: Stage) {
    let database = Database::connect(&Secret::new(stage.url.clone())).await.unwrap();
    let (ledger, writing) = Ledger::new(database);
    for _ in 0..300 {
        ledger.audit(stage.event(Action::InputRefused)).await;
    }
    drop(ledger);
    writing.await;
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 300);
}
