//! The adapters that everything else stands on, and what runs beside the requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Carriers, EphemeralStore, Settings};
use crate::clock::Clock;
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::inbox::Inbox;
use crate::domain::password::hash::{Hasher, Pepper};
use crate::domain::subject::Subjects;
use crate::entropy::Entropy;
use crate::secret::MasterKey;
use crate::store::embedded::EmbeddedStore;
use crate::store::ephemeral::{Attempts, Ephemeral, Shelf, StoreError};
use crate::store::redis::RedisStore;
use crate::store::shelves::DeviceBell;
use crate::store::sql::Database;
use crate::store::sql::bootstrap::BootstrapTokens;
use crate::store::sql::decisions::Decisions;
use crate::store::sql::devices::Devices;
use crate::store::sql::directory::Directory;
use crate::store::sql::keys::SigningKeys;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Kind, Outbox};
use crate::store::sql::passwords::Passwords;
use crate::store::sql::retention::Retention;
use crate::store::sql::sessions::Sessions;
use crate::store::sql::tokens::Tokens;
use crate::store::sql::trail::Trail;
use crate::usecase::admin::Desk;
use crate::usecase::admin::bootstrap::Bootstrap;
use crate::usecase::callbacks::Callbacks;
use crate::usecase::check_password::CheckPassword;
use crate::usecase::hashing::Hashing;
use crate::usecase::pairing_keys::RecognisePairingKeys;
use crate::usecase::password_ladder::PasswordLadder;
use crate::usecase::push::queue::QueuePushes;
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::set_password::SetPassword;
use crate::usecase::settle::{OutboxBell, Settle};
use crate::usecase::signing_keys::{KeyRing, TendKeys};
use crate::usecase::tell_person::TellPerson;
use crate::usecase::told::Watchers;
use crate::usecase::withdraw::WithdrawQuestions;
use crate::worker;
use crate::worker::{RetellDecisions, Worker};

/// What the command line, dev mode and tests reach into.
#[derive(Clone)]
pub struct Parts {
    pub database: Database,
    pub ephemeral: Arc<dyn Ephemeral>,
    pub directory: Arc<Directory>,
    pub devices: Devices,
    pub recognise: Arc<RecognisePairingKeys>,
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub ledger: Ledger,
    pub keys: Arc<TendKeys>,
    pub ring: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settle: Settle,
    pub retell: RetellDecisions,
    pub callbacks: Callbacks,
    pub tokens: Tokens,
    pub bootstrap: Arc<Bootstrap>,
    pub trail: Arc<Trail>,
    pub refusals: RecordRefusal,
    pub check_password: Arc<CheckPassword>,
    pub set_password: Arc<SetPassword>,
    pub carriers: Carriers,
    /// What others are called with.
    pub watchers: Watchers,
}

