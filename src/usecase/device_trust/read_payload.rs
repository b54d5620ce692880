//! By which app does somebody sign in? What its SDK says and signs, for one transaction [flows.md H.2].

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use nod_device::PayloadBinding;
use nod_device::payload::{MAX_PAYLOAD_BYTES, PAYLOAD_LIFETIME, PAYLOAD_TYPE, PAYLOAD_VERSION, PayloadClaims};

use crate::clock::{Clock, Timestamp};
use crate::domain::client::Client;
use crate::domain::device::About;
use crate::domain::mobile_app::MobileApp;
use crate::domain::mobile_app::PayloadUse;
use crate::protocol::id::{FlowId, RequestId};
use crate::protocol::jwt::EmbeddedKeyProof;
use crate::protocol::pkce::CodeChallenge;
use crate::secret::Digest;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::directory::Directory;
use crate::usecase::pair_device::is_short;
use crate::usecase::signing_keys::KeyRing;

/// How far the clock of a phone may be off.
const SKEW: Duration = Duration::from_secs(60);
/// Longer than a payload is good for, by any clock.
const REMEMBER: Duration = Duration::from_secs(300);

/// Which payloads are taken [flows.md H.2].
#[derive(Clone, Copy, Debug)]
pub struct PayloadRules {
    /// From when it was made. By itself it is good for two minutes.
    pub max_age: Duration,
    /// Each names its flow, or the challenge of its request.
    pub bound: bool,
    /// Each is encrypted, not in an address alone.
    pub encrypted: bool,
}

impl Default for PayloadRules {
    fn default() -> Self {
        Self { max_age: Duration::from_mins(2), bound: false, encrypted: false }
    }
}

pub struct ReadPayload {
    pub directory: Arc<Directory>,
    pub keys: Arc<KeyRing>,
    pub used: Shelf<PayloadUse>,
    pub clock: Arc<dyn Clock>,
    pub issuer: String,
    pub rules: PayloadRules,
}

/// In which flow it is shown: it counts for no other.
#[derive(Clone, Copy, Debug)]
pub struct Within<'a> {
    pub transaction: RequestId,
    /// `None`: the flow is about to begin.
    pub flow: Option<&'a FlowId>,
    pub challenge: Option<&'a CodeChallenge>,
}

impl Within<'_> {
    /// What a payload that is made for this flow names.
    fn bindings(&self) -> impl Iterator<Item = PayloadBinding> {
        let flow = self.flow.map(|flow| PayloadBinding::of(flow.expose()));
        flow.into_iter().chain(self.challenge.map(|challenge| PayloadBinding::of(&challenge.text())))
    }
}

/// Why it is none. For the audit trail alone: whoever sent it is told nothing of that.
pub type NoPayload = &'static str;

impl ReadPayload {
    /// The app, if it is the one of the client.
    pub async fn read(
        &self,
        payload: &str,
        client: &Client,
        within: &Within<'_>,
    ) -> Result<Result<MobileApp, NoPayload>, StoreError> {
        let now = self.clock.now();
        let payload = match self.opened(payload) {
            Ok(payload) => payload,
            Err(why) => return Ok(Err(why)),
        };
        let Ok(proof) = EmbeddedKeyProof::parse(&payload, PAYLOAD_TYPE, MAX_PAYLOAD_BYTES) else {
            return Ok(Err("not a payload"));
        };
        let verified = proof.verification_key().ok().and_then(|key| {
            let claims = proof.verify::<PayloadClaims>(&key).ok()?.into_claims();
            Some((claims, key))
        });
        let Some((claims, key)) = verified else { return Ok(Err("the signature or the claims are wrong")) };
        let sign_on = self.directory.sign_on().await?;
        let Some(application) = sign_on.native_application_of(&client.id) else {
            return Ok(Err("the client has no native application"));
        };
        if claims.aud != self.issuer || claims.app != application.id.as_str() || !application.is_called(&claims.pkg) {
            return Ok(Err("made by another application, or for another issuer"));
        }
        // [security.md 87] What does not say it may be any.
        if let Some(lowest) = application.min_sdk_version
            && !claims.sdkv.as_deref().is_some_and(|said| lowest.is_reached_by(said))
        {
            return Ok(Err("made by an SDK that is too old"));
        }
        match claims.bind {
            Some(bound) if !within.bindings().any(|own| own == bound) => return Ok(Err("made for another flow")),
            None if self.rules.bound => return Ok(Err("made for no flow")),
            Some(_) | None => {}
        }
        if !is_fresh(&claims, self.rules.max_age, now) {
            return Ok(Err("made at another time"));
        }
        let about = About {
            platform: Some(claims.plat.clone()),
            model: claims.model.clone(),
            os_version: claims.osv.clone(),
            app_version: claims.appv.clone(),
            sdk_version: claims.sdkv.clone(),
            application: Some(application.name.clone()),
            name: None,
        };
        if !is_short(&about) {
            return Ok(Err("what it says of itself is too long"));
        }
        let jkt = proof.thumbprint().to_string();
        if !self.is_of(&jkt, &claims.jti, within.transaction).await? {
            return Ok(Err("shown in another transaction before"));
        }
        let public_jwk = serde_json::to_string(&key.public_jwk()).unwrap_or_default();
        let unsound = claims.sig.is_some_and(|signals| signals.rooted || signals.debugger || signals.hook);
        Ok(Ok(MobileApp { application: application.id.clone(), jkt, public_jwk, about, unsound }))
    }

    /// What was signed, which may have been encrypted for us.
    fn opened<'p>(&self, payload: &'p str) -> Result<Cow<'p, str>, NoPayload> {
        if is_encrypted(payload) {
            let opened = self.keys.open(payload, PAYLOAD_TYPE, MAX_PAYLOAD_BYTES);
            opened.map(Cow::Owned).ok_or("not encrypted for this server")
        } else if self.rules.encrypted {
            Err("not encrypted")
        } else {
            Ok(Cow::Borrowed(payload))
        }
    }

    /// The first transaction in which a payload is shown is its own.
    async fn is_of(&self, jkt: &str, jti: &str, transaction: RequestId) -> Result<bool, StoreError> {
        let id = Digest::of(format!("{jkt}\0{jti}").as_bytes());
        let claim = |used: PayloadUse| {
            let of = used.0.unwrap_or(transaction);
            (PayloadUse(Some(of)), of == transaction)
        };
        self.used.upsert(&id, REMEMBER, claim).await
    }
}

/// Whether it is none that anybody can read [RFC 7516 §9]. What is in it is not looked at.
pub fn is_encrypted(payload: &str) -> bool {
    payload.bytes().filter(|byte| *byte == b'.').count() == 4
}

fn is_fresh(claims: &PayloadClaims, max_age: Duration, now: Timestamp) -> bool {
    let made = Timestamp::from_seconds(claims.iat);
    let ends = Timestamp::from_seconds(claims.exp).min(made + max_age);
    let as_made = claims.v == PAYLOAD_VERSION && claims.iat.checked_add(PAYLOAD_LIFETIME) == Some(claims.exp);
    as_made && made <= now + SKEW && now < ends + SKEW
}
