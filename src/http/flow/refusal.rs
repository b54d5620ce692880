//! Why an action was refused: for the developer, and in the person's language for the person.

use std::time::Duration;

use poem::Response;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{FlowApi, Refused, STATE_MEMBER, carried, json_response};
use crate::domain::audit::Action as Audited;
use crate::domain::password::NewPassword;
use crate::http::headers::retry_after;
use crate::protocol::flow_api::{Detail, DetailCode, FlowErrorCode, FlowRefusal, Validator};
use crate::usecase;
use crate::usecase::sign_in::advance::FlowError;
use crate::words::{Locale, Message};

impl FlowApi {
    /// `ui_locales`: what was wished for when the flow began, where the caller may see it.
    pub(super) async fn refuse(&self, refused: &Refused, headers: &HeaderMap, ui_locales: Option<&str>) -> Response {
        let locale = self.locale(headers, ui_locales);
        let (status, refusal, wait) = match refused {
            Refused::Flow(FlowError::Refused(refusal)) => (status(refusal), refusal.clone(), None),
            Refused::Flow(FlowError::Other(usecase::Error::TooMany { retry_after })) => {
                let refusal = FlowRefusal::new(FlowErrorCode::RequestFailed, "too many tries");
                (StatusCode::TOO_MANY_REQUESTS, refusal, Some(*retry_after))
            }
            Refused::Flow(FlowError::Other(error)) => {
                tracing::error!(%error, "failed");
                let refusal = FlowRefusal::new(FlowErrorCode::UnexpectedError, "a dependency gives no answer");
                (StatusCode::SERVICE_UNAVAILABLE, refusal, Some(Duration::from_secs(1)))
            }
            Refused::Status(status) => (*status, FlowRefusal::new(FlowErrorCode::InvalidRequest, why(*status)), None),
        };
        if !status.is_server_error() {
            tracing::info!(
                error = refusal.code.as_str(),
                detail = refusal.why,
                status = status.as_u16(),
                "flow refused"
            );
            // A wrong password has its own event; a flow that is not there is nobody's business.
            let recorded = [DetailCode::CredentialValidationFailed, DetailCode::InvalidOtp];
            let recorded = refusal.details.iter().any(|detail| recorded.contains(&detail.code));
            if !recorded && refusal.code != FlowErrorCode::FlowNotFound {
                let reason = format!("{}: {}", refusal.code, refusal.why);
                self.refusals.record(Audited::SignInRefused, reason, None).await;
            }
        }
        let details: Vec<Value> = refusal.details.iter().map(|detail| self.detailed(detail, locale)).collect();
        let mut body = body(refusal.code, &self.words.say(locale, to_the_person(refusal.code, wait)));
        if let (false, Value::Object(body)) = (details.is_empty(), &mut body) {
            body.insert("details".to_owned(), Value::Array(details));
        }
        // Nothing has changed: it goes on from there.
        if let (Some(state), Value::Object(body)) = (carried(headers), &mut body) {
            body.insert(STATE_MEMBER.to_owned(), json!(state));
        }
        let mut response = json_response(status, &body);
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        response
    }

    /// What was answered in place of this API, in the language of the person.
    pub(in crate::http) fn in_words(&self, request: &HeaderMap, answer: &mut Response) {
        let code = unreached(answer.status());
        let told = self.words.say(self.locale(request, None), to_the_person(code, None));
        answer.set_body(body(code, &told).to_string());
    }

    fn detailed(&self, detail: &Detail, locale: Locale) -> Value {
        let mut told = json!({
            "code": detail.code.as_str(),
            "message": detail.code.message(),
            "userMessage": self.words.say(locale, about(detail)),
        });
        if let Value::Object(told) = &mut told {
            told.extend(detail.target.as_ref().map(|target| ("target".to_owned(), json!(target))));
            told.extend(detail.attempts_remaining.map(|left| ("attemptsRemaining".to_owned(), json!(left))));
            if let Some(failed) = detail.failed {
                let satisfied: Vec<_> = failed.fulfilled_before().iter().map(|validator| validator.as_str()).collect();
                told.insert("failedValidators".to_owned(), json!([failed.as_str()]));
                told.insert("satisfiedValidators".to_owned(), json!(satisfied));
            }
        }
        told
    }
}

