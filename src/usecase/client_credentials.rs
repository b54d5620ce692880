//! A client asks for itself, without a person [RFC 6749 §4.4].

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::client::GrantType;
use crate::entropy::Entropy;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::extent::Extent;
use crate::protocol::parameters::Parameters;
use crate::protocol::resource;
use crate::protocol::scope::Scope;
use crate::store::sql::ledger::Ledger;
use crate::usecase::Error;
use crate::usecase::authenticate_client::{AuthenticatedClient, not_registered};
use crate::usecase::issue::{Issue, TokenResponse};

pub struct ClientCredentials {
    pub issue: Arc<Issue>,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Scopes that speak of a person: there is none.
const OF_A_PERSON: [&str; 3] = [Scope::OPENID, "profile", "email"];

impl ClientCredentials {
    pub async fn grant(
        &self,
        client: &AuthenticatedClient,
        parameters: &Parameters,
        bound_to: Option<Confirmation>,
    ) -> Result<TokenResponse, Error> {
        let now = self.clock.now();
        // [RFC 6749 §4.4] "MUST only be used by confidential clients".
        if client.is_public() {
            return Err(not_registered(GrantType::ClientCredentials).into());
        }
        client.needs(GrantType::ClientCredentials)?;
        let registered = client.scope.only(|name| !OF_A_PERSON.contains(&name));
        let scope = Scope::asked(parameters.get("scope"), registered).ok_or(Refusal::new(
            ErrorCode::InvalidScope,
            "A scope is unknown, not for this client, or speaks of a person.",
        ))?;
        let may_reach = |uri: &str| client.may_reach(uri, &self.issue.issuer);
        let extent = Extent::of_resources(resource::asked(parameters, may_reach)?);
        if parameters.contains("authorization_details") {
            let told = "authorization_details are for a person to agree to.";
            return Err(Refusal::new(ErrorCode::InvalidAuthorizationDetails, told).into());
        }
        let tokens = self.issue.mint_for_client(client, (&scope, &extent), bound_to, now)?;
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::TokenIssued).client(&client.id);
        self.ledger.audit(event).await;
        Ok(tokens)
    }
}
