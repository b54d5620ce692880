//! The only place where tokens are made.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::domain::client::{AccessTokenFormat, Client, GrantType};
use crate::domain::grant::{Grant, StoredAccessToken, StoredRefreshToken};
use crate::domain::profile::Profiles;
use crate::domain::subject::Subjects;
use crate::entropy::Entropy;
use crate::protocol::access_token::{AccessTokenClaims, ApprovedClaims, LONGEST, TYP};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::claims_request::ClaimsRequest;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::Refusal;
use crate::protocol::extent::Extent;
use crate::protocol::id::{AuthReqId, OpaqueAccessToken, RefreshToken};
use crate::protocol::id_token::IdTokenClaims;
use crate::protocol::jwt::{Audience, at_hash};
use crate::protocol::scope::Scope;
use crate::protocol::token_exchange::{Actor, TokenType};
use crate::secret::Secret;
use crate::store::ephemeral::StoreError;
use crate::usecase::Error;
use crate::usecase::signing_keys::KeyRing;

pub struct Issue {
    pub issuer: String,
    pub keys: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub entropy: Arc<Entropy>,
    pub lifetimes: Lifetimes,
    pub profiles: Profiles,
}

#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    pub access: Duration,
    pub id: Duration,
    pub refresh_idle: Duration,
    pub refresh_absolute: Duration,
}

/// [RFC 6749 §5.1, OIDC Core §3.1.3.3]
#[derive(Debug)]
pub struct TokenResponse {
    pub access_token: Secret<String>,
    pub token_type: &'static str,
    pub expires_in: Duration,
    /// Absent when no person is involved.
    pub id_token: Option<Secret<String>>,
    pub refresh_token: Option<RefreshToken>,
    pub scope: String,
    /// [RFC 9396 §7]
    pub authorization_details: Vec<Value>,
    /// What an exchange gave [RFC 8693 §2.2.1].
    pub issued: Option<TokenType>,
}

/// What a token was exchanged for.
#[derive(Debug)]
pub struct Exchanged<'a> {
    /// That of the token that was shown: what ends it ends this one too.
    pub grant: &'a Grant,
    pub scope: Scope,
    pub audience: Audience,
    pub act: Option<Actor>,
    pub bound_to: Option<Confirmation>,
    /// Of the token that was shown.
    pub expires_at: Timestamp,
    pub issued: TokenType,
}

/// What the request for tokens brought along, or the one before it.
#[derive(Clone, Debug, Default)]
pub struct Along<'a> {
    /// What the access token is bound to.
    bound_to: Option<Confirmation>,
    /// [CIBA §10.3.1]
    auth_req_id: Option<&'a AuthReqId>,
    /// [OIDCC §3.1.2.1]
    nonce: Option<&'a str>,
    /// [OIDCC §5.5]
    claims: Map<String, Value>,
    /// What the access token is for, where that is less than the grant is.
    less: Option<&'a Extent>,
    /// Of an answer of the authorization endpoint.
    answer: Answer<'a>,
}

/// What an ID token vouches for in the answer that it is part of [OIDCC §3.3.2.11].
#[derive(Clone, Copy, Debug, Default)]
struct Answer<'a> {
    code: Option<&'a str>,
    state: Option<&'a str>,
}

/// What the authorization endpoint itself is to give [OIDCC §3.2.2.5, §3.3.2.5].
#[derive(Debug)]
pub struct InFront<'a> {
    pub response_type: ResponseType,
    pub nonce: Option<&'a str>,
    pub state: Option<&'a str>,
    /// What is given beside it.
    pub code: Option<&'a str>,
    /// What the ID token says of the person.
    pub claims: Map<String, Value>,
}

/// What goes through the browser: no refresh token, and an access token that is good for whoever has it.
#[derive(Debug)]
pub struct MintedInFront {
    pub access_token: Option<Secret<String>>,
    pub expires_in: Duration,
    pub id_token: Option<Secret<String>>,
    pub access_row: Option<StoredAccessToken>,
}

impl<'a> Along<'a> {
    pub fn request(auth_req_id: &'a AuthReqId) -> Self {
        Self { auth_req_id: Some(auth_req_id), ..Self::default() }
    }

    pub fn sign_in(nonce: Option<&'a str>, claims: Map<String, Value>) -> Self {
        Self { nonce, claims, ..Self::default() }
    }

    #[must_use]
    pub fn bound_to(self, bound_to: Option<Confirmation>) -> Self {
        Self { bound_to, ..self }
    }

    #[must_use]
    pub fn for_less(self, less: Option<&'a Extent>) -> Self {
        Self { less, ..self }
    }
}

/// Tokens that are signed but not yet given: what has to be stored first.
#[derive(Debug)]
pub struct Minted {
    pub response: TokenResponse,
    pub refresh_row: Option<StoredRefreshToken>,
    pub access_row: Option<StoredAccessToken>,
}

