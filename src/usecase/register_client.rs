//! Clients that register themselves, and look after what they registered [RFC 7591, RFC 7592].

mod worded;

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use self::worded::worded;
use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::client::{Client, GrantType, Secrets, SelfRegistered};
use crate::domain::profile::Profiles;
use crate::metrics::Limit;
use crate::outbound::egress::Egress;
use crate::protocol::admin_scope::is_administrative;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{ClientId, InitialToken, RegistrationToken};
use crate::protocol::public_id::Kind;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::registration::Wanted;
use crate::protocol::scope::Scope;
use crate::protocol::software_statement;
use crate::protocol::trusted_issuers::TrustedIssuers;
use crate::secret::{Digest, Secret};
use crate::store::ephemeral::Attempts;
use crate::store::sql::clients::Clients;
use crate::store::sql::registration::Registration;
use crate::usecase::Error;
use crate::usecase::admin::Desk;
use crate::usecase::admin::client_metadata::ClientMetadata;
use crate::usecase::admin::clients::stored;
use crate::usecase::certificates::{Certificates, OF_AN_AUTHORITY, SELF_SIGNED};
use crate::usecase::limit::{Most, limit};
use crate::usecase::sector::{NOT_LISTED, Vouched};

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Nobody,
    /// Whoever has an initial access token.
    Invited,
    Anybody,
}

pub struct RegisterClient {
    pub admission: Admission,
    /// Registrations an hour, from one network.
    pub most: u32,
    pub registration: Registration,
    pub clients: Clients,
    pub attempts: Attempts,
    pub egress: Egress,
    pub profiles: Profiles,
    pub trusted: TrustedIssuers,
    pub desk: Desk,
    pub issuer: String,
    pub certificates: Certificates,
}

/// A client, and what it is told of it.
#[derive(Debug)]
pub struct Told {
    pub client: Client,
    pub secret: Option<Secret<String>>,
    pub token: RegistrationToken,
}

const WINDOW: Duration = Duration::from_secs(3600);

/// What a client may have that nobody has looked at.
const OPEN_SCOPES: [&str; 6] = ["openid", "profile", "email", "phone", "address", "offline_access"];

impl RegisterClient {
    #[tracing::instrument(level = "debug", name = "register_client", skip_all)]
    pub async fn register(&self, token: Option<&str>, wanted: &Wanted, from: IpAddr) -> Result<Told, Error> {
        let now = self.desk.now();
        self.admit(from).await?;
        let token = self.invited(token)?;
        let id = self.desk.fresh(Kind::Client, ClientId::parse)?;
        let own = RegistrationToken::new(self.desk.entropy.token());
        let mut client = self.described((id, own.digest()), wanted, None, token.is_some(), now)?;
        let vouched = Vouched::of(Some(&self.egress), &client, None).await;
        belongs_to_its_sector(&vouched, &client)?;
        let secret = self.give_secret(&mut client);
        let event = self.event(Action::ClientRegistered, &client.id, now);
        let digest = token.as_ref().map(InitialToken::digest);
        if !self.registration.register(&client, digest.as_ref(), &event, now).await? {
            return Err(invalid_token("the initial access token is unknown, expired, or used up").into());
        }
        Ok(Told { client, secret, token: own })
    }

    /// [RFC 7592 §2.1]
    pub async fn read(&self, id: &str, token: Option<&str>) -> Result<Told, Error> {
        let (id, token) = presented(id, token)?;
        let client = self.clients.find(&id).await?.filter(|client| belongs(client, &token));
        let client = client.ok_or_else(|| invalid_token("no such client, or not its token"))?;
        Ok(Told { client, secret: None, token })
    }

