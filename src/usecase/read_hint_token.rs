//! Whom a `login_hint_token` names [CIBA §7.1], if it is of the client itself or of somebody whom the operator trusts.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::protocol::client_assertion::OurNames;
use crate::protocol::error::Refusal;
use crate::protocol::jwt::{JwtError, KeySet, Unverified, Verified};
use crate::protocol::login_hint_token::{self, Accepted, LoginHintToken, MAX_BYTES, Once, TYP, refused};
use crate::protocol::trusted_issuers::TrustedIssuers;
use crate::store::ephemeral::Replay;
use crate::usecase::Error;
use crate::usecase::authenticate_client::{AuthenticatedClient, ClientKeys};

pub struct ReadHintToken {
    pub keys: Arc<ClientKeys>,
    /// Who may say whom to ask, besides the client.
    pub trusted: TrustedIssuers,
    pub replay: Replay,
    pub issuer: String,
    /// What one may name as its audience: the issuer, and where questions are asked.
    pub audiences: Vec<String>,
}

impl ReadHintToken {
    pub async fn read(&self, client: &AuthenticatedClient, text: &str, now: Timestamp) -> Result<Accepted, Refusal> {
        let unreadable = |error: JwtError| refused(error.to_string());
        let token = Unverified::parse_within(text, MAX_BYTES).map_err(unreadable)?;
        let demands = client.demands();
        if !demands.allows(token.algorithm()) {
            return Err(refused("not an algorithm of the security profile"));
        }
        let own = token.untrusted_party().map_err(unreadable)?.iss.as_deref() == Some(client.id.as_str());
        let verified = if own {
            self.verify_own(client, &token, now).await?
        } else {
            self.trusted.verify(&token, TYP).map_err(|error| refused(error.to_string()))?
        };
        let names =
            if demands.issuer_as_audience { OurNames::Alone(&self.issuer) } else { OurNames::AnyOf(&self.audiences) };
        login_hint_token::accept(verified, &client.id, (&self.issuer, names), now)
    }

    async fn verify_own(
        &self,
        client: &AuthenticatedClient,
        token: &Unverified<'_>,
        now: Timestamp,
    ) -> Result<Verified<LoginHintToken>, Refusal> {
        let source = client.keys().ok_or_else(|| refused("the client has no keys that it could be verified with"))?;
        let verify = |keys: &KeySet| keys.verify::<LoginHintToken>(token, token.algorithm(), TYP);
        let verified = self.keys.verify(client.shared(), source, now, verify).await;
        verified.map_err(|error| refused(error.to_string()))
    }

    /// Last, so that what is good for nothing leaves no mark.
    pub async fn hear(&self, once: &Once, now: Timestamp) -> Result<(), Error> {
        let lifetime = once.until.since(now);
        if self.replay.first_use(once.issuer.as_bytes(), once.jti.as_bytes(), lifetime).await? {
            Ok(())
        } else {
            Err(refused("jti was used before").into())
        }
    }
}
