//! The answer of the authorization endpoint, as its mode wants it carried: where it is a JWT, signed.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::client::Client;
use crate::entropy::Entropy;
use crate::protocol::authorization_request::Destination;
use crate::protocol::authorization_response::{AuthorizationResponse, Carrier, JWT_LIFETIME, JWT_TYP};
use crate::protocol::id::SessionToken;
use crate::protocol::session_state::BrowserState;
use crate::store::ephemeral::StoreError;
use crate::usecase::signing_keys::KeyRing;

pub struct Respond {
    pub keys: Arc<KeyRing>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub issuer: String,
    /// Each answer that signs somebody in has a `session_state`.
    pub session_management: bool,
}

impl Respond {
    /// The answer of somebody who is signed in in this session [OIDC Session §3.1].
    pub fn signed_in(
        &self,
        client: &Client,
        destination: &Destination,
        response: AuthorizationResponse,
        session: Option<&SessionToken>,
    ) -> Result<Carrier, StoreError> {
        let state = session.filter(|_| self.session_management).map(BrowserState::of);
        let told = state.and_then(|state| state.told(&client.id, &destination.redirect_uri, self.entropy.bytes()));
        let response = match told {
            Some(told) => response.with("session_state", told),
            None => response,
        };
        self.carried(client, destination, response)
    }

    pub fn carried(
        &self,
        client: &Client,
        destination: &Destination,
        response: AuthorizationResponse,
    ) -> Result<Carrier, StoreError> {
        if !destination.mode.is_jwt() {
            return Ok(response.carried(destination, &self.issuer));
        }
        let registered = client.sign_in.as_ref().and_then(|sign_in| sign_in.authorization_signed_response_alg);
        let alg = registered.unwrap_or(client.id_token_signed_response_alg);
        let expires_at = self.clock.now() + JWT_LIFETIME;
        let claims = response.claims(destination, &self.issuer, &client.id, expires_at);
        let jwt = self.keys.sign_with(alg, JWT_TYP, &claims)?;
        Ok(AuthorizationResponse::signed(&jwt, destination))
    }
}
