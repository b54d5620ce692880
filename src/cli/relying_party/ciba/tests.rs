//! The whole exchange against a provider that the test scripts.

use std::sync::{Arc, Mutex};

use clap::{Args as _, FromArgMatches as _};
use nod_device::Issuer;
use serde_json::{Value, json};

use super::*;
use crate::cli::exit::Why;
use crate::cli::relying_party::Setting;
use crate::cli::relying_party::double::{Answer as Scripted, Double, Received};
use crate::cli::terminal::Terminal;
use crate::clock::{ManualClock, Timestamp};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::jwt::{SigningKey, at_hash, public_jwks};
use crate::secret::Secret;

const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);
const AUTH_REQ_ID: &str = "1cf09de6b0d64e0f9ab6d01cd5a3c1f8";

/// A provider that plays by the book, as far as the test lets it.
struct Script {
    key: SigningKey,
    /// Answers of the token endpoint before the tokens; the last one is repeated after them.
    polls: Vec<Scripted>,
    then_tokens: bool,
    again: Scripted,
    asked: Scripted,
    issuer: fn(&str) -> String,
    claims: fn(&mut Value),
    sub: &'static str,
}

fn parse<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Args, clap::Error> {
    let command = Args::augment_args(clap::Command::new("ciba").no_binary_name(true));
    Args::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn error(status: u16, code: &str) -> Scripted {
    Scripted::json(status, format!(r#"{{"error":"{code}","error_description":"So it is.\u001b[2J"}}"#))
        .header("Cache-Control", "no-store")
}

impl Script {
    fn new() -> Self {
        let acknowledgement = json!({
            "auth_req_id": AUTH_REQ_ID, "expires_in": 120, "interval": 0,
            "number_matching": {"type": "SELECT_NUMBER", "number": 47},
        });
        Self {
            key: SigningKey::generate(Algorithm::ES256).unwrap().0,
            polls: vec![error(400, "authorization_pending")],
            then_tokens: true,
            again: error(400, "invalid_grant"),
            asked: Scripted::json(200, acknowledgement.to_string()).header("Cache-Control", "no-store"),
            issuer: str::to_owned,
            claims: |_| {},
            sub: "alice-1",
        }
    }

    fn tokens(&self, issuer: &str) -> Scripted {
        let mut claims = json!({
            "iss": issuer, "sub": "alice-1", "aud": "shop",
            "exp": NOW.seconds() + 300, "iat": NOW.seconds(),
            "acr": "urn:nod:acr:device-number", "amr": ["pop", "swk", "user"],
            "at_hash": at_hash(Algorithm::ES256, "access"),
            "urn:openid:params:jwt:claim:auth_req_id": AUTH_REQ_ID,
        });
        (self.claims)(&mut claims);
        let id_token = self.key.sign("JWT", &claims).unwrap();
        let body = json!({
            "access_token": "access", "token_type": "Bearer", "expires_in": 600, "id_token": id_token.expose(),
        });
        Scripted::json(200, body.to_string()).header("Cache-Control", "no-store")
    }

    fn answer(&self, request: &Received, polled: usize) -> Scripted {
        let issuer = format!("http://{}", request.header("host").unwrap());
        let at = |path: &str| format!("{issuer}{path}");
        match request.path.as_str() {
            "/.well-known/openid-configuration" => {
                let metadata = json!({
                    "issuer": (self.issuer)(&issuer),
                    "token_endpoint": at("/token"),
                    "backchannel_authentication_endpoint": at("/bc"),
                    "jwks_uri": at("/jwks"),
                    "userinfo_endpoint": at("/userinfo"),
                    "revocation_endpoint": at("/revoke"),
                    "backchannel_token_delivery_modes_supported": ["poll"],
                    "grant_types_supported": ["urn:openid:params:grant-type:ciba"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                });
                Scripted::json(200, metadata.to_string())
            }
            "/bc" => self.asked.clone(),
            "/token" if self.then_tokens && polled == self.polls.len() => self.tokens(&issuer),
            "/token" if self.then_tokens && polled > self.polls.len() => self.again.clone(),
            "/token" => self.polls[polled.min(self.polls.len() - 1)].clone(),
            "/jwks" => Scripted::json(200, public_jwks([self.key.public_jwk()])),
            "/userinfo" => {
                let claims = json!({"sub": self.sub, "preferred_username": "alice\u{202e}"});
                Scripted::json(200, claims.to_string())
            }
            "/revoke" => Scripted::json(200, ""),
            path => panic!("{path}"),
        }
    }

    async fn play(self, arguments: &[&str]) -> Played {
        let polled = Mutex::new(0);
        let double = Double::start(move |request, _| {
            let mut polled = polled.lock().unwrap();
            let answer = self.answer(request, *polled);
            *polled += usize::from(request.path == "/token");
            answer
        })
        .await;
        let args = parse(["--issuer", &double.issuer].into_iter().chain(arguments.iter().copied())).unwrap();
        let setting = Setting {
            issuer: Issuer::parse(&args.who.issuer).unwrap(),
            client_id: args.who.client_id.clone(),
            secret: Secret::new("s%cret".to_owned()),
            clock: Arc::new(ManualClock::new(NOW)),
            report: Report::new(Terminal::plain(Vec::new()), args.who.json),
        };
        let party = RelyingParty::new(args, setting).unwrap();
        let (result, report) = party.test().await;
        Played { result, text: report.into_text(), double }
    }
}

struct Played {
    result: Result<(), Exit>,
    text: String,
    double: Double,
}

impl Played {
    fn exit(&self) -> Option<Why> {
        self.result.as_ref().err().map(|failure| failure.why)
    }

    /// Without what differs from run to run.
    fn lines(&self) -> Vec<String> {
        let issuer = &self.double.issuer;
        let timeless = |line: &str| match line.split_once(" ms   ") {
            Some((head, rest)) if head.len() > 3 => {
                let head = head.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
                format!("{head:<28}{rest}")
            }
            Some(_) | None => line.replace(issuer, "ISSUER"),
        };
        self.text.lines().map(timeless).collect()
    }
}

#[tokio::test]
async fn an_approval_is_printed_step_by_step() {
    let played = Script::new().play(&["--binding-message", "K7Q2", "--requested-expiry", "60"]).await;
    assert!(played.result.is_ok(), "{}", played.text);
    let lines = played.lines();
    let expected = [
        "1 discovery           200   issuer ✓  backchannel_authentication_endpoint ✓  token_endpoint ✓  jwks_uri ✓",
        "                                    poll ✓  grant ✓  client_secret_basic ✓  userinfo_endpoint ✓",
        "2 bc-authorize        200   auth_req_id 1cf09d… · expires 120 s · interval 0 s",
        "                                    choose 47 on alice's phone   \
         (or: nod phone --server ISSUER --user alice --auto approve)",
        "3 token (poll 1)      400   authorization_pending",
        "4 token (poll 2)      200   access_token ✓  id_token ✓  Bearer ✓  expires_in ✓",
        "5 jwks                200   ES256  signature ✓  iss ✓  aud ✓  sub ✓  exp ✓  iat ✓  at_hash ✓  auth_req_id ✓",
        "                                    acr urn:nod:acr:device-number  amr [pop, swk, user]",
        "6 userinfo            200   alice\\u{202e}  sub ✓",
        "7 token (again)       400   invalid_grant  exactly once ✓",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(line, expected, "{}", played.text);
    }
    assert_eq!(lines.len(), expected.len() + 1);
    assert!(lines[expected.len()].starts_with("✓ approved in "));

    let received = played.double.received();
    let body = String::from_utf8_lossy(&received[1].body).into_owned();
    let (asked, token) = body.split_once("&client_notification_token=").unwrap();
    assert_eq!(asked, "scope=openid&login_hint=alice&binding_message=K7Q2&requested_expiry=60");
    // [CIBA §7.1] 128 bits at least, made anew for each request.
    assert!(token.len() == 43 && !played.text.contains(token), "{token}");
    let another = Script::new().play(&[]).await.double.received();
    assert!(!String::from_utf8_lossy(&another[1].body).contains(token), "the same token again");
    // [RFC 6749 §2.3.1] shop:s%25cret
    assert_eq!(received[1].header("authorization"), Some("Basic c2hvcDpzJTI1Y3JldA=="));
    assert_eq!(received[5].header("authorization"), Some("Bearer access"));
    assert!(!played.text.contains(AUTH_REQ_ID), "it is a secret");
}

#[tokio::test]
async fn each_answer_of_the_person_has_its_exit_code() {
    for (code, exit) in [
        ("access_denied", Why::Denied),
        ("expired_token", Why::Expired),
        ("invalid_grant", Why::Failed),
        ("invalid_request", Why::Failed),
    ] {
        let script = Script { polls: vec![error(400, code)], then_tokens: false, ..Script::new() };
        let played = script.play(&[]).await;
        assert_eq!(played.exit(), Some(exit), "{code}: {}", played.text);
        assert!(!played.text.contains('\u{1b}'));
    }
}

#[tokio::test]
async fn each_refusal_of_the_provider_has_its_exit_code() {
    for (status, code, exit) in [
        (401, "invalid_client", Why::NotPermitted),
        (400, "unauthorized_client", Why::NotPermitted),
        (400, "unknown_user_id", Why::NotFound),
        (403, "access_denied", Why::Denied),
        (400, "invalid_binding_message", Why::Failed),
        (503, "temporarily_unavailable", Why::Unreachable),
    ] {
        let played = Script { asked: error(status, code), ..Script::new() }.play(&[]).await;
        assert_eq!(played.exit(), Some(exit), "{code}: {}", played.text);
        assert!(played.text.contains(&format!("2 bc-authorize        {status}")), "{}", played.text);
    }
}

#[tokio::test]
async fn a_provider_that_speaks_in_anothers_name_is_asked_nothing() {
    let played = Script { issuer: |_| "https://id.example".to_owned(), ..Script::new() }.play(&[]).await;
    assert_eq!(played.exit(), Some(Why::Failed));
    assert!(played.text.contains("issuer ✗ (https://id.example)"), "{}", played.text);
    assert_eq!(played.double.received().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let args = parse(["--issuer", &format!("http://{free}")]).unwrap();
    let failure = run(args).await.unwrap_err();
    assert_eq!(failure.why, Why::Unreachable);
    assert!(failure.to_string().contains("refused"), "{failure}");
}

#[tokio::test]
async fn tokens_that_do_not_prove_themselves_are_not_believed() {
    let forged = |claims: fn(&mut Value)| Script { claims, ..Script::new() };
    for (script, broken) in [
        (forged(|claims| claims["aud"] = json!("bank")), "aud"),
        (forged(|claims| claims["at_hash"] = json!("other")), "at_hash"),
        (forged(|claims| claims["exp"] = json!(NOW.seconds() - 1000)), "exp"),
        (Script { sub: "bob-1", ..Script::new() }, "sub"),
        (Script { again: error(400, "authorization_pending"), ..Script::new() }, "exactly once"),
    ] {
        let played = script.play(&[]).await;
        assert_eq!(played.exit(), Some(Why::Failed), "{broken}: {}", played.text);
        assert!(played.text.contains(&format!("but rules are broken: {broken}\n")), "{broken}: {}", played.text);
    }
}

#[tokio::test]
async fn a_key_that_is_not_published_signs_nothing() {
    let mut script = Script::new();
    script.polls.clear();
    let other = SigningKey::generate(Algorithm::ES256).unwrap().0;
    let issuer = script.tokens("x");
    script.polls.push(issuer);
    script.then_tokens = false;
    script.key = other;
    let played = script.play(&[]).await;
    assert_eq!(played.exit(), Some(Why::Failed));
    assert!(played.text.contains("signature ✗ (no key fits the token)"), "{}", played.text);
    // Whose access token it is, is not known either.
    assert!(!played.text.contains("userinfo  "), "{}", played.text);
}

#[tokio::test]
async fn a_request_is_withdrawn_while_it_is_pending() {
    let held = |code| {
        let mut answer = error(400, code);
        answer.body[0].0 = Duration::from_millis(200);
        answer
    };
    let script = Script { polls: vec![held("invalid_grant")], then_tokens: false, ..Script::new() };
    let played = script.play(&["--cancel-after", "50ms"]).await;
    assert!(played.result.is_ok(), "{}", played.text);
    assert!(played.text.contains("3 revoke (withdraw)   200"), "{}", played.text);
    assert!(played.text.lines().last().unwrap().starts_with("✓ withdrawn after "), "{}", played.text);
    let revoked = played.double.received().into_iter().find(|request| request.path == "/revoke").unwrap();
    assert_eq!(String::from_utf8_lossy(&revoked.body), format!("token={AUTH_REQ_ID}&token_type_hint=auth_req_id"));
}

#[tokio::test]
async fn json_is_one_object_a_line() {
    let played = Script::new().play(&["--json"]).await;
    let lines: Vec<Value> = played.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["step"], "discovery");
    assert_eq!(lines[0]["checks"][0], json!({"check": "issuer", "verdict": "passed"}));
    assert_eq!(lines.last().unwrap()["result"], "approved");
    assert_eq!(lines.last().unwrap()["exit"], 0);

    let played = Script { asked: error(401, "invalid_client"), ..Script::new() }.play(&["--json"]).await;
    let last: Value = serde_json::from_str(played.text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["result"], &last["exit"]), (&json!("failed"), &json!(5)));
}

#[test]
fn the_secret_is_never_an_argument() {
    for flag in ["--client-secret", "--secret"] {
        assert!(parse([flag, "hunter2"]).is_err());
    }
    let args = parse(["--client-id", "bank"]).unwrap();
    let elsewhere = Issuer::parse("https://id.example").unwrap();
    let here = Issuer::parse("http://localhost:8080").unwrap();
    // The published secret of dev mode is for its own client, on this machine.
    assert_eq!(args.who.client_secret(&here).unwrap_err().why, Why::Usage);
    let shop = parse([]).unwrap();
    assert_eq!(shop.who.client_secret(&elsewhere).unwrap_err().why, Why::Usage);
    assert_eq!(shop.who.client_secret(&here).unwrap().expose(), "shop-secret");
}
