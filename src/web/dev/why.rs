//! Why the server said no: the rule, where it is written, and what would have passed. Each family of endpoints
//! has codes of its own, and some words are in several of them, so the path is looked at before the code.

mod admin;
mod device;
mod flow;
mod oauth;

use serde_json::Value;

use crate::domain::client::GrantType;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::device_error::DeviceErrorCode;
use crate::protocol::error::ErrorCode;
use crate::protocol::flow_api::FlowErrorCode;
use crate::web::dev::wire::{Answer, Call};

#[derive(Debug)]
pub(super) struct Why {
    pub code: String,
    /// The server's own sentence.
    pub rule: String,
    /// Where the rule is written.
    pub section: &'static str,
    /// Our page about the code, if it has one.
    pub page: Option<String>,
    /// The parameter that the sentence is about, with what it was.
    pub parameter: Option<String>,
    pub pass: String,
}

/// For a code that no family has: what the server has no words for.
const FALLBACK: (&str, &str) = ("RFC 9110 §15.6", "The same call, once the server is well again. Its log says more.");

pub(super) fn why(call: &Call, answer: &Answer) -> Option<Why> {
    let code = answer.error()?;
    let rule = answer.description().unwrap_or_default();
    let body = answer.json().unwrap_or_default();
    let path = call.path();
    if path.starts_with(crate::http::admin::PREFIX) {
        return Some(of_admin(call, code, rule, &body));
    }
    if path.starts_with(crate::http::flow::PREFIX) {
        return Some(of_flow(call, code, rule, &body));
    }
    let ((section, pass), parameter) = if path.starts_with("/device/") {
        let known = DeviceErrorCode::ALL.iter().copied().find(|known| known.as_str() == code);
        (known.map_or(FALLBACK, device::of), parameter(call, &rule))
    } else {
        (of_oauth(call, &code, &rule), parameter(call, &rule))
    };
    Some(Why { code, rule, section, page: None, parameter, pass: pass.to_owned() })
}

fn of_admin(call: &Call, code: String, title: String, body: &Value) -> Why {
    let (detail, place) = admin::details(body);
    let parameter = place.or_else(|| parameter(call, detail.as_deref().unwrap_or_default()));
    let Some(known) = AdminErrorCode::parse(&code) else {
        let (section, pass) = FALLBACK;
        return Why { code, rule: title, section, page: None, parameter, pass: pass.to_owned() };
    };
    let cause = Some(admin::plain(known.cause()));
    let rule = [Some(title), detail, cause].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let section = "docs/errors, RFC 9457";
    Why { code, rule, section, page: Some(admin::page(known)), parameter, pass: admin::plain(known.fix()) }
}

fn of_flow(call: &Call, code: String, message: String, body: &Value) -> Why {
    let (details, target) = flow::details(body);
    let (section, pass) = FlowErrorCode::parse(&code).map_or(FALLBACK, flow::of);
    let rule = if details.is_empty() { message } else { format!("{message} {details}") };
    let parameter = target.or_else(|| parameter(call, &rule));
    Why { code, rule, section, page: None, parameter, pass: pass.to_owned() }
}

fn of_oauth(call: &Call, code: &str, rule: &str) -> (&'static str, &'static str) {
    let mut known = ErrorCode::DIRECT.into_iter().chain(ErrorCode::OF_AUTHORIZATION);
    let grant = call.form().into_iter().find(|(name, _)| name == "grant_type");
    let grant = grant.and_then(|(_, value)| GrantType::parse(&value));
    match known.find(|known| known.as_str() == code) {
        Some(code) => oauth::of(code, &oauth::At { path: call.path(), grant, rule }),
        None if code == "not_found" => {
            ("RFC 9110 §15.5.5", "An address that discovery names: GET /.well-known/openid-configuration.")
        }
        None => FALLBACK,
    }
}

/// One that was sent, in the body or in the query; or one that was not.
fn parameter(call: &Call, rule: &str) -> Option<String> {
    let sent = call.form().into_iter().chain(call.query()).find(|(name, _)| mentions(rule, name));
    // What is missing was not sent, so it is in neither.
    let missing = || {
        let known = ["scope", "login_hint", "binding_message", "grant_type", "auth_req_id", "refresh_token"];
        known.into_iter().find(|name| mentions(rule, name)).map(|name| format!("{name} (not sent)"))
    };
    sent.map(|(name, _)| name).or_else(missing)
}

fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    fn call(path: &str, form: &'static str) -> Call {
        let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        Call { method: "POST".to_owned(), target: path.to_owned(), headers, body: form.into() }
    }

    fn of(path: &str, form: &'static str, status: u16, body: &str) -> Option<Why> {
        let body = body.to_owned().into();
        why(&call(path, form), &Answer { status, headers: Vec::new(), body, took: Duration::ZERO })
    }

    fn redirected(path: &str, to: &str) -> Option<Why> {
        let headers = vec![("location".to_owned(), to.to_owned())];
        why(&call(path, ""), &Answer { status: 303, headers, body: "".into(), took: Duration::ZERO })
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

    /// Each code has words at the endpoints that say it, and none has those of a server that is ill.
    #[test]
    fn every_code_of_every_family_has_words_of_its_own() {
        let known = |path: &str, body: Value| {
            let why = of(path, "", 400, &body.to_string()).unwrap();
            assert!(why.section != FALLBACK.0 && why.pass != FALLBACK.1, "{path} {body}: {why:?}");
            why
        };
        for code in AdminErrorCode::ALL {
            let why = known("/admin/v1/clients", json!({ "code": code.as_str(), "title": code.title() }));
            assert_eq!(why.page, Some(format!("/docs/errors/{}", code.as_str())));
            assert_eq!(why.pass, code.fix().replace('`', ""));
            assert!(why.rule.starts_with(code.title()) && why.rule.contains(&code.cause().replace('`', "")), "{why:?}");
        }
        for code in FlowErrorCode::ALL {
            known("/pf-ws/authn/flows/abc", json!({ "code": code.as_str(), "message": code.message() }));
        }
        for code in DeviceErrorCode::ALL {
            known("/device/v1/me", json!({ "code": code.as_str(), "title": code.title() }));
        }
        for code in ErrorCode::DIRECT.into_iter().chain(ErrorCode::OF_AUTHORIZATION) {
            for path in ["/as/token.oauth2", "/as/bc-auth.ciba", "/as/par.oauth2", "/idp/userinfo.openid"] {
                known(path, json!({ "error": code.as_str() }));
            }
            let to = format!("https://shop.example/callback?state=x&error={}", code.as_str());
            let why = redirected("/as/authorization.oauth2", &to).unwrap();
            assert!(why.code == code.as_str() && why.section != FALLBACK.0, "{why:?}");
        }
        let unknown = of("/as/token.oauth2", "", 500, r#"{"error":"unheard_of"}"#).unwrap();
        assert_eq!(unknown.section, FALLBACK.0);
    }

    /// The same word is another rule elsewhere.
    #[test]
    fn the_path_says_whose_code_it_is() {
        let body = r#"{"code":"insufficient_scope","title":"No.","detail":"nod:clients:write is needed."}"#;
        let admin = of("/admin/v1/clients", "", 403, body).unwrap();
        assert!(admin.rule.contains("nod:clients:write is needed.") && !admin.pass.contains("openid"), "{admin:?}");
        let userinfo = of("/idp/userinfo.openid", "", 403, r#"{"error":"insufficient_scope"}"#).unwrap();
        assert!(userinfo.pass.contains("scope openid"), "{userinfo:?}");
        let body = r#"{"code":"invalid_request","title":"No.","detail":"limit: No.","errors":[{"parameter":"limit"}]}"#;
        let admin = of("/admin/v1/clients?limit=0", "", 400, body).unwrap();
        assert_eq!(admin.parameter.as_deref(), Some("limit"));
        assert_eq!(admin.page.as_deref(), Some("/docs/errors/invalid_request"));
        let body = r#"{"code":"VALIDATION_ERROR","message":"No.","details":[{"message":"Wrong.","target":"otp"}]}"#;
        let flow = of("/pf-ws/authn/flows/abc", "", 400, body).unwrap();
        assert_eq!((flow.rule.as_str(), flow.parameter.as_deref()), ("No. Wrong.", Some("otp")));
    }

    #[test]
    fn what_a_redirect_tells_is_an_error_too() {
        let to = "https://shop.example/callback?error=login_required&error_description=Nobody+is+signed+in.&state=x";
        let why = redirected("/as/authorization.oauth2?prompt=none", to).unwrap();
        assert_eq!((why.code.as_str(), why.section), ("login_required", "OIDC Core §3.1.2.6"));
        assert_eq!(why.rule, "Nobody is signed in.");
        let to = "https://shop.example/callback?x=1#error=access_denied&state=x";
        let why = redirected("/as/resume/abc", to).unwrap();
        assert_eq!((why.code.as_str(), why.section), ("access_denied", "RFC 6749 §4.1.2.1"));
        assert!(redirected("/as/authorization.oauth2", "https://shop.example/callback?code=abc&state=error").is_none());
        let hop =
            r#"<meta http-equiv="refresh" content="0;url=https://shop.example/cb?state=x&#38;error=access_denied">"#;
        let why = of("/sign-in/abc", "", 200, hop).unwrap();
        assert_eq!(why.code, "access_denied", "by the page that stands for a redirect");
        let asked = "/as/authorization.oauth2?client_id=shop&max_age=soon";
        let to = "https://shop.example/callback?error=invalid_request&error_description=max_age+is+no+number.";
        assert_eq!(redirected(asked, to).unwrap().parameter.as_deref(), Some("max_age"));
    }

    /// OAuth 2.0 Form Post Response Mode, JARM, and one in the other.
    #[test]
    fn what_a_form_or_a_jwt_tells_is_an_error_too() {
        let form = |fields: &str| {
            let button = "<button class=\"btn go\">Go on</button></form><form id=\"other\"></form>";
            let form = r#"<form method="post" action="https://shop.example/cb" id="response" class="stack">"#;
            of("/as/authorization.oauth2?prompt=none&max_age=soon", "", 200, &format!("{form}{fields}{button}"))
        };
        let field = |name: &str, value: &str| format!(r#"<input type="hidden" name="{name}" value="{value}">"#);
        let told =
            [field("error", "login_required"), field("error_description", "Nobody&#39;s here: max_age &#38; all.")];
        let why = form(&told.concat()).unwrap();
        assert_eq!((why.code.as_str(), why.section), ("login_required", "OIDC Core §3.1.2.6"));
        assert_eq!((why.rule.as_str(), why.parameter.as_deref()), ("Nobody's here: max_age & all.", Some("max_age")));
        assert!(form(&field("code", "abc")).is_none(), "no error, no reason");
        assert!(form(&field("response", "error.login_required.x")).is_none(), "no JWT");

        let jwt = |claims: Value| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let refused = jwt(json!({ "iss": "x", "error": "access_denied", "error_description": "The person said no." }));
        for why in [
            redirected("/as/authorization.oauth2", &format!("https://shop.example/cb?response={refused}")),
            redirected("/as/authorization.oauth2", &format!("https://shop.example/cb#response={refused}")),
            form(&field("response", &refused)),
        ] {
            let why = why.unwrap();
            assert_eq!((why.code.as_str(), why.section), ("access_denied", "RFC 6749 §4.1.2.1"));
            assert_eq!(why.rule, "The person said no.");
        }
        let given = jwt(json!({ "iss": "x", "code": "abc" }));
        assert!(redirected("/as/authorization.oauth2", &format!("https://shop.example/cb?response={given}")).is_none());
    }

    #[test]
    fn an_invalid_grant_is_told_by_what_it_was_begun_from() {
        let body = r#"{"error":"invalid_grant","error_description":"The grant is invalid."}"#;
        let pass = |form| of("/as/token.oauth2", form, 400, body).unwrap().pass;
        for (form, named) in [
            ("grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=x", "auth_req_id"),
            ("grant_type=authorization_code&code=x", "code_verifier"),
            ("grant_type=refresh_token&refresh_token=x", "refresh token"),
            ("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=x", "device_code"),
            ("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange", "subject_token"),
        ] {
            assert!(pass(form).contains(named), "{form}: {}", pass(form));
        }
        let code = pass("grant_type=authorization_code&code=x");
        assert!(!code.contains("auth_req_id"), "{code}");
    }
}
