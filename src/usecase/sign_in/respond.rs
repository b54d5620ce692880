//! The answer of the authorization endpoint, as its mode wants it carried: where it is a JWT, signed, and encrypted
//! for whoever wants that.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::client::Client;
use crate::entropy::Entropy;
use crate::outbound::jwks::JwksError;
use crate::protocol::authorization_request::Destination;
use crate::protocol::authorization_response::{AuthorizationResponse, Carrier, JWT_LIFETIME, JWT_TYP};
use crate::protocol::encryption::{ContentEncryption, Encryption};
use crate::protocol::error::Refusal;
use crate::protocol::id::SessionToken;
use crate::protocol::jwt::{EncryptionKey, JwtError, KeySet};
use crate::protocol::session_state::BrowserState;
use crate::store::ephemeral::StoreError;
use crate::usecase::Error;
use crate::usecase::authenticate_client::{ClientKeys, NotTheClients};
use crate::usecase::signing_keys::KeyRing;

pub struct Respond {
    pub keys: Arc<KeyRing>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub issuer: String,
    /// Whom answers are encrypted for.
    pub clients: Arc<ClientKeys>,
    /// Each answer that signs somebody in has a `session_state`.
    pub session_management: bool,
}

impl Respond {
    /// The answer of somebody who is signed in in this session [OIDC Session §3.1].
    pub async fn signed_in(
        &self,
        client: &Arc<Client>,
        destination: &Destination,
        response: AuthorizationResponse,
        session: Option<&SessionToken>,
    ) -> Result<Carrier, Error> {
        let state = session.filter(|_| self.session_management).map(BrowserState::of);
        let told = state.and_then(|state| state.told(&client.id, &destination.redirect_uri, self.entropy.bytes()));
        let response = match told {
            Some(told) => response.with("session_state", told),
            None => response,
        };
        self.carried(client, destination, response).await
    }

    /// Whether there is a key for the answer, where it needs one. Asked before anything is used up for it.
    pub async fn ready(&self, client: &Arc<Client>, destination: &Destination) -> Result<(), Error> {
        self.sealed_for(client, destination).await.map(|_| ())
    }

    /// One that cannot be encrypted goes nowhere: not in the clear.
    pub async fn carried(
        &self,
        client: &Arc<Client>,
        destination: &Destination,
        response: AuthorizationResponse,
    ) -> Result<Carrier, Error> {
        if !destination.mode.is_jwt() {
            return Ok(response.carried(destination, &self.issuer));
        }
        let registered = client.sign_in.as_ref().and_then(|sign_in| sign_in.authorization_signed_response_alg);
        let alg = registered.unwrap_or(client.id_token_signed_response_alg);
        let expires_at = self.clock.now() + JWT_LIFETIME;
        let claims = response.claims(destination, &self.issuer, &client.id, expires_at);
        let jwt = self.keys.sign_with(alg, JWT_TYP, &claims)?;
        // [JARM §2.2] signed, then encrypted.
        let jwt = match self.sealed_for(client, destination).await? {
            Some((key, enc)) => key.encrypt(&jwt, enc).map_err(StoreError::unavailable)?,
            None => jwt,
        };
        Ok(AuthorizationResponse::in_jwt(&jwt, destination))
    }

    async fn sealed_for(
        &self,
        client: &Arc<Client>,
        destination: &Destination,
    ) -> Result<Option<(EncryptionKey, ContentEncryption)>, Error> {
        let wanted = client.sign_in.as_ref().and_then(|sign_in| sign_in.authorization_encrypted_response);
        let Some(Encryption { alg, enc }) = wanted.filter(|_| destination.mode.is_jwt()) else { return Ok(None) };
        let none = "The application has no key that its answer could be encrypted for.";
        let source = client.keys().ok_or(Refusal::invalid_request(none))?;
        let find = |keys: &KeySet| keys.encryption_key(alg).ok_or(JwtError::UnknownKey);
        match self.clients.verify(client, source, self.clock.now(), find).await {
            Ok(key) => Ok(Some((key, enc))),
            // What the client has to say may be there the next time.
            Err(NotTheClients::Fetched(JwksError::Fetch(error))) => Err(StoreError::unavailable(error).into()),
            Err(error) => Err(Refusal::invalid_request(none).because(error.to_string()).into()),
        }
    }
}
