//! Refusals: what a protocol rule answers when it says no.

use std::borrow::Cow;

/// The error codes of the OAuth family that our endpoints answer with. Which HTTP status a
/// code gets depends on the endpoint and is decided in `http/error.rs` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    // RFC 6749 §5.2
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    // CIBA §11
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    AccessDenied,
    // CIBA §13
    ExpiredLoginHintToken,
    UnknownUserId,
    MissingUserCode,
    InvalidUserCode,
    InvalidBindingMessage,
    // RFC 6750 §3.1
    InvalidToken,
    InsufficientScope,
    // RFC 7009 §2.2.1
    UnsupportedTokenType,
    // RFC 7591 §3.2.2
    InvalidRedirectUri,
    InvalidClientMetadata,
    InvalidSoftwareStatement,
    UnapprovedSoftwareStatement,
    // RFC 9449 §5, §8
    InvalidDpopProof,
    UseDpopNonce,
    // RFC 6749 §4.1.2.1, used by us for 429 and 503
    TemporarilyUnavailable,
    // RFC 6749 §4.1.2.1, at the authorization endpoint
    UnsupportedResponseType,
    ServerError,
    // OIDC Core §3.1.2.6
    InteractionRequired,
    LoginRequired,
    AccountSelectionRequired,
    ConsentRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
    // RFC 9101 §7
    InvalidRequestUri,
    InvalidRequestObject,
    // RFC 8707 §2
    InvalidTarget,
    // RFC 9396 §5
    InvalidAuthorizationDetails,
    // OIDC Unmet Authentication Requirements
    UnmetAuthenticationRequirements,
}

