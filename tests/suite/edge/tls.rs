//! TLS: the versions and cipher suites of FAPI, and no others.

use std::sync::Arc;

use nod::http::tls::{ServerCertificate, TlsError, asking_config, server_config};
use rcgen::{CertifiedKey, KeyPair};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

fn certificate(rsa: bool) -> CertifiedKey<KeyPair> {
    let signing_key = if rsa {
        let key = josekit::jwk::alg::rsa::RsaKeyPair::generate(2048).unwrap();
        KeyPair::from_pkcs8_pem_and_sign_algo(
            std::str::from_utf8(&key.to_pem_private_key()).unwrap(),
            &rcgen::PKCS_RSA_SHA256,
        )
        .unwrap()
    } else {
        KeyPair::generate().unwrap()
    };
    let cert = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

fn edge_with(certificate: &CertifiedKey<KeyPair>) -> Edge {
    let (chain, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    Edge {
        tls: Some(server_config(ServerCertificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()).unwrap()),
        ..hasty()
    }
}

struct Offer {
    versions: &'static [&'static SupportedProtocolVersion],
    suites: &'static [CipherSuite],
    protocol: &'static [u8],
}

async fn connect(
    server: &Running,
    certificate: &CertifiedKey<KeyPair>,
    offer: &Offer,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut provider = CryptoProvider { ..ring::default_provider() };
    if !offer.suites.is_empty() {
        provider.cipher_suites.retain(|suite| offer.suites.contains(&suite.suite()));
    }
    let mut roots = RootCertStore::empty();
    roots.add(certificate.cert.der().clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(offer.versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![offer.protocol.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await
}

const TLS12: &SupportedProtocolVersion = &rustls::version::TLS12;
const TLS13: &SupportedProtocolVersion = &rustls::version::TLS13;

#[tokio::test]
async fn fapi1_advanced_8_5_versions_and_suites() {
    use CipherSuite::*;
    for (rsa, aes128, aes256, other_key) in [
        (
            true,
            TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ),
        (
            false,
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ),
    ] {
        let certificate = certificate(rsa);
        let server = start(edge_with(&certificate)).await;
        let protocol = b"http/1.1";
        for suite in [aes128, aes256] {
            let suites: &'static [CipherSuite] = Box::leak(Box::new([suite]));
            let stream = connect(&server, &certificate, &Offer { versions: &[TLS12], suites, protocol }).await.unwrap();
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_2));
            assert_eq!(session.negotiated_cipher_suite().unwrap().suite(), suite);
        }
        for refused in
            [other_key, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]
        {
            let suites: &'static [CipherSuite] = Box::leak(Box::new([refused]));
            let refusal = connect(&server, &certificate, &Offer { versions: &[TLS12], suites, protocol }).await;
            assert!(refusal.is_err(), "{refused:?}");
        }
        let stream =
            connect(&server, &certificate, &Offer { versions: &[TLS13], suites: &[], protocol }).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    }
}

#[tokio::test]
async fn rfc9325_3_1_1_of_two_versions_the_newer_one_is_spoken() {
    let certificate = certificate(false);
    let server = start(edge_with(&certificate)).await;
    let both: [&'static [_]; 2] = [&[TLS12, TLS13], &[TLS13, TLS12]];
    for versions in both {
        let offer = Offer { versions, suites: &[], protocol: b"h2" };
        let stream = connect(&server, &certificate, &offer).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    }
}

#[tokio::test]
async fn http_is_spoken_within() {
    let certificate = certificate(false);
    let server = start(edge_with(&certificate)).await;
    let each: [&'static [_]; 2] = [&[TLS12], &[TLS13]];
    for versions in each {
        let mut stream =
            connect(&server, &certificate, &Offer { versions, suites: &[], protocol: b"http/1.1" }).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream.write_all(b"GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("a proper close_notify");
        assert!(answer.ends_with(" https HTTP/1.1"), "{answer}");
    }
    let root = reqwest::Certificate::from_der(certificate.cert.der()).unwrap();
    let _ = ring::default_provider().install_default();
    let client =
        reqwest::Client::builder().tls_certs_only([root]).resolve("localhost", server.address).build().unwrap();
    let answer = client.get(format!("https://localhost:{}/who", server.address.port())).send().await.unwrap();
    assert!(answer.text().await.unwrap().ends_with(" https HTTP/2.0"), "by ALPN");
}

#[tokio::test]
async fn a_bad_head_is_refused_whatever_was_negotiated() {
    let certificate = certificate(false);
    let server = start(edge_with(&certificate)).await;
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let mut stream =
            connect(&server, &certificate, &Offer { versions: &[TLS13], suites: &[], protocol }).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), 400, "{answer}");
    }
}

#[tokio::test]
async fn old_versions_and_other_protocols_get_an_alert() {
    let certificate = certificate(false);
    let server = start(edge_with(&certificate)).await;
    // A ClientHello of TLS 1.1: one cipher suite, no compression, no extension.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![0x16, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    for bytes in [&record[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer.first(), Some(&0x15), "an alert record: {answer:?}");
        assert_eq!(answer.get(5), Some(&2), "fatal");
    }
}

#[tokio::test]
async fn a_handshake_that_stops_is_not_waited_for() {
    let certificate = certificate(false);
    let server = start(edge_with(&certificate)).await;
    for bytes in [&b""[..], &[0x16, 3, 1, 0, 200, 1]] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        let begun = std::time::Instant::now();
        assert_eq!(until_closed(&mut stream).await, "");
        assert!(begun.elapsed() >= ALMOST && begun.elapsed() < HASTE * 6);
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_an_error() {
    let used = |chain: &str, key: &str| ServerCertificate::from_pem(chain.as_bytes(), key.as_bytes());
    let (one, other) = (certificate(false), certificate(false));
    let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
    assert!(matches!(used("", &key), Err(TlsError::NoCertificate)));
    assert!(matches!(used(&chain, ""), Err(TlsError::Key(_))));
    let mismatch = used(&chain, &other.signing_key.serialize_pem());
    assert!(matches!(mismatch, Err(TlsError::Unusable(_))));
}

/// What a client shows, whether or not it has the key.
#[derive(Debug)]
struct Shows(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Who the server takes a client for that shows the certificate of one and has the key of the other.
async fn shown(
    server: &Running,
    own: &CertifiedKey<KeyPair>,
    version: &'static SupportedProtocolVersion,
    shown: Option<(&CertifiedKey<KeyPair>, &CertifiedKey<KeyPair>)>,
) -> std::io::Result<String> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = key.signing_key.serialize_der().try_into().unwrap();
            let key = provider.key_provider.load_private_key(key).unwrap();
            let both = rustls::sign::CertifiedKey::new(vec![certificate.cert.der().clone()], key);
            config.with_client_cert_resolver(Arc::new(Shows(Arc::new(both))))
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await?;
    stream.write_all(b"GET /certificate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.rsplit("\r\n").next().unwrap_or_default().to_owned())
}

fn thumbprint(certificate: &CertifiedKey<KeyPair>) -> String {
    let chain = [certificate.cert.der().clone()];
    nod::protocol::client_certificate::ClientCertificate::new(chain).unwrap().thumbprint().to_string()
}

fn asking(certificate: &CertifiedKey<KeyPair>) -> Edge {
    let (chain, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    Edge {
        tls: Some(asking_config(ServerCertificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()).unwrap()),
        ..hasty()
    }
}

#[tokio::test]
async fn rfc8705_2_a_certificate_is_asked_for_and_need_not_be_there() {
    let own = certificate(false);
    let (asks, does_not) = (start(asking(&own)).await, start(edge_with(&own)).await);
    for version in [TLS12, TLS13] {
        for rsa in [false, true] {
            let client = certificate(rsa);
            let both = Some((&client, &client));
            assert_eq!(shown(&asks, &own, version, both).await.unwrap(), thumbprint(&client), "self-signed");
            assert_eq!(shown(&does_not, &own, version, both).await.unwrap(), "none", "nobody asked");
        }
        assert_eq!(shown(&asks, &own, version, None).await.unwrap(), "none");
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_ends_the_handshake() {
    let own = certificate(false);
    let server = start(asking(&own)).await;
    for version in [TLS12, TLS13] {
        for rsa in [false, true] {
            let (client, thief) = (certificate(rsa), certificate(rsa));
            assert!(shown(&server, &own, version, Some((&client, &thief))).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_resumed_has_the_certificate_that_it_began_with() {
    let (own, client) = (certificate(false), certificate(false));
    let server = start(asking(&own)).await;
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    for version in [TLS12, TLS13] {
        let key = client.signing_key.serialize_der().try_into().unwrap();
        // It keeps what the server gave it to come back with.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_client_auth_cert(vec![client.cert.der().clone()], key)
            .unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        for resumed in [false, true] {
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = connector.connect(name, server.connect().await).await.unwrap();
            let request = b"GET /certificate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with(&thumbprint(&client)), "{answer}");
            let kind = stream.get_ref().1.handshake_kind().unwrap();
            assert_eq!(kind == rustls::HandshakeKind::Resumed, resumed, "{version:?} {kind:?}");
        }
    }
}
