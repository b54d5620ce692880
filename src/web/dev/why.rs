//! Why the server said no: the rule, where it is written, and what would have passed.

use crate::protocol::device_error::DeviceErrorCode as D;
use crate::protocol::error::ErrorCode as E;
use crate::web::dev::wire::{Answer, Call};

#[derive(Debug)]
pub(super) struct Why {
    pub code: String,
    /// The server's own sentence.
    pub rule: String,
    /// Where the rule is written.
    pub section: &'static str,
    /// The parameter that the sentence is about, with what it was.
    pub parameter: Option<String>,
    pub pass: &'static str,
}

pub(super) fn why(call: &Call, answer: &Answer) -> Option<Why> {
    let code = answer.error()?;
    let rule = answer.description().unwrap_or_default();
    let oauth = E::DIRECT.into_iter().chain(E::OF_AUTHORIZATION).find(|known| known.as_str() == code);
    let device = D::ALL.iter().copied().find(|known| known.as_str() == code);
    let (section, pass) = match (oauth, device) {
        (Some(code), _) => of_oauth(code, call.path(), &rule),
        (None, Some(code)) => of_device(code),
        (None, None) if code == "not_found" => {
            ("RFC 9110 §15.5.5", "An address that discovery names: GET /.well-known/openid-configuration.")
        }
        (None, None) => ("RFC 9110 §15.6", "The same call, once the server is well again. Its log says more."),
    };
    let form = call.form();
    let named = form.iter().find(|(name, _)| mentions(&rule, name));
    let parameter = match named {
        Some((name, _)) => Some(name.clone()),
        // What is missing was not sent, so it is not in the form.
        None => ["scope", "login_hint", "binding_message", "grant_type", "auth_req_id", "refresh_token"]
            .into_iter()
            .find(|name| mentions(&rule, name))
            .map(|name| format!("{name} (not sent)")),
    };
    Some(Why { code, rule, section, parameter, pass })
}

fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

fn of_oauth(code: E, path: &str, rule: &str) -> (&'static str, &'static str) {
    let ciba = path == "/as/bc-auth.ciba";
    match code {
        E::InvalidRequest if rule.contains("hint") => {
            ("CIBA §7.1", "Exactly one hint that leads to a person, such as login_hint=alice.")
        }
        E::InvalidRequest if rule.contains("openid") || rule.contains("scope") => {
            ("CIBA §7.1", "scope=openid, with further scopes behind a space.")
        }
        E::InvalidRequest if rule.contains("repeated") => ("RFC 6749 §3.2", "Each parameter once."),
        E::InvalidRequest if rule.contains("expiry") => ("CIBA §7.1", "requested_expiry=120: whole seconds."),
        E::InvalidRequest if rule.contains("content type") => {
            ("RFC 6749 §4", "Content-Type: application/x-www-form-urlencoded.")
        }
        E::InvalidRequest if ciba => ("CIBA §13", "The parameters of CIBA §7.1, each of them well-formed."),
        E::InvalidRequest => ("RFC 6749 §5.2", "The parameters of the endpoint, each of them once."),
        E::InvalidClient => {
            ("RFC 6749 §2.3, §5.2", "The credentials of a registered client: in dev mode, -u shop:shop-secret.")
        }
        E::InvalidGrant => (
            "RFC 6749 §5.2, CIBA §11",
            "An auth_req_id of this client that was approved, was not withdrawn and was not redeemed before.",
        ),
        E::UnauthorizedClient => ("RFC 6749 §5.2", "A client that is registered for this grant."),
        E::UnsupportedGrantType => ("RFC 6749 §5.2", "grant_type=urn:openid:params:grant-type:ciba, or refresh_token."),
        E::InvalidScope => ("RFC 6749 §3.3", "Scopes that the client is registered for: openid profile email."),
        E::AuthorizationPending => ("CIBA §11", "Nothing is wrong: the same poll again, after the interval."),
        E::SlowDown => ("CIBA §11", "A poll no sooner than the interval, which is now 5 seconds longer."),
        E::ExpiredToken => ("CIBA §11", "A poll before expires_in is over. Now: a new request."),
        E::AccessDenied => ("CIBA §11", "A yes from the person, with the right number. This no is final."),
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
        E::UnsupportedResponseType => ("RFC 6749 §4.1.2.1", "A response_type that the metadata lists, such as code."),
        E::ServerError => {
            ("RFC 6749 §4.1.2.1", "Nothing: the fault is the server's. The log has it under the request's id.")
        }
        E::InteractionRequired => {
            ("OIDC Core §3.1.2.6", "The same request without prompt=none: the person has to act.")
        }
        E::LoginRequired => ("OIDC Core §3.1.2.6", "The same request without prompt=none: the person has to sign in."),
        E::AccountSelectionRequired => {
            ("OIDC Core §3.1.2.6", "The same request without prompt=none: the person has to choose.")
        }
        E::ConsentRequired => ("OIDC Core §3.1.2.6", "The same request without prompt=none: the person has to agree."),
        E::RequestNotSupported => ("OIDC Core §3.1.2.6", "Plain parameters instead of a request object."),
        E::RequestUriNotSupported => ("OIDC Core §3.1.2.6", "Plain parameters instead of a request_uri."),
        E::InvalidRequestUri => {
            ("RFC 9101 §7", "A request_uri of this client: pushed less than a minute ago and not used yet.")
        }
        E::InvalidRequestObject => {
            ("RFC 9101 §7", "A JWT that a key of the client signed, with iss, aud and exp, and no older than an hour.")
        }
        E::InvalidTarget => ("RFC 8707 §2", "A resource that the client is registered for."),
        E::InvalidAuthorizationDetails => {
            ("RFC 9396 §5", "A list of objects, each of a type that the client is registered for, with its fields.")
        }
        E::RegistrationNotSupported => ("OIDC Core §3.1.2.6", "A client that is registered before it asks."),
        E::UnmetAuthenticationRequirements => {
            ("OIDC Unmet Authentication Requirements §2", "An acr that the metadata lists.")
        }
    }
}