impl ErrorCode {
    /// Those of direct endpoints. Where requests are pushed, some are those of the authorization endpoint
    /// [RFC 9126 §2.3].
    pub const DIRECT: [Self; 31] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::AuthorizationPending,
        Self::SlowDown,
        Self::ExpiredToken,
        Self::AccessDenied,
        Self::ExpiredLoginHintToken,
        Self::UnknownUserId,
        Self::MissingUserCode,
        Self::InvalidUserCode,
        Self::InvalidBindingMessage,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::UnsupportedTokenType,
        Self::InvalidRedirectUri,
        Self::InvalidClientMetadata,
        Self::InvalidSoftwareStatement,
        Self::UnapprovedSoftwareStatement,
        Self::InvalidDpopProof,
        Self::UseDpopNonce,
        Self::TemporarilyUnavailable,
        Self::UnsupportedResponseType,
        Self::RequestNotSupported,
        Self::RegistrationNotSupported,
        Self::InvalidRequestObject,
        Self::InvalidTarget,
        Self::InvalidAuthorizationDetails,
    ];

    /// Those that the authorization endpoint adds: they go through the browser.
    pub const OF_AUTHORIZATION: [Self; 8] = [
        Self::ServerError,
        Self::InteractionRequired,
        Self::LoginRequired,
        Self::AccountSelectionRequired,
        Self::ConsentRequired,
        Self::RequestUriNotSupported,
        Self::InvalidRequestUri,
        Self::UnmetAuthenticationRequirements,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::AccessDenied => "access_denied",
            Self::ExpiredLoginHintToken => "expired_login_hint_token",
            Self::UnknownUserId => "unknown_user_id",
            Self::MissingUserCode => "missing_user_code",
            Self::InvalidUserCode => "invalid_user_code",
            Self::InvalidBindingMessage => "invalid_binding_message",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::ServerError => "server_error",
            Self::InteractionRequired => "interaction_required",
            Self::LoginRequired => "login_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }

    /// What it says, in general: for documents.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::InvalidRequest => "A parameter is missing, repeated, malformed, or does not go with another one.",
            Self::InvalidClient => "The client did not authenticate, or not as it is registered.",
            Self::InvalidGrant => {
                "The code, auth_req_id or token is unknown, another client's, expired, revoked or used."
            }
            Self::UnauthorizedClient => "The client is not registered for this.",
            Self::UnsupportedGrantType => "There is no such grant here.",
            Self::InvalidScope => "A scope is unknown, malformed, or more than the client may have.",
            Self::AuthorizationPending => "The person has not answered yet: poll again after the interval.",
            Self::SlowDown => "The client polls too often: the interval is 5 seconds longer from now on.",
            Self::ExpiredToken => "The request has expired before anybody answered.",
            Self::AccessDenied => "The person, or the server, said no.",
            Self::ExpiredLoginHintToken => "The login_hint_token has expired.",
            Self::UnknownUserId => "The hint leads to nobody.",
            Self::MissingUserCode => "A user_code is required of this client.",
            Self::InvalidUserCode => "The user_code is wrong.",
            Self::InvalidBindingMessage => "The binding_message is too long, or has characters that cannot be shown.",
            Self::InvalidToken => "The token is malformed, expired, revoked, or none of this server's.",
            Self::InsufficientScope => "The token has not the scope that this takes.",
            Self::UnsupportedTokenType => "Tokens of this type are not revoked here.",
            Self::InvalidRedirectUri => "An address that is registered is not acceptable.",
            Self::InvalidClientMetadata => "A member of the registration is not acceptable.",
            Self::InvalidSoftwareStatement => "The software statement does not verify.",
            Self::UnapprovedSoftwareStatement => "The software statement is of an issuer that is not trusted here.",
            Self::InvalidDpopProof => "The DPoP proof is missing, does not verify, or is for another request.",
            Self::UseDpopNonce => "The DPoP proof needs the nonce of the DPoP-Nonce header.",
            Self::TemporarilyUnavailable => {
                "The server cannot answer now, or the caller asks too often: Retry-After says when."
            }
            Self::UnsupportedResponseType => "There is no such response_type here, or not for this client.",
            Self::ServerError => "Something went wrong on the server.",
            Self::InteractionRequired => "The person has to act, and prompt=none forbids to ask.",
            Self::LoginRequired => "The person has to sign in, and prompt=none forbids to ask.",
            Self::AccountSelectionRequired => "The person has to choose an account, and prompt=none forbids to ask.",
            Self::ConsentRequired => "The person has to agree, and prompt=none forbids to ask.",
            Self::RequestNotSupported => "No request object is taken here.",
            Self::RequestUriNotSupported => "No request_uri but a pushed one is taken here.",
            Self::RegistrationNotSupported => "No registration is taken with a request.",
            Self::InvalidRequestUri => "The request_uri is unknown, expired, used, or another client's.",
            Self::InvalidRequestObject => "The request object does not verify, or has expired.",
            Self::InvalidTarget => "The resource or audience is none that the client may have tokens for.",
            Self::InvalidAuthorizationDetails => {
                "A detail is of a type that is unknown or not the client's, or lacks a field."
            }
            Self::UnmetAuthenticationRequirements => "Nobody can be authenticated as acr_values or claims ask.",
        }
    }
}

/// A refused request. `description` goes to the client: our own words, or an operator's, no quote, no backslash,
/// ASCII (RFC 6749 §5.2), nothing of what was sent. `detail` goes to the log and the audit trail
/// and holds no secret either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Refusal {
    pub code: ErrorCode,
    pub description: Cow<'static, str>,
    pub detail: Cow<'static, str>,
}

impl Refusal {
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description), detail: Cow::Borrowed(description) }
    }

    /// Says more, to the log only.
    #[must_use]
    pub fn because(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// Says the same to the client and to the log.
    #[must_use]
    pub fn saying(self, told: String) -> Self {
        Self { description: Cow::Owned(told.clone()), detail: Cow::Owned(told), ..self }
    }

    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// One text for every failure to authenticate: unknown client and wrong secret read the same.
    pub fn invalid_client(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidClient, "Client authentication failed.").because(detail)
    }

    /// One text for unknown, foreign and used handles.
    pub fn invalid_grant(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidGrant, "The grant is invalid, expired, revoked or was issued to another client.")
            .because(detail)
    }
}
