//! DPoP [RFC 9449]: tokens that are worth nothing without a key.

use futures_util::future::join_all;
use nod::domain::client::{GrantType, SignIn};
use nod::protocol::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::sign_in::{PASSWORD, shop_and_alice};
use crate::world::{
    AUTHORIZE, Answer, CALLBACK, CHALLENGE, CIBA, Client, DISCOVERY, Jwk, Prover, TOKEN, Tokens, USERINFO, VERIFIER,
    World, decoded, enc, seconds,
};

const PAR: &str = "/as/par.oauth2";

fn code_fields(code: &str) -> [(&'static str, String); 4] {
    [
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", CALLBACK.to_owned()),
        ("code_verifier", VERIFIER.to_owned()),
    ]
}

/// Redeems a code with a proof.
async fn redeem(prover: &Prover, client: &Client, code: &str) -> Answer {
    let fields = code_fields(code);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    prover.token(client, &fields).await
}

async fn code(world: &World, client: &Client) -> String {
    world.browser().log_in(client, "alice", PASSWORD).await.get("code").to_owned()
}

async fn refresh(prover: &Prover, client: &Client, tokens: &Tokens) -> Answer {
    let token = tokens.refresh_token.as_deref().unwrap();
    prover.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

/// A client that gets tokens without a person: the shortest way to try a proof.
async fn robot(world: &World) -> Client {
    world.client("robot").grants([GrantType::ClientCredentials]).scope("reports").await
}

async fn try_proof(robot: &Client, proof: &str) -> Answer {
    Answer::of(robot.form(TOKEN, &[("grant_type", "client_credentials")]).header("dpop", proof)).await
}

/// One that has a nonce already.
async fn ready(world: &World, robot: &Client) -> Prover {
    let prover = world.prover();
    prover.token(robot, &[("grant_type", "client_credentials")]).await.ok();
    prover
}

#[tokio::test]
async fn rfc9449_5_tokens_of_each_grant_are_bound_to_the_key_of_the_proof() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let prover = world.prover();
    let tokens = redeem(&prover, &shop, &code(&world, &shop).await).await.tokens();
    assert_eq!(tokens.json["token_type"], "DPoP");
    assert_eq!(decoded(&tokens.access_token).1["cnf"], json!({ "jkt": prover.jkt() }));
    let told = shop.introspect(&tokens.access_token).await;
    assert_eq!((&told["token_type"], &told["cnf"]), (&json!("DPoP"), &json!({ "jkt": prover.jkt() })));
    prover.userinfo(&tokens.access_token).await.ok();
    // [RFC 9449 §5] who authenticates may take another key for the new ones.
    let other = world.prover();
    let refreshed = refresh(&other, &shop, &tokens).await.tokens();
    assert_eq!(decoded(&refreshed.access_token).1["cnf"], json!({ "jkt": other.jkt() }));

    let till = world.client("till").await;
    let bob = world.user("bob").with_phone().await;
    let asked = till.ask(&bob).await;
    let poll = [("grant_type", CIBA), ("auth_req_id", asked.auth_req_id.as_str())];
    prover.token(&till, &poll).await.refused(400, "authorization_pending");
    bob.phone().approve_the_question().await;
    let tokens = prover.token(&till, &poll).await.tokens();
    assert_eq!(decoded(&tokens.access_token).1["cnf"], json!({ "jkt": prover.jkt() }));

    let robot = robot(&world).await;
    let own = prover.token(&robot, &[("grant_type", "client_credentials")]).await.ok();
    assert_eq!(own["token_type"], "DPoP");
    assert_eq!(decoded(own["access_token"].as_str().unwrap()).1["cnf"], json!({ "jkt": prover.jkt() }));
    // Without a proof they are what they were.
    let plain = robot.token(&[("grant_type", "client_credentials")]).await.ok();
    assert_eq!(plain["token_type"], "Bearer");
    assert!(decoded(plain["access_token"].as_str().unwrap()).1.get("cnf").is_none());
}

#[tokio::test]
async fn rfc9449_6_2_an_opaque_token_is_bound_as_well() {
    let world = World::start().await;
    let shop = world.client("shop").signs_in().refresh().opaque().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let prover = world.prover();
    let tokens = redeem(&prover, &shop, &code(&world, &shop).await).await.tokens();
    assert_eq!(shop.introspect(&tokens.access_token).await["cnf"], json!({ "jkt": prover.jkt() }));
    prover.userinfo(&tokens.access_token).await.ok();
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    world.prover().userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    let refreshed = refresh(&prover, &shop, &tokens).await.tokens();
    world.userinfo(&refreshed.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rfc9449_5_a_public_clients_refresh_token_is_bound() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let spa = world.client("spa").signs_in().public().refresh().await;
    let prover = world.prover();
    let tokens = redeem(&prover, &spa, &code(&world, &spa).await).await.tokens();
    // [security.md case 38] neither another key nor none; and whoever tries so uses nothing up.
    let watch = world.watch().await;
    refresh(&world.prover(), &spa, &tokens).await.refused(400, "invalid_grant");
    spa.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
    watch.nothing_changed("a refresh with another key").await;
    let refreshed = refresh(&prover, &spa, &tokens).await.tokens();
    assert_eq!(decoded(&refreshed.access_token).1["cnf"], json!({ "jkt": prover.jkt() }));
    // The successor is bound no less.
    refresh(&world.prover(), &spa, &refreshed).await.refused(400, "invalid_grant");
    refresh(&prover, &spa, &refreshed).await.tokens();
}

#[tokio::test]
async fn rfc9449_5_2_a_client_that_is_registered_so_never_gets_bearer_tokens() {
    let world = World::start().await;
    let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("reports");
    let robot = robot.registered(|client| client.dpop_bound_access_tokens = true).await;
    let answer = robot.token(&[("grant_type", "client_credentials")]).await;
    answer.refused(400, "invalid_dpop_proof");
    assert!(answer.header("dpop-nonce").is_some(), "for the proof that is made next");
    let own = world.prover().token(&robot, &[("grant_type", "client_credentials")]).await.ok();
    assert_eq!(own["token_type"], "DPoP");
}

#[tokio::test]
async fn rfc9449_4_3_a_proof_is_good_for_one_request() {
    let world = World::start().await;
    let robot = robot(&world).await;
    let prover = ready(&world, &robot).await;
    let now = world.now().seconds();
    let claims = |name: &str, value: Value| {
        let mut claims = prover.claims("POST", TOKEN);
        claims[name] = value;
        claims
    };
    let other = format!("{}/as/introspect.oauth2", world.issuer());
    for (what, claims) in [
        ("another method", claims("htm", json!("GET"))),
        ("another endpoint", claims("htu", json!(other))),
        ("another server", claims("htu", json!("https://elsewhere.example/as/token.oauth2"))),
        ("an old one", claims("iat", json!(now - 61))),
        ("one of the future", claims("iat", json!(now + 61))),
        ("no time", claims("iat", Value::Null)),
        ("time as text", claims("iat", json!(now.to_string()))),
        ("no name", claims("jti", Value::Null)),
        ("a long name", claims("jti", json!("x".repeat(300)))),
        ("no address", claims("htu", Value::Null)),
    ] {
        let watch = world.watch().await;
        let proof = prover.key().jws(&prover.header(), &claims);
        try_proof(&robot, &proof).await.refused(400, "invalid_dpop_proof");
        watch.only_a_refusal(what).await;
    }
    for at in [now - 60, now + 60] {
        let proof = prover.key().jws(&prover.header(), &claims("iat", json!(at)));
        try_proof(&robot, &proof).await.ok();
    }
}

#[tokio::test]
async fn rfc9449_4_3_a_proof_is_signed_by_the_key_in_it() {
    let world = World::start().await;
    let robot = robot(&world).await;
    let prover = ready(&world, &robot).await;
    let claims = || prover.claims("POST", TOKEN);
    let header = |name: &str, value: Value| {
        let mut header = prover.header();
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        } else {
            header[name] = value;
        }
        header
    };
    let (stranger, own) = (Jwk::p256(), prover.key());
    let mut private = own.public();
    private["d"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let good = own.jws(&prover.header(), &claims());
    for (what, proof) in [
        ("another key's signature", stranger.jws(&prover.header(), &claims())),
        ("no type", own.jws(&header("typ", Value::Null), &claims())),
        ("another type", own.jws(&header("typ", json!("JWT")), &claims())),
        ("a device's", own.jws(&header("typ", json!("nod-proof+jwt")), &claims())),
        ("no key", own.jws(&header("jwk", Value::Null), &claims())),
        ("a private key", own.jws(&header("jwk", private), &claims())),
        ("a secret", own.jws(&header("jwk", json!({"kty": "oct", "k": "AAAA"})), &claims())),
        ("a key of another kind", own.jws(&header("jwk", Jwk::ed25519().public()), &claims())),
        ("no algorithm", own.jws(&header("alg", json!("none")), &claims())),
        ("a shared secret's algorithm", own.jws(&header("alg", json!("HS256")), &claims())),
        ("an algorithm of another key", own.jws(&header("alg", json!("RS256")), &claims())),
        ("critical", own.jws(&header("crit", json!(["x"])), &claims())),
        ("cut", good.rsplit_once('.').unwrap().0.to_owned()),
        ("nothing", "x".to_owned()),
        ("long", "x.".repeat(5000)),
    ] {
        let watch = world.watch().await;
        try_proof(&robot, &proof).await.refused(400, "invalid_dpop_proof");
        watch.only_a_refusal(what).await;
    }
    // [RFC 9449 §4.3] 1: one header.
    let twice = robot.form(TOKEN, &[("grant_type", "client_credentials")]).header("dpop", &good);
    let twice = twice.header("dpop", prover.token_proof());
    Answer::of(twice).await.refused(400, "invalid_dpop_proof");
    // Members that mean nothing to us are no harm.
    let mut jwk = own.public();
    jwk["kid"] = json!("mine");
    jwk["use"] = json!("sig");
    try_proof(&robot, &own.jws(&header("jwk", jwk), &claims())).await.ok();
    try_proof(&robot, &good).await.ok();
}

#[tokio::test]
async fn rfc9449_5_1_each_algorithm_that_is_listed_works() {
    let world = World::start().await;
    let robot = robot(&world).await;
    let metadata = world.get(DISCOVERY).await.json();
    let listed = metadata["dpop_signing_alg_values_supported"].as_array().unwrap().clone();
    assert!(listed.contains(&json!("ES256")) && !listed.contains(&json!("none")));
    for alg in listed {
        let prover = world.prover_with(Algorithm::parse(alg.as_str().unwrap()).unwrap());
        let own = prover.token(&robot, &[("grant_type", "client_credentials")]).await.ok();
        assert_eq!(decoded(own["access_token"].as_str().unwrap()).1["cnf"], json!({ "jkt": prover.jkt() }), "{alg}");
    }
}

#[tokio::test]
async fn rfc9449_8_each_proof_needs_a_nonce_of_ours() {
    let world = World::with().redis().nodes(2).start().await;
    let robot = robot(&world).await;
    let prover = world.prover();
    let watch = world.watch().await;
    let first = try_proof(&robot, &prover.token_proof()).await;
    first.refused(400, "use_dpop_nonce");
    // Part of the protocol, not of what went wrong.
    watch.nothing("a proof without a nonce").await;
    let offered = first.header("dpop-nonce").unwrap().to_owned();
    let with = |nonce: &str| {
        let mut claims = prover.claims("POST", TOKEN);
        claims["nonce"] = json!(nonce);
        prover.key().jws(&prover.header(), &claims)
    };
    for foreign in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA"] {
        try_proof(&robot, &with(foreign)).await.refused(400, "use_dpop_nonce");
    }
    // [security.md case 39] every node knows it.
    let answer = try_proof(&robot.at(1), &with(&offered)).await;
    answer.ok();
    assert!(answer.header("dpop-nonce").is_some(), "[RFC 9449 §8.2]");
    world.clock.advance(seconds(299));
    try_proof(&robot, &with(&offered)).await.ok();
    world.clock.advance(seconds(301));
    let late = try_proof(&robot, &with(&offered)).await;
    late.refused(400, "use_dpop_nonce");
    assert_ne!(late.header("dpop-nonce"), Some(offered.as_str()));
    // Who makes no proofs is offered nothing.
    let plain = robot.token(&[("grant_type", "client_credentials")]).await;
    assert!(plain.header("dpop-nonce").is_none());
}

#[tokio::test]
async fn rfc9449_8_a_nonce_for_devices_is_none_for_clients() {
    let world = World::start().await;
    let robot = robot(&world).await;
    let prover = world.prover();
    let me = Answer::of(world.request(Method::GET, "/device/v1/me")).await;
    let mut claims = prover.claims("POST", TOKEN);
    claims["nonce"] = json!(me.header("device-nonce").unwrap());
    let proof = prover.key().jws(&prover.header(), &claims);
    try_proof(&robot, &proof).await.refused(400, "use_dpop_nonce");
}

#[tokio::test]
async fn r15_of_many_uses_of_one_proof_over_two_nodes_one_passes() {
    let world = World::with().redis().nodes(2).start().await;
    let robot = robot(&world).await;
    let prover = ready(&world, &robot).await;
    for crowd in [2, 16, 64_usize] {
        let proof = prover.token_proof();
        let tries = (0..crowd).map(|number| {
            let (robot, proof) = (robot.at(number % 2), proof.clone());
            async move { try_proof(&robot, &proof).await }
        });
        let answers = join_all(tries).await;
        // On a busy machine the store may not answer in time, and says so: that is no permission.
        let (unanswered, answered): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 503);
        let passed = answered.iter().filter(|answer| answer.status == 200).count();
        assert!(passed == 1 || passed == 0 && !unanswered.is_empty(), "{passed} of {crowd}");
        for answer in answered.iter().filter(|answer| answer.status != 200) {
            answer.refused(400, "invalid_dpop_proof");
        }
    }
    // [security.md case 35] the same name by another key is another proof.
    let other = world.prover();
    let mut claims = prover.claims("POST", TOKEN);
    claims["jti"] = json!("the same");
    for prover in [&prover, &other] {
        try_proof(&robot, &prover.key().jws(&prover.header(), &claims)).await.ok();
    }
    // As long as it is fresh, it is known.
    let mut claims = prover.claims("POST", TOKEN);
    claims["iat"] = json!(world.now().seconds() + 60);
    let proof = prover.key().jws(&prover.header(), &claims);
    try_proof(&robot, &proof).await.ok();
    world.clock.advance(seconds(119));
    try_proof(&robot, &proof).await.refused(400, "invalid_dpop_proof");
    world.clock.advance(seconds(2));
    try_proof(&robot, &proof).await.refused(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn rfc9449_7_a_bound_token_is_used_with_its_key_alone() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let prover = world.prover();
    let tokens = redeem(&prover, &shop, &code(&world, &shop).await).await.tokens();
    let token = tokens.access_token.as_str();
    assert_eq!(prover.userinfo(token).await.ok()["sub"], alice.id.to_string());

    // [security.md case 37] as if it were a bearer token.
    let bearer = world.userinfo(token).await;
    bearer.refused(401, "invalid_token");
    let challenges: Vec<_> = bearer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, ["Bearer error=\"invalid_token\"", "DPoP algs=\"ES256 PS256 RS256 EdDSA\""]);
    // With a good proof by another key.
    let stranger = world.prover().userinfo(token).await;
    stranger.refused(401, "invalid_token");
    assert!(stranger.header("www-authenticate").unwrap().starts_with("DPoP error=\"invalid_token\", algs="));
    // A token without a key is no such token, whatever proof comes along.
    let plain = shop.redeem(&code(&world, &shop).await).await.tokens();
    prover.userinfo(&plain.access_token).await.refused(401, "invalid_token");

    for (what, proof) in [
        ("for another token", prover.proof_with(&plain.access_token)),
        ("for no token", prover.key().jws(&prover.header(), &prover.claims("GET", USERINFO))),
        ("for the token endpoint", prover.token_proof()),
    ] {
        let watch = world.watch().await;
        let answer = Answer::of(prover.show(token, &proof)).await;
        answer.refused(401, "invalid_dpop_proof");
        assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP error=\"invalid_dpop_proof\""), "{what}");
        watch.only_a_refusal(what).await;
    }
    let without = world.request(Method::GET, USERINFO).header("authorization", format!("dpop {token}"));
    Answer::of(without).await.refused(401, "invalid_dpop_proof");
    let proof = prover.proof_with(token);
    Answer::of(prover.show(token, &proof)).await.ok();
    Answer::of(prover.show(token, &proof)).await.refused(401, "invalid_dpop_proof");

    // [RFC 9449 §9] a nonce is asked for here as well.
    let fresh = world.prover();
    let answer = Answer::of(fresh.show(token, &fresh.proof_with(token))).await;
    answer.refused(401, "use_dpop_nonce");
    assert!(answer.header("dpop-nonce").is_some());
    assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
}

