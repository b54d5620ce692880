//! Who the client is [RFC 8705 §2].

use nod::domain::client::{GrantType, KeySource};
use nod::outbound::egress::{Egress, EgressSettings};
use nod::protocol::algorithm::Algorithm;
use nod::protocol::client_certificate::CertificateSubject;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, SanType, date_time_ymd};
use serde_json::json;

use super::{OWN, Scene};
use crate::rfc7523_client_auth::KeyServer;
use crate::world::{
    Answer, Authority, BC_AUTHORIZE, CALLBACK, CHALLENGE, CIBA, INTROSPECT, Identity, PAR, REVOKE, World, basic, named,
};

const DEVICE: &str = "/as/device_authz.oauth2";

#[tokio::test]
async fn rfc8705_2_1_a_certificate_proves_the_client_at_each_direct_endpoint() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let alice = world.user("alice").with_phone().await;
    let grants = [GrantType::Ciba, GrantType::AuthorizationCode, GrantType::DeviceCode, GrantType::ClientCredentials];
    let bank = world.client("bank").signs_in().grants(grants).tls_client_auth(CertificateSubject::dn("CN=robot"));
    let _bank = bank.await;
    let (bank, stranger) = (world.showing(&scene.identity), world.showing(&scene.authority.issues(&named("other"))));
    let sign_in = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let ask = [("login_hint", "alice"), ("scope", "openid")];
    for (path, fields, status) in [
        (PAR, &sign_in[..], 201),
        (DEVICE, &[("scope", "openid")], 200),
        (REVOKE, &[("token", "x")], 200),
        (INTROSPECT, &[("token", "x")], 200),
        (BC_AUTHORIZE, &ask, 200),
    ] {
        let watch = world.watch().await;
        for refused in [&stranger, &world.caller(None)] {
            // [protocol.md D85]
            refused.post("bank", path, fields).await.refused(401, "invalid_client");
        }
        watch.nothing_changed(path).await;
        let answer = bank.post("bank", path, fields).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if path == BC_AUTHORIZE {
            let id = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
            let poll = [("grant_type", CIBA), ("auth_req_id", id.as_str())];
            bank.token("bank", &poll).await.refused(400, "authorization_pending");
            alice.phone().approve_the_question().await;
            stranger.token("bank", &poll).await.refused(401, "invalid_client");
            bank.token("bank", &poll).await.tokens();
        }
    }
}

#[tokio::test]
async fn rfc8705_2_1_2_one_of_five_names_is_compared() {
    let scene = Scene::begin().await;
    let params = |name: SanType| {
        let mut params = named("robot");
        params.subject_alt_names = vec![name];
        params
    };
    let dns = |name: &str| params(SanType::DnsName(name.try_into().unwrap()));
    let uri = |name: &str| params(SanType::URI(name.try_into().unwrap()));
    let ip = |name: &str| params(SanType::IpAddress(name.parse().unwrap()));
    let email = |name: &str| params(SanType::Rfc822Name(name.try_into().unwrap()));
    let robot = scene.named_robot().await;
    for (subject, good, bad) in [
        (CertificateSubject::dn("CN=robot"), named("robot"), named("Robot")),
        // [security.md case 42] one that stands for many names is none of them.
        (CertificateSubject::dns("a.example"), dns("a.example"), dns("*.example")),
        (CertificateSubject::uri("spiffe://x/a"), uri("spiffe://x/a"), uri("spiffe://x/b")),
        (CertificateSubject::ip("192.0.2.7"), ip("192.0.2.7"), ip("192.0.2.8")),
        (CertificateSubject::ip("2001:db8::7"), ip("2001:db8::7"), ip("2001:db8::8")),
        (CertificateSubject::email("a@x.example"), email("a@x.example"), email("b@x.example")),
    ] {
        let what = format!("{subject:?}");
        let subject = subject.unwrap();
        robot
            .update(move |client| client.authentication = nod::domain::client::Authentication::TlsClientAuth(subject))
            .await;
        scene.accepts(&scene.authority.issues(&good), &what).await;
        scene.refuses(Some(&scene.authority.issues(&bad)), &what).await;
        if !what.contains("Dn(") {
            scene.refuses(Some(&scene.identity), &what).await;
        }
    }
}

#[tokio::test]
async fn security_42_the_same_name_from_elsewhere_is_refused() {
    let scene = Scene::begin().await;
    let _robot = scene.named_robot().await;
    scene.accepts(&scene.identity, "the robot").await;
    scene.refuses(None, "no certificate").await;
    let forger = Authority::new("Ours");
    scene.refuses(Some(&forger.issues(&named("robot"))), "another authority of the same name").await;
    scene.refuses(Some(&forger.issues(&named("robot")).with(&scene.authority)), "with our authority beside it").await;
    scene.refuses(Some(&Identity::self_signed(&named("robot"))), "self-signed").await;

    let (mut old, mut young, mut server, mut authority) =
        (named("robot"), named("robot"), named("robot"), named("robot"));
    // The world begins in January 2027.
    old.not_after = date_time_ymd(2027, 1, 10);
    young.not_before = date_time_ymd(2027, 2, 1);
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for (what, params) in
        [("expired", old), ("not valid yet", young), ("for servers", server), ("an authority", authority)]
    {
        scene.refuses(Some(&scene.authority.issues(&params)), what).await;
    }
    let mut client = named("robot");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    scene.accepts(&scene.authority.issues(&client), "for clients").await;
    // Whoever is vouched for by one that is vouched for shows the way.
    let between = scene.authority.below("Between");
    let issued = between.issues(&named("robot"));
    scene.refuses(Some(&issued), "no way to an authority").await;
    scene.accepts(&issued.with(&between), "the way").await;
    let mut more = named("robot");
    more.distinguished_name.push(DnType::OrganizationName, "Evil");
    scene.refuses(Some(&scene.authority.issues(&more)), "more than the name").await;
}

