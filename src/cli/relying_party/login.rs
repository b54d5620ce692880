//! `nod test login`: somebody signs in at the relying party that we are.

use std::io::Write;
use std::time::Duration;

use tokio::time::Instant;

use super::provider::Needs;
use super::report::Outcome;
use super::sign_in::How;
use super::{RelyingParty, Who};
use crate::cli::exit::Exit;

/// Act as a relying party: have a person sign in, redeem the code, check the tokens
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    how: How,
}

pub(super) async fn run(Args { who, how }: Args) -> Result<(), Exit> {
    let mut party = RelyingParty::new(how, who.setting()?)?;
    let exchanged = party.logs_in().await;
    party.conclude(exchanged)
}

impl<W: Write> RelyingParty<W, How> {
    async fn logs_in(&mut self) -> Result<(Outcome, Duration), Exit> {
        let mut way = self.way().await?;
        let provider = self.discover(Needs::Login).await?;
        let started = Instant::now();
        let signed_in = self.sign_in(&provider, &mut way).await?;
        let took = started.elapsed();
        let Some(signed_in) = signed_in else { return Ok((Outcome::Denied, took)) };
        self.redeem_again(&provider, &signed_in.redemption).await?;
        signed_in.arrival.says("Signed in. This page can be closed.").await;
        Ok((Outcome::SignedIn, took))
    }
}