impl Parts {
    pub(super) fn tell(&self) -> TellPerson {
        let couriers = &self.carriers.couriers;
        let letters = couriers.letters.as_ref().map(|_| Kind::Mail);
        let kind = letters.or_else(|| couriers.sms.as_ref().map(|_| Kind::Text));
        TellPerson {
            directory: Arc::clone(&self.directory),
            outbox: kind.map(|kind| (Outbox::new(self.database.clone()), kind)),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }

    pub(super) fn withdraw(&self) -> WithdrawQuestions {
        WithdrawQuestions {
            settle: self.settle.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }
}

pub(super) fn parts(
    settings: &Settings,
    database: Database,
    ephemeral: Arc<dyn Ephemeral>,
    (clock, entropy): (Arc<dyn Clock>, Arc<Entropy>),
    master: &Arc<MasterKey>,
    worker: &Worker,
) -> Parts {
    let (directory, looking) = Directory::new(database.clone());
    worker.run(looking);
    let (ledger, writing) = Ledger::new(database.clone());
    worker.finish(writing);
    let ring = Arc::new(KeyRing::new(settings.issuer.clone()));
    let keys = Arc::new(TendKeys {
        keys: SigningKeys::new(database.clone(), Arc::clone(&directory)),
        ring: Arc::clone(&ring),
        master: Arc::clone(master),
        schedule: settings.schedule,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    });
    let requests = Shelf::new(Arc::clone(&ephemeral));
    let inboxes = Shelf::new(Arc::clone(&ephemeral));
    let settle = Settle {
        requests: requests.clone(),
        inboxes: inboxes.clone(),
        bell: DeviceBell::new(Arc::clone(&ephemeral)),
        directory: Arc::clone(&directory),
        ledger: ledger.clone(),
        pings: OutboxBell::default(),
        pushes: QueuePushes {
            outbox: Outbox::new(database.clone()),
            bell: OutboxBell::default(),
            entropy: Arc::clone(&entropy),
        },
    };
    let callbacks = Callbacks {
        shelf: Shelf::new(Arc::clone(&ephemeral)),
        master: Arc::clone(master),
        entropy: Arc::clone(&entropy),
    };
    let retell = RetellDecisions {
        outbox: Outbox::new(database.clone()),
        decisions: Decisions::new(database.clone()),
        settle: settle.clone(),
        clock: Arc::clone(&clock),
    };
    let refusals = RecordRefusal::new(ledger.clone(), Arc::clone(&clock), Arc::clone(&entropy));
    let hasher = Hasher { pepper: Pepper::new(master), cost: settings.hashing.cost };
    let hashing = Arc::new(Hashing::new(hasher, &settings.hashing, Arc::clone(&entropy)));
    let ladder = PasswordLadder::new(Shelf::new(Arc::clone(&ephemeral)), master);
    let check_password = CheckPassword {
        passwords: Passwords::new(database.clone()),
        hashing: Arc::clone(&hashing),
        ladder: ladder.clone(),
        attempts: Attempts::new(Arc::clone(&ephemeral)),
        ledger: ledger.clone(),
        refusals: refusals.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        tries: settings.password_tries,
    };
    let carriers = Carriers::of(settings, &clock);
    let set_password = SetPassword {
        passwords: Passwords::new(database.clone()),
        directory: Arc::clone(&directory),
        hashing,
        ladder,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        writes: carriers.couriers.letters.is_some(),
    };
    let bootstrap = Bootstrap {
        tokens: BootstrapTokens::new(database.clone(), Arc::clone(&directory)),
        desk: Desk { clock: Arc::clone(&clock), entropy: Arc::clone(&entropy) },
        profiles: settings.profiles,
        file: Mutex::default(),
    };
    Parts {
        bootstrap: Arc::new(bootstrap),
        subjects: Arc::new(Subjects::new(master.derive("pairwise subject v1"))),
        watchers: Watchers::new(64),
        trail: Arc::new(Trail::new(database.clone())),
        refusals,
        check_password: Arc::new(check_password),
        set_password: Arc::new(set_password),
        carriers,
        devices: Devices::new(database.clone(), Arc::clone(&directory)),
        recognise: Arc::new(RecognisePairingKeys::new(master)),
        tokens: Tokens::new(database.clone()),
        database,
        ephemeral,
        directory,
        requests,
        inboxes,
        ledger,
        keys,
        ring,
        clock,
        entropy,
        settle,
        retell,
        callbacks,
    }
}

pub(super) async fn ephemeral(
    which: &EphemeralStore,
    database: &Database,
    (clock, entropy): (&Arc<dyn Clock>, &Arc<Entropy>),
    worker: &Worker,
) -> Result<Arc<dyn Ephemeral>, StoreError> {
    Ok(match which {
        EphemeralStore::Redis(redis) => {
            let (store, listening) = RedisStore::connect(redis, Arc::clone(clock), Arc::clone(entropy))?;
            worker.run(listening);
            let store = Arc::new(store);
            let checked = Arc::clone(&store);
            worker.run(async move { complain_once(&checked).await });
            store
        }
        EphemeralStore::Embedded => {
            let (store, working) = EmbeddedStore::open(database, Arc::clone(clock), Arc::clone(entropy)).await?;
            worker.run(working);
            let store = Arc::new(store);
            let purged = Arc::clone(&store);
            worker.repeat("purge", Duration::from_secs(10), move || worker::purge(Arc::clone(&purged)));
            store
        }
        EphemeralStore::Given(store) => Arc::clone(store),
    })
}

/// Says what an operator should change, once Redis answers: one that evicts forgets replay marks.
async fn complain_once(store: &RedisStore) {
    let complaints = loop {
        match store.check_policy().await {
            Ok(complaints) => break complaints,
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    for complaint in complaints {
        tracing::warn!(%complaint, "Redis is not set up for this");
    }
}

/// What runs beside the requests.
pub(super) fn run_beside(parts: &Parts, worker: &Worker) {
    let directory = Arc::clone(&parts.directory);
    worker::tend_keys(worker, Arc::clone(&parts.keys), move || directory.keys_epoch());
    let retell = parts.retell.clone();
    worker.run(async move {
        if let Err(error) = retell.retell_recent().await {
            tracing::warn!(%error, "recent decisions were not told again");
        }
    });
    let retell = parts.retell.clone();
    worker.repeat("retell decisions", Duration::from_millis(500), move || {
        let retell = retell.clone();
        async move { retell.run().await }
    });
    let (tokens, clock) = (parts.tokens.clone(), Arc::clone(&parts.clock));
    worker.repeat_from_now("forget ended tokens", Duration::from_secs(60), move || {
        let (tokens, now) = (tokens.clone(), clock.now());
        async move { tokens.purge(now, 1000).await.map(drop) }
    });
    let refusals = parts.refusals.clone();
    worker.repeat("count refusals", Duration::from_secs(10), move || {
        let refusals = refusals.clone();
        async move {
            refusals.write_numbers().await;
            Ok(())
        }
    });
    let (sessions, clock) = (Sessions::new(parts.database.clone()), Arc::clone(&parts.clock));
    worker.repeat_from_now("forget ended sessions", Duration::from_secs(60), move || {
        let (sessions, now) = (sessions.clone(), clock.now());
        async move { sessions.purge(now, 1000).await.map(drop) }
    });
    let (retention, clock) = (Retention::new(parts.database.clone()), Arc::clone(&parts.clock));
    worker.repeat_from_now("forget what is old", Duration::from_secs(600), move || {
        let (retention, now) = (retention.clone(), clock.now());
        // In small steps: a long one would hold up whoever decides.
        async move {
            while retention.purge(now, 500).await? >= 500 {}
            Ok(())
        }
    });
}
