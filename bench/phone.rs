//! The people and their phones, and the database that knows them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use nod::clock::{Clock as _, SystemClock, Timestamp};
use nod::domain::audit::{Action, Event};
use nod::domain::authentication_request::AuthenticationRequest;
use nod::domain::client::{
    AccessTokenFormat, Authentication, Backchannel, Client, Delivery, GrantType, KeySource, Logout, Pages, Requests,
    SignIn,
};
use nod::domain::device::About;
use nod::domain::prompt::Prompt;
use nod::domain::user::{Status, User};
use nod::entropy::Entropy;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::authorization_request::ResponseType;
use nod::protocol::id::{AuthReqId, DeviceId, InstallationId, UserId};
use nod::protocol::redirect_uri::RedirectUri;
use nod::protocol::scope::Scope;
use nod::secret::{Digest, Secret};
use nod::store::ephemeral::Shelf;
use nod::store::sql::Database;
use nod::store::sql::clients::Clients;
use nod::store::sql::devices::{Claimed, Devices, Newcomer};
use nod::store::sql::directory::Directory;
use nod::store::sql::people::People;
use nod_device::proof::Freshness;
use nod_device::{DeviceKey as _, Issuer, Kind, Notification, SoftwareKey, decide};

use crate::Result;
use crate::cast::{self, CALLBACK, ISSUER, OWN_SCOPE, RelyingParty, SCOPE};
use crate::driver::{JSON, Wire, request};
use crate::scenario::login_hint;

/// One person's phone.
struct Phone {
    key: SoftwareKey,
    user: UserId,
    device: DeviceId,
    installation: InstallationId,
}

/// All phones.
pub(crate) struct Phones {
    all: Vec<Phone>,
    clients: Vec<Client>,
    issuer: Issuer,
    entropy: Entropy,
    nonce: Mutex<Option<String>>,
}

/// How a phone comes to know the question that it answers.
pub(crate) enum Source {
    /// From the store, behind the server's back: so that four requests are four requests.
    Store(Shelf<AuthenticationRequest>),
    /// With a request of its own: `GET /device/v1/notifications/pending`.
    Inbox,
}

