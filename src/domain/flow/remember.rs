//! Browsers in which somebody is not asked for a second factor again, for some time [flows.md D.1, `rememberMe.web`].

use super::{Around, At, Flow, SecondFactor};
use crate::domain::policy::Source;
use crate::protocol::authorization_request::Prompt;
use crate::protocol::id::{DeviceId, RememberedKey};
use crate::secret::Digest;

impl Flow {
    /// In the browser that has this, or in one that has nothing.
    #[must_use]
    pub fn in_browser(self, remembered_by: Option<Digest<RememberedKey>>) -> Self {
        Self { remembered_by, ..self }
    }

    /// The device that the person has just shown, where this browser may be remembered for it. `None`: they have shown
    /// nothing now, or an app is there, which proves by its key what it is; or whoever runs the flow keeps no cookie, or is a
    /// server that has them asked while nobody signs in.
    pub fn may_be_remembered_by(&self) -> Option<DeviceId> {
        let by = match &self.second_factor {
            Some(SecondFactor::Authorized(trusted)) if !trusted.is_silent() => Some(trusted.device),
            Some(SecondFactor::OtpVerified(_) | SecondFactor::PasskeyVerified(_)) => self.asked_on,
            Some(_) | None => None,
        };
        by.filter(|_| !self.cookieless && self.app.is_none() && self.authenticated.is_some())
    }

    /// By what the browser is remembered in which a second factor is asked for. `None`: by nothing, or the policy, the person
    /// who is asked to sign in anew, or the relying party wants it shown now: a browser proves nothing, and so no `acr` that
    /// only a second factor reaches, nor that somebody agrees to what was never asked before.
    pub fn spared_by(&self, around: &Around<'_>) -> Option<Digest<RememberedKey>> {
        let At::Asking(step, Source::Mfa) = &self.at else { return None };
        let step = around.policy.steps().into_iter().find(|own| own.id == *step)?;
        let facts = self.facts(around);
        let wants_more = facts.asked.is_some_and(|asked| facts.reached.is_none_or(|reached| reached < asked));
        let request = &self.request;
        let anew = request.prompts(Prompt::Login) || request.max_age == Some(0);
        let of_one_request = !request.extent.details.is_empty();
        let shown_now = wants_more || anew || of_one_request || step.wants_anew(&facts);
        self.remembered_by.filter(|_| !shown_now)
    }
}
