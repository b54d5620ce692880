//! What is said of a client on the command line, in the words of the standards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::certificate::Certificate;
use crate::cli::exit::Exit;
use crate::domain::client::GrantType;
use crate::domain::profile::Profile;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::encryption::{ContentEncryption, KeyManagement};
use crate::protocol::jwt::KeySet;
use crate::usecase::admin::client_metadata::ClientMetadata;
use crate::usecase::certificates::{OF_AN_AUTHORITY, SELF_SIGNED};

/// What may be said of a client. Defaults and rules are those of [`ClientMetadata`], for whoever registers it.
#[derive(Args)]
pub(super) struct Registration {
    /// What people see, instead of the id
    #[arg(long)]
    name: Option<String>,
    /// Its page on the web
    #[arg(long, value_name = "URL", hide_short_help = true)]
    client_uri: Option<String>,
    /// Kept and told, and shown nowhere
    #[arg(long, value_name = "URL", hide_short_help = true)]
    logo_uri: Option<String>,
    /// What it does with what it learns of people
    ///
    /// The page for consent has a link to it: https.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    policy_uri: Option<String>,
    /// Its terms; the page for consent has a link
    #[arg(long, value_name = "URL", hide_short_help = true)]
    tos_uri: Option<String>,
    /// Default `client_secret_basic`; see `nod help`
    ///
    /// How the client authenticates: `client_secret_basic`, `client_secret_post`, `private_key_jwt`,
    /// `tls_client_auth`, `self_signed_tls_client_auth`, or `none` for a public client.
    #[arg(long, value_name = "METHOD", value_enum, hide_possible_values = true)]
    auth: Option<Auth>,
    /// It can keep no secret, as `--auth none`
    ///
    /// An app on somebody's device or a page in a browser. It signs people in with PKCE, and may refresh;
    /// nothing else.
    #[arg(long, conflicts_with = "auth")]
    public: bool,
    /// Its JWK Set: keys, or certificates as `x5c`
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// Where it publishes its JWK Set
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// The only algorithm of its assertions
    ///
    /// ES256, PS256, RS256 or `EdDSA`; without it, any that fits the key.
    #[arg(long, value_name = "ALG", value_parser = algorithm, hide_short_help = true)]
    auth_alg: Option<Algorithm>,
    #[command(flatten)]
    certificate: Certificate,
    /// Default ciba; may repeat
    ///
    /// What the client may get tokens with: `authorization_code`, `implicit`, `ciba`, `refresh_token`,
    /// `client_credentials`, `device_code`, `token_exchange`. Without it, `authorization_code` with `--redirect-uri` or `--public`, else `ciba`.
    #[arg(long = "grant", value_name = "GRANT", value_enum, hide_possible_values = true)]
    grants: Vec<Grant>,
    /// Where a sign-in comes back to; may repeat
    ///
    /// Compared as text: `https`, `http` on this machine, or `com.example.app:/path`. `http://127.0.0.1`,
    /// `http://[::1]` and `http://localhost:*` stand for any port. 1 to 20, for `authorization_code`.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// What a sign-in is answered with; may repeat
    ///
    /// code (the default), `id_token`, "`id_token` token", "code `id_token`", "code token" or "code `id_token` token".
    /// All but the first need `--grant implicit`.
    #[arg(long = "response-type", value_name = "TYPE", hide_short_help = true)]
    response_types: Vec<String>,
    /// Where a browser goes after signing out; may repeat
    ///
    /// Under the rules of `--redirect-uri`, at most 20, for `authorization_code`.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", hide_short_help = true)]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended
    ///
    /// The server posts a logout token there (OpenID Connect Back-Channel Logout 1.0). `https`, for
    /// `authorization_code`.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    backchannel_logout_uri: Option<String>,
    /// It cannot do without `sid`, which is always there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    backchannel_logout_session_required: Option<bool>,
    /// What a browser loads when a session has ended
    ///
    /// In a frame of the page that says so (OpenID Connect Front-Channel Logout 1.0), with scheme, host and
    /// port of one of the redirect URIs.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    frontchannel_logout_uri: Option<String>,
    /// It cannot do without `iss` and `sid`, which are always there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    frontchannel_logout_session_required: Option<bool>,
    /// It may run the sign-in itself
    ///
    /// The client asks for `response_mode=pi.flow` and shows its own pages, so it sees passwords. For
    /// clients that are your own.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    redirectless: Option<bool>,
    /// Such a sign-in needs no cookies
    ///
    /// Each answer of the flow API has what the next call sends back. For `--redirectless`.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    cookieless: Option<bool>,
    /// How its people sign in: a sign-on policy
    ///
    /// Instead of the default policy. `nod apply` makes policies, and the admin API.
    #[arg(long = "policy", value_name = "ID", hide_short_help = true)]
    sign_on_policy: Option<String>,
    /// Nobody is asked for consent
    ///
    /// Whoever signs in is not asked whether the client may have what it asks for. For clients that are
    /// your own.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    implied_consent: Option<bool>,
    /// On unless `=false`: its sign-ins need PKCE
    ///
    /// Refuse its authorization requests without a `code_challenge` (RFC 7636). Always on for a public
    /// client.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    require_pkce: Option<bool>,
    /// Its requests must be pushed
    ///
    /// Refuse its authorization requests that a browser brings: it sends them to the server itself first
    /// (RFC 9126).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    require_par: Option<bool>,
    /// Its requests must be signed
    ///
    /// Refuse its authorization requests that are no request objects (RFC 9101), which its keys sign.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    require_signed_requests: Option<bool>,
    /// The only algorithm of its request objects
    ///
    /// ES256, PS256, RS256 or `EdDSA`; without it, any that fits the key.
    #[arg(long, value_name = "ALG", value_parser = algorithm, hide_short_help = true)]
    request_object_alg: Option<Algorithm>,
    /// Where its request objects are; may repeat
    ///
    /// An https address that a `request_uri` may name: it is fetched from there. At most 20.
    #[arg(long = "request-uri", value_name = "URI", hide_short_help = true)]
    request_uris: Vec<String>,
    /// ES256, PS256 or RS256, for answers as JWTs
    ///
    /// What signs its answers with `response_mode=jwt` (JARM); as its ID tokens when left out.
    #[arg(long, value_name = "ALG", value_parser = algorithm, hide_short_help = true)]
    authorization_response_alg: Option<Algorithm>,
    /// ECDH-ES or RSA-OAEP-256, for answers as JWTs
    ///
    /// Its answers with `response_mode=jwt` are encrypted for a key of `--jwks` or `--jwks-uri`; not at all when left out.
    #[arg(long, value_name = "ALG", value_parser = key_management, hide_short_help = true)]
    authorization_response_encryption_alg: Option<KeyManagement>,
    /// A128CBC-HS256 (the default), A128GCM or A256GCM
    ///
    /// What such an answer is encrypted with.
    #[arg(long, value_name = "ENC", value_parser = content_encryption, hide_short_help = true)]
    authorization_response_encryption_enc: Option<ContentEncryption>,
    /// A type of its details; may repeat
    ///
    /// A type of `authorization_details` that its requests may have (RFC 9396), one of those that the setting
    /// `authorization.details` has.
    #[arg(long = "details-type", value_name = "TYPE", hide_short_help = true)]
    details_types: Vec<String>,
    /// Whom its tokens may be for; may repeat
    ///
    /// An absolute URI that it may send as `resource` (RFC 8707): the audience of its access tokens.
    #[arg(long = "resource", value_name = "URI", hide_short_help = true)]
    resources: Vec<String>,
    /// A server that it is; may repeat
    ///
    /// The client may introspect access tokens that are for this absolute URI (RFC 7662), whoever has them.
    #[arg(long = "protected-resource", value_name = "URI", hide_short_help = true)]
    protected_resources: Vec<String>,
    /// Default: openid profile email
    ///
    /// What the client may ask for, space-separated. Scopes that begin with nod: administer.
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// ES256 (the default), PS256 or RS256
    ///
    /// What signs its ID tokens, and its access tokens where they are JWTs.
    #[arg(long, value_name = "ALG", value_parser = algorithm, hide_short_help = true)]
    id_token_alg: Option<Algorithm>,
    /// jwt (the default) or opaque
    #[arg(long, value_name = "FORM", value_enum, hide_short_help = true, hide_possible_values = true)]
    access_token: Option<TokenFormat>,
    /// `UserInfo` answers with a JWT by it
    ///
    /// ES256, PS256 or RS256. JSON without it.
    #[arg(long, value_name = "ALG", value_parser = algorithm, hide_short_help = true)]
    userinfo_alg: Option<Algorithm>,
    /// Of the JWTs that introspection answers with
    ///
    /// ES256, PS256 or RS256 (the default), for a client that asks for a JWT (RFC 9701).
    #[arg(long, value_name = "ALG", value_parser = algorithm, hide_short_help = true)]
    introspection_alg: Option<Algorithm>,
    /// Its access tokens are bound to a key
    ///
    /// Refuse its token requests without a DPoP proof (RFC 9449). Without this, they may have one.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    dpop_bound_access_tokens: Option<bool>,
    /// Whom its exchanged tokens may be for; may repeat
    ///
    /// A `client_id`, or the address of a resource, for `token_exchange`. This server without it.
    #[arg(long = "token-exchange-audience", value_name = "AUDIENCE", hide_short_help = true)]
    token_exchange_audiences: Vec<String>,
    /// Its exchanged tokens do not say who acts
    ///
    /// Without `act` in them, whoever reads them takes the client for the person.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    token_exchange_impersonation: Option<bool>,
    /// Which client may exchange its tokens
    #[arg(long, value_name = "CLIENT", hide_short_help = true)]
    may_act: Option<String>,
    /// public (the default) or pairwise
    ///
    /// With pairwise, clients of another sector know a person by another `sub`. To change it makes strangers of all
    /// people.
    #[arg(long, value_name = "TYPE", value_enum, hide_short_help = true, hide_possible_values = true)]
    subject_type: Option<SubjectType>,
    /// Where its sector lists its addresses
    ///
    /// For pairwise: https; its host names the sector. Without it, the host of all redirect URIs. Nothing is called from
    /// here, so whether they are listed is for you to say.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    sector_identifier_uri: Option<String>,
    /// What it is held to, all at once
    ///
    /// oauth21, fapi2-security, fapi2-message-signing or fapi-ciba: see docs/security-profiles.md. Besides what the
    /// server holds everybody to.
    #[arg(long, value_name = "PROFILE", value_parser = profile, hide_short_help = true)]
    security_profile: Option<Profile>,
    /// poll (the default) or ping
    ///
    /// Whether the client asks until there is an answer, or is told when there is one. ping needs
    /// `--notification-endpoint`.
    #[arg(long, value_name = "MODE", value_enum, hide_short_help = true, hide_possible_values = true)]
    delivery_mode: Option<DeliveryMode>,
    /// Where it is told that a person has answered
    ///
    /// For ping, which it stands for when `--delivery-mode` is left out: https. Nothing is called from here.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    notification_endpoint: Option<String>,
    /// Its CIBA requests are signed, by this
    ///
    /// ES256, PS256, RS256 or `EdDSA`. Without it, they may be signed or not.
    #[arg(long, value_name = "ALG", value_parser = algorithm, hide_short_help = true)]
    ciba_request_alg: Option<Algorithm>,
    /// It has people give their user code
    ///
    /// A secret of theirs, without which it can have nobody asked. `nod user set-user-code` sets them.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    ask_user_code: Option<bool>,
    /// It names nobody by a plain `login_hint`
    ///
    /// Whom it wants to have asked, it says with a `login_hint_token` or an `id_token_hint`.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    require_hint_token: Option<bool>,
    /// pick (one of three) or type
    ///
    /// The client shows a number that the person carries to the device.
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true)]
    number_matching: Option<Matching>,
    /// Hold its polls until there is an answer
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    long_poll: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "as the standard calls them")]
pub(super) enum Auth {
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    AuthorizationCode,
    Implicit,
    Ciba,
    RefreshToken,
    ClientCredentials,
    DeviceCode,
    TokenExchange,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TokenFormat {
    Jwt,
    Opaque,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SubjectType {
    Public,
    Pairwise,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeliveryMode {
    Poll,
    Ping,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Matching {
    Pick,
    Type,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "one of ES256, PS256, RS256, EdDSA".to_owned())
}

fn key_management(text: &str) -> Result<KeyManagement, String> {
    KeyManagement::parse(text).ok_or_else(|| "ECDH-ES or RSA-OAEP-256".to_owned())
}

fn content_encryption(text: &str) -> Result<ContentEncryption, String> {
    ContentEncryption::parse(text).ok_or_else(|| "one of A128CBC-HS256, A128GCM, A256GCM".to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    Profile::parse(text).ok_or_else(|| "one of oauth21, fapi2-security, fapi2-message-signing, fapi-ciba".to_owned())
}

impl Registration {
    pub(super) fn auth(&self) -> Option<Auth> {
        if self.public { Some(Auth::None) } else { self.auth }
    }

    fn delivery_mode(&self) -> Option<&'static str> {
        match (self.delivery_mode, &self.notification_endpoint) {
            (Some(DeliveryMode::Poll), _) => Some("poll"),
            (Some(DeliveryMode::Ping), _) | (None, Some(_)) => Some("ping"),
            (None, None) => None,
        }
    }

    /// In the words of the standards, where the rules are kept. What was not said is absent.
    pub(super) fn metadata(&self) -> Result<ClientMetadata, Exit> {
        let grants: BTreeSet<GrantType> = self.grants.iter().copied().map(GrantType::from).collect();
        let text = |text: &str| Some(text.to_owned());
        Ok(ClientMetadata {
            client_name: self.name.clone(),
            client_uri: self.client_uri.clone(),
            logo_uri: self.logo_uri.clone(),
            policy_uri: self.policy_uri.clone(),
            tos_uri: self.tos_uri.clone(),
            token_endpoint_auth_method: self.auth().and_then(|auth| {
                text(match auth {
                    Auth::ClientSecretBasic => "client_secret_basic",
                    Auth::ClientSecretPost => "client_secret_post",
                    Auth::PrivateKeyJwt => "private_key_jwt",
                    Auth::TlsClientAuth => OF_AN_AUTHORITY,
                    Auth::SelfSignedTlsClientAuth => SELF_SIGNED,
                    Auth::None => "none",
                })
            }),
            token_endpoint_auth_signing_alg: self.auth_alg.and_then(|alg| text(alg.as_str())),
            tls_client_auth_subject_dn: self.certificate.dn.clone(),
            tls_client_auth_san_dns: self.certificate.dns.clone(),
            tls_client_auth_san_uri: self.certificate.uri.clone(),
            tls_client_auth_san_ip: self.certificate.ip.clone(),
            tls_client_auth_san_email: self.certificate.email.clone(),
            jwks: self.jwks.as_deref().map(key_set).transpose()?,
            jwks_uri: self.jwks_uri.clone(),
            grant_types: (!grants.is_empty()).then(|| grants.iter().map(|grant| grant.as_str().to_owned()).collect()),
            redirect_uris: (!self.redirect_uris.is_empty()).then(|| self.redirect_uris.clone()),
            post_logout_redirect_uris: (!self.post_logout_redirect_uris.is_empty())
                .then(|| self.post_logout_redirect_uris.clone()),
            backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            backchannel_logout_session_required: self.backchannel_logout_session_required,
            frontchannel_logout_uri: self.frontchannel_logout_uri.clone(),
            frontchannel_logout_session_required: self.frontchannel_logout_session_required,
            response_types: (!self.response_types.is_empty()).then(|| self.response_types.clone()),
            redirectless: self.redirectless,
            cookieless: self.cookieless,
            sign_on_policy: self.sign_on_policy.clone(),
            implied_consent: self.implied_consent,
            require_pkce: self.require_pkce,
            require_pushed_authorization_requests: self.require_par,
            require_signed_request_object: self.require_signed_requests,
            request_object_signing_alg: self.request_object_alg.and_then(|alg| text(alg.as_str())),
            request_uris: (!self.request_uris.is_empty()).then(|| self.request_uris.clone()),
            authorization_signed_response_alg: self.authorization_response_alg.and_then(|alg| text(alg.as_str())),
            authorization_encrypted_response_alg: self
                .authorization_response_encryption_alg
                .and_then(|alg| text(alg.as_str())),
            authorization_encrypted_response_enc: self
                .authorization_response_encryption_enc
                .and_then(|enc| text(enc.as_str())),
            authorization_details_types: (!self.details_types.is_empty()).then(|| self.details_types.clone()),
            resources: (!self.resources.is_empty()).then(|| self.resources.clone()),
            protected_resources: (!self.protected_resources.is_empty()).then(|| self.protected_resources.clone()),
            scope: self.scope.clone(),
            id_token_signed_response_alg: self.id_token_alg.and_then(|alg| text(alg.as_str())),
            backchannel_token_delivery_mode: self.delivery_mode().map(str::to_owned),
            backchannel_client_notification_endpoint: self.notification_endpoint.clone(),
            access_token_format: self.access_token.and_then(|format| {
                text(match format {
                    TokenFormat::Jwt => "jwt",
                    TokenFormat::Opaque => "opaque",
                })
            }),
            userinfo_signed_response_alg: self.userinfo_alg.and_then(|alg| text(alg.as_str())),
            introspection_signed_response_alg: self.introspection_alg.and_then(|alg| text(alg.as_str())),
            dpop_bound_access_tokens: self.dpop_bound_access_tokens,
            tls_client_certificate_bound_access_tokens: self.certificate.bound,
            token_exchange_audiences: (!self.token_exchange_audiences.is_empty())
                .then(|| self.token_exchange_audiences.clone()),
            token_exchange_impersonation: self.token_exchange_impersonation,
            may_act: self.may_act.clone(),
            subject_type: self.subject_type.and_then(|kind| {
                text(match kind {
                    SubjectType::Public => "public",
                    SubjectType::Pairwise => "pairwise",
                })
            }),
            sector_identifier_uri: self.sector_identifier_uri.clone(),
            security_profile: self.security_profile.and_then(|profile| text(profile.as_str())),
            number_matching: self.number_matching.and_then(|matching| {
                text(match matching {
                    Matching::Pick => "pick",
                    Matching::Type => "type",
                })
            }),
            long_poll: self.long_poll,
            backchannel_authentication_request_signing_alg: self.ciba_request_alg.and_then(|alg| text(alg.as_str())),
            backchannel_user_code_parameter: self.ask_user_code,
            require_hint_token: self.require_hint_token,
            disabled: None,
        })
    }
}

impl From<Grant> for GrantType {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::AuthorizationCode => Self::AuthorizationCode,
            Grant::Implicit => Self::Implicit,
            Grant::Ciba => Self::Ciba,
            Grant::RefreshToken => Self::RefreshToken,
            Grant::ClientCredentials => Self::ClientCredentials,
            Grant::DeviceCode => Self::DeviceCode,
            Grant::TokenExchange => Self::TokenExchange,
        }
    }
}

fn key_set(file: &Path) -> Result<serde_json::Value, Exit> {
    let text = std::fs::read(file).map_err(|error| Exit::failed(format!("{}: {error}", file.display())))?;
    KeySet::parse(&text).map_err(|error| Exit::usage(format!("--jwks: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| Exit::usage(format!("--jwks: {error}")))
}
