//! Relying parties.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nod::clock::Clock as _;
use nod::domain::audit::Action;
use nod::domain::client::{
    self as domain, AccessTokenFormat, Authentication, Backchannel, Delivery, GrantType, KeySource, Logout,
    NumberMatching, Pages, Requests, Secrets, SignIn, StoredSecret,
};
use nod::protocol::algorithm::Algorithm;
use nod::protocol::authorization_request::ResponseType;
use nod::protocol::id::{ClientId, PolicyId};
use nod::protocol::redirect_uri::RedirectUri;
use nod::protocol::scope::Scope;
use nod::secret::Digest;
use nod::store::ephemeral::StoreError;
use nod::store::sql::clients::Clients;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::jose::Jwk;
use super::{
    Answer, BC_AUTHORIZE, CALLBACK, CIBA, INTROSPECT, Inner, Person, REVOKE, SIGNED_OUT, TOKEN, Tokens, World,
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client proves itself, with what it keeps for that.
#[derive(Clone)]
enum Credentials {
    Basic(String),
    Post(String),
    Key {
        key: Arc<Jwk>,
        alg: &'static str,
        kid: String,
    },
    /// A public client has none.
    None,
}

#[must_use]
pub(crate) struct ClientBuilder {
    world: Arc<Inner>,
    client: domain::Client,
    credentials: Credentials,
}

impl ClientBuilder {
    pub(super) fn new(world: Arc<Inner>, id: &str) -> Self {
        let secret = format!("{id}-{}", *world.entropy.token().expose());
        let client = domain::Client {
            id: ClientId::parse(id).unwrap(),
            name: format!("The {id}"),
            disabled: false,
            authentication: Authentication::ClientSecretBasic(Secrets(Vec::new())),
            grants: [GrantType::Ciba].into(),
            scope: Scope::parse("openid profile email").unwrap(),
            id_token_signed_response_alg: Algorithm::ES256,
            access_token_format: AccessTokenFormat::Jwt,
            resources: Vec::new(),
            protected_resources: Vec::new(),
            backchannel: Some(Backchannel {
                delivery: Delivery::Poll,
                number_matching: None,
                long_poll: false,
                request_signing_alg: None,
                user_code: false,
                require_hint_token: false,
                keys: None,
            }),
            userinfo_signed_response_alg: None,
            introspection_signed_response_alg: None,
            dpop_bound_access_tokens: false,
            tls_client_certificate_bound_access_tokens: false,
            sign_in: None,
            registered: None,
            token_exchange: None,
            may_act: None,
            pairwise: None,
            security_profile: None,
            pages: Pages::default(),
            created_at: world.clock.now(),
        };
        Self { world, client, credentials: Credentials::Basic(secret) }
    }

    /// Instead of a random one.
    pub(crate) fn secret(mut self, text: &str) -> Self {
        self.credentials = match self.credentials {
            Credentials::Basic(_) => Credentials::Basic(text.to_owned()),
            Credentials::Post(_) | Credentials::Key { .. } | Credentials::None => Credentials::Post(text.to_owned()),
        };
        self
    }

    pub(crate) fn secret_post(mut self) -> Self {
        let secret = format!("{}-{}", self.client.id, *self.world.entropy.token().expose());
        self.credentials = Credentials::Post(secret);
        self
    }

    /// With a new key for this algorithm, registered by value.
    pub(crate) fn private_key_jwt(mut self, algorithm: Algorithm) -> Self {
        let kid = format!("{}-key", self.client.id);
        let key = Arc::new(Jwk::for_algorithm(algorithm));
        self.credentials = Credentials::Key { key, alg: algorithm.as_str(), kid };
        self
    }

    pub(crate) fn number_matching(mut self, matching: NumberMatching) -> Self {
        self.client.backchannel.as_mut().unwrap().number_matching = Some(matching);
        self
    }

    /// Told at this address.
    pub(crate) fn pinged_at(mut self, endpoint: String) -> Self {
        self.client.backchannel.as_mut().unwrap().delivery = Delivery::Ping { endpoint };
        self
    }

    pub(crate) fn long_poll(mut self) -> Self {
        self.client.backchannel.as_mut().unwrap().long_poll = true;
        self
    }

    /// With the `refresh_token` grant.
    pub(crate) fn refresh(mut self) -> Self {
        self.client.grants.insert(GrantType::RefreshToken);
        self
    }

    pub(crate) fn grants(mut self, grants: impl IntoIterator<Item = GrantType>) -> Self {
        self.client.grants = grants.into_iter().collect::<BTreeSet<_>>();
        self
    }

    pub(crate) fn scope(mut self, scope: &str) -> Self {
        self.client.scope = Scope::parse(scope).unwrap();
        self
    }

    /// With the code grant, and one address to come back to.
    pub(crate) fn signs_in(mut self) -> Self {
        self.client.grants.insert(GrantType::AuthorizationCode);
        self.client.sign_in = Some(SignIn {
            redirect_uris: vec![RedirectUri::parse(CALLBACK).unwrap()],
            post_logout_redirect_uris: vec![RedirectUri::parse(SIGNED_OUT).unwrap()],
            response_types: vec![ResponseType::Code],
            redirectless: false,
            cookieless: false,
            policy: None,
            implied_consent: false,
            require_pkce: false,
            logout: Logout::default(),
            requests: Requests::default(),
            authorization_signed_response_alg: None,
            authorization_encrypted_response: None,
        });
        self
    }

    /// Runs the flow itself.
    pub(crate) fn redirectless(mut self) -> Self {
        self.client.sign_in.as_mut().unwrap().redirectless = true;
        self
    }

    /// Without cookies.
    pub(crate) fn cookieless(mut self) -> Self {
        self.client.sign_in.as_mut().unwrap().cookieless = true;
        self
    }

    /// By this policy, which has to be there.
    pub(crate) fn policy(mut self, id: &str) -> Self {
        self.client.sign_in.as_mut().unwrap().policy = PolicyId::parse(id);
        self
    }

    /// Nobody is asked.
    pub(crate) fn implied_consent(mut self) -> Self {
        self.client.sign_in.as_mut().unwrap().implied_consent = true;
        self
    }

    pub(crate) fn public(mut self) -> Self {
        self.credentials = Credentials::None;
        self.client.backchannel = None;
        self.client.grants.remove(&GrantType::Ciba);
        self
    }

    pub(crate) fn opaque(mut self) -> Self {
        self.client.access_token_format = AccessTokenFormat::Opaque;
        self
    }

    pub(crate) fn id_token_alg(mut self, algorithm: Algorithm) -> Self {
        self.client.id_token_signed_response_alg = algorithm;
        self
    }

    /// Whatever else is to be registered.
    pub(crate) fn registered(mut self, change: impl FnOnce(&mut domain::Client)) -> Self {
        change(&mut self.client);
        self
    }

    async fn create(mut self) -> Client {
        let digest =
            |secret: &str| Secrets(vec![StoredSecret { digest: Digest::of(secret.as_bytes()), expires_at: None }]);
        self.client.authentication = match (&self.credentials, self.client.authentication) {
            // What `registered` said.
            (
                _,
                special @ (Authentication::PrivateKeyJwt { .. }
                | Authentication::TlsClientAuth(_)
                | Authentication::SelfSignedTlsClientAuth { .. }),
            ) => special,
            (Credentials::None, _) => Authentication::None,
            (Credentials::Basic(secret), _) => Authentication::ClientSecretBasic(digest(secret)),
            (Credentials::Post(secret), _) => Authentication::ClientSecretPost(digest(secret)),
            (Credentials::Key { key, alg, kid }, _) => {
                let mut jwk = key.public();
                jwk["kid"] = json!(kid);
                let alg = Algorithm::parse(alg);
                Authentication::PrivateKeyJwt { keys: KeySource::Jwks(json!({ "keys": [jwk] })), alg }
            }
        };
        if let Credentials::Basic(secret) | Credentials::Post(secret) = &self.credentials {
            self.world.guard(secret);
        }
        let parts = self.world.parts();
        let clients = Clients::new(parts.database.clone(), Arc::clone(&parts.directory));
        let (client, event) = (self.client.clone(), self.world.event(Action::ClientCreated).client(&self.client.id));
        let created = self.world.among_servers(async move { clients.create(&client, &event).await }).await;
        assert!(created.unwrap(), "the id is free");
        Client { id: self.client.id.to_string(), world: self.world, credentials: self.credentials, node: 0 }
    }
}

impl IntoFuture for ClientBuilder {
    type Output = Client;
    type IntoFuture = Pin<Box<dyn Future<Output = Client>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    world: Arc<Inner>,
    credentials: Credentials,
    node: usize,
}

/// An acknowledged request [CIBA §7.3].
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) auth_req_id: String,
    pub(crate) json: Value,
}

