//! [OIDCC §10.1.1] Clients whose keys are behind a `jwks_uri`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nod::domain::client::{Authentication, KeySource};
use nod::outbound::egress::{Egress, EgressSettings};
use nod::protocol::algorithm::Algorithm;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::Scene;
use crate::world::{Jwk, World};

/// A relying party's own web server, with a key set on it.
pub(crate) struct KeyServer {
    pub(crate) uri: String,
    pub(crate) document: Arc<Mutex<String>>,
    served: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl KeyServer {
    pub(crate) async fn start(document: String) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://127.0.0.1:{}/jwks", listener.local_addr().unwrap().port());
        let (document, served) = (Arc::new(Mutex::new(document)), Arc::new(AtomicUsize::new(0)));
        let (serving, counting) = (Arc::clone(&document), Arc::clone(&served));
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 2048];
                let _ = stream.read(&mut head).await;
                let body = serving.lock().unwrap().clone();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
                counting.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { uri, document, served, _task: task }
    }
}

fn set_of(keys: &[(&str, &Jwk)]) -> String {
    let named = keys.iter().map(|(kid, key)| {
        let mut jwk = key.public();
        jwk["kid"] = json!(kid);
        jwk
    });
    json!({"keys": named.collect::<Vec<_>>()}).to_string()
}

/// A client whose keys are behind a `jwks_uri`, and a server that may call this machine.
async fn scene_of_uri(uri: &str, loopback: bool) -> Scene {
    let world = World::with().settings(move |settings| {
        settings.failed_authentications = 1000;
        // Plain http is fine in both cases, so that the address alone decides.
        let allowed = if loopback { vec!["127.0.0.0/8".parse().unwrap()] } else { Vec::new() };
        let egress = EgressSettings {
            allowed_networks: allowed,
            plain_http_hosts: vec!["127.0.0.1".to_owned()],
            ..EgressSettings::default()
        };
        settings.egress = Egress::new(&egress).unwrap();
    });
    let world = world.start().await;
    let bank = world.client("bank").private_key_jwt(Algorithm::ES256).await;
    let keys = KeySource::JwksUri(uri.to_owned());
    bank.update(move |client| client.authentication = Authentication::PrivateKeyJwt { keys, alg: None }).await;
    Scene { world, bank }
}

#[tokio::test]
async fn oidcc_10_1_1_a_key_set_is_fetched_kept_and_fetched_again_for_a_new_key() {
    let server = KeyServer::start(String::new()).await;
    let scene = scene_of_uri(&server.uri, true).await;
    let new = Jwk::p256();
    *server.document.lock().unwrap() = set_of(&[("bank-key", scene.bank.key())]);
    for _ in 0..3 {
        scene.accepts(&scene.bank.assertion(), "the published key").await;
    }
    assert_eq!(server.served.load(Ordering::SeqCst), 1, "kept");

    // The client begins to sign with a new key.
    *server.document.lock().unwrap() = set_of(&[("bank-key", scene.bank.key()), ("new", &new)]);
    let by_new = || new.jws(&json!({"alg": "ES256", "kid": "new"}), &scene.bank.claims());
    scene.accepts(&by_new(), "the new key").await;
    assert_eq!(server.served.load(Ordering::SeqCst), 2);

    // Names that are in no set, which anybody can make up, are asked for once a minute at most.
    for n in 0..10 {
        let unknown = new.jws(&json!({"alg": "ES256", "kid": format!("unknown-{n}")}), &scene.bank.claims());
        scene.refuses(&unknown, "an unknown key").await;
    }
    assert!(server.served.load(Ordering::SeqCst) <= 3, "{}", server.served.load(Ordering::SeqCst));
    scene.accepts(&by_new(), "the new key once more").await;
}

#[tokio::test]
async fn a_key_set_that_cannot_be_had_is_the_clients_trouble() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://127.0.0.1:{}/jwks", listener.local_addr().unwrap().port());
    drop(listener);
    let scene = scene_of_uri(&closed, true).await;
    scene.refuses(&scene.bank.assertion(), "nobody there").await;

    for document in ["", "{}", "[]", "{\"keys\": 17}", "<html>", &"x".repeat(100_000)] {
        let server = KeyServer::start(document.to_owned()).await;
        let scene = scene_of_uri(&server.uri, true).await;
        scene.refuses(&scene.bank.assertion(), "no key set").await;
    }
}

#[tokio::test]
async fn security_32_a_private_address_is_not_called() {
    let server = KeyServer::start(String::new()).await;
    let scene = scene_of_uri(&server.uri, false).await;
    *server.document.lock().unwrap() = set_of(&[("bank-key", scene.bank.key())]);
    scene.refuses(&scene.bank.assertion(), "a key set on this machine").await;
    assert_eq!(server.served.load(Ordering::SeqCst), 0);
}
