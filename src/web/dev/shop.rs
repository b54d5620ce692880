//! The shop: a relying party like any other, that has nothing but its secret and the address of the
//! server [CIBA §7, §10, §11].

mod app;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, redirect};
use serde::Deserialize;
use serde_json::Value;

pub(super) use self::app::Flow;
use crate::protocol::jwt::{AcceptedTyp, KeySet, Unverified};
use crate::web::dev::capture::REPLAY_OF;
use crate::web::dev::wire::Call;

pub(super) const CLIENT_ID: &str = "shop";
/// Seeded by dev mode, and published: it opens nothing but dev mode.
pub(super) const CLIENT_SECRET: &str = "shop-secret";
pub(super) const USER_AGENT: &str = "demo-shop";
/// What the person compares with the screen of the shop.
pub(super) const BINDING_MESSAGE: &str = "25.00 EUR, order K7Q2";
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Shop {
    base: String,
    http: reqwest::Client,
}

/// The acknowledgement [CIBA §7.3], as far as the shop needs it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Asked {
    pub auth_req_id: String,
    pub expires_in: u64,
    #[serde(default = "five")]
    pub interval: u64,
    number_matching: Option<ToShow>,
}

#[derive(Clone, Debug, Deserialize)]
struct ToShow {
    number: u32,
}

/// [CIBA §7.3] where the server does not say.
const fn five() -> u64 {
    5
}

impl Asked {
    pub(super) fn number(&self) -> Option<u32> {
        self.number_matching.as_ref().map(|shown| shown.number)
    }
}

/// What a poll brought.
#[derive(Clone, Debug)]
pub(super) enum Polled {
    NotYet { slower: bool },
    Tokens(Box<Paid>),
    Refused(Refused),
}

#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub error: String,
    pub description: String,
}

/// The ID token, after its signature was verified with the published keys.
#[derive(Clone, Debug)]
pub(super) struct Paid {
    pub header: Value,
    pub claims: Value,
    /// `None` where no published key verifies it.
    pub key: Option<String>,
}

/// The server gave no answer that the shop understands.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Trouble(pub String);

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        Self(error.without_url().to_string())
    }
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

#[derive(Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Shop {
    pub(super) fn new(base: &str) -> Result<Self, Trouble> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // Plain http on this machine: no certificate to trust.
        let tls = tls.map_err(|error| Trouble(error.to_string()))?;
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self { base: base.to_owned(), http })
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
    }

    /// The backchannel authentication request [CIBA §7.1].
    pub(super) async fn ask(&self, user: &str, expiry: Option<u32>) -> Result<Result<Asked, Refused>, Trouble> {
        let mut form = vec![
            ("scope", "openid profile".to_owned()),
            ("login_hint", user.to_owned()),
            ("binding_message", BINDING_MESSAGE.to_owned()),
        ];
        form.extend(expiry.map(|seconds| ("requested_expiry", seconds.to_string())));
        let (status, body) = answered(self.post("/as/bc-auth.ciba").form(&form)).await?;
        if status == 200 { understood(&body).map(Ok) } else { refused(&body).map(Err) }
    }

    /// One poll of the token endpoint [CIBA §10.1].
    pub(super) async fn poll(&self, auth_req_id: &str) -> Result<Polled, Trouble> {
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", auth_req_id)];
        let (status, body) = answered(self.post("/as/token.oauth2").form(&form)).await?;
        if status == 200 {
            let tokens: Tokens = understood(&body)?;
            return Ok(Polled::Tokens(Box::new(self.verify(&tokens.id_token).await?)));
        }
        let refused = refused(&body)?;
        Ok(match refused.error.as_str() {
            "authorization_pending" => Polled::NotYet { slower: false },
            "slow_down" => Polled::NotYet { slower: true },
            _ => Polled::Refused(refused),
        })
    }

    /// [OIDC Core §3.1.3.7] what the shop believes is what the published keys verify.
    async fn verify(&self, id_token: &str) -> Result<Paid, Trouble> {
        let not_understood = |_| Trouble("the ID token is not understood".to_owned());
        let (_, jwks) = answered(self.http.get(format!("{}/pf/JWKS", self.base))).await?;
        let keys = KeySet::parse(&jwks).map_err(|error| Trouble(error.to_string()))?;
        let token = Unverified::parse(id_token).map_err(not_understood)?;
        let verified = keys.verify::<Value>(&token, token.algorithm(), AcceptedTyp::AbsentOr(&["JWT"]));
        let header = serde_json::json!({ "alg": token.algorithm().as_str(), "kid": token.kid() });
        Ok(match verified {
            Ok(verified) => Paid { header, claims: verified.into_claims(), key: token.kid().map(str::to_owned) },
            Err(_) => Paid { header, claims: Value::Null, key: None },
        })
    }

    /// Withdraws the question.
    pub(super) async fn cancel(&self, auth_req_id: &str) -> Result<(), Trouble> {
        let form = [("token", auth_req_id), ("token_type_hint", "auth_req_id")];
        answered(self.post("/as/revoke_token.oauth2").form(&form)).await.map(drop)
    }

    /// Sends a call of the past once more, byte by byte.
    pub(super) async fn replay(&self, call: &Call, of: u64) -> Result<u16, Trouble> {
        let method = reqwest::Method::from_bytes(call.method.as_bytes()).map_err(|error| Trouble(error.to_string()))?;
        let mut request = self.http.request(method, format!("{}{}", self.base, call.target));
        // What belongs to the connection is made anew.
        for (name, value) in &call.headers {
            if !["host", "content-length", "connection", "transfer-encoding", "accept-encoding"]
                .contains(&name.as_str())
            {
                request = request.header(name, value);
            }
        }
        request = request.header(REPLAY_OF, of.to_string());
        let request = if call.body.is_empty() { request } else { request.body(call.body.clone()) };
        // The head is enough: a live channel would not end.
        Ok(request.send().await?.status().as_u16())
    }
}

async fn answered(request: RequestBuilder) -> Result<(u16, Vec<u8>), Trouble> {
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
}

fn understood<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|_| Trouble("the answer is not understood".to_owned()))
}

fn refused(body: &[u8]) -> Result<Refused, Trouble> {
    let OAuthError { error, error_description } = understood(body)?;
    Ok(Refused { error, description: error_description })
}