#[tokio::test]
async fn rfc9449_7_2_a_bound_token_administers_nothing_without_its_proof() {
    let world = World::start().await;
    let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("nod:admin").await;
    let fields = [("grant_type", "client_credentials")];
    let list = |token: &str| world.request(Method::GET, "/admin/v1/clients").bearer_auth(token);
    let plain = robot.token(&fields).await.ok();
    Answer::of(list(plain["access_token"].as_str().unwrap())).await.ok();
    let bound = world.prover().token(&robot, &fields).await.ok();
    Answer::of(list(bound["access_token"].as_str().unwrap())).await.admin_problem(401, "token_invalid");
}

#[tokio::test]
async fn rfc9449_10_a_code_is_for_the_key_that_its_request_named() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().refresh();
    let own = |sign_in: SignIn| SignIn { implied_consent: true, ..sign_in };
    let shop = shop.registered(|client| client.sign_in = client.sign_in.take().map(own)).await;
    let (prover, thief) = (world.prover(), world.prover());
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let jkt = prover.jkt();
    let mut bound_code =
        async || browser.authorize(&shop, &[("dpop_jkt", &jkt)]).await.unwrap_err().get("code").to_owned();
    redeem(&prover, &shop, &bound_code().await).await.tokens();
    for wrong in [Some(&thief), None] {
        let code = bound_code().await;
        match wrong {
            Some(thief) => redeem(thief, &shop, &code).await.refused(400, "invalid_grant").status,
            None => shop.redeem(&code).await.refused(400, "invalid_grant").status,
        };
        // Burnt, as by a wrong verifier.
        redeem(&prover, &shop, &code).await.refused(400, "invalid_grant");
    }
    for wrong in ["x", "", &jkt[1..], &format!("{jkt}=")] {
        let answer = browser.authorize(&shop, &[("dpop_jkt", wrong)]).await.unwrap_err();
        if wrong.is_empty() {
            answer.get("code");
        } else {
            answer.error("invalid_request");
        }
    }
}

