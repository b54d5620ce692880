//! Waiting for the answer [CIBA §10.1.1, §11], or not waiting any longer.

use std::future::pending;
use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::provider::Provider;
use super::report::{Check, Outcome, Step};
use super::tokens::{Ties, TokenResponse};
use super::{OAuthError, RelyingParty};
use crate::cli::exchange::{Answer, PROMPT, Unanswered};
use crate::cli::exit::{Exit, Why};

/// Seconds [CIBA §7.3, RFC 8628 §3.2].
pub(super) const DEFAULT_INTERVAL: u64 = 5;
/// [CIBA §11, RFC 8628 §3.5] what each `slow_down` adds.
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// [CIBA §10.1.1] a provider may hold a poll for a while; 30 seconds are usual.
const HELD: Duration = Duration::from_secs(40);
/// After the request has expired, a provider has this long to say so.
const GRACE: Duration = Duration::from_secs(15);
/// Polls in a row without an answer, before the provider counts as unreachable.
const SILENT: u32 = 3;

/// What is polled for.
pub(super) struct Pending {
    /// The form of each poll.
    pub(super) redemption: Vec<(&'static str, String)>,
    /// Seconds.
    pub(super) interval: u64,
    /// Seconds.
    pub(super) expires_in: u64,
    pub(super) withdrawal: Option<Withdrawal>,
}

/// The revocation endpoint takes an `auth_req_id` back: a person is not bothered any longer.
pub(super) struct Withdrawal {
    pub(super) after: Duration,
    pub(super) form: [(&'static str, String); 2],
}

enum Answered {
    Tokens(Box<TokenResponse>),
    Denied,
    Expired,
    Withdrawn,
}

/// What the next poll has to keep to.
struct Pace {
    interval: Duration,
    /// When the request is withdrawn, if it is to be and is not yet.
    withdraw_at: Option<Instant>,
    withdrawn: bool,
}

impl Pace {
    /// How long to wait before the next poll.
    fn next(&mut self, not_yet: NotYet, retry_after: Option<Duration>, took: Duration) -> Duration {
        let retry_after = retry_after.unwrap_or_default();
        match not_yet {
            // A poll that was held has waited its time.
            NotYet::Pending if took >= self.interval => retry_after,
            NotYet::Pending | NotYet::Unavailable => self.interval.max(retry_after),
            NotYet::SlowDown => {
                // [CIBA §11] for this and all later polls.
                self.interval += SLOW_DOWN;
                self.interval.max(retry_after)
            }
        }
    }
}

/// What one answer means.
enum Poll {
    Answered(Answered),
    NotYet(NotYet),
    /// Not what a provider may say at this point.
    Broken(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotYet {
    Pending,
    SlowDown,
    /// The provider cannot answer now.
    Unavailable,
}

impl<W: Write, A> RelyingParty<W, A> {
    /// Waits for the answer, and how long it took. Tokens are checked, and may be had once only.
    pub(super) async fn outcome(
        &mut self,
        provider: &Provider,
        ties: Ties<'_>,
        pending: &Pending,
        asked_at: Instant,
    ) -> Result<(Outcome, Duration), Exit> {
        let answered = self.await_answer(provider, pending, asked_at).await?;
        let took = asked_at.elapsed();
        let outcome = match answered {
            Answered::Tokens(tokens) => {
                self.check_tokens(provider, ties, &tokens).await?;
                self.redeem_again(provider, &pending.redemption).await?;
                Outcome::Approved
            }
            Answered::Denied => Outcome::Denied,
            Answered::Expired => Outcome::Expired,
            Answered::Withdrawn => Outcome::Withdrawn,
        };
        Ok((outcome, took))
    }

    async fn await_answer(
        &mut self,
        provider: &Provider,
        pending: &Pending,
        asked_at: Instant,
    ) -> Result<Answered, Exit> {
        let mut pace = Pace {
            interval: Duration::from_secs(pending.interval),
            withdraw_at: pending.withdrawal.as_ref().map(|withdrawal| asked_at + withdrawal.after),
            withdrawn: false,
        };
        let give_up_at = asked_at + Duration::from_secs(pending.expires_in.min(86_400)) + GRACE;
        let mut silent = 0;
        for number in 1_u32.. {
            let name = format!("token (poll {number})");
            let started = Instant::now();
            let wait = match self.poll(provider, pending, &mut pace).await? {
                Ok(answer) => {
                    silent = 0;
                    let step = match self.read_poll(&name, &answer, pace.withdrawn)? {
                        Poll::Answered(answered) => return Ok(answered),
                        Poll::Broken(exit) => return Err(Exit::told(exit)),
                        Poll::NotYet(step) => step,
                    };
                    let wait = pace.next(step, answer.retry_after(), started.elapsed());
                    if step == NotYet::Unavailable && Instant::now() + wait > give_up_at {
                        return Err(Exit::unreachable("the provider cannot answer"));
                    }
                    wait
                }
                Err(error) => {
                    silent += 1;
                    if silent == SILENT {
                        return Err(self.unanswered(&error));
                    }
                    self.report.no_answer(&name, &error.to_string())?;
                    pace.interval * silent
                }
            };
            let next_at = Instant::now() + wait;
            if next_at > give_up_at {
                return Ok(Answered::Expired);
            }
            while pace.withdraw_at.is_some_and(|at| at < next_at) {
                until(pace.withdraw_at).await;
                self.withdraw(provider, pending, &mut pace).await?;
            }
            sleep_until(next_at).await;
        }
        Ok(Answered::Expired)
    }

    /// One poll; while it is held, the request may be withdrawn.
    async fn poll(
        &mut self,
        provider: &Provider,
        pending: &Pending,
        pace: &mut Pace,
    ) -> Result<Result<Answer, Unanswered>, Exit> {
        let (http, credentials) = (self.http.clone(), self.credentials.clone());
        let request = http
            .post(&provider.token_endpoint)
            .header(reqwest::header::AUTHORIZATION, credentials)
            .form(&pending.redemption);
        let mut answer = std::pin::pin!(crate::cli::exchange::send(request, HELD));
        loop {
            tokio::select! {
                answer = &mut answer => return Ok(answer),
                () = until(pace.withdraw_at) => self.withdraw(provider, pending, pace).await?,
            }
        }
    }

    fn read_poll(&mut self, name: &str, answer: &Answer, withdrawn: bool) -> Result<Poll, Exit> {
        let mut step = Step::new(name, answer);
        step.expect("no-store", answer.is_not_stored());
        let poll = if answer.status == 200 {
            if let Some(tokens) = answer.json::<TokenResponse>().filter(|_| answer.is_json()) {
                step.checks.extend(tokens.checks());
                Poll::Answered(Answered::Tokens(Box::new(tokens)))
            } else {
                step.checks.push(Check::failed("answer", "not a token response"));
                Poll::Broken(Why::Failed)
            }
        } else {
            read_error(answer, withdrawn, &mut step)
        };
        self.report.step(step)?;
        Ok(poll)
    }

    async fn withdraw(&mut self, provider: &Provider, pending: &Pending, pace: &mut Pace) -> Result<(), Exit> {
        pace.withdraw_at = None;
        let (Some(endpoint), Some(withdrawal)) = (&provider.revocation_endpoint, &pending.withdrawal) else {
            return Ok(());
        };
        let answer = self.post(endpoint, &withdrawal.form, PROMPT).await.map_err(|error| self.unanswered(&error))?;
        let mut step = Step::new("revoke (withdraw)", &answer);
        if answer.status != 200 {
            step.checks.push(Check::failed("status 200", answer.status.to_string()));
            return Err(self.refused(step, &answer)?);
        }
        "the request is withdrawn".clone_into(&mut step.said);
        self.report.step(step)?;
        pace.withdrawn = true;
        Ok(())
    }

    /// [CIBA §10.1.1, RFC 6749 §4.1.2, RFC 8628 §3.5] tokens are given once.
    pub(super) async fn redeem_again(
        &mut self,
        provider: &Provider,
        redemption: &[(&'static str, String)],
    ) -> Result<(), Exit> {
        let answer =
            self.post(&provider.token_endpoint, redemption, HELD).await.map_err(|error| self.unanswered(&error))?;
        let mut step = Step::new("token (again)", &answer);
        let code = answer.json::<OAuthError>().map(|error| error.error).unwrap_or_default();
        step.said.clone_from(&code);
        step.checks.push(Check::that("exactly once", answer.status == 400 && code == "invalid_grant", || {
            if answer.status == 200 { "tokens again".to_owned() } else { format!("{} {code}", answer.status) }
        }));
        self.report.step(step)?;
        Ok(())
    }
}

fn read_error(answer: &Answer, withdrawn: bool, step: &mut Step) -> Poll {
    let Some(error) = answer.json::<OAuthError>().filter(|_| answer.is_json()) else {
        "not an OAuth error".clone_into(&mut step.said);
        return if answer.status >= 500 { Poll::NotYet(NotYet::Unavailable) } else { Poll::Broken(Why::Failed) };
    };
    step.said = match error.error.as_str() {
        "authorization_pending" | "slow_down" => error.error.clone(),
        _ => error.to_line(),
    };
    if answer.status >= 500 || answer.status == 429 {
        return Poll::NotYet(NotYet::Unavailable);
    }
    // [CIBA §11, RFC 6749 §5.2] 401 is for client authentication; all others are 400.
    step.expect("status 400", answer.status == 400 || error.error == "invalid_client");
    match error.error.as_str() {
        "authorization_pending" => Poll::NotYet(NotYet::Pending),
        "slow_down" => Poll::NotYet(NotYet::SlowDown),
        "access_denied" => Poll::Answered(Answered::Denied),
        "expired_token" => Poll::Answered(Answered::Expired),
        "invalid_grant" if withdrawn => Poll::Answered(Answered::Withdrawn),
        "invalid_client" | "unauthorized_client" => Poll::Broken(Why::NotPermitted),
        _ => Poll::Broken(Why::Failed),
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciba_11_the_pace_of_the_provider_is_kept() {
        const SECOND: Duration = Duration::from_secs(1);
        let mut pace = Pace { interval: 2 * SECOND, withdraw_at: None, withdrawn: false };
        assert_eq!(pace.next(NotYet::Pending, None, SECOND), 2 * SECOND);
        assert_eq!(pace.next(NotYet::Pending, None, 25 * SECOND), Duration::ZERO);
        assert_eq!(pace.next(NotYet::Unavailable, None, 25 * SECOND), 2 * SECOND);
        assert_eq!(pace.next(NotYet::Unavailable, Some(9 * SECOND), SECOND), 9 * SECOND);
        // Each slow_down adds five seconds, for good.
        assert_eq!(pace.next(NotYet::SlowDown, None, SECOND), 7 * SECOND);
        assert_eq!(pace.next(NotYet::Pending, None, SECOND), 7 * SECOND);
        assert_eq!(pace.next(NotYet::SlowDown, Some(SECOND), SECOND), 12 * SECOND);
    }
}
