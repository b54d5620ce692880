//! The clients of dev mode.

use crate::clock::Timestamp;
use crate::domain::client::{
    AccessTokenFormat, Authentication, Backchannel, Client, Delivery, GrantType, Logout, NumberMatching, Pages,
    Requests, Secrets, SignIn, StoredSecret,
};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::id::ClientId;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;
use crate::secret::Digest;

/// Those with secrets, their names and these, published: they open nothing but dev mode, and other people's
/// scripts know them. They differ in how they are told of an answer.
pub(in crate::cli) const CLIENTS: [(&str, &str, &str); 2] =
    [("shop", "Demo Shop", "shop-secret"), (PINGED, "Demo Shop (ping)", "shop-ping-secret")];

/// The one in ping mode [CIBA §5].
pub(super) const PINGED: &str = "shop-ping";

/// Where it is told, unless somebody gave it an address of their own: on a page of dev mode.
const INBOX: &str = "/dev/inbox/ping";

/// Where the shop of dev mode may have its answers sent: any port of this machine.
const CALLBACKS: [&str; 2] = ["http://localhost:*/callback", "http://127.0.0.1/callback"];

/// Where it may have people sent who were signed out.
const SIGNED_OUT: [&str; 2] = ["http://localhost:*/", "http://127.0.0.1/"];

/// [CIBA §10.2] `backchannel_client_notification_endpoint` of a client that is told there.
pub(super) fn inbox(issuer: &str) -> String {
    format!("{issuer}{INBOX}")
}

/// Whether it is told in the inbox of another port. Whoever gave it an address of their own keeps that.
pub(super) fn is_told_elsewhere(client: &Client, inbox: &str) -> bool {
    let told = client.notification_endpoint();
    told.is_some_and(|at| at != inbox && at.starts_with("http://localhost:") && at.ends_with(INBOX))
}

pub(super) fn told_at(inbox: String, client: Client) -> Client {
    let ping = |backchannel: Backchannel| Backchannel { delivery: Delivery::Ping { endpoint: inbox }, ..backchannel };
    Client { backchannel: client.backchannel.map(ping), ..client }
}

pub(super) fn client(id: &str, name: &str, secret: &str, issuer: &str, now: Timestamp) -> Option<Client> {
    let delivery = if id == PINGED { Delivery::Ping { endpoint: inbox(issuer) } } else { Delivery::Poll };
    Some(Client {
        id: ClientId::parse(id)?,
        name: name.to_owned(),
        disabled: false,
        authentication: Authentication::ClientSecretBasic(Secrets(vec![StoredSecret {
            digest: Digest::of(secret.as_bytes()),
            expires_at: None,
        }])),
        grants: [GrantType::AuthorizationCode, GrantType::Ciba, GrantType::DeviceCode, GrantType::RefreshToken].into(),
        scope: Scope::parse("openid profile email")?,
        id_token_signed_response_alg: Algorithm::ES256,
        access_token_format: AccessTokenFormat::Jwt,
        resources: Vec::new(),
        protected_resources: Vec::new(),
        userinfo_signed_response_alg: None,
        introspection_signed_response_alg: None,
        dpop_bound_access_tokens: false,
        tls_client_certificate_bound_access_tokens: false,
        backchannel: Some(Backchannel {
            delivery,
            number_matching: Some(NumberMatching::Pick),
            long_poll: false,
            request_signing_alg: None,
            user_code: false,
            require_hint_token: false,
            keys: None,
        }),
        sign_in: Some(SignIn { require_pkce: false, ..sign_in()? }),
        registered: None,
        token_exchange: None,
        may_act: None,
        pairwise: None,
        security_profile: None,
        pages: Pages::default(),
        created_at: now,
    })
}

fn sign_in() -> Option<SignIn> {
    let parsed = |uris: &[&str]| uris.iter().map(|uri| RedirectUri::parse(uri).ok()).collect::<Option<Vec<_>>>();
    Some(SignIn {
        redirect_uris: parsed(&CALLBACKS)?,
        post_logout_redirect_uris: parsed(&SIGNED_OUT)?,
        response_types: vec![ResponseType::Code],
        redirectless: true,
        cookieless: false,
        policy: None,
        implied_consent: false,
        require_pkce: true,
        logout: Logout::default(),
        requests: Requests::default(),
        authorization_signed_response_alg: None,
        authorization_encrypted_response: None,
    })
}

/// A page that runs in the browser alone [RFC 6749 §2.1].
pub(super) fn spa(now: Timestamp) -> Option<Client> {
    Some(Client {
        authentication: Authentication::None,
        grants: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        backchannel: None,
        sign_in: Some(sign_in()?),
        ..client("spa", "Demo App", "", "", now)?
    })
}
