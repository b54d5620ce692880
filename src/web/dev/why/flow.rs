//! What refuses an action of a flow (docs/flow-api.md).

use serde_json::Value;

use crate::protocol::flow_api::FlowErrorCode as F;

pub(super) fn of(code: F) -> (&'static str, &'static str) {
    const ERRORS: &str = "docs/flow-api.md, errors";
    match code {
        F::ValidationError => {
            (ERRORS, "A JSON object with the members of the action and no others, and values that are right.")
        }
        F::InvalidRequest => (
            ERRORS,
            "One action, named by the content type or the query, with an X-XSRF-Header, from a page that may call.",
        ),
        F::InvalidActionId => (ERRORS, "One of the _links that the flow has now: GET it to see them."),
        F::RequestFailed => (ERRORS, "The same after Retry-After; without one, what details ask for, or a new flow."),
        F::FlowNotFound => (ERRORS, "A flow of this browser that has not ended. Now: a new one, at the relying party."),
        F::UnexpectedError => (ERRORS, "The same call, after Retry-After. The log has more, under the request's id."),
    }
}

/// What the details say beside the code, and the member that the first of them is about.
pub(super) fn details(body: &Value) -> (String, Option<String>) {
    let details = body.get("details").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |detail: &Value, name: &str| detail.get(name)?.as_str().map(str::to_owned);
    let told = details.iter().filter_map(|detail| text(detail, "message")).collect::<Vec<_>>().join(" ");
    (told, details.iter().find_map(|detail| text(detail, "target")))
}
