//! Letters, texts and calls, on the parts: who carries them, what is written, and what waits for them.

use std::sync::Arc;
use std::time::Duration;

use super::parts::Parts;
use super::{Settings, Wiring};
use crate::clock::Clock;
use crate::domain::otp::{OtpSecrets, Served};
use crate::domain::recovery::RecoverySecrets;
use crate::letters::Letters;
use crate::outbound::courier::{Courier, Text};
use crate::outbound::dev_inbox::DevInbox;
use crate::protocol::phone_number::Reach;
use crate::secret::MasterKey;
use crate::store::ephemeral::{Attempts, Shelf};
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::outbox::{Kind, Outbox};
use crate::store::sql::passwords::Passwords;
use crate::usecase::addresses::Addresses;
use crate::usecase::recover_password::RecoverPassword;
use crate::usecase::send_mail::{Couriers, SendMail};
use crate::usecase::sign_in::Known;
use crate::usecase::sign_in::beside::Beside;
use crate::usecase::sign_in::errand::RunErrand;
use crate::usecase::sign_in::known_devices::KnownDevices;
use crate::usecase::sign_in::limit_flows::LimitFlows;
use crate::words::Words;
use crate::worker::Worker;

/// Somebody waits for the codes among them.
const SEND_EVERY: Duration = Duration::from_millis(200);

/// Who carries letters.
#[derive(Clone)]
pub enum Mail {
    /// Nobody gets any.
    Nobody,
    /// They stay here, to be read on a page.
    DevInbox,
    By(Arc<dyn Courier>),
}

/// Who carries texts, or calls; to whom, and how many in a day.
#[derive(Clone, Default)]
pub struct Texts {
    pub by: TextsBy,
    pub reach: Reach,
    pub per_day: u32,
}

#[derive(Clone, Default)]
pub enum TextsBy {
    /// Nobody gets any.
    #[default]
    Nobody,
    /// They stay here, to be read on a page.
    DevInbox,
    By(Arc<dyn Courier<Text>>),
}

/// Who carries what, ready.
#[derive(Clone, Default)]
pub struct Carriers {
    pub couriers: Couriers,
    pub served: Served,
    pub dev_inbox: Option<Arc<DevInbox>>,
}

impl Carriers {
    pub(super) fn of(settings: &Settings, clock: &Arc<dyn Clock>) -> Self {
        let inbox = Arc::new(DevInbox::new(Arc::clone(clock)));
        let letters: Option<Arc<dyn Courier>> = match &settings.mail {
            Mail::Nobody => None,
            Mail::DevInbox => Some(Arc::<DevInbox>::clone(&inbox)),
            Mail::By(courier) => Some(Arc::clone(courier)),
        };
        let texts = |texts: &Texts| -> (Option<Arc<dyn Courier<Text>>>, Reach) {
            match &texts.by {
                TextsBy::Nobody => (None, Reach::Nobody),
                TextsBy::DevInbox => (Some(Arc::<DevInbox>::clone(&inbox)), texts.reach.clone()),
                TextsBy::By(courier) => (Some(Arc::clone(courier)), texts.reach.clone()),
            }
        };
        let ((sms, sms_reach), (voice, voice_reach)) = (texts(&settings.sms), texts(&settings.voice));
        let served = Served { email: letters.is_some(), sms: sms_reach, voice: voice_reach };
        // One page for all of them, where one is kept here.
        let kept = settings.dev_mode
            || matches!(settings.mail, Mail::DevInbox)
            || [&settings.sms, &settings.voice].iter().any(|texts| matches!(texts.by, TextsBy::DevInbox));
        Self { couriers: Couriers { letters, sms, voice }, served, dev_inbox: kept.then_some(inbox) }
    }
}

/// Sends what the outbox has for people.
pub(super) fn send(settings: &Settings, parts: &Parts, master: &Arc<MasterKey>, worker: &Worker) {
    let couriers = parts.carriers.couriers.clone();
    let kinds = [
        ("send mail", Kind::Mail, couriers.letters.is_some()),
        ("send texts", Kind::Text, couriers.sms.is_some() || couriers.voice.is_some()),
    ];
    let send = Arc::new(SendMail {
        outbox: Outbox::new(parts.database.clone()),
        directory: Arc::clone(&parts.directory),
        passwords: Passwords::new(parts.database.clone()),
        recoveries: Shelf::new(Arc::clone(&parts.ephemeral)),
        attempts: Attempts::new(Arc::clone(&parts.ephemeral)),
        secrets: secrets(master),
        addresses: addresses(parts, master),
        otp_secrets: otp_secrets(master),
        means: settings.recovery,
        letters: Letters { words: Words::new(&[]), brand: super::BRAND.to_owned(), issuer: settings.issuer.clone() },
        couriers,
        served: parts.carriers.served.clone(),
        sms_per_day: settings.sms.per_day,
        deliveries: Shelf::new(Arc::clone(&parts.ephemeral)),
        withdrawn: Shelf::new(Arc::clone(&parts.ephemeral)),
        paid: Shelf::new(Arc::clone(&parts.ephemeral)),
        ledger: parts.ledger.clone(),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
    });
    for (what, kind, _) in kinds.into_iter().filter(|(_, _, carried)| *carried) {
        let send = Arc::clone(&send);
        worker.repeat(what, SEND_EVERY, move || {
            let send = Arc::clone(&send);
            async move { send.run(kind).await }
        });
    }
}

fn secrets(master: &MasterKey) -> RecoverySecrets {
    RecoverySecrets::new(master.derive("password recovery"))
}

pub(super) fn addresses(parts: &Parts, master: &Arc<MasterKey>) -> Addresses {
    Addresses {
        own: OtpDevices::new(parts.database.clone()),
        given: Shelf::new(Arc::clone(&parts.ephemeral)),
        master: Arc::clone(master),
        entropy: Arc::clone(&parts.entropy),
    }
}

pub(super) fn otp_secrets(master: &MasterKey) -> OtpSecrets {
    OtpSecrets::new(master.derive("one-time code"))
}

impl Wiring {
    pub(super) fn errands(&self, known: &Arc<Known>, known_devices: &Arc<KnownDevices>) -> Arc<RunErrand> {
        let recover = self.parts.carriers.couriers.letters.is_some().then(|| {
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
