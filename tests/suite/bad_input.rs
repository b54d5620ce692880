//! Malformed, oversized, repeated, hostile: whatever comes in, at whichever endpoint, the answer has
//! that endpoint's form and the right status, nothing changes, one event is recorded, and nothing of
//! the input is to be found in the answer or in the log.

use nod_device::{Call, SoftwareKey};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{
    Answer, BC_AUTHORIZE, CIBA, Client, Crafted, DISCOVERY, INTROSPECT, JWKS, PAR, Person, Phone, REVOKE, TOKEN,
    USERINFO, World, basic, enc, seconds,
};

/// In every hostile value; it must not come back.
const MARK: &str = "zzMARKzz";

/// What an endpoint's errors look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    OAuth,
    Device,
}

struct Scene {
    world: World,
    shop: Client,
    alice: Person,
}

async fn scene() -> Scene {
    let world = World::with().generous().settings(|settings| settings.failed_authentications = 10_000).start().await;
    world.guard(MARK);
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    Scene { world, shop, alice }
}

impl Scene {
    async fn refuses(&self, request: RequestBuilder, form: Form, status: u16, what: &str) {
        let watch = self.world.watch().await;
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        match form {
            Form::OAuth if status == 401 => answer.refused(status, "invalid_client"),
            Form::OAuth => answer.refused(status, "invalid_request"),
            Form::Device if status == 401 => {
                let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
                answer.problem(status, &code)
            }
            Form::Device => answer.problem(status, "INVALID_REQUEST"),
        };
        assert!(!answer.text().contains(MARK), "{what} is echoed: {}", answer.text());
        for value in answer.headers.values() {
            assert!(!String::from_utf8_lossy(value.as_bytes()).contains(MARK), "{what} is echoed in {value:?}");
        }
        watch.only_a_refusal(what).await;
    }

    /// A form as the shop, with any bytes.
    fn raw(&self, path: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
        self.world
            .request(Method::POST, path)
            .header("authorization", basic(&self.shop.id, self.shop.secret()))
            .body(body.into())
    }

    fn form(&self, path: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
        self.raw(path, body).header("content-type", "application/x-www-form-urlencoded")
    }

    /// At the end of it all, somebody with good manners is served.
    async fn still_works(&self) {
        let asked = self.shop.ask(&self.alice).await;
        self.alice.phone().approve_the_question().await;
        self.shop.poll(&asked).await.tokens();
    }
}

