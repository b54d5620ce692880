//! The story of ../README.md, lived with the client that progenitor makes.

mod nod;

use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{env, fs};

use nod::types::{
    BackchannelAuthenticationRequest, ClientCreation, ClientPatch, FirstAdministrator, OAuthErrorCode, PairingKeyCreation,
    ProblemCode, TokenManagementRequest, TokenRequest, TokenResponse, User, UserCreation,
};
use nod::{Client, Error};
use progenitor_client::ResponseValue;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::sleep;

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const LIMIT: Duration = Duration::from_secs(30);

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// The client takes its credentials from the HTTP client below it.
fn client(authorization: &str) -> Client {
    let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())]);
    let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
    Client::new_with_client(&variable("NOD_ISSUER"), http)
}

fn bearer(token: &str) -> Client {
    client(&format!("Bearer {token}"))
}

fn basic(id: &str, secret: &str) -> Client {
    use base64::Engine as _;
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    client(&format!("Basic {credentials}"))
}

/// The error, as the type that the document names.
fn refused<T: std::fmt::Debug, E: std::fmt::Debug>(status: u16, result: Result<ResponseValue<T>, Error<E>>) -> E {
    match result {
        Err(Error::ErrorResponse(response)) if response.status() == status => response.into_inner(),
        other => panic!("not refused with {status}: {other:?}"),
    }
}

async fn administrator() -> Client {
    let bootstrap = bearer(fs::read_to_string(variable("NOD_BOOTSTRAP")).unwrap().trim());
    let body = FirstAdministrator { client_name: Some("Rust".to_owned()), client_id: None };
    let first = bootstrap.bootstrap_administrator(&body).await.unwrap().into_inner();

    let credentials = basic(&first.client.client_id, &first.client_secret.unwrap());
    let body = TokenRequest {
        grant_type: "client_credentials".to_owned(),
        scope: Some("nod:admin".to_owned()),
        auth_req_id: None,
        refresh_token: None,
        code: None,
        code_verifier: None,
        redirect_uri: None,
        device_code: None,
        subject_token: None,
        subject_token_type: None,
        actor_token: None,
        actor_token_type: None,
        requested_token_type: None,
        audience: None,
        resource: None,
        authorization_details: None,
    };
    let answer = credentials.request_token(&body).await.unwrap();
    println!("1-2  the first administrator has a token");
    bearer(&answer.access_token)
}

async fn kiosk(admin: &Client) -> Client {
    let named = |name: &str| Some(name.to_owned());
    let body = ClientCreation { client_id: named("kiosk"), client_name: named("Kiosk"), ..ClientCreation::default() };
    let made = admin.create_client(None, &body).await.unwrap().into_inner();

    let read = admin.get_client("kiosk").await.unwrap();
    assert_eq!(read.client_name, "Kiosk");
    let etag = read.headers()["etag"].to_str().unwrap();

    let patch = ClientPatch { client_name: named("Kiosk at the door"), ..ClientPatch::default() };
    let updated = admin.update_client("kiosk", Some(etag), &patch).await.unwrap();
    assert_eq!(updated.client_name, "Kiosk at the door");
    let stale = refused(412, admin.update_client("kiosk", Some(etag), &patch).await);
    assert_eq!(stale.code, ProblemCode::PreconditionFailed);
    println!("3-6  kiosk is registered and renamed; an old tag is refused");
    basic("kiosk", &made.client_secret.unwrap())
}

async fn bob(admin: &Client) -> User {
    let found = admin.list_users(None, None, None, None, None, None, Some("bob")).await.unwrap().into_inner();
    let [old] = found.items.as_slice() else { panic!("{found:?}") };
    assert_eq!(old.username, "bob");

    let name = Some("Bob".to_owned());
    let body = UserCreation { username: "bob".to_owned(), name, email: None, email_verified: None };
    let second = refused(409, admin.create_user(None, &body).await);
    assert_eq!(second.code, ProblemCode::UsernameTaken);

    assert_eq!(admin.delete_user(&old.id, None).await.unwrap().status(), 204);
    let made = admin.create_user(None, &body).await.unwrap().into_inner();
    assert_eq!(made.name.as_deref(), Some("Bob"));
    println!("7-8  bob was there, went, and came again");
    made
}

