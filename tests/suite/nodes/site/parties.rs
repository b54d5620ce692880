//! The clients of a site, registered past all nodes.

use std::sync::Arc;

use nod::domain::audit::Action;
use nod::domain::client::{
    self, AccessTokenFormat, Backchannel, Client, Delivery, GrantType, KeySource, Logout, Pages, Requests, SignIn,
};
use nod::domain::code::{Code, REMEMBER};
use nod::domain::session::{Authentication, Session};
use nod::protocol::acr::Acr;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::authorization_request::ResponseType;
use nod::protocol::extent::Extent;
use nod::protocol::id::{AuthorizationCode, ClientId, RequestId, SessionId, SessionToken, UserId};
use nod::protocol::redirect_uri::RedirectUri;
use nod::protocol::scope::Scope;
use nod::store::sql::clients::Clients;
use nod::store::sql::sessions::Sessions;

use super::Site;
use crate::nodes::people::{CALLBACK, RelyingParty};

impl Site {
    /// A client with `private_key_jwt`, for CIBA and refresh.
    pub(crate) async fn relying_party(&self, id: &str, long_poll: bool) -> RelyingParty {
        self.party(id, Delivery::Poll, long_poll).await
    }

    /// One that is told at `endpoint`.
    pub(crate) async fn pinged_party(&self, id: &str, endpoint: String) -> RelyingParty {
        self.party(id, Delivery::Ping { endpoint }, false).await
    }

    async fn party(&self, id: &str, delivery: Delivery, long_poll: bool) -> RelyingParty {
        let party = RelyingParty::new(id);
        let mut client = self.client(&party, long_poll);
        if let Some(backchannel) = &mut client.backchannel {
            backchannel.delivery = delivery;
        }
        self.registers(client).await;
        party
    }

    /// One that signs people in, without PKCE.
    pub(crate) async fn web_client(&self, id: &str) -> RelyingParty {
        let party = RelyingParty::new(id);
        let sign_in = SignIn {
            redirect_uris: vec![RedirectUri::parse(CALLBACK).expect("an address")],
            post_logout_redirect_uris: Vec::new(),
            response_types: vec![ResponseType::Code],
            redirectless: false,
            cookieless: false,
            policy: None,
            implied_consent: true,
            require_pkce: false,
            logout: Logout::default(),
            requests: Requests::default(),
            authorization_signed_response_alg: None,
            authorization_encrypted_response: None,
        };
        let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken].into();
        let client = Client { grants, backchannel: None, sign_in: Some(sign_in), ..self.client(&party, false) };
        self.registers(client).await;
        party
    }

    /// One that comes for itself, with these scopes.
    pub(crate) async fn server(&self, id: &str, scope: &str) -> RelyingParty {
        let party = RelyingParty::new(id);
        let (grants, scope) = ([GrantType::ClientCredentials].into(), Scope::parse(scope).expect("a scope"));
        self.registers(Client { grants, backchannel: None, scope, ..self.client(&party, false) }).await;
        party
    }

    async fn registers(&self, client: Client) {
        let clients = Clients::new(self.database.clone(), Arc::clone(&self.known));
        assert!(clients.create(&client, &self.event(Action::ClientCreated)).await.expect("a database"));
    }

    fn client(&self, party: &RelyingParty, long_poll: bool) -> Client {
        Client {
            id: ClientId::parse(&party.id).expect("a client_id"),
            name: "Shop".to_owned(),
            disabled: false,
            authentication: client::Authentication::PrivateKeyJwt { keys: KeySource::Jwks(party.jwks()), alg: None },
            grants: [GrantType::Ciba, GrantType::RefreshToken].into(),
            scope: Scope::parse("openid profile").expect("a scope"),
            id_token_signed_response_alg: Algorithm::ES256,
            access_token_format: AccessTokenFormat::Jwt,
            resources: Vec::new(),
            protected_resources: Vec::new(),
            backchannel: Some(Backchannel {
                delivery: Delivery::Poll,
                number_matching: None,
                long_poll,
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
            created_at: self.clock.now(),
        }
    }

    /// What a person's sign-in was worth to a client: the code, and what the grant of it is known by.
    pub(crate) async fn code(&self, client: &RelyingParty, user: UserId) -> (String, RequestId) {
        let now = self.clock.now();
        let authentication = Authentication { at: now, acr: Acr::Password, amr: "pwd".to_owned() };
        let session = Session {
            id: SessionId::new(self.entropy.uuid()),
            token: SessionToken::new(self.entropy.token()).digest(),
            user,
            authentication: authentication.clone(),
            created_at: now,
            seen_at: now,
            second_at: None,
        };
        let sessions = Sessions::new(self.database.clone());
        sessions.begin(&session, None, None, &self.event(Action::SessionBegun)).await.expect("a database");
        let (code, transaction) = (AuthorizationCode::new(self.entropy.token()), RequestId::new(self.entropy.uuid()));
        let worth = Code {
            transaction,
            client: ClientId::parse(&client.id).expect("a client_id"),
            redirect_uri: CALLBACK.to_owned(),
            challenge: None,
            dpop_jkt: None,
            user,
            consent: None,
            session: session.id,
            scope: Scope::parse("openid").expect("a scope"),
            nonce: None,
            extent: Extent::default(),
            authentication,
            password: None,
            device: None,
            enrolment: None,
            issued_at: now,
            burnt: false,
        };
        assert!(self.facts.codes.insert(&code.digest(), &worth, REMEMBER).await.expect("a store"), "drawn twice");
        (code.expose().clone(), transaction)
    }
}
