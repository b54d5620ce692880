//! Signing somebody in [OIDC Core §3.1]: the code flow with PKCE, and a browser that is a person's, or with `--auto`
//! our own.

use std::io::Write;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;
use url::Url;

use super::RelyingParty;
use super::arrival::{Arrival, Arrivals, Parameters};
use super::provider::Provider;
use super::report::{Check, Report, Step};
use super::tokens::{Ties, TokenResponse};
use super::visitor::{Arrived, Visitor};
use crate::cli::exchange::PROMPT;
use crate::cli::exit::{Exit, Why};
use crate::cli::terminal::safe;
use crate::entropy::Entropy;
use crate::secret::sha256;

/// Below our own address. In dev mode they are registered for every port.
const CALLBACK: &str = "/callback";
pub(super) const SIGNED_OUT: &str = "/";

/// How somebody signs in.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// Who signs in; alice where --auto is given
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// What to ask for
    #[arg(long, default_value = "openid")]
    pub(super) scope: String,

    /// The preferred one first
    #[arg(long, value_name = "VALUES")]
    acr_values: Option<String>,

    /// Nobody has to do anything: in dev mode alone
    ///
    /// Go through the pages of dev mode as the user, whose password is the user name, and say yes to everything.
    #[arg(long)]
    auto: bool,
}

/// To the provider and back.
pub(super) struct Way {
    arrivals: Arrivals,
    /// `None`: a person goes.
    visitor: Option<Visitor>,
}

/// What came of a sign-in.
pub(super) struct SignedIn {
    pub(super) tokens: Box<TokenResponse>,
    /// What gave the tokens.
    pub(super) redemption: Vec<(&'static str, String)>,
    pub(super) arrival: Arrival,
}

impl Way {
    pub(super) fn back(&self, path: &str) -> String {
        self.arrivals.at(path)
    }

    async fn begin<W: Write>(&mut self, report: &mut Report<W>, url: &Url) -> Result<Arrival, Exit> {
        if self.visitor.is_none() {
            report.open("Open this in a browser, and sign in:", url.as_str())?;
        }
        self.until(CALLBACK, url).await
    }

    /// From where the browser has come to, on to another address, and back to `path`.
    pub(super) async fn go_on(&mut self, from: Arrival, url: &Url, path: &str) -> Result<Arrival, Exit> {
        from.leads_to(url).await;
        self.until(path, url).await
    }

    async fn until(&mut self, path: &str, url: &Url) -> Result<Arrival, Exit> {
        let Some(visitor) = &mut self.visitor else { return self.arrivals.next(path).await };
        match visitor.open(url.as_str()).await? {
            Arrived::Away(back) if is_at(&back, &self.arrivals.at(path)) => {
                Ok(Arrival::unseen(Parameters::of_query(back.query().unwrap_or_default())))
            }
            Arrived::Away(elsewhere) => {
                Err(Exit::failed(format!("the provider sends the browser to {}", safe(elsewhere.as_str()))))
            }
            Arrived::Here => Err(Exit::failed("the provider shows a page, and does not send the browser back")),
        }
    }
}

fn is_at(url: &Url, address: &str) -> bool {
    url.as_str().split(['?', '#']).next() == Some(address)
}

impl<W: Write, A> RelyingParty<W, A> {
    /// Somebody of dev mode.
    pub(super) fn visitor(&self, user: Option<&str>) -> Result<Visitor, Exit> {
        if self.issuer.is_https() {
            return Err(Exit::usage("--auto is for dev mode: elsewhere people sign in themselves"));
        }
        let user = user.unwrap_or("alice").to_owned();
        Ok(Visitor::new(self.http.clone(), self.issuer.as_str().to_owned(), user))
    }
}

impl<W: Write> RelyingParty<W, How> {
    pub(super) async fn way(&self) -> Result<Way, Exit> {
        let user = self.args.user.as_deref();
        let visitor = if self.args.auto { Some(self.visitor(user)?) } else { None };
        Ok(Way { arrivals: Arrivals::listen().await?, visitor })
    }

