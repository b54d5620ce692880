//! `POST /as/device_authz.oauth2` [RFC 8628 §3.1].

use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use crate::http::Tag;
use crate::http::body::OAuthForm;
use crate::http::client_authentication::{authenticate, client_ip};
use crate::http::discovery::path;
use crate::http::error::Failure;
use crate::usecase::authenticate_client::AuthenticateClient;
use crate::usecase::authorize_device::AuthorizeDevice;

pub struct DeviceAuthorizationApi {
    pub authenticate: Arc<AuthenticateClient>,
    pub authorize: AuthorizeDevice,
    pub issuer: String,
}

/// The parameters of a device authorization request, besides those of client authentication.
#[derive(Object)]
#[oai(rename = "DeviceAuthorizationRequest")]
pub struct Form {
    /// Space-separated. All that is registered when left out.
    scope: Option<String>,
}

/// What a device shows, and what it polls with [RFC 8628 §3.2].
#[derive(Object)]
#[oai(rename = "DeviceAuthorizationResponse")]
pub struct Waiting {
    /// To poll with. 43 characters of `A-Za-z0-9-_`, 256 random bits.
    device_code: String,
    /// For the person: eight letters in two groups.
    user_code: String,
    /// Where the person types it.
    verification_uri: String,
    /// The same with the code in it, for a QR code.
    verification_uri_complete: String,
    /// Seconds.
    expires_in: u64,
    /// Seconds between polls, at least.
    interval: u64,
}

#[OpenApi]
impl DeviceAuthorizationApi {
    /// Connect a device
    ///
    /// For a device without a keyboard: it shows the code and the address, and polls the token endpoint until somebody
    /// has connected it from elsewhere.
    #[oai(path = "/as/device_authz.oauth2", method = "post", operation_id = "authorizeDevice", tag = "Tag::OAuth")]
    async fn post(&self, http: &Request, form: OAuthForm<Form>) -> poem::Result<Json<Waiting>> {
        let client = Box::pin(authenticate(&self.authenticate, http, &form.parameters)).await?;
        let waiting = self.authorize.authorize(&client, form.parameters.get("scope"), client_ip(http));
        let waiting = Box::pin(waiting).await.map_err(Failure::of_client(&client.id))?;
        tracing::info!(client.id = %client.id, request.id = %waiting.request, status = 200_u16, "device authorization");
        let page = format!("{}{}", self.issuer, path::USER_AUTHORIZATION);
        Ok(Json(Waiting {
            device_code: waiting.device_code.expose().clone(),
            verification_uri_complete: format!("{page}?user_code={}", waiting.user_code),
            verification_uri: page,
            user_code: waiting.user_code.to_string(),
            expires_in: waiting.expires_in.as_secs(),
            interval: u64::from(waiting.interval),
        }))
    }
}
