//! `POST /as/token.oauth2` [RFC 6749 §3.2, CIBA §10.1].

use std::sync::Arc;
use std::time::Duration;

use http::header::PRAGMA;
use poem::Request;
use poem_openapi::payload::{Json, Response};
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use crate::domain::audit::Action;
use crate::domain::client::GrantType;
use crate::http::Tag;
use crate::http::body::OAuthForm;
use crate::http::client_authentication::{authenticate_meanwhile, certificate};
use crate::http::discovery::path;
use crate::http::dpop;
use crate::http::error::Failure;
use crate::http::server::CallTime;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::extent::Extent;
use crate::protocol::id::{AuthReqId, RefreshToken};
use crate::protocol::parameters::Parameters;
use crate::usecase::Error;
use crate::usecase::authenticate_client::{AuthenticateClient, AuthenticatedClient};
use crate::usecase::client_credentials::ClientCredentials;
use crate::usecase::exchange_code::ExchangeCode;
use crate::usecase::exchange_token::ExchangeToken;
use crate::usecase::issue::TokenResponse;
use crate::usecase::prove_possession::{ProvePossession, Shown};
use crate::usecase::redeem::{Redeem, Seen};
use crate::usecase::redeem_device::RedeemDevice;
use crate::usecase::refresh::Refresh;

/// What a poll may take besides being held.
const HANDLING: Duration = Duration::from_secs(10);

pub struct TokenApi {
    pub authenticate: Arc<AuthenticateClient>,
    pub prove: Arc<ProvePossession>,
    pub exchange_code: ExchangeCode,
    pub redeem: Redeem,
    pub redeem_device: RedeemDevice,
    pub refresh: Refresh,
    pub client_credentials: ClientCredentials,
    pub exchange_token: ExchangeToken,
}

