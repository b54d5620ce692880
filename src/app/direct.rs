//! The direct API, on the parts.

use std::sync::Arc;

use super::Wiring;
use crate::http::device_authentications::DeviceAuthenticationsApi;
use crate::store::ephemeral::Shelf;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::rates::Rate;
use crate::usecase::sign_in::device_authentications::DeviceAuthentications;
use crate::usecase::sign_in::leave::Tickets;
use crate::words::Words;

impl Wiring {
    pub(super) fn device_authentications(&self, authorize: &Arc<Authorize>) -> DeviceAuthenticationsApi {
        let issuer = &self.settings.issuer;
        let known = self.known(&self.check_passkey());
        let (key, clock) = (self.master.derive("resume ticket"), self.clock());
        let tickets = Arc::new(Tickets { key, issuer: issuer.clone(), clock });
        let direct = DeviceAuthentications {
            shown: self.shown(&known, &tickets),
            known,
            kept: Shelf::new(self.store()),
            requests: Rate::of_backchannel_requests(self.settings.backchannel_requests),
            asked: Rate::of_questions(self.settings.questions_per_user),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        DeviceAuthenticationsApi {
            authorize: Arc::clone(authorize),
            direct,
            words: Words::new(&[]),
            refusals: self.parts.refusals.clone(),
            base: issuer.as_str().into(),
        }
    }
}
