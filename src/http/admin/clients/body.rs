//! A client in JSON: as it is, as it is to be made, and what is to change.

use poem_openapi::Object;
use serde_json::Value;

use super::words::{
    AccessTokenFormat, AssertionAlgorithm, ClientAuthMethod, ClientGrantType, ClientNumberMatching, ClientResponseType,
    ClientSecurityProfile, ClientSubjectType, DeliveryMode, IdTokenAlgorithm, ResponseEncryption,
    ResponseKeyManagement,
};
use crate::domain::client::{self as domain, Authentication, KeySource, NumberMatching};
use crate::http::admin::time::DateTime;
use crate::protocol::id::ClientId;
use crate::protocol::redirect_uri::RedirectUri;
use crate::usecase::admin::client_metadata::SubjectTexts;
use crate::usecase::admin::clients::WithSecret;

/// A relying party, or a client that administers.
#[derive(Clone, Debug, Object)]
#[oai(rename = "RegisteredClient", skip_serializing_if_is_none)]
pub struct ClientBody {
    pub client_id: String,
    /// What a person sees.
    pub client_name: String,
    /// Pages of its on the web. That for consent has links to the last two.
    pub client_uri: Option<String>,
    pub logo_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
    pub token_endpoint_auth_method: ClientAuthMethod,
    /// The only algorithm that its assertions may have.
    pub token_endpoint_auth_signing_alg: Option<AssertionAlgorithm>,
    /// Which certificate it is known by, with `tls_client_auth`: this, as in RFC 4514, or one of the four below.
    pub tls_client_auth_subject_dn: Option<String>,
    pub tls_client_auth_san_dns: Option<String>,
    pub tls_client_auth_san_uri: Option<String>,
    pub tls_client_auth_san_ip: Option<String>,
    pub tls_client_auth_san_email: Option<String>,
    /// Its JWK Set.
    pub jwks: Option<Value>,
    /// Where it publishes its JWK Set.
    pub jwks_uri: Option<String>,
    pub grant_types: Vec<ClientGrantType>,
    /// Where the answers of the authorization endpoint may go. Absent, as the eleven below, without
    /// `authorization_code`.
    pub redirect_uris: Option<Vec<String>>,
    /// Where a browser may go after signing out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where the server tells it that a session has ended [OpenID Connect Back-Channel Logout §2.2].
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: Option<bool>,
    /// What a browser loads when a session has ended [OpenID Connect Front-Channel Logout §2].
    pub frontchannel_logout_uri: Option<String>,
    pub frontchannel_logout_session_required: Option<bool>,
    pub response_types: Option<Vec<ClientResponseType>>,
    /// It may run the authentication flow itself (`response_mode=pi.flow`).
    pub redirectless: Option<bool>,
    /// Such a flow needs no cookies: `_pf_authn_api_state` carries it on.
    pub cookieless: Option<bool>,
    /// How its people sign in, instead of by the `default_policy`.
    pub sign_on_policy: Option<String>,
    /// Nobody is asked whether it may have what it asks for.
    pub implied_consent: Option<bool>,
    /// Its authorization requests need a `code_challenge` [RFC 7636 §4.3].
    pub require_pkce: Option<bool>,
    /// Its authorization requests are pushed [RFC 9126 §6].
    pub require_pushed_authorization_requests: Option<bool>,
    /// Its authorization requests are signed [RFC 9101 §10.5].
    pub require_signed_request_object: Option<bool>,
    /// The only algorithm that its request objects may have.
    pub request_object_signing_alg: Option<AssertionAlgorithm>,
    /// Where its request objects may be fetched [OIDC Core §6.2].
    pub request_uris: Option<Vec<String>>,
    /// What signs its answers with `response_mode=jwt`; as its ID tokens when absent.
    pub authorization_signed_response_alg: Option<IdTokenAlgorithm>,
    /// What they are encrypted with after that; not at all when absent.
    pub authorization_encrypted_response_alg: Option<ResponseKeyManagement>,
    pub authorization_encrypted_response_enc: Option<ResponseEncryption>,
    /// Types of `authorization_details` that it may use [RFC 9396 §10].
    pub authorization_details_types: Option<Vec<String>>,
    /// Servers that its access tokens may be for, besides this one [RFC 8707].
    pub resources: Vec<String>,
    /// Servers that it is: it may introspect access tokens for them [RFC 7662 §2].
    pub protected_resources: Option<Vec<String>>,
    /// Space-separated: what it may ask for.
    pub scope: String,
    pub id_token_signed_response_alg: IdTokenAlgorithm,
    pub access_token_format: AccessTokenFormat,
    /// With it, UserInfo answers with a JWT [OpenID Connect Core §5.3.2].
    pub userinfo_signed_response_alg: Option<IdTokenAlgorithm>,
    /// Of the answers to its introspection, where it asks for a JWT [RFC 9701 §6]. `RS256` when absent.
    pub introspection_signed_response_alg: Option<IdTokenAlgorithm>,
    /// Its access tokens are always bound to a key [RFC 9449 §5.2].
    pub dpop_bound_access_tokens: bool,
    /// Its access tokens are always bound to its certificate [RFC 8705 §3.4].
    pub tls_client_certificate_bound_access_tokens: bool,
    /// Whom its exchanged tokens may be for. Absent, as the one below, without the token-exchange grant.
    pub token_exchange_audiences: Option<Vec<String>>,
    /// Its exchanged tokens do not say that it acts.
    pub token_exchange_impersonation: Option<bool>,
    /// Which client may exchange its tokens [RFC 8693 §4.4].
    pub may_act: Option<String>,
    pub subject_type: ClientSubjectType,
    /// Where its sector lists its addresses [OIDC Core §8.1].
    pub sector_identifier_uri: Option<String>,
    /// What it is held to, besides what the server holds everybody to.
    pub security_profile: Option<ClientSecurityProfile>,
    pub backchannel_token_delivery_mode: Option<DeliveryMode>,
    /// Where it is told, with `ping` [CIBA §4].
    pub backchannel_client_notification_endpoint: Option<String>,
    pub number_matching: Option<ClientNumberMatching>,
    /// Polls are held until there is an answer.
    pub long_poll: Option<bool>,
    /// Its CIBA requests are signed, by this [CIBA §4].
    pub backchannel_authentication_request_signing_alg: Option<AssertionAlgorithm>,
    /// It has people give their user code, and asks nobody without it [CIBA §4].
    pub backchannel_user_code_parameter: Option<bool>,
    /// A `login_hint` is no hint of this client.
    pub require_hint_token: Option<bool>,
    pub disabled: bool,
    pub created_at: DateTime,
}

