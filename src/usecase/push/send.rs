//! Telling phones: what the outbox has for them is sent by whoever carries it, again when it was not taken, and as long as
//! there is something to look at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::breaker::Breaker;
use crate::domain::device::Status;
use crate::domain::native_application::NativeApplication;
use crate::domain::push::{PAUSES, Provider, Push, PushToken, Told};
use crate::domain::push_credentials::{Credentials, Stored};
use crate::domain::silent_push::{ProofValues, SilentPushes};
use crate::entropy::Entropy;
use crate::metrics::{Delivered, metrics};
use crate::outbound::dev_inbox::DevInbox;
use crate::outbound::push::{Address, Gateways, Message, Outcome};
use crate::outbound::web_push::Subscription;
use crate::protocol::id::NativeApplicationId;
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::store::kept::Kept;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Kind, Leased, Outbox};
use crate::store::sql::push::{PushCredentials, PushTokens};
use crate::usecase::pump::pump;
use crate::usecase::push::forget::ForgetPhone;
use crate::usecase::settle::OutboxBell;

/// A row is ours for this long: longer than the calls last that one push may need, so that no other node calls as well.
const LEASE: Duration = Duration::from_secs(30);
/// How long a service that fails is left alone.
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Services whose troubles are remembered: browsers choose theirs.
const SERVICES: usize = 1000;

pub struct SendPush {
    pub outbox: Outbox,
    pub bell: OutboxBell,
    pub requests: Shelf<AuthenticationRequest>,
    pub silent: Shelf<SilentPushes>,
    pub values: ProofValues,
    pub tokens: PushTokens,
    pub credentials: PushCredentials,
    pub directory: Arc<Directory>,
    pub gateways: Gateways,
    /// Where all of it stays in dev mode, and no service is asked.
    pub dev_inbox: Option<Arc<DevInbox>>,
    pub forget: ForgetPhone,
    pub master: Arc<MasterKey>,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub breakers: Breakers,
    /// Keys that were read, and when what they were read from was written.
    pub read: Kept<(NativeApplicationId, Provider), (Timestamp, Arc<Credentials>)>,
}

/// How the services do, as this node sees them.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<HashMap<String, Breaker>>);

impl Breakers {
    fn of<T>(&self, service: &str, look: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if breakers.len() >= SERVICES && !breakers.contains_key(service) {
            breakers.clear();
        }
        look(breakers.entry(service.to_owned()).or_insert(Breaker::new(FIRST_REST, LONGEST_REST)))
    }
}

/// A push that can be sent.
struct Ready {
    token: PushToken,
    opened: Secret<String>,
    application: Arc<NativeApplication>,
    by: By,
    /// Who carries it: what is away is away for all.
    service: String,
}

/// Who takes it.
enum By {
    Service(Arc<Credentials>),
    /// It stays here, by what the phone calls itself.
    DevInbox(Arc<DevInbox>, Option<String>),
}

/// Why one cannot.
enum Unready {
    /// Nothing is to be told any more, or nobody to tell it to.
    Moot,
    Never(&'static str),
}

impl SendPush {
    /// Sends what is due, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        pump(&self.bell, stop, |most| self.take(most), |row| self.deliver(row)).await;
    }

    async fn take(&self, most: u32) -> Result<Vec<Leased>, StoreError> {
        self.outbox.lease(Kind::Push, most, LEASE, self.clock.now()).await
    }

    async fn deliver(&self, row: Leased) {
        if let Err(error) = self.deliver_once(&row).await {
            self.outbox.try_again(&row, &error, self.clock.now()).await;
        }
    }

