//! The numbers of an MFA policy: the range and the default of each [flows.md D.1, H.9].

use serde_json::{Value, json};

use super::location;
use crate::world::{Answer, World};

const MFA: &str = "/admin/v1/mfa-policies";

/// A number, as a pointer into a policy; the least, the most, and what it is where nobody says anything. Times in
/// seconds.
pub(crate) const RANGES: [(&str, u32, u32, u32); 24] = [
    ("/push_timeout", 40, 150, 40),
    ("/push_limit/count", 1, 50, 5),
    ("/push_limit/time_period", 60, 7200, 600),
    ("/push_limit/lock_duration", 60, 7200, 1800),
    ("/let_in_for", 0, 7_776_000, 3600),
    ("/remember_me/lifetime", 3600, 7_776_000, 2_592_000),
    ("/totp/attempts", 1, 7, 3),
    ("/totp/cool_down", 120, 1800, 120),
    ("/totp/passcode_grace_period", 1, 10, 1),
    ("/mobile_otp/attempts", 1, 7, 3),
    ("/mobile_otp/cool_down", 120, 1800, 120),
    ("/mobile_otp/passcode_grace_period", 1, 10, 1),
    ("/email/otp_length", 6, 10, 6),
    ("/email/lifetime", 60, 1800, 300),
    ("/email/attempts", 1, 7, 3),
    ("/email/cool_down", 120, 1800, 120),
    ("/sms/otp_length", 6, 10, 6),
    ("/sms/lifetime", 60, 1800, 300),
    ("/sms/attempts", 1, 7, 3),
    ("/sms/cool_down", 120, 1800, 120),
    ("/voice/otp_length", 6, 10, 6),
    ("/voice/lifetime", 60, 1800, 300),
    ("/voice/attempts", 1, 7, 3),
    ("/voice/cool_down", 120, 1800, 120),
];

/// A document with nothing but this value in it.
pub(crate) fn alone(pointer: &str, value: &Value) -> Value {
    pointer.trim_start_matches('/').rsplit('/').fold(value.clone(), |inner, name| json!({ name: inner }))
}

/// Where there are numbers.
fn numbers(of: &Value, at: &str, found: &mut Vec<String>) {
    match of {
        Value::Number(_) => found.push(at.to_owned()),
        Value::Object(members) => {
            for (name, member) in members {
                numbers(member, &format!("{at}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {}
    }
}

/// The one problem of an answer: where, and the words for people.
#[track_caller]
fn problem(answer: &Answer) -> (String, String) {
    answer.admin_problem(422, "validation_failed");
    let json = answer.json();
    let [error] = &json["errors"].as_array().unwrap()[..] else { panic!("one problem: {json}") };
    assert_eq!(error["code"], "invalid", "{json}");
    (error["pointer"].as_str().unwrap().to_owned(), error["detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn d1_each_number_of_an_mfa_policy_has_its_range_and_default() {
    let world = World::start().await;
    let admin = world.admin().await;
    let made = admin.post(MFA, &json!({ "id": "usual" })).await;
    let (at, usual) = (location(&made), made.json());
    let mut found = Vec::new();
    numbers(&usual, "", &mut found);
    found.sort();
    let mut known = RANGES.map(|(pointer, ..)| pointer.to_owned()).to_vec();
    known.sort();
    assert_eq!(found, known, "each number of a policy has a row");

    for (pointer, least, most, default) in RANGES {
        assert_eq!(usual.pointer(pointer), Some(&json!(default)), "{pointer}");
        for good in [least, least + 1, most - 1, most] {
            let wished = alone(pointer, &json!(good));
            let made = admin.post(MFA, &wished).await;
            location(&made);
            assert_eq!(made.json().pointer(pointer), Some(&json!(good)), "{pointer}");
            assert_eq!(admin.patch(&at, &wished).await.ok().pointer(pointer), Some(&json!(good)), "{pointer}");
        }
        let (before, rows) = (admin.get(&at).await.ok(), world.rows("mfa_policy").await.len());
        let (below, above) = (i64::from(least) - 1, i64::from(most) + 1);
        let all = [json!(below), json!(above), json!(0), json!(-1), json!(1_u64 << 32), json!(u64::MAX)];
        for bad in all.into_iter().filter(|bad| bad != &json!(least)) {
            let wished = alone(pointer, &bad);
            for answer in [admin.post(MFA, &wished).await, admin.patch(&at, &wished).await] {
                let (place, words) = problem(&answer);
                assert_eq!(place, pointer, "{bad}");
                let range = words.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
                assert_eq!(range.collect::<Vec<_>>(), [least.to_string(), most.to_string()], "{pointer}: {words}");
            }
        }
        assert_eq!(admin.get(&at).await.ok(), before, "{pointer}");
        assert_eq!(world.rows("mfa_policy").await.len(), rows, "{pointer}");
        let back = admin.patch(&at, &alone(pointer, &Value::Null)).await.ok();
        assert_eq!(back.pointer(pointer), Some(&json!(default)), "{pointer} is set back");
    }
}

/// What is no number at all is told as such, and so is everything that is wrong at once.
#[tokio::test]
async fn d1_all_that_is_out_of_range_is_told_at_once() {
    let world = World::start().await;
    let admin = world.admin().await;
    let all = json!({
        "push_timeout": 39, "push_limit": { "count": 51, "time_period": 59 }, "email": { "otp_length": 5 },
        "sms": { "lifetime": 1801 }, "voice": { "attempts": 8, "cool_down": 119 },
    });
    let answer = admin.post(MFA, &all).await;
    answer.admin_problem(422, "validation_failed");
    let told = super::sign_on::pointers(&answer);
    let expected = [
        "/push_timeout",
        "/push_limit/count",
        "/push_limit/time_period",
        "/email/otp_length",
        "/sms/lifetime",
        "/voice/attempts",
        "/voice/cool_down",
    ];
    assert_eq!(told, expected.map(|pointer| format!("{pointer} invalid")));
    for bad in [json!({ "push_timeout": "60" }), json!({ "push_timeout": 60.5 }), json!({ "email": 6 })] {
        admin.post(MFA, &bad).await.admin_problem(400, "invalid_request");
    }
}