#[tokio::test]
async fn rfc8705_2_2_a_self_signed_certificate_is_known_by_itself() {
    let scene = Scene::begin().await;
    let (own, next, other) = (self_signed("robot"), self_signed("robot"), self_signed("robot"));
    let robot = scene.robot().self_signed(&[&own, &next]).await;
    scene.accepts(&own, "registered").await;
    scene.accepts(&next, "registered as well").await;
    scene.refuses(Some(&other), "another one").await;
    scene.refuses(Some(&scene.identity), "an authority vouches for it").await;
    scene.refuses(None, "none").await;
    let mut old = CertificateParams::default();
    old.not_after = date_time_ymd(2027, 1, 10);
    let old = Identity::self_signed(&old);
    let keys = json!({ "keys": [old.jwk()] });
    robot
        .update(|client| {
            client.authentication =
                nod::domain::client::Authentication::SelfSignedTlsClientAuth { keys: KeySource::Jwks(keys) };
        })
        .await;
    scene.refuses(Some(&old), "expired").await;
    scene.refuses(Some(&own), "no longer registered").await;
}

fn self_signed(name: &str) -> Identity {
    let mut params = named(name);
    // As openssl makes them.
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Identity::self_signed(&params)
}

#[tokio::test]
async fn rfc8705_2_2_2_certificates_are_fetched_and_fetched_again_for_a_new_one() {
    let server = KeyServer::start(String::new()).await;
    let authority = Authority::new("Ours");
    let world = World::with().mutual_tls(&authority).settings(|settings| {
        let egress = EgressSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http_hosts: vec!["127.0.0.1".to_owned()],
            ..EgressSettings::default()
        };
        settings.egress = Egress::new(&egress).unwrap();
    });
    let scene = Scene { world: world.start().await, identity: authority.issues(&named("robot")), authority };
    let (own, next) = (self_signed("robot"), self_signed("robot"));
    let _robot = scene.robot().known_by(KeySource::JwksUri(server.uri.clone())).await;
    *server.document.lock().unwrap() = json!({ "keys": [own.jwk()] }).to_string();
    scene.accepts(&own, "published").await;
    *server.document.lock().unwrap() = json!({ "keys": [next.jwk()] }).to_string();
    scene.accepts(&next, "published now").await;
    scene.refuses(Some(&own), "published no more").await;
}

#[tokio::test]
async fn protocol_c43_a_certificate_is_no_other_method_and_no_other_method_is_a_certificate() {
    let scene = Scene::begin().await;
    let robot = scene.robot().private_key_jwt(Algorithm::ES256).await;
    // [protocol.md C43] alone it proves nothing for a client with another method.
    scene.refuses(Some(&scene.identity), "private_key_jwt").await;
    let assertion = robot.assertion();
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    let caller = scene.world.showing(&scene.identity);
    Answer::of(caller.form(crate::world::TOKEN, &fields)).await.ok();

    let subject = CertificateSubject::dn("CN=robot").unwrap();
    robot.update(|client| client.authentication = nod::domain::client::Authentication::TlsClientAuth(subject)).await;
    scene.accepts(&scene.identity, "tls_client_auth").await;
    // [protocol.md C44] with something else beside it, it is that which was tried.
    let caller = scene.world.showing(&scene.identity);
    let secret = [("client_secret", "x"), ("grant_type", "client_credentials")];
    caller.token("robot", &secret).await.refused(401, "invalid_client");
    let header = caller.form(crate::world::TOKEN, &OWN).header("authorization", basic("robot", "x"));
    Answer::of(header).await.refused(401, "invalid_client");
    caller.token("other", &OWN).await.refused(401, "invalid_client");
    Answer::of(caller.form(crate::world::TOKEN, &OWN)).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn rfc8705_2_who_fails_too_often_waits() {
    let authority = Authority::new("Ours");
    let world = World::with().mutual_tls(&authority).start().await;
    let scene = Scene { world, identity: authority.issues(&named("robot")), authority };
    let _robot = scene.named_robot().await;
    let stranger = scene.world.showing(&scene.authority.issues(&named("other")));
    for _ in 0..10 {
        stranger.token("robot", &OWN).await.refused(401, "invalid_client");
    }
    assert_eq!(stranger.token("robot", &OWN).await.status, 429);
}
