//! The browser comes for the answer of its flow, once, and goes back to the relying party.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::Action;
use crate::domain::flow::{At, Flow};
use crate::protocol::authorization_response::Carrier;
use crate::protocol::error::Refusal;
use crate::protocol::id::{BrowserKey, FlowId};
use crate::secret::constant_time_eq;
use crate::store::ephemeral::{Lifetime, Shelf};
use crate::usecase::Error;
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::sign_in::conclude::Conclude;
use crate::usecase::sign_in::respond::Respond;
use crate::usecase::sign_in::shown::refused;
use crate::usecase::sign_in::{Browser, SignedIn};

/// Where a browser comes for its answer. The address can be told again and again without being kept
/// anywhere, and is good for one visit: the flow is left then.
pub struct Tickets {
    pub key: ring::hmac::Key,
    pub issuer: String,
    pub clock: Arc<dyn Clock>,
}

/// Whoever is told the address goes there at once. One that was told before is told anew to whoever asks.
const LIFETIME: Duration = Duration::from_secs(2 * 60);

impl Tickets {
    pub const PATH: &str = "/as/resume";

    pub fn resume_url(&self, id: &FlowId, flow: &Flow) -> String {
        let ticket = self.ticket(id, flow, self.clock.now() + LIFETIME);
        format!("{}{}/{}?ticket={ticket}", self.issuer, Self::PATH, id.expose())
    }

    fn ticket(&self, id: &FlowId, flow: &Flow, until: Timestamp) -> String {
        let until = until.millis();
        let about = [id.expose().as_bytes(), flow.transaction.uuid().as_bytes(), &until.to_be_bytes()].concat();
        format!("{until}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&self.key, &about)))
    }

    /// Why a ticket admits nobody, if it does not.
    fn refusal(&self, id: &FlowId, flow: &Flow, ticket: &str) -> Option<&'static str> {
        let until = ticket.split_once('.').and_then(|(until, _)| until.parse().ok()).map(Timestamp::from_millis);
        let ours = |until| constant_time_eq(self.ticket(id, flow, until).as_bytes(), ticket.as_bytes());
        match until {
            Some(until) if !ours(until) => Some("another ticket"),
            Some(until) => (self.clock.now() >= until).then_some("a ticket of before"),
            None => Some("no ticket"),
        }
    }
}

pub struct Leave {
    pub flows: Shelf<Flow>,
    pub conclude: Arc<Conclude>,
    pub tickets: Arc<Tickets>,
    pub refusals: RecordRefusal,
    pub clock: Arc<dyn Clock>,
    pub respond: Arc<Respond>,
}

/// What a browser takes along.
#[derive(Debug)]
pub struct Left {
    pub carrier: Carrier,
    pub session: Option<SignedIn>,
}

impl Leave {
    #[tracing::instrument(level = "debug", name = "leave_flow", skip_all)]
    pub async fn leave(&self, id: &FlowId, ticket: &str, browser: &Browser) -> Result<Left, Error> {
        let digest = id.digest();
        let gone = |why| Refusal::invalid_request("This sign-in is over, or belongs to another browser.").because(why);
        let found = self.flows.find(&digest).await?.ok_or_else(|| gone("there is no such flow"))?;
        let flow = found.value()?;
        if browser.key.as_ref().map(BrowserKey::digest) != Some(flow.browser) {
            return Err(gone("another browser's flow").into());
        }
        if let Some(why) = self.tickets.refusal(id, &flow, ticket) {
            return Err(gone(why).into());
        }
        if flow.is_over(self.clock.now()) {
            return Err(gone("the flow is over").into());
        }
        let client = self.conclude.known.directory.client(&flow.client).await?;
        let client = client.ok_or_else(|| gone("the client is gone"))?;
        let over = flow.clone().left().ok_or_else(|| gone("the flow is not at its end"))?;
        self.respond.ready(&client, &flow.request.destination).await?;
        // First, so that of all who come one goes on.
        if !self.flows.replace(&digest, &found, &over, Lifetime::Keep).await? {
            return Err(gone("left by another visit").into());
        }
        let failed = match &flow.at {
            At::Failed(failure) => Some(failure.refusal()),
            At::Ready
            | At::UserCode
            | At::Account(_)
            | At::Device
            | At::Asking(..)
            | At::Errand(_)
            | At::Consent(_)
            | At::Completed(_)
            | At::Left
            | At::Connected => None,
        };
        let concluded = match failed {
            Some(refusal) => Err(Error::Refused(refusal)),
            None => self.conclude.conclude(&flow, browser).await,
        };
        match concluded {
            Ok(concluded) => {
                let session = concluded.session.as_ref().map(|signed_in| &signed_in.session);
                let session = session.or(browser.session.as_ref());
                let destination = &flow.request.destination;
                let carrier = self.respond.signed_in(&client, destination, concluded.response, session).await?;
                Ok(Left { carrier, session: concluded.session })
            }
            Err(Error::Refused(refusal)) => {
                let reason = format!("{}: {}", refusal.code.as_str(), refusal.detail);
                self.refusals.record(Action::SignInRefused, reason, Some(flow.client.clone())).await;
                let destination = &flow.request.destination;
                let carrier = self.respond.carried(&client, destination, refused(&refusal)).await?;
                Ok(Left { carrier, session: None })
            }
            Err(error) => {
                // Nothing was given: whoever comes again is to find the flow as it was.
                let back = self.flows.update(&digest, Lifetime::Keep, |_| (flow.clone(), ())).await;
                if back.is_err() {
                    tracing::warn!(request.id = %flow.transaction, "a flow that gave no answer cannot be tried again");
                }
                Err(error)
            }
        }
    }
}