/// For what did not reach the flow, where nobody knows the person's language.
pub(in crate::http) fn refused(status: StatusCode) -> Response {
    let code = unreached(status);
    json_response(status, &body(code, code.message()))
}

fn body(code: FlowErrorCode, told: &str) -> Value {
    json!({ "code": code.as_str(), "message": code.message(), "userMessage": told })
}

fn unreached(status: StatusCode) -> FlowErrorCode {
    if status.is_server_error() { FlowErrorCode::UnexpectedError } else { FlowErrorCode::InvalidRequest }
}

const fn to_the_person(code: FlowErrorCode, wait: Option<Duration>) -> Message<'static> {
    match (code, wait) {
        (FlowErrorCode::UnexpectedError, _) => Message::ErrorUnavailable,
        (FlowErrorCode::RequestFailed, Some(wait)) => Message::SlowDown(wait),
        (FlowErrorCode::FlowNotFound, _) => Message::ErrorExpired,
        (FlowErrorCode::InvalidActionId, _) => Message::PageExpired,
        (FlowErrorCode::ValidationError | FlowErrorCode::InvalidRequest | FlowErrorCode::RequestFailed, _) => {
            Message::Problem
        }
    }
}

/// What somebody can put right themselves is said; the rest is the application's.
fn about(detail: &Detail) -> Message<'static> {
    match (detail.code, detail.target.as_deref()) {
        (DetailCode::CredentialValidationFailed, Some("attestation")) => Message::PasskeyNotMade,
        (DetailCode::CredentialValidationFailed, Some("assertion")) => Message::PasskeyFailed,
        (DetailCode::CredentialValidationFailed, Some(_)) => Message::CurrentPasswordWrong,
        (DetailCode::CredentialValidationFailed, None) => Message::WrongCredentials,
        (DetailCode::PushFailed, _) => Message::PushTooOften,
        (DetailCode::InvalidDevice, _) => Message::MethodGone,
        (DetailCode::InvalidUserCode, _) => Message::DeviceUnknown,
        (DetailCode::UserCodeExpired, _) => Message::DeviceExpired,
        (DetailCode::FieldRequired, Some("userCode" | "recoveryCode" | "otp")) => Message::CodeMissing,
        (DetailCode::FieldRequired, Some("newPassword")) => Message::NewPasswordMissing,
        (DetailCode::FieldRequired, Some("existingPassword")) => Message::CurrentPasswordMissing,
        (DetailCode::InvalidOtp, _) => match detail.attempts_remaining {
            Some(left) => Message::CodeWrongLeft(u64::from(left)),
            None => Message::CodeWrong,
        },
        (DetailCode::OtpAttemptsLimit, Some("otp")) => Message::CodeLocked,
        (DetailCode::OtpExpired, Some("otp")) => Message::CodeExpired,
        (DetailCode::OtpResendLimit, _) => Message::CodeTooOften,
        (DetailCode::OtpAttemptsLimit | DetailCode::OtpExpired, _) => Message::ForgotExpired,
        (DetailCode::PasswordChangeError, _) => detail.failed.map_or(Message::PageExpired, unfit),
        (DetailCode::FieldRequired, Some("username" | "identifier")) => Message::UsernameMissing,
        (DetailCode::FieldRequired, Some("password")) => Message::PasswordMissing,
        (
            DetailCode::FieldRequired
            | DetailCode::InvalidFieldFormat
            | DetailCode::InvalidFieldValue
            | DetailCode::UnrecognizedFieldName
            | DetailCode::UnexpectedActionModel
            | DetailCode::InvalidMobilePayload
            | DetailCode::InvalidContentType,
            _,
        ) => Message::Problem,
    }
}

