//! Mutual TLS [RFC 8705]: clients that are known by a certificate, and tokens that are worth nothing without one.

mod aliases;
mod authentication;
mod bound_tokens;
mod proxies;
mod questions;
mod registration;

use nod::domain::client::GrantType;
use nod::protocol::client_certificate::CertificateSubject;

use crate::world::{Authority, Client, ClientBuilder, Identity, World, named};

pub(super) const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// A server with an authority, and somebody whom it vouches for.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) authority: Authority,
    pub(super) identity: Identity,
}

impl Scene {
    pub(super) async fn begin() -> Self {
        let authority = Authority::new("Ours");
        let world = World::with().mutual_tls(&authority).settings(|settings| settings.failed_authentications = 1000);
        let identity = authority.issues(&named("robot"));
        Self { world: world.start().await, authority, identity }
    }

    /// A client that gets tokens without a person: the shortest way to try a certificate.
    pub(super) fn robot(&self) -> ClientBuilder {
        self.world.client("robot").grants([GrantType::ClientCredentials]).scope("reports")
    }

    /// The same, known by its name in [`Scene::identity`].
    pub(super) async fn named_robot(&self) -> Client {
        self.robot().tls_client_auth(CertificateSubject::dn("CN=robot")).await
    }

    /// Whoever shows this is the robot.
    pub(super) async fn accepts(&self, identity: &Identity, what: &str) {
        let answer = self.world.showing(identity).token("robot", &OWN).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    }

    /// Whoever shows this is not, and nothing has happened.
    pub(super) async fn refuses(&self, identity: Option<&Identity>, what: &str) {
        let watch = self.world.watch().await;
        let answer = self.world.caller(identity).token("robot", &OWN).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        answer.refused(401, "invalid_client");
        watch.only_a_refusal(what).await;
    }
}
