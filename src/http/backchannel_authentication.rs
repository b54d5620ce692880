//! `POST /as/bc-auth.ciba` [CIBA §7].

use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use crate::domain::client::NumberMatching;
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
use crate::usecase::request_authentication::{Acknowledgement, RequestAuthentication};

pub struct BackchannelAuthenticationApi {
    pub authenticate: Arc<AuthenticateClient>,
    pub prove: Arc<ProvePossession>,
    pub request: RequestAuthentication,
}

/// The parameters of a backchannel authentication request [CIBA §7.1], besides those of client
/// authentication.
#[derive(Object)]
#[oai(rename = "BackchannelAuthenticationRequest")]
pub struct Form {
    /// Space-separated; must contain `openid`. Needed, unless there is a `request`.
    scope: Option<String>,
    /// A username; not of a client with `require_hint_token`. Exactly one hint is required.
    login_hint: Option<String>,
    /// An ID token of this server for this client, expired or not. Exactly one hint is required.
    id_token_hint: Option<String>,
    /// A JWT that the client signed, or an issuer that the operator trusts, and that says whom to ask; of at most 4000
    /// characters. Exactly one hint is required.
    login_hint_token: Option<String>,
    /// Shown to the person as it is: at most 64 graphemes, plain text.
    binding_message: Option<String>,
    /// The secret of the person that a client with `backchannel_user_code_parameter` has to give, of at most 32 bytes
    /// [CIBA §7.1.2]. Of others it is ignored.
    user_code: Option<String>,
    /// Seconds; positive, cut to the server's maximum.
    requested_expiry: Option<String>,
    /// Space-separated, in order of preference. Refused when none can be had.
    acr_values: Option<String>,
    /// Needed of a client in ping mode, and of no other: a bearer token of its own, of at most 1024 characters, that it is
    /// told with when the person has answered [CIBA §10.2].
    client_notification_token: Option<String>,
    /// The thumbprint of the key whose DPoP proof has to come with each poll [RFC 9449 §10].
    dpop_jkt: Option<String>,
    /// A JWT that the client signed and that has all of them instead [CIBA §7.1.1].
    request: Option<String>,
}

/// The acknowledgement [CIBA §7.3].
#[derive(Object)]
#[oai(rename = "BackchannelAuthenticationResponse")]
pub struct Acknowledged {
    /// To poll with. 43 characters of `A-Za-z0-9-_`, 256 random bits; 87 with a `.` where it is for a key.
    auth_req_id: String,
    /// Seconds.
    expires_in: u64,
    /// Seconds between polls, at least.
    interval: u64,
    /// For a client that opted in: the number to show to the person.
    #[oai(skip_serializing_if_is_none)]
    number_matching: Option<NumberToShow>,
}

#[derive(Object)]
pub struct NumberToShow {
    #[oai(rename = "type")]
    kind: NumberMatchingType,
    /// Two digits.
    number: u8,
}

/// What the person does with the number on the device.
#[derive(Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NumberMatchingType {
    SelectNumber,
    EnterManually,
}

#[OpenApi]
impl BackchannelAuthenticationApi {
    /// Ask a person
    ///
    /// Starts an authentication on the person's device. The answer is fetched at the token endpoint. With a proof in the
    /// header `DPoP`, or with `dpop_jkt`, it is fetched with proofs by the same key, and with nothing else. A client in
    /// ping mode is told when it is there: a `POST` to its `backchannel_client_notification_endpoint`, with its
    /// `client_notification_token` as bearer token and `{"auth_req_id": "..."}` as body.
    #[oai(
        path = "/as/bc-auth.ciba",
        method = "post",
        operation_id = "requestBackchannelAuthentication",
        tag = "Tag::Ciba"
    )]
    async fn post(&self, http: &Request, form: OAuthForm<Form>) -> poem::Result<Json<Acknowledged>> {
        let client = Box::pin(authenticate(&self.authenticate, http, &form.parameters)).await?;
        let asked = Box::pin(self.ask(&client, http, &form.parameters)).await;
        let acknowledgement = asked.map_err(Failure::of_client(&client.id))?;
        tracing::info!(
            client.id = %client.id,
            request.id = %acknowledgement.request,
            expires_in = acknowledgement.expires_in.as_secs(),
            status = 200_u16,
            "bc-authorize"
        );
        Ok(Json(Acknowledged {
            auth_req_id: acknowledgement.auth_req_id.expose().clone(),
            expires_in: acknowledgement.expires_in.as_secs(),
            interval: u64::from(acknowledgement.interval),
            number_matching: acknowledgement.number_matching.map(|(kind, number)| NumberToShow {
                kind: match kind {
                    NumberMatching::Pick => NumberMatchingType::SelectNumber,
                    NumberMatching::Type => NumberMatchingType::EnterManually,
                },
                number,
            }),
        }))
    }
}

impl BackchannelAuthenticationApi {
    async fn ask(
        &self,
        client: &AuthenticatedClient,
        http: &Request,
        parameters: &Parameters,
    ) -> Result<Acknowledgement, Error> {
        let (proof, path) = (dpop::proof(http)?, path::BACKCHANNEL_AUTHENTICATION);
        let shown = Shown { proof, method: "POST", path, access_token: None, certificate: None };
        let key = self.prove.of_request(client, &shown).await?;
        self.request.request(client, parameters, key).await
    }
}
