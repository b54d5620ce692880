//! What refuses an administrator: each code has a page of its own (docs/errors).

use serde_json::Value;

use crate::protocol::admin_error::AdminErrorCode;

/// The page about a code.
pub(super) fn page(code: AdminErrorCode) -> String {
    format!("/docs/errors/{}", code.as_str())
}

/// What was wrong this time, and the member or parameter that it is about.
pub(super) fn details(body: &Value) -> (Option<String>, Option<String>) {
    let text = |value: &Value, name: &str| value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let place = errors.iter().find_map(|error| text(error, "parameter").or_else(|| text(error, "pointer")));
    (text(body, "detail"), place)
}

/// As a page shows it, which has no markup for words of code.
pub(super) fn plain(text: &str) -> String {
    text.replace('`', "")
}