#[tokio::test]
async fn rfc9449_10_1_a_pushed_request_binds_the_code_to_the_key_of_its_proof() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let (robot, mut browser) = (robot(&world).await, world.browser());
    browser.log_in(&shop, "alice", PASSWORD).await;
    let (prover, other) = (ready(&world, &robot).await, ready(&world, &robot).await);
    let push = async |proof: String, jkt: &str| {
        let fields = [
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("dpop_jkt", jkt),
        ];
        let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Answer::of(shop.form(PAR, &fields).header("dpop", proof)).await
    };
    for jkt in [String::new(), prover.jkt()] {
        let kept = push(prover.proof("POST", PAR), &jkt).await;
        assert_eq!(kept.status, 201, "{}", kept.text());
        assert!(kept.header("dpop-nonce").is_some());
        let uri = kept.json()["request_uri"].as_str().unwrap().to_owned();
        let path = format!("{AUTHORIZE}?{}", enc(&[("client_id", &shop.id), ("request_uri", &uri)]));
        let callback = browser.open(&path).await.unwrap_err();
        let with = if jkt.is_empty() { &other } else { &prover };
        let answer = redeem(with, &shop, callback.get("code")).await;
        if jkt.is_empty() {
            answer.refused(400, "invalid_grant");
        } else {
            answer.tokens();
        }
    }
    push(prover.proof("POST", PAR), &other.jkt()).await.refused(400, "invalid_dpop_proof");
    push(prover.token_proof(), "").await.refused(400, "invalid_dpop_proof");
    push(world.prover().proof("POST", PAR), "").await.refused(400, "use_dpop_nonce");
}