fn unfit(failed: Validator) -> Message<'static> {
    let characters = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    match failed {
        Validator::TooShort => Message::PasswordShort(characters(NewPassword::SHORTEST)),
        Validator::TooLong => Message::PasswordLong(characters(NewPassword::LONGEST)),
        Validator::Common | Validator::Characters => Message::PasswordCommon,
        Validator::ContainsUsername => Message::PasswordName,
        Validator::Unchanged => Message::PasswordSame,
    }
}

const fn status(refusal: &FlowRefusal) -> StatusCode {
    match refusal.code {
        FlowErrorCode::FlowNotFound => StatusCode::NOT_FOUND,
        FlowErrorCode::UnexpectedError => StatusCode::INTERNAL_SERVER_ERROR,
        FlowErrorCode::ValidationError
        | FlowErrorCode::InvalidRequest
        | FlowErrorCode::InvalidActionId
        | FlowErrorCode::RequestFailed => StatusCode::BAD_REQUEST,
    }
}

const fn why(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "without X-XSRF-Header, or from a page of another origin",
        StatusCode::METHOD_NOT_ALLOWED => "neither GET nor POST",
        StatusCode::PAYLOAD_TOO_LARGE => "a body of more than 64 KiB",
        StatusCode::REQUEST_TIMEOUT => "a body that did not arrive in time",
        _ => "a content type that names no action",
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeSet;

    use super::*;
    use crate::words::Words;

    /// All that a detail may be about, beside a member that has no words of its own.
    const TARGETS: [Option<&str>; 12] = [
        None,
        Some("another"),
        Some("attestation"),
        Some("assertion"),
        Some("existingPassword"),
        Some("newPassword"),
        Some("password"),
        Some("username"),
        Some("identifier"),
        Some("userCode"),
        Some("recoveryCode"),
        Some("otp"),
    ];

    fn all() -> Vec<(String, Message<'static>)> {
        let mut all = Vec::new();
        for code in FlowErrorCode::ALL {
            for wait in [None, Some(Duration::from_secs(30))] {
                all.push((code.to_string(), to_the_person(*code, wait)));
            }
        }
        for code in DetailCode::ALL {
            for target in TARGETS {
                for failed in Validator::ALL.iter().copied().map(Some).chain([None]) {
                    let what = format!("{code} {target:?} {failed:?}");
                    let target = target.map(Cow::Borrowed);
                    all.push((what, about(&Detail { code: *code, target, failed, attempts_remaining: Some(2) })));
                }
            }
        }
        all
    }

    #[test]
    fn t15_3_every_code_has_words_in_every_language() {
        let words = Words::new(&[]);
        for (what, message) in all() {
            let said: BTreeSet<String> = Locale::ALL.iter().map(|locale| words.say(*locale, message)).collect();
            assert_eq!(said.len(), Locale::ALL.len(), "{what}: {said:?}");
            for text in &said {
                assert!(!text.trim().is_empty() && text != message.id(), "{what}: {text}");
            }
        }
    }

    /// What a person can put right is said; only what the application got wrong has no words of its own.
    #[test]
    fn t15_3_what_a_person_does_wrong_is_not_said_in_general() {
        let of_the_application = [
            DetailCode::InvalidFieldFormat,
            DetailCode::InvalidFieldValue,
            DetailCode::UnrecognizedFieldName,
            DetailCode::UnexpectedActionModel,
            DetailCode::InvalidMobilePayload,
            DetailCode::InvalidContentType,
        ];
        for code in DetailCode::ALL.iter().filter(|code| !of_the_application.contains(code)) {
            let target = (*code == DetailCode::FieldRequired).then_some(Cow::Borrowed("newPassword"));
            let said = about(&Detail { code: *code, target, failed: None, attempts_remaining: None });
            assert_ne!(said.id(), Message::Problem.id(), "{code}");
        }
    }
}
