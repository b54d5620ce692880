//! Clients: a change is seen on all nodes, and none is lost.

use std::time::Duration;

use nod::domain::audit::Action;
use nod::domain::client::{AccessTokenFormat, Authentication, Client, Pages, Secrets};
use nod::protocol::algorithm::Algorithm;
use nod::protocol::id::ClientId;
use nod::protocol::scope::Scope;
use tokio::task::JoinSet;

use super::stage::{Stage, later, now, shop, until};

on_every_engine! {
    a_change_of_a_client_is_seen_everywhere_soon
    every_change_of_a_client_at_once_counts
    a_deleted_client_loses_its_grants
}

fn client() -> Client {
    Client {
        id: shop(),
        name: "Shop".to_owned(),
        disabled: false,
        authentication: Authentication::ClientSecretBasic(Secrets(Vec::new())),
        grants: std::collections::BTreeSet::new(),
        scope: Scope::parse("openid").unwrap(),
        id_token_signed_response_alg: Algorithm::ES256,
        access_token_format: AccessTokenFormat::Jwt,
        resources: Vec::new(),
        protected_resources: Vec::new(),
        backchannel: None,
        userinfo_signed_response_alg: None,
        introspection_signed_response_alg: None,
        dpop_bound_access_tokens: false,
        tls_client_certificate_bound_access_tokens: false,
        sign_in: None,
        registered: None,
        token_exchange: None,
        may_act: None,
        pairwise: None,
        security_profile: None,
        pages: Pages::default(),
        created_at: now(),
    }
}

async fn a_change_of_a_client_is_seen_everywhere_soon(stage: Stage) {
    let [here, there] = &stage.nodes;
    assert!(there.directory.client(&shop()).await.unwrap().is_none());
    assert!(here.directory.client(&shop()).await.unwrap().is_none());
    assert!(here.clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap());
    assert!(!there.clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap());
    assert_eq!(here.directory.client(&shop()).await.unwrap().unwrap().name, "Shop");
    let waited = until(async || there.directory.client(&shop()).await.unwrap().is_some()).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");

    let disable = |client: Client| Client { disabled: true, ..client };
    let event = stage.event(Action::ClientUpdated);
    assert!(here.clients.update(&shop(), &event, now(), disable).await.unwrap().unwrap().disabled);
    assert!(here.directory.client(&shop()).await.unwrap().unwrap().disabled);
    let waited = until(async || there.directory.client(&shop()).await.unwrap().unwrap().disabled).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert_eq!(there.clients.list(None, 10).await.unwrap().len(), 1);
    assert_eq!(there.clients.list(Some(&shop()), 10).await.unwrap().len(), 0);
    let other = ClientId::parse("other").unwrap();
    assert!(here.clients.update(&other, &event, now(), disable).await.unwrap().is_none());
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 2);
}

async fn every_change_of_a_client_at_once_counts(stage: Stage) {
    stage.nodes[0].clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..12 {
        let (node, event) = (stage.node(n), stage.event(Action::ClientUpdated));
        tasks.spawn(async move {
            let change = |client: Client| Client { name: format!("{}.", client.name), ..client };
            node.clients.update(&shop(), &event, now(), change).await.unwrap().unwrap();
        });
    }
    tasks.join_all().await;
    assert_eq!(stage.nodes[0].clients.list(None, 1).await.unwrap()[0].name, "Shop............");
}

async fn a_deleted_client_loses_its_grants(stage: Stage) {
    let [here, _] = &stage.nodes;
    here.clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap();
    let (grant, _, _) = stage.granted().await;
    assert_eq!(here.tokens.active_grant(grant.id).await.unwrap(), Some(grant.clone()));
    assert!(here.clients.delete(&shop(), &stage.event(Action::ClientDeleted), later(1)).await.unwrap());
    assert!(!here.clients.delete(&shop(), &stage.event(Action::ClientDeleted), later(1)).await.unwrap());
    assert_eq!(here.tokens.active_grant(grant.id).await.unwrap(), None);
    assert!(here.directory.client(&shop()).await.unwrap().is_none());
}
