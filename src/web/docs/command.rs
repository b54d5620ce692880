//! A call as a command to copy, with placeholders for what only the reader has.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::reference::{Caller, list, members, text};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// What curl may send as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// `None`: a call by hand cannot succeed, because each needs a fresh signature, or it is not known what
/// to send.
pub(super) fn curl(
    issuer: &str,
    (path, method): (&str, &str),
    operation: &Value,
    caller: Option<&Caller>,
) -> Option<String> {
    let mut words = Vec::new();
    match caller.map(|caller| caller.scheme.as_str()) {
        Some("clientSecretBasic") => words.push("-u \"$CLIENT_ID:$CLIENT_SECRET\"".to_owned()),
        Some("accessToken" | "admin") => words.push("-H \"Authorization: Bearer $ACCESS_TOKEN\"".to_owned()),
        Some("bootstrapToken") => words.push("-H \"Authorization: Bearer $BOOTSTRAP_TOKEN\"".to_owned()),
        None => {}
        Some(_) => return None,
    }
    let body = match operation.get("requestBody") {
        Some(body) => {
            let (media_type, media) = members(body, "content").next()?;
            Some((media_type, media.get("example")?))
        }
        None => None,
    };
    match body {
        Some((FORM, example)) => {
            words.extend(form(example.as_object()?).iter().map(|pair| format!("-d {}", quoted(pair))));
        }
        Some((media_type, example)) => {
            words.push(format!("-H {}", quoted(&format!("Content-Type: {media_type}"))));
            words.push(format!("-d {}", quoted(&example.to_string())));
        }
        None => {}
    }
    // With a body it is POST unless said otherwise, without one GET.
    if method != if body.is_some() { "post" } else { "get" } {
        words.push(format!("-X {}", method.to_uppercase()));
    }
    words.push(quoted(&format!("{issuer}{}", filled(path, operation))));
    Some(format!("curl {}", words.join(" \\\n     ")))
}

/// The path with the examples that there are for its parameters, and with their names for the rest; and with what has to
/// be in the query.
fn filled(path: &str, operation: &Value) -> String {
    let value = |one: &Value| {
        let example = one.get("example").or_else(|| one.get("schema")?.get("example")).and_then(Value::as_str);
        example.map_or_else(|| text(one, "name").to_uppercase(), str::to_owned)
    };
    let path = list(operation, "parameters")
        .filter(|one| text(one, "in") == "path")
        .fold(path.to_owned(), |path, one| path.replace(&format!("{{{}}}", text(one, "name")), &value(one)));
    let needed = list(operation, "parameters")
        .filter(|one| text(one, "in") == "query" && one.get("required").and_then(Value::as_bool) == Some(true));
    let query: Map<String, Value> = needed.map(|one| (text(one, "name").to_owned(), Value::from(value(one)))).collect();
    let query = form(&query).join("&");
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// `name=value`, percent-encoded.
pub(super) fn form(members: &Map<String, Value>) -> Vec<String> {
    let encoded = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let pair = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", encoded(name), encoded(&value))
    };
    members.iter().map(pair).collect()
}

/// One word for a POSIX shell, whatever is in it; without quotes where none are needed.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/=%".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn caller(scheme: &str) -> Caller {
        Caller { scheme: scheme.to_owned(), about: Vec::new(), scopes: Vec::new() }
    }

    #[test]
    fn a_call_can_be_pasted_into_a_shell() {
        let form = json!({"requestBody": {"content": {FORM: {"example": {"scope": "openid profile"}}}}});
        assert_eq!(
            curl("http://localhost:8080", ("/as/x", "post"), &form, Some(&caller("clientSecretBasic"))).unwrap(),
            "curl -u \"$CLIENT_ID:$CLIENT_SECRET\" \\\n     -d scope=openid%20profile \\\n     http://localhost:8080/as/x"
        );
        let patch = json!({
            "parameters": [{"name": "user_id", "in": "path", "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"example": {"name": "O'Neil"}}}},
        });
        let command = curl("https://id", ("/u/{user_id}", "patch"), &patch, Some(&caller("admin"))).unwrap();
        assert!(command.contains(r#"-d '{"name":"O'\''Neil"}'"#), "{command}");
        assert!(command.ends_with("-X PATCH \\\n     https://id/u/USER_ID"), "{command}");
    }

    #[test]
    fn what_has_to_be_in_the_query_is_there() {
        let named = json!({
            "parameters": [
                {"name": "action", "in": "query", "required": true, "example": "otp.check"},
                {"name": "limit", "in": "query", "example": "5"},
            ],
            "requestBody": {"content": {"application/json": {"example": {}}}},
        });
        let command = curl("https://id", ("/x", "post"), &named, Some(&caller("admin"))).unwrap();
        assert!(command.ends_with("\n     'https://id/x?action=otp.check'"), "{command}");
    }

    #[test]
    fn what_cannot_be_called_by_hand_has_no_command() {
        let nothing_known = json!({"requestBody": {"content": {"application/json": {}}}});
        assert_eq!(curl("https://id", ("/x", "post"), &nothing_known, None), None);
        assert_eq!(curl("https://id", ("/x", "get"), &json!({}), Some(&caller("deviceProof"))), None);
    }
}