    /// Everything that is registered, anew; and a new token, for the one that was sent is used up [RFC 7592 §2.2].
    #[tracing::instrument(level = "debug", name = "update_own_registration", skip_all)]
    pub async fn replace(&self, id: &str, token: Option<&str>, wanted: &Wanted) -> Result<Told, Error> {
        let now = self.desk.now();
        let (id, token) = presented(id, token)?;
        if wanted.client_id.as_deref() != Some(id.as_str()) {
            return Err(refused("client_id is that of the registration.").into());
        }
        if wanted.has_what_is_ours() {
            return Err(refused("Members of the answer that are not registered are not sent back.").into());
        }
        let event = self.event(Action::ClientUpdated, &id, now);
        let own = RegistrationToken::new(self.desk.entropy.token());
        let mut given = None;
        let vouched = self.vouched(&id, &token, wanted, now).await?;
        let change = |_: Option<Client>, before: Client| {
            if !belongs(&before, &token) {
                return Err(invalid_token("not the token of this client"));
            }
            if let Some(secret) = &wanted.client_secret
                && !has_secret(&before, secret, now)
            {
                return Err(refused("client_secret is the one that was given, or left out."));
            }
            let mut client = self.described((before.id.clone(), own.digest()), wanted, Some(&before), false, now)?;
            belongs_to_its_sector(&vouched, &client)?;
            given = if has_secrets(&client) { None } else { self.give_secret(&mut client) };
            Ok(client)
        };
        let changed = self.clients.update_if(&id, None, &event, now, change).await?;
        let client = changed.ok_or_else(|| invalid_token("no such client"))??;
        Ok(Told { client, secret: given, token: own })
    }

