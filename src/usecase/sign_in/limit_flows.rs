//! How many flows one network, and one browser, may have [security.md 5.6].

use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::flow::errand::ErrandFlow;
use crate::domain::flow::of_browser::FlowsOfBrowser;
use crate::domain::flow::{Flow, LONGEST};
use crate::metrics::Limit;
use crate::protocol::flow_api::FlowErrorCode;
use crate::protocol::id::{BrowserKey, FlowId};
use crate::secret::Digest;
use crate::store::ephemeral::{Attempts, Shelf, StoreError};
use crate::usecase::Error;
use crate::usecase::limit::{Most, limit};
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::left;

#[derive(Clone, Copy, Debug)]
pub struct MostFlows {
    /// Begun in a minute, from one network.
    pub begun: u32,
    /// Asked for in a minute, from one network, where there are none.
    pub missed: u32,
    /// Of one browser at a time.
    pub of_browser: usize,
}

pub struct LimitFlows {
    pub most: MostFlows,
    pub attempts: Attempts,
    pub flows: Shelf<Flow>,
    pub errands: Shelf<ErrandFlow>,
    pub of_browsers: Shelf<FlowsOfBrowser>,
}

const WINDOW: Duration = Duration::from_secs(60);

impl LimitFlows {
    /// Before a flow is kept: each takes room for an hour, and anybody may begin one.
    pub async fn admit(&self, from: IpAddr) -> Result<(), Error> {
        let most = Most { what: "flow", times: self.most.begun, window: WINDOW, limit: Limit::Flows };
        self.one_more(most, from).await
    }

    /// Keeps a flow that has begun. Whoever has no cookies has no browser that could be counted.
    pub async fn keep(&self, id: &FlowId, flow: &Flow, now: Timestamp) -> Result<(), StoreError> {
        self.flows.insert(&id.digest(), flow, left(flow.started_at, now)).await?;
        if flow.cookieless { Ok(()) } else { self.begun(&flow.browser, id.digest(), now).await }
    }

    /// After it is kept, so that none is there that is not counted.
    pub async fn begun(
        &self,
        browser: &Digest<BrowserKey>,
        id: Digest<FlowId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let most = self.most.of_browser;
        let begun = |flows: FlowsOfBrowser| flows.begun(id, now, most);
        for gone in self.of_browsers.upsert(browser, LONGEST, begun).await? {
            self.flows.remove(&gone).await?;
            self.errands.remove(&gone).await?;
        }
        Ok(())
    }

    /// What whoever asked is told. Misses alone are counted: an identifier is worth nothing without the browser's key,
    /// so that nobody who has both has to wait for those who guess next door.
    pub async fn missed(&self, error: FlowError, from: IpAddr) -> FlowError {
        let FlowError::Refused(refusal) = &error else { return error };
        if refusal.code != FlowErrorCode::FlowNotFound {
            return error;
        }
        let most = Most { what: "flow id", times: self.most.missed, window: WINDOW, limit: Limit::FlowMisses };
        self.one_more(most, from).await.map_or_else(FlowError::Other, |()| error)
    }

    async fn one_more(&self, most: Most<'_>, from: IpAddr) -> Result<(), Error> {
        match limit(&self.attempts, most, from.to_string().as_bytes()).await? {
            Some(retry_after) => Err(Error::TooMany { retry_after }),
            None => Ok(()),
        }
    }
}
