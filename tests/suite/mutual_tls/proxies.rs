//! The certificate in a header, from whom it is believed [security.md case 41].

use http::HeaderName;
use nod::domain::client::GrantType;
use nod::http::forwarded_certificate::{Format, ForwardedCertificate};
use nod::http::remote::TrustedProxies;
use nod::protocol::client_certificate::CertificateSubject;
use serde_json::json;

use super::OWN;
use crate::world::{Answer, Authority, Builder, Client, DISCOVERY, Identity, TOKEN, World, decoded, named};

const HEADER: HeaderName = HeaderName::from_static("client-cert");

/// A server that knows certificates by what proxies in this network write.
fn behind(network: &str, authority: &Authority) -> Builder {
    let proxies = TrustedProxies::new(vec![network.parse().unwrap()]);
    World::with().certificates_arrive(authority).edge(|edge| {
        edge.proxies = proxies;
        edge.forwarded = Some(ForwardedCertificate::new(HEADER, Format::Rfc9440));
    })
}

async fn robot(world: &World) -> Client {
    let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("reports").certificate_bound();
    robot.tls_client_auth(CertificateSubject::dn("CN=robot")).await
}

fn call(robot: &Client) -> reqwest::RequestBuilder {
    robot.bare(TOKEN, &[OWN[0], ("client_id", "robot")])
}

#[tokio::test]
async fn protocol_b31_a_trusted_proxy_hands_on_the_certificate() {
    let authority = Authority::new("Ours");
    let world = behind("127.0.0.0/8", &authority).start().await;
    let (robot, identity) = (robot(&world).await, authority.issues(&named("robot")));
    let with = |value: String| Answer::of(call(&robot).header(HEADER, value));
    let own = with(identity.client_cert()).await.ok();
    let token = own["access_token"].as_str().unwrap();
    assert_eq!(decoded(token).1["cnf"], json!({ "x5t#S256": identity.thumbprint() }));
    let between = authority.below("Between");
    let below = between.issues(&named("robot"));
    with(below.client_cert()).await.refused(401, "invalid_client");
    let chain = format!(":{}:", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, between.der()));
    Answer::of(call(&robot).header(HEADER, below.client_cert()).header("client-cert-chain", chain)).await.ok();

    let watch = world.watch().await;
    for (what, value) in [
        ("another name", authority.issues(&named("other")).client_cert()),
        ("self-signed", Identity::self_signed(&named("robot")).client_cert()),
        ("no certificate", ":AAAA:".to_owned()),
        ("no byte sequence", identity.client_cert().replace(':', "")),
        ("nothing", String::new()),
    ] {
        let answer = with(value).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
    }
    // The client's own beside that of the proxy.
    let twice = call(&robot).header(HEADER, identity.client_cert()).header(HEADER, identity.client_cert());
    Answer::of(twice).await.refused(401, "invalid_client");
    Answer::of(call(&robot)).await.refused(401, "invalid_client");
    watch.nothing_changed("certificates of others").await;
    // It is at the issuer's own address that certificates are asked for.
    let metadata = world.get(DISCOVERY).await.json();
    assert!(metadata.get("mtls_endpoint_aliases").is_none());
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
}

#[tokio::test]
async fn security_41_from_everybody_else_the_header_means_nothing() {
    let authority = Authority::new("Ours");
    // The tests call from 127.0.0.1, which is no proxy here.
    let world = behind("192.0.2.0/24", &authority).start().await;
    let (robot, identity) = (robot(&world).await, authority.issues(&named("robot")));
    let watch = world.watch().await;
    for header in ["client-cert", "x-ssl-client-cert", "x-forwarded-client-cert", "x-client-cert", "ssl-client-cert"] {
        let spoofed = call(&robot).header(header, identity.client_cert()).header("x-forwarded-for", "192.0.2.1");
        Answer::of(spoofed).await.refused(401, "invalid_client");
    }
    watch.nothing_changed("a header of a stranger").await;

    // Nor where a proxy is trusted, and nobody said that it hands on certificates.
    let world = World::with().certificates_arrive(&authority).edge(|edge| {
        edge.proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    });
    let world = world.start().await;
    let robot = self::robot(&world).await;
    Answer::of(call(&robot).header(HEADER, identity.client_cert())).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn security_41_at_the_second_port_the_handshake_alone_counts() {
    let authority = Authority::new("Ours");
    let world = behind("127.0.0.0/8", &authority).mutual_tls(&authority).start().await;
    let (_robot, identity) = (robot(&world).await, authority.issues(&named("robot")));
    let stranger = authority.issues(&named("stranger"));
    for caller in [world.caller(None), world.showing(&stranger)] {
        let spoofed = caller.form(TOKEN, &[OWN[0], ("client_id", "robot")]).header(HEADER, identity.client_cert());
        Answer::of(spoofed).await.refused(401, "invalid_client");
    }
    let own = world.showing(&identity).form(TOKEN, &[OWN[0], ("client_id", "robot")]);
    Answer::of(own.header(HEADER, stranger.client_cert())).await.ok();
}

#[tokio::test]
async fn rfc8705_3_a_bound_token_administers_through_a_proxy_that_hands_its_certificate_on() {
    let authority = Authority::new("Ours");
    let world = behind("127.0.0.0/8", &authority).start().await;
    let (robot, identity) = (robot(&world).await, authority.issues(&named("robot")));
    robot.update(|robot| robot.scope = nod::protocol::scope::Scope::parse("nod:clients:read").unwrap()).await;
    let own = Answer::of(call(&robot).header(HEADER, identity.client_cert())).await.ok();
    let list = || {
        let request = world.request(reqwest::Method::GET, "/admin/v1/clients");
        request.bearer_auth(own["access_token"].as_str().unwrap())
    };
    Answer::of(list().header(HEADER, identity.client_cert())).await.ok();
    let other = authority.issues(&named("robot"));
    Answer::of(list().header(HEADER, other.client_cert())).await.admin_problem(401, "token_invalid");
    Answer::of(list()).await.admin_problem(401, "token_invalid");
}