/// The endpoints that take forms, each with a form that would be good.
fn form_endpoints() -> [(&'static str, String); 5] {
    [
        (TOKEN, enc(&[("grant_type", CIBA), ("auth_req_id", "x")])),
        (TOKEN, enc(&[("grant_type", "refresh_token"), ("refresh_token", "x")])),
        (BC_AUTHORIZE, enc(&[("scope", "openid"), ("login_hint", "alice")])),
        (REVOKE, enc(&[("token", "x")])),
        (INTROSPECT, enc(&[("token", "x")])),
    ]
}

#[tokio::test]
async fn forms_are_read_strictly_at_every_endpoint() {
    let scene = scene().await;
    for (path, good) in form_endpoints() {
        let with = |more: &[u8]| [good.as_bytes(), b"&", more].concat();
        let many = |n: usize| (0..n).map(|i| format!("p{i}={MARK}")).collect::<Vec<_>>().join("&");
        let first = good.split('&').next().unwrap().to_owned();
        let bodies: Vec<(&str, Vec<u8>)> = vec![
            ("a repeated parameter", with(first.as_bytes())),
            ("a repeated unknown one", with(format!("x={MARK}&x={MARK}").as_bytes())),
            ("one repeated without a value", with(format!("x={MARK}&x").as_bytes())),
            ("one repeated in another spelling", with(format!("xy={MARK}&%78y=1").as_bytes())),
            ("a NUL", with(format!("x={MARK}%00").as_bytes())),
            ("a raw NUL", with(format!("x={MARK}\0").as_bytes())),
            ("a NUL in a name", with(format!("{MARK}%00=1").as_bytes())),
            ("bytes that are no UTF-8", with(&[format!("x={MARK}").as_bytes(), b"\xff\xfe"].concat())),
            ("encoded bytes that are none", with(format!("x={MARK}%c0%af").as_bytes())),
            ("a lone surrogate", with(format!("x={MARK}%ED%A0%80").as_bytes())),
            ("half an escape", with(format!("x={MARK}%4").as_bytes())),
            ("no escape", with(format!("x={MARK}%zz").as_bytes())),
            ("no name", with(format!("={MARK}").as_bytes())),
            ("a long name", with(format!("{MARK}{}=1", "n".repeat(64)).as_bytes())),
            ("a long value", with(format!("x={MARK}{}", "v".repeat(2048)).as_bytes())),
            ("65 fields", many(65).into_bytes()),
            ("5000 fields", many(5000).into_bytes()[..60_000].to_vec()),
        ];
        for (what, body) in bodies {
            scene.refuses(scene.form(path, body), Form::OAuth, 400, &format!("{what} at {path}")).await;
        }
        for (name, longest) in
            [("client_id", 100), ("scope", 300), ("login_hint", 255), ("auth_req_id", 128), ("client_assertion", 4000)]
        {
            if !good.contains(name) {
                let body = with(format!("{name}={MARK}{}", "v".repeat(longest)).as_bytes());
                scene.refuses(scene.form(path, body), Form::OAuth, 400, &format!("a long {name} at {path}")).await;
            }
        }
    }
    scene.still_works().await;
}

#[tokio::test]
async fn bodies_are_bounded_and_of_the_right_type_at_every_endpoint() {
    let scene = scene().await;
    for (path, good) in form_endpoints() {
        let what = |text: &str| format!("{text} at {path}");
        for (text, content_type) in [
            ("JSON", "application/json"),
            ("text", "text/plain"),
            ("a multipart form", "multipart/form-data; boundary=x"),
            ("another charset", "application/x-www-form-urlencoded; charset=utf-16"),
            ("an empty type", ""),
            ("a longer type", "application/x-www-form-urlencoded-too"),
            ("a second parameter", "application/x-www-form-urlencoded; charset=utf-8; x=y"),
        ] {
            let request = scene.raw(path, good.clone()).header("content-type", content_type);
            scene.refuses(request, Form::OAuth, 400, &what(text)).await;
        }
        scene.refuses(scene.raw(path, good.clone()), Form::OAuth, 400, &what("no type")).await;
        let twice = scene.form(path, good.clone()).header("content-type", "application/x-www-form-urlencoded");
        scene.refuses(twice, Form::OAuth, 400, &what("two types")).await;
        for encoding in ["gzip", "br", "identity", "deflate", "x"] {
            let request = scene.form(path, good.clone()).header("content-encoding", encoding);
            scene.refuses(request, Form::OAuth, 415, &what(encoding)).await;
        }
        for size in [64 * 1024 + 1, 65 * 1024, 1024 * 1024] {
            let body = format!("{good}&x={}", MARK.repeat(size / 8 + 1));
            scene.refuses(scene.form(path, body), Form::OAuth, 413, &what("a large body")).await;
        }
        // The usual spellings are all fine.
        for content_type in
            ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded;charset=\"utf-8\""]
        {
            let answer = Answer::of(scene.raw(path, good.clone()).header("content-type", content_type)).await;
            assert!(answer.status == 200 || answer.json()["error"] == "invalid_grant", "{}", answer.text());
            if path == BC_AUTHORIZE {
                scene.shop.revoke(answer.json()["auth_req_id"].as_str().unwrap(), None).await;
            }
        }
    }
    scene.still_works().await;
}

