//! Where a flow is, as JSON: `id`, `status`, the members of the status, and `_links` with what can be done now.

use poem::Response;
use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{FlowApi, PREFIX, json_response};
use crate::domain::flow::{At, Who};
use crate::protocol::flow_api::Status;
use crate::usecase::sign_in::Seen;

impl FlowApi {
    /// The state of a flow.
    pub fn shown(&self, seen: &Seen) -> Response {
        let body = self.state(seen);
        let mut response = json_response(StatusCode::OK, &body);
        if let Some(session) = &seen.session {
            self.cookies.set_session(response.headers_mut(), session);
        }
        response
    }

    fn state(&self, seen: &Seen) -> Value {
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
        if let Value::Object(fields) = fields(seen) {
            state.extend(fields);
        }
        state.insert("_links".to_owned(), Value::Object(links));
        Value::Object(state)
    }
}

/// The members of a state.
fn fields(seen: &Seen) -> Value {
    let flow = &seen.flow;
    let hint = match &flow.who {
        Who::Claimed(username) => username.as_str(),
        Who::Nobody | Who::Proved(_) => "",
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
            "alternativeAuthenticationSources": [],
        }),
        (Status::IdentifierRequired, _) => json!({ "previouslySubmittedIdentifiers": [], "showCaptcha": false }),
        (Status::ConsentRequired, At::Consent(scope)) => json!({
            "client": { "id": seen.client.id.as_str(), "name": seen.client.name },
            "scopes": scope.names().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "authorizationDetails": flow.request.extent.details.values(),
        }),
        (Status::Resume, _) => json!({ "resumeUrl": seen.resume }),
        (Status::Completed, _) => json!({ "authorizeResponse": answer(seen) }),
        (Status::Failed, At::Failed(failure)) => {
            let refusal = failure.refusal();
            let mut told = json!({
                "code": refusal.code.as_str(), "message": refusal.description, "userMessage": refusal.description,
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
        (Status::ConsentRequired | Status::Failed, _) => json!({}),
    }
}

fn answer(seen: &Seen) -> Value {
    let fields = seen.answer.iter().flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), json!(value))).collect())
}
