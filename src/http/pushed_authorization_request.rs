//! `POST /as/par.oauth2` [RFC 9126].

use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::clock::Clock;
use crate::domain::audit::Action;
use crate::http::Tag;
use crate::http::body::OAuthForm;
use crate::http::client_authentication::authenticate;
use crate::http::discovery::path;
use crate::http::dpop;
use crate::http::error::Failure;
use crate::protocol::parameters::Parameters;
use crate::usecase::Error;
use crate::usecase::authenticate_client::{AuthenticateClient, AuthenticatedClient};
use crate::usecase::prove_possession::{ProvePossession, Shown};
use crate::usecase::rates::Rate;
use crate::usecase::sign_in::push::{Acknowledged, Push};

pub struct PushedAuthorizationRequestApi {
    pub authenticate: Arc<AuthenticateClient>,
    pub rate: Rate,
    pub prove: Arc<ProvePossession>,
    pub push: Push,
    pub clock: Arc<dyn Clock>,
}

/// The parameters of an authorization request, besides those of client authentication. What they mean is said
/// at the authorization endpoint.
#[derive(Object)]
#[oai(rename = "PushedAuthorizationRequest")]
pub struct Form {
    /// Needed, as `redirect_uri` and `scope`, unless there is a `request`.
    response_type: Option<String>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    response_mode: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    /// Seconds.
    max_age: Option<String>,
    acr_values: Option<String>,
    login_hint: Option<String>,
    id_token_hint: Option<String>,
    ui_locales: Option<String>,
    claims: Option<String>,
    /// May be there more than once.
    resource: Option<String>,
    authorization_details: Option<String>,
    /// A request object [RFC 9101] that has all of them instead.
    request: Option<String>,
}

/// [RFC 9126 §2.2]
#[derive(Object)]
#[oai(rename = "PushedAuthorizationResponse")]
pub struct Body {
    /// What the browser is sent to the authorization endpoint with, besides `client_id`: once.
    request_uri: String,
    /// Seconds.
    expires_in: u64,
}

#[derive(ApiResponse)]
pub enum Answer {
    /// The request is kept, and is good.
    #[oai(status = 201)]
    Kept(Json<Body>),
}

#[OpenApi]
impl PushedAuthorizationRequestApi {
    /// Push an authorization request
    ///
    /// The client says what it wants by itself, authenticated as at the token endpoint. The browser then brings
    /// `client_id` and `request_uri` alone. With a proof in the header `DPoP`, the code will be for its key
    /// [RFC 9449 §10.1]. Refused with what the authorization endpoint would refuse it with.
    #[oai(path = "/as/par.oauth2", method = "post", operation_id = "pushAuthorizationRequest", tag = "Tag::OAuth")]
    async fn post(&self, http: &Request, form: OAuthForm<Form>) -> poem::Result<Answer> {
        let client = Box::pin(authenticate(&self.authenticate, http, &form.parameters)).await?;
        let pushed = Box::pin(self.pushed(&client, http, &form.parameters)).await;
        let Acknowledged { request_uri, expires_in } =
            pushed.map_err(Failure::of(Action::SignInRefused, &client.id))?;
        tracing::info!(client.id = %client.id, status = 201_u16, "pushed authorization request");
        Ok(Answer::Kept(Json(Body { request_uri: request_uri.expose().clone(), expires_in: expires_in.as_secs() })))
    }
}

impl PushedAuthorizationRequestApi {
    async fn pushed(
        &self,
        client: &AuthenticatedClient,
        http: &Request,
        parameters: &Parameters,
    ) -> Result<Acknowledged, Error> {
        self.rate.count(&client.id, self.clock.now())?;
        let path = path::PUSHED_AUTHORIZATION_REQUEST;
        let shown = Shown { proof: dpop::proof(http)?, method: "POST", path, access_token: None, certificate: None };
        let key = self.prove.of_request(client, &shown).await?;
        self.push.push(client, parameters, key).await
    }
}
