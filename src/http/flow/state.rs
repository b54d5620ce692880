//! Where a flow is, as JSON: `id`, `status`, the members of the status, and `_links` with what can be done now.

use poem::Response;
use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{FlowApi, PREFIX, STATE_MEMBER, json_response};
use crate::domain::flow::{At, Failure, Who};
use crate::protocol::flow_api::Status;
use crate::usecase::sign_in::Seen;
use crate::words::{Locale, Message};

impl FlowApi {
    /// The state of a flow.
    pub fn shown(&self, seen: &Seen, locale: Locale) -> Response {
        let body = self.state(seen, locale);
        let mut response = json_response(StatusCode::OK, &body);
        if let Some(session) = seen.session.as_ref().filter(|_| !seen.flow.cookieless) {
            self.cookies.set_session(response.headers_mut(), session);
        }
        response
    }

    fn state(&self, seen: &Seen, locale: Locale) -> Value {
        let (flow, id) = (&seen.flow, seen.id.expose());
        let href = json!({ "href": format!("{}{PREFIX}{id}", self.base) });
        let mut links = Map::new();
        links.insert("self".to_owned(), href.clone());
        for action in flow.actions() {
            links.insert(action.as_str().to_owned(), href.clone());
        }
        let mut state = Map::new();
        state.insert("id".to_owned(), json!(id));
        state.insert("status".to_owned(), json!(flow.status().as_str()));
        if let Value::Object(fields) = self.fields(seen, locale) {
            state.extend(fields);
        }
        state.insert("_links".to_owned(), Value::Object(links));
        if let Some(carried) = &seen.state {
            state.insert(STATE_MEMBER.to_owned(), json!(carried.expose()));
        }
        Value::Object(state)
    }

    /// The members of a state.
    fn fields(&self, seen: &Seen, locale: Locale) -> Value {
        let flow = &seen.flow;
        let hint = match &flow.who {
            Who::Claimed(username) => username.as_str(),
            Who::Proved(_) => seen.username.as_deref().unwrap_or_default(),
            Who::Nobody => "",
        };
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
            (Status::ConsentRequired, At::Consent(scope)) => json!({
                "client": { "id": seen.client.id.as_str(), "name": seen.client.name },
                "scopes": scope.names().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
                "authorizationDetails": flow.request.extent.details.values(),
            }),
            (Status::OauthDeviceUserCodeConfirmationRequired, _) => json!({
                "client": { "id": seen.client.id.as_str(), "name": seen.client.name },
                "userCode": flow.device.as_ref().map(|device| device.user_code.to_string()),
            }),
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
            (
                Status::OauthDeviceUserCodeRequired
                | Status::OauthDeviceCompleted
                | Status::ConsentRequired
                | Status::Failed,
                _,
            ) => json!({}),
        }
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
