//! What devices send.

use nod_device::{Call, SoftwareKey};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{Form, MARK, Scene, scene};
use crate::world::{Answer, Crafted, Phone, seconds};

/// The calls of a device that carry a body.
pub(super) async fn device_calls(scene: &Scene) -> Vec<Crafted> {
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
    pub(super) fn proved(&self, crafted: &Crafted) -> RequestBuilder {
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
pub(super) fn fresh(scene: &Scene, crafted: Crafted) -> Crafted {
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
