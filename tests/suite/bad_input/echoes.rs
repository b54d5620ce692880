//! Nothing of the input comes back in a refusal.

use nod_device::Call;
use reqwest::Method;
use serde_json::{Value, json};

use super::devices::{device_calls, fresh};
use super::{MARK, scene};
use crate::world::{
    Answer, BC_AUTHORIZE, CIBA, Crafted, DISCOVERY, INTROSPECT, JWKS, PAR, REVOKE, TOKEN, USERINFO, basic, enc, seconds,
};

/// [house 13] Nothing of a request comes back with its refusal, wherever it was put.
fn assert_no_echo(answer: &Answer, what: &str) {
    let marked = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase().contains(&MARK.to_lowercase());
    assert!(!marked(&answer.body), "{what} is echoed: {}", answer.text());
    for (name, value) in &answer.headers {
        assert!(!marked(name.as_str().as_bytes()) && !marked(value.as_bytes()), "{what} is echoed: {name}: {value:?}");
    }
}

/// What a marked value may look like, whatever is meant in its place.
const MARKED: [&str; 3] = [MARK, "\"><zzMARKzz>\r\nX-Injected: zzMARKzz", "https://zzMARKzz.example/?zzMARKzz=%00"];

#[tokio::test]
async fn house_13_no_refusal_echoes_a_parameter() {
    const PARAMETERS: [&str; 27] = [
        "grant_type",
        "auth_req_id",
        "refresh_token",
        "scope",
        "login_hint",
        "id_token_hint",
        "login_hint_token",
        "binding_message",
        "requested_expiry",
        "acr_values",
        "client_notification_token",
        "user_code",
        "request",
        "request_uri",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "token",
        "token_type_hint",
        "resource",
        "authorization_details",
        "code",
        "redirect_uri",
        "username",
        "password",
        "x",
    ];
    let scene = scene().await;
    let forms: [(&str, &[(&str, &str)]); 6] = [
        (TOKEN, &[("grant_type", CIBA), ("auth_req_id", "x")]),
        (TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", "x")]),
        (BC_AUTHORIZE, &[("scope", "openid"), ("login_hint", "nobody")]),
        (PAR, &[("scope", "openid"), ("response_type", "code")]),
        (REVOKE, &[("token", "x")]),
        (INTROSPECT, &[("token", "x")]),
    ];
    for (path, good) in forms {
        for name in PARAMETERS {
            for value in MARKED {
                let mut fields: Vec<(&str, &str)> = good.iter().filter(|(own, _)| *own != name).copied().collect();
                fields.push((name, value));
                let what = format!("{name} at {path}");
                assert_no_echo(&Answer::of(scene.form(path, enc(&fields))).await, &what);
                // The same from somebody who is nobody.
                let request = scene.world.request(Method::POST, path).body(enc(&fields));
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                assert_no_echo(&Answer::of(request).await, &what);
            }
        }
        for name in MARKED {
            let fields = [good, &[(name, "x")]].concat();
            assert_no_echo(&Answer::of(scene.form(path, enc(&fields))).await, &format!("a name at {path}"));
        }
        let query = format!("{path}?{}", enc(&[(MARK, MARK), ("client_id", MARK)]));
        assert_no_echo(&Answer::of(scene.form(&query, enc(good))).await, &format!("the query of {path}"));
    }
    scene.still_works().await;
}

#[tokio::test]
async fn house_13_no_refusal_echoes_a_header_field_or_an_address() {
    const FIELDS: [&str; 32] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "cookie",
        "device-nonce",
        "device-proof",
        "dpop",
        "forwarded",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "origin",
        "range",
        "referer",
        "traceparent",
        "tracestate",
        "user-agent",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-http-method-override",
        "x-original-url",
        "x-zzmarkzz",
    ];
    let scene = scene().await;
    let endpoints = [
        (Method::POST, TOKEN),
        (Method::POST, BC_AUTHORIZE),
        (Method::POST, REVOKE),
        (Method::POST, INTROSPECT),
        (Method::GET, USERINFO),
        (Method::DELETE, DISCOVERY),
        (Method::DELETE, JWKS),
        (Method::GET, "/as/authorization.oauth2"),
        (Method::GET, "/nothing"),
        (Method::POST, "/device/v1/pairings"),
        (Method::GET, "/device/v1/me"),
        (Method::GET, "/device/v1/events"),
        (Method::POST, "/device/v1/keys/rotate"),
        (Method::GET, "/device/v1/nothing"),
    ];
    for (method, path) in endpoints {
        let request = || {
            let request = scene.world.request(method.clone(), path);
            if method == Method::POST { request.body(format!("x={MARK}")) } else { request }
        };
        for name in FIELDS {
            let values = [MARK, "Basic zzMARKzz", "Bearer zzMARKzz", "zzMARKzz=\"<zzMARKzz>\"; zzMARKzz"];
            for value in values.map(str::to_owned).into_iter().chain([basic(MARK, MARK)]) {
                let answer = Answer::of(request().header(name, value)).await;
                assert!(answer.status >= 400, "{name} at {path}: {}", answer.status);
                assert_no_echo(&answer, &format!("{name} at {path}"));
            }
        }
        // The name of a request is given back where it can do no harm, and only then: it is for that.
        let answer = Answer::of(request().header("x-request-id", "<zzMARKzz>")).await;
        assert_no_echo(&answer, "a harmful name of a request");
        let answer = Answer::of(request().header("x-request-id", "a-1.b_2")).await;
        assert_eq!(answer.header("x-request-id"), Some("a-1.b_2"));
        for address in [format!("{path}/{MARK}"), format!("{path}?{MARK}={MARK}"), format!("{path}%00{MARK}")] {
            assert_no_echo(&Answer::of(scene.world.request(method.clone(), &address)).await, &address);
        }
    }
    for path in ["notifications/zzMARKzz", "notifications/zzMARKzz/approve", "devices/zzMARKzz", "zzMARKzz"] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::from_bytes(MARK.as_bytes()).unwrap()] {
            let mut crafted = scene.alice.phone().craft(&Call::me());
            crafted.path = format!("/device/v1/{path}");
            crafted.claims["htu"] = json!(format!("{}{}", scene.world.issuer(), crafted.path));
            crafted.claims["htm"] = json!(method.as_str());
            crafted.method = method;
            assert_no_echo(&scene.alice.phone().send(&crafted).await, path);
        }
    }
    scene.still_works().await;
}

