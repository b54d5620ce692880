//! Errands that belong to no sign-in [flows.md F18]: a person changes their password, or gets over a
//! forgotten one.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::Clock;
use crate::domain::application::Application;
use crate::domain::flow::errand::{Errand, ErrandFlow, Old};
use crate::domain::recovery::Means;
use crate::entropy::Entropy;
use crate::protocol::flow_api::{Action, FlowRefusal, Members};
use crate::protocol::id::{BrowserKey, FlowId};
use crate::store::ephemeral::{Found, Lifetime, Shelf, StoreError};
use crate::usecase::Error;
use crate::usecase::sign_in::advance::{Calling, FlowError};
use crate::usecase::sign_in::errand::RunErrand;
use crate::usecase::sign_in::limit_flows::LimitFlows;
use crate::usecase::sign_in::{Browser, Page, left};

pub struct Beside {
    pub flows: Shelf<ErrandFlow>,
    pub run: Arc<RunErrand>,
    pub limits: Arc<LimitFlows>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// What somebody came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    Change,
    /// `ticket`: from the link of a message.
    Recover {
        ticket: Option<&'a str>,
    },
}

/// An errand as whoever runs it sees it.
#[derive(Clone, Debug)]
pub struct ErrandSeen {
    pub id: FlowId,
    pub flow: ErrandFlow,
    /// Of the person, once somebody has shown that they may know it.
    pub username: Option<String>,
}

#[derive(Debug)]
pub struct Begun {
    pub id: FlowId,
    /// For a browser that had none.
    pub key: Option<BrowserKey>,
    /// Who shows it, where that is not us.
    pub application: Option<Arc<Application>>,
}

impl Beside {
    /// Whether a forgotten password can be got over at all.
    pub fn can_recover(&self) -> bool {
        self.run.recover.is_some()
    }

    /// What letters about forgotten passwords have in them.
    pub fn means(&self) -> Means {
        self.run.recover.as_ref().map(|recover| recover.means).unwrap_or_default()
    }

    pub async fn begin(
        &self,
        purpose: Purpose<'_>,
        (browser, from): (&Browser, IpAddr),
        ui_locales: Option<&str>,
    ) -> Result<Begun, Error> {
        let now = self.clock.now();
        self.limits.admit(from).await?;
        let errand = match purpose {
            Purpose::Change => match self.run.known.session(browser, now).await? {
                Some(session) => Errand::Choosing { user: session.user, old: Old::ToBeGiven },
                None => Errand::Current { username: String::new() },
            },
            Purpose::Recover { ticket } => self.recovering(ticket).await?,
        };
        let (recognised, key) = browser.recognised(&self.entropy);
        let ui_locales = ui_locales.filter(|text| text.len() <= LONGEST_LOCALES).map(str::to_owned);
        let flow = ErrandFlow { browser: recognised, errand, over: false, ui_locales, started_at: now };
        let id = FlowId::new(self.entropy.alphanumeric());
        self.flows.insert(&id.digest(), &flow, left(flow.started_at, now)).await?;
        self.limits.begun(&recognised, id.digest(), now).await?;
        let application = self.run.known.directory.sign_on().await?.default_application().cloned();
        Ok(Begun { id, key, application })
    }

    async fn recovering(&self, ticket: Option<&str>) -> Result<Errand, StoreError> {
        let opened = match (ticket, &self.run.recover) {
            (Some(ticket), Some(recover)) => recover.open(ticket).await?,
            (Some(_) | None, _) => None,
        };
        Ok(match opened {
            Some((recovery, user)) => Errand::Resetting { recovery, user },
            None => Errand::Asking { username: String::new(), late: ticket.is_some() },
        })
    }

    /// Where it is. Changes nothing.
    pub async fn read(
        &self,
        id: &FlowId,
        (browser, from): (&Browser, IpAddr),
        page: Page<'_>,
    ) -> Result<ErrandSeen, FlowError> {
        let (_, flow) = self.found(id, (browser, from), page).await?;
        Ok(self.seen(id, flow).await?)
    }

    /// The languages that were wished for when it began, for whoever may see it.
    pub async fn ui_locales(
        &self,
        id: &FlowId,
        browser: &Browser,
        page: Page<'_>,
    ) -> Result<Option<String>, FlowError> {
        let (_, flow) = self.find(id, browser, page).await?;
        Ok(flow.ui_locales)
    }

    /// One action, and where it is then. Refused, it is where it was.
    #[tracing::instrument(level = "debug", name = "run_errand", skip_all)]
    pub async fn act(
        &self,
        id: &FlowId,
        calling: Calling<'_>,
        action: Action,
        body: &Value,
    ) -> Result<ErrandSeen, FlowError> {
        let (found, flow) = self.found(id, (calling.browser, calling.from), calling.page).await?;
        if !flow.actions().contains(&action) {
            return Err(FlowRefusal::not_now().into());
        }
        let members = Members::parse(action, body)?;
        let next = if action == Action::ContinueAuthentication {
            flow.continued()
        } else {
            let errand = self.run.act(flow.errand.clone(), action, &members, calling, None).await?;
            errand.map(|errand| ErrandFlow { errand, ..flow })
        };
        let next = next.ok_or_else(FlowRefusal::not_now)?;
        let lifetime = Lifetime::Renew(left(next.started_at, self.clock.now()));
        if !self.flows.replace(&id.digest(), &found, &next, lifetime).await? {
            // Somebody else was faster: what was to be done is a link of the state no more.
            return Err(FlowRefusal::not_now().into());
        }
        tracing::info!(action = action.as_str(), status = next.status().as_str(), "errand");
        Ok(self.seen(id, next).await?)
    }

    /// An errand that this browser may see. Every reason why not reads the same.
    async fn find(
        &self,
        id: &FlowId,
        browser: &Browser,
        page: Page<'_>,
    ) -> Result<(Found<ErrandFlow>, ErrandFlow), FlowError> {
        let not_found = |why| FlowError::from(FlowRefusal::not_found(why));
        let found = self.flows.find(&id.digest()).await?.ok_or_else(|| not_found("there is no such flow"))?;
        let flow = found.value()?;
        if browser.key.as_ref().map(BrowserKey::digest) != Some(flow.browser) {
            return Err(not_found("another browser's flow"));
        }
        if flow.is_over(self.clock.now()) {
            return Err(not_found("the flow is over"));
        }
        if let Page::Of(origin) = page {
            let sign_on = self.run.known.directory.sign_on().await?;
            if !sign_on.default_application().is_some_and(|application| application.admits(origin)) {
                return Err(not_found("a page of another application"));
            }
        }
        Ok((found, flow))
    }

    /// The same. Whoever looks for a flow looks here last: what is not here is nowhere.
    async fn found(
        &self,
        id: &FlowId,
        (browser, from): (&Browser, IpAddr),
        page: Page<'_>,
    ) -> Result<(Found<ErrandFlow>, ErrandFlow), FlowError> {
        match self.find(id, browser, page).await {
            Ok(found) => Ok(found),
            Err(error) => Err(self.limits.missed(error, from).await),
        }
    }

    async fn seen(&self, id: &FlowId, flow: ErrandFlow) -> Result<ErrandSeen, StoreError> {
        let username = match flow.errand.user() {
            Some(user) => self.run.known.directory.user(&user).await?.map(|user| user.username.clone()),
            None => None,
        };
        Ok(ErrandSeen { id: id.clone(), flow, username })
    }
}

/// More is nobody's wish.
const LONGEST_LOCALES: usize = 200;