impl Issue {
    /// How long an access token of this client lives.
    fn access(&self, client: &Client) -> Duration {
        self.lifetimes.access.min(self.profiles.of(client).access_lifetime)
    }

    pub fn mint(&self, client: &Client, grant: &Grant, along: &Along<'_>, now: Timestamp) -> Result<Minted, Error> {
        let refresh = client.may(GrantType::RefreshToken).then(|| {
            let token = RefreshToken::new(self.entropy.token());
            let row = StoredRefreshToken {
                digest: token.digest(),
                grant: grant.id,
                issued_at: now,
                expires_at: now + self.lifetimes.refresh_idle,
                absolute_expires_at: grant.created_at + self.lifetimes.refresh_absolute,
            };
            (token, row)
        });
        let (refresh_token, refresh_row) = refresh.unzip();
        let extent = along.less.unwrap_or(&grant.extent);
        let (access_token, access_row) = self.access_token(client, (grant, extent), along.bound_to, now)?;
        // [RFC 6749 §3.3] without openid it is authorization, and says nothing about the person.
        let id_token = grant
            .scope
            .contains(Scope::OPENID)
            .then(|| self.id_token(client, grant, along, Some(access_token.expose()), now))
            .transpose()?;
        let response = TokenResponse {
            access_token,
            token_type: Confirmation::token_type(along.bound_to),
            expires_in: self.access(client),
            id_token,
            refresh_token,
            scope: grant.scope.to_string(),
            authorization_details: extent.details.values(),
            issued: None,
        };
        Ok(Minted { response, refresh_row, access_row })
    }

    /// For the answer of the authorization endpoint.
    pub fn mint_in_front(
        &self,
        client: &Client,
        grant: &Grant,
        asked: InFront<'_>,
        now: Timestamp,
    ) -> Result<MintedInFront, Error> {
        let InFront { response_type, nonce, state, code, claims } = asked;
        let access = || self.access_token(client, (grant, &grant.extent), None, now);
        let (access_token, access_row) = response_type.has_token().then(access).transpose()?.unzip();
        let along = Along { nonce, claims, answer: Answer { code, state }, ..Along::default() };
        let shown = access_token.as_ref().map(|token| token.expose().as_str());
        let id_token =
            response_type.has_id_token().then(|| self.id_token(client, grant, &along, shown, now)).transpose()?;
        Ok(MintedInFront { access_token, expires_in: self.access(client), id_token, access_row: access_row.flatten() })
    }

    fn access_token(
        &self,
        client: &Client,
        (grant, extent): (&Grant, &Extent),
        bound_to: Option<Confirmation>,
        now: Timestamp,
    ) -> Result<(Secret<String>, Option<StoredAccessToken>), Error> {
        let expires_at = now + self.access(client);
        match client.access_token_format {
            AccessTokenFormat::Opaque => {
                let token = self.entropy.token();
                let row = StoredAccessToken {
                    digest: OpaqueAccessToken::new(token.clone()).digest(),
                    grant: grant.id,
                    bound_to,
                    scope: grant.scope.clone(),
                    extent: Extent { claims: ClaimsRequest::default(), ..extent.clone() },
                    issued_at: now,
                    expires_at,
                };
                Ok((token, Some(row)))
            }
            AccessTokenFormat::Jwt => {
                let whom = (extent.audience(&self.issuer), &grant.scope);
                let claims = AccessTokenClaims {
                    authorization_details: extent.details.values(),
                    ..self.claims(client, Some(grant), whom, bound_to, (now, expires_at))
                };
                Ok((self.sign(client, &claims)?, None))
            }
        }
    }

    /// An access token, if it is not so long that nobody could give it back.
    fn sign(&self, client: &Client, claims: &AccessTokenClaims) -> Result<Secret<String>, Error> {
        let token = self.keys.sign(client, TYP, claims)?;
        if token.expose().len() <= LONGEST {
            return Ok(token);
        }
        let told = "The access token would be longer than 8 KiB: ask for fewer resources or authorization_details.";
        Err(Refusal::invalid_request(told).into())
    }

    /// For a client without a person [RFC 6749 §4.4.3]: a JWT whatever its format is otherwise, for
    /// there is no grant that a stored token could hang on; and never a refresh token.
    pub fn mint_for_client(
        &self,
        client: &Client,
        (scope, extent): (&Scope, &Extent),
        bound_to: Option<Confirmation>,
        now: Timestamp,
    ) -> Result<TokenResponse, Error> {
        let whom = (extent.audience(&self.issuer), scope);
        let claims = self.claims(client, None, whom, bound_to, (now, now + self.access(client)));
        Ok(TokenResponse {
            access_token: self.sign(client, &claims)?,
            token_type: Confirmation::token_type(bound_to),
            expires_in: self.access(client),
            id_token: None,
            refresh_token: None,
            scope: scope.to_string(),
            authorization_details: Vec::new(),
            issued: None,
        })
    }

