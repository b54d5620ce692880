//! The words of a client's registration that are one of a few.

use poem_openapi::Enum;

use crate::domain::client::{Authentication, GrantType};
use crate::domain::profile::Profile;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::encryption::{ContentEncryption, KeyManagement};

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// A public client [RFC 6749 §2.1].
    None,
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
    /// By a certificate of one of the authorities of the server [RFC 8705 §2.1].
    TlsClientAuth,
    /// By a certificate that is in its JWK Set [RFC 8705 §2.2].
    SelfSignedTlsClientAuth,
}

/// How a client knows people [OIDC Core §8].
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ClientSubjectType {
    /// By the subject that all others have.
    Public,
    /// By one of its sector's own.
    Pairwise,
}

/// What a client may ask the authorization endpoint for [RFC 6749 §3.1.1].
#[derive(Clone, Copy, Debug, Enum)]
pub enum ClientResponseType {
    #[oai(rename = "code")]
    Code,
    #[oai(rename = "id_token")]
    IdToken,
    #[oai(rename = "id_token token")]
    IdTokenToken,
    #[oai(rename = "code id_token")]
    CodeIdToken,
    #[oai(rename = "code token")]
    CodeToken,
    #[oai(rename = "code id_token token")]
    CodeIdTokenToken,
}

impl From<ResponseType> for ClientResponseType {
    fn from(kind: ResponseType) -> Self {
        match kind {
            ResponseType::Code => Self::Code,
            ResponseType::IdToken => Self::IdToken,
            ResponseType::IdTokenToken => Self::IdTokenToken,
            ResponseType::CodeIdToken => Self::CodeIdToken,
            ResponseType::CodeToken => Self::CodeToken,
            ResponseType::CodeIdTokenToken => Self::CodeIdTokenToken,
        }
    }
}

/// What a client may do at the token endpoint.
#[derive(Clone, Copy, Debug, Enum)]
pub enum ClientGrantType {
    #[oai(rename = "authorization_code")]
    AuthorizationCode,
    /// Not at the token endpoint: what the authorization endpoint gives itself.
    #[oai(rename = "implicit")]
    Implicit,
    #[oai(rename = "urn:openid:params:grant-type:ciba")]
    Ciba,
    #[oai(rename = "refresh_token")]
    RefreshToken,
    #[oai(rename = "client_credentials")]
    ClientCredentials,
    #[oai(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    #[oai(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    Jwt,
    Opaque,
}

/// The client shows a number that the person picks, or types, on the device.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ClientNumberMatching {
    Pick,
    Type,
}

#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum DeliveryMode {
    /// The client asks until there is an answer.
    Poll,
    /// It is told when there is one, and asks then [CIBA §10.2].
    Ping,
}

#[derive(Clone, Copy, Debug, Enum)]
pub enum IdTokenAlgorithm {
    ES256,
    RS256,
    PS256,
}

#[derive(Clone, Copy, Debug, Enum)]
pub enum AssertionAlgorithm {
    ES256,
    RS256,
    PS256,
    #[oai(rename = "EdDSA")]
    EdDsa,
}

/// How the key of an encrypted answer gets to the client [RFC 7518 §4.1].
#[derive(Clone, Copy, Debug, Enum)]
pub enum ResponseKeyManagement {
    #[oai(rename = "ECDH-ES")]
    EcdhEs,
    #[oai(rename = "RSA-OAEP-256")]
    RsaOaep256,
}

impl From<KeyManagement> for ResponseKeyManagement {
    fn from(alg: KeyManagement) -> Self {
        match alg {
            KeyManagement::EcdhEs => Self::EcdhEs,
            KeyManagement::RsaOaep256 => Self::RsaOaep256,
        }
    }
}

/// What an encrypted answer is encrypted with [RFC 7518 §5.1].
#[derive(Clone, Copy, Debug, Enum)]
pub enum ResponseEncryption {
    #[oai(rename = "A128CBC-HS256")]
    A128CbcHs256,
    #[oai(rename = "A128GCM")]
    A128Gcm,
    #[oai(rename = "A256GCM")]
    A256Gcm,
}

impl From<ContentEncryption> for ResponseEncryption {
    fn from(enc: ContentEncryption) -> Self {
        match enc {
            ContentEncryption::A128CbcHs256 => Self::A128CbcHs256,
            ContentEncryption::A128Gcm => Self::A128Gcm,
            ContentEncryption::A256Gcm => Self::A256Gcm,
        }
    }
}

/// What a client is held to.
#[derive(Clone, Copy, Debug, Enum)]
pub enum ClientSecurityProfile {
    #[oai(rename = "oauth21")]
    OAuth21,
    #[oai(rename = "fapi2-security")]
    Fapi2Security,
    #[oai(rename = "fapi2-message-signing")]
    Fapi2MessageSigning,
    #[oai(rename = "fapi-ciba")]
    FapiCiba,
}

impl From<Profile> for ClientSecurityProfile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::OAuth21 => Self::OAuth21,
            Profile::Fapi2Security => Self::Fapi2Security,
            Profile::Fapi2MessageSigning => Self::Fapi2MessageSigning,
            Profile::FapiCiba => Self::FapiCiba,
        }
    }
}

impl From<Algorithm> for IdTokenAlgorithm {
    fn from(alg: Algorithm) -> Self {
        match alg {
            Algorithm::RS256 => Self::RS256,
            Algorithm::PS256 => Self::PS256,
            Algorithm::ES256 | Algorithm::EdDSA => Self::ES256,
        }
    }
}

impl From<Algorithm> for AssertionAlgorithm {
    fn from(alg: Algorithm) -> Self {
        match alg {
            Algorithm::ES256 => Self::ES256,
            Algorithm::RS256 => Self::RS256,
            Algorithm::PS256 => Self::PS256,
            Algorithm::EdDSA => Self::EdDsa,
        }
    }
}

impl From<&Authentication> for ClientAuthMethod {
    fn from(authentication: &Authentication) -> Self {
        match authentication {
            Authentication::None => Self::None,
            Authentication::ClientSecretBasic(_) => Self::ClientSecretBasic,
            Authentication::ClientSecretPost(_) => Self::ClientSecretPost,
            Authentication::PrivateKeyJwt { .. } => Self::PrivateKeyJwt,
            Authentication::TlsClientAuth(_) => Self::TlsClientAuth,
            Authentication::SelfSignedTlsClientAuth { .. } => Self::SelfSignedTlsClientAuth,
        }
    }
}

impl From<GrantType> for ClientGrantType {
    fn from(grant: GrantType) -> Self {
        match grant {
            GrantType::AuthorizationCode => Self::AuthorizationCode,
            GrantType::Implicit => Self::Implicit,
            GrantType::Ciba => Self::Ciba,
            GrantType::RefreshToken => Self::RefreshToken,
            GrantType::ClientCredentials => Self::ClientCredentials,
            GrantType::DeviceCode => Self::DeviceCode,
            GrantType::TokenExchange => Self::TokenExchange,
        }
    }
}
