//! A key whose holder proves that at each request [RFC 9449].

use std::sync::{Arc, Mutex};

use nod::clock::Clock as _;
use nod::protocol::algorithm::Algorithm;
use reqwest::{Method, RequestBuilder};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{Answer, Client, Inner, Jwk, TOKEN, USERINFO, World, b64};

#[derive(Clone)]
pub(crate) struct Prover {
    world: Arc<Inner>,
    key: Arc<Jwk>,
    alg: &'static str,
    /// The last one that the server has offered.
    nonce: Arc<Mutex<Option<String>>>,
}

impl World {
    pub(crate) fn prover(&self) -> Prover {
        self.prover_with(Algorithm::ES256)
    }

    pub(crate) fn prover_with(&self, algorithm: Algorithm) -> Prover {
        Prover {
            world: Arc::clone(&self.inner),
            key: Arc::new(Jwk::for_algorithm(algorithm)),
            alg: algorithm.as_str(),
            nonce: Arc::default(),
        }
    }
}

impl Prover {
    pub(crate) fn nonce(&self) -> Option<String> {
        self.nonce.lock().unwrap().clone()
    }

    /// The same key, by another algorithm.
    pub(crate) fn by(&self, algorithm: Algorithm) -> Self {
        Self { alg: algorithm.as_str(), ..self.clone() }
    }

    /// [RFC 7638 §3]
    pub(crate) fn jkt(&self) -> String {
        let jwk = self.key.public();
        // Members in lexicographic order, as `serde_json` keeps them.
        let canonical: std::collections::BTreeMap<_, _> = jwk.as_object().unwrap().iter().collect();
        b64(digest(&SHA256, serde_json::to_string(&canonical).unwrap().as_bytes()).as_ref())
    }

    pub(crate) fn key(&self) -> &Jwk {
        &self.key
    }

    pub(crate) fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": self.alg, "jwk": self.key.public()})
    }

    /// The claims of a good proof, with a `jti` of its own.
    pub(crate) fn claims(&self, method: &str, path: &str) -> Value {
        let mut claims = json!({
            "htm": method, "htu": format!("{}{path}", self.world.issuer),
            "iat": self.world.clock.now().seconds(), "jti": self.world.entropy.uuid().to_string(),
        });
        if let Some(nonce) = self.nonce() {
            claims["nonce"] = json!(nonce);
        }
        claims
    }

    pub(crate) fn token_proof(&self) -> String {
        self.proof("POST", TOKEN)
    }

    pub(crate) fn proof(&self, method: &str, path: &str) -> String {
        self.key.jws(&self.header(), &self.claims(method, path))
    }

    /// A proof for a use of this access token.
    pub(crate) fn proof_with(&self, access_token: &str) -> String {
        let mut claims = self.claims("GET", USERINFO);
        claims["ath"] = json!(b64(digest(&SHA256, access_token.as_bytes()).as_ref()));
        self.key.jws(&self.header(), &claims)
    }

    /// A call of the admin API with a token that is bound to this key, once more with the nonce where one is asked for.
    pub(crate) async fn admin(&self, access_token: &str, method: &Method, path: &str, body: Option<&Value>) -> Answer {
        let call = || {
            let mut claims = self.claims(method.as_str(), path.split('?').next().unwrap());
            claims["ath"] = json!(b64(digest(&SHA256, access_token.as_bytes()).as_ref()));
            let proof = self.key.jws(&self.header(), &claims);
            let request = self.world.request(0, method.clone(), path).header("dpop", proof);
            let request = request.header("authorization", format!("DPoP {access_token}"));
            body.map_or_else(|| request.try_clone().unwrap(), |body| request.try_clone().unwrap().json(body))
        };
        let answer = Answer::of(call()).await;
        self.learn(&answer);
        if answer.status < 400 || answer.json()["code"] != "use_dpop_nonce" {
            return answer;
        }
        let answer = Answer::of(call()).await;
        self.learn(&answer);
        answer
    }

    fn learn(&self, answer: &Answer) {
        if let Some(nonce) = answer.header("dpop-nonce") {
            *self.nonce.lock().unwrap() = Some(nonce.to_owned());
        }
    }

    async fn again(&self, request: impl Fn() -> RequestBuilder) -> Answer {
        let answer = Answer::of(request()).await;
        self.learn(&answer);
        if answer.status < 400 || answer.json()["error"] != "use_dpop_nonce" {
            return answer;
        }
        let answer = Answer::of(request()).await;
        self.learn(&answer);
        answer
    }

    /// As a client library does it: once more with the nonce, where one is asked for.
    pub(crate) async fn token(&self, client: &Client, fields: &[(&str, &str)]) -> Answer {
        self.again(|| client.form(TOKEN, fields).header("dpop", self.token_proof())).await
    }

    /// The same at another endpoint.
    pub(crate) async fn post(&self, client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.again(|| client.form(path, fields).header("dpop", self.proof("POST", path))).await
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Answer {
        self.again(|| self.show(access_token, &self.proof_with(access_token))).await
    }

    /// A token together with any proof.
    pub(crate) fn show(&self, access_token: &str, proof: &str) -> RequestBuilder {
        let request = self.world.request(0, Method::GET, USERINFO).header("dpop", proof);
        request.header("authorization", format!("DPoP {access_token}"))
    }
}
