//! Texts that no text field takes, or that one database would keep and the other not [security.md case 153].

use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::Value;

use crate::admin::location;
use crate::admin::robot::{Robot, usr};
use crate::sign_in::PASSWORD;
use crate::world::{
    AUTHORIZE, Answer, BC_AUTHORIZE, Backing, Builder, INTROSPECT, PAR, REGISTER, REVOKE, TOKEN, World, basic, enc,
};

/// As JSON has it, in place of a text: a NUL, half of a character, a number that is none.
const NO_TEXT: [&str; 4] = [r#""a\u0000b""#, r#""a\ud800b""#, r#""\udc00\ud800""#, "1e400"];

/// A character that nobody uses [Unicode §23.7]: kept as it is or refused, on every engine.
const ODD: &str = r#""a\uffffb""#;

/// Every text of it replaced, one after the other.
fn replaced(json: &Value, by: &str) -> Vec<String> {
    const HERE: &str = "\u{1}here";
    fn each(json: &Value, all: &mut Vec<Value>, with: &dyn Fn(Value) -> Value) {
        match json {
            Value::String(_) => all.push(with(HERE.into())),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    each(item, all, &|own| {
                        let mut items = items.clone();
                        items[at] = own;
                        with(items.into())
                    });
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    each(member, all, &|own| {
                        let mut members = members.clone();
                        members.insert(name.clone(), own);
                        with(members.into())
                    });
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut all = Vec::new();
    each(json, &mut all, &|own| own);
    let here = Value::from(HERE).to_string();
    all.iter().map(|json| json.to_string().replace(&here, by)).collect()
}

/// The bodies of all operations of administrators and of clients that register themselves, as they are documented.
fn bodies() -> Vec<(Method, String, Value)> {
    let document: Value = serde_json::from_str(include_str!("../../../openapi/nod-3.1.json")).unwrap();
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/admin/") && path != REGISTER {
            continue;
        }
        for (method, operation) in operations.as_object().unwrap() {
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            // A webhook that is there is told of everything, and how far it is changes all the time.
            if !example.is_null() && !path.ends_with("/bootstrap") && !path.contains("{webhook_id}") {
                all.push((method.to_uppercase().parse().unwrap(), path.clone(), example.clone()));
            }
        }
    }
    assert!(all.len() > 18, "{}", all.len());
    all
}

/// What is there to be changed.
async fn made(world: &World, admin: &Robot<'_>) -> Vec<(&'static str, String)> {
    let alice = world.user("alice-of-texts").with_phone().with_password(PASSWORD).await;
    world.client("bank-app").signs_in().await;
    let devices = admin.get("/admin/v1/devices").await.ok();
    let mut ids = vec![
        ("{client_id}", "bank-app".to_owned()),
        ("{user_id}", usr(&alice)),
        ("{provider}", "web_push".to_owned()),
        ("{device_id}", devices["items"][0]["id"].as_str().unwrap().to_owned()),
    ];
    let parts = [
        ("{application_id}", "/admin/v1/authentication-applications"),
        ("{native_application_id}", "/admin/v1/native-applications"),
        ("{mfa_policy_id}", "/admin/v1/mfa-policies"),
        ("{policy_id}", "/admin/v1/policies"),
        ("{otp_device_id}", "/admin/v1/users/{user_id}/otp-devices"),
        ("{totp_device_id}", "/admin/v1/users/{user_id}/totp-devices"),
    ];
    for (name, path) in parts {
        let (_, _, body) =
            bodies().into_iter().find(|(method, own, _)| *method == Method::POST && own == path).unwrap();
        let answer = admin.post(&path.replace("{user_id}", &usr(&alice)), &body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        ids.push((name, location(&answer).rsplit_once('/').unwrap().1.to_owned()));
    }
    ids
}

fn engines() -> [(&'static str, Builder); 2] {
    [("SQLite", Backing::Sqlite), ("PostgreSQL", Backing::Postgres)].map(|(what, backing)| {
        let world = World::with().generous().backing(backing).settings(|settings| {
            settings.registration = Admission::Anybody;
            settings.registrations = 10_000;
            settings.failed_authentications = 10_000;
        });
        (what, world)
    })
}

#[tokio::test]
async fn security_153_no_member_of_a_body_takes_what_is_no_text() {
    for (what, world) in engines() {
        let world = world.start().await;
        let admin = world.admin().await;
        let ids = made(&world, &admin).await;
        for (method, path, example) in bodies() {
            let at = ids.iter().fold(path.clone(), |at, (name, id)| at.replace(name, id));
            let send = |body: String| {
                let request = if path == REGISTER {
                    world.request(method.clone(), &at)
                } else {
                    admin.request(method.clone(), &at).header("if-match", "*")
                };
                Answer::of(request.header("content-type", "application/json").body(body))
            };
            let watch = world.watch().await;
            for text in NO_TEXT {
                for body in replaced(&example, text) {
                    let answer = send(body.clone()).await;
                    assert!([400, 422].contains(&answer.status), "{what}: {method} {at} {body}: {}", answer.text());
                }
            }
            watch.nothing_changed(&format!("{what}: {method} {at}")).await;
            for body in replaced(&example, ODD) {
                let answer = send(body.clone()).await;
                assert!(answer.status < 500, "{what}: {method} {at} {body}: {}", answer.text());
            }
        }
    }
}

#[tokio::test]
async fn security_153_no_parameter_takes_what_is_no_text() {
    const PARAMETERS: [&str; 24] = [
        "client_id",
        "client_secret",
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "scope",
        "auth_req_id",
        "login_hint",
        "id_token_hint",
        "binding_message",
        "acr_values",
        "user_code",
        "token",
        "token_type_hint",
        "resource",
        "response_type",
        "state",
        "nonce",
        "prompt",
        "ui_locales",
        "claims",
        "request",
    ];
    for (what, world) in engines() {
        let world = world.start().await;
        let shop = world.client("shop").signs_in().refresh().await;
        for path in [TOKEN, BC_AUTHORIZE, PAR, REVOKE, INTROSPECT, AUTHORIZE, "/as/device_authz.oauth2"] {
            let watch = world.watch().await;
            for name in PARAMETERS {
                for text in ["%00", "a%00b", "a%ED%A0%80b", "a\0b", "a%C0%80b"] {
                    let good = [("client_id", "shop"), ("scope", "openid"), ("grant_type", "refresh_token")];
                    let good: Vec<_> = good.into_iter().filter(|(own, _)| *own != name).collect();
                    let request = world.request(Method::POST, path).body(format!("{}&{name}={text}", enc(&good)));
                    let request = request.header("content-type", "application/x-www-form-urlencoded");
                    let request = if path == AUTHORIZE || name.starts_with("client_") {
                        request
                    } else {
                        request.header("authorization", basic("shop", shop.secret()))
                    };
                    let answer = Answer::of(request).await;
                    assert!([400, 401].contains(&answer.status), "{what}: {name}={text} at {path}: {}", answer.text());
                    assert_eq!(answer.header("location"), None, "{what}: {name}={text} at {path}");
                }
            }
            watch.nothing_changed(&format!("{what}: {path}")).await;
            for name in PARAMETERS {
                let good = [("client_id", "shop"), ("scope", "openid")];
                let mut fields: Vec<_> = good.into_iter().filter(|(own, _)| *own != name).collect();
                fields.push((name, "a\u{ffff}b"));
                let answer = Answer::of(shop.bare(path, &fields)).await;
                assert!(answer.status < 500, "{what}: {name} at {path}: {}", answer.text());
            }
        }
    }
}
