//! Tokens: rotated once, revoked everywhere.

use nod::domain::audit::Action;
use nod::domain::grant::{REUSE_GRACE, Rotation, StoredAccessToken};
use nod::protocol::extent::Extent;
use nod::protocol::id::{GrantId, RefreshToken};
use nod::secret::{Digest, Sealed};
use nod::store::sql::tokens::Presented;
use tokio::task::JoinSet;

use super::stage::{Stage, later, now};

on_every_engine! {
    a_refresh_token_is_used_once_and_given_again_for_a_moment
    a_reused_refresh_token_ends_its_grant
    a_refresh_token_that_stays_gives_no_more_than_was_asked_for
    an_unknown_or_expired_refresh_token_changes_nothing
    a_revoked_token_is_not_found
    ended_tokens_are_purged
}

impl Stage {
    fn presented(&self, digest: Digest<RefreshToken>, grant: GrantId) -> Presented {
        let successor = self.refresh_token(grant);
        Presented {
            digest,
            sealed_successor: Sealed::from_bytes(successor.digest.as_bytes().to_vec()),
            successor,
            access: None,
            rotated: self.event(Action::TokenRefreshed),
            reused: self.event(Action::TokenReused),
        }
    }
}

async fn a_refresh_token_that_stays_gives_no_more_than_was_asked_for(stage: Stage) {
    let (here, (grant, refresh, _)) = (&stage.nodes[0], stage.granted().await);
    for extent in [Extent::default(), Extent::of_resources(vec!["https://api.example".to_owned()])] {
        let access = StoredAccessToken { grant: grant.id, extent, ..stage.grant(None).2 };
        let event = stage.event(Action::TokenRefreshed);
        assert!(here.tokens.keep(&refresh.digest, later(100), Some(&access), &event, now()).await.unwrap());
        let (kept, _) = here.tokens.access_token(&access.digest, now()).await.unwrap().unwrap();
        assert_eq!(kept.extent, access.extent, "without its servers it would be one for us");
    }
}

