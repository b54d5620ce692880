//! Our keys: loaded, used, rotated. All nodes work with the same ones; each reads them again when
//! they have changed.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Actor, Event};
use crate::domain::client::Client;
use crate::domain::signing_key::{Due, Schedule, State, StoredKey};
use crate::entropy::Entropy;
use crate::failpoint;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::error::Refusal;
use crate::protocol::id::ClientId;
use crate::protocol::id_token::{self, Hint, HintError};
use crate::protocol::jwt::{
    AcceptedTyp, DecryptionKey, JwtError, KeySet, PublicJwk, SigningKey, Unverified, VerificationKey, Verified,
    published_jwks,
};
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::StoreError;
use crate::store::sql::keys::SigningKeys;

/// The keys of this moment.
#[derive(Default)]
struct Ring {
    signing: Vec<SigningKey>,
    verification: KeySet,
    /// The retired ones too: for ID tokens that come back as hints.
    all: KeySet,
    /// For what is encrypted for us. `None`: nothing was loaded yet.
    decryption: Option<DecryptionKey>,
    jwks: Bytes,
    stamp: Vec<(String, State)>,
}

pub struct KeyRing {
    ring: RwLock<Arc<Ring>>,
    pub issuer: String,
}

impl KeyRing {
    pub fn new(issuer: String) -> Self {
        Self { ring: RwLock::default(), issuer }
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The document behind `jwks_uri`.
    pub fn jwks(&self) -> Bytes {
        self.ring().jwks.clone()
    }

    /// What was encrypted for us as that content type, if it was. See [`DecryptionKey::open`].
    pub fn open(&self, token: &str, cty: &str, max_bytes: usize) -> Option<String> {
        self.ring().decryption.as_ref()?.open(token, cty, max_bytes)
    }

    /// Signs with the algorithm that the client registered.
    pub fn sign<C: Serialize>(&self, client: &Client, typ: &str, claims: &C) -> Result<Secret<String>, StoreError> {
        self.sign_with(client.id_token_signed_response_alg, typ, claims)
    }

    pub fn sign_with<C: Serialize>(&self, alg: Algorithm, typ: &str, claims: &C) -> Result<Secret<String>, StoreError> {
        let ring = self.ring();
        let key = ring
            .signing
            .iter()
            .find(|key| key.algorithm() == alg)
            .ok_or_else(|| StoreError::unavailable("no current signing key of this algorithm"))?;
        key.sign(typ, claims).map_err(StoreError::unavailable)
    }

    /// Verifies a token with the keys that may have signed one that is still worth something.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &Unverified<'_>,
        typ: AcceptedTyp,
    ) -> Result<Verified<C>, JwtError> {
        // The keys are all ours and each is for one algorithm, so the header may choose among them.
        self.ring().verification.verify(token, token.algorithm(), typ)
    }

    /// Whom an `id_token_hint` names [CIBA §7.1]: one of our own ID tokens, for this client; its
    /// age does not matter.
    pub fn subject_of_hint(&self, token: &str, client: &ClientId) -> Result<String, Refusal> {
        id_token::subject_of_hint(token, &self.ring().all, &self.issuer, client).map_err(|error: HintError| {
            Refusal::invalid_request("id_token_hint is not an ID token of this server for this client.")
                .because(error.to_string())
        })
    }

    /// What an `id_token_hint` for any client of ours says [RIL §2].
    pub fn hint(&self, token: &str) -> Result<Hint, HintError> {
        Hint::read(token, &self.ring().all, &self.issuer)
    }
}

/// What became of a rotation by command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    Keys(Vec<(Algorithm, String)>),
    /// The next keys must be published until then.
    NotYet {
        until: Timestamp,
    },
}

/// The key that others encrypt for comes from the master key, and changes with it alone.
const ENCRYPTED_FOR_US: &str = "encrypted for us v1";

/// The keys of one algorithm are in order after two steps; what other nodes do between them may take more.
const STEPS: usize = 4;

