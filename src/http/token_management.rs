//! Revocation (RFC 7009) and introspection (RFC 7662).

use std::sync::Arc;

use poem::Request;
use poem::http::header;
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON as _;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::Tag;
use crate::http::body::OAuthForm;
use crate::http::client_authentication::authenticate;
use crate::http::error::Failure;
use crate::http::signed::{self, Signed};
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::Refusal;
use crate::protocol::parameters::Parameters;
use crate::protocol::token_exchange::Actor;
use crate::usecase::StoreError;
use crate::usecase::authenticate_client::{AuthenticateClient, AuthenticatedClient};
use crate::usecase::introspect::{Active, Introspect, Kind};
use crate::usecase::issue::Issue;
use crate::usecase::rates::Rate;
use crate::usecase::revoke::Revoke;

pub struct TokenManagementApi {
    pub authenticate: Arc<AuthenticateClient>,
    pub revoke: Revoke,
    pub introspect: Arc<Introspect>,
    pub introspections: Rate,
    pub issue: Arc<Issue>,
    pub clock: Arc<dyn Clock>,
    pub issuer: String,
}

#[derive(ApiResponse)]
pub enum Introspected {
    /// What is behind the token.
    #[oai(status = 200)]
    Token(Signed<Introspection>),
}

/// A token, and what it probably is.
#[derive(Object)]
#[oai(rename = "TokenManagementRequest")]
pub struct Form {
    /// An access token, a refresh token, or (revocation only) an `auth_req_id`.
    token: String,
    /// `access_token`, `refresh_token` or (revocation only) `auth_req_id`.
    token_type_hint: Option<String>,
}

/// What an access token is bound to [RFC 7800 §3.1].
#[derive(Object)]
#[oai(rename = "TokenConfirmation", skip_serializing_if_is_none)]
pub struct Bound {
    /// The thumbprint of the key whose DPoP proof goes with each use [RFC 9449 §6.1].
    jkt: Option<String>,
    /// The SHA-256 of the certificate that the connection has at each use [RFC 8705 §3.2].
    #[oai(rename = "x5t#S256")]
    certificate: Option<String>,
}

impl From<Confirmation> for Bound {
    fn from(bound_to: Confirmation) -> Self {
        match bound_to {
            Confirmation::Key(key) => Self { jkt: Some(key.to_string()), certificate: None },
            Confirmation::Certificate(own) => Self { jkt: None, certificate: Some(own.to_string()) },
        }
    }
}

/// Who acts for the person [RFC 8693 §4.1]: a client, or another person.
#[derive(Object)]
#[oai(rename = "TokenActor", skip_serializing_if_is_none)]
pub struct Acting {
    sub: String,
    /// Who has acted before.
    act: Option<Box<Acting>>,
}

fn acting(actor: Actor) -> Acting {
    Acting { sub: actor.sub, act: actor.act.map(|before| Box::new(acting(*before))) }
}

/// What is behind a token [RFC 7662 §2.2]. Only `active` is there when it is not.
#[derive(Object, Default)]
#[oai(rename = "IntrospectionResponse", skip_serializing_if_is_none)]
pub struct Introspection {
    active: bool,
    scope: Option<String>,
    client_id: Option<String>,
    username: Option<String>,
    token_type: Option<String>,
    cnf: Option<Bound>,
    act: Option<Acting>,
    exp: Option<i64>,
    iat: Option<i64>,
    sub: Option<String>,
    /// The server that it is for, or a list of them; the issuer, where none was named.
    aud: Option<Value>,
    iss: Option<String>,
    jti: Option<String>,
    acr: Option<String>,
    auth_time: Option<i64>,
    /// [RFC 9396 §9.2]
    authorization_details: Option<Vec<Value>>,
}

