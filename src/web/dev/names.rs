//! By what messages are known to be about one request, or about one sign-in.

use crate::http::discovery::path;
use crate::http::flow::{PAGES, PREFIX};
use crate::protocol::public_id::{self, Kind};
use crate::protocol::user_code::UserCode;
use crate::web::dev::token;
use crate::web::dev::wire::{Answer, Call, Name};

/// Parameters whose value is of one request alone.
const SENT: [&str; 5] = ["auth_req_id", "token", "refresh_token", "id_token_hint", "request_uri"];
/// Members of answers that are.
const GIVEN: [&str; 4] = ["access_token", "refresh_token", "id_token", "request_uri"];

/// What a call and its answer name.
pub(super) fn of(call: &Call, answer: &Answer, base: &str) -> Vec<Name> {
    let body = answer.json();
    let given = |name: &str| body.as_ref()?.get(name)?.as_str().map(Name::of);
    let mut names: Vec<Name> = flows(call, answer, base).iter().map(|flow| Name::of(flow)).collect();
    names.extend(codes(call, answer).iter().map(|code| Name::of(code)));
    names.extend(device_code(call, answer).map(|code| Name::of(&code)));
    names.extend(shown_code(call, answer).map(|code| Name::of(code.as_str())));
    let sent = call.form().into_iter().chain(call.query()).filter(|(name, _)| SENT.contains(&name.as_str()));
    names.extend(sent.map(|(_, value)| Name::of(&value)));
    names.extend(GIVEN.into_iter().filter_map(given));
    names.extend(call.header("authorization").and_then(token::shown).map(Name::of));
    names.extend(requests(call.path().split('/')));
    names.extend(
        call.path().strip_prefix("/device/v1/notifications/").and_then(|rest| rest.split('/').next()).map(Name::of),
    );
    names
}

/// What names a request at the admin API.
pub(super) fn requests<'t>(words: impl Iterator<Item = &'t str>) -> impl Iterator<Item = Name> {
    words.filter(|word| public_id::decode(Kind::Request, word).is_some()).map(Name::of)
}

/// The handles of the flows that a call is about, or that its answer leads to. `base` is the issuer.
pub(super) fn flows(call: &Call, answer: &Answer, base: &str) -> Vec<String> {
    let body = answer.json();
    let state = body.as_ref().filter(|body| body.get("status").is_some()).and_then(|body| body.get("id")?.as_str());
    let led = answer.leads_to();
    let led = led.as_deref().map(|to| to.strip_prefix(base).unwrap_or(to)).and_then(in_path);
    let mut flows: Vec<String> = [in_path(call.path()), state, led].into_iter().flatten().map(str::to_owned).collect();
    // To an authentication application.
    flows.extend(answer.told("flowId"));
    flows
}

/// The code of a device that waits to be connected [RFC 8628], where it is given and where it is polled with.
pub(super) fn device_code(call: &Call, answer: &Answer) -> Option<String> {
    match call.path() {
        path::DEVICE_AUTHORIZATION => Some(answer.json()?.get("device_code")?.as_str()?.to_owned()),
        path::TOKEN => call.form().into_iter().find(|(name, _)| name == "device_code").map(|(_, code)| code),
        _ => None,
    }
}

/// What that device shows, however somebody typed it. Elsewhere, what is called so is somebody's secret.
fn shown_code(call: &Call, answer: &Answer) -> Option<UserCode> {
    let code = match call.path() {
        path::DEVICE_AUTHORIZATION => answer.json()?.get("user_code")?.as_str()?.to_owned(),
        path::USER_AUTHORIZATION => {
            let mut sent = call.form().into_iter().chain(call.query());
            sent.find(|(name, value)| name == "user_code" && !value.is_empty())?.1
        }
        _ => return None,
    };
    UserCode::typed(&code)
}