/// A client as it was just made: the only time that its secret is shown.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ClientWithSecret {
    pub client: ClientBody,
    /// Absent for a client with keys, and for a public one.
    pub client_secret: Option<String>,
}

/// A client to be made. What is left out has its default.
#[derive(Debug, Object)]
#[oai(rename = "ClientCreation")]
pub struct NewClientBody {
    /// Made when left out: 1 to 100 of `A-Z a-z 0-9 - . _ ~`.
    pub client_id: Option<String>,
    /// The identifier when left out.
    pub client_name: Option<String>,
    /// Its page on the web: https, as the three below, of 400 characters at most [RFC 7591 §2].
    pub client_uri: Option<String>,
    /// Kept and told; pages of the server load no picture from elsewhere.
    pub logo_uri: Option<String>,
    /// What it does with what it learns of people: the page for consent has a link to it.
    pub policy_uri: Option<String>,
    /// Its terms: the page for consent has a link to them.
    pub tos_uri: Option<String>,
    /// `client_secret_basic` when left out.
    pub token_endpoint_auth_method: Option<ClientAuthMethod>,
    pub token_endpoint_auth_signing_alg: Option<AssertionAlgorithm>,
    /// With `tls_client_auth`, exactly one of this and the four below [RFC 8705 §2.1.2]: the subject of its certificate as
    /// in RFC 4514, `CN=shop,O=Example,C=DE`.
    pub tls_client_auth_subject_dn: Option<String>,
    /// The name of a host among the alternative names of its certificate.
    pub tls_client_auth_san_dns: Option<String>,
    pub tls_client_auth_san_uri: Option<String>,
    pub tls_client_auth_san_ip: Option<String>,
    pub tls_client_auth_san_email: Option<String>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    /// When left out, `authorization_code` for a client with `redirect_uris` and for a public one, and
    /// the CIBA grant for all others. A public client has `authorization_code`, `implicit`, `refresh_token` and the
    /// device grant alone.
    pub grant_types: Option<Vec<ClientGrantType>>,
    /// Where the answers of the authorization endpoint may go: needed with `authorization_code`, and for
    /// nothing else. Each has 400 characters at most and is compared as text [RFC 9700 §4.1.3]: `https`,
    /// `http` for `localhost`, `127.0.0.1` and `[::1]`, or a scheme of its own that is a reversed domain
    /// name [RFC 8252 §7]. The two addresses match with any port, `http://localhost:*/` too.
    #[oai(validator(max_items = 20))]
    pub redirect_uris: Option<Vec<String>>,
    /// Where a browser may go after signing out [OpenID Connect RP-Initiated Logout §3.1], under the rules of
    /// `redirect_uris`. Nowhere when left out.
    #[oai(validator(max_items = 20))]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where the server tells it that a session has ended in which people signed in to it, with a logout token
    /// [OpenID Connect Back-Channel Logout §2.2]: `https`, to a public address.
    pub backchannel_logout_uri: Option<String>,
    /// It cannot do without `sid`, which each logout token has. `false` when left out.
    pub backchannel_logout_session_required: Option<bool>,
    /// What the browser loads in a frame when a session has ended, with `iss` and `sid` [OpenID Connect
    /// Front-Channel Logout §2]: with scheme, host and port of one of the `redirect_uris`.
    pub frontchannel_logout_uri: Option<String>,
    /// It cannot do without `iss` and `sid`, which are always there. `false` when left out.
    pub frontchannel_logout_session_required: Option<bool>,
    /// What it may have the authorization endpoint answer with, and nothing else. `code` when left out. Those with
    /// `code` need the `authorization_code` grant, those with `id_token` or `token` the `implicit` one.
    pub response_types: Option<Vec<ClientResponseType>>,
    /// It may run the authentication flow itself (`response_mode=pi.flow`), and so sees what people type
    /// there. `false` when left out.
    pub redirectless: Option<bool>,
    /// Such a flow needs no cookies: each answer has `_pf_authn_api_state`, to be sent back as the header
    /// `X-PF-Authn-API-State`. For an application on another site, where browsers keep cookies back. `false`
    /// when left out.
    pub cookieless: Option<bool>,
    /// The `id` of a sign-on policy. When left out, the `default_policy` of the sign-on settings.
    pub sign_on_policy: Option<String>,
    /// It is your own: nobody is asked whether it may have what it asks for, but where it wants them to be
    /// (`prompt=consent`). `false` when left out.
    pub implied_consent: Option<bool>,
    /// Its authorization requests need a `code_challenge` [RFC 7636 §4.3]. `true` when left out, and
    /// always for a public client [RFC 9700 §2.1.1].
    pub require_pkce: Option<bool>,
    /// Its authorization requests are pushed, and no browser brings them [RFC 9126 §6]. `false` when left out.
    pub require_pushed_authorization_requests: Option<bool>,
    /// Its authorization requests are request objects that it signed [RFC 9101 §10.5]. `false` when left out.
    pub require_signed_request_object: Option<bool>,
    /// The only algorithm that its request objects may have. Any that fits its keys when left out.
    pub request_object_signing_alg: Option<AssertionAlgorithm>,
    /// Where its request objects may be fetched [OIDC Core §6.2]: https. Nowhere when left out.
    #[oai(validator(max_items = 20))]
    pub request_uris: Option<Vec<String>>,
    /// What signs its answers with `response_mode=jwt` [JARM §3]. As its ID tokens when left out.
    pub authorization_signed_response_alg: Option<IdTokenAlgorithm>,
    /// What they are encrypted with after that, for a key in `jwks` or behind `jwks_uri` [JARM §2.2]. Not at all when
    /// left out.
    pub authorization_encrypted_response_alg: Option<ResponseKeyManagement>,
    /// `A128CBC-HS256` when left out.
    pub authorization_encrypted_response_enc: Option<ResponseEncryption>,
    /// Types of `authorization_details` that it may use [RFC 9396 §10], out of those that the server is set to
    /// know. None when left out.
    #[oai(validator(max_items = 20))]
    pub authorization_details_types: Option<Vec<String>>,
    /// Servers that its access tokens may be for, besides this one: what it may send as `resource` [RFC 8707].
    /// None when left out.
    #[oai(validator(max_items = 20))]
    pub resources: Option<Vec<String>>,
    /// Servers that it is: it may introspect access tokens for them, whoever has them [RFC 7662 §2]. None when left out.
    #[oai(validator(max_items = 20))]
    pub protected_resources: Option<Vec<String>>,
    /// `openid profile email` when left out.
    pub scope: Option<String>,
    /// `ES256` when left out.
    pub id_token_signed_response_alg: Option<IdTokenAlgorithm>,
    /// `jwt` when left out.
    pub access_token_format: Option<AccessTokenFormat>,
    /// With it, UserInfo answers with a JWT [OpenID Connect Core §5.3.2].
    pub userinfo_signed_response_alg: Option<IdTokenAlgorithm>,
    /// Of the answers to its introspection, where it asks for a JWT [RFC 9701 §6]. `RS256` when absent.
    pub introspection_signed_response_alg: Option<IdTokenAlgorithm>,
    /// Its token requests need a DPoP proof [RFC 9449 §5.2]. `false` when left out: they may have one.
    pub dpop_bound_access_tokens: Option<bool>,
    /// Its token requests need a certificate, and its access tokens are bound to that [RFC 8705 §3.4]. `false` when left
    /// out.
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// With the token-exchange grant: whom its tokens may be for besides this server, each a `client_id` or the
    /// address of a resource [RFC 8693 §2.1]. Nobody when left out.
    #[oai(validator(max_items = 20))]
    pub token_exchange_audiences: Option<Vec<String>>,
    /// Its exchanged tokens do not say that it is the client who acts (`act`) [RFC 8693 §1.1]. `false` when left out.
    pub token_exchange_impersonation: Option<bool>,
    /// The `client_id` of the client that may exchange its tokens [RFC 8693 §4.4]. Nobody when left out.
    pub may_act: Option<String>,
    /// `public` when left out. With `pairwise`, clients of another sector know a person by another `sub`
    /// [OIDC Core §8.1]. To change it, or what the sector is made from, makes strangers of all people.
    pub subject_type: Option<ClientSubjectType>,
    /// For `pairwise`: https; its host names the sector, and what is there is a JSON array with all `redirect_uris`, and
    /// `jwks_uri` for a client with CIBA or the device grant. When left out, the host that they all have.
    pub sector_identifier_uri: Option<String>,
    /// What it is held to, all at once: see docs/security-profiles.md. What the server holds everybody to holds besides.
    /// Nothing when left out.
    pub security_profile: Option<ClientSecurityProfile>,
    /// With the CIBA grant. `poll` when left out.
    pub backchannel_token_delivery_mode: Option<DeliveryMode>,
    /// With `ping`: where the server tells it that a person has answered [CIBA §10.2]. `https`, to a public address.
    pub backchannel_client_notification_endpoint: Option<String>,
    /// None when left out.
    pub number_matching: Option<ClientNumberMatching>,
    pub long_poll: Option<bool>,
    /// Its CIBA requests are signed, by this [CIBA §4]. They may be signed or not when left out.
    pub backchannel_authentication_request_signing_alg: Option<AssertionAlgorithm>,
    /// It has people give their user code, and asks nobody without it [CIBA §4, §7.1.2]. `false` when left out.
    pub backchannel_user_code_parameter: Option<bool>,
    /// A `login_hint`, which anybody can make up, is no hint of this client: it needs a `login_hint_token` or an
    /// `id_token_hint`. `false` when left out.
    pub require_hint_token: Option<bool>,
    pub disabled: Option<bool>,
}