    /// What the sector says of the client as it is to be. Nobody is called for whoever has not the client's token.
    async fn vouched(
        &self,
        id: &ClientId,
        token: &RegistrationToken,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Vouched, Error> {
        let before = self.clients.find(id).await?.filter(|client| belongs(client, token));
        let before = before.ok_or_else(|| invalid_token("no such client, or not its token"))?;
        let client = self.described((before.id.clone(), token.digest()), wanted, Some(&before), false, now)?;
        Ok(Vouched::of(Some(&self.egress), &client, Some(&before)).await)
    }

    /// [RFC 7592 §2.3]
    pub async fn remove(&self, id: &str, token: Option<&str>) -> Result<(), Error> {
        let now = self.desk.now();
        let (id, token) = presented(id, token)?;
        let event = self.event(Action::ClientDeleted, &id, now);
        // No native application names one that looks after itself.
        let check = |_: Option<&Client>, client: &Client, _: bool| {
            if belongs(client, &token) { Ok(()) } else { Err(invalid_token("not the token of this client")) }
        };
        let deleted = self.clients.delete_if(&id, None, &event, now, check).await?;
        Ok(deleted.ok_or_else(|| invalid_token("no such client"))??)
    }

    async fn admit(&self, from: IpAddr) -> Result<(), Error> {
        let most = Most { what: "registration", times: self.most, window: WINDOW, limit: Limit::Registrations };
        match limit(&self.attempts, most, from.to_string().as_bytes()).await? {
            Some(retry_after) => Err(Error::TooMany { retry_after }),
            None => Ok(()),
        }
    }

    fn invited(&self, token: Option<&str>) -> Result<Option<InitialToken>, Refusal> {
        match (self.admission, token) {
            (Admission::Invited, None) => Err(invalid_token("an initial access token is required")),
            (Admission::Nobody, _) => Err(invalid_token("nobody may register")),
            (Admission::Invited | Admission::Anybody, token) => Ok(token.map(InitialToken::presented)),
        }
    }

    /// The client that was described. `invited`: somebody wanted it to be here.
    fn described(
        &self,
        (id, token): (ClientId, Digest<RegistrationToken>),
        wanted: &Wanted,
        before: Option<&Client>,
        invited: bool,
        now: Timestamp,
    ) -> Result<Client, Refusal> {
        let believed = match wanted.software_statement.as_deref() {
            None => None,
            Some(statement) => {
                let algorithms = self.profiles.of_all().algorithms;
                let said = software_statement::believe(&self.trusted, statement, algorithms, now)?;
                Some(wanted.clone().under(said))
            }
        };
        let wanted = believed.as_ref().unwrap_or(wanted);
        let own = before.and_then(|before| before.registered.as_ref());
        let invited = own.map_or(invited, |own| own.invited);
        let registered = SelfRegistered { token, invited, about: wanted.about()? };
        self.certificates_arrive(wanted)?;
        let mut metadata = metadata(wanted, before, invited)?;
        let usual = self.profiles.of_all().usual().unwrap_or(Algorithm::ES256);
        metadata.id_token_signed_response_alg.get_or_insert_with(|| usual.as_str().to_owned());
        let mut client = metadata.client(id, before, Some(&self.egress), now).map_err(|problems| worded(&problems))?;
        if before.is_some_and(|before| goes_beyond(&client, before))
            && let Some(sign_in) = &mut client.sign_in
        {
            sign_in.implied_consent = false;
        }
        if client.scope.names().any(is_administrative) {
            return Err(refused("scope: what begins with nod: is not for clients that register themselves."));
        }
        // Somebody's phone would ring for whoever asks, or somebody connect what is not theirs.
        if !invited && (client.may(GrantType::Ciba) || client.may(GrantType::DeviceCode)) {
            return Err(refused("grant_types: CIBA and the device grant need an initial access token."));
        }
        if before.is_some_and(|before| loses_an_operators_word(&client, before)) {
            return Err(refused("grant_types: what an operator demands of one of them is not left behind with it."));
        }
        // For what, an operator says.
        if client.may(GrantType::TokenExchange) && before.is_none_or(|before| !before.may(GrantType::TokenExchange)) {
            return Err(refused("grant_types: token exchange is not for clients that register themselves."));
        }
        if let Some(unmet) = self.profiles.of(&client).unmet_by(&client).next() {
            return Err(refused(unmet.description()));
        }
        Ok(Client { registered: Some(registered), ..client })
    }

    /// What nobody could use is not promised.
    fn certificates_arrive(&self, wanted: &Wanted) -> Result<(), Refusal> {
        let method = wanted.token_endpoint_auth_method.as_deref().unwrap_or_default();
        let unknown =
            [OF_AN_AUTHORITY, SELF_SIGNED].contains(&method) && !self.certificates.methods().contains(&method);
        if unknown || wanted.tls_client_certificate_bound_access_tokens == Some(true) && !self.certificates.arrive {
            return Err(refused("Client certificates do not get here: see the metadata of the server."));
        }
        Ok(())
    }

    fn give_secret(&self, client: &mut Client) -> Option<Secret<String>> {
        let secrets = client.authentication.secrets_mut()?;
        let secret = self.desk.entropy.token();
        *secrets = Secrets(vec![stored(&secret)]);
        Some(secret)
    }

    fn event(&self, action: Action, client: &ClientId, now: Timestamp) -> Event {
        Event::new(self.desk.entropy.ordered_uuid(now), now, action).client(client)
    }

    /// What the client information response [RFC 7591 §3.2.1, RFC 7592 §3] is read from. What is between us and
    /// the operator is no member of that.
    pub fn information(&self, told: &Told) -> Map<String, Value> {
        let Told { client, secret, token } = told;
        let mut members = Map::new();
        let mut all = [
            serde_json::to_value(ClientMetadata::of(client)).unwrap_or_default(),
            serde_json::to_value(client.registered.as_ref().map(|registered| &registered.about)).unwrap_or_default(),
        ];
        for value in &mut all {
            if let Some(some) = value.as_object_mut() {
                members.append(some);
            }
        }
        if client.sign_in.is_none() {
            members.insert("response_types".to_owned(), json!([]));
        }
        members.insert("client_id".to_owned(), json!(client.id));
        members.insert("client_id_issued_at".to_owned(), json!(client.created_at.seconds()));
        if let Some(secret) = secret {
            members.insert("client_secret".to_owned(), json!(secret.expose()));
        }
        if has_secrets(client) {
            members.insert("client_secret_expires_at".to_owned(), json!(0));
        }
        members.insert("registration_access_token".to_owned(), json!(token.expose()));
        members.insert("registration_client_uri".to_owned(), json!(format!("{}{PATH}/{}", self.issuer, client.id)));
        members
    }
}

/// Where clients register, below the issuer.
pub const PATH: &str = "/as/clients.oauth2";

fn metadata(wanted: &Wanted, before: Option<&Client>, invited: bool) -> Result<ClientMetadata, Refusal> {
    let kept = before.map(ClientMetadata::of).unwrap_or_default();
    let public = wanted.token_endpoint_auth_method.as_deref() == Some("none");
    // [RFC 7591 §2] what is left out is asked for all the same.
    let code = || vec![GrantType::AuthorizationCode.as_str().to_owned()];
    let grant_types = wanted.grant_types.clone().unwrap_or_else(code);
    let asked = |grant: GrantType| grant_types.iter().any(|name| name == grant.as_str());
    let signs_in = asked(GrantType::AuthorizationCode) || asked(GrantType::Implicit);
    let ciba = asked(GrantType::Ciba);
    let exchanges = asked(GrantType::TokenExchange);
    let scope = scope(wanted, invited)?;
    let with_keys = wanted.uses_keys();
    Ok(ClientMetadata {
        client_name: wanted.client_name.clone().filter(|name| !name.is_empty()),
        // It says so of itself: see `Wanted::about`.
        client_uri: None,
        logo_uri: None,
        policy_uri: None,
        tos_uri: None,
        token_endpoint_auth_method: wanted.token_endpoint_auth_method.clone(),
        token_endpoint_auth_signing_alg: wanted.token_endpoint_auth_signing_alg.clone(),
        tls_client_auth_subject_dn: wanted.tls_client_auth_subject_dn.clone(),
        tls_client_auth_san_dns: wanted.tls_client_auth_san_dns.clone(),
        tls_client_auth_san_uri: wanted.tls_client_auth_san_uri.clone(),
        tls_client_auth_san_ip: wanted.tls_client_auth_san_ip.clone(),
        tls_client_auth_san_email: wanted.tls_client_auth_san_email.clone(),
        jwks: wanted.jwks.clone().filter(|_| with_keys),
        jwks_uri: wanted.jwks_uri.clone().filter(|_| with_keys),
        grant_types: Some(grant_types),
        redirect_uris: wanted.redirect_uris.clone(),
        post_logout_redirect_uris: wanted.post_logout_redirect_uris.clone(),
        backchannel_logout_uri: wanted.backchannel_logout_uri.clone(),
        backchannel_logout_session_required: wanted.backchannel_logout_session_required,
        frontchannel_logout_uri: wanted.frontchannel_logout_uri.clone(),
        frontchannel_logout_session_required: wanted.frontchannel_logout_session_required,
        response_types: wanted.response_types.clone(),
        require_pushed_authorization_requests: wanted.require_pushed_authorization_requests,
        require_signed_request_object: wanted.require_signed_request_object,
        request_object_signing_alg: wanted.request_object_signing_alg.clone(),
        request_uris: wanted.request_uris.clone(),
        authorization_signed_response_alg: wanted.authorization_signed_response_alg.clone(),
        authorization_encrypted_response_alg: wanted.authorization_encrypted_response_alg.clone(),
        authorization_encrypted_response_enc: wanted.authorization_encrypted_response_enc.clone(),
        // An administrator says what else it may have.
        authorization_details_types: kept.authorization_details_types.filter(|_| signs_in),
        resources: kept.resources,
        protected_resources: kept.protected_resources,
        redirectless: kept.redirectless.filter(|_| signs_in),
        cookieless: kept.cookieless.filter(|_| signs_in),
        sign_on_policy: kept.sign_on_policy.filter(|_| signs_in),
        implied_consent: kept.implied_consent.filter(|_| signs_in),
        // The specifications leave it to clients that can keep a secret.
        require_pkce: signs_in.then(|| kept.require_pkce.unwrap_or(public) || public),
        scope,
        id_token_signed_response_alg: wanted.id_token_signed_response_alg.clone(),
        backchannel_token_delivery_mode: wanted.backchannel_token_delivery_mode.clone(),
        backchannel_client_notification_endpoint: wanted.backchannel_client_notification_endpoint.clone(),
        backchannel_authentication_request_signing_alg: wanted.backchannel_authentication_request_signing_alg.clone(),
        backchannel_user_code_parameter: wanted.backchannel_user_code_parameter,
        require_hint_token: kept.require_hint_token.filter(|_| ciba),
        access_token_format: kept.access_token_format,
        userinfo_signed_response_alg: wanted.userinfo_signed_response_alg.clone(),
        introspection_signed_response_alg: wanted.introspection_signed_response_alg.clone(),
        dpop_bound_access_tokens: wanted.dpop_bound_access_tokens,
        tls_client_certificate_bound_access_tokens: wanted.tls_client_certificate_bound_access_tokens,
        token_exchange_audiences: kept.token_exchange_audiences.filter(|_| exchanges),
        token_exchange_impersonation: kept.token_exchange_impersonation.filter(|_| exchanges),
        may_act: kept.may_act,
        subject_type: wanted.subject_type.clone(),
        sector_identifier_uri: wanted.sector_identifier_uri.clone(),
        security_profile: kept.security_profile,
        number_matching: kept.number_matching.filter(|_| ciba),
        long_poll: kept.long_poll.filter(|_| ciba),
        disabled: kept.disabled,
    })
}

/// [RFC 7591 §2] the server may replace what is asked for.
fn scope(wanted: &Wanted, invited: bool) -> Result<Option<String>, Refusal> {
    let Some(text) = wanted.scope.as_deref().filter(|_| !invited) else { return Ok(wanted.scope.clone()) };
    let scope = Scope::parse(text).ok_or_else(|| refused("scope is a list of names, separated by spaces."))?;
    let open: Vec<&str> = scope.names().filter(|name| OPEN_SCOPES.contains(name)).collect();
    if open.is_empty() {
        Err(refused("scope has nothing that is given without an initial access token."))
    } else {
        Ok(Some(open.join(" ")))
    }
}

fn belongs_to_its_sector(vouched: &Vouched, client: &Client) -> Result<(), Refusal> {
    if vouched.covers(client) { Ok(()) } else { Err(worded(&[NOT_LISTED])) }
}

/// Whether it asks for more than before, or elsewhere: of that, whoever agreed to it in people's place knew
/// nothing.
fn goes_beyond(client: &Client, before: &Client) -> bool {
    let known = redirect_uris(before);
    !client.scope.is_within(&before.scope) || redirect_uris(client).iter().any(|uri| !known.contains(uri))
}

/// [security.md case 145] whether it leaves a way behind that an operator made narrower. Who could would come back
/// later, and find it as wide as ever.
fn loses_an_operators_word(client: &Client, before: &Client) -> bool {
    let at_sign_in = before.sign_in.as_ref().filter(|_| client.sign_in.is_none()).is_some_and(|sign_in| {
        // A public client's own word has it, too.
        sign_in.policy.is_some() || (sign_in.require_pkce && !before.is_public())
    });
    let on_a_phone = before
        .backchannel
        .as_ref()
        .filter(|_| client.backchannel.is_none())
        .is_some_and(|backchannel| backchannel.require_hint_token || backchannel.number_matching.is_some());
    at_sign_in || on_a_phone
}

fn redirect_uris(client: &Client) -> &[RedirectUri] {
    client.sign_in.as_ref().map(|sign_in| sign_in.redirect_uris.as_slice()).unwrap_or_default()
}

fn presented(id: &str, token: Option<&str>) -> Result<(ClientId, RegistrationToken), Refusal> {
    let token = token.ok_or_else(|| invalid_token("a registration access token is required"))?;
    let id = ClientId::parse(id).ok_or_else(|| invalid_token("no such client"))?;
    Ok((id, RegistrationToken::presented(token)))
}

/// [RFC 7592 §2] one that was switched off has no say either; nor has one that administers.
fn belongs(client: &Client, token: &RegistrationToken) -> bool {
    let own = client.registered.as_ref().is_some_and(|own| own.token.matches(token.expose().as_bytes()));
    own && !client.disabled && !client.scope.names().any(is_administrative)
}

fn has_secrets(client: &Client) -> bool {
    client.authentication.secrets().is_some_and(|secrets| !secrets.0.is_empty())
}

fn has_secret(client: &Client, secret: &Secret<String>, now: Timestamp) -> bool {
    client.authentication.secrets().is_some_and(|secrets| secrets.accept(secret.expose().as_bytes(), now))
}

fn refused(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidClientMetadata, description)
}

fn invalid_token(detail: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidToken, "The token is not valid, or no longer.").because(detail)
}
