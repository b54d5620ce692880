//! How a request looks from outside, for logs and metrics: one of our endpoints, an outcome, a time.

use std::time::{Duration, Instant};

use http::StatusCode;
use poem::Response;

use crate::http::discovery::path;
use crate::http::{device_authentications, flow};
use crate::metrics::{Endpoint, Outcome, metrics};

/// Marks an answer that says "not yet". A status alone would make a refusal of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotYet;

/// Endpoints with more than one address, by what those begin with.
const BELOW: [(&str, Endpoint); 10] = [
    ("/deviceAuthentications/", Endpoint::DeviceAuthentications),
    (flow::PREFIX, Endpoint::Flow),
    (flow::PAGES, Endpoint::SignIn),
    ("/as/resume/", Endpoint::SignIn),
    ("/as/clients.oauth2/", Endpoint::Registration),
    ("/ext/", Endpoint::Passwords),
    ("/account/", Endpoint::Account),
    ("/assets/", Endpoint::Assets),
    ("/docs/", Endpoint::Docs),
    ("/dev/", Endpoint::Dev),
];

pub(super) fn endpoint(path: &str) -> Endpoint {
    match path {
        path::BACKCHANNEL_AUTHENTICATION => Endpoint::BackchannelAuthentication,
        path::TOKEN => Endpoint::Token,
        path::REVOCATION => Endpoint::Revocation,
        path::INTROSPECTION => Endpoint::Introspection,
        path::USERINFO => Endpoint::Userinfo,
        path::AUTHORIZATION => Endpoint::Authorization,
        path::PUSHED_AUTHORIZATION_REQUEST => Endpoint::PushedAuthorizationRequest,
        path::DEVICE_AUTHORIZATION => Endpoint::DeviceAuthorization,
        path::USER_AUTHORIZATION => Endpoint::UserAuthorization,
        path::REGISTRATION => Endpoint::Registration,
        path::END_SESSION => Endpoint::EndSession,
        path::CHECK_SESSION => Endpoint::CheckSession,
        "/sign-out" => Endpoint::SignOut,
        "/.well-known/change-password" => Endpoint::Passwords,
        path::DISCOVERY | path::AUTHORIZATION_SERVER => Endpoint::Discovery,
        path::JWKS => Endpoint::Jwks,
        path::OPENAPI => Endpoint::Openapi,
        "/docs" => Endpoint::Docs,
        device_authentications::PATH => Endpoint::DeviceAuthentications,
        _ => match path.split_once("/v1/") {
            Some(("/device", call)) => device(call),
            Some(("/admin", _)) => Endpoint::Admin,
            Some(_) | None => {
                let below = BELOW.iter().find(|(before, _)| path.starts_with(before));
                below.map_or(Endpoint::Other, |(_, endpoint)| *endpoint)
            }
        },
    }
}

fn device(call: &str) -> Endpoint {
    match call {
        "pairings" => Endpoint::DevicePair,
        "notifications/pending" => Endpoint::DevicePending,
        "events" => Endpoint::DeviceEvents,
        "me" => Endpoint::DeviceMe,
        "keys/rotate" => Endpoint::DeviceRotate,
        "push-token" => Endpoint::DevicePushToken,
        "push-enabled" => Endpoint::DevicePushEnabled,
        "logs" => Endpoint::DeviceLogs,
        "test-push" => Endpoint::DeviceTestPush,
        _ => match call.split_once('/') {
            Some(("notifications", rest)) if rest.ends_with("/approve") => Endpoint::DeviceApprove,
            Some(("notifications", rest)) if rest.ends_with("/deny") => Endpoint::DeviceDeny,
            Some(("notifications", rest)) if rest.ends_with("/ack") => Endpoint::DeviceAck,
            Some(("notifications", rest)) if !rest.contains('/') => Endpoint::DeviceNotification,
            Some(("devices", _)) => Endpoint::DeviceUnpair,
            Some(("enrollments", _)) => Endpoint::DeviceEnrollment,
            Some(_) | None => Endpoint::Other,
        },
    }
}

fn outcome(response: &Response) -> Outcome {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => Outcome::TooMany,
        StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable,
        status if status.is_server_error() => Outcome::Failed,
        status if status.is_client_error() && response.data::<NotYet>().is_some() => Outcome::Waiting,
        status if status.is_client_error() => Outcome::Refused,
        _ => Outcome::Ok,
    }
}

/// A request that is being answered. Dropped without an answer, it was abandoned.
pub(super) struct Observed {
    endpoint: Endpoint,
    begin: Instant,
    open: bool,
}