#[tokio::test]
async fn parameters_do_not_come_in_the_query() {
    let scene = scene().await;
    for (path, good) in form_endpoints() {
        let request = scene.form(&format!("{path}?{good}&x={MARK}"), "");
        scene.refuses(request, Form::OAuth, 400, &format!("a query at {path}")).await;
        // Credentials there are none, and do not get into the log either.
        scene.world.guard(scene.shop.secret());
        let query = enc(&[("client_id", "shop"), ("client_secret", scene.shop.secret())]);
        let request = scene.world.request(Method::POST, &format!("{path}?{query}"));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(good);
        scene.refuses(request, Form::OAuth, 401, &format!("credentials in the query at {path}")).await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn other_methods_are_refused_at_every_endpoint() {
    let scene = scene().await;
    let id = "00000000-0000-4000-8000-000000000000";
    let device = |path: &str| format!("/device/v1{path}");
    let endpoints = [
        (TOKEN.to_owned(), "POST", Form::OAuth),
        (BC_AUTHORIZE.to_owned(), "POST", Form::OAuth),
        (REVOKE.to_owned(), "POST", Form::OAuth),
        (INTROSPECT.to_owned(), "POST", Form::OAuth),
        (USERINFO.to_owned(), "GET, POST", Form::OAuth),
        (device("/pairings"), "POST", Form::Device),
        (device("/notifications/pending"), "GET", Form::Device),
        (device(&format!("/notifications/{id}")), "GET", Form::Device),
        (device(&format!("/notifications/{id}/approve")), "POST", Form::Device),
        (device(&format!("/notifications/{id}/deny")), "POST", Form::Device),
        (device("/events"), "GET", Form::Device),
        (device("/me"), "GET", Form::Device),
        (device("/keys/rotate"), "POST", Form::Device),
        (device(&format!("/devices/{id}")), "DELETE", Form::Device),
    ];
    for (path, allowed, form) in endpoints {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "zzMARKzz"] {
            if allowed.contains(method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let what = format!("{method} {path}");
            scene.refuses(scene.world.request(method.clone(), &path).body("x"), form, 405, &what).await;
            let answer = Answer::of(scene.world.request(method, &path)).await;
            assert_eq!(answer.header("allow"), Some(allowed), "{what}");
        }
    }
    for path in [DISCOVERY, JWKS] {
        let answer = Answer::of(scene.world.request(Method::DELETE, path)).await;
        answer.refused(405, "invalid_request");
    }
    // Whoever is there is a browser.
    let answer = Answer::of(scene.world.request(Method::DELETE, "/as/authorization.oauth2")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")));
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    scene.still_works().await;
}

#[tokio::test]
async fn rfc9110_9_3_2_head_is_get_without_a_body() {
    let scene = scene().await;
    for path in [DISCOVERY, JWKS] {
        let answer = Answer::of(scene.world.request(Method::HEAD, path)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_there_is_not_there() {
    let scene = scene().await;
    for (path, form) in [
        ("/zzMARKzz", Form::OAuth),
        ("/as", Form::OAuth),
        ("/as/", Form::OAuth),
        ("/as/token.oauth2/", Form::OAuth),
        ("/as//token.oauth2", Form::OAuth),
        ("/AS/TOKEN.OAUTH2", Form::OAuth),
        ("/as/token.oauth2;x=y", Form::OAuth),
        ("/as/token.oauth2%00", Form::OAuth),
        ("/as/token.oauth2%2f", Form::OAuth),
        ("/%2e%2e/%2e%2e/etc/passwd", Form::OAuth),
        ("/as/../pf/JWKS", Form::OAuth),
        ("/device/v1/zzMARKzz", Form::Device),
        ("/device/v1/", Form::Device),
        ("/device/v2/me", Form::Device),
        ("/device/v1/notifications", Form::Device),
        ("/device/v1/notifications/x/y/z", Form::Device),
        ("/device/v1/me/", Form::Device),
    ] {
        for method in [Method::GET, Method::POST] {
            let watch = scene.world.watch().await;
            let request = scene.world.request(method, path);
            let request = request.header("content-type", "application/x-www-form-urlencoded").body("x=y");
            let answer = Answer::of(request).await;
            if path == "/as/../pf/JWKS" {
                // The client library has resolved it; nothing of ours.
                continue;
            }
            match form {
                Form::OAuth => answer.refused(404, "not_found"),
                Form::Device => answer.problem(404, "NOT_FOUND"),
            };
            assert!(!answer.text().contains(MARK));
            watch.nothing_changed(path).await;
        }
    }
    scene.still_works().await;
}

#[tokio::test]
async fn an_address_written_another_way_is_refused_in_the_same_words_or_not_there() {
    let scene = scene().await;
    for (path, form) in [
        ("/as/%74oken.oauth2", Form::OAuth),
        ("/%61s/bc-auth.ciba", Form::OAuth),
        ("/device/v1/%6de", Form::Device),
        ("/%64evice/v1/me", Form::Device),
        ("/device/%76%31/me", Form::Device),
    ] {
        let watch = scene.world.watch().await;
        let method = if form == Form::Device { Method::GET } else { Method::POST };
        let answer = Answer::of(scene.world.request(method, path)).await;
        if answer.status == 404 {
            watch.nothing_changed(path).await;
            continue;
        }
        match form {
            Form::OAuth => answer.refused(400, "invalid_request"),
            Form::Device => answer.problem(401, "PROOF_REQUIRED"),
        };
        watch.only_a_refusal(path).await;
    }
}

/// The calls of a device that carry a body.
async fn device_calls(scene: &Scene) -> Vec<Crafted> {
    let phone = scene.alice.phone();
    if phone.pending().await.is_empty() {
        scene.shop.ask(&scene.alice).await;
    }
    let question = phone.question().await;
    vec![
        phone.craft(&Phone::pairing_call(&scene.alice.pairing_key().await)),
        phone.craft_approval(&question, None),
        phone.craft_denial(&question),
        phone.craft(&phone.rotation(&SoftwareKey::generate().unwrap())),
    ]
}

impl Scene {
    fn proved(&self, crafted: &Crafted) -> RequestBuilder {
        self.alice.phone().unproved(crafted).header("device-proof", self.alice.phone().sign(crafted))
    }
}

#[tokio::test]
async fn json_is_read_strictly_at_every_call_of_a_device() {
    let scene = scene().await;
    for good in device_calls(&scene).await {
        let text = String::from_utf8(good.body.clone().unwrap()).unwrap();
        let inner = text[1..text.len() - 1].to_owned();
        let first = inner.split(':').next().unwrap().to_owned();
        let nested = |depth: usize| format!("{{{inner},\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let bodies: Vec<(&str, Vec<u8>)> = vec![
            ("a repeated member", format!("{{{inner},{first}:\"{MARK}\"}}").into()),
            ("a repeated unknown member", format!("{{{inner},\"x\":\"{MARK}\",\"x\":1}}").into()),
            ("one repeated in another spelling", format!("{{{inner},\"xy\":1,\"\\u0078y\":\"{MARK}\"}}").into()),
            ("one repeated inside", format!("{{{inner},\"x\":{{\"y\":1,\"y\":\"{MARK}\"}}}}").into()),
            ("17 levels", nested(17).into()),
            ("10 000 levels", nested(10_000).into()),
            ("nothing", b"".to_vec()),
            ("white space", b"  \n".to_vec()),
            ("an empty object", b"{}".to_vec()),
            ("null", b"null".to_vec()),
            ("a list", format!("[{text}]").into()),
            ("a text", format!("\"{MARK}\"").into()),
            ("a number", b"1e400".to_vec()),
            ("half of it", text[..text.len() / 2].to_owned().into()),
            ("more behind it", format!("{text}{text}").into()),
            ("a comma too many", format!("{{{inner},}}").into()),
            ("a comment", format!("{{{inner} /* {MARK} */}}").into()),
            ("no quotes", format!("{{{inner},x:1}}").into()),
            ("single quotes", text.replace('"', "'").into()),
            ("a byte order mark", format!("\u{feff}{text}").into()),
            ("no UTF-8", [text.as_bytes(), b"\xff"].concat()),
            (
                "no UTF-8 inside",
                format!("{{{inner},\"x\":\"").into_bytes().into_iter().chain(*b"\xc0\xaf\"}").collect(),
            ),
            ("a lone surrogate", format!("{{{inner},\"x\":\"\\ud800{MARK}\"}}").into()),
            ("a raw control character", format!("{{{inner},\"x\":\"\n{MARK}\"}}").into()),
            ("not a number", format!("{{{inner},\"x\":NaN}}").into()),
            ("a form", format!("{first}={MARK}").into()),
        ];
        for (what, body) in bodies {
            let crafted = fresh(&scene, good.clone().bytes(body));
            let what = format!("{what} at {}", good.path);
            scene.refuses(scene.proved(&crafted), Form::Device, 400, &what).await;
            // There is a limit to tries of a pairing key.
            scene.world.clock.advance(seconds(2));
        }
    }
}

/// A proof of now, with a `jti` of its own.
fn fresh(scene: &Scene, crafted: Crafted) -> Crafted {
    let new = scene.alice.phone().craft(&Call::me());
    let crafted = crafted.claim("jti", new.claims["jti"].clone()).claim("iat", new.claims["iat"].clone());
    crafted.claim("nonce", new.claims["nonce"].clone())
}

#[tokio::test]
async fn members_of_the_wrong_type_are_refused_at_every_call_of_a_device() {
    let scene = scene().await;
    for good in device_calls(&scene).await {
        let body: Value = serde_json::from_slice(good.body.as_deref().unwrap()).unwrap();
        for name in body.as_object().unwrap().keys() {
            for value in [json!(null), json!(17), json!([]), json!({}), json!(true), json!(MARK), json!(1e300)] {
                if name == "amr" && value == json!([]) {
                    continue;
                }
                let what = format!("{name} as {value} at {}", good.path);
                let crafted = fresh(&scene, good.clone().with_body(|body| body[name] = value.clone()));
                let watch = scene.world.watch().await;
                let answer = Answer::of(scene.proved(&crafted)).await;
                let code = answer.json()["code"].as_str().unwrap().to_owned();
                // A text where a text is meant is not malformed, only wrong.
                let wrong = name == "proofByNew" && value == json!(MARK);
                if wrong {
                    answer.problem(401, "PROOF_INVALID");
                } else {
                    assert_eq!((answer.status, code.as_str()), (400, "INVALID_REQUEST"), "{what}");
                    answer.problem(400, "INVALID_REQUEST");
                }
                assert!(!answer.text().contains(MARK), "{what}");
                watch.only_a_refusal(&what).await;
                scene.world.clock.advance(seconds(2));
            }
        }
    }
}

#[tokio::test]
async fn bodies_of_devices_are_bounded_and_json() {
    let scene = scene().await;
    for good in device_calls(&scene).await {
        let what = |text: &str| format!("{text} at {}", good.path);
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "text/json"] {
            let crafted = fresh(&scene, Crafted { content_type, ..good.clone() });
            scene.refuses(scene.proved(&crafted), Form::Device, 415, &what(content_type)).await;
        }
        let twice = scene.proved(&fresh(&scene, good.clone())).header("content-type", "application/json");
        scene.refuses(twice, Form::Device, 415, &what("two types")).await;
        for encoding in ["gzip", "identity"] {
            let request = scene.proved(&fresh(&scene, good.clone())).header("content-encoding", encoding);
            scene.refuses(request, Form::Device, 415, &what(encoding)).await;
        }
        for size in [32 * 1024 + 1, 1024 * 1024] {
            let text = String::from_utf8(good.body.clone().unwrap()).unwrap();
            let body = format!("{},\"x\":\"{}\"}}", &text[..text.len() - 1], MARK.repeat(size / 8));
            let crafted = fresh(&scene, good.clone().bytes(body.into()));
            scene.refuses(scene.proved(&crafted), Form::Device, 413, &what("a large body")).await;
        }
    }
    scene.alice.phone().approve_the_question().await;
}

#[tokio::test]
async fn hostile_text_in_a_hint_leads_to_nobody() {
    let scene = scene().await;
    for hint in [
        "' OR '1'='1",
        "alice'; DROP TABLE account; --",
        "alice\" OR \"\"=\"",
        "*)(uid=*))(|(uid=*",
        "${jndi:ldap://evil.example/x}",
        "{{7*7}}",
        "../../etc/passwd",
        "alice\r\nX-Injected: 1",
        "\u{1b}[2J",
        "\u{feff}alice",
        "\u{ff41}lice",
        "%61lice",
    ] {
        let watch = scene.world.watch().await;
        let answer = scene.shop.bc_authorize(&[("login_hint", hint), ("scope", "openid")]).await;
        answer.refused(400, "unknown_user_id");
        watch.only_a_refusal(hint).await;
        assert!(!scene.world.log().contains(hint), "hints are not logged");
    }
    scene.still_works().await;
}

#[tokio::test]
async fn security_33_a_scope_of_many_words_costs_nothing() {
    let scene = scene().await;
    let begin = std::time::Instant::now();
    for scope in ["openid ".repeat(42), "a ".repeat(150), " ".repeat(300)] {
        let answer = scene.shop.bc_authorize(&[("login_hint", "alice"), ("scope", &scope)]).await;
        assert!(answer.status == 200 || answer.status == 400, "{}", answer.text());
        if answer.status == 200 {
            scene.shop.revoke(answer.json()["auth_req_id"].as_str().unwrap(), None).await;
        }
    }
    assert!(begin.elapsed() < seconds(1));
}

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

/// Bytes as they are, on a connection of their own, up to its end.
async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server that has read only a part may reset what it closes.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_head_that_never_reaches_an_endpoint_leaves_an_event_too() {
    let scene = scene().await;
    let big = "a".repeat(500_000);
    for (path, action) in [
        (TOKEN, "request.redeemed"),
        (BC_AUTHORIZE, "request.created"),
        ("/device/v1/me", "device.called"),
        ("/admin/v1/clients", "admin.called"),
        ("/elsewhere", "input.refused"),
    ] {
        for (what, fields, status) in [
            ("two hosts", format!("Host: a\r\nHost: {MARK}\r\n"), 400),
            (
                "two lengths",
                format!("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nX: {MARK}\r\n"),
                400,
            ),
            ("500 KB", format!("Host: a\r\nX: {MARK}{big}\r\n"), 431),
        ] {
            let watch = scene.world.watch().await;
            let answer = exchange(&scene.world, format!("POST {path} HTTP/1.1\r\n{fields}\r\n").as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what} at {path}: {answer}");
            assert!(!answer.contains(MARK), "{what} at {path}");
            let event = watch.only_a_refusal(&format!("{what} at {path}")).await;
            assert_eq!(event.action, action, "{what} at {path}");
            assert!(!event.reason.unwrap_or_default().contains(MARK));
        }
    }
    scene.still_works().await;
}

#[tokio::test]
async fn a_large_head_over_http_2_leaves_an_event_too() {
    let scene = scene().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let page = "text/html; charset=utf-8";
    for (path, kind) in [
        (TOKEN, "application/json"),
        ("/device/v1/me", "application/problem+json"),
        ("/as/authorization.oauth2", page),
        ("/idp/init_logout.openid", page),
        ("/sign-out", page),
    ] {
        let watch = scene.world.watch().await;
        let head = format!("{MARK}{}", "a".repeat(30_000));
        let request = client.post(format!("http://{}{path}", scene.world.address())).header("x", head);
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (431, Some(kind)), "{path}");
        assert!(!answer.text().contains(MARK), "{path}");
        watch.only_a_refusal(path).await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn a_flood_of_refusals_leaves_some_events_and_a_number() {
    let scene = scene().await;
    let watch = scene.world.watch().await;
    for _ in 0..200 {
        Answer::of(scene.raw(TOKEN, "grant_type=x&grant_type=y")).await.refused(400, "invalid_request");
    }
    let events = watch.events().await;
    assert_eq!(events.len(), 20, "each by itself");
    scene.world.clock.advance(seconds(61));
    Answer::of(scene.raw(TOKEN, "grant_type=x&grant_type=y")).await.refused(400, "invalid_request");
    let events = watch.events().await;
    let reasons: Vec<_> = events.iter().skip(20).map(|event| event.reason.clone().unwrap_or_default()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].ends_with(", and 180 times more"), "{reasons:?}");
    watch.nothing_changed("a flood").await;
}
