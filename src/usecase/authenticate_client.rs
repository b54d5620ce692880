//! Who is the client? The only constructor of [`AuthenticatedClient`].

use std::future::ready;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join;

use crate::clock::{Clock, Timestamp};
use crate::domain::client::{Authentication, Client, GrantType, KeySource};
use crate::domain::profile::{Demands, Profiles};
use crate::metrics::{Limit, metrics};
use crate::outbound::jwks::{JwksCache, JwksError};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::client_assertion::{self, ASSERTION_TYP, AcceptedAssertion, ClientAssertion, OurNames, Tolerance};
use crate::protocol::client_certificate::{Authorities, ClientCertificate};
use crate::protocol::client_credentials::Credentials;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::ClientId;
use crate::protocol::jwt::{JwtError, KeySet, KeySetError, Unverified, Verified};
use crate::protocol::parameters::Parameters;
use crate::store::ephemeral::Replay;
use crate::store::kept::Kept;
use crate::store::sql::directory::Directory;
use crate::usecase::Error;
use crate::usecase::tally::Tally;

/// A client that has proved who it is, in this request.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    profiles: Profiles,
}

impl AuthenticatedClient {
    /// One that has something nobody else has, for what a name alone must not do.
    pub fn confidential(self) -> Result<Self, Refusal> {
        if self.is_public() { Err(Refusal::invalid_client("a public client")) } else { Ok(self) }
    }

    /// [RFC 6749 §5.2] a client has the grants that it is registered for.
    pub fn needs(&self, grant: GrantType) -> Result<(), Refusal> {
        if self.may(grant) { Ok(()) } else { Err(not_registered(grant)) }
    }

    /// For what remembers it.
    pub const fn shared(&self) -> &Arc<Client> {
        &self.client
    }

    /// What it is held to.
    pub fn demands(&self) -> Demands {
        self.profiles.of(&self.client)
    }
}

pub fn not_registered(grant: GrantType) -> Refusal {
    let description = match grant {
        GrantType::AuthorizationCode => "The client is not registered for the authorization_code grant.",
        GrantType::Implicit => "The client is not registered for the implicit grant.",
        GrantType::Ciba => "The client is not registered for the CIBA grant.",
        GrantType::RefreshToken => "The client is not registered for the refresh_token grant.",
        GrantType::ClientCredentials => "The client is not registered for the client_credentials grant.",
        GrantType::DeviceCode => "The client is not registered for the device_code grant.",
        GrantType::TokenExchange => "The client is not registered for the token-exchange grant.",
    };
    Refusal::new(ErrorCode::UnauthorizedClient, description)
}

impl Deref for AuthenticatedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

pub struct AuthenticateClient {
    pub directory: Arc<Directory>,
    pub replay: Replay,
    pub clock: Arc<dyn Clock>,
    /// What an assertion may name as its audience [protocol.md C34]: issuer and direct endpoints.
    pub audiences: Vec<String>,
    pub issuer: String,
    pub profiles: Profiles,
    pub keys: Arc<ClientKeys>,
    /// Whose certificates are worth something with `tls_client_auth`.
    pub authorities: Arc<Authorities>,
    pub failures: Failures,
}

/// A request that wants to be a client's.
#[derive(Debug)]
pub struct Presented<'a> {
    pub authorization: Option<&'a str>,
    pub parameters: &'a Parameters,
    /// That of the connection.
    pub certificate: Option<&'a ClientCertificate>,
    pub from: IpAddr,
}

impl AuthenticateClient {
    pub async fn authenticate(&self, presented: &Presented<'_>) -> Result<AuthenticatedClient, Error> {
        Ok(self.authenticate_meanwhile(presented, ready(())).await?.0)
    }

    /// The same, and something else is read while we wait for the store. It is not begun for whoever
    /// has no valid credentials, and must change nothing: an assertion may turn out to be a repeated one.
    #[tracing::instrument(level = "debug", name = "authenticate_client", skip_all)]
    pub async fn authenticate_meanwhile<T>(
        &self,
        presented: &Presented<'_>,
        reading: impl Future<Output = T>,
    ) -> Result<(AuthenticatedClient, T), Error> {
        let now = self.clock.now();
        let credentials = Credentials::parse(presented.authorization, presented.parameters)?;
        let (id, token) = claimed(&credentials)?;
        self.failures.check(&id, presented.from, now)?;
        let result = self.verify(&id, (&credentials, token.as_ref()), presented.certificate, reading, now).await;
        if matches!(&result, Err(Error::Refused(_))) {
            self.failures.count(&id, presented.from, now);
        }
        result
    }

