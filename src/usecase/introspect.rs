//! What is behind an access or refresh token (RFC 7662), for its own client; and the check that
//! `UserInfo` makes.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::domain::client::{Client, GrantType};
use crate::domain::grant::Grant;
use crate::domain::subject::Subjects;
use crate::domain::user::User;
use crate::protocol::access_token::{AT_JWT, AccessTokenClaims};
use crate::protocol::claims_request::ClaimsRequest;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::id::{ClientId, GrantId, OpaqueAccessToken, RefreshToken, SessionId};
use crate::protocol::id_token::Fresh;
use crate::protocol::jwt::{Audience, Unverified, Verified};
use crate::protocol::scope::Scope;
use crate::protocol::token_exchange::Actor;
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::store::sql::tokens::{IdTokenOf, Tokens};
use crate::usecase::signing_keys::KeyRing;

pub struct Introspect {
    pub tokens: Tokens,
    pub directory: Arc<Directory>,
    pub keys: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub clock: Arc<dyn Clock>,
    pub issuer: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Access,
    Refresh,
}

/// A token that is good for something now.
#[derive(Clone, Debug)]
pub struct Active {
    pub kind: Kind,
    pub client: Arc<Client>,
    /// Who approved, and what came of it. `None` for a client's own token.
    pub person: Option<(Grant, Arc<User>)>,
    pub scope: Scope,
    /// Of an access token: whom it is for. Of a refresh token: whom access tokens may be for.
    pub audience: Audience,
    pub details: Vec<Value>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The `jti` of a JWT.
    pub jti: Option<String>,
    /// What its holder has to show besides it.
    pub bound_to: Option<Confirmation>,
    /// Who acts for the person.
    pub act: Option<Actor>,
}

impl Active {
    /// [RFC 7662 §4] a client learns nothing about the tokens of others, but of access tokens that it may be shown.
    pub fn is_told_to(&self, client: &Client, issuer: &str) -> bool {
        self.client.id == client.id || (self.kind == Kind::Access && client.is_meant_by(&self.audience, issuer))
    }

    /// Claims that were asked for one by one [OIDCC §5.5], if this token is for all that its client has been given. One
    /// that was narrowed [RFC 6749 §6], or exchanged for another [RFC 8693], is good for its scope alone.
    pub fn single_claims(&self) -> Option<&ClaimsRequest> {
        let (grant, _) = self.person.as_ref()?;
        let asked = &grant.extent.claims;
        // Most are for none, and nobody looks further.
        if asked.userinfo.is_empty() || grant.client != self.client.id || self.act.is_some() {
            return None;
        }
        let left = grant.scope.within(&self.client.scope);
        left.is_some_and(|left| left.is_within(&self.scope)).then_some(asked)
    }
}

/// An access token that we gave.
#[derive(Clone, Debug)]
pub struct Found {
    pub client: ClientId,
    /// `None` for a client's own token.
    pub grant: Option<Grant>,
    pub scope: Scope,
    pub audience: Audience,
    pub details: Vec<Value>,
    /// Issued, expires.
    pub times: (Timestamp, Timestamp),
    /// The `jti` of a JWT.
    pub jti: Option<String>,
    pub bound_to: Option<Confirmation>,
    pub act: Option<Actor>,
}

impl Introspect {
    /// `None` for everything that is not active: unknown, expired, revoked, of a locked user.
    #[tracing::instrument(level = "debug", name = "introspect", skip_all)]
    pub async fn introspect(&self, token: &str) -> Result<Option<Active>, StoreError> {
        if let Some(active) = self.access(token).await? {
            return Ok(Some(active));
        }
        let now = self.clock.now();
        let digest = RefreshToken::presented(token).digest();
        let Some((row, grant)) = self.tokens.live_refresh_token(&digest, now).await? else { return Ok(None) };
        let found = Found {
            client: grant.client.clone(),
            scope: grant.scope.clone(),
            audience: grant.extent.audience(&self.issuer),
            details: grant.extent.details.values(),
            times: (row.issued_at, row.expires_at),
            jti: None,
            bound_to: grant.bound_to,
            act: None,
            grant: Some(grant),
        };
        self.active(Kind::Refresh, found).await
    }

    /// `sub`: the person, as the client of the token knows them, or that client itself.
    pub fn subject(&self, active: &Active) -> String {
        let client = &active.client;
        active.person.as_ref().map_or_else(|| client.id.to_string(), |(grant, _)| self.subjects.of(client, grant.user))
    }

    /// An active access token for this server: what was given for others alone opens nothing here [RFC 8707 §2].
    pub async fn here(&self, token: &str) -> Result<Option<Active>, StoreError> {
        Ok(self.access(token).await?.filter(|active| active.audience.contains(&self.issuer)))
    }

