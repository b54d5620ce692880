//! The provider, over HTTP: what an app does that shows the sign-in itself. Nothing in this file is of the SDK.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, Url};
use serde_json::Value;

use crate::Result;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Provider {
    http: reqwest::Client,
    /// What it publishes about itself [OpenID Connect Discovery §3].
    metadata: Value,
    /// By which it knows this app again: the sign-in that goes on, and then the session. An app stores them where
    /// secrets are kept.
    cookies: BTreeMap<String, String>,
}

/// The provider said no: an error of the flow API, or one of OAuth [RFC 6749 §5.2].
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    /// The flow API has one for the person, in their language.
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Refusal {}

impl Provider {
    pub(crate) async fn discover(issuer: &str) -> Result<Self> {
        // A cookie is for one host, and a code for one answer: neither follows a redirect.
        let http = reqwest::Client::builder().redirect(Policy::none()).timeout(PATIENCE);
        // Plain http is for this machine's own address: no proxy is in between.
        let http = if issuer.starts_with("https:") { http } else { http.no_proxy() }.build()?;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata = json(http.get(address).send().await?).await?;
        // [OpenID Connect Discovery §4.3]
        if text(&metadata, "issuer") != issuer {
            return Err(format!("this is {}, not {issuer}", text(&metadata, "issuer")).into());
        }
        Ok(Self { http, metadata, cookies: BTreeMap::new() })
    }

    /// Begins a sign-in, and shows its first state.
    pub(crate) async fn begin(&mut self, parameters: &[(&str, &str)]) -> Result<Value> {
        let address = Url::parse_with_params(self.endpoint("authorization_endpoint")?, parameters)?;
        json(self.send(self.http.get(address)).await?).await
    }

    /// One of the actions that a state links to, and the state that it leads to.
    pub(crate) async fn act(&mut self, state: &Value, action: &str, body: &Value) -> Result<Value> {
        let link = state.pointer(&format!("/_links/{action}/href")).and_then(Value::as_str);
        let link = link.ok_or_else(|| format!("{} does not offer {action}", text(state, "status")))?;
        let address = Url::parse_with_params(link, [("action", action)])?;
        // A form of somebody's page cannot set this header, whatever its value.
        let request = self.http.post(address).header("X-XSRF-Header", "bank-app").json(body);
        json(self.send(request).await?).await
    }

    /// Tokens for a code, or for a refresh token. The code counts for itself: no cookie goes along.
    pub(crate) async fn tokens(&self, parameters: &[(&str, &str)]) -> Result<Value> {
        json(self.http.post(self.endpoint("token_endpoint")?).form(parameters).send().await?).await
    }

    /// Ends the session [OpenID Connect RP-Initiated Logout §2]. The answer is a page for browsers.
    pub(crate) async fn sign_out(&mut self, id_token: &str) -> Result<()> {
        let address = self.endpoint("end_session_endpoint")?.to_owned();
        let answer = self.send(self.http.post(address).form(&[("id_token_hint", id_token)])).await?;
        answer.error_for_status()?;
        self.cookies.clear();
        Ok(())
    }

    fn endpoint(&self, name: &str) -> Result<&str> {
        Ok(self.metadata.get(name).and_then(Value::as_str).ok_or_else(|| format!("the provider has no {name}"))?)
    }

    /// With the newest value of each cookie, there and back.
    async fn send(&mut self, request: RequestBuilder) -> Result<Response> {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.header(COOKIE, pairs.join("; ")) };
        let response = request.send().await?;
        for set in response.headers().get_all(SET_COOKIE) {
            let pair = set.to_str()?.split(';').next().unwrap_or_default();
            match pair.trim().split_once('=') {
                Some((name, "")) => drop(self.cookies.remove(name)),
                Some((name, value)) => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
                None => {}
            }
        }
        Ok(response)
    }
}

/// The JSON of an answer, or the error that it is.
async fn json(response: Response) -> Result<Value> {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(format!("{status} from {}, and no JSON", response.url().path()).into());
    }
    let body: Value = response.json().await?;
    if status.is_success() {
        return Ok(body);
    }
    // What a person is told of a whole form is less than what they are told of its fields.
    let detail = body.pointer("/details/0").map(|detail| text(detail, "userMessage"));
    let first_of = |found: [&str; 3]| found.into_iter().find(|text| !text.is_empty()).map(str::to_owned);
    let code = first_of([text(&body, "code"), text(&body, "error"), status.as_str()]).unwrap_or_default();
    let message = first_of([detail.unwrap_or_default(), text(&body, "userMessage"), text(&body, "error_description")]);
    let message = message.unwrap_or_else(|| "Refused".to_owned());
    Err(Refusal { code, message }.into())
}

/// A member that is text, or nothing.
pub(crate) fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}
