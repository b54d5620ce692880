//! Pushes, on the parts: where phones are reached, and who sends.

use std::sync::Arc;

use super::{Parts, Settings, Wiring};
use crate::domain::silent_push::ProofValues;
use crate::outbound::push::Gateways;
use crate::secret::MasterKey;
use crate::store::ephemeral::Shelf;
use crate::store::kept::Kept;
use crate::store::shelves::DeviceBell;
use crate::store::sql::outbox::Outbox;
use crate::store::sql::push::{PushCredentials, PushTokens};
use crate::usecase::push::forget::ForgetPhone;
use crate::usecase::push::register::RegisterPush;
use crate::usecase::push::send::{Breakers, SendPush};
use crate::worker::Worker;

/// Applications whose keys are kept as they were read.
const APPLICATIONS: usize = 1000;

/// What is in a push that nobody sees.
pub(super) fn proof_values(master: &MasterKey) -> ProofValues {
    ProofValues::new(master.derive("silent push"))
}

/// Tells phones.
pub(super) fn send(settings: &Settings, parts: &Parts, master: &Arc<MasterKey>, worker: &Worker) {
    let tokens = PushTokens::new(parts.database.clone(), Arc::clone(&parts.directory));
    let send = SendPush {
        outbox: Outbox::new(parts.database.clone()),
        bell: parts.settle.pushes.bell.clone(),
        requests: parts.requests.clone(),
        silent: Shelf::new(Arc::clone(&parts.ephemeral)),
        values: proof_values(master),
        tokens: tokens.clone(),
        credentials: PushCredentials::new(parts.database.clone()),
        directory: Arc::clone(&parts.directory),
        gateways: Gateways::new(&settings.egress, &settings.push, Arc::clone(&parts.entropy)),
        dev_inbox: parts.carriers.dev_inbox.clone().filter(|_| settings.dev_mode),
        forget: ForgetPhone {
            tokens,
            withdraw: parts.withdraw(),
            tell: parts.tell(),
            bell: DeviceBell::new(Arc::clone(&parts.ephemeral)),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
        },
        master: Arc::clone(master),
        ledger: parts.ledger.clone(),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
        breakers: Breakers::default(),
        read: Kept::new(APPLICATIONS),
    };
    // Not cut off in the middle of a call, which another node would make again.
    worker.finish_first(|stop| async move { send.run(stop).await });
}

impl Wiring {
    pub(super) fn register_push(&self) -> RegisterPush {
        RegisterPush {
            tokens: PushTokens::new(self.parts.database.clone(), self.directory()),
            directory: self.directory(),
            egress: self.settings.egress.clone(),
            master: Arc::clone(&self.master),
            recognise: self.master.derive("push token"),
            clock: self.clock(),
            entropy: self.entropy(),
        }
    }
}