impl Observed {
    pub(super) fn begin(endpoint: Endpoint) -> Self {
        Self { endpoint, begin: Instant::now(), open: true }
    }

    /// `held`: how long it was made to wait.
    pub(super) fn end(mut self, response: &Response, held: Duration) {
        self.open = false;
        metrics().request(self.endpoint, outcome(response), self.begin.elapsed().saturating_sub(held));
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if self.open {
            metrics().abandoned(self.endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_of_our_names_whatever_is_asked_for() {
        let named = [
            ("/as/token.oauth2", "token"),
            ("/as/token.oauth2/", "other"),
            ("/as/bc-auth.ciba", "backchannel_authentication"),
            ("/as/par.oauth2", "pushed_authorization_request"),
            ("/as/authorization.oauth2", "authorization"),
            ("/as/device_authz.oauth2", "device_authorization"),
            ("/as/user_authz.oauth2", "user_authorization"),
            ("/as/revoke_token.oauth2", "revocation"),
            ("/as/introspect.oauth2", "introspection"),
            ("/as/clients.oauth2", "registration"),
            ("/as/clients.oauth2/till", "registration"),
            ("/idp/userinfo.openid", "userinfo"),
            ("/idp/check_session.openid", "check_session"),
            ("/idp/init_logout.openid", "end_session"),
            ("/sign-out", "sign_out"),
            ("/sign-in/0b9f6a4e", "sign_in"),
            ("/as/resume/0b9f6a4e", "sign_in"),
            ("/pf-ws/authn/flows/0b9f6a4e", "flow"),
            ("/deviceAuthentications", "device_authentications"),
            ("/deviceAuthentications/0b9f6a4e", "device_authentications"),
            ("/ext/pwdchange/Identify", "passwords"),
            ("/.well-known/change-password", "passwords"),
            ("/account/passkeys", "account"),
            ("/account/devices", "account"),
            ("/.well-known/openid-configuration", "discovery"),
            ("/pf/JWKS", "jwks"),
            ("/openapi.json", "openapi"),
            ("/docs", "docs"),
            ("/docs/errors", "docs"),
            ("/assets/nod.css", "assets"),
            ("/device/v1/pairings", "device_pair"),
            ("/device/v1/events", "device_events"),
            ("/device/v1/me", "device_me"),
            ("/device/v1/keys/rotate", "device_rotate"),
            ("/device/v1/enrollments/0b9f6a4e", "device_enrollment"),
            ("/device/v1/enrollments/0b9f6a4e/accept", "device_enrollment"),
            ("/device/v1/notifications/pending", "device_pending"),
            ("/device/v1/notifications/0b9f6a4e", "device_notification"),
            ("/device/v1/notifications/0b9f6a4e/approve", "device_approve"),
            ("/device/v1/notifications/0b9f6a4e/deny", "device_deny"),
            ("/device/v1/notifications/0b9f6a4e/ack", "device_ack"),
            ("/device/v1/notifications/a/b/c", "other"),
            ("/device/v1/devices/0b9f6a4e", "device_unpair"),
            ("/device/v1/push-token", "device_push_token"),
            ("/device/v1/push-enabled", "device_push_enabled"),
            ("/device/v1/logs", "device_logs"),
            ("/device/v1/test-push", "device_test_push"),
            ("/device/v1/", "other"),
            ("/device", "other"),
            ("/admin/v1/clients/till", "admin"),
            ("/dev/number", "dev"),
            ("/development", "other"),
            ("/dev/v1/x", "dev"),
            ("/metrics", "other"),
            ("/{\"}\n", "other"),
            ("", "other"),
        ];
        for (path, name) in named {
            assert_eq!(endpoint(path).as_str(), name, "{path}");
        }
        for known in Endpoint::ALL {
            assert!(named.iter().any(|(_, name)| *name == known.as_str()), "nothing leads to {}", known.as_str());
        }
    }

    #[test]
    fn an_outcome_is_told_from_the_answer() {
        for (status, name) in
            [(200, "ok"), (302, "ok"), (400, "refused"), (429, "too_many"), (500, "failed"), (503, "unavailable")]
        {
            let response = Response::builder().status(StatusCode::from_u16(status).unwrap()).finish();
            assert_eq!(outcome(&response).as_str(), name, "{status}");
        }
        let mut response = Response::builder().status(StatusCode::BAD_REQUEST).finish();
        response.set_data(NotYet);
        assert_eq!(outcome(&response).as_str(), "waiting");
    }
}
