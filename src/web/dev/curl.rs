//! A call as a command to copy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::web::dev::view::{covered, covered_body};
use crate::web::dev::wire::Call;

/// Made by curl itself, or of one connection.
const OWN: [&str; 7] =
    ["host", "content-length", "user-agent", "accept", "accept-encoding", "connection", "transfer-encoding"];

pub(super) fn curl(base: &str, call: &Call, reveal: bool) -> String {
    let mut words = vec!["curl -i".to_owned()];
    if call.method != "GET" && call.body.is_empty() || !["GET", "POST"].contains(&call.method.as_str()) {
        words.push(format!("-X {}", call.method));
    }
    let form = call.form();
    for (name, value) in &call.headers {
        if OWN.contains(&name.as_str()) || (name == "content-type" && !form.is_empty()) {
            continue;
        }
        match basic(name, value) {
            Some((id, secret)) => {
                words.push(format!("-u {}", quoted(&format!("{id}:{}", covered("client_secret", &secret, reveal)))));
            }
            None => words.push(format!("-H {}", quoted(&format!("{name}: {}", covered(name, value, reveal))))),
        }
    }
    for (name, value) in &form {
        words.push(format!("--data-urlencode {}", quoted(&format!("{name}={}", covered(name, value, reveal)))));
    }
    if form.is_empty() && !call.body.is_empty() {
        words.push(format!("--data-raw {}", quoted(&covered_body(&call.body, reveal))));
    }
    words.push(quoted(&format!("{base}{}", call.target)));
    words.join(" \\\n  ")
}

fn basic(name: &str, value: &str) -> Option<(String, String)> {
    let encoded = value.strip_prefix("Basic ").filter(|_| name == "authorization")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// One word for a POSIX shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Call {
            method: "POST".to_owned(),
            target: "/as/token.oauth2".to_owned(),
            headers: vec![
                header("host", "localhost"),
                header("authorization", "Basic c2hvcDpzaG9wLXNlY3JldA=="),
                header("content-type", "application/x-www-form-urlencoded"),
            ],
            body: "binding_message=it%27s+you".into(),
        }
    }

    #[test]
    fn a_call_can_be_pasted_into_a_shell() {
        let expected = "curl -i \\\n  -u 'shop:shop-secret' \\\n  --data-urlencode 'binding_message=it'\\''s you' \\\n  \
                        'http://localhost:8080/as/token.oauth2'";
        assert_eq!(curl("http://localhost:8080", &call(), true), expected);
        let covered = curl("http://localhost:8080", &call(), false);
        assert!(covered.contains("'shop:sho…'") && !covered.contains("secret"), "{covered}");
    }
}
