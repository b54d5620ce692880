//! A relying party that nobody here wrote: the `openidconnect` crate finds its way by discovery
//! alone and judges what it gets. It speaks no CIBA, so that question is put by hand.

use std::str::FromStr as _;
use std::time::UNIX_EPOCH;

use nod::protocol::algorithm::Algorithm;
use openidconnect::core::{
    CoreClient, CoreErrorResponseType, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreProviderMetadata,
    CoreResponseType, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, IntrospectionUrl, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken, RequestTokenError,
    ResponseTypes, Scope, TokenIntrospectionResponse as _, TokenResponse as _, reqwest,
};

use crate::world::{AUTHORIZE, CALLBACK, Client, INTROSPECT, PAR, SIGNED_OUT, World, enc, seconds};

fn http() -> reqwest::Client {
    reqwest::ClientBuilder::new().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn discovered(world: &World) -> CoreProviderMetadata {
    let issuer = IssuerUrl::new(world.issuer().to_owned()).unwrap();
    CoreProviderMetadata::discover_async(issuer, &http()).await.expect("a document that the crate understands")
}

/// A verifier that lives at the time of the world.
fn verifier_at<'v>(world: &World, metadata: &CoreProviderMetadata, client: &Client) -> CoreIdTokenVerifier<'v> {
    let now = UNIX_EPOCH + seconds(world.now().seconds().unsigned_abs());
    CoreIdTokenVerifier::new_public_client(
        ClientId::new(client.id.clone()),
        metadata.issuer().clone(),
        metadata.jwks().clone(),
    )
    .set_allowed_algs(metadata.id_token_signing_alg_values_supported().iter().cloned())
    .set_time_fn(move || now.into())
}

fn no_nonce(nonce: Option<&Nonce>) -> Result<(), String> {
    if nonce.is_none() { Ok(()) } else { Err("a nonce that nobody sent".to_owned()) }
}

/// The claims, if the crate believes the token.
fn believed(
    world: &World,
    metadata: &CoreProviderMetadata,
    client: &Client,
    id_token: &str,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let token = CoreIdToken::from_str(id_token).expect("an ID token that the crate understands");
    token.into_claims(&verifier_at(world, metadata, client), no_nonce)
}

#[tokio::test]
async fn the_crate_discovers_the_server() {
    let world = World::start().await;
    let metadata = discovered(&world).await;
    assert_eq!(metadata.issuer().as_str(), world.issuer());
    assert!(!metadata.jwks().keys().is_empty());
    assert!(metadata.token_endpoint().is_some() && metadata.userinfo_endpoint().is_some());
    assert!(metadata.response_types_supported().contains(&ResponseTypes::new(vec![CoreResponseType::Code])));
}

#[tokio::test]
async fn the_crate_signs_a_person_in_and_out() {
    let world = World::start().await;
    let (shop, alice) =
        (world.client("shop").signs_in().refresh().await, world.user("alice").with_password("alice's password").await);
    let issuer = IssuerUrl::new(world.issuer().to_owned()).unwrap();
    let http = http();
    let metadata = ProviderMetadataWithLogout::discover_async(issuer, &http).await.unwrap();
    let secret = ClientSecret::new(shop.secret().to_owned());
    let party = CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(shop.id.clone()), Some(secret))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (asked, state, nonce) = party
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let below = |url: &str| url.strip_prefix(world.issuer()).expect("below the issuer").to_owned();
    let mut browser = world.browser();
    let page = browser.open(&below(asked.as_str())).await.expect("a page to sign in on");
    let callback = browser.sign_in(&page, "alice", "alice's password").await.unwrap_err();
    assert_eq!(callback.get("state"), state.secret());

    let code = AuthorizationCode::new(callback.get("code").to_owned());
    let exchange = party.exchange_code(code).unwrap().set_pkce_verifier(verifier);
    let tokens = exchange.request_async(&http).await.unwrap();
    let id_token = tokens.id_token().expect("an ID token");
    let verifier = verifier_at(&world, &discovered(&world).await, &shop);
    let claims = id_token.claims(&verifier, &nonce).unwrap();
    assert_eq!(claims.subject().as_str(), alice.id.to_string());
    assert!(id_token.claims(&verifier, &Nonce::new_random()).is_err(), "for this nonce alone");
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&verifier).unwrap(),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));

    let subject = claims.subject().clone();
    let info = party.user_info(tokens.access_token().clone(), Some(subject.clone())).unwrap();
    let info: CoreUserInfoClaims = info.request_async(&http).await.unwrap();
    assert_eq!(info.preferred_username().map(|name| name.as_str()), Some("alice"));

    let refresh = tokens.refresh_token().expect("a refresh token").clone();
    let fresh = party.exchange_refresh_token(&refresh).unwrap().request_async(&http).await.unwrap();
    let again = fresh.id_token().expect("an ID token").claims(&verifier, no_nonce).unwrap();
    assert_eq!((again.subject(), again.auth_time()), (&subject, claims.auth_time()));

    let end = metadata.additional_metadata().end_session_endpoint.clone().expect("end_session_endpoint");
    let bye = LogoutRequest::from(end)
        .set_id_token_hint(id_token)
        .set_client_id(ClientId::new(shop.id.clone()))
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(SIGNED_OUT.to_owned()).unwrap())
        .set_state(CsrfToken::new("a state".to_owned()))
        .http_get_url();
    let back = browser.open(&below(bye.as_str())).await.unwrap_err();
    assert_eq!(back.get("state"), "a state");
    let end = fresh.refresh_token().expect("a refresh token").clone();
    let gone = party.exchange_refresh_token(&end).unwrap().request_async(&http).await.unwrap_err();
    let RequestTokenError::ServerResponse(error) = gone else { panic!("{gone:?}") };
    assert_eq!(*error.error(), CoreErrorResponseType::InvalidGrant);
}

