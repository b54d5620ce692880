//! Where a flow is led: the sign-on policy, walked anew from its root, and what the relying party needs besides.

use super::{Again, Around, At, Failure, Flow, Who};
use crate::domain::policy::{About, Next, Source, Step, Why};
use crate::protocol::acr::Acr;
use crate::protocol::authorization_request::Prompt;
use crate::protocol::id::UserId;

impl Flow {
    pub(super) fn settled(mut self, around: &Around<'_>) -> Self {
        let before = (self.ceremony.is_some() || self.second_factor.is_some()).then(|| self.at.clone());
        self.ways = Vec::new();
        // [RFC 8628 §5.4] first of all, so that nobody signs in for a device that they have not looked at.
        if self.device.as_ref().is_some_and(|device| !device.confirmed) {
            self.at = At::Device;
            return self;
        }
        self.at = match around.policy.next(&self.notes, &self.facts(around)) {
            // Nobody types a password in vain.
            Next::Ask(_) if !self.may_be_accepted(around) => At::Failed(Failure::NotWellEnough),
            // Who has said since then to be somebody has not proved it: a second factor would be nobody's.
            Next::Ask(step) if step.source == Source::Mfa && self.user().is_none() => {
                At::Failed(Failure::NothingVerified)
            }
            Next::Ask(step) => {
                let source = self.asked_by(step, around);
                if self.session.is_some() {
                    self.again = Some(self.falls_short(step));
                }
                self.ways = step.sources().filter(|way| *way != source && self.serves(*way, around)).collect();
                At::Asking(step.id.clone(), source)
            }
            Next::Refused(Why::ByPolicy) => At::Failed(Failure::ByPolicy),
            Next::Refused(Why::NothingVerified) => At::Failed(Failure::NothingVerified),
            Next::Done => match (&self.who, self.authenticated.is_some()) {
                (Who::Proved(user), true) => self.after_authentication(*user, around),
                (Who::Proved(_) | Who::Claimed(_) | Who::Nobody, _) => At::Failed(Failure::NothingVerified),
            },
        };
        // What was to be signed was for that step, and for whoever it was then; and so was what it came to.
        if before.is_some_and(|before| before != self.at) {
            self.ceremony = None;
            self.second_factor = None;
            self.newcomer = None;
            self.managing = None;
        }
        self
    }

    /// Why a step is asked of whoever has a session.
    fn falls_short(&self, step: &Step) -> Again {
        let stood_for_it = self.notes.of(&step.id).is_some();
        let had = self.authenticated.as_ref().map(|authentication| authentication.acr);
        let wants_more = step.when.iter().any(|condition| match &condition.about {
            About::Asked(acr) => !condition.not && had.is_none_or(|had| had < *acr),
            About::Client(_) | About::Scope(_) | About::NotWithin(_) | About::Network(_) | About::Person(..) => false,
        });
        if stood_for_it && !wants_more { Again::LongAgo } else { Again::Stronger }
    }

    /// What is asked in a step: what the person has chosen, where the policy still offers it; or else the first
    /// that may come to what the relying party needs.
    fn asked_by(&self, step: &Step, around: &Around<'_>) -> Source {
        let chosen = self.turned.as_ref().filter(|(id, source)| *id == step.id && step.offers(*source));
        let first = || step.sources().find(|source| self.serves(*source, around)).unwrap_or(step.source);
        chosen.map_or_else(first, |(_, source)| *source)
    }

    /// Whether it can be had, and nobody does it in vain: the relying party needs nothing in particular, or this,
    /// or something that another step asks.
    fn serves(&self, source: Source, around: &Around<'_>) -> bool {
        let own = |source: Source| self.is_accepted(source, around);
        let needs_none = self.needed().is_empty();
        can_be_had(source, around)
            && (needs_none || own(source) || around.policy.steps().into_iter().any(|step| own(step.source)))
    }

    fn is_accepted(&self, source: Source, around: &Around<'_>) -> bool {
        can_be_had(source, around) && source.reaches().iter().any(|acr| self.accepts(*acr))
    }

    fn after_authentication(&self, user: UserId, around: &Around<'_>) -> At {
        // [OIDCC §3.1.2.1, §5.5]
        if self.meant.is_some_and(|meant| meant != user) {
            return At::Failed(Failure::AnotherPerson);
        }
        if !self.authentication().is_some_and(|authentication| self.accepts(authentication.acr)) {
            return At::Failed(Failure::NotWellEnough);
        }
        if self.agreed.is_some() {
            return At::Ready;
        }
        let asked = self.asked();
        let before = around.remembered.is_some_and(|remembered| asked.is_within(remembered));
        // [RFC 9396 §2] details are of one request: what was agreed to before, or goes without saying, was another one.
        let given = (around.implied_consent || before) && self.request.extent.details.is_empty();
        // [OIDCC §3.1.2.1] prompt=consent asks again, whatever was agreed to before.
        if given && !self.request.prompts(Prompt::Consent) { At::Ready } else { At::Consent(asked) }
    }

    /// The classes of which the relying party needs one. None: any will do.
    fn needed(&self) -> &[String] {
        let asked = self.request.extent.claims.acr.as_ref().filter(|asked| asked.essential);
        asked.map(|asked| asked.values.as_slice()).unwrap_or_default()
    }

    /// [OIDCC §5.5.1.1] an essential `acr` that is none of the values is a failed authentication.
    fn accepts(&self, acr: Acr) -> bool {
        self.needed().is_empty() || self.needed().iter().any(|needed| needed == acr.as_str())
    }

    fn may_be_accepted(&self, around: &Around<'_>) -> bool {
        self.needed().is_empty() || around.policy.sources().any(|source| self.is_accepted(source, around))
    }

    /// Whether the session stands for a step: what it falls short of has to be proved, and so has what the relying
    /// party needs and it is not, be it more.
    pub(super) fn is_worth(&self, had: Acr, step: &Step) -> bool {
        let classes = || step.sources().flat_map(Source::reaches).copied();
        classes().any(|acr| had >= acr) && (self.accepts(had) || !classes().any(|acr| self.accepts(acr)))
    }
}

const fn can_be_had(source: Source, around: &Around<'_>) -> bool {
    match source {
        Source::Identifier | Source::Password | Source::Mfa => true,
        Source::Passkey => around.passkeys,
    }
}
