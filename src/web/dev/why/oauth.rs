//! What refuses a client, in the words of the OAuth family. The same code means another thing at another
//! endpoint, and for another grant.

use crate::domain::client::GrantType;
use crate::http::discovery::path;
use crate::protocol::error::ErrorCode as E;

/// Where it was said, and about what.
#[derive(Clone, Copy)]
pub(super) struct At<'c> {
    pub path: &'c str,
    /// What the token endpoint was asked by.
    pub grant: Option<GrantType>,
    /// The server's own sentence.
    pub rule: &'c str,
}

/// Of errors that go through the browser.
const OIDC: &str = "OIDC Core §3.1.2.6";

pub(super) fn of(code: E, at: &At<'_>) -> (&'static str, &'static str) {
    match code {
        E::InvalidRequest => invalid_request(at),
        E::InvalidGrant => invalid_grant(at.grant),
        E::AuthorizationPending | E::SlowDown | E::ExpiredToken => not_yet(code, at.grant),
        E::AccessDenied => denied(at),
        E::InvalidClient => {
            ("RFC 6749 §2.3, §5.2", "The credentials of a registered client: in dev mode, -u shop:shop-secret.")
        }
        E::UnauthorizedClient => ("RFC 6749 §5.2", "A client that is registered for this grant."),
        E::UnsupportedGrantType => {
            ("RFC 6749 §5.2", "A grant_type that the metadata lists, such as urn:openid:params:grant-type:ciba.")
        }
        E::InvalidScope => ("RFC 6749 §3.3", "Scopes that the client is registered for: openid profile email."),
        E::ExpiredLoginHintToken => ("CIBA §13", "A login_hint_token that has not expired."),
        E::UnknownUserId => ("CIBA §13", "A hint that leads to a user: in dev mode, login_hint=alice."),
        E::MissingUserCode => ("CIBA §13", "The person’s user_code."),
        E::InvalidUserCode => ("CIBA §13", "The person’s right user_code."),
        E::InvalidBindingMessage => {
            ("CIBA §13", "A binding_message of at most 64 characters of plain text, such as K7Q2.")
        }
        E::InvalidToken => ("RFC 6750 §3.1", "An access token of this server that has not expired or been revoked."),
        E::InsufficientScope => ("RFC 6750 §3.1", "An access token with the scope openid."),
        E::UnsupportedTokenType => ("RFC 7009 §2.2.1", "A token_type_hint that the server knows."),
        E::InvalidRedirectUri
        | E::InvalidClientMetadata
        | E::InvalidSoftwareStatement
        | E::UnapprovedSoftwareStatement => {
            ("RFC 7591 §3.2.2", "Metadata that can be registered: see docs/registration.md.")
        }
        E::InvalidDpopProof => ("RFC 9449 §5", "A DPoP proof made for this request, just now and once."),
        E::UseDpopNonce => (
            "RFC 9449 §8",
            "The same request with the DPoP-Nonce of this answer in its proof. Clients do so by themselves.",
        ),
        E::TemporarilyUnavailable => ("RFC 6749 §4.1.2.1", "The same call, later: Retry-After says when."),
        E::ServerError => {
            ("RFC 6749 §4.1.2.1", "Nothing: the fault is the server's. The log has it under the request's id.")
        }
        E::InvalidTarget => ("RFC 8707 §2", "A resource that the client is registered for."),
        E::InvalidAuthorizationDetails => {
            ("RFC 9396 §5", "A list of objects, each of a type that the client is registered for, with its fields.")
        }
        E::UnsupportedResponseType => ("RFC 6749 §4.1.2.1", "A response_type that the metadata lists, such as code."),
        E::InteractionRequired => (OIDC, "The same request without prompt=none: the person has to act."),
        E::LoginRequired => (OIDC, "The same request without prompt=none: the person has to sign in."),
        E::AccountSelectionRequired => (OIDC, "The same request without prompt=none: the person has to choose."),
        E::ConsentRequired => (OIDC, "The same request without prompt=none: the person has to agree."),
        E::RequestNotSupported => (OIDC, "Plain parameters instead of a request object."),
        E::RequestUriNotSupported => (OIDC, "Plain parameters instead of a request_uri."),
        E::RegistrationNotSupported => (OIDC, "A client that is registered before it asks."),
        E::InvalidRequestUri => {
            ("RFC 9101 §7", "A request_uri of this client: pushed less than a minute ago and not used yet.")
        }
        E::InvalidRequestObject => {
            ("RFC 9101 §7", "A JWT that a key of the client signed, with iss, aud and exp, and no older than an hour.")
        }
        E::UnmetAuthenticationRequirements => {
            ("OIDC Unmet Authentication Requirements §2", "An acr that the metadata lists.")
        }
    }
}