async fn phone(admin: &Client, user: &User) -> Child {
    let key = admin.create_pairing_key(&user.id, None, &PairingKeyCreation { application: None }).await.unwrap().into_inner().key;
    let mut child = Command::new(variable("NOD_BIN"))
        .args(["phone", "--server", &variable("NOD_ISSUER"), "--user", "bob", "--state", &variable("NOD_PHONE")])
        .args(["--pairing-key-stdin", "--auto", "approve", "--after", "2s", "--once"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{key}\n").as_bytes()).await.unwrap();
    drop(input);

    let begin = Instant::now();
    while admin.list_user_devices(&user.id, None, None, None, None).await.unwrap().items.is_empty() {
        assert!(begin.elapsed() < LIMIT, "the phone did not pair");
        sleep(Duration::from_millis(100)).await;
    }
    println!("9    bob's phone is paired");
    child
}

async fn ask(client: &Client) -> TokenResponse {
    let question = BackchannelAuthenticationRequest {
        scope: Some("openid profile".to_owned()),
        login_hint: Some("bob".to_owned()),
        acr_values: None,
        binding_message: None,
        client_notification_token: None,
        dpop_jkt: None,
        id_token_hint: None,
        login_hint_token: None,
        request: None,
        requested_expiry: None,
        user_code: None,
    };
    let asked = client.request_backchannel_authentication(&question).await.unwrap().into_inner();

    let auth_req_id = Some(asked.auth_req_id);
    let poll = TokenRequest {
        grant_type: CIBA.to_owned(),
        auth_req_id,
        refresh_token: None,
        scope: None,
        code: None,
        code_verifier: None,
        redirect_uri: None,
        device_code: None,
        subject_token: None,
        subject_token_type: None,
        actor_token: None,
        actor_token_type: None,
        requested_token_type: None,
        audience: None,
        resource: None,
        authorization_details: None,
    };
    let pending = refused(400, client.request_token(&poll).await);
    assert_eq!(pending.error, OAuthErrorCode::AuthorizationPending);
    println!("10-11  bob is asked; the answer is pending");

    let begin = Instant::now();
    loop {
        sleep(Duration::from_secs(asked.interval.try_into().unwrap())).await;
        match client.request_token(&poll).await {
            Ok(answer) => {
                println!("12   bob approved; there are tokens");
                return answer.into_inner();
            }
            answer => {
                assert_eq!(refused(400, answer).error, OAuthErrorCode::AuthorizationPending);
                assert!(begin.elapsed() < LIMIT, "nobody approved");
            }
        }
    }
}

async fn use_tokens(client: &Client, tokens: &TokenResponse) {
    let resource = bearer(&tokens.access_token);
    let claims = resource.get_user_info().await.unwrap();
    assert!(!claims.sub.is_empty());
    assert_eq!(claims.name.as_deref(), Some("Bob"));

    let body = TokenManagementRequest { token: tokens.access_token.clone(), token_type_hint: None };
    assert_eq!(client.revoke_token(&body).await.unwrap().status(), 200);
    let refusal = refused(401, resource.get_user_info().await);
    assert_eq!(refusal.error, OAuthErrorCode::InvalidToken);
    println!("13-14  UserInfo was read; the token is revoked");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let admin = administrator().await;
    let client = kiosk(&admin).await;
    let mut child = phone(&admin, &bob(&admin).await).await;
    let tokens = ask(&client).await;
    use_tokens(&client, &tokens).await;
    assert!(child.wait().await.unwrap().success());
}
