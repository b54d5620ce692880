//! The certificate of `nod serve` is renewed while it runs [reliability.md F33].

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Site;
use super::*;

struct Pair {
    certificate: CertificateDer<'static>,
    pem: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self { certificate: own.der().clone(), pem: own.pem(), key: key.serialize_pem() }
    }
}

/// Over TLS, with whichever of them the server shows.
async fn connect(port: u16, known: &[&Pair]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    for pair in known {
        roots.add(pair.certificate.clone()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Asks, and reads all of the answer.
async fn answers(stream: &mut TlsStream<TcpStream>) {
    let request = "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f33_a_certificate_is_renewed_while_the_server_runs() {
    let (old, new) = (Pair::new(), Pair::new());
    let site = Site::with("tls.cert = \"cert.pem\"\ntls.key = \"key.pem\"\n");
    let settings = fs::read_to_string(site.path("nod.toml")).unwrap();
    fs::write(site.path("nod.toml"), settings.replace("http://localhost", "https://localhost")).unwrap();
    let write = |name: &str, text: &str| {
        fs::write(site.path(name), text).unwrap();
        fs::set_permissions(site.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("cert.pem", &old.pem);
    write("key.pem", &old.key);
    let site = site.migrated();
    let server = site.serve();
    let mut before = connect(site.port, &[&old, &new]).await;
    assert_eq!(shown(&before), old.certificate);
    // Whoever says nothing at first is not waited for.
    answers(&mut before).await;

    // Half of a pair replaces nothing.
    fs::write(site.path("cert.pem"), &new.pem).unwrap();
    server.says("the new certificate of the server cannot be used");
    assert_eq!(shown(&connect(site.port, &[&old, &new]).await), old.certificate);
    fs::write(site.path("key.pem"), &new.key).unwrap();
    server.says("the certificate of the server was replaced");
    let mut after = connect(site.port, &[&old, &new]).await;
    assert_eq!(shown(&after), new.certificate);
    // Whoever was there already has not noticed.
    answers(&mut before).await;
    answers(&mut after).await;

    // Nor does one that is gone, or that is none.
    fs::write(site.path("cert.pem"), "nonsense").unwrap();
    let refused = || server.output.text().matches("the new certificate of the server cannot be used").count();
    for _ in 0..300 {
        if refused() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(refused(), 2, "{}", server.output.text());
    fs::remove_file(site.path("cert.pem")).unwrap();
    assert_eq!(shown(&connect(site.port, &[&old, &new]).await), new.certificate);
    assert!(!server.output.text().contains("PRIVATE KEY"));
}