fn invalid_request(at: &At<'_>) -> (&'static str, &'static str) {
    let (ciba, rule) = (at.path == path::BACKCHANNEL_AUTHENTICATION, at.rule);
    if rule.contains("repeated") {
        return ("RFC 6749 §3.1, §3.2", "Each parameter once.");
    }
    if rule.contains("content type") {
        return ("RFC 6749 §4", "Content-Type: application/x-www-form-urlencoded.");
    }
    match at.path {
        _ if ciba && rule.contains("hint") => {
            ("CIBA §7.1", "Exactly one hint that leads to a person, such as login_hint=alice.")
        }
        _ if ciba && (rule.contains("openid") || rule.contains("scope")) => {
            ("CIBA §7.1", "scope=openid, with further scopes behind a space.")
        }
        _ if ciba && rule.contains("expiry") => ("CIBA §7.1", "requested_expiry=120: whole seconds."),
        path::BACKCHANNEL_AUTHENTICATION => ("CIBA §13", "The parameters of CIBA §7.1, each of them well-formed."),
        path::AUTHORIZATION | path::PUSHED_AUTHORIZATION_REQUEST => {
            ("RFC 6749 §4.1.2.1", "The parameters of OIDC Core §3.1.2.1, each of them well-formed.")
        }
        _ => ("RFC 6749 §5.2", "The parameters of the endpoint, each of them once."),
    }
}

/// One code for what each grant is begun from.
const fn invalid_grant(grant: Option<GrantType>) -> (&'static str, &'static str) {
    match grant {
        Some(GrantType::Ciba) => (
            "RFC 6749 §5.2, CIBA §11",
            "An auth_req_id of this client that was approved, was not withdrawn and was not redeemed before.",
        ),
        Some(GrantType::AuthorizationCode) => (
            "RFC 6749 §5.2, RFC 7636 §4.6",
            "A code of this client that is less than a minute old and was not redeemed before, with the redirect_uri \
             and the code_verifier of its request.",
        ),
        Some(GrantType::RefreshToken) => (
            "RFC 6749 §5.2, §6",
            "The refresh token that this client was given last: each is replaced by its use, and ends with its grant.",
        ),
        Some(GrantType::DeviceCode) => (
            "RFC 6749 §5.2, RFC 8628 §3.5",
            "A device_code of this client that a person has connected and that was not redeemed before.",
        ),
        Some(GrantType::TokenExchange) => (
            "RFC 8693 §2.2.2",
            "A subject_token of this server that has not expired or been revoked, and that this client may exchange.",
        ),
        Some(GrantType::ClientCredentials | GrantType::Implicit) | None => {
            ("RFC 6749 §5.2", "What the grant begins with, if it is this client's and was not used before.")
        }
    }
}

/// What polls are told, those of devices too.
fn not_yet(code: E, grant: Option<GrantType>) -> (&'static str, &'static str) {
    let section = if grant == Some(GrantType::DeviceCode) { "RFC 8628 §3.5" } else { "CIBA §11" };
    let pass = if code == E::SlowDown {
        "A poll no sooner than the interval, which is now 5 seconds longer."
    } else if code == E::ExpiredToken {
        "A poll before expires_in is over. Now: a new request."
    } else {
        "Nothing is wrong: the same poll again, after the interval."
    };
    (section, pass)
}

fn denied(at: &At<'_>) -> (&'static str, &'static str) {
    match (at.path, at.grant) {
        (path::TOKEN, Some(GrantType::DeviceCode)) => {
            ("RFC 8628 §3.5", "A yes from the person, on the page of the user_code. This no is final.")
        }
        (path::TOKEN, _) => ("CIBA §11", "A yes from the person, with the right number. This no is final."),
        (path::BACKCHANNEL_AUTHENTICATION, _) => {
            ("CIBA §13", "A person who may be asked so, by a client that may ask.")
        }
        _ => ("RFC 6749 §4.1.2.1", "A yes from the person, to a new request: this one is over."),
    }
}