/// Changes to a client, as a merge patch: `null` sets a member back to its default.
#[derive(Debug, Object)]
pub struct ClientPatch {
    pub client_name: Option<String>,
    pub client_uri: Option<String>,
    pub logo_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
    pub token_endpoint_auth_method: Option<ClientAuthMethod>,
    pub token_endpoint_auth_signing_alg: Option<AssertionAlgorithm>,
    pub tls_client_auth_subject_dn: Option<String>,
    pub tls_client_auth_san_dns: Option<String>,
    pub tls_client_auth_san_uri: Option<String>,
    pub tls_client_auth_san_ip: Option<String>,
    pub tls_client_auth_san_email: Option<String>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    pub grant_types: Option<Vec<ClientGrantType>>,
    /// All of them: a list is replaced, not added to.
    #[oai(validator(max_items = 20))]
    pub redirect_uris: Option<Vec<String>>,
    #[oai(validator(max_items = 20))]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: Option<bool>,
    pub frontchannel_logout_uri: Option<String>,
    pub frontchannel_logout_session_required: Option<bool>,
    pub response_types: Option<Vec<ClientResponseType>>,
    pub redirectless: Option<bool>,
    pub cookieless: Option<bool>,
    pub sign_on_policy: Option<String>,
    pub implied_consent: Option<bool>,
    pub require_pkce: Option<bool>,
    pub require_pushed_authorization_requests: Option<bool>,
    pub require_signed_request_object: Option<bool>,
    pub request_object_signing_alg: Option<AssertionAlgorithm>,
    #[oai(validator(max_items = 20))]
    pub request_uris: Option<Vec<String>>,
    pub authorization_signed_response_alg: Option<IdTokenAlgorithm>,
    pub authorization_encrypted_response_alg: Option<ResponseKeyManagement>,
    pub authorization_encrypted_response_enc: Option<ResponseEncryption>,
    #[oai(validator(max_items = 20))]
    pub authorization_details_types: Option<Vec<String>>,
    #[oai(validator(max_items = 20))]
    pub resources: Option<Vec<String>>,
    #[oai(validator(max_items = 20))]
    pub protected_resources: Option<Vec<String>>,
    pub scope: Option<String>,
    pub id_token_signed_response_alg: Option<IdTokenAlgorithm>,
    pub access_token_format: Option<AccessTokenFormat>,
    pub userinfo_signed_response_alg: Option<IdTokenAlgorithm>,
    pub introspection_signed_response_alg: Option<IdTokenAlgorithm>,
    pub dpop_bound_access_tokens: Option<bool>,
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    #[oai(validator(max_items = 20))]
    pub token_exchange_audiences: Option<Vec<String>>,
    pub token_exchange_impersonation: Option<bool>,
    pub may_act: Option<String>,
    pub subject_type: Option<ClientSubjectType>,
    pub sector_identifier_uri: Option<String>,
    pub security_profile: Option<ClientSecurityProfile>,
    pub backchannel_token_delivery_mode: Option<DeliveryMode>,
    pub backchannel_client_notification_endpoint: Option<String>,
    pub number_matching: Option<ClientNumberMatching>,
    pub long_poll: Option<bool>,
    pub backchannel_authentication_request_signing_alg: Option<AssertionAlgorithm>,
    pub backchannel_user_code_parameter: Option<bool>,
    pub require_hint_token: Option<bool>,
    pub disabled: Option<bool>,
}

