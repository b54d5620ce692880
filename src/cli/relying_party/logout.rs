//! `nod test logout`: somebody who signed in at the relying party that we are signs out there [RIL §2].

use std::io::Write;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::provider::{Needs, Provider};
use super::report::{Check, Outcome, Step};
use super::sign_in::{How, SIGNED_OUT, SignedIn, Way};
use super::{RelyingParty, Who};
use crate::cli::exit::Exit;
use crate::entropy::Entropy;

/// Act as a relying party: sign a person in and out again
///
/// The person is signed out with the ID token as a hint, so that nobody is asked. The access token has to end with the
/// session.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    how: How,
}

pub(super) async fn run(Args { who, how }: Args) -> Result<(), Exit> {
    let mut party = RelyingParty::new(how, who.setting()?)?;
    let exchanged = party.logs_in_and_out().await;
    party.conclude(exchanged)
}

impl<W: Write> RelyingParty<W, How> {
    async fn logs_in_and_out(&mut self) -> Result<(Outcome, Duration), Exit> {
        let mut way = self.way().await?;
        let provider = self.discover(Needs::Logout).await?;
        let started = Instant::now();
        let Some(signed_in) = self.sign_in(&provider, &mut way).await? else {
            return Ok((Outcome::Denied, started.elapsed()));
        };
        self.sign_out(&provider, &mut way, signed_in).await?;
        Ok((Outcome::SignedOut, started.elapsed()))
    }

    /// The same browser goes on to the provider.
    async fn sign_out(&mut self, provider: &Provider, way: &mut Way, signed_in: SignedIn) -> Result<(), Exit> {
        let SignedIn { tokens, arrival, .. } = signed_in;
        let endpoint = provider.end_session_endpoint.as_deref().unwrap_or_default();
        let mut url = Url::parse(endpoint).map_err(|_| Exit::failed("the end-session endpoint is no address"))?;
        let state = Entropy::default().token();
        url.query_pairs_mut()
            .append_pair("id_token_hint", tokens.id_token())
            .append_pair("client_id", &self.client_id)
            .append_pair("post_logout_redirect_uri", &way.back(SIGNED_OUT))
            .append_pair("state", state.expose());
        let begun = Instant::now();
        let arrival = way.go_on(arrival, &url, SIGNED_OUT).await?;
        let mut step = Step::through_a_browser("end_session", begun.elapsed());
        let another = || "missing, or another one".to_owned();
        step.checks.push(Check::that("state", arrival.answer.get("state") == Some(state.expose()), another));
        self.report.step(step)?;
        arrival.says("Signed out. This page can be closed.").await;

        // What was given for the time when the person is not there outlives the session [OIDC Core §11].
        let stays = self.args.scope.split(' ').any(|name| name == "offline_access");
        if let (Some(endpoint), false) = (&provider.userinfo_endpoint, stays) {
            let answer = self.userinfo(endpoint, &tokens).await?;
            let mut step = Step::new("userinfo (after)", &answer);
            let open = || "the access token still opens something".to_owned();
            step.checks.push(Check::that("ended", answer.status == 401, open));
            self.report.step(step)?;
        }
        Ok(())
    }
}
