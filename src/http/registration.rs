//! `/as/clients.oauth2` [RFC 7591, RFC 7592, OIDCR].

use poem::Request;
use poem::error::NotFoundError;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Tag;
use crate::http::body::BoundedJson;
use crate::http::client_authentication::{bearer, client_ip};
use crate::http::error::Failure;
use crate::protocol::registration::Wanted;
use crate::usecase::Error;
use crate::usecase::register_client::{Admission, RegisterClient, Told};

pub struct RegistrationApi {
    pub register: RegisterClient,
}

/// What a client registers [RFC 7591 §2, OpenID Connect Registration §2, CIBA §4]. Members that are not named here
/// are ignored; those that ask for something that the server does not have are refused.
#[derive(Object)]
#[oai(rename = "ClientRegistration")]
pub struct Described {
    /// 1 to 20, with `authorization_code`: `https` for a web application, other schemes for a native one.
    redirect_uris: Option<Vec<String>>,
    /// `web`, which is the default, or `native`.
    application_type: Option<String>,
    post_logout_redirect_uris: Option<Vec<String>>,
    backchannel_logout_uri: Option<String>,
    backchannel_logout_session_required: Option<bool>,
    frontchannel_logout_uri: Option<String>,
    frontchannel_logout_session_required: Option<bool>,
    /// `client_secret_basic`, which is the default, `client_secret_post`, `private_key_jwt`, `tls_client_auth`,
    /// `self_signed_tls_client_auth` or `none`.
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_signing_alg: Option<String>,
    /// With `tls_client_auth`, exactly one of this and the four below [RFC 8705 §2.1.2].
    tls_client_auth_subject_dn: Option<String>,
    tls_client_auth_san_dns: Option<String>,
    tls_client_auth_san_uri: Option<String>,
    tls_client_auth_san_ip: Option<String>,
    tls_client_auth_san_email: Option<String>,
    /// `authorization_code` when left out.
    grant_types: Option<Vec<String>>,
    /// `code` when left out.
    response_types: Option<Vec<String>>,
    client_name: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    initiate_login_uri: Option<String>,
    contacts: Option<Vec<String>>,
    /// `openid profile email` when left out.
    scope: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    /// `RS256` when left out.
    id_token_signed_response_alg: Option<String>,
    require_pushed_authorization_requests: Option<bool>,
    require_signed_request_object: Option<bool>,
    request_object_signing_alg: Option<String>,
    request_uris: Option<Vec<String>>,
    authorization_signed_response_alg: Option<String>,
    authorization_encrypted_response_alg: Option<String>,
    authorization_encrypted_response_enc: Option<String>,
    userinfo_signed_response_alg: Option<String>,
    introspection_signed_response_alg: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
    tls_client_certificate_bound_access_tokens: Option<bool>,
    /// `public`, which is the default, or `pairwise`.
    subject_type: Option<String>,
    /// For `pairwise`: where all `redirect_uris` are listed, as a JSON array.
    sector_identifier_uri: Option<String>,
    /// `poll`, which is the default, or `ping`.
    backchannel_token_delivery_mode: Option<String>,
    /// For `ping`: where the server tells it that a person has answered [CIBA §10.2].
    backchannel_client_notification_endpoint: Option<String>,
    /// Its CIBA requests are signed, by this [CIBA §4].
    backchannel_authentication_request_signing_alg: Option<String>,
    /// It has people give their user code, and asks nobody without it [CIBA §4]. `false` when left out.
    backchannel_user_code_parameter: Option<bool>,
    software_id: Option<String>,
    software_version: Option<String>,
    /// What somebody whom the operator trusts says about the client, in a JWT: it counts more than the other members
    /// [RFC 7591 §2.3].
    software_statement: Option<String>,
    /// In a change: that of the registration.
    client_id: Option<String>,
    /// In a change: the one that was given, or none.
    client_secret: Option<String>,
}

