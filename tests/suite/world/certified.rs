//! Whoever shows a certificate over TLS [RFC 8705].

use std::net::SocketAddr;
use std::sync::Arc;

use nod::domain::client::{Authentication, KeySource};
use nod::http::tls::{self, ServerCertificate};
use nod::protocol::client_certificate::{Authorities, CertificateSubject};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Method, RequestBuilder};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use serde_json::json;
use tokio::net::TcpListener;

use super::{Answer, Authority, Builder, ClientBuilder, Identity, TOKEN, USERINFO, World, enc, seconds};

/// The second port of a server, where certificates are asked for.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) address: String,
    socket: SocketAddr,
    root: CertificateDer<'static>,
    pub(super) tls: Arc<ServerConfig>,
}

impl Door {
    pub(super) fn at(listener: &TcpListener) -> Self {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let socket = listener.local_addr().unwrap();
        let tls = ServerCertificate::from_pem(own.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        let tls = tls::asking_config(tls).unwrap();
        Self { address: format!("https://localhost:{}", socket.port()), socket, root: own.der().clone(), tls }
    }
}

/// Somebody who shows a certificate, or none, at the second port.
pub(crate) struct Caller {
    http: reqwest::Client,
    address: String,
}

impl Builder {
    /// With a second port, and an authority for those who call there.
    pub(crate) fn mutual_tls(mut self, authority: &Authority) -> Self {
        self.mutual_tls = true;
        self.certificates_arrive(authority)
    }

    /// In one way or another.
    pub(crate) fn certificates_arrive(self, authority: &Authority) -> Self {
        let authorities = Arc::new(Authorities::from_pem(authority.pem().as_bytes()).unwrap());
        self.settings(move |settings| {
            settings.certificates.arrive = true;
            settings.certificates.authorities = Arc::clone(&authorities);
        })
    }
}

impl ClientBuilder {
    /// Known by a certificate of an authority.
    pub(crate) fn tls_client_auth(self, subject: Option<CertificateSubject>) -> Self {
        let subject = subject.expect("a subject");
        self.registered(|client| client.authentication = Authentication::TlsClientAuth(subject))
    }

    /// Known by these certificates of its own.
    pub(crate) fn self_signed(self, identities: &[&Identity]) -> Self {
        let keys: Vec<_> = identities.iter().map(|identity| identity.jwk()).collect();
        self.known_by(KeySource::Jwks(json!({ "keys": keys })))
    }

    pub(crate) fn known_by(self, keys: KeySource) -> Self {
        self.registered(|client| client.authentication = Authentication::SelfSignedTlsClientAuth { keys })
    }

    /// Its access tokens are for whoever has its certificate.
    pub(crate) fn certificate_bound(self) -> Self {
        self.registered(|client| client.tls_client_certificate_bound_access_tokens = true)
    }
}

impl World {
    pub(crate) fn alias(&self) -> &str {
        &self.inner.nodes[0].door.as_ref().expect("a world with mutual TLS").address
    }

    pub(crate) fn caller(&self, identity: Option<&Identity>) -> Caller {
        let door = self.inner.nodes[0].door.as_ref().expect("a world with mutual TLS");
        Caller { http: http_client(door, identity), address: door.address.clone() }
    }

    pub(crate) fn showing(&self, identity: &Identity) -> Caller {
        self.caller(Some(identity))
    }
}

fn http_client(door: &Door, identity: Option<&Identity>) -> reqwest::Client {
    let mut roots = RootCertStore::empty();
    roots.add(door.root.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        Some(identity) => config.with_client_auth_cert(identity.chain.clone(), identity.key()).unwrap(),
        None => config.with_no_client_auth(),
    };
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .resolve("localhost", door.socket)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(seconds(20))
        .build()
        .unwrap()
}

impl Caller {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address))
    }

    /// A form, with these fields and nothing else.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded").body(enc(fields))
    }

    /// As a client that is known by what the handshake showed.
    pub(crate) async fn post(&self, client: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::of(self.form(path, &[fields, &[("client_id", client)]].concat())).await
    }

    pub(crate) async fn token(&self, client: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(client, TOKEN, fields).await
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Answer {
        Answer::of(self.request(Method::GET, USERINFO).bearer_auth(access_token)).await
    }
}
