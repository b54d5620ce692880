//! A token for another one [RFC 8693]: of the same person, for another service, by whoever acts for them.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::{Client, GrantType, TokenExchange as Registered};
use crate::entropy::Entropy;
use crate::protocol::admin_scope::is_administrative;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::jwt::Audience;
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;
use crate::protocol::token_exchange::{Actor, Given, GivenKind, TokenExchange};
use crate::store::ephemeral::StoreError;
use crate::store::sql::ledger::Ledger;
use crate::usecase::Error;
use crate::usecase::authenticate_client::{AuthenticatedClient, not_registered};
use crate::usecase::introspect::{Active, Introspect};
use crate::usecase::issue::{Exchanged, Issue, TokenResponse};

/// Longer chains of those who act for each other have come from a circle.
const MOST_ACTORS: usize = 4;

pub struct ExchangeToken {
    pub introspect: Arc<Introspect>,
    pub issue: Arc<Issue>,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// [RFC 8693 §1.1, §4.4] its own client's, one that it is for, or one whose client names this one.
fn may_be_exchanged_by(token: &Active, client: &Client, issuer: &str) -> bool {
    token.client.id == client.id
        || client.is_meant_by(&token.audience, issuer)
        || token.client.may_act.as_ref() == Some(&client.id)
}

/// Whoever has stolen a bound token does not get rid of its key here.
fn is_held_by(token: &Active, bound_to: Option<Confirmation>) -> bool {
    token.bound_to.is_none() || token.bound_to == bound_to
}

impl ExchangeToken {
    #[tracing::instrument(level = "debug", name = "exchange_token", skip_all)]
    pub async fn exchange(
        &self,
        client: &AuthenticatedClient,
        parameters: &Parameters,
        bound_to: Option<Confirmation>,
    ) -> Result<TokenResponse, Error> {
        let Some(registered) = client.token_exchange.as_ref().filter(|_| !client.is_public()) else {
            return Err(not_registered(GrantType::TokenExchange).into());
        };
        let now = self.clock.now();
        let asked = TokenExchange::parse(parameters)?;
        let subject = self.active(&asked.subject, now).await?;
        let mine = |token: &Active| may_be_exchanged_by(token, client, &self.issue.issuer);
        let subject = subject.filter(|token| mine(token) && is_held_by(token, bound_to));
        // [RFC 8693 §2.2.2] invalid_request, whatever is wrong with the token: one text for all.
        let unacceptable = |which| Refusal::invalid_request(which).because("unknown, ended, or not for this client");
        let subject = subject.ok_or_else(|| unacceptable("The subject_token is not valid, or not for this client."))?;
        // A client's own token hangs on no grant that could end what comes of it.
        let person = subject.person.as_ref().ok_or(Refusal::invalid_request("The subject_token is no person's."))?;
        let (grant, _) = person;
        let actor = match &asked.actor {
            None => None,
            Some(actor) => {
                let token = self.active(actor, now).await?;
                let own = token.filter(|token| token.client.id == client.id && is_held_by(token, bound_to));
                Some(own.ok_or_else(|| unacceptable("The actor_token is not valid, or not for this client."))?)
            }
        };
        let act = acting(client, registered, &subject, actor.as_ref().map(|actor| self.introspect.subject(actor)))?;
        let scope = narrowed(client, &subject.scope, asked.scope)?;
        let exchanged = Exchanged {
            grant,
            scope,
            // What was for another server does not become good for us.
            audience: match target(registered, asked.target)? {
                Some(audience) => audience,
                None => self.same(registered, &asked.subject, &subject.audience)?,
            },
            act,
            bound_to,
            expires_at: subject.expires_at,
            issued: asked.issued,
        };
        let response = self.issue.mint_exchanged(client, exchanged, now)?;
        let event =
            Event::new(self.entropy.ordered_uuid(now), now, Action::TokenExchanged).client(&client.id).user(grant.user);
        self.ledger.audit(event).await;
        Ok(response)
    }

    /// Whom the new token is for when nobody is named. An ID token is good at no server: what was granted with it
    /// is the client's to have only as far as it may name it.
    fn same(&self, registered: &Registered, given: &Given<'_>, audience: &Audience) -> Result<Audience, Refusal> {
        let may_have =
            |one: &str| one == self.issue.issuer || registered.audiences.iter().any(|audience| audience == one);
        match given.kind {
            GivenKind::Access => Ok(audience.clone()),
            GivenKind::Id if audience.iter().all(may_have) => Ok(audience.clone()),
            GivenKind::Id => {
                Err(Refusal::new(ErrorCode::InvalidTarget, "The client may not have tokens for what was granted."))
            }
        }
    }

    async fn active(&self, given: &Given<'_>, now: Timestamp) -> Result<Option<Active>, StoreError> {
        match given.kind {
            GivenKind::Access => self.introspect.access(given.token).await,
            GivenKind::Id => self.introspect.id_token(given.token, now).await,
        }
    }
}

/// [RFC 8693 §1.1] the token says who acts, unless the client may act as if it were the person.
fn acting(
    client: &Client,
    registered: &Registered,
    subject: &Active,
    actor: Option<String>,
) -> Result<Option<Actor>, Refusal> {
    let own = subject.client.id == client.id && subject.act.is_none();
    let act = match actor {
        Some(actor) => Some(Actor::new(actor).after(subject.act.clone())),
        // Nobody acts for anybody where a client narrows a token of its own.
        None if registered.impersonation || own => subject.act.clone(),
        None => Some(Actor::new(client.id.as_str()).after(subject.act.clone())),
    };
    match act {
        Some(act) if act.depth() > MOST_ACTORS => {
            Err(Refusal::invalid_request("Too many act for each other in the subject_token."))
        }
        act => Ok(act),
    }
}

/// It narrows, and never widens: what the subject's token is good for, and what the client may ask for.
fn narrowed(client: &Client, subject: &Scope, asked: Option<&str>) -> Result<Scope, Refusal> {
    let most = subject.within(&client.scope).and_then(|scope| scope.only(|name| !is_administrative(name)));
    Scope::asked(asked, most).ok_or(Refusal::new(
        ErrorCode::InvalidScope,
        "scope goes beyond the subject_token, or what the client may ask.",
    ))
}

fn target(registered: &Registered, target: Option<&str>) -> Result<Option<Audience>, Refusal> {
    match target {
        None => Ok(None),
        Some(target) if registered.audiences.iter().any(|audience| audience == target) => Ok(Some(target.into())),
        Some(_) => {
            Err(Refusal::new(ErrorCode::InvalidTarget, "The client may not have tokens for this audience or resource."))
        }
    }
}
