//! Endpoints that speak alike.

use poem::Response;
use poem::http::StatusCode;
use poem::http::header::{self, HeaderValue};

use super::body::{OAuthBody, Problem, json, page};
use crate::domain::audit::Action;
use crate::http::discovery::path;
use crate::http::headers::harden;
use crate::http::{admin, device_authentications, flow};
use crate::protocol::device_error::DeviceErrorCode;
use crate::protocol::error::ErrorCode;

/// Which words an endpoint uses, and what a refusal there is called in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Family {
    Backchannel,
    Token,
    Direct(Action),
    Resource,
    /// Clients that register themselves.
    Registration,
    Device,
    Admin,
    /// A page: whoever is there is a browser.
    Page,
    /// The flow API.
    Flow,
    /// Servers that have people asked.
    DeviceAuthentications,
    /// No endpoint of ours: nothing was refused, nothing is there.
    Elsewhere,
}

impl Family {
    pub(in crate::http) fn of(path: &str) -> Self {
        match path {
            path::BACKCHANNEL_AUTHENTICATION => Self::Backchannel,
            path::TOKEN => Self::Token,
            path::REVOCATION => Self::Direct(Action::TokenRevoked),
            path::PUSHED_AUTHORIZATION_REQUEST => Self::Direct(Action::SignInRefused),
            path::DEVICE_AUTHORIZATION => Self::Direct(Action::DeviceAuthorizationRequested),
            path::INTROSPECTION => Self::Direct(Action::TokenIntrospected),
            path::USERINFO => Self::Resource,
            path::REGISTRATION => Self::Registration,
            path if path.strip_prefix(path::REGISTRATION).is_some_and(|rest| rest.starts_with('/')) => {
                Self::Registration
            }
            path if path.starts_with("/device/") => Self::Device,
            path if path.starts_with(admin::PREFIX) => Self::Admin,
            path::AUTHORIZATION | path::END_SESSION | path::USER_AUTHORIZATION | "/sign-out" => Self::Page,
            path if [flow::PAGES, "/as/resume/"].iter().any(|prefix| path.starts_with(prefix)) => Self::Page,
            path if path.starts_with(flow::PREFIX) => Self::Flow,
            path if device_authentications::is_of(path) => Self::DeviceAuthentications,
            _ => Self::Elsewhere,
        }
    }

    /// An answer that no endpoint has given: for the accept loop. Without a nonce, in the device API.
    pub(in crate::http) fn unreached(self, status: StatusCode, description: &'static str) -> Response {
        let (device, code) = match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                (DeviceErrorCode::TemporarilyUnavailable, ErrorCode::TemporarilyUnavailable.as_str())
            }
            StatusCode::INTERNAL_SERVER_ERROR => (DeviceErrorCode::InternalError, "server_error"),
            _ => (DeviceErrorCode::InvalidRequest, ErrorCode::InvalidRequest.as_str()),
        };
        let mut response = match self {
            Self::Device => {
                let (status_code, code) = (status.as_u16(), device.as_str());
                let body = Problem { kind: "about:blank", title: description, status: status_code, code };
                json(status, "application/problem+json", &body)
            }
            // Nobody here knows the issuer: the address of the page is a relative one.
            Self::Admin => admin::problem::Worded::unreached(status).respond("", None),
            Self::Page => page(status, description),
            Self::Flow => flow::refused(status),
            Self::DeviceAuthentications => device_authentications::refused(status),
            Self::Backchannel
            | Self::Token
            | Self::Direct(_)
            | Self::Resource
            | Self::Registration
            | Self::Elsewhere => {
                json(status, "application/json", &OAuthBody { error: code, error_description: description })
            }
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        harden(response.headers_mut());
        response
    }

    pub(in crate::http) const fn action(self) -> Option<Action> {
        match self {
            Self::Backchannel => Some(Action::RequestCreated),
            Self::Token => Some(Action::RequestRedeemed),
            Self::Direct(action) => Some(action),
            Self::Resource => Some(Action::UserinfoRead),
            Self::Registration => Some(Action::ClientRegistered),
            Self::Device => Some(Action::DeviceCalled),
            Self::Admin => Some(Action::AdminCalled),
            Self::Page | Self::Flow => Some(Action::SignInRefused),
            Self::DeviceAuthentications => Some(Action::SecondFactorEvaluated),
            Self::Elsewhere => None,
        }
    }
}
