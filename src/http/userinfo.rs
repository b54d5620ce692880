//! `/idp/userinfo.openid` [OIDC Core §5.3].

use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON as _;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::call;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::http::Tag;
use crate::http::client_authentication::{access_token, with_proof};
use crate::http::cross_origin;
use crate::http::discovery::path;
use crate::http::error::Failure;
use crate::http::signed::{self, Signed};
use crate::protocol::claims_request::{PersonalClaim, Place};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::usecase;
use crate::usecase::introspect::Active;
use crate::usecase::issue::Issue;
use crate::usecase::use_token::{Unusable, UseToken};

pub struct UserInfoApi {
    pub tokens: Arc<UseToken>,
    pub issue: Arc<Issue>,
    pub entropy: Arc<Entropy>,
}

/// Claims about the person, as far as the scope goes [OIDC Core §5.4]. What is not known is absent.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UserInfo {
    sub: String,
    name: Option<String>,
    preferred_username: Option<String>,
    /// Seconds since 1970.
    updated_at: Option<i64>,
    email: Option<String>,
    email_verified: Option<bool>,
}

#[derive(ApiResponse)]
pub enum Answer {
    /// The claims.
    #[oai(status = 200)]
    Claims(Signed<UserInfo>, #[oai(header = "x-fapi-interaction-id")] String),
}

#[OpenApi]
impl UserInfoApi {
    /// Read claims about the person
    ///
    /// JSON, or a JWT for a client with `userinfo_signed_response_alg`. A token that is bound to a key comes with `Authorization: DPoP` and a proof in the header `DPoP`
    /// [RFC 9449 §7.1]; one that is bound to a certificate, over a connection with it [RFC 8705 §3].
    #[oai(path = "/idp/userinfo.openid", method = "get", operation_id = "getUserInfo", tag = "Tag::Oidc")]
    async fn get(&self, http: &Request) -> poem::Result<Answer> {
        self.answer(http).await
    }

    /// Read claims about the person
    ///
    /// JSON, or a JWT for a client with `userinfo_signed_response_alg`. A token that is bound to a key comes with `Authorization: DPoP` and a proof in the header `DPoP`
    /// [RFC 9449 §7.1]; one that is bound to a certificate, over a connection with it [RFC 8705 §3].
    #[oai(path = "/idp/userinfo.openid", method = "post", operation_id = "postUserInfo", tag = "Tag::Oidc")]
    async fn post(&self, http: &Request) -> poem::Result<Answer> {
        self.answer(http).await
    }
}

impl UserInfoApi {
    /// What is behind the access token, if whoever shows it may use it.
    async fn active(&self, http: &Request) -> Result<Active, usecase::Error> {
        let missing = Refusal::new(ErrorCode::InvalidToken, "An access token is required.");
        let (scheme, token) = access_token(http)?.ok_or(missing)?;
        let used = with_proof(http, path::USERINFO, (scheme, token))?;
        Ok(self.tokens.active(&used).await?)
    }

    async fn answer(&self, http: &Request) -> poem::Result<Answer> {
        let active = self.active(http).await.map_err(Failure::unauthenticated)?;
        cross_origin::is_about(&active.client, http.headers());
        let sub = self.tokens.introspect.subject(&active);
        let nobody = || Failure::unauthenticated(Unusable::Token("a client's own token tells of nobody").into());
        let (_, user) = active.person.as_ref().ok_or_else(nobody)?;
        let client = &active.client;
        // [FAPI 1 Baseline §6.2.1] echoed, or made up. It should be a UUID, and is the caller's own affair: what
        // does no harm where it is shown again comes back as it is.
        let interaction = http
            .headers()
            .get("x-fapi-interaction-id")
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_harmless(id))
            .map_or_else(|| self.entropy.uuid().to_string(), str::to_owned);
        call::about_person(&user.username);
        tracing::info!(client.id = %client.id, status = 200_u16, "userinfo");
        let claims = claims(sub, &active, user);
        let claims = match client.userinfo_signed_response_alg {
            None => Signed::Plain(Json(claims)),
            Some(alg) => {
                let claims = claims.to_json().and_then(|claims| claims.as_object().cloned()).unwrap_or_default();
                let token = self.issue.user_info(client, alg, claims);
                Signed::Token(signed::JWT, token.map_err(|error| Failure::unauthenticated(error.into()))?)
            }
        };
        Ok(Answer::Claims(claims, interaction))
    }
}

/// Short, and visible ASCII. It is shown in the header alone, in no log.
fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn claims(sub: String, active: &Active, user: &User) -> UserInfo {
    // [OIDCC §5.4, §5.5] by a scope, or by itself, as long as the client may have it.
    let Active { scope, client, .. } = active;
    let single = active.single_claims();
    let wanted = |claim, value: &_| single.is_some_and(|single| single.wants(Place::Userinfo, claim, value));
    let has = |claim| user.claim(claim).is_some_and(|value| wanted(claim, &value));
    let asked = |claim: PersonalClaim| has(claim) && client.scope.contains(claim.scope());
    let told = |claim: PersonalClaim| scope.contains(claim.scope()) || asked(claim);
    let verified = user.email.as_ref().map(|_| user.email_verified);
    UserInfo {
        sub,
        name: user.name.clone().filter(|_| told(PersonalClaim::Name)),
        preferred_username: told(PersonalClaim::PreferredUsername).then(|| user.username.clone()),
        updated_at: told(PersonalClaim::UpdatedAt).then(|| user.updated_at.seconds()),
        email: user.email.clone().filter(|_| told(PersonalClaim::Email)),
        email_verified: verified.filter(|_| told(PersonalClaim::EmailVerified)),
    }
}
