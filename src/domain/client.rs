//! A relying party, and what it may do.

mod pages;
mod secrets;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::pages::Pages;
pub use self::secrets::{ClientSecret, Secrets, StoredSecret};
use super::profile::Profile;
use super::subject::Sector;
use crate::clock::Timestamp;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::client_certificate::CertificateSubject;
use crate::protocol::encryption::Encryption;
use crate::protocol::extent::Extent;
use crate::protocol::id::{ClientId, PolicyId, RegistrationToken};
use crate::protocol::jwt::Audience;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::registration::About;
use crate::protocol::scope::Scope;
use crate::secret::Digest;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub id: ClientId,
    /// What a person sees: "Demo Shop asks ...".
    pub name: String,
    pub disabled: bool,
    pub authentication: Authentication,
    pub grants: BTreeSet<GrantType>,
    /// What it may ask for; a request beyond it is `invalid_scope`.
    pub scope: Scope,
    pub id_token_signed_response_alg: Algorithm,
    pub access_token_format: AccessTokenFormat,
    /// Servers that it may have access tokens for, besides us [RFC 8707].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Servers that it is: it may ask about access tokens for them [RFC 7662 §2].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected_resources: Vec<String>,
    /// `UserInfo` answers with a JWT [OIDCC §5.3.2].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// Of the answers to its introspection, where it asks for a JWT [RFC 9701 §6]. RS256 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<Algorithm>,
    /// Its access tokens are never bearer tokens [RFC 9449 §5.2].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// Its access tokens are for whoever has its certificate [RFC 8705 §3.4].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// Present when the client may use the backchannel endpoint.
    pub backchannel: Option<Backchannel>,
    /// Present when the client may use the authorization endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn>,
    /// Present when the client registered itself [RFC 7591].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<SelfRegistered>,
    /// Present when the client may exchange tokens [RFC 8693].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_exchange: Option<TokenExchange>,
    /// Who may exchange the tokens that this client was given [RFC 8693 §4.4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_act: Option<ClientId>,
    /// Present when the client knows people by subjects of its own sector [OIDCC §8.1]: `subject_type` pairwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairwise: Option<Sector>,
    /// What it is held to, besides what the server holds everybody to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<Profile>,
    /// Of a client that did not register itself: see [`Client::read_about`].
    #[serde(default, skip_serializing_if = "Pages::is_empty")]
    pub pages: Pages,
    pub created_at: Timestamp,
}

impl Client {
    pub fn may(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// Where it is told that a request of its was decided [CIBA §10.2].
    pub fn notification_endpoint(&self) -> Option<&String> {
        self.backchannel.as_ref().and_then(|backchannel| backchannel.delivery.endpoint())
    }

    pub fn logout(&self) -> Option<&Logout> {
        self.sign_in.as_ref().map(|sign_in| &sign_in.logout).filter(|logout| !logout.is_silent())
    }

    /// Whether it may have access tokens for this server: for us, each client may [RFC 8707 §2].
    pub fn may_reach(&self, resource: &str, issuer: &str) -> bool {
        resource == issuer || self.resources.iter().any(|own| own == resource)
    }

    /// Whether an access token for `audience` is for it: by its name [RFC 8693 §2.1], or by the address of a server that it
    /// is [RFC 8707 §2]. Tokens for us are nobody's else.
    pub fn is_meant_by(&self, audience: &Audience, issuer: &str) -> bool {
        let mut own = std::iter::once(self.id.as_str()).chain(self.protected_resources.iter().map(String::as_str));
        own.any(|name| name != issuer && audience.contains(name))
    }

    /// What it may still have of what was given to it. `None`: nothing, though something was named.
    pub fn still(&self, extent: Extent, issuer: &str) -> Option<Extent> {
        let types = self.sign_in.as_ref().map(|sign_in| sign_in.requests.details.as_slice()).unwrap_or_default();
        let detail = |kind: &str| types.iter().any(|own| own == kind);
        extent.left(&self.scope, |uri| self.may_reach(uri, issuer), detail)
    }

    pub const fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::None)
    }

    /// Whether a page of this origin is one of the client's: whoever can be given its codes there can be told of its
    /// tokens.
    pub fn has_pages_at(&self, origin: &str) -> bool {
        self.sign_in.iter().flat_map(|sign_in| &sign_in.redirect_uris).any(|uri| uri.is_at(origin))
    }

    /// The addresses that show whose it is, and that its sector has to list [OIDCC §8.1, CIBA §4].
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let redirects = self.sign_in.iter().flat_map(|sign_in| &sign_in.redirect_uris).map(RedirectUri::as_str);
        let keys = match &self.authentication {
            Authentication::PrivateKeyJwt { keys: KeySource::JwksUri(uri), .. }
            | Authentication::SelfSignedTlsClientAuth { keys: KeySource::JwksUri(uri) }
                if self.is_known_by_its_keys() =>
            {
                Some(uri.as_str())
            }
            Authentication::PrivateKeyJwt { .. }
            | Authentication::SelfSignedTlsClientAuth { .. }
            | Authentication::TlsClientAuth(_)
            | Authentication::None
            | Authentication::ClientSecretBasic(_)
            | Authentication::ClientSecretPost(_) => None,
        };
        redirects.chain(keys)
    }

    /// It is given tokens without anybody's having come back to an address of its.
    fn is_known_by_its_keys(&self) -> bool {
        self.sign_in.is_none() || self.grants.iter().any(|grant| grant.is_out_of_band())
    }

    /// What its signatures are verified with: those of its assertions, of its request objects, and of its questions.
    pub fn keys(&self) -> Option<&KeySource> {
        match &self.authentication {
            Authentication::PrivateKeyJwt { keys, .. } | Authentication::SelfSignedTlsClientAuth { keys } => Some(keys),
            Authentication::None
            | Authentication::ClientSecretBasic(_)
            | Authentication::ClientSecretPost(_)
            | Authentication::TlsClientAuth(_) => {
                let at_sign_in = self.sign_in.as_ref().and_then(|sign_in| sign_in.requests.keys.as_ref());
                at_sign_in.or_else(|| self.backchannel.as_ref().and_then(|backchannel| backchannel.keys.as_ref()))
            }
        }
    }
}

