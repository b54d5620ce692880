//! How a call reaches the server by the app's HTTP stack: proofs, nonce, clock, and the issuer's keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nod_device::encryption::PayloadKey;
use nod_device::exchange::{AnswerHead, Bearings, JSON, Tries};
use nod_device::id_token::{
    Expectations, IdTokenError, KeySet, METADATA, Offer, Processed, jwks_uri, process_id_token,
};
use nod_device::proof::{DEVICE_PROOF, Freshness, KeyError};
use nod_device::verify::verify;
use nod_device::{Call, Error, Issuer, Timestamp, system};
use serde::de::DeserializeOwned;

use crate::http::{Clock, Http, HttpAnswer, HttpRequest};
use crate::key::Key;

/// More than any answer of a Nod server holds.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// How long the issuer's keys are taken for its keys.
const KEYS_LAST_MILLIS: u128 = 3_600_000;

pub(crate) struct Session {
    pub(crate) issuer: Issuer,
    http: Arc<dyn Http>,
    clock: Option<Arc<dyn Clock>>,
    state: Mutex<State>,
    keys: Mutex<Option<(Timestamp, Arc<Keys>)>>,
}

pub(crate) struct Keys {
    signing: KeySet,
    /// `None`: the issuer takes no payload that is encrypted.
    payload: Option<PayloadKey>,
}

struct State {
    key: Key,
    bearings: Bearings,
}

impl Session {
    pub(crate) fn new(issuer: Issuer, key: Key, http: Arc<dyn Http>, clock: Option<Arc<dyn Clock>>) -> Self {
        let state = Mutex::new(State { key, bearings: Bearings::default() });
        Self { issuer, http, clock, state, keys: Mutex::new(None) }
    }

    /// Nothing panics while it holds the lock, and each field is whole at any time.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn key(&self) -> Key {
        self.state().key.clone()
    }

    pub(crate) fn set_key(&self, key: Key) {
        self.state().key = key;
    }

    /// The phone's own clock, or the app's.
    pub(crate) fn local(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(system::now, |clock| clock.now())
    }

    pub(crate) fn now(&self) -> Timestamp {
        let local = self.local();
        self.state().bearings.now(local)
    }

    pub(crate) fn fresh(&self) -> Result<Freshness, KeyError> {
        let (local, jti) = (self.local(), system::random()?);
        Ok(self.state().bearings.freshness(local, jti))
    }

    /// With a proof of its own; `accept` is the type of the answer.
    pub(crate) fn request(&self, call: &Call, accept: &str) -> Result<HttpRequest, Error> {
        let proof = call.prove(&self.issuer, &self.key(), &self.fresh()?)?;
        let mut headers = HashMap::from([("Accept".to_owned(), accept.to_owned()), (DEVICE_PROOF.to_owned(), proof)]);
        if call.body().is_some() {
            headers.insert("Content-Type".to_owned(), JSON.to_owned());
        }
        Ok(HttpRequest {
            method: call.method().as_str().to_owned(),
            url: call.url(&self.issuer),
            headers,
            body: call.body().map(<[u8]>::to_vec),
        })
    }

    pub(crate) fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.ask_made(&|| Ok(call.clone()))
    }

    /// For a call that holds a proof in its body, which has to be as fresh as the other.
    pub(crate) fn ask_made<T: DeserializeOwned>(&self, make: &dyn Fn() -> Result<Call, Error>) -> Result<T, Error> {
        let (head, body) = self.exchange(make)?;
        head.json(&body)
    }

    /// For calls whose answer has no content.
    pub(crate) fn tell(&self, call: &Call) -> Result<(), Error> {
        self.exchange(&|| Ok(call.clone())).map(drop)
    }

    fn exchange(&self, make: &dyn Fn() -> Result<Call, Error>) -> Result<(AnswerHead, Vec<u8>), Error> {
        let mut tries = Tries::default();
        loop {
            let (head, body) = self.send(self.request(&make()?, JSON)?)?;
            if head.is_success() {
                return Ok((head, body));
            }
            let (refusal, local) = (head.refusal(&body), self.local());
            if !tries.again(&refusal, &head, &mut self.state().bearings, local) {
                return Err(refusal);
            }
        }
    }

    fn send(&self, request: HttpRequest) -> Result<(AnswerHead, Vec<u8>), Error> {
        let answer = self.http.send(request).map_err(|fault| Error::Unreachable(Arc::new(fault)))?;
        let HttpAnswer { status, headers, body } = answer;
        let head = AnswerHead::read(status, |name| {
            headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        });
        let local = self.local();
        self.state().bearings.learn(&head, local, self.clock.is_none());
        if body.len() > MAX_ANSWER_BYTES { Err(head.not_understood("too long")) } else { Ok((head, body)) }
    }

    pub(crate) fn process_id_token(&self, id_token: &str, expected: &Expectations) -> Result<Processed<Offer>, Error> {
        let process = |keys: &KeySet| process_id_token(id_token, keys, &self.issuer, expected, self.now(), verify);
        if let Some(keys) = self.keys_at_hand() {
            let processed = process(&keys.signing);
            // One that is new there is fetched, once.
            if processed != Err(IdTokenError::KeyUnknown) {
                return Ok(processed?);
            }
        }
        Ok(process(&self.fetch_keys()?.signing)?)
    }

    /// What payloads are encrypted for. An issuer that has none is asked again at the next time.
    pub(crate) fn payload_key(&self) -> Result<PayloadKey, Error> {
        if let Some(key) = self.keys_at_hand().and_then(|keys| keys.payload.clone()) {
            return Ok(key);
        }
        let fetched = self.fetch_keys()?;
        fetched.payload.clone().ok_or(Error::Answer { status: 200, what: "no key to encrypt payloads for" })
    }

    fn keys_at_hand(&self) -> Option<Arc<Keys>> {
        let local = self.local();
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let (fetched, keys) = keys.as_ref()?;
        (local >= *fetched && local.since(*fetched).as_millis() < KEYS_LAST_MILLIS).then(|| keys.clone())
    }

    pub(crate) fn fetch_keys(&self) -> Result<Arc<Keys>, Error> {
        let metadata = self.fetch(format!("{}{METADATA}", self.issuer))?;
        let keys = self.fetch(jwks_uri(&metadata, &self.issuer)?)?;
        let keys = Arc::new(Keys { signing: KeySet::fetched(&keys)?, payload: PayloadKey::from_jwks(&keys) });
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.local(), keys.clone()));
        Ok(keys)
    }

    /// What the issuer publishes for everybody, without a proof.
    fn fetch(&self, url: String) -> Result<Vec<u8>, Error> {
        let headers = HashMap::from([("Accept".to_owned(), JSON.to_owned())]);
        let (head, body) = self.send(HttpRequest { method: "GET".to_owned(), url, headers, body: None })?;
        if head.is_success() && head.content_type == JSON {
            Ok(body)
        } else {
            Err(head.not_understood("not a published document"))
        }
    }
}