/// The crate knows no pushed requests: what it would put into the address is pushed for it.
#[tokio::test]
async fn the_crate_signs_in_with_what_was_pushed() {
    let world = World::start().await;
    let shop = world.client("shop").signs_in().await;
    world.user("alice").with_password("alice's password").await;
    let metadata = discovered(&world).await;
    let secret = ClientSecret::new(shop.secret().to_owned());
    let party = CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(shop.id.clone()), Some(secret))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (asked, state, nonce) =
        party.authorize_url(flow, CsrfToken::new_random, Nonce::new_random).set_pkce_challenge(challenge).url();
    let pairs: Vec<(String, String)> = asked.query_pairs().into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let pushed = shop.post(PAR, &pairs).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    let brought = enc(&[("client_id", "shop"), ("request_uri", pushed.json()["request_uri"].as_str().unwrap())]);
    let mut browser = world.browser();
    let page = browser.open(&format!("{AUTHORIZE}?{brought}")).await.expect("a page to sign in on");
    let callback = browser.sign_in(&page, "alice", "alice's password").await.unwrap_err();
    assert_eq!(callback.get("state"), state.secret());
    let code = AuthorizationCode::new(callback.get("code").to_owned());
    let exchange = party.exchange_code(code).unwrap().set_pkce_verifier(verifier);
    let tokens = exchange.request_async(&http()).await.unwrap();
    assert!(tokens.id_token().expect("an ID token").claims(&verifier_at(&world, &metadata, &shop), &nonce).is_ok());
}

#[tokio::test]
async fn the_crate_believes_the_id_token_of_a_ciba_login() {
    let world = World::start().await;
    let metadata = discovered(&world).await;
    let alice = world.user("alice").with_phone().await;
    for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256] {
        let shop = world.client(algorithm.as_str()).id_token_alg(algorithm).await;
        let tokens = shop.log_in(&alice).await;
        let claims = believed(&world, &metadata, &shop, &tokens.id_token).unwrap();
        assert_eq!(claims.subject().as_str(), alice.id.to_string());
        assert_eq!(claims.auth_context_ref().map(|acr| acr.as_str()), Some("urn:nod:acr:device"));
        assert_eq!(claims.auth_method_refs().unwrap().len(), 3);
        assert_eq!(claims.auth_time().unwrap().timestamp(), world.now().seconds());

        let token = CoreIdToken::from_str(&tokens.id_token).unwrap();
        let verifier = verifier_at(&world, &metadata, &shop);
        let hash = AccessTokenHash::from_token(
            &AccessToken::new(tokens.access_token.clone()),
            token.signing_alg().unwrap(),
            token.signing_key(&verifier).unwrap(),
        );
        assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));
    }
}

