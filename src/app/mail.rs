//! Letters, on the parts: who carries them, what is written, and what waits for them.

use std::sync::Arc;
use std::time::Duration;

use super::parts::Parts;
use super::{Settings, Wiring};
use crate::clock::Clock;
use crate::domain::otp::OtpSecrets;
use crate::domain::recovery::RecoverySecrets;
use crate::letters::Letters;
use crate::outbound::courier::Courier;
use crate::outbound::dev_inbox::DevInbox;
use crate::secret::MasterKey;
use crate::store::ephemeral::{Attempts, Shelf};
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::outbox::Outbox;
use crate::store::sql::passwords::Passwords;
use crate::usecase::recover_password::RecoverPassword;
use crate::usecase::send_mail::SendMail;
use crate::usecase::sign_in::Known;
use crate::usecase::sign_in::beside::Beside;
use crate::usecase::sign_in::errand::RunErrand;
use crate::usecase::sign_in::known_devices::KnownDevices;
use crate::usecase::sign_in::limit_flows::LimitFlows;
use crate::words::Words;
use crate::worker::Worker;

/// Who carries letters.
#[derive(Clone)]
pub enum Mail {
    /// Nobody gets any.
    Nobody,
    /// They stay here, to be read on a page.
    DevInbox,
    By(Arc<dyn Courier>),
}

/// Who carries letters, ready.
#[derive(Clone, Default)]
pub struct Carriers {
    pub courier: Option<Arc<dyn Courier>>,
    pub dev_inbox: Option<Arc<DevInbox>>,
}

impl Mail {
    pub(super) fn carriers(&self, clock: &Arc<dyn Clock>) -> Carriers {
        match self {
            Self::Nobody => Carriers::default(),
            Self::By(courier) => Carriers { courier: Some(Arc::clone(courier)), dev_inbox: None },
            Self::DevInbox => {
                let inbox = Arc::new(DevInbox::new(Arc::clone(clock)));
                Carriers { courier: Some(Arc::<DevInbox>::clone(&inbox)), dev_inbox: Some(inbox) }
            }
        }
    }
}

/// Sends what the outbox has for people.
pub(super) fn send(settings: &Settings, parts: &Parts, master: &MasterKey, worker: &Worker) {
    let Some(courier) = parts.carriers.courier.clone() else { return };
    let send = Arc::new(SendMail {
        outbox: Outbox::new(parts.database.clone()),
        directory: Arc::clone(&parts.directory),
        passwords: Passwords::new(parts.database.clone()),
        recoveries: Shelf::new(Arc::clone(&parts.ephemeral)),
        attempts: Attempts::new(Arc::clone(&parts.ephemeral)),
        secrets: secrets(master),
        otp_devices: OtpDevices::new(parts.database.clone()),
        otp_secrets: otp_secrets(master),
        means: settings.recovery,
        letters: Letters { words: Words::new(&[]), brand: super::BRAND.to_owned(), issuer: settings.issuer.clone() },
        courier,
        ledger: parts.ledger.clone(),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
    });
    worker.repeat("send mail", Duration::from_millis(500), move || {
        let send = Arc::clone(&send);
        async move { send.run().await }
    });
}

fn secrets(master: &MasterKey) -> RecoverySecrets {
    RecoverySecrets::new(master.derive("password recovery"))
}

pub(super) fn otp_secrets(master: &MasterKey) -> OtpSecrets {
    OtpSecrets::new(master.derive("one-time code"))
}

impl Wiring {
    pub(super) fn errands(&self, known: &Arc<Known>, known_devices: &Arc<KnownDevices>) -> Arc<RunErrand> {
        let recover = self.parts.carriers.courier.is_some().then(|| {
            Arc::new(RecoverPassword {
                attempts: Attempts::new(self.store()),
                recoveries: Shelf::new(self.store()),
                outbox: Outbox::new(self.parts.database.clone()),
                secrets: secrets(&self.master),
                set: Arc::clone(&self.parts.set_password),
                refusals: self.parts.refusals.clone(),
                clock: self.clock(),
                entropy: self.entropy(),
                per_network: self.settings.recoveries,
                means: self.settings.recovery,
            })
        });
        Arc::new(RunErrand {
            known: Arc::clone(known),
            check: Arc::clone(&self.parts.check_password),
            known_devices: Arc::clone(known_devices),
            set: Arc::clone(&self.parts.set_password),
            recover,
            clock: self.clock(),
        })
    }

    pub(super) fn beside(&self, run: Arc<RunErrand>, limits: &Arc<LimitFlows>) -> Arc<Beside> {
        let (flows, limits) = (Shelf::new(self.store()), Arc::clone(limits));
        Arc::new(Beside { flows, run, limits, clock: self.clock(), entropy: self.entropy() })
    }
}