fn of_device(code: D) -> (&'static str, &'static str) {
    const DECISIONS: &str = "docs/device-api.md, decisions";
    const PROOFS: &str = "docs/device-api.md, proofs (after RFC 9449)";
    const ERRORS: &str = "docs/device-api.md, errors (RFC 9457)";
    match code {
        D::InvalidRequest => (ERRORS, "A JSON object with the documented members, each of them once."),
        D::ProofRequired => (PROOFS, "A Device-Proof header, signed by the key of the installation."),
        D::ProofInvalid => (PROOFS, "A proof made for this method, this address and this body."),
        D::ProofExpired => (PROOFS, "A proof made within 60 seconds; the Date header has the server’s time."),
        D::ProofReplayed => (PROOFS, "A new proof: each is good for one call, with a jti of its own."),
        D::UseDeviceNonce => {
            (PROOFS, "The same call with the Device-Nonce of this answer in its proof. Phones do so by themselves.")
        }
        D::DeviceUnknown => (PROOFS, "A key that is paired: POST /device/v1/pairings."),
        D::DeviceBlocked => (ERRORS, "A device that an administrator has not blocked."),
        D::PairingKeyInvalid => {
            ("docs/device-api.md, pairing", "A pairing key that is known, not expired and not used.")
        }
        D::MethodLimitReached => ("docs/device-api.md, pairing", "One device less: five are allowed."),
        D::EnrollmentNotFound => ("docs/device-api.md, enrollments", "A ticket that this installation was given."),
        D::EnrollmentGone => {
            ("docs/device-api.md, enrollments", "A ticket that is not answered yet, within five minutes.")
        }
        D::TooManyAttempts => ("RFC 6585 §4", "The same call, later: Retry-After says when."),
        D::NotificationNotFound => (DECISIONS, "A question that was put to a device of this installation."),
        D::Expired => (DECISIONS, "An answer before expiresAt."),
        D::AlreadyDecided => (DECISIONS, "The first answer. It counts, and stays."),
        D::Canceled => (DECISIONS, "An answer before the client withdrew its question."),
        D::ContextHashMismatch => (DECISIONS, "The digest of exactly what the question says."),
        D::ProofMismatch => (DECISIONS, "A body that says what the signed proof says."),
        D::NumberRequired => (DECISIONS, "numberPicked, since the question asks for it."),
        D::NumberMismatch => (DECISIONS, "The number on the shop’s screen. There is one try."),
        D::DeviceNotFound => (ERRORS, "A device of this installation."),
        D::NotFound => (ERRORS, "An address of docs/device-api.md."),
        D::TemporarilyUnavailable | D::InternalError => (ERRORS, "The same call, later."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(path: &str, form: &'static str, status: u16, body: &'static str) -> Option<Why> {
        let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let call = Call { method: "POST".to_owned(), target: path.to_owned(), headers, body: form.into() };
        why(&call, &Answer { status, headers: Vec::new(), body: body.into(), took: Duration::ZERO })
    }

    #[test]
    fn an_error_leads_to_its_rule_and_its_parameter() {
        let body =
            r#"{"error":"invalid_request","error_description":"requested_expiry is not a positive whole number."}"#;
        let why = of("/as/bc-auth.ciba", "scope=openid&requested_expiry=soon", 400, body).unwrap();
        assert_eq!((why.section, why.parameter.as_deref()), ("CIBA §7.1", Some("requested_expiry")));
        let body = r#"{"error":"invalid_request","error_description":"scope is required."}"#;
        let why = of("/as/bc-auth.ciba", "login_hint=alice", 400, body).unwrap();
        assert_eq!(why.parameter.as_deref(), Some("scope (not sent)"));
        let body = r#"{"type":"about:blank","title":"The device proof was used before.","code":"PROOF_REPLAYED"}"#;
        assert!(of("/device/v1/me", "", 401, body).unwrap().pass.contains("jti"));
        assert!(of("/as/token.oauth2", "", 200, r#"{"error":"none"}"#).is_none(), "no error, no reason");
    }
}