impl Asked {
    /// The number on the client's screen.
    pub(crate) fn number(&self) -> u32 {
        self.json["number_matching"]["number"].as_u64().expect("a number").try_into().unwrap()
    }
}

impl Client {
    pub(super) fn known(world: Arc<Inner>, id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), world, credentials: Credentials::Basic(secret.to_owned()), node: 0 }
    }

    /// The same client, calling another node.
    pub(crate) fn at(&self, node: usize) -> Self {
        Self { node, ..self.clone() }
    }

    /// The same client after a restart.
    pub(crate) fn in_world(&self, world: &World) -> Self {
        Self { world: Arc::clone(&world.inner), node: 0, ..self.clone() }
    }

    pub(crate) fn secret(&self) -> &str {
        match &self.credentials {
            Credentials::Basic(secret) | Credentials::Post(secret) => secret,
            Credentials::Key { .. } | Credentials::None => panic!("this client has no secret"),
        }
    }

    pub(crate) fn key(&self) -> &Jwk {
        match &self.credentials {
            Credentials::Key { key, .. } => key,
            Credentials::Basic(_) | Credentials::Post(_) | Credentials::None => panic!("this client has no key"),
        }
    }

    /// The claims of a good assertion, with a `jti` of its own.
    pub(crate) fn claims(&self) -> Value {
        let now = self.world.clock.now().seconds();
        let jti = self.world.entropy.uuid().to_string();
        json!({"iss": self.id, "sub": self.id, "aud": self.world.issuer, "jti": jti, "iat": now, "exp": now + 60})
    }

    /// The header of a good assertion.
    pub(crate) fn header(&self) -> Value {
        match &self.credentials {
            Credentials::Key { alg, kid, .. } => json!({"alg": alg, "kid": kid}),
            Credentials::Basic(_) | Credentials::Post(_) | Credentials::None => panic!("this client has no key"),
        }
    }

    pub(crate) fn assertion(&self) -> String {
        self.key().jws(&self.header(), &self.claims())
    }

    /// A form to an endpoint, with these fields and nothing else.
    pub(crate) fn bare(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.world
            .request(self.node, Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(enc(fields))
    }

    /// The same, as this client.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        match &self.credentials {
            Credentials::Basic(secret) => self.bare(path, fields).header("authorization", basic(&self.id, secret)),
            Credentials::Post(secret) => {
                let own = [("client_id", self.id.as_str()), ("client_secret", secret)];
                self.bare(path, &[fields, &own].concat())
            }
            Credentials::None => self.bare(path, &[fields, &[("client_id", self.id.as_str())]].concat()),
            Credentials::Key { .. } => {
                let assertion = self.assertion();
                self.world.guard(&assertion);
                self.with_assertion(path, fields, &assertion)
            }
        }
    }

    pub(crate) fn with_assertion(&self, path: &str, fields: &[(&str, &str)], assertion: &str) -> RequestBuilder {
        let own = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)];
        self.bare(path, &[fields, &own].concat())
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::of(self.form(path, fields)).await
    }

    pub(crate) async fn bc_authorize(&self, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(BC_AUTHORIZE, fields).await;
        if answer.status == 200 {
            self.world.guard(answer.json()["auth_req_id"].as_str().unwrap());
        }
        answer
    }

    /// Asks a person, and is acknowledged.
    pub(crate) async fn ask(&self, person: &Person) -> Asked {
        self.ask_with(person, &[]).await
    }

    pub(crate) async fn ask_with(&self, person: &Person, fields: &[(&str, &str)]) -> Asked {
        let usual = [("login_hint", person.username.as_str()), ("scope", "openid profile email")];
        let usual: Vec<_> =
            usual.into_iter().filter(|(name, _)| fields.iter().all(|(other, _)| other != name)).collect();
        let json = self.bc_authorize(&[fields, &usual].concat()).await.ok();
        Asked { auth_req_id: json["auth_req_id"].as_str().unwrap().to_owned(), json }
    }

    pub(crate) async fn poll(&self, asked: &Asked) -> Answer {
        self.poll_id(&asked.auth_req_id).await
    }

    pub(crate) async fn poll_id(&self, auth_req_id: &str) -> Answer {
        self.token(&[("grant_type", CIBA), ("auth_req_id", auth_req_id)]).await
    }

    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(TOKEN, fields).await;
        if answer.status == 200 {
            let json = answer.json();
            for name in ["access_token", "id_token", "refresh_token"] {
                if let Some(token) = json[name].as_str() {
                    self.world.guard(token);
                }
            }
        }
        answer
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    pub(crate) async fn revoke(&self, token: &str, hint: Option<&str>) -> Answer {
        let mut fields = vec![("token", token)];
        fields.extend(hint.map(|hint| ("token_type_hint", hint)));
        self.post(REVOKE, &fields).await
    }

    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.post(INTROSPECT, &[("token", token)]).await.ok()
    }

    /// The whole way: asks, the person's first phone says yes, tokens.
    pub(crate) async fn log_in(&self, person: &Person) -> Tokens {
        let asked = self.ask(person).await;
        person.phone().approve_the_question().await;
        self.poll(&asked).await.tokens()
    }

    pub(crate) async fn update(&self, change: impl FnOnce(&mut domain::Client) + Send + 'static) {
        self.try_update(change).await.unwrap();
    }

    /// `Err`: on a busy machine it came too late, and nothing has changed.
    pub(crate) async fn try_update(
        &self,
        change: impl FnOnce(&mut domain::Client) + Send + 'static,
    ) -> Result<(), StoreError> {
        let parts = self.world.parts();
        let clients = Clients::new(parts.database.clone(), Arc::clone(&parts.directory));
        let id = ClientId::parse(&self.id).unwrap();
        let (event, now) = (self.world.event(Action::ClientUpdated).client(&id), self.world.clock.now());
        let updated = async move {
            let changed = |mut client: domain::Client| {
                change(&mut client);
                client
            };
            clients.update(&id, &event, now, changed).await
        };
        self.world.among_servers(updated).await?.expect("the client");
        Ok(())
    }

    pub(crate) async fn delete(&self) {
        let parts = self.world.parts();
        let clients = Clients::new(parts.database.clone(), Arc::clone(&parts.directory));
        let id = ClientId::parse(&self.id).unwrap();
        let (event, now) = (self.world.event(Action::ClientDeleted).client(&id), self.world.clock.now());
        let deleted = async move { clients.delete(&id, &event, now).await };
        assert!(self.world.among_servers(deleted).await.unwrap(), "no such client");
    }

    pub(crate) async fn disable(&self) {
        self.update(|client| client.disabled = true).await;
    }
}

/// [RFC 6749 §2.3.1]
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

pub(crate) fn enc(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
