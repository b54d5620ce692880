//! Which key does the caller have? What a DPoP proof [RFC 9449 §4.3] shows, once for each proof; or the certificate of
//! the connection [RFC 8705 §3].

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::client::Client;
use crate::domain::profile::Demands;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::client_certificate::ClientCertificate;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::dpop::{self, Call, Fitting, ProofClaims};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::jwt::{Thumbprint, VerificationKey, Verified};
use crate::store::ephemeral::Replay;
use crate::store::kept::Kept;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::authenticate_device::Nonces;

pub struct ProvePossession {
    pub replay: Replay,
    pub nonces: Nonces,
    /// Reading a key costs more than using it, and a client has the same one at each call.
    pub keys: Kept<(Thumbprint, Algorithm), VerificationKey>,
    pub clock: Arc<dyn Clock>,
    pub issuer: String,
    /// What the addresses of the second port begin with [RFC 8705 §5].
    pub alias: Option<String>,
}

/// A call as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// `None`: none came along.
    pub proof: Option<&'a str>,
    pub method: &'a str,
    /// Below the issuer, without query.
    pub path: &'a str,
    pub access_token: Option<&'a str>,
    /// That of the connection.
    pub certificate: Option<&'a ClientCertificate>,
}

impl ProvePossession {
    /// What the tokens that a client asks for are bound to. `None`: nothing.
    pub async fn of_client(
        &self,
        client: &AuthenticatedClient,
        shown: &Shown<'_>,
    ) -> Result<Option<Confirmation>, Error> {
        let bound_to = if client.tls_client_certificate_bound_access_tokens {
            Some(self.certificate(shown)?)
        } else {
            self.of_request(client, shown).await?.map(Confirmation::Key)
        };
        suffices(client, &client.demands(), bound_to)?;
        Ok(bound_to)
    }

    /// What the tokens of a client are bound to that is registered so [RFC 8705 §3.4].
    fn certificate(&self, shown: &Shown<'_>) -> Result<Confirmation, Error> {
        if shown.proof.is_some() {
            return Err(dpop::NOT_TO_A_KEY.into());
        }
        let certificate = shown.certificate.ok_or(NO_CERTIFICATE)?;
        certificate.is_current(self.clock.now()).map_err(|error| NO_CERTIFICATE.because(error.to_string()))?;
        Ok(Confirmation::Certificate(certificate.thumbprint()))
    }

    /// The key that a client shows along with an authorization request [RFC 9449 §10.1], if it does.
    pub async fn of_request(
        &self,
        client: &AuthenticatedClient,
        shown: &Shown<'_>,
    ) -> Result<Option<Thumbprint>, Error> {
        match shown.proof {
            // Tokens of another binding could not be fetched with what this leads to.
            Some(_) if client.tls_client_certificate_bound_access_tokens => Err(dpop::NOT_TO_A_KEY.into()),
            // In a box: few calls have one, and each would carry the room for it.
            Some(proof) => Ok(Some(Box::pin(self.prove(proof, shown, client.demands().algorithms)).await?)),
            None => Ok(None),
        }
    }

    /// Whether whoever shows an access token has what it is bound to. A key is not bound to an algorithm, so which
    /// ones are allowed is asked of each proof.
    pub async fn of_holder(
        &self,
        bound_to: Confirmation,
        shown: &Shown<'_>,
        allowed: &[Algorithm],
    ) -> Result<(), Error> {
        let refused = |why| Refusal::new(ErrorCode::InvalidToken, why);
        match bound_to {
            Confirmation::Key(key) => {
                let proof = shown.proof.ok_or(dpop::refused("The access token needs a DPoP proof."))?;
                if self.prove(proof, shown, allowed).await? == key {
                    return Ok(());
                }
                Err(refused("The access token is bound to another key than that of the DPoP proof.").into())
            }
            Confirmation::Certificate(thumbprint) => {
                let current = |shown: &&ClientCertificate| shown.is_current(self.clock.now()).is_ok();
                match shown.certificate.filter(current) {
                    Some(certificate) if certificate.thumbprint() == thumbprint => Ok(()),
                    Some(_) | None => {
                        Err(refused("The access token is bound to another certificate than that of the connection.")
                            .into())
                    }
                }
            }
        }
    }