fn client(party: &RelyingParty, now: Timestamp) -> Result<Client> {
    let browser = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];
    let signs_in = party.kind == cast::Kind::SignIn;
    Ok(Client {
        id: party.id.clone(),
        name: "Shop".to_owned(),
        disabled: false,
        authentication: Authentication::PrivateKeyJwt {
            keys: KeySource::Jwks(party.jwks()),
            alg: Some(Algorithm::ES256),
        },
        grants: if signs_in { browser.into() } else { [GrantType::Ciba].into() },
        scope: Scope::parse(&if signs_in { format!("{SCOPE} {OWN_SCOPE}") } else { SCOPE.to_owned() })
            .ok_or("no scope")?,
        id_token_signed_response_alg: Algorithm::ES256,
        access_token_format: match party.kind {
            cast::Kind::Signed => AccessTokenFormat::Jwt,
            cast::Kind::Backchannel | cast::Kind::SignIn => AccessTokenFormat::Opaque,
        },
        resources: Vec::new(),
        protected_resources: Vec::new(),
        backchannel: (!signs_in).then_some(Backchannel {
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
        sign_in: if signs_in { Some(sign_in()?) } else { None },
        registered: None,
        token_exchange: None,
        may_act: None,
        pairwise: None,
        security_profile: None,
        pages: Pages::default(),
        created_at: now,
    })
}

fn sign_in() -> Result<SignIn> {
    Ok(SignIn {
        redirect_uris: vec![RedirectUri::parse(CALLBACK)?],
        post_logout_redirect_uris: Vec::new(),
        response_types: vec![ResponseType::Code],
        redirectless: false,
        cookieless: false,
        policy: None,
        implied_consent: true,
        require_pkce: true,
        logout: Logout::default(),
        requests: Requests::default(),
        authorization_signed_response_alg: None,
        authorization_encrypted_response: None,
    })
}

impl Phones {
    /// Fills a new database with clients, people and one phone each.
    pub(crate) async fn pair(url: &str, parties: impl Iterator<Item = &RelyingParty>, people: usize) -> Result<Self> {
        let database = Database::connect(&Secret::new(url.to_owned())).await?;
        database.migrate().await?;
        let (directory, _) = Directory::new(database.clone());
        let (entropy, now) = (Entropy::default(), SystemClock.now());
        let event = |action| Event::new(entropy.uuid(), now, action);

        let clients: Vec<Client> = parties.map(|party| client(party, now)).collect::<Result<_>>()?;
        let known = Clients::new(database.clone(), Arc::clone(&directory));
        for client in &clients {
            known.create(client, &event(Action::ClientCreated)).await?;
        }

        let users = People::new(database.clone(), Arc::clone(&directory));
        let devices = Devices::new(database, directory);
        let mut all = Vec::with_capacity(people);
        for person in 0..people {
            let user = User {
                id: UserId::new(entropy.uuid()),
                username: login_hint(person),
                name: None,
                email: None,
                email_verified: false,
                status: Status::Active,
                created_at: now,
                updated_at: now,
            };
            users.create(&user, &event(Action::UserCreated)).await?;
            let pairing_key = Digest::of(entropy.token().expose().as_bytes());
            let until = now + Duration::from_secs(600);
            devices.create_pairing_key(user.id, &pairing_key, now, until, &event(Action::PairingKeyCreated)).await?;
            let key = SoftwareKey::generate()?;
            let public = key.public_jwk();
            let newcomer = Newcomer {
                application: None,
                jkt: &public.thumbprint().to_string(),
                public_jwk: &serde_json::to_string(&public)?,
                about: &About { platform: Some("LINUX".to_owned()), ..About::default() },
                new_installation: InstallationId::new(entropy.uuid()),
                new_device: DeviceId::new(entropy.uuid()),
                max_devices: 5,
            };
            let claimed = devices.claim(&pairing_key, &newcomer, now, event(Action::DevicePaired)).await?;
            let Claimed::Paired(pairing) = claimed else { return Err("not paired".into()) };
            all.push(Phone { key, user: user.id, device: pairing.device.id, installation: pairing.installation.id });
        }
        let issuer = Issuer::parse(ISSUER)?;
        Ok(Self { all, clients, issuer, entropy, nonce: Mutex::default() })
    }

    /// Whose phones they are.
    pub(crate) fn people(&self) -> impl Iterator<Item = UserId> {
        self.all.iter().map(|phone| phone.user)
    }

    fn fresh(&self) -> Freshness {
        let nonce = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Freshness { iat: SystemClock.now().seconds(), jti: self.entropy.bytes(), nonce }
    }

    /// Fetches a nonce; the server gives out the same one for minutes.
    pub(crate) async fn synchronize(&self, wire: &mut Wire) -> Result<()> {
        let call = nod_device::Call::me();
        let phone = self.all.first().ok_or("no phone")?;
        let answer = wire.send(self.proved(&call, phone)?).await?;
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = answer.nonce;
        Ok(())
    }

    fn proved(&self, call: &nod_device::Call, phone: &Phone) -> Result<Request<Full<Bytes>>> {
        let proof = call.prove(&self.issuer, &phone.key, &self.fresh())?;
        let url = call.url(&self.issuer);
        let path = url.strip_prefix(ISSUER).ok_or("an address elsewhere")?;
        let method = match call.method() {
            nod_device::proof::Method::Get => Method::GET,
            nod_device::proof::Method::Post => Method::POST,
            nod_device::proof::Method::Put => Method::PUT,
            nod_device::proof::Method::Delete => Method::DELETE,
        };
        let mut request = request(method, path, call.body().map(Bytes::copy_from_slice).unwrap_or_default());
        request.headers_mut().insert("device-proof", HeaderValue::from_str(&proof)?);
        if call.body().is_some() {
            request.headers_mut().insert(header::CONTENT_TYPE, JSON);
        }
        Ok(request)
    }

    /// The request by which a person says yes.
    pub(crate) async fn approval(
        &self,
        source: &Source,
        wire: &mut Wire,
        person: usize,
        party: &RelyingParty,
        auth_req_id: &str,
    ) -> Result<Request<Full<Bytes>>> {
        let phone = self.all.get(person).ok_or("nobody")?;
        let notification = match source {
            Source::Store(requests) => self.peek(requests, phone, party, auth_req_id).await?,
            Source::Inbox => self.fetch(wire, phone).await?,
        };
        let now = nod_device::Timestamp::from_millis(SystemClock.now().millis());
        let installation = nod_device::InstallationId::new(phone.installation.uuid());
        let call = decide::approve(&notification, installation, None, &["pin".to_owned()], now)?;
        self.proved(&call, phone)
    }

    async fn fetch(&self, wire: &mut Wire, phone: &Phone) -> Result<Notification> {
        let request = self.proved(&nod_device::Call::pending(), phone)?;
        let body = wire.send(request).await?.expect(200)?;
        let pending: nod_device::messages::Pending = serde_json::from_slice(&body)?;
        pending.notifications.into_iter().next().ok_or_else(|| "no question".into())
    }

    async fn peek(
        &self,
        requests: &Shelf<AuthenticationRequest>,
        phone: &Phone,
        party: &RelyingParty,
        auth_req_id: &str,
    ) -> Result<Notification> {
        let request = requests.get(&AuthReqId::presented(auth_req_id).digest()).await?.ok_or("no such request")?;
        let client = self.clients.iter().find(|client| client.id == party.id).ok_or("no such client")?;
        let prompt = Prompt::new(&request, client);
        let time = |at: Timestamp| nod_device::Timestamp::from_millis(at.millis());
        Ok(Notification {
            notification_id: nod_device::NotificationId::new(request.notification.uuid()),
            device_id: nod_device::DeviceId::new(phone.device.uuid()),
            user_id: nod_device::UserId::new(phone.user.uuid()),
            kind: Kind::Authentication,
            title: prompt.title,
            body: prompt.body,
            client_context: prompt.context,
            new_device: None,
            number_matching: None,
            issued_at: time(request.issued_at),
            expires_at: time(request.expires_at),
            timeout_duration: 0,
        })
    }
}

/// The configuration of the measured server, as an operator would write it.
pub(crate) fn configuration(
    home: &Path,
    public: std::net::SocketAddr,
    ops: std::net::SocketAddr,
    database: &str,
    ephemeral: &str,
) -> String {
    format!(
        r#"issuer = "{ISSUER}"
listen = {{ public = "{public}", ops = "{ops}" }}
proxy.trusted = ["127.0.0.1/32"]
database.url = "{database}"
ephemeral = {{ url = "{ephemeral}", prefix = "{PREFIX}" }}
keys.master_key_file = "{home}/master-key"
[limits]
requests_per_user = 1000
requests_per_client_and_user = 1000
backchannel_requests = 10000000
questions_per_user = 10000000
introspections = 10000000
"#,
        home = home.display()
    )
}

pub(crate) const PREFIX: &str = "nod:";