/// Keeps the keys in order: creates, announces, promotes, retires, loads.
pub struct TendKeys {
    pub keys: SigningKeys,
    pub ring: Arc<KeyRing>,
    pub master: Arc<MasterKey>,
    pub schedule: Schedule,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl TendKeys {
    /// Does what is due by age, then loads. At first start this makes the first keys.
    pub async fn tend(&self) -> Result<(), StoreError> {
        let mut changed = false;
        for algorithm in Algorithm::SIGNING {
            // What was done may make something else due: a new current key wants a next one. It is looked
            // again and not thought ahead, because other nodes do the same things.
            for _ in 0..STEPS {
                let mut stored = self.keys.load().await?;
                stored.retain(|key| key.algorithm == algorithm);
                let due = self.schedule.due(&stored, self.clock.now());
                if due.is_empty() {
                    break;
                }
                changed = true;
                for due in due {
                    self.perform(algorithm, due, None).await?;
                }
            }
        }
        self.load().await?;
        if changed {
            failpoint::hit("K34");
        }
        Ok(())
    }

    /// Replaces the current key of each algorithm by the next one; or, while one of those has not been
    /// published long enough, none.
    pub async fn rotate(&self, by: Option<&Actor>) -> Result<Rotated, StoreError> {
        // Announces what is missing.
        self.tend().await?;
        let stored = self.keys.load().await?;
        let next = stored.iter().filter(|key| key.state == State::Next);
        let known = next.map(|key| self.schedule.known_from(key)).max();
        match known.filter(|known| self.clock.now() < *known) {
            Some(until) => Ok(Rotated::NotYet { until }),
            None => self.rotate_now(by).await.map(Rotated::Keys),
        }
    }

    /// Replaces the current key of each algorithm now: by the announced one if there is one, else
    /// by a new one. Whoever keeps a copy of the JWKS may not know it: for an emergency.
    pub async fn rotate_now(&self, by: Option<&Actor>) -> Result<Vec<(Algorithm, String)>, StoreError> {
        let mut rotated = Vec::new();
        for algorithm in Algorithm::SIGNING {
            let stored = self.keys.load().await?;
            let next = stored.iter().find(|key| key.algorithm == algorithm && key.state == State::Next);
            let kid = match next {
                Some(next) => next.kid.clone(),
                None => self.create(algorithm, by).await?,
            };
            self.perform(algorithm, Due::Promote(kid.clone()), by).await?;
            failpoint::hit("K35");
            rotated.push((algorithm, kid));
        }
        // Announces the key after this one.
        self.tend().await?;
        Ok(rotated)
    }

    /// A key that no longer signs is not even for verification any more. `false`: it is not retiring.
    pub async fn retire(&self, kid: &str, event: &Event) -> Result<bool, StoreError> {
        let retired = self.keys.retire(kid, event).await?;
        self.load().await?;
        Ok(retired)
    }

    async fn perform(&self, algorithm: Algorithm, due: Due, by: Option<&Actor>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let event = |action| self.event(action, now, by);
        match due {
            Due::Create => {
                let kid = self.create(algorithm, by).await?;
                // To make it took a while.
                let now = self.clock.now();
                let event = |action| self.event(action, now, by);
                self.keys.promote_first(&kid, &event(Action::KeyRotated), now).await.map(|_| ())
            }
            Due::PromoteFirst(kid) => self.keys.promote_first(&kid, &event(Action::KeyRotated), now).await.map(|_| ()),
            Due::Announce => self.create(algorithm, by).await.map(|_| ()),
            Due::Promote(kid) => self.keys.promote(&kid, &event(Action::KeyRotated), now).await.map(|_| ()),
            Due::Retire(kid) => self.keys.retire(&kid, &event(Action::KeyRetired)).await.map(|_| ()),
        }
    }

    fn event(&self, action: Action, now: Timestamp, by: Option<&Actor>) -> Event {
        let event = Event::new(self.entropy.ordered_uuid(now), now, action);
        match by {
            Some(actor) => event.by(actor.clone()),
            None => event,
        }
    }

    async fn create(&self, algorithm: Algorithm, by: Option<&Actor>) -> Result<String, StoreError> {
        // An RSA key takes a while: not on a thread that serves requests.
        let generated = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
        let (key, private) = generated.map_err(StoreError::unavailable)?.map_err(StoreError::unavailable)?;
        let kid = key.kid().to_owned();
        let now = self.clock.now();
        let stored = StoredKey {
            kid: kid.clone(),
            algorithm,
            state: State::Next,
            public_jwk: serde_json::to_string(&key.public_jwk()).unwrap_or_default(),
            sealed_private: self.master.seal(&place(&kid), private.expose(), &self.entropy),
            created_at: now,
            activated_at: None,
            retiring_at: None,
        };
        self.keys.insert(&stored, &self.event(Action::KeyCreated, now, by)).await?;
        failpoint::hit("K33");
        Ok(kid)
    }

    /// Reads the keys, if they are not the ones that we have.
    pub async fn load(&self) -> Result<(), StoreError> {
        let stored = self.keys.load().await?;
        let stamp: Vec<(String, State)> = stored.iter().map(|key| (key.kid.clone(), key.state)).collect();
        if self.ring.ring().stamp == stamp {
            return Ok(());
        }
        let mut signing = Vec::new();
        let mut verification = Vec::new();
        let mut public = Vec::new();
        let mut all = Vec::new();
        for key in &stored {
            let own =
                VerificationKey::from_jwk(key.public_jwk.as_bytes(), key.algorithm).map_err(StoreError::unavailable)?;
            all.push(own.clone());
            if key.state == State::Retired {
                continue;
            }
            if key.state == State::Current {
                let private =
                    self.master.open(&place(&key.kid), &key.sealed_private).map_err(StoreError::unavailable)?;
                signing.push(SigningKey::import(&private).map_err(StoreError::unavailable)?);
            }
            verification.push(own);
            let jwk: PublicJwk =
                serde_json::from_str(&key.public_jwk).map_err(|_| StoreError::Corrupt("a public key"))?;
            public.push(jwk);
        }
        let decryption = DecryptionKey::derive(&self.master, ENCRYPTED_FOR_US).map_err(StoreError::unavailable)?;
        let ring = Ring {
            signing,
            verification: verification.into_iter().collect(),
            all: all.into_iter().collect(),
            jwks: Bytes::from(published_jwks(public, decryption.public_jwk())),
            decryption: Some(decryption),
            stamp,
        };
        *self.ring.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }
}

fn place(kid: &str) -> String {
    format!("signing_key|private|{kid}")
}
