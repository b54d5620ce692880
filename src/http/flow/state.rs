//! Where a flow is, as JSON: `id`, `status`, the members of the status, and `_links` with what can be done now.

use poem::Response;
use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{FlowApi, PAGES, PREFIX, STATE_MEMBER, devices, json_response};
use crate::domain::flow::errand::{Errand, Old};
use crate::domain::flow::{At, Failure, SecondFactor, Who};
use crate::domain::policy::Source;
use crate::domain::second_factor::Why;
use crate::protocol::flow_api::{Action, Status};
use crate::protocol::id::EnrolmentTicket;
use crate::usecase::sign_in::Seen;
use crate::usecase::sign_in::beside::ErrandSeen;
use crate::words::{Locale, Message};

impl FlowApi {
    /// The state of a flow.
    pub fn shown(&self, seen: &Seen, locale: Locale) -> Response {
        let body = self.state(seen, locale);
        let mut response = json_response(StatusCode::OK, &body);
        if let Some(session) = seen.session.as_ref().filter(|_| !seen.flow.cookieless) {
            self.cookies.set_session(response.headers_mut(), session);
        }
        if let Some(key) = &seen.browser {
            self.cookies.set_remembered(response.headers_mut(), key);
        }
        response
    }

    /// An errand that belongs to no sign-in.
    pub fn errand(&self, seen: &ErrandSeen, locale: Locale) -> Response {
        let fields = if seen.flow.over {
            // Our page says how it ended.
            json!({ "resumeUrl": format!("{}{PAGES}{}", self.base, seen.id.expose()) })
        } else {
            self.on_errand(&seen.flow.errand, seen.username.as_deref(), locale)
        };
        let state = self.body(seen.id.expose(), seen.flow.status(), seen.flow.actions(), fields);
        json_response(StatusCode::OK, &Value::Object(state))
    }

    fn state(&self, seen: &Seen, locale: Locale) -> Value {
        let flow = &seen.flow;
        let fields = self.fields(seen, locale);
        let mut state = self.body(seen.id.expose(), flow.status(), &flow.actions(), fields);
        if seen.with_context {
            state.insert("requestContext".to_owned(), context(seen));
        }
        if let Some(carried) = &seen.state {
            state.insert(STATE_MEMBER.to_owned(), json!(carried.expose()));
        }
        Value::Object(state)
    }

    fn body(&self, id: &str, status: Status, actions: &[Action], fields: Value) -> Map<String, Value> {
        let href = json!({ "href": format!("{}{PREFIX}{id}", self.base) });
        let mut links = Map::new();
        links.insert("self".to_owned(), href.clone());
        for action in actions {
            links.insert(action.as_str().to_owned(), href.clone());
        }
        let mut state = Map::new();
        state.insert("id".to_owned(), json!(id));
        state.insert("pluginTypeId".to_owned(), json!(status.plugin().as_str()));
        state.insert("status".to_owned(), json!(status.as_str()));
        if let Value::Object(fields) = fields {
            state.extend(fields);
        }
        state.insert("_links".to_owned(), Value::Object(links));
        state
    }

    /// The members of an errand.
    fn on_errand(&self, errand: &Errand, username: Option<&str>, locale: Locale) -> Value {
        match errand {
            Errand::Current { username } => json!({ "username": username }),
            Errand::Choosing { old, .. } => {
                json!({ "username": username, "existingPasswordRequired": *old == Old::ToBeGiven, "showCaptcha": false })
            }
            Errand::Asking { username, late } => {
                let mut told = json!({ "username": username, "showCaptcha": false });
                if let (true, Value::Object(told)) = (*late, &mut told) {
                    told.insert("userMessage".to_owned(), json!(self.words.say(locale, Message::ForgotExpired)));
                }
                told
            }
            Errand::Resetting { .. } => json!({ "username": username }),
            Errand::Canceled(operation) => json!({ "canceledOperation": operation.as_str() }),
            Errand::Sent { .. } | Errand::Linked { .. } | Errand::Changed(_) | Errand::Reset { .. } => json!({}),
        }
    }