    async fn deliver_once(&self, row: &Leased) -> Result<(), StoreError> {
        let Some(push) = Push::decode(&row.payload) else { return self.outbox.throw_away(row).await };
        let now = self.clock.now();
        if now >= push.expires_at {
            return self.give_up(row, &push, "too late").await;
        }
        let ready = match self.ready(&push, now).await? {
            Ok(ready) => ready,
            Err(Unready::Moot) => {
                self.ledger.done(row.id).await;
                return Ok(());
            }
            Err(Unready::Never(why)) => return self.give_up(row, &push, why).await,
        };
        if let Err(until) = self.breakers.of(&ready.service, |breaker| breaker.admits(now)) {
            return self.later(row, &push, "the service is away", Some(until.since(now))).await;
        }
        let outcome = self.send(&push, &ready, now).await?;
        self.breakers.of(&ready.service, |breaker| match &outcome {
            Outcome::NotNow { unwell: true, .. } => breaker.failed(self.clock.now()),
            Outcome::NotNow { .. }
            | Outcome::Taken(_)
            | Outcome::Gone { .. }
            | Outcome::BadToken(_)
            | Outcome::BadHere(_)
            | Outcome::Refused(_) => breaker.worked(),
        });
        match outcome {
            Outcome::Taken(status) => {
                let (device, told) = (push.device, push.told);
                tracing::info!(request.id = %push.request, device.id = %device, status, %told, "push");
                metrics().pushed(Delivered::Delivered);
                self.end(row, &push, None).await;
                Ok(())
            }
            Outcome::Gone { since } if ready.token.was_gone(since) => {
                if self.forget.forget(&ready.token, &ready.application, &push).await? {
                    self.silent.update(&push.installation, Lifetime::Keep, |all| (all.gone(), ())).await?;
                    self.give_up(row, &push, "the app is gone").await
                } else {
                    // The app has handed in another token meanwhile.
                    self.later(row, &push, "another token", Some(Duration::ZERO)).await
                }
            }
            Outcome::Gone { .. } => self.give_up(row, &push, "word of an earlier life of the token").await,
            Outcome::NotNow { why, retry_after, .. } => self.later(row, &push, &why, retry_after).await,
            Outcome::BadToken(why) | Outcome::BadHere(why) | Outcome::Refused(why) => {
                self.give_up(row, &push, &why).await
            }
        }
    }

    /// What it takes to send it, as it is now.
    async fn ready(&self, push: &Push, now: Timestamp) -> Result<Result<Ready, Unready>, StoreError> {
        if push.told == Told::Question {
            let request = self.requests.get(&push.digest).await?;
            if !request.is_some_and(|request| request.is_pending(now)) {
                return Ok(Err(Unready::Moot));
            }
            // Locked since: nobody is rung in the name of somebody who is stopped.
            if !self.directory.user(&push.user).await?.is_some_and(|user| user.is_active()) {
                return Ok(Err(Unready::Moot));
            }
        }
        if push.told == Told::Silent {
            let all = self.silent.get(&push.installation).await?.unwrap_or_default();
            if !all.waiting(now).any(|waiting| waiting.notification == push.notification) {
                return Ok(Err(Unready::Moot));
            }
        }
        // Blocked or unpaired since, or not to ring any more: it is told nothing [security.md 94].
        let devices = self.directory.devices_of(&push.user).await?;
        let told = devices.iter().find(|(device, _)| device.id == push.device);
        let told = told.filter(|(device, of)| device.status == Status::Active && !of.pushes_off);
        let Some((_, installation)) = told else { return Ok(Err(Unready::Moot)) };
        let Some(token) = self.tokens.find(push.installation).await? else { return Ok(Err(Unready::Moot)) };
        let sign_on = self.directory.sign_on().await?;
        let Some(application) = sign_on.native_application(&token.application).cloned() else {
            return Ok(Err(Unready::Never("the application is gone")));
        };
        let by = match &self.dev_inbox {
            // Whoever tries things out has an account nowhere.
            Some(inbox) => By::DevInbox(Arc::clone(inbox), installation.about.name.clone()),
            None => match self.credentials(&token).await? {
                Some(credentials) => By::Service(credentials),
                None => return Ok(Err(Unready::Never("no credentials that can be used"))),
            },
        };
        let opened = self.master.open(&PushToken::place(token.installation), &token.sealed);
        let Some(opened) = opened.ok().and_then(|plain| String::from_utf8(plain.expose().clone()).ok()) else {
            return Ok(Err(Unready::Never("the token cannot be opened")));
        };
        let service = match token.provider {
            Provider::WebPush => Subscription::parse(&opened)
                .map(|subscription| subscription.endpoint.origin().ascii_serialization())
                .unwrap_or_default(),
            Provider::Fcm | Provider::Apns => token.provider.to_string(),
        };
        Ok(Ok(Ready { token, opened: Secret::new(opened), application, by, service }))
    }