    /// For another token [RFC 8693 §2.2.1]: a JWT, as those of a client itself, that lives no longer than that
    /// one, and no refresh token.
    pub fn mint_exchanged(
        &self,
        client: &Client,
        exchanged: Exchanged<'_>,
        now: Timestamp,
    ) -> Result<TokenResponse, Error> {
        let Exchanged { grant, scope, audience, act, bound_to, expires_at, issued } = exchanged;
        let expires_at = expires_at.min(now + self.access(client));
        let own = self.claims(client, Some(grant), (audience, &scope), bound_to, (now, expires_at));
        let claims = AccessTokenClaims { act, ..own };
        Ok(TokenResponse {
            access_token: self.sign(client, &claims)?,
            token_type: Confirmation::token_type(bound_to),
            expires_in: expires_at.since(now),
            id_token: None,
            refresh_token: None,
            scope: scope.to_string(),
            authorization_details: Vec::new(),
            issued: Some(issued),
        })
    }

    /// Of an access token: whom it is for, and what for, with nobody in between. `times`: issued, expires.
    fn claims(
        &self,
        client: &Client,
        grant: Option<&Grant>,
        (aud, scope): (Audience, &Scope),
        bound_to: Option<Confirmation>,
        times: (Timestamp, Timestamp),
    ) -> AccessTokenClaims {
        let (issued_at, expires_at) = times;
        AccessTokenClaims {
            iss: self.issuer.clone(),
            aud,
            // [RFC 9068 §2.2] without a resource owner, the client is the subject.
            sub: grant.map_or_else(|| client.id.to_string(), |grant| self.subjects.of(client, grant.user)),
            client_id: client.id.to_string(),
            exp: expires_at.seconds(),
            iat: issued_at.seconds(),
            jti: self.entropy.uuid().to_string(),
            scope: scope.to_string(),
            authorization_details: Vec::new(),
            cnf: bound_to,
            act: None,
            may_act: grant.and_then(|_| may_act(client)),
            approved: grant.map(approved),
        }
    }

    fn id_token(
        &self,
        client: &Client,
        grant: &Grant,
        along: &Along<'_>,
        access_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Secret<String>, StoreError> {
        let hash = |text: &str| at_hash(client.id_token_signed_response_alg, text);
        let Answer { code, state } = along.answer;
        let claims = IdTokenClaims {
            iss: self.issuer.clone(),
            sub: self.subjects.of(client, grant.user),
            aud: client.id.to_string(),
            exp: (now + self.lifetimes.id).seconds(),
            iat: now.seconds(),
            auth_time: grant.authenticated_at.seconds(),
            acr: grant.acr.as_str().to_owned(),
            amr: grant.amr.split(' ').map(str::to_owned).collect(),
            at_hash: access_token.map(hash),
            c_hash: code.map(hash),
            s_hash: state.map(hash),
            nonce: along.nonce.map(str::to_owned),
            sid: grant.session.map(|session| session.to_string()),
            may_act: may_act(client),
            auth_req_id: along.auth_req_id.map(|id| id.expose().clone()),
            requested: along.claims.clone(),
        };
        self.keys.sign(client, "JWT", &claims)
    }

    /// What is known of a person [OIDCC §5.3.2], with `iss` and `aud`, and with no date that would make an ID
    /// token of it.
    pub fn user_info(
        &self,
        client: &Client,
        alg: Algorithm,
        mut claims: Map<String, Value>,
    ) -> Result<Secret<String>, StoreError> {
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("aud".to_owned(), json!(client.id));
        self.keys.sign_with(alg, "JWT", &claims)
    }

    /// What is behind a token [RFC 9701 §5]: whoever asked can show others what they were told.
    pub fn introspection(
        &self,
        client: &Client,
        told: Option<&Value>,
        now: Timestamp,
    ) -> Result<Secret<String>, StoreError> {
        let claims = json!({
            "iss": self.issuer,
            "aud": client.id,
            "iat": now.seconds(),
            "token_introspection": told,
        });
        let usual = || self.profiles.of(client).usual();
        let alg =
            client.introspection_signed_response_alg.or_else(usual).unwrap_or(client.id_token_signed_response_alg);
        self.keys.sign_with(alg, INTROSPECTION, &claims)
    }
}

/// `typ` [RFC 9701 §5]
const INTROSPECTION: &str = "token-introspection+jwt";

fn approved(grant: &Grant) -> ApprovedClaims {
    ApprovedClaims {
        grant: grant.id.to_string(),
        auth_time: grant.authenticated_at.seconds(),
        acr: grant.acr.as_str().to_owned(),
        amr: grant.amr.split(' ').map(str::to_owned).collect(),
    }
}

/// Told to whoever reads the token. Who really may, the registration says at the exchange.
fn may_act(client: &Client) -> Option<Actor> {
    client.may_act.as_ref().map(|client| Actor::new(client.as_str()))
}