/// The parameters of a token request, besides those of client authentication.
#[derive(Object)]
#[oai(rename = "TokenRequest")]
pub struct Form {
    /// `authorization_code`, `urn:openid:params:grant-type:ciba`, `refresh_token`, `client_credentials`,
    /// `urn:ietf:params:oauth:grant-type:device_code` or `urn:ietf:params:oauth:grant-type:token-exchange`.
    grant_type: String,
    /// For the authorization code grant.
    code: Option<String>,
    /// For the authorization code grant: that of the authorization request.
    redirect_uri: Option<String>,
    /// For the authorization code grant, when the request had a `code_challenge` [RFC 7636 §4.5].
    code_verifier: Option<String>,
    /// For the CIBA grant.
    auth_req_id: Option<String>,
    /// For the device grant.
    device_code: Option<String>,
    /// For the refresh grant.
    refresh_token: Option<String>,
    /// For token exchange [RFC 8693 §2.1]: an access token or an ID token.
    subject_token: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token` or `urn:ietf:params:oauth:token-type:id_token`.
    subject_token_type: Option<String>,
    /// For token exchange: a token of whoever acts, where that is not the client.
    actor_token: Option<String>,
    actor_token_type: Option<String>,
    requested_token_type: Option<String>,
    /// For token exchange: the client that the new token is for.
    audience: Option<String>,
    /// For the refresh grant and token exchange: narrows the scope of the new access token. For `client_credentials`: what
    /// the token is to be good for, instead of all that is registered.
    scope: Option<String>,
    /// Whom the access token is for, out of what was granted (for `client_credentials`: registered); may be there
    /// more than once [RFC 8707 §2.2]. For token exchange: the address of what the new token is for, once.
    resource: Option<String>,
    /// Out of what was granted, a JSON list: what the access token is for [RFC 9396 §6].
    authorization_details: Option<String>,
}

/// A token response [RFC 6749 §5.1, OIDC Core §3.1.3.3].
#[derive(Object)]
#[oai(rename = "TokenResponse")]
pub struct Tokens {
    access_token: String,
    /// `Bearer`; `DPoP` when the request had a DPoP proof, and the token is bound to its key [RFC 9449 §5].
    token_type: String,
    /// Seconds.
    expires_in: u64,
    /// Absent when no person is involved: with the `client_credentials` grant.
    #[oai(skip_serializing_if_is_none)]
    id_token: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    refresh_token: Option<String>,
    scope: String,
    /// What exactly was granted [RFC 9396 §7].
    #[oai(skip_serializing_if_is_none)]
    authorization_details: Option<Vec<Value>>,
    /// Of a token exchange [RFC 8693 §2.2.1].
    #[oai(skip_serializing_if_is_none)]
    issued_token_type: Option<String>,
}

impl From<TokenResponse> for Tokens {
    fn from(response: TokenResponse) -> Self {
        Self {
            access_token: response.access_token.expose().clone(),
            token_type: response.token_type.to_owned(),
            expires_in: response.expires_in.as_secs(),
            id_token: response.id_token.map(|token| token.expose().clone()),
            refresh_token: response.refresh_token.map(|token| token.expose().clone()),
            scope: response.scope,
            authorization_details: Some(response.authorization_details).filter(|details| !details.is_empty()),
            issued_token_type: response.issued.map(|kind| kind.as_str().to_owned()),
        }
    }
}

#[OpenApi]
impl TokenApi {
    /// Fetch tokens
    ///
    /// Redeems an authorization code, polls for the answer to a backchannel authentication request or for a
    /// device to be connected, refreshes, or gives the client a token of its own.
    ///
    /// With a proof in the header `DPoP` [RFC 9449 §5] the access token is bound to its key; so is a public client's refresh
    /// token. Each proof needs the nonce of the `DPoP-Nonce` header: without it, the answer is
    /// `use_dpop_nonce` and has one. A client that is registered with `tls_client_certificate_bound_access_tokens` calls over a
    /// connection with its certificate, and the access token is bound to that [RFC 8705 §3].
    #[oai(path = "/as/token.oauth2", method = "post", operation_id = "requestToken", tag = "Tag::OAuth")]
    async fn post(&self, http: &Request, form: OAuthForm<Form>) -> poem::Result<Response<Json<Tokens>>> {
        // The request is read while the assertion is marked as used: one wait instead of two.
        let look = self.redeem.look(&form.parameters);
        // In boxes, here and in the other endpoints: the layers above move what they are given several times.
        let authenticate = authenticate_meanwhile(&self.authenticate, http, &form.parameters, look);
        let (client, seen) = Box::pin(authenticate).await?;
        // A poll may be held on purpose.
        CallTime::of(http).extend(self.redeem.hold + HANDLING);
        let grant = asked(&form.parameters);
        let action = match grant.as_ref().ok() {
            Some(GrantType::AuthorizationCode) => Action::CodeRedeemed,
            Some(GrantType::RefreshToken) => Action::TokenRefreshed,
            Some(GrantType::ClientCredentials) => Action::TokenIssued,
            Some(GrantType::DeviceCode) => Action::DeviceAuthorizationRedeemed,
            Some(GrantType::TokenExchange) => Action::TokenExchanged,
            Some(GrantType::Ciba | GrantType::Implicit) | None => Action::RequestRedeemed,
        };
        let tokens = Box::pin(self.tokens(&client, http, (grant, &form.parameters), seen)).await;
        let tokens = tokens.map_err(Failure::of(action, &client.id))?;
        tracing::info!(client.id = %client.id, outcome = "issued", status = 200_u16, "token");
        // [RFC 6749 §5.1] here alone; `Cache-Control` is everywhere.
        Ok(Response::new(Json(tokens.into())).header(PRAGMA, "no-cache"))
    }
}

impl TokenApi {
    async fn tokens(
        &self,
        client: &AuthenticatedClient,
        http: &Request,
        (grant, parameters): (Result<GrantType, Refusal>, &Parameters),
        seen: Seen,
    ) -> Result<TokenResponse, Error> {
        let (proof, path, certificate) = (dpop::proof(http)?, path::TOKEN, certificate(http));
        let shown = Shown { proof, method: "POST", path, access_token: None, certificate };
        let bound_to = self.prove.of_client(client, &shown).await?;
        // Each in a box of its own: a poll that is held does not carry the room for all the others.
        match grant? {
            GrantType::AuthorizationCode => Box::pin(self.exchange_code.exchange(client, parameters, bound_to)).await,
            GrantType::Implicit => Err(unsupported().into()),
            GrantType::Ciba => {
                // What was never asked for cannot be picked from.
                Extent::default().narrowed(parameters)?;
                let id = parameters.get("auth_req_id").ok_or(Refusal::invalid_request("auth_req_id is required."))?;
                self.redeem.redeem(client, &AuthReqId::presented(id), seen, bound_to).await
            }
            GrantType::TokenExchange => Box::pin(self.exchange_token.exchange(client, parameters, bound_to)).await,
            GrantType::DeviceCode => {
                Extent::default().narrowed(parameters)?;
                Box::pin(self.redeem_device.redeem(client, parameters.get("device_code"), bound_to)).await
            }
            GrantType::RefreshToken => {
                let token =
                    parameters.get("refresh_token").ok_or(Refusal::invalid_request("refresh_token is required."))?;
                let token = RefreshToken::presented(token);
                Box::pin(self.refresh.refresh(client, &token, parameters, bound_to)).await
            }
            GrantType::ClientCredentials => Box::pin(self.client_credentials.grant(client, parameters, bound_to)).await,
        }
    }
}

fn asked(parameters: &Parameters) -> Result<GrantType, Refusal> {
    let named = parameters.get("grant_type").ok_or(Refusal::invalid_request("grant_type is required."))?;
    GrantType::parse(named).ok_or_else(unsupported)
}

fn unsupported() -> Refusal {
    Refusal::new(ErrorCode::UnsupportedGrantType, "The grant_type is not supported.")
}