/// Part of a list of clients.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ClientPage {
    pub items: Vec<ClientBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<NumberMatching> for ClientNumberMatching {
    fn from(matching: NumberMatching) -> Self {
        match matching {
            NumberMatching::Pick => Self::Pick,
            NumberMatching::Type => Self::Type,
        }
    }
}

impl From<&domain::Client> for ClientBody {
    fn from(client: &domain::Client) -> Self {
        let (jwks, jwks_uri) = match client.keys() {
            Some(KeySource::Jwks(jwks)) => (Some(jwks.clone()), None),
            Some(KeySource::JwksUri(uri)) => (None, Some(uri.clone())),
            None => (None, None),
        };
        let alg = match &client.authentication {
            Authentication::PrivateKeyJwt { alg, .. } => *alg,
            Authentication::None
            | Authentication::ClientSecretBasic(_)
            | Authentication::ClientSecretPost(_)
            | Authentication::TlsClientAuth(_)
            | Authentication::SelfSignedTlsClientAuth { .. } => None,
        };
        let domain::Pages { client_uri, logo_uri, policy_uri, tos_uri } = client.read_about();
        let subject = SubjectTexts::of(client);
        let backchannel = client.backchannel.as_ref();
        let sign_in = client.sign_in.as_ref();
        let encrypted = sign_in.and_then(|sign_in| sign_in.authorization_encrypted_response);
        let called = client.logout().and_then(|logout| logout.backchannel.as_ref());
        let framed = client.logout().and_then(|logout| logout.frontchannel.as_ref());
        Self {
            client_id: client.id.to_string(),
            client_name: client.name.clone(),
            client_uri,
            logo_uri,
            policy_uri,
            tos_uri,
            token_endpoint_auth_method: (&client.authentication).into(),
            token_endpoint_auth_signing_alg: alg.map(AssertionAlgorithm::from),
            tls_client_auth_subject_dn: subject.dn,
            tls_client_auth_san_dns: subject.dns,
            tls_client_auth_san_uri: subject.uri,
            tls_client_auth_san_ip: subject.ip,
            tls_client_auth_san_email: subject.email,
            jwks,
            jwks_uri,
            grant_types: client.grants.iter().map(|grant| ClientGrantType::from(*grant)).collect(),
            redirect_uris: sign_in.map(|sign_in| RedirectUri::texts(&sign_in.redirect_uris)),
            post_logout_redirect_uris: sign_in.map(|sign_in| RedirectUri::texts(&sign_in.post_logout_redirect_uris)),
            backchannel_logout_uri: called.map(|logout| logout.uri.clone()),
            backchannel_logout_session_required: called.map(|logout| logout.session_required),
            frontchannel_logout_uri: framed.map(|logout| logout.uri.clone()),
            frontchannel_logout_session_required: framed.map(|logout| logout.session_required),
            response_types: sign_in.map(|sign_in| sign_in.response_types.iter().map(|kind| (*kind).into()).collect()),
            redirectless: sign_in.map(|sign_in| sign_in.redirectless),
            cookieless: sign_in.map(|sign_in| sign_in.cookieless),
            sign_on_policy: sign_in.and_then(|sign_in| sign_in.policy.as_ref()).map(ToString::to_string),
            implied_consent: sign_in.map(|sign_in| sign_in.implied_consent),
            require_pkce: sign_in.map(|sign_in| sign_in.require_pkce),
            require_pushed_authorization_requests: sign_in.map(|sign_in| sign_in.requests.pushed),
            require_signed_request_object: sign_in.map(|sign_in| sign_in.requests.signed),
            request_object_signing_alg: sign_in
                .and_then(|sign_in| sign_in.requests.signing_alg)
                .map(AssertionAlgorithm::from),
            request_uris: sign_in.map(|sign_in| sign_in.requests.uris.clone()),
            authorization_signed_response_alg: sign_in
                .and_then(|sign_in| sign_in.authorization_signed_response_alg)
                .map(IdTokenAlgorithm::from),
            authorization_encrypted_response_alg: encrypted.map(|encryption| encryption.alg.into()),
            authorization_encrypted_response_enc: encrypted.map(|encryption| encryption.enc.into()),
            authorization_details_types: sign_in.map(|sign_in| sign_in.requests.details.clone()),
            resources: client.resources.clone(),
            protected_resources: Some(client.protected_resources.clone()).filter(|uris| !uris.is_empty()),
            scope: client.scope.to_string(),
            id_token_signed_response_alg: client.id_token_signed_response_alg.into(),
            userinfo_signed_response_alg: client.userinfo_signed_response_alg.map(Into::into),
            introspection_signed_response_alg: client.introspection_signed_response_alg.map(Into::into),
            access_token_format: match client.access_token_format {
                domain::AccessTokenFormat::Jwt => AccessTokenFormat::Jwt,
                domain::AccessTokenFormat::Opaque => AccessTokenFormat::Opaque,
            },
            dpop_bound_access_tokens: client.dpop_bound_access_tokens,
            tls_client_certificate_bound_access_tokens: client.tls_client_certificate_bound_access_tokens,
            token_exchange_audiences: client.token_exchange.as_ref().map(|exchange| exchange.audiences.clone()),
            token_exchange_impersonation: client.token_exchange.as_ref().map(|exchange| exchange.impersonation),
            may_act: client.may_act.as_ref().map(ClientId::to_string),
            subject_type: match client.pairwise {
                None => ClientSubjectType::Public,
                Some(_) => ClientSubjectType::Pairwise,
            },
            sector_identifier_uri: client.pairwise.as_ref().and_then(|sector| sector.uri.clone()),
            security_profile: client.security_profile.map(ClientSecurityProfile::from),
            backchannel_token_delivery_mode: backchannel.map(|backchannel| match backchannel.delivery {
                domain::Delivery::Poll => DeliveryMode::Poll,
                domain::Delivery::Ping { .. } => DeliveryMode::Ping,
            }),
            backchannel_client_notification_endpoint: client.notification_endpoint().cloned(),
            number_matching: backchannel
                .and_then(|backchannel| backchannel.number_matching)
                .map(ClientNumberMatching::from),
            long_poll: backchannel.map(|backchannel| backchannel.long_poll),
            backchannel_authentication_request_signing_alg: backchannel
                .and_then(|backchannel| backchannel.request_signing_alg)
                .map(AssertionAlgorithm::from),
            backchannel_user_code_parameter: backchannel.map(|backchannel| backchannel.user_code),
            require_hint_token: backchannel.map(|backchannel| backchannel.require_hint_token),
            disabled: client.disabled,
            created_at: client.created_at.into(),
        }
    }
}

impl From<WithSecret> for ClientWithSecret {
    fn from(made: WithSecret) -> Self {
        Self { client: (&made.client).into(), client_secret: made.secret.map(|secret| secret.expose().clone()) }
    }
}