/// The authorization codes in a call and its answer.
pub(super) fn codes(call: &Call, answer: &Answer) -> Vec<String> {
    let redeemed = call.form().into_iter().find(|(name, _)| name == "code" && call.path() == path::TOKEN);
    // Without a browser, the answer is in the state.
    let state = answer.json().and_then(|body| Some(body.get("authorizeResponse")?.get("code")?.as_str()?.to_owned()));
    redeemed.map(|(_, code)| code).into_iter().chain(state).chain(answer.told("code")).collect()
}

fn in_path(path: &str) -> Option<&str> {
    let rest = [PREFIX, PAGES, "/as/resume/"].into_iter().find_map(|before| path.strip_prefix(before))?;
    rest.split(['/', '?', '#']).next().filter(|flow| !flow.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call(target: &str, form: &'static str) -> Call {
        let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        Call { method: "POST".to_owned(), target: target.to_owned(), headers, body: form.into() }
    }

    fn answer(location: Option<&str>, body: &'static str) -> Answer {
        let headers = location.map(|to| ("location".to_owned(), to.to_owned())).into_iter().collect();
        Answer { status: 303, headers, body: body.into(), took: Duration::ZERO }
    }

    #[test]
    fn a_flow_is_found_wherever_it_is_named() {
        let base = "https://op.example";
        let of = |target: &str, location: Option<&str>, body: &'static str| {
            flows(&call(target, ""), &answer(location, body), base)
        };
        let nothing: [&str; 0] = [];
        assert_eq!(of("/pf-ws/authn/flows/abc", None, ""), ["abc"]);
        assert_eq!(of("/sign-in/abc", None, ""), ["abc"]);
        assert_eq!(of("/as/resume/abc?ticket=x", None, ""), ["abc"]);
        assert_eq!(of("/as/authorization.oauth2", Some("https://op.example/sign-in/abc"), ""), ["abc"]);
        assert_eq!(of("/as/authorization.oauth2", Some("https://login.example/in?flowId=abc"), ""), ["abc"]);
        assert_eq!(of("/as/authorization.oauth2", None, r#"{"id":"abc","status":"FAILED"}"#), ["abc"]);
        assert_eq!(of("/as/authorization.oauth2", Some("https://shop.example/sign-in/abc"), ""), nothing);
        assert_eq!(of("/admin/v1/users", None, r#"{"id":"abc"}"#), nothing);
        assert_eq!(of("/sign-in/", None, ""), nothing);
    }

    #[test]
    fn a_code_is_found_where_it_is_given_and_where_it_is_redeemed() {
        let of = |target: &str, form: &'static str, to: Option<&str>| codes(&call(target, form), &answer(to, ""));
        let nothing: [&str; 0] = [];
        assert_eq!(of("/as/token.oauth2", "grant_type=authorization_code&code=abc", None), ["abc"]);
        assert_eq!(of("/sign-in/x", "", Some("https://shop.example/cb?code=abc&state=y")), ["abc"]);
        assert_eq!(of("/sign-in/x", "code=123456", None), nothing, "what somebody types is none");
    }

    #[test]
    fn a_device_is_known_by_both_of_its_codes_and_nobody_by_their_secret() {
        let asked = answer(None, r#"{"device_code":"abc","user_code":"BCDF-GHJK"}"#);
        let nothing = || answer(None, "");
        let all = |target: &str, form: &'static str, answer: Answer| of(&call(target, form), &answer, "");
        let both = [Name::of("abc"), Name::of("BCDFGHJK")];
        assert_eq!(all("/as/device_authz.oauth2", "scope=openid", asked), both);
        assert_eq!(all("/as/token.oauth2", "device_code=abc", nothing()), both[..1]);
        assert_eq!(all("/as/user_authz.oauth2", "user_code=bcdf+ghjk", nothing()), both[1..]);
        assert_eq!(all("/as/user_authz.oauth2?user_code=BCDF-GHJK", "", nothing()), both[1..]);
        assert!(all("/as/bc-auth.ciba", "user_code=BCDFGHJK", nothing()).is_empty());
    }
}
