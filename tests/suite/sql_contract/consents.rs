//! What people let clients have.

use nod::domain::audit::Action;
use nod::protocol::scope::Scope;
use tokio::task::JoinSet;

use super::stage::{Stage, now, shop};

on_every_engine! {
    first_consents_at_once_are_one_and_lose_nothing
}

/// In tabs of one browser: whoever comes second finds nothing that could be locked.
async fn first_consents_at_once_are_one_and_lose_nothing(stage: Stage) {
    let scopes = ["profile", "email", "address", "phone"].map(|more| Scope::parse(&format!("openid {more}")).unwrap());
    for round in 0..8 {
        let alice = stage.user(&format!("alice{round}")).await.id;
        let mut tasks = JoinSet::new();
        for (n, scope) in scopes.iter().cloned().enumerate() {
            let (node, event) = (stage.node(n), stage.event(Action::ConsentGiven));
            tasks.spawn(async move { node.consents.add(alice, &shop(), &scope, &event, now()).await.unwrap() });
        }
        let named = tasks.join_all().await;
        let given = stage.nodes[0].consents.find(alice, &shop()).await.unwrap().unwrap();
        assert!(named.iter().all(|id| id.is_some() && *id == given.id), "{named:?}, {given:?}");
        for scope in &scopes {
            assert!(scope.is_within(&given.scope), "{scope:?} is not in {given:?}");
        }
    }
}
