use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A server that counts its connections and plays the same part in each.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Everything that was sent to it.
    received: Arc<Mutex<Vec<u8>>>,
}

enum Part {
    Says(Vec<u8>),
    /// Says the first, then one byte of `x` now and then.
    Drips(&'static str),
    Silent,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "a server of this test")]
    async fn start(part: Part) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let received = Arc::new(Mutex::new(Vec::new()));
        let (part, count, record) = (Arc::new(part), Arc::clone(&connections), Arc::clone(&received));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (part, record) = (Arc::clone(&part), Arc::clone(&record));
                tokio::spawn(async move { play(stream, &part, &record).await });
            }
        });
        Self { address, connections, received }
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn received(&self) -> String {
        String::from_utf8(self.received.lock().unwrap().clone()).unwrap()
    }
}

async fn play(mut stream: TcpStream, part: &Part, record: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => head.extend_from_slice(&buffer[..n]),
        }
    }
    record.lock().unwrap().extend_from_slice(&head);
    match part {
        Part::Says(answer) => drop(stream.write_all(answer).await),
        Part::Silent => std::future::pending().await,
        Part::Drips(start) => {
            drop(stream.write_all(start.as_bytes()).await);
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn ok(headers: &str, body: &str) -> Part {
    Part::Says(format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// Loopback without TLS, and patience with a busy machine.
fn lenient() -> EgressSettings {
    EgressSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        plain_http_hosts: vec!["127.0.0.1".into(), "rp.example".into()],
        total_timeout: Duration::from_secs(10),
        ..EgressSettings::default()
    }
}

async fn get(settings: &EgressSettings, url: Url) -> Result<Answer, EgressError> {
    Egress::new(settings).unwrap().send(Outgoing::get(url), AnswerBody::UpTo(1000)).await
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let server = Server::start(ok("X-A: b\r\n", "hello")).await;
    let answer = get(&lenient(), server.url("/jwks?x=1")).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"hello"[..]));
    assert_eq!(answer.headers["x-a"], "b");
    let request = server.received();
    assert!(request.starts_with("GET /jwks?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(!request.to_lowercase().contains("accept-encoding"), "nothing compressed is asked for");
}

#[tokio::test]
async fn a_post_carries_its_token_and_debug_output_does_not() {
    let server = Server::start(ok("", "")).await;
    let request = Outgoing::post(server.url("/cb"), "application/json", r#"{"auth_req_id":"a"}"#)
        .bearer(&Secret::new("the-token".to_owned()))
        .unwrap();
    assert!(!format!("{request:?}").contains("the-token"));
    Egress::new(&lenient()).unwrap().send(request, AnswerBody::Ignored).await.unwrap();
    let received = server.received();
    assert!(received.contains("authorization: Bearer the-token\r\n"), "{received}");
    assert!(received.contains("content-type: application/json\r\n"));
    let broken = Outgoing::get(server.url("/")).bearer(&Secret::new("a\r\nb: c".to_owned()));
    assert!(matches!(broken, Err(EgressError::Header)));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Server::start(ok("", "secret")).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", target.url("/"));
        let server = Server::start(Part::Says(answer.into_bytes())).await;
        let answer = get(&lenient(), server.url("/")).await.unwrap();
        assert_eq!(answer.status.as_u16(), status);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn slow_servers_cost_no_more_than_the_time_limit() {
    let dripping_body = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n";
    for part in [Part::Silent, Part::Drips("HTTP/1.1 200 OK\r\nX-A: "), Part::Drips(dripping_body)] {
        let server = Server::start(part).await;
        let impatient = EgressSettings { total_timeout: Duration::from_millis(300), ..lenient() };
        let started = Instant::now();
        let error = get(&impatient, server.url("/")).await.unwrap_err();
        assert!(matches!(error, EgressError::Timeout), "{error:?}");
        let took = started.elapsed();
        assert!((Duration::from_millis(290)..Duration::from_secs(5)).contains(&took), "{took:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_ignored_is_not_waited_for() {
    let server = Server::start(Part::Drips("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")).await;
    let egress = Egress::new(&lenient()).unwrap();
    let started = Instant::now();
    let answer = egress.send(Outgoing::get(server.url("/")), AnswerBody::Ignored).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn large_answers_are_refused_declared_or_not() {
    let body = "x".repeat(1001);
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{body}\r\n0\r\n\r\n");
    for part in [
        ok("", &body),
        Part::Says(chunked.into_bytes()),
        Part::Says(format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes()),
        Part::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec()),
    ] {
        let server = Server::start(part).await;
        let error = get(&lenient(), server.url("/")).await.unwrap_err();
        assert!(matches!(error, EgressError::TooLarge), "{error:?}");
    }
    let server = Server::start(ok("", &"x".repeat(1000))).await;
    assert_eq!(get(&lenient(), server.url("/")).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn a_compressed_answer_stays_as_it_is() {
    let server = Server::start(ok("Content-Encoding: gzip\r\n", "not gzip at all")).await;
    assert_eq!(&get(&lenient(), server.url("/")).await.unwrap().body[..], b"not gzip at all");
}

#[tokio::test]
async fn private_addresses_are_refused_by_default() {
    let server = Server::start(ok("", "hello")).await;
    let port = server.address.port();
    let strict = EgressSettings {
        plain_http_hosts: ["127.0.0.1", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[::1]", "localhost", "0.0.0.0"]
            .map(str::to_owned)
            .to_vec(),
        ..EgressSettings::default()
    };
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "localhost",
        "LOCALHOST",
    ] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = get(&strict, url).await.unwrap_err();
        assert!(matches!(error, EgressError::PrivateAddress), "{host}: {error:?}");
    }
    assert_eq!(server.connections(), 0, "not even a connection");
}

#[tokio::test]
async fn an_allowed_host_or_network_is_reached() {
    let server = Server::start(ok("", "hello")).await;
    let url = Url::parse(&format!("http://localhost:{}/", server.address.port())).unwrap();
    let plain_http_hosts = vec!["localhost".to_owned()];
    let by_name = EgressSettings {
        allowed_hosts: vec!["localhost".into()],
        plain_http_hosts: plain_http_hosts.clone(),
        ..EgressSettings::default()
    };
    let by_network = EgressSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        plain_http_hosts,
        ..EgressSettings::default()
    };
    for settings in [by_name, by_network] {
        assert_eq!(get(&settings, url.clone()).await.unwrap().status, StatusCode::OK);
    }
}

fn scripted(answers: &[&[&str]]) -> Lookup {
    let parse = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
    Lookup::Scripted(Arc::new(Mutex::new(answers.iter().map(parse).collect())))
}

async fn get_by_name(lookup: Lookup, settings: &EgressSettings, port: u16) -> Result<Answer, EgressError> {
    let url = Url::parse(&format!("http://rp.example:{port}/")).unwrap();
    let egress = Egress::with_lookup(settings, lookup).unwrap();
    egress.send(Outgoing::get(url), AnswerBody::UpTo(1000)).await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let server = Server::start(ok("", "hello")).await;
    let port = server.address.port();
    let strict = EgressSettings { allowed_networks: vec![], ..lenient() };
    for ips in [&["127.0.0.1"][..], &["::1"], &["::ffff:127.0.0.1"], &["1.1.1.1", "127.0.0.1"], &["10.0.0.1"]] {
        let error = get_by_name(scripted(&[ips]), &strict, port).await.unwrap_err();
        assert!(matches!(error, EgressError::PrivateAddress), "{ips:?}: {error:?}");
    }
    assert_eq!(server.connections(), 0);
    let error = get_by_name(scripted(&[&[]]), &strict, port).await.unwrap_err();
    assert!(matches!(error, EgressError::NoAddress), "{error:?}");
    assert!(get_by_name(scripted(&[&["127.0.0.1"]]), &lenient(), port).await.is_ok(), "the name itself works");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let server = Server::start(ok("Connection: close\r\n", "hello")).await;
    // Only 127.0.0.1 may be called; the second look-up says something else.
    let settings = EgressSettings { allowed_networks: vec!["127.0.0.1/32".parse().unwrap()], ..lenient() };
    let egress = Egress::with_lookup(&settings, scripted(&[&["127.0.0.1"], &["127.0.0.2"]])).unwrap();
    let url = Url::parse(&format!("http://rp.example:{}/", server.address.port())).unwrap();
    let send = || egress.send(Outgoing::get(url.clone()), AnswerBody::UpTo(1000));
    assert!(send().await.is_ok());
    assert!(matches!(send().await.unwrap_err(), EgressError::PrivateAddress));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_connected_peer_is_checked_whatever_the_resolver_let_pass() {
    let server = Server::start(ok("", "hello")).await;
    let careless = Egress::with_lookup(&lenient(), scripted(&[&["127.0.0.1"]])).unwrap();
    let rules = Rules { networks: vec![], hosts: vec![], plain_http_hosts: lenient().plain_http_hosts };
    let egress = Egress { rules: Arc::new(rules), ..careless };
    let url = Url::parse(&format!("http://rp.example:{}/", server.address.port())).unwrap();
    let error = egress.send(Outgoing::get(url), AnswerBody::UpTo(1000)).await.unwrap_err();
    assert!(matches!(error, EgressError::PrivateAddress), "{error:?}");
    assert_eq!(server.connections(), 1, "it is the last line, not the first");
}

#[test]
fn odd_urls_are_refused() {
    let egress =
        Egress::new(&EgressSettings { plain_http_hosts: vec!["rp.example".into()], ..EgressSettings::default() });
    let egress = egress.unwrap();
    let check = |url: &str| egress.check_url(&Url::parse(url).unwrap());
    for url in ["https://rp.example", "https://rp.example:8443/cb?a=b", "http://rp.example/", "https://1.1.1.1/"] {
        assert!(check(url).is_ok(), "{url}");
    }
    for url in [
        "http://other.example/",
        "http://rp.example.evil.example/",
        "ftp://rp.example/",
        "file:///etc/passwd",
        "gopher://rp.example/",
        "data:text/plain,x",
        "https://user@rp.example/",
        "https://user:password@rp.example/",
        "https://:password@rp.example/",
        "https://rp.example/#fragment",
        "https://rp.example/#",
    ] {
        assert!(matches!(check(url), Err(EgressError::Url(_))), "{url}");
    }
    for url in ["https://10.0.0.1/", "https://[fe80::1]/", "https://169.254.169.254/latest/meta-data", "https://0/"] {
        assert!(matches!(check(url), Err(EgressError::PrivateAddress)), "{url}");
    }
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    let server = Server::start(ok("", "hello")).await;
    let child = "NOD_TEST_WITH_PROXY";
    if std::env::var_os(child).is_some() {
        assert_eq!(get(&lenient(), server.url("/")).await.unwrap().status, StatusCode::OK);
        return;
    }
    // The environment of a process is its own from the start: run this test in another one.
    let name = "outbound::egress::tests::proxies_of_the_environment_are_not_used";
    let mut run = std::process::Command::new(std::env::current_exe().unwrap());
    run.args(["--exact", name]).env(child, "1");
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        run.env(variable, "http://127.0.0.1:9");
    }
    let output = run.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

// ---- TLS

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server with a certificate for `name`, good until `year`.
    #[expect(clippy::disallowed_methods, reason = "a server of this test")]
    async fn serve(&self, name: &str, year: i32, versions: &[&'static rustls::SupportedProtocolVersion]) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut buffer = [0; 4096];
                drop(stream.read(&mut buffer).await);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await);
                drop(stream.shutdown().await);
            }
        });
        address
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

async fn get_tls(extra_trust_anchors: Vec<u8>, address: SocketAddr) -> Result<Answer, EgressError> {
    let settings = EgressSettings { extra_trust_anchors, ..lenient() };
    let egress = Egress::with_lookup(&settings, scripted(&[&["127.0.0.1"]])).unwrap();
    let url = Url::parse(&format!("https://rp.example:{}/", address.port())).unwrap();
    egress.send(Outgoing::get(url), AnswerBody::UpTo(1000)).await
}

#[tokio::test]
async fn a_configured_authority_is_trusted_and_no_other() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let server = ours.serve("rp.example", 2200, BOTH).await;
    assert_eq!(&get_tls(ours.pem(), server).await.unwrap().body[..], b"ok");
    assert_eq!(get_tls([other.pem(), ours.pem()].concat(), server).await.unwrap().status, StatusCode::OK);
    for trusted in [other.pem(), Vec::new()] {
        let error = get_tls(trusted, server).await.unwrap_err();
        assert!(matches!(&error, EgressError::Connection(why) if why.contains("UnknownIssuer")), "{error:?}");
    }
}

#[tokio::test]
async fn a_certificate_must_be_valid_and_for_the_host() {
    let authority = Authority::new("ours");
    for (name, year, why) in [("other.example", 2200, "NotValidForName"), ("rp.example", 2021, "Expired")] {
        let server = authority.serve(name, year, BOTH).await;
        let error = get_tls(authority.pem(), server).await.unwrap_err();
        let EgressError::Connection(said) = &error else { panic!("{error:?}") };
        assert!(said.contains(why) || said.contains("not valid for name") || said.contains("expired"), "{said}");
    }
    let server = authority.serve("rp.example", 2200, &[&rustls::version::TLS12]).await;
    assert!(get_tls(authority.pem(), server).await.is_ok(), "TLS 1.2 will do");
}

#[test]
fn a_trust_anchor_that_is_none_is_noticed_at_start() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    let settings = EgressSettings { extra_trust_anchors: broken, ..EgressSettings::default() };
    assert!(matches!(Egress::new(&settings), Err(EgressError::TrustAnchor)));
}

#[tokio::test]
async fn whoever_is_looked_for_is_connected_to_by_the_same_rules_and_told_nothing() {
    let server = Server::start(Part::Silent).await;
    let port = server.address.port();
    let egress = Egress::with_lookup(&lenient(), scripted(&[&["127.0.0.1"]])).unwrap();
    let named = Url::parse(&format!("http://rp.example:{port}/")).unwrap();
    for url in [server.url("/hooks"), named.clone()] {
        egress.reach(&url).await.unwrap();
    }
    while server.connections() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.received(), "");

    let strict = EgressSettings { allowed_networks: vec![], ..lenient() };
    for ips in [&["127.0.0.1"][..], &["1.1.1.1", "127.0.0.1"]] {
        let strict = Egress::with_lookup(&strict, scripted(&[ips])).unwrap();
        for url in [&server.url("/"), &named] {
            let error = strict.reach(url).await.unwrap_err();
            assert!(matches!(error, EgressError::PrivateAddress), "{url} {ips:?}: {error:?}");
        }
    }
    let careful = Egress::new(&EgressSettings { plain_http_hosts: vec![], ..lenient() }).unwrap();
    assert!(matches!(careful.reach(&server.url("/")).await, Err(EgressError::Url(_))));
    assert_eq!(server.connections(), 2);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Url::parse(&format!("http://{free}/")).unwrap();
    assert!(matches!(egress.reach(&nobody).await, Err(EgressError::Connection(_))));
}