/// How a client proves who it is: one method, registered (OIDC Core §9). A client with keys has no
/// secret and the other way round.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Authentication {
    /// A public client: it has no secret that it could keep [RFC 6749 §2.1].
    None,
    ClientSecretBasic(Secrets),
    ClientSecretPost(Secrets),
    PrivateKeyJwt {
        keys: KeySource,
        /// `token_endpoint_auth_signing_alg`; any algorithm that fits the key when absent.
        alg: Option<Algorithm>,
    },
    /// By a certificate of this subject [RFC 8705 §2.1].
    TlsClientAuth(CertificateSubject),
    /// By a certificate that is in its key set [RFC 8705 §2.2].
    SelfSignedTlsClientAuth {
        keys: KeySource,
    },
}

impl Authentication {
    /// Of a client that has them.
    pub const fn secrets(&self) -> Option<&Secrets> {
        match self {
            Self::ClientSecretBasic(secrets) | Self::ClientSecretPost(secrets) => Some(secrets),
            Self::None | Self::PrivateKeyJwt { .. } | Self::TlsClientAuth(_) | Self::SelfSignedTlsClientAuth { .. } => {
                None
            }
        }
    }

    pub const fn secrets_mut(&mut self) -> Option<&mut Secrets> {
        match self {
            Self::ClientSecretBasic(secrets) | Self::ClientSecretPost(secrets) => Some(secrets),
            Self::None | Self::PrivateKeyJwt { .. } | Self::TlsClientAuth(_) | Self::SelfSignedTlsClientAuth { .. } => {
                None
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// A JWK Set, as registered.
    Jwks(serde_json::Value),
    JwksUri(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GrantType {
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// Tokens of the authorization endpoint itself [RFC 7591 §2.1, OIDCR §2].
    #[serde(rename = "implicit")]
    Implicit,
    #[serde(rename = "urn:openid:params:grant-type:ciba")]
    Ciba,
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// The client for itself, without a person [RFC 6749 §4.4].
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// A device without a keyboard, connected from elsewhere [RFC 8628].
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// A token for another one [RFC 8693].
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

impl GrantType {
    pub const ALL: [Self; 7] = [
        Self::AuthorizationCode,
        Self::Implicit,
        Self::Ciba,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::TokenExchange,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::Implicit => "implicit",
            Self::Ciba => "urn:openid:params:grant-type:ciba",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }

    /// What an answer of the authorization endpoint is part of [RFC 7591 §2.1, OIDCR §2].
    pub fn of(response_type: ResponseType) -> impl Iterator<Item = Self> {
        let code = response_type.has_code().then_some(Self::AuthorizationCode);
        code.into_iter().chain(response_type.is_in_front().then_some(Self::Implicit))
    }

    /// Whether it ends somewhere else than at an address of the client.
    pub const fn is_out_of_band(self) -> bool {
        matches!(self, Self::Ciba | Self::DeviceCode)
    }

    /// Whether it begins with a request that the client may sign [RFC 9101, CIBA §7.1.1].
    pub const fn has_signed_requests(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::Implicit | Self::Ciba)
    }

    /// Whether it begins at the authorization endpoint.
    pub const fn signs_people_in(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::Implicit)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// RFC 9068.
    Jwt,
    Opaque,
}

/// What a client registered for the backchannel endpoint [CIBA §4].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backchannel {
    pub delivery: Delivery,
    /// The client shows a number that the person carries to the device.
    pub number_matching: Option<NumberMatching>,
    /// Polls of this client are held until there is an answer [CIBA §7.3].
    pub long_poll: bool,
    /// `backchannel_authentication_request_signing_alg` [CIBA §4]: its questions are signed, by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_signing_alg: Option<Algorithm>,
    /// `backchannel_user_code_parameter` [CIBA §4]: it has people give their user code, and asks nobody without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub user_code: bool,
    /// A `login_hint`, which anybody can make up, is no hint of this client.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_hint_token: bool,
    /// What they are signed with, for a client that does not authenticate with its keys. One that signs people in as
    /// well has them there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeySource>,
}

/// What a client registered for the authorization endpoint [RFC 7591 §2].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "metadata that are registered one by one")]
pub struct SignIn {
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may be sent after its person was signed out [RIL §3.1].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    pub response_types: Vec<ResponseType>,
    /// `response_mode=pi.flow`: the client runs the authentication flow itself, and sees what the person
    /// types there.
    pub redirectless: bool,
    /// Such a flow is carried on by what each answer says, without a cookie.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookieless: bool,
    /// How its people sign in, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyId>,
    /// The client is the operator's own: nobody is asked whether it may have what it asks for.
    pub implied_consent: bool,
    /// A code of this client is redeemed with its verifier or not at all. Always so for a public client.
    pub require_pkce: bool,
    #[serde(default, skip_serializing_if = "Logout::is_silent")]
    pub logout: Logout,
    #[serde(default)]
    pub requests: Requests,
    /// What signs its answers, where it wants them as JWTs [JARM §3]; as its ID tokens when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<Algorithm>,
    /// What they are encrypted with after that; not at all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response: Option<Encryption>,
}

/// How the authorization requests of a client come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Requests {
    /// No browser brings them [RFC 9126 §6]: `require_pushed_authorization_requests`.
    pub pushed: bool,
    /// They are signed [RFC 9101 §10.5]: `require_signed_request_object`.
    pub signed: bool,
    /// `request_object_signing_alg`; any algorithm that fits the key when absent.
    pub signing_alg: Option<Algorithm>,
    /// What they are signed with, for a client that does not authenticate with its keys.
    pub keys: Option<KeySource>,
    /// Where they may be fetched [OIDCC §6.2]: `request_uris`.
    pub uris: Vec<String>,
    /// Types of `authorization_details` that they may have [RFC 9396 §10]: `authorization_details_types`.
    pub details: Vec<String>,
}

/// How a client wants to hear that a session has ended in which people signed in to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// The server calls it [BCL §2.2].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel: Option<LogoutUri>,
    /// The browser loads it, in a frame [FCL §2].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel: Option<LogoutUri>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutUri {
    pub uri: String,
    /// The client cannot do without `sid`. It is told in any case.
    pub session_required: bool,
}

impl Logout {
    pub const fn is_silent(&self) -> bool {
        self.backchannel.is_none() && self.frontchannel.is_none()
    }
}

/// By what a client that registered itself is recognised when it looks after its registration, and what it says of
/// itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfRegistered {
    pub token: Digest<RegistrationToken>,
    /// With an initial access token: somebody wanted it to be here.
    pub invited: bool,
    pub about: About,
}

/// What a client may exchange tokens for [RFC 8693 §2.1].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenExchange {
    /// Whom its tokens may be for, besides this server: a client, or the address of a resource.
    pub audiences: Vec<String>,
    /// Its tokens do not say that it is the client who acts.
    pub impersonation: bool,
}

/// `backchannel_token_delivery_mode` [CIBA §5].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Delivery {
    Poll,
    /// It is told when to come: at `backchannel_client_notification_endpoint` [CIBA §4].
    Ping {
        endpoint: String,
    },
}

impl Delivery {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Ping { .. } => "ping",
        }
    }

    /// Where the client is told.
    pub const fn endpoint(&self) -> Option<&String> {
        match self {
            Self::Poll => None,
            Self::Ping { endpoint } => Some(endpoint),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberMatching {
    /// One of three numbers is picked.
    Pick,
    /// The number is typed.
    Type,
}