#[tokio::test]
async fn the_crate_believes_nothing_else() {
    let world = World::start().await;
    let metadata = discovered(&world).await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let tokens = shop.log_in(&alice).await;
    assert!(believed(&world, &metadata, &shop, &tokens.id_token).is_ok());
    let other = believed(&world, &metadata, &bank, &tokens.id_token).unwrap_err();
    assert!(matches!(other, ClaimsVerificationError::InvalidAudience(_)), "{other:?}");
    let (signed, _) = tokens.id_token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", crate::world::b64(&[1; 64]));
    let forged = believed(&world, &metadata, &shop, &forged).unwrap_err();
    assert!(matches!(forged, ClaimsVerificationError::SignatureVerification(_)), "{forged:?}");
    world.clock.advance(seconds(301));
    let expired = believed(&world, &metadata, &shop, &tokens.id_token).unwrap_err();
    assert!(matches!(expired, ClaimsVerificationError::Expired(_)), "{expired:?}");
}

#[tokio::test]
async fn after_a_rotation_the_crate_believes_old_and_new_tokens() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let before = shop.log_in(&alice).await;
    let keys = std::sync::Arc::clone(&world.parts().keys);
    world.among_servers(async move { keys.rotate_now(None).await }).await.unwrap();
    let after = shop.log_in(&alice).await;
    let metadata = discovered(&world).await;
    for tokens in [before, after] {
        believed(&world, &metadata, &shop, &tokens.id_token).unwrap();
    }
}

#[tokio::test]
async fn the_crate_refreshes_reads_introspects_and_revokes() {
    let world = World::start().await;
    let metadata = discovered(&world).await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    let secret = ClientSecret::new(shop.secret().to_owned());
    let party = CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(shop.id.clone()), Some(secret))
        .set_introspection_url(IntrospectionUrl::new(format!("{}{INTROSPECT}", world.issuer())).unwrap());
    let http = http();

    let refresh = RefreshToken::new(tokens.refresh_token.unwrap());
    let fresh = party.exchange_refresh_token(&refresh).unwrap().request_async(&http).await.unwrap();
    let id_token = fresh.id_token().expect("an ID token").to_string();
    let claims = believed(&world, &metadata, &shop, &id_token).unwrap();

    let info: CoreUserInfoClaims = party
        .user_info(fresh.access_token().clone(), Some(claims.subject().clone()))
        .unwrap()
        .request_async(&http)
        .await
        .unwrap();
    assert_eq!(info.preferred_username().map(|name| name.as_str()), Some("alice"));
    assert_eq!(info.email_verified(), Some(true));
    assert!(info.updated_at().is_some());

    let found = party.introspect(fresh.access_token()).request_async(&http).await.unwrap();
    assert!(found.active());
    assert_eq!(found.sub(), Some(alice.id.to_string().as_str()));

    // The crate revokes over https alone, so this one goes by hand.
    let end = fresh.refresh_token().unwrap().clone();
    assert_eq!(shop.revoke(end.secret(), None).await.status, 200);
    assert!(!party.introspect(fresh.access_token()).request_async(&http).await.unwrap().active());
    let gone = party.exchange_refresh_token(&end).unwrap().request_async(&http).await.unwrap_err();
    let RequestTokenError::ServerResponse(error) = gone else { panic!("{gone:?}") };
    assert_eq!(*error.error(), CoreErrorResponseType::InvalidGrant);
}
