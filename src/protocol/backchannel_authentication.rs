//! The backchannel authentication request [CIBA §7.1] and its acknowledgement [CIBA §7.3].

use std::time::Duration;

use crate::protocol::binding_message::BindingMessage;
use crate::protocol::dpop;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::jwt::Thumbprint;
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;
use crate::secret::Secret;

/// Whom to ask. [CIBA §7.1] exactly one of the three hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    Login(String),
    IdToken(String),
    Token(String),
}

#[derive(Clone, Debug)]
pub struct BackchannelAuthenticationRequest {
    pub hint: Hint,
    pub scope: Scope,
    pub binding_message: Option<BindingMessage>,
    /// What shows that the person wants to be asked [CIBA §7.1.2].
    pub user_code: Option<Secret<String>>,
    pub acr_values: Option<String>,
    pub requested_expiry: Option<Duration>,
    /// Of the only key that the answer may be redeemed with, as at the authorization endpoint [RFC 9449 §10].
    pub dpop_jkt: Option<Thumbprint>,
}

impl BackchannelAuthenticationRequest {
    /// The rules that need nothing but the request itself, in the order of their errors. A parameter
    /// that a poll client has no use for (`client_notification_token`) is ignored.
    pub fn parse(parameters: &Parameters) -> Result<Self, Refusal> {
        // `request` was read before.
        if parameters.contains("request_uri") {
            return Err(Refusal::invalid_request("request_uri is not supported at this endpoint."));
        }
        let hints = ["login_hint", "id_token_hint", "login_hint_token"].map(|name| parameters.get(name));
        let hint = match hints {
            [Some(hint), None, None] => Hint::Login(hint.to_owned()),
            [None, Some(hint), None] => Hint::IdToken(hint.to_owned()),
            [None, None, Some(hint)] => Hint::Token(hint.to_owned()),
            _ => {
                return Err(Refusal::invalid_request(
                    "Exactly one of login_hint, id_token_hint and login_hint_token is required.",
                ));
            }
        };
        let scope = parameters.get("scope").ok_or(Refusal::invalid_request("scope is required."))?;
        let scope = Scope::parse(scope)
            .ok_or(Refusal::new(ErrorCode::InvalidScope, "scope has characters that no scope name has."))?;
        if !scope.contains(Scope::OPENID) {
            return Err(Refusal::invalid_request("scope must contain openid."));
        }
        let binding_message = parameters.get("binding_message").map(BindingMessage::parse).transpose()?;
        let requested_expiry = parameters.get("requested_expiry").map(parse_expiry).transpose()?;
        Ok(Self {
            hint,
            scope,
            binding_message,
            user_code: parameters.secret("user_code"),
            acr_values: parameters.get("acr_values").map(str::to_owned),
            requested_expiry,
            dpop_jkt: parameters.get("dpop_jkt").map(dpop::jkt).transpose()?,
        })
    }
}

/// [CIBA §7.1.1] what stands beside `request` and not in it was signed by nobody.
const SIGNED: [&str; 10] = [
    "scope",
    "client_notification_token",
    "acr_values",
    "login_hint_token",
    "id_token_hint",
    "login_hint",
    "binding_message",
    "user_code",
    "requested_expiry",
    "dpop_jkt",
];

/// The question that a client signed, where it did.
pub fn signed(parameters: &Parameters) -> Result<Option<&str>, Refusal> {
    let Some(object) = parameters.get("request") else { return Ok(None) };
    if SIGNED.iter().any(|name| parameters.contains(name)) {
        return Err(Refusal::invalid_request("With request, the other parameters are in it, and not beside it."));
    }
    Ok(Some(object))
}

/// A positive decimal number of seconds, nothing else: `0x10`, `1e2` and ` 60` are not.
fn parse_expiry(text: &str) -> Result<Duration, Refusal> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(seconds) if digits && seconds > 0 => Ok(Duration::from_secs(seconds)),
        Ok(_) | Err(_) => Err(Refusal::invalid_request("requested_expiry is not a positive whole number.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(form: &str) -> Result<BackchannelAuthenticationRequest, Refusal> {
        BackchannelAuthenticationRequest::parse(&Parameters::parse(form.as_bytes()).unwrap())
    }

    fn code(form: &str) -> ErrorCode {
        parse(form).unwrap_err().code
    }

    #[test]
    fn ciba_7_1_exactly_one_hint() {
        assert!(parse("scope=openid&login_hint=alice").is_ok());
        assert!(parse("scope=openid&id_token_hint=x.y.z&login_hint=").is_ok(), "an empty one is none");
        assert_eq!(code("scope=openid"), ErrorCode::InvalidRequest);
        assert_eq!(code("scope=openid&login_hint=a&id_token_hint=b"), ErrorCode::InvalidRequest);
        assert_eq!(code("scope=openid&login_hint=a&login_hint_token=b"), ErrorCode::InvalidRequest);
        assert!(matches!(parse("scope=openid&login_hint_token=x.y.z").unwrap().hint, Hint::Token(_)));
        assert_eq!(code("scope=openid&login_hint=a&request_uri=x"), ErrorCode::InvalidRequest);
    }

    #[test]
    fn ciba_7_1_scope_holds_openid() {
        assert!(parse("scope=profile+openid&login_hint=a").is_ok());
        assert_eq!(code("login_hint=a"), ErrorCode::InvalidRequest);
        assert_eq!(code("scope=profile&login_hint=a"), ErrorCode::InvalidRequest);
        assert_eq!(code("scope=openid+%22&login_hint=a"), ErrorCode::InvalidScope);
    }

    #[test]
    fn ciba_7_1_requested_expiry_is_a_positive_integer() {
        let with = |expiry: &str| parse(&format!("scope=openid&login_hint=a&requested_expiry={expiry}"));
        assert_eq!(with("120").unwrap().requested_expiry, Some(Duration::from_secs(120)));
        assert_eq!(with("").unwrap().requested_expiry, None);
        for bad in ["0", "-1", "1.5", "1e3", "0x10", "1000000000000000000", "%2B5", "5%20"] {
            assert_eq!(with(bad).unwrap_err().code, ErrorCode::InvalidRequest, "{bad}");
        }
    }
}