    /// The members of a state.
    fn fields(&self, seen: &Seen, locale: Locale) -> Value {
        let flow = &seen.flow;
        if let Some(setting_up) = flow.setting_up() {
            return devices::setting_up(seen, setting_up);
        }
        let hint = hint(seen);
        match (flow.status(), &flow.at) {
            (Status::UsernamePasswordRequired, _) => json!({
                "showRememberMyUsername": false,
                "rememberMyUsernameSelected": false,
                "showThisIsMyDevice": false,
                "thisIsMyDeviceSelected": false,
                "showCaptcha": false,
                "username": hint,
                "allowUsernameEdits": true,
                "alternativeAuthenticationSources": flow.ways,
            }),
            (Status::AssertionRequired, At::Asking(_, Source::Mfa))
            | (
                Status::DeviceSelectionRequired
                | Status::PushConfirmationWaiting
                | Status::PushConfirmationTimedOut
                | Status::OtpRequired,
                _,
            ) => devices::fields(seen),
            (Status::DeviceManagement, _) => devices::own(seen),
            (Status::AssertionRequired, _) => json!({
                "publicKeyCredentialRequestOptions": seen.passkey,
                "alternativeAuthenticationSources": flow.ways,
            }),
            (Status::Fido2ActivationRequired, _) => json!({
                "publicKeyCredentialCreationOptions": seen.passkey.as_ref().map(Value::to_string),
            }),
            (Status::IdentifierRequired, at) => {
                let known = seen.username.iter().filter(|_| matches!(at, At::Account(_))).collect::<Vec<_>>();
                json!({ "previouslySubmittedIdentifiers": known, "showCaptcha": false })
            }
            (Status::AuthenticationRequired, _) => json!({
                "user": { "id": flow.user().map(|user| user.to_string()), "username": hint },
            }),
            (Status::MobilePairingRequired, _) => json!({
                "serverPayload": {
                    "ticket": seen.ticket.as_ref().map(EnrolmentTicket::expose),
                    "exp": flow.offers_pairing().map(|(.., until)| until.seconds()),
                },
            }),
            (Status::MfaCompleted, _) => {
                let (code, message) = showed(flow.second_factor.as_ref());
                let mut told = json!({
                    "code": code,
                    "message": message,
                    "userMessage": self.words.say(locale, Message::SecondFactorDone),
                });
                if let (Some(SecondFactor::Verified { answered, .. }), Value::Object(told)) =
                    (&flow.second_factor, &mut told)
                {
                    let extra = if *answered { "ok" } else { "skipped" };
                    told.insert("extraVerification".to_owned(), json!(extra));
                }
                if let (Some(lasts), Value::Object(told)) = (seen.remember_for, &mut told) {
                    told.insert("rememberMeFor".to_owned(), json!(lasts.as_secs()));
                }
                told
            }
            (Status::MfaFailed, _) => {
                let why = flow.second_factor.as_ref().and_then(SecondFactor::failed);
                json!({
                    "code": why.map(Why::as_str),
                    "message": why.map(Why::message),
                    "userMessage": self.words.say(locale, Message::ErrorDenied),
                })
            }
            (Status::ConsentRequired, At::Consent(scope)) => json!({
                "client": { "id": seen.client.id.as_str(), "name": seen.client.name },
                "scopes": scope.names().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
                "authorizationDetails": flow.request.extent.details.values(),
            }),
            (Status::OauthDeviceUserCodeConfirmationRequired | Status::OauthDeviceCompleted, _) => json!({
                "client": { "id": seen.client.id.as_str(), "name": seen.client.name },
                "userCode": flow.device.as_ref().map(|device| device.user_code.to_string()),
            }),
            (_, At::Errand(errand)) => self.on_errand(errand, seen.username.as_deref(), locale),
            (Status::Resume, _) => json!({ "resumeUrl": seen.resume }),
            (Status::Completed, _) => json!({ "authorizeResponse": answer(seen) }),
            (Status::Failed, At::Failed(failure)) => {
                let refusal = failure.refusal();
                let mut told = json!({
                    "code": refusal.code.as_str(), "message": refusal.description, "userMessage": self.words.say(locale, why(*failure)),
                });
                if let Value::Object(told) = &mut told {
                    if seen.answer.is_some() {
                        told.insert("authorizeResponse".to_owned(), answer(seen));
                    }
                    if let Some(resume) = &seen.resume {
                        told.insert("resumeUrl".to_owned(), json!(resume));
                    }
                }
                told
            }
            // The others are those of errands, which are above.
            (_, _) => json!({}),
        }
    }
}

/// Who it is, as far as somebody has said so.
fn hint(seen: &Seen) -> &str {
    match &seen.flow.who {
        Who::Claimed(username) => username.as_str(),
        Who::Proved(_) => seen.username.as_deref().unwrap_or_default(),
        Who::Nobody => "",
    }
}

/// What was asked for, and by whom: the parameters that a page may go by.
fn context(seen: &Seen) -> Value {
    let request = &seen.flow.request;
    let prompts: Vec<&str> = request.prompt.iter().map(|prompt| prompt.as_str()).collect();
    let parameters = [
        ("response_type", Some(request.response_type.as_str().to_owned())),
        ("scope", Some(request.scope.as_str().to_owned())),
        ("prompt", Some(prompts.join(" ")).filter(|prompts| !prompts.is_empty())),
        ("max_age", request.max_age.map(|seconds| seconds.to_string())),
        ("acr_values", request.acr_values.clone()),
        ("login_hint", request.login_hint.clone()),
        ("ui_locales", request.ui_locales.clone()),
    ];
    let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    json!({
        "client": { "id": seen.client.id.as_str(), "name": seen.client.name },
        "parameters": parameters.collect::<Map<String, Value>>(),
    })
}

/// What somebody has shown besides the first factor: `code`, and for the developer `message`.
fn showed(second_factor: Option<&SecondFactor>) -> (&'static str, &'static str) {
    match second_factor {
        Some(SecondFactor::Verified { .. }) => ("device_authorized", "The app is a trusted device of the person."),
        Some(SecondFactor::Authorized(trusted)) if trusted.is_silent() => {
            ("device_authorized", "The app is a trusted device of the person.")
        }
        Some(SecondFactor::Authorized(_)) => ("push_confirmed", "The person said yes on a trusted device."),
        Some(SecondFactor::OtpVerified(_)) => ("otp_verified", "The code is the right one."),
        Some(SecondFactor::LetIn(_)) => ("device_access_allowed", "The person let the app in on a trusted device."),
        Some(SecondFactor::Remembered(_)) => ("browser_remembered", "The browser is remembered, and nobody was asked."),
        Some(SecondFactor::PasskeyVerified(_)) => ("assertion_verified", "A passkey of the person has signed."),
        Some(_) | None => ("bypassed", "The MFA policy does without a second factor."),
    }
}

const fn why(failure: Failure) -> Message<'static> {
    match failure {
        Failure::Cancelled | Failure::NotAgreed => Message::SignInGivenUp,
        Failure::ByPolicy | Failure::AnotherPerson | Failure::NotWellEnough => Message::ErrorDenied,
        Failure::NothingVerified => Message::ErrorInternal,
    }
}

fn answer(seen: &Seen) -> Value {
    let fields = seen.answer.iter().flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), json!(value))).collect())
}