    /// The key of a proof that was made for this call and is now spent.
    #[tracing::instrument(level = "debug", name = "prove_possession", skip_all)]
    async fn prove(&self, proof: &str, shown: &Shown<'_>, allowed: &[Algorithm]) -> Result<Thumbprint, Error> {
        let now = self.clock.now();
        let uri = format!("{}{}", self.issuer, shown.path);
        let alias = self.alias.as_ref().map(|alias| format!("{alias}{}", shown.path));
        let (method, alias, access_token) = (shown.method, alias.as_deref(), shown.access_token);
        let call = Call { method, uri: &uri, alias, access_token };
        let Read { key, key_is_new, fitting } = self.read(proof, &call, allowed, now)?;
        let thumbprint = key.thumbprint();
        match &fitting.nonce {
            Some(nonce) if self.nonces.accepts(nonce, now) => {}
            Some(_) | None => {
                let why = "The DPoP proof needs the nonce of this answer.";
                return Err(Refusal::new(ErrorCode::UseDpopNonce, why).into());
            }
        }
        // [RFC 9449 §11.1] last, so that what is good for nothing leaves no mark.
        if !self.replay.first_use(thumbprint.as_bytes(), fitting.jti.as_bytes(), dpop::REMEMBER).await? {
            return Err(dpop::refused("The DPoP proof was used before.").into());
        }
        if key_is_new {
            self.keys.insert((thumbprint, key.algorithm()), key);
        }
        Ok(thumbprint)
    }

    fn read(&self, proof: &str, call: &Call<'_>, allowed: &[Algorithm], now: Timestamp) -> Result<Read, Refusal> {
        let proof = dpop::parse(proof)?;
        if !allowed.contains(&proof.algorithm()) {
            return Err(dpop::refused("The security profile does not allow the algorithm of the DPoP proof."));
        }
        let unusable =
            |error| dpop::refused("The key of the DPoP proof is not usable.").because(format!("DPoP: {error}"));
        let (key, key_is_new) = match self.keys.get(&(proof.thumbprint(), proof.algorithm())) {
            Some(key) => (key, false),
            None => (proof.verification_key().map_err(unusable)?, true),
        };
        let claims: ProofClaims = proof.verify(&key).map(Verified::into_claims).map_err(dpop::unverified)?;
        Ok(Read { key, key_is_new, fitting: dpop::accept(claims, call, now)? })
    }
}

const NO_CERTIFICATE: Refusal = Refusal::invalid_request("The client needs a TLS certificate that is valid now.");

/// Whether tokens that are bound so may be given to a client, as it is registered.
pub fn suffices(client: &Client, demands: &Demands, bound_to: Option<Confirmation>) -> Result<(), Refusal> {
    match (bound_to, client.tls_client_certificate_bound_access_tokens) {
        (Some(Confirmation::Key(_)), true) => Err(dpop::NOT_TO_A_KEY),
        (None, true) => Err(NO_CERTIFICATE),
        // [RFC 9449 §5.2] registered so, its tokens are never bearer tokens.
        (Some(Confirmation::Certificate(_)) | None, false) if client.dpop_bound_access_tokens => {
            Err(dpop::refused("The client needs a DPoP proof."))
        }
        // [RFC 8705 §3.4] by its registration alone.
        (Some(Confirmation::Certificate(_)), false) => {
            Err(Refusal::invalid_request("The tokens of the client are not bound to its certificate any more."))
        }
        // [FAPI 2 §5.3.2.1, FAPI 1 Advanced §5.2.2]
        (None, false) if demands.bound => Err(Refusal::invalid_request(
            "The security profile demands bound access tokens: send a DPoP proof, or register tls_client_certificate_bound_access_tokens.",
        )),
        (Some(Confirmation::Certificate(_)), true) | (Some(Confirmation::Key(_)) | None, false) => Ok(()),
    }
}

/// A proof that was made for this call.
struct Read {
    key: VerificationKey,
    /// Not one of those that are kept.
    key_is_new: bool,
    fitting: Fitting,
}