    /// `None`: there are none, or none that can be used.
    async fn credentials(&self, token: &PushToken) -> Result<Option<Arc<Credentials>>, StoreError> {
        let (application, provider) = (&token.application, token.provider);
        let Some((sealed, since)) = self.credentials.find(application, provider).await? else { return Ok(None) };
        let key = (application.clone(), provider);
        if let Some((read_of, credentials)) = self.read.get(&key)
            && read_of == since
        {
            return Ok(Some(credentials));
        }
        let plain = self.master.open(&Stored::place(application, provider), &sealed).ok();
        let credentials = plain.and_then(|plain| Stored::read(&plain)?.credentials().ok()).map(Arc::new);
        if let Some(credentials) = &credentials {
            self.read.insert(key, (since, Arc::clone(credentials)));
        }
        Ok(credentials)
    }

    async fn send(&self, push: &Push, ready: &Ready, now: Timestamp) -> Result<Outcome, StoreError> {
        let Push { told, notification, expires_at, .. } = *push;
        let value = (told == Told::Silent).then(|| self.values.of(push.installation, notification));
        let message = Message { told, notification, value, expires_at };
        let token = &ready.token;
        let credentials = match &ready.by {
            By::Service(credentials) => credentials,
            By::DevInbox(inbox, phone) => {
                inbox.take_push(push, token.provider, phone.clone(), &message);
                return Ok(Outcome::Taken(200));
            }
        };
        let address = Address {
            token: &ready.opened,
            environment: token.environment,
            bundle_id: ready.application.bundle_id.as_deref(),
        };
        let outcome = self.gateways.send(credentials, &address, &message, now).await;
        if !matches!(outcome, Outcome::BadHere(_)) {
            return Ok(outcome);
        }
        // [flows.md F5] A build for developers says "production" easily: the other environment is tried, once.
        let other = Address { environment: token.environment.other(), ..address };
        let of_other = self.gateways.send(credentials, &other, &message, now).await;
        if let Outcome::Taken(_) = of_other {
            self.tokens.is_for(token, other.environment).await?;
            return Ok(of_other);
        }
        // What counts is what was said of the environment that the app has named.
        Ok(outcome)
    }

    /// Again after a pause, or never.
    async fn later(&self, row: &Leased, push: &Push, why: &str, asked: Option<Duration>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let pause = PAUSES.after(row.attempts).map(|pause| match asked {
            // As long as the service wants, and never at the same moment for ever.
            Some(asked) => asked.max(if row.attempts > 1 { pause } else { Duration::ZERO }),
            None => pause,
        });
        let again = pause.map(|pause| now + pause).filter(|at| *at < push.expires_at);
        let Some(again) = again else { return self.give_up(row, push, why).await };
        let (device, attempt) = (push.device, row.attempts);
        tracing::warn!(request.id = %push.request, device.id = %device, attempt, why, "not pushed");
        metrics().pushed(Delivered::Failed);
        self.outbox.retry(row, again).await
    }

    async fn give_up(&self, row: &Leased, push: &Push, why: &str) -> Result<(), StoreError> {
        tracing::warn!(request.id = %push.request, device.id = %push.device, why, "not pushed, for good");
        metrics().pushed(Delivered::GaveUp);
        if push.told == Told::Silent {
            // Whoever waits for an answer need not wait any longer.
            let failed = |all: SilentPushes| (all.failed(push.notification), ());
            self.silent.update(&push.installation, Lifetime::Keep, failed).await?;
        }
        self.end(row, push, Some(why)).await;
        Ok(())
    }

    /// That a phone was told, or was not; not that it is told no more. It is written down with what others leave behind:
    /// a commit of its own for each would hold up those who ask.
    async fn end(&self, row: &Leased, push: &Push, failed: Option<&str>) {
        if push.told != Told::Ended {
            self.record(push, failed).await;
        }
        self.ledger.done(row.id).await;
    }

    async fn record(&self, push: &Push, failed: Option<&str>) {
        let now = self.clock.now();
        let mut event =
            Event::new(self.entropy.ordered_uuid(now), now, Action::RequestPushed).user(push.user).device(push.device);
        if push.told == Told::Test {
            event = event.of(push.told.as_str());
        } else {
            event.client.clone_from(&push.client);
            event.request = Some(push.request);
        }
        self.ledger
            .audit(match failed {
                Some(why) => event.refused(why),
                None => event,
            })
            .await;
    }
}
