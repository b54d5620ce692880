//! A client gives a token back (RFC 7009), or withdraws a question.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::entropy::Entropy;
use crate::protocol::id::{AuthReqId, OpaqueAccessToken, RefreshToken};
use crate::store::sql::tokens::Tokens;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::cancel::Cancel;
use crate::usecase::introspect::Introspect;

pub struct Revoke {
    pub introspect: Arc<Introspect>,
    pub cancel: Cancel,
    pub tokens: Tokens,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// `token_type_hint` for an `auth_req_id`: ours, registered nowhere.
pub const AUTH_REQ_ID: &str = "auth_req_id";

impl Revoke {
    /// [RFC 7009 §2.2] an unknown or foreign token is no error, and nothing happens to it.
    #[tracing::instrument(level = "debug", name = "revoke", skip_all)]
    pub async fn revoke(&self, client: &AuthenticatedClient, token: &str, hint: Option<&str>) -> Result<(), Error> {
        let now = self.clock.now();
        let as_request = AuthReqId::presented(token);
        if hint == Some(AUTH_REQ_ID) && self.cancel.cancel(client, &as_request).await? {
            return Ok(());
        }
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::TokenRevoked).client(&client.id);
        // A used one too: whoever holds it wants the grant to end.
        if let Some((_, grant)) = self.tokens.refresh_token(&RefreshToken::presented(token).digest()).await? {
            if grant.client == client.id {
                // [RFC 7009 §2.1] with a refresh token, the whole grant ends.
                self.tokens.revoke_grant(grant.id, &event.user(grant.user), now).await?;
            }
            return Ok(());
        }
        if let Some(found) = self.introspect.find_access(token).await? {
            let event = match &found.grant {
                Some(grant) => event.user(grant.user),
                None => event,
            };
            match found.jti {
                _ if found.client != client.id => {}
                Some(jti) => {
                    self.tokens.revoke_jwt(&jti, found.times.1, &event).await?;
                }
                None => {
                    let digest = OpaqueAccessToken::presented(token).digest();
                    self.tokens.revoke_access_token(&digest, &event).await?;
                }
            }
            return Ok(());
        }
        // The hint is only a hint.
        if hint != Some(AUTH_REQ_ID) {
            self.cancel.cancel(client, &as_request).await?;
        }
        Ok(())
    }
}
