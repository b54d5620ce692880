//! A browser in which somebody is not asked for a second factor again, where they say so [flows.md D.1, `rememberMe.web`].

use std::sync::Arc;
use std::time::Duration;

use crate::domain::client::Client;
use crate::domain::flow::Flow;
use crate::domain::remembered::Remembered;
use crate::protocol::flow_api::{DetailCode, FlowRefusal, Members, REMEMBER_ME};
use crate::protocol::id::RememberedKey;
use crate::store::ephemeral::StoreError;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::second_factor::SecondFactors;
use crate::usecase::sign_in::{Browser, Judged, Known};

impl Known {
    /// For how long the person may have this browser remembered. `None`: they may not.
    pub(super) async fn remember_for(&self, flow: &Flow, client: &Arc<Client>) -> Result<Option<Duration>, StoreError> {
        if flow.may_be_remembered_by().is_none() {
            return Ok(None);
        }
        let now = self.second_factors.evaluate.clock.now();
        let judged = self.judged(Arc::clone(client), flow.user(), now).await?;
        let remembered = self.second_factors.rememberable(flow, &judged).await?;
        Ok(remembered.map(|own| own.until.since(own.since)))
    }
}

impl SecondFactors {
    /// What would be kept of this browser. `None`: nothing may be.
    async fn rememberable(&self, flow: &Flow, judged: &Judged) -> Result<Option<Remembered>, StoreError> {
        let (Some(device), Some(user)) = (flow.may_be_remembered_by(), flow.user()) else { return Ok(None) };
        let Some(policy) = flow.mfa_policy(&judged.around()) else { return Ok(None) };
        let policy = self.evaluate.policy(&policy).await?;
        Ok(Remembered::by((user, device), &policy, judged.now))
    }

    /// The same, where the person wants it. Refused: they may not.
    pub(super) async fn wished(
        &self,
        flow: &Flow,
        judged: &Judged,
        members: &Members,
    ) -> Result<Option<Remembered>, FlowError> {
        if !members.flag(REMEMBER_ME) {
            return Ok(None);
        }
        let remembered = self.rememberable(flow, judged).await?;
        let refused = || {
            let why = "a browser that cannot be remembered";
            FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some(REMEMBER_ME), why)
        };
        Ok(Some(remembered.ok_or_else(refused)?))
    }

    /// Once the flow has gone on. By what the browser is known then; `None`: by nothing new. Whoever cannot be remembered is
    /// asked again, and signs in all the same.
    pub(super) async fn remember(
        &self,
        flow: &Flow,
        wish: Option<&Remembered>,
        browser: &Browser,
    ) -> Option<RememberedKey> {
        let remembered = wish?;
        let key = RememberedKey::new(self.entropy.token());
        let (digest, before) = (key.digest(), browser.remembered_by());
        let browsers = &self.evaluate.remembered;
        match browsers.remember((&digest, before.as_ref()), remembered, flow.password).await {
            Ok(true) => {
                let event = self.event(flow, remembered.since).device(remembered.device);
                self.ledger.audit(event.of("remember_me")).await;
                Some(key)
            }
            Ok(false) => None,
            Err(error) => {
                tracing::warn!(request.id = %flow.transaction, %error, "a browser was not remembered");
                None
            }
        }
    }
}