    async fn verify<T>(
        &self,
        id: &ClientId,
        (credentials, token): (&Credentials, Option<&Unverified<'_>>),
        certificate: Option<&ClientCertificate>,
        reading: impl Future<Output = T>,
        now: Timestamp,
    ) -> Result<(AuthenticatedClient, T), Error> {
        let client = self
            .directory
            .client(id)
            .await?
            .filter(|client| !client.disabled)
            .ok_or_else(|| Refusal::invalid_client("unknown or disabled client"))?;
        let demands = self.profiles.of(&client);
        // [protocol.md C43] only the registered method, whatever else would fit.
        let read = match (&client.authentication, credentials, token) {
            (Authentication::ClientSecretBasic(secrets), Credentials::Basic { secret, .. }, None)
            | (Authentication::ClientSecretPost(secrets), Credentials::Post { secret, .. }, None) => {
                if !secrets.accept(secret.expose().as_bytes(), now) {
                    return Err(Refusal::invalid_client("wrong client secret").into());
                }
                reading.await
            }
            (Authentication::PrivateKeyJwt { keys, alg }, Credentials::Assertion { .. }, Some(token)) => {
                let accepted = self.verify_assertion(&client, (keys, *alg), &demands, token, now).await?;
                let lifetime = accepted.replay_until.since(now);
                let mark = self.replay.first_use(client.id.as_str().as_bytes(), accepted.jti.as_bytes(), lifetime);
                // [RFC 7523 §3] 7: no answer from the store is no permission.
                let (first, read) = join(mark, reading).await;
                if !first? {
                    return Err(Refusal::invalid_client("assertion: jti was used before").into());
                }
                read
            }
            (Authentication::None, Credentials::Public { .. }, None) => reading.await,
            // [RFC 8705 §2] the form says who, and the handshake that it is true.
            (
                Authentication::TlsClientAuth(_) | Authentication::SelfSignedTlsClientAuth { .. },
                Credentials::Public { .. },
                None,
            ) => {
                // In a box: those who do otherwise do not carry the room for it.
                Box::pin(self.verify_certificate(&client, certificate, now)).await?;
                reading.await
            }
            (
                Authentication::None
                | Authentication::ClientSecretBasic(_)
                | Authentication::ClientSecretPost(_)
                | Authentication::PrivateKeyJwt { .. }
                | Authentication::TlsClientAuth(_)
                | Authentication::SelfSignedTlsClientAuth { .. },
                _,
                _,
            ) => return Err(Refusal::invalid_client("not the registered authentication method").into()),
        };
        // Last, so that what is registered is told to the client alone.
        demands.admit(&client)?;
        Ok((AuthenticatedClient { client, profiles: self.profiles }, read))
    }

    async fn verify_certificate(
        &self,
        client: &Arc<Client>,
        certificate: Option<&ClientCertificate>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let certificate = certificate.ok_or_else(|| Refusal::invalid_client("no client certificate"))?;
        let refused = |why: &dyn std::fmt::Display| Refusal::invalid_client(format!("client certificate: {why}"));
        match &client.authentication {
            Authentication::TlsClientAuth(subject) => {
                certificate.proves(subject, &self.authorities, now).map_err(|error| refused(&error))
            }
            Authentication::SelfSignedTlsClientAuth { keys } => {
                certificate.is_current(now).map_err(|error| refused(&error))?;
                let thumbprint = certificate.thumbprint();
                // One that is not there may be new: its set is fetched again.
                let registered = |keys: &KeySet| {
                    if keys.certificates().contains(&thumbprint) { Ok(()) } else { Err(JwtError::UnknownKey) }
                };
                self.keys.verify(client, keys, now, registered).await.map_err(|error| refused(&error))
            }
            Authentication::None
            | Authentication::ClientSecretBasic(_)
            | Authentication::ClientSecretPost(_)
            | Authentication::PrivateKeyJwt { .. } => Err(refused(&"not the registered method")),
        }
    }

    async fn verify_assertion(
        &self,
        client: &Arc<Client>,
        (source, registered): (&KeySource, Option<Algorithm>),
        demands: &Demands,
        token: &Unverified<'_>,
        now: Timestamp,
    ) -> Result<AcceptedAssertion, Error> {
        if !demands.allows(token.algorithm()) {
            return Err(Refusal::invalid_client("assertion: not an algorithm of the security profile").into());
        }
        if registered.is_some_and(|alg| alg != token.algorithm()) {
            return Err(Refusal::invalid_client("assertion: not the registered algorithm").into());
        }
        let verify = |keys: &KeySet| -> Result<Verified<ClientAssertion>, JwtError> {
            keys.verify(token, token.algorithm(), ASSERTION_TYP)
        };
        let verified = self
            .keys
            .verify(client, source, now, verify)
            .await
            .map_err(|error| Refusal::invalid_client(format!("assertion: {error}")))?;
        let names =
            if demands.issuer_as_audience { OurNames::Alone(&self.issuer) } else { OurNames::AnyOf(&self.audiences) };
        Ok(client_assertion::accept(&verified, &client.id, names, &Tolerance::DEFAULT, now)?)
    }
}

/// Whose credentials these claim to be, to find what to check them against; and the assertion among
/// them, read once.
fn claimed(credentials: &Credentials) -> Result<(ClientId, Option<Unverified<'_>>), Refusal> {
    let invalid = |error: JwtError| Refusal::invalid_client(format!("assertion: {error}"));
    match credentials {
        Credentials::Basic { client, .. } | Credentials::Post { client, .. } | Credentials::Public { client } => {
            Ok((client.clone(), None))
        }
        Credentials::Assertion { client, assertion } => {
            let token = Unverified::parse(assertion.expose()).map_err(invalid)?;
            let subject = token
                .untrusted_party()
                .map_err(invalid)?
                .sub
                .as_deref()
                .and_then(ClientId::parse)
                .ok_or_else(|| Refusal::invalid_client("assertion: sub is no client_id"))?;
            // [RFC 7521 §4.2] client_id is optional, and must be the same client when it is there.
            match client {
                Some(client) if *client != subject => {
                    Err(Refusal::invalid_client("client_id differs from the assertion's subject"))
                }
                Some(_) | None => Ok((subject, Some(token))),
            }
        }
    }
}

/// The keys of clients, parsed: parsing one costs more than verifying with it.
pub struct ClientKeys {
    /// Each with the client as it was then: one that was changed is another value.
    parsed: Kept<ClientId, (Arc<Client>, Arc<KeySet>)>,
    jwks: JwksCache,
}

/// Why a token is not believed to be the client's.
#[derive(Debug, thiserror::Error)]
pub enum NotTheClients {
    #[error("registered keys: {0}")]
    Registered(#[from] KeySetError),
    #[error(transparent)]
    Token(#[from] JwtError),
    /// Keys that cannot be fetched are the client's trouble, not an outage of ours.
    #[error(transparent)]
    Fetched(#[from] JwksError),
}

impl ClientKeys {
    pub fn new(jwks: JwksCache) -> Self {
        Self { parsed: Kept::new(10_000), jwks }
    }

    /// Checks a token of a client with its keys, wherever they are.
    pub async fn verify<T>(
        &self,
        client: &Arc<Client>,
        source: &KeySource,
        now: Timestamp,
        verify: impl Fn(&KeySet) -> Result<T, JwtError>,
    ) -> Result<T, NotTheClients> {
        match source {
            KeySource::Jwks(jwks) => Ok(verify(&*self.registered(client, jwks)?)?),
            KeySource::JwksUri(uri) => Ok(self.jwks.verify(uri, now, verify).await?),
        }
    }

    fn registered(&self, client: &Arc<Client>, jwks: &serde_json::Value) -> Result<Arc<KeySet>, KeySetError> {
        if let Some((source, keys)) = self.parsed.get(&client.id)
            && Arc::ptr_eq(&source, client)
        {
            return Ok(keys);
        }
        let bytes = serde_json::to_vec(jwks).unwrap_or_default();
        let keys = Arc::new(KeySet::parse(&bytes)?);
        self.parsed.insert(client.id.clone(), (Arc::clone(client), Arc::clone(&keys)));
        Ok(keys)
    }
}

/// Failed attempts of one client from one address, on this node: enough to make guessing slow,
/// without a way to lock a client out from elsewhere.
#[derive(Clone)]
pub struct Failures {
    tally: Tally<(ClientId, IpAddr)>,
    /// Whether anybody has failed yet. The cache's own count lags behind.
    any: Arc<AtomicBool>,
    limit: u32,
}

impl Failures {
    pub fn new(limit: u32) -> Self {
        Self { tally: Tally::new(Duration::from_secs(60)), any: Arc::default(), limit }
    }

    fn check(&self, client: &ClientId, from: IpAddr, now: Timestamp) -> Result<(), Error> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.tally.look(&(client.clone(), from), now) {
            Some((count, left)) if count >= self.limit => {
                metrics().limited(Limit::ClientAuthentication);
                Err(Error::TooMany { retry_after: left.max(Duration::from_secs(1)) })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn count(&self, client: &ClientId, from: IpAddr, now: Timestamp) {
        self.any.store(true, Ordering::Relaxed);
        self.tally.count((client.clone(), from), now);
    }
}