/// The same JSON with one of its values, or the name of one, marked; once for each of them.
fn marked(json: &Value) -> Vec<Value> {
    let replacements = || MARKED.map(|text| json!(text)).into_iter().chain([json!({ MARK: MARK }), json!([MARK])]);
    let mut all: Vec<Value> = replacements().collect();
    if let Value::Object(members) = json {
        for (name, member) in members {
            for changed in marked(member) {
                let mut json = json.clone();
                json[name] = changed;
                all.push(json);
            }
            let mut renamed = members.clone();
            let member = renamed.remove(name).unwrap();
            renamed.insert(MARK.to_owned(), member);
            all.push(renamed.into());
        }
    }
    all
}

#[tokio::test]
async fn house_13_no_refusal_echoes_a_member_of_a_body_or_a_proof() {
    type Part = fn(&Crafted) -> Vec<Crafted>;
    let parts: [(&str, Part); 3] = [
        ("body", |good| {
            let body = serde_json::from_slice(good.body.as_deref().unwrap()).unwrap();
            marked(&body).into_iter().map(|body| good.clone().bytes(body.to_string().into_bytes())).collect()
        }),
        ("claims", |good| marked(&good.claims).into_iter().map(|claims| Crafted { claims, ..good.clone() }).collect()),
        ("header", |good| marked(&good.header).into_iter().map(|header| Crafted { header, ..good.clone() }).collect()),
    ];
    let scene = scene().await;
    let phone = scene.alice.phone();
    for mut good in device_calls(&scene).await {
        let pairs = good.path.ends_with("/pairings");
        if pairs {
            // What the person who pairs may choose would be kept.
            good = good.with_body(|body| body["pairingKey"] = json!("000000000000"));
        }
        for (part, mark) in parts {
            for n in 0..mark(&good).len() {
                let crafted = mark(&fresh(&scene, good.clone())).remove(n);
                let answer = phone.send(&crafted).await;
                let what = format!("{part} {n} at {}", good.path);
                assert!(answer.status >= 400, "{what}: {}", answer.text());
                assert!(answer.json()["code"] != "USE_DEVICE_NONCE" || part == "claims", "{what} is not looked at");
                assert_no_echo(&answer, &what);
                if pairs {
                    // There is a limit to tries of a pairing key.
                    scene.world.clock.advance(seconds(1));
                }
            }
        }
    }
    scene.still_works().await;
}
