//! A client gives a token back (RFC 7009), or withdraws a question.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::entropy::Entropy;
use crate::protocol::id::{AuthReqId, OpaqueAccessToken};
use crate::store::sql::tokens::Tokens;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::cancel::Cancel;
use crate::usecase::introspect::{Introspect, Kind};

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
    pub async fn revoke(&self, client: &AuthenticatedClient, token: &str, hint: Option<&str>) -> Result<(), Error> {
        let now = self.clock.now();
        let as_request = AuthReqId::presented(token);
        if hint == Some(AUTH_REQ_ID) && self.cancel.cancel(client, &as_request).await? {
            return Ok(());
        }
        if let Some(active) = self.introspect.introspect(token).await? {
            if active.grant.client != client.id {
                return Ok(());
            }
            let event =
                Event::new(self.entropy.uuid(), now, Action::TokenRevoked).client(&client.id).user(active.grant.user);
            match (active.kind, active.jti) {
                // [RFC 7009 §2.1] with a refresh token, the whole grant ends.
                (Kind::Refresh, _) => self.tokens.revoke_grant(active.grant.id, &event, now).await?,
                (Kind::Access, Some(jti)) => self.tokens.revoke_jwt(&jti, active.expires_at, &event).await?,
                (Kind::Access, None) => {
                    self.tokens.revoke_access_token(&OpaqueAccessToken::presented(token).digest(), &event).await?
                }
            };
            return Ok(());
        }
        // The hint is only a hint.
        if hint != Some(AUTH_REQ_ID) {
            self.cancel.cancel(client, &as_request).await?;
        }
        Ok(())
    }
}