    /// `None`: the person said no.
    pub(super) async fn sign_in(&mut self, provider: &Provider, way: &mut Way) -> Result<Option<SignedIn>, Exit> {
        let entropy = Entropy::default();
        let (state, nonce, verifier) = (entropy.token(), entropy.token(), entropy.token());
        let redirect_uri = way.back(CALLBACK);
        let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.expose().as_bytes()));
        let url = self.authorization(
            provider,
            &[
                ("redirect_uri", redirect_uri.as_str()),
                ("state", state.expose().as_str()),
                ("nonce", nonce.expose().as_str()),
                ("code_challenge", challenge.as_str()),
            ],
        )?;
        let begun = Instant::now();
        let arrival = way.begin(&mut self.report, &url).await?;
        let code = match self.read_arrival(provider, &arrival.answer, state.expose(), begun.elapsed()) {
            Ok(Some(code)) => code,
            Ok(None) => {
                arrival.says("Not signed in. This page can be closed.").await;
                return Ok(None);
            }
            Err(exit) => {
                arrival.says("That was no answer to our question. This page can be closed.").await;
                return Err(exit);
            }
        };
        let redemption = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier.expose().clone()),
        ];
        let tokens = self.redeem(provider, &redemption).await?;
        let ties = Ties { auth_req_id: None, nonce: Some(nonce.expose()) };
        self.check_tokens(provider, ties, &tokens).await?;
        Ok(Some(SignedIn { tokens, redemption, arrival }))
    }

    /// [OIDC Core §3.1.2.1, RFC 7636 §4.3]
    fn authorization(&self, provider: &Provider, own: &[(&str, &str)]) -> Result<Url, Exit> {
        let mut url =
            Url::parse(&provider.begins_at).map_err(|_| Exit::failed("the authorization endpoint is no address"))?;
        let client_id = self.client_id.as_str();
        let optional = [("login_hint", &self.args.user), ("acr_values", &self.args.acr_values)];
        let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        url.query_pairs_mut()
            .append_pair("client_id", client_id)
            .append_pair("response_type", "code")
            .append_pair("scope", &self.args.scope)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(own)
            .extend_pairs(optional);
        Ok(url)
    }

    /// What the browser has brought: a code, or `None` where the person said no [OIDC Core §3.1.2.5, RFC 9207 §2.4].
    fn read_arrival(
        &mut self,
        provider: &Provider,
        answer: &Parameters,
        state: &str,
        took: Duration,
    ) -> Result<Option<String>, Exit> {
        let mut step = Step::through_a_browser("authorize", took);
        let another = || "missing, or another one".to_owned();
        step.checks.push(Check::that("state", answer.get("state") == Some(state), another));
        step.checks.push(match answer.get("iss") {
            Some(iss) => Check::that("iss", iss == self.issuer.as_str(), || iss.to_owned()),
            None if provider.answers_with_iss => Check::failed("iss", "missing"),
            None => Check::absent("iss"),
        });
        // Whoever sent the browser here is not the one that was asked: nothing of it is used.
        if step.checks.iter().any(Check::is_broken) {
            self.report.step(step)?;
            return Err(Exit::failed("what came back is not the provider's answer"));
        }
        if let Some(error) = answer.get("error") {
            let said = [Some(error), answer.get("error_description")].into_iter().flatten().map(safe);
            step.said = said.collect::<Vec<_>>().join(": ");
            self.report.step(step)?;
            return if error == "access_denied" { Ok(None) } else { Err(Exit::told(Why::Failed)) };
        }
        let code = answer.get("code").filter(|code| !code.is_empty());
        step.checks.push(Check::that("code", code.is_some(), || "missing".to_owned()));
        self.report.step(step)?;
        code.map(|code| Some(code.to_owned())).ok_or_else(|| Exit::failed("the answer has no code"))
    }

    /// [OIDC Core §3.1.3.1]
    async fn redeem(
        &mut self,
        provider: &Provider,
        redemption: &[(&'static str, String)],
    ) -> Result<Box<TokenResponse>, Exit> {
        let answer = self.post(&provider.token_endpoint, redemption, PROMPT).await;
        let answer = answer.map_err(|error| self.unanswered(&error))?;
        let mut step = Step::new("token", &answer);
        step.expect("no-store", answer.is_not_stored());
        if answer.status != 200 {
            return Err(self.refused(step, &answer)?);
        }
        let Some(tokens) = answer.json::<TokenResponse>().filter(|_| answer.is_json()) else {
            step.checks.push(Check::failed("answer", "not a token response"));
            self.report.step(step)?;
            return Err(Exit::failed("the token endpoint's answer is not understood"));
        };
        step.checks.extend(tokens.checks());
        self.report.step(step)?;
        Ok(Box::new(tokens))
    }
}