#[OpenApi]
impl TokenManagementApi {
    /// Give a token back
    ///
    /// With `token_type_hint=auth_req_id` the client withdraws a question that nobody has answered. The answer is
    /// 200 in any case [RFC 7009 §2.2]: a question that was answered already, or has expired, stays as it is, and an
    /// approval can still be redeemed. The next poll tells: `invalid_grant` if the question was withdrawn. What was
    /// already redeemed ends by revoking the refresh token.
    #[oai(path = "/as/revoke_token.oauth2", method = "post", operation_id = "revokeToken", tag = "Tag::OAuth")]
    async fn revoke(&self, http: &Request, form: OAuthForm<Form>) -> poem::Result<()> {
        let client = authenticate(&self.authenticate, http, &form.parameters).await?;
        let token = token(&form.parameters, &client)?;
        self.revoke
            .revoke(&client, token, form.parameters.get("token_type_hint"))
            .await
            .map_err(Failure::of_client(&client.id))?;
        tracing::info!(client.id = %client.id, status = 200_u16, "revoke");
        Ok(())
    }

    /// Look behind a token
    ///
    /// A client learns of its own tokens, and of access tokens that are for it: by its `client_id`, or by the URI of one of its
    /// `protected_resources`. With
    /// `Accept: application/token-introspection+jwt` the answer is a JWT [RFC 9701].
    #[oai(path = "/as/introspect.oauth2", method = "post", operation_id = "introspectToken", tag = "Tag::OAuth")]
    async fn introspect(&self, http: &Request, form: OAuthForm<Form>) -> poem::Result<Introspected> {
        let client = authenticate(&self.authenticate, http, &form.parameters).await?;
        // [RFC 7662 §2.1] whoever only says a name has not authenticated.
        let client = client.confidential().map_err(|refusal| Failure::unauthenticated(refusal.into()))?;
        self.introspections.count(&client.id, self.clock.now()).map_err(Failure::of_client(&client.id))?;
        let token = token(&form.parameters, &client)?;
        let active = self
            .introspect
            .introspect(token)
            .await
            .map_err(|error| Failure::of_client(&client.id)(error.into()))?
            .filter(|active| active.is_told_to(&client, &self.issuer));
        let outcome = if active.is_some() { "active" } else { "inactive" };
        tracing::info!(client.id = %client.id, outcome, status = 200_u16, "introspect");
        let described = active.map_or_else(Introspection::default, |active| self.described(active));
        let answer =
            self.signed(http, &client, described).map_err(|error| Failure::of_client(&client.id)(error.into()))?;
        Ok(Introspected::Token(answer))
    }
}

impl TokenManagementApi {
    /// As it is asked for [RFC 9701 §4].
    fn signed(
        &self,
        http: &Request,
        client: &AuthenticatedClient,
        described: Introspection,
    ) -> Result<Signed<Introspection>, StoreError> {
        let accepts = http.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut accepted = accepts.flat_map(|list| list.split(',')).filter_map(|one| one.split(';').next());
        if !accepted.any(|kind| kind.trim().eq_ignore_ascii_case(signed::INTROSPECTION)) {
            return Ok(Signed::Plain(Json(described)));
        }
        let token = self.issue.introspection(client, described.to_json().as_ref(), self.clock.now())?;
        Ok(Signed::Token(signed::INTROSPECTION, token))
    }

    fn described(&self, active: Active) -> Introspection {
        let subject = self.introspect.subject(&active);
        let person = active.person.as_ref();
        Introspection {
            active: true,
            username: person.filter(|_| active.scope.contains("profile")).map(|(_, user)| user.username.clone()),
            scope: Some(active.scope.to_string()),
            client_id: Some(active.client.id.to_string()),
            token_type: (active.kind == Kind::Access).then(|| Confirmation::token_type(active.bound_to).to_owned()),
            cnf: active.bound_to.map(Bound::from),
            exp: Some(active.expires_at.seconds()),
            iat: Some(active.issued_at.seconds()),
            sub: Some(subject),
            aud: (active.kind == Kind::Access).then(|| json!(active.audience)),
            act: active.act.map(acting),
            iss: Some(self.issuer.clone()),
            acr: person.map(|(grant, _)| grant.acr.as_str().to_owned()),
            auth_time: person.map(|(grant, _)| grant.authenticated_at.seconds()),
            jti: active.jti,
            authorization_details: Some(active.details).filter(|details| !details.is_empty()),
        }
    }
}

fn token<'a>(parameters: &'a Parameters, client: &AuthenticatedClient) -> poem::Result<&'a str> {
    parameters
        .get("token")
        .ok_or(Refusal::invalid_request("token is required."))
        .map_err(|refusal| Failure::of_client(&client.id)(refusal.into()))
}