async fn a_refresh_token_is_used_once_and_given_again_for_a_moment(stage: Stage) {
    let (grant, refresh, _) = stage.granted().await;
    let mut tasks = JoinSet::new();
    for n in 0..32 {
        let (node, presented) = (stage.node(n), stage.presented(refresh.digest, grant.id));
        tasks.spawn(
            async move { (presented.successor.digest, node.tokens.rotate(&presented, later(1)).await.unwrap()) },
        );
    }
    let rotations = tasks.join_all().await;
    let rotated: Vec<_> = rotations
        .iter()
        .filter_map(|(successor, rotation)| {
            matches!(rotation, Rotation::Rotated(of) if *of == grant).then_some(successor)
        })
        .collect();
    assert_eq!(rotated.len(), 1);
    let again = rotations.iter().filter(
        |(_, rotation)| matches!(rotation, Rotation::Again(_, sealed) if sealed.as_bytes() == rotated[0].as_bytes()),
    );
    assert_eq!(again.count(), 31, "everyone else is given the same successor");
    assert_eq!(stage.count("SELECT COUNT(*) FROM refresh_token WHERE used_at IS NULL").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'token.refreshed'").await, 1);
    let next = stage.presented(*rotated[0], grant.id);
    assert!(matches!(stage.nodes[1].tokens.rotate(&next, later(2)).await.unwrap(), Rotation::Rotated(_)));
}

async fn a_reused_refresh_token_ends_its_grant(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (grant, refresh, access) = stage.granted().await;
    let first = stage.presented(refresh.digest, grant.id);
    assert!(matches!(here.tokens.rotate(&first, now()).await.unwrap(), Rotation::Rotated(_)));
    let thief = stage.presented(refresh.digest, grant.id);
    let late = now() + REUSE_GRACE;
    assert!(matches!(there.tokens.rotate(&thief, late).await.unwrap(), Rotation::Reused(of) if of.id == grant.id));
    let next = stage.presented(first.successor.digest, grant.id);
    assert!(matches!(here.tokens.rotate(&next, late).await.unwrap(), Rotation::Invalid));
    assert!(here.tokens.access_token(&access.digest, now()).await.unwrap().is_none());
    assert!(here.tokens.active_grant(grant.id).await.unwrap().is_none());
    assert!(matches!(there.tokens.rotate(&thief, late).await.unwrap(), Rotation::Invalid));
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'token.reused'").await, 1);
}

async fn an_unknown_or_expired_refresh_token_changes_nothing(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (grant, refresh, _) = stage.granted().await;
    let rotate = async |digest, at| here.tokens.rotate(&stage.presented(digest, grant.id), at).await.unwrap();
    assert!(matches!(rotate(Digest::of(b"unknown"), later(1)).await, Rotation::Invalid));
    assert!(matches!(rotate(refresh.digest, refresh.expires_at).await, Rotation::Invalid));
    assert!(matches!(rotate(refresh.digest, later(1)).await, Rotation::Rotated(_)));
    assert!(here.tokens.active_grant(grant.id).await.unwrap().is_some());
}

async fn a_revoked_token_is_not_found(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (grant, refresh, access) = stage.granted().await;
    let (token, of) = there.tokens.access_token(&access.digest, now()).await.unwrap().unwrap();
    assert_eq!((token.scope, token.expires_at, of), (access.scope.clone(), access.expires_at, grant.clone()));
    assert!(there.tokens.access_token(&access.digest, access.expires_at).await.unwrap().is_none());
    let event = || stage.event(Action::TokenRevoked);
    assert!(here.tokens.revoke_access_token(&access.digest, &event()).await.unwrap());
    assert!(!here.tokens.revoke_access_token(&access.digest, &event()).await.unwrap());
    assert!(there.tokens.access_token(&access.digest, now()).await.unwrap().is_none());

    assert_eq!(here.tokens.active_grant_of_jwt(grant.id, "jti").await.unwrap(), Some(grant.clone()));
    assert!(here.tokens.revoke_jwt("jti", later(300), &event()).await.unwrap());
    assert!(!here.tokens.revoke_jwt("jti", later(300), &event()).await.unwrap());
    assert_eq!(there.tokens.active_grant_of_jwt(grant.id, "jti").await.unwrap(), None);
    assert!(there.tokens.active_grant_of_jwt(grant.id, "another").await.unwrap().is_some());

    assert_eq!(there.tokens.refresh_token(&refresh.digest).await.unwrap().unwrap().1, grant);
    here.tokens.add_access_token(&access, &stage.event(Action::TokenRefreshed)).await.unwrap();
    assert!(here.tokens.revoke_grant(grant.id, &event(), later(1)).await.unwrap());
    assert!(!there.tokens.revoke_grant(grant.id, &event(), later(1)).await.unwrap());
    assert!(there.tokens.refresh_token(&refresh.digest).await.unwrap().is_none());
    assert!(there.tokens.access_token(&access.digest, now()).await.unwrap().is_none());
    assert!(there.tokens.active_grant_of_jwt(grant.id, "another").await.unwrap().is_none());
    let presented = stage.presented(refresh.digest, grant.id);
    assert!(matches!(there.tokens.rotate(&presented, later(1)).await.unwrap(), Rotation::Invalid));
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'token.revoked'").await, 3);
}

async fn ended_tokens_are_purged(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (_, refresh, access) = stage.granted().await;
    here.tokens.revoke_jwt("jti", later(300), &stage.event(Action::TokenRevoked)).await.unwrap();
    assert_eq!(here.tokens.purge(now(), 100).await.unwrap(), 0);
    assert_eq!(here.tokens.purge(access.expires_at, 100).await.unwrap(), 2);
    assert_eq!(here.tokens.purge(refresh.expires_at, 100).await.unwrap(), 0, "its reuse would still be noticed");
    assert_eq!(here.tokens.purge(refresh.absolute_expires_at, 100).await.unwrap(), 1);
}
