//! A client says what it wants before it sends the browser [RFC 9126]: nobody in between can read or change it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::pushed_request::{LIFETIME, PushedRequest, REQUEST_URI};
use crate::entropy::Entropy;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::dpop;
use crate::protocol::id::PushedRequestId;
use crate::protocol::jwt::Thumbprint;
use crate::protocol::parameters::Parameters;
use crate::secret::Secret;
use crate::store::ephemeral::Shelf;
use crate::store::sql::directory::Directory;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::sign_in::authorize::destination;
use crate::usecase::sign_in::read_request::ReadRequest;

pub struct Push {
    pub read: Arc<ReadRequest>,
    pub pushed: Shelf<PushedRequest>,
    pub directory: Arc<Directory>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// [RFC 9126 §2.2]
#[derive(Debug)]
pub struct Acknowledged {
    pub request_uri: Secret<String>,
    pub expires_in: Duration,
}

/// What the client proved itself with: not for the browser's request.
const USED_UP: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

impl Push {
    #[tracing::instrument(level = "debug", name = "push_authorization_request", skip_all)]
    pub async fn push(
        &self,
        client: &AuthenticatedClient,
        parameters: &Parameters,
        key: Option<Thumbprint>,
    ) -> Result<Acknowledged, Error> {
        let now = self.clock.now();
        let read = self.read.pushed(client.shared(), parameters, now).await?;
        let parameters = read.as_ref().unwrap_or(parameters);
        // [RFC 9126 §2.1] judged as the authorization endpoint will: here, the client is told.
        let sign_on = self.directory.sign_on().await?;
        let permitted = self.read.permitted(client, &sign_on)?;
        let request = AuthorizationRequest::parse(parameters, destination(client, parameters)?, &permitted)?;
        client.demands().met_by(&request)?;
        let key = dpop::one_key(request.dpop_jkt, key)?;
        let bound = key.filter(|_| request.dpop_jkt.is_none()).map(|key| key.to_string());
        let kept = parameters.iter().filter(|(name, _)| !USED_UP.contains(name));
        let kept = kept.chain(bound.iter().map(|key| ("dpop_jkt", key.as_str())));
        let request = PushedRequest {
            client: client.id.clone(),
            parameters: kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            expires_at: now + LIFETIME,
            used: false,
        };
        let id = PushedRequestId::new(self.entropy.token());
        self.pushed.insert(&id.digest(), &request, LIFETIME).await?;
        let request_uri = Secret::new(format!("{REQUEST_URI}{}", id.expose()));
        Ok(Acknowledged { request_uri, expires_in: LIFETIME })
    }
}