/// What is registered [RFC 7591 §3.2.1].
#[derive(Debug, Default, Object, Deserialize)]
#[oai(rename = "ClientInformation", skip_serializing_if_is_none)]
#[serde(default)]
pub struct Information {
    client_id: String,
    /// Only when it was just made: nobody has it afterwards.
    client_secret: Option<String>,
    /// Seconds since 1970.
    client_id_issued_at: i64,
    /// 0: never. Absent for a client without a secret.
    client_secret_expires_at: Option<i64>,
    /// For the calls at `registration_client_uri`. A change makes a new one.
    registration_access_token: String,
    registration_client_uri: String,
    redirect_uris: Option<Vec<String>>,
    application_type: Option<String>,
    post_logout_redirect_uris: Option<Vec<String>>,
    backchannel_logout_uri: Option<String>,
    backchannel_logout_session_required: Option<bool>,
    frontchannel_logout_uri: Option<String>,
    frontchannel_logout_session_required: Option<bool>,
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_signing_alg: Option<String>,
    tls_client_auth_subject_dn: Option<String>,
    tls_client_auth_san_dns: Option<String>,
    tls_client_auth_san_uri: Option<String>,
    tls_client_auth_san_ip: Option<String>,
    tls_client_auth_san_email: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    client_name: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    initiate_login_uri: Option<String>,
    contacts: Option<Vec<String>>,
    scope: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    id_token_signed_response_alg: Option<String>,
    require_pushed_authorization_requests: Option<bool>,
    require_signed_request_object: Option<bool>,
    request_object_signing_alg: Option<String>,
    request_uris: Option<Vec<String>>,
    authorization_signed_response_alg: Option<String>,
    authorization_encrypted_response_alg: Option<String>,
    authorization_encrypted_response_enc: Option<String>,
    userinfo_signed_response_alg: Option<String>,
    introspection_signed_response_alg: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
    tls_client_certificate_bound_access_tokens: Option<bool>,
    subject_type: Option<String>,
    sector_identifier_uri: Option<String>,
    backchannel_token_delivery_mode: Option<String>,
    backchannel_client_notification_endpoint: Option<String>,
    backchannel_authentication_request_signing_alg: Option<String>,
    backchannel_user_code_parameter: Option<bool>,
    software_id: Option<String>,
    software_version: Option<String>,
    software_statement: Option<String>,
}

#[derive(ApiResponse)]
pub enum Made {
    /// The client is registered.
    #[oai(status = 201)]
    Made(Json<Information>),
}

#[derive(ApiResponse)]
pub enum Removed {
    /// There is no such client any more.
    #[oai(status = 204)]
    Removed,
}

type Body = BoundedJson<Wanted, Described>;

#[OpenApi(tag = "Tag::OAuth")]
impl RegistrationApi {
    /// Register a client
    ///
    /// With an initial access token, unless the operator lets everybody register. What is left out has the default of
    /// the specifications.
    #[oai(path = "/as/clients.oauth2", method = "post", operation_id = "registerClient")]
    async fn register(&self, http: &Request, body: Body) -> poem::Result<Made> {
        self.open()?;
        let told = self.register.register(token(http)?, &body.value, client_ip(http)).await.map_err(failed)?;
        tracing::info!(client.id = %told.client.id, status = 201_u16, "registered");
        Ok(Made::Made(self.information(&told)?))
    }

    /// Read what is registered
    ///
    /// The secret is not shown again: the server has a digest of it alone.
    #[oai(path = "/as/clients.oauth2/:client_id", method = "get", operation_id = "readRegistration")]
    async fn read(&self, http: &Request, client_id: Path<String>) -> poem::Result<Json<Information>> {
        self.open()?;
        let told = self.register.read(&client_id, token(http)?).await.map_err(failed)?;
        self.information(&told)
    }

    /// Register everything anew
    ///
    /// What is left out gets its default. The answer has a new `registration_access_token`; the one before is worth
    /// nothing any more.
    #[oai(path = "/as/clients.oauth2/:client_id", method = "put", operation_id = "replaceRegistration")]
    async fn replace(&self, http: &Request, client_id: Path<String>, body: Body) -> poem::Result<Json<Information>> {
        self.open()?;
        let told = self.register.replace(&client_id, token(http)?, &body.value).await.map_err(failed)?;
        tracing::info!(client.id = %told.client.id, status = 200_u16, "changed what is registered");
        self.information(&told)
    }

    /// Delete the client
    ///
    /// All that it was given ends at once.
    #[oai(path = "/as/clients.oauth2/:client_id", method = "delete", operation_id = "deleteRegistration")]
    async fn remove(&self, http: &Request, client_id: Path<String>) -> poem::Result<Removed> {
        self.open()?;
        self.register.remove(&client_id, token(http)?).await.map_err(failed)?;
        Ok(Removed::Removed)
    }
}

impl RegistrationApi {
    /// Where nobody may register, there is nothing here.
    fn open(&self) -> poem::Result<()> {
        if self.register.admission == Admission::Nobody { Err(NotFoundError.into()) } else { Ok(()) }
    }

    fn information(&self, told: &Told) -> poem::Result<Json<Information>> {
        let members = Value::Object(self.register.information(told));
        serde_json::from_value(members).map(Json).map_err(poem::error::InternalServerError)
    }
}

fn token(http: &Request) -> poem::Result<Option<&str>> {
    bearer(http).map_err(|refusal| failed(refusal.into()))
}

fn failed(error: Error) -> poem::Error {
    Failure::unauthenticated(error)
}