    /// An ID token that has not expired, and the grant that it was given under.
    pub async fn id_token(&self, token: &str, now: Timestamp) -> Result<Option<Active>, StoreError> {
        let Ok(token) = Unverified::parse(token) else { return Ok(None) };
        let Ok(claims) = self.keys.verify::<Fresh>(&token, Fresh::TYP).map(Verified::into_claims) else {
            return Ok(None);
        };
        let Some((client, expires_at)) = claims.client(&self.issuer, now) else { return Ok(None) };
        let Some(audience) = self.enabled(&client).await? else { return Ok(None) };
        let Some(user) = self.subjects.user(&audience, &claims.sub) else { return Ok(None) };
        let Ok(session) = claims.sid.as_deref().map(str::parse::<SessionId>).transpose() else { return Ok(None) };
        let issued_at = claims.iat.timestamp();
        let authenticated_at = claims.auth_time.timestamp();
        let of = IdTokenOf { user, client: &client, session, authenticated_at, issued_at };
        let Some(grant) = self.tokens.grant_behind(&of).await? else { return Ok(None) };
        let found = Found {
            client,
            scope: grant.scope.clone(),
            times: (issued_at, expires_at),
            jti: None,
            bound_to: None,
            audience: grant.extent.audience(&self.issuer),
            details: grant.extent.details.values(),
            act: None,
            grant: Some(grant),
        };
        self.active(Kind::Access, found).await
    }

    /// An active access token. What it is bound to is for the caller to look at.
    pub async fn access(&self, token: &str) -> Result<Option<Active>, StoreError> {
        match self.find_access(token).await? {
            Some(found) => self.active(Kind::Access, found).await,
            None => Ok(None),
        }
    }

    /// An access token that has neither expired nor been revoked, whoever its user and its client are
    /// now: what can be revoked.
    pub async fn find_access(&self, token: &str) -> Result<Option<Found>, StoreError> {
        let now = self.clock.now();
        if token.contains('.') {
            return self.jwt(token, now).await;
        }
        let digest = OpaqueAccessToken::presented(token).digest();
        let found = self.tokens.access_token(&digest, now).await?;
        Ok(found.map(|(row, grant)| Found {
            client: grant.client.clone(),
            grant: Some(grant),
            scope: row.scope,
            audience: row.extent.audience(&self.issuer),
            details: row.extent.details.values(),
            times: (row.issued_at, row.expires_at),
            jti: None,
            bound_to: row.bound_to,
            act: None,
        }))
    }

    async fn jwt(&self, token: &str, now: Timestamp) -> Result<Option<Found>, StoreError> {
        let Ok(token) = Unverified::parse(token) else { return Ok(None) };
        let verified = self.keys.verify::<AccessTokenClaims>(&token, AT_JWT);
        let Ok(claims) = verified.map(Verified::into_claims) else { return Ok(None) };
        let expires_at = Timestamp::from_seconds(claims.exp);
        let (Some(client), Some(scope)) = (ClientId::parse(&claims.client_id), Scope::parse(&claims.scope)) else {
            return Ok(None);
        };
        if claims.iss != self.issuer || expires_at <= now {
            return Ok(None);
        }
        let grant = match &claims.approved {
            Some(approved) => {
                let Ok(grant) = approved.grant.parse::<GrantId>() else { return Ok(None) };
                let Some(grant) = self.tokens.active_grant_of_jwt(grant, &claims.jti).await? else { return Ok(None) };
                Some(grant)
            }
            None if self.tokens.is_revoked(&claims.jti).await? => return Ok(None),
            None => None,
        };
        let times = (Timestamp::from_seconds(claims.iat), expires_at);
        let (audience, details) = (claims.aud, claims.authorization_details);
        let (jti, bound_to, act) = (Some(claims.jti), claims.cnf, claims.act);
        Ok(Some(Found { client, grant, scope, audience, details, times, jti, bound_to, act }))
    }

    /// What the token hangs on must stand as well: its user, its client, and whose grant it is, where that is
    /// another one [RFC 8693].
    async fn active(&self, kind: Kind, found: Found) -> Result<Option<Active>, StoreError> {
        let Found { client, grant, scope, audience, details, times: (issued_at, expires_at), jti, bound_to, act } =
            found;
        let Some(client) = self.enabled(&client).await? else { return Ok(None) };
        let person = match grant {
            Some(grant) => {
                let user = self.directory.user(&grant.user).await?.filter(|user| user.is_active());
                let Some(user) = user else { return Ok(None) };
                if grant.client != client.id && self.enabled(&grant.client).await?.is_none() {
                    return Ok(None);
                }
                Some((grant, user))
            }
            // Nothing else ties it to this client and to no later one of its name.
            None if !client.may(GrantType::ClientCredentials) || issued_at.seconds() < client.created_at.seconds() => {
                return Ok(None);
            }
            None => None,
        };
        Ok(Some(Active { kind, client, person, scope, audience, details, issued_at, expires_at, jti, bound_to, act }))
    }

    async fn enabled(&self, client: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(self.directory.client(client).await?.filter(|client| !client.disabled))
    }
}
