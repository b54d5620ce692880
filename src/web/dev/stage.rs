//! The stage of dev mode: one shop, alice's devices, and what they are doing. They are actors like any
//! others: all that they know of the server is what it answers over HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use nod_device::{NotificationId, PairedState, PairingKey};
use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, OffsetClock, Timestamp};
use crate::protocol::id::{AuthReqId, RequestId};
use crate::usecase::dev::Dev;
use crate::web::dev::phone::{Answer, Connection, How, Phone};
use crate::web::dev::play::Outcome;
use crate::web::dev::scenario::Scenario;
use crate::web::dev::shop::{Asked, Paid, Polled, Refused, Shop, Trouble};
use crate::web::dev::wire::{Content, Name, Wire};

pub(super) const USER: &str = "alice";
/// Whatever happens on one machine happens sooner.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Where the state of alice's phone is kept between two starts.
pub struct Keep {
    pub load: Arc<dyn Fn() -> Option<PairedState> + Send + Sync>,
    pub save: Box<dyn Fn(&PairedState) + Send + Sync>,
}

impl Keep {
    /// Nowhere: the phone pairs anew each time.
    pub fn nowhere() -> Self {
        Self { load: Arc::new(|| None), save: Box::new(|_| ()) }
    }
}

pub(super) struct Stage {
    pub issuer: String,
    pub wire: Arc<Wire>,
    pub clock: Arc<OffsetClock>,
    pub dev: Arc<Dev>,
    pub shop: Shop,
    pub phone: Arc<Phone>,
    pub tablet: Arc<Phone>,
    keep: Keep,
    now: Mutex<Now>,
    /// Whoever holds it moves the actors.
    pub turn: Arc<tokio::sync::Mutex<()>>,
    jobs: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
}

/// What is going on.
#[derive(Clone, Debug, Default)]
pub(super) struct Now {
    pub order: Option<Order>,
    pub playing: Option<&'static Scenario>,
    /// The step of the scenario, in words.
    pub caption: &'static str,
    generation: u64,
}

/// One question of the shop.
#[derive(Clone, Debug)]
pub(super) struct Order {
    generation: u64,
    /// The message before its first.
    pub since: u64,
    pub scenario: Option<&'static Scenario>,
    pub asked: Option<Asked>,
    pub request: Option<RequestId>,
    pub notification: Option<NotificationId>,
    pub expires_at: Option<Timestamp>,
    pub status: Status,
}

#[derive(Clone, Debug)]
pub(super) enum Status {
    Asking,
    Waiting,
    Paid(Box<Paid>),
    /// Somebody is at the app,
    SigningIn,
    /// and is signed in.
    SignedIn(Box<Paid>),
    /// Nothing was asked: alice has another device.
    Paired,
    Refused(Refused),
    Withdrawn,
    Trouble(String),
}

/// Somebody else is moving the actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Stage {
    /// The stage, and its work, which does not end.
    pub(super) fn new(
        issuer: &str,
        wire: &Arc<Wire>,
        clock: &Arc<OffsetClock>,
        dev: &Arc<Dev>,
        keep: Keep,
    ) -> Result<(Arc<Self>, impl Future<Output = ()> + Send + use<>), Trouble> {
        let (jobs, mut asked) = mpsc::unbounded_channel::<BoxFuture<'static, ()>>();
        let phone = |id, name, kept| Phone::new(id, name, Arc::clone(wire), Arc::<OffsetClock>::clone(clock), kept);
        let stage = Arc::new(Self {
            issuer: issuer.to_owned(),
            wire: Arc::clone(wire),
            clock: Arc::clone(clock),
            dev: Arc::clone(dev),
            shop: Shop::new(issuer)?,
            phone: phone("phone", "Alice's phone", Arc::clone(&keep.load)),
            tablet: phone("tablet", "Alice's tablet", Keep::nowhere().load),
            keep,
            now: Mutex::default(),
            turn: Arc::default(),
            jobs,
        });
        let work = {
            let (phone, tablet) = (Arc::clone(&stage.phone), Arc::clone(&stage.tablet));
            async move {
                let mut running = FuturesUnordered::<BoxFuture<'static, ()>>::new();
                running.push(Box::pin(phone.work()));
                running.push(Box::pin(tablet.work()));
                loop {
                    tokio::select! {
                        job = asked.recv() => match job {
                            Some(job) => running.push(job),
                            None => return,
                        },
                        _ = running.next() => {}
                    }
                }
            }
        };
        let first = Arc::clone(&stage);
        stage.run(async move {
            if let Err(trouble) = first.have_phone().await {
                tracing::warn!(%trouble, "alice's virtual phone is not there");
            }
        });
        Ok((stage, work))
    }

    pub(super) fn run(&self, job: impl Future<Output = ()> + Send + 'static) {
        // Without its work, the server stops.
        let _ = self.jobs.send(Box::pin(job));
    }

    /// Each change is whole before the lock is given back.
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Now {
        self.lock().clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.lock());
        self.wire.touch();
    }

    /// Changes this order, unless another one has taken its place.
    fn change_order(&self, generation: u64, change: impl FnOnce(&mut Order)) {
        self.change(|now| {
            if let Some(order) = now.order.as_mut().filter(|order| order.generation == generation) {
                change(order);
            }
        });
    }

    pub(super) fn devices(&self) -> [&Arc<Phone>; 2] {
        [&self.phone, &self.tablet]
    }

    /// Alice may be asked, and her phone listens; it is paired first, where it has to be.
    pub(super) async fn have_phone(&self) -> Result<(), Trouble> {
        // A report has locked her until an administrator looks, and here is none.
        self.dev.unlock(USER).await.map_err(|error| Trouble(error.to_string()))?;
        let listens = async || {
            let settled = [Connection::Listening, Connection::Unpaired];
            self.phone.shows(|screen| settled.contains(&screen.connection), PATIENCE).await;
            self.phone.screen().connection == Connection::Listening
        };
        if self.phone.is_paired() {
            if listens().await {
                return Ok(());
            }
        } else if let Some(state) = (self.keep.load)()
            && self.phone.restore(state).is_ok()
        {
            // Until its work has taken notice, it shows that it is unpaired.
            self.phone.shows(|screen| screen.connection != Connection::Unpaired, PATIENCE).await;
            if listens().await {
                return Ok(());
            }
        }
        let state = self.pair(&self.phone).await?;
        (self.keep.save)(&state);
        Ok(())
    }

    pub(super) async fn pair(&self, phone: &Phone) -> Result<PairedState, Trouble> {
        let trouble = |why: &str| Trouble(format!("{} cannot be paired: {why}", phone.name));
        let key = self.dev.pairing_key(USER).await.map_err(|error| trouble(&error.to_string()))?;
        let key = key.and_then(|key| PairingKey::parse(key.expose()).ok());
        let key = key.ok_or_else(|| trouble("there is no alice, or she has too many keys; try --fresh"))?;
        let state = phone.pair(&self.issuer, &key).await.map_err(|error| trouble(&error.to_string()))?;
        if phone.shows(|screen| screen.connection == Connection::Listening, PATIENCE).await {
            Ok(state)
        } else {
            Err(trouble("it does not come to listen"))
        }
    }

    /// One click: the shop asks, and polls until it knows.
    pub(super) async fn send(self: &Arc<Self>) -> Result<(), Busy> {
        let Ok(_turn) = self.turn.try_lock() else { return Err(Busy) };
        self.withdraw().await;
        let generation = self.begin(None);
        if let Err(trouble) = self.have_phone().await {
            self.change_order(generation, |order| order.status = Status::Trouble(trouble.to_string()));
            return Ok(());
        }
        self.ask(generation, None).await;
        if let Some(asked) = self.now().order.and_then(|order| order.asked) {
            let stage = Arc::clone(self);
            self.run(async move { stage.poll_until_known(generation, asked.interval).await });
        }
        Ok(())
    }

    async fn poll_until_known(&self, generation: u64, interval: u64) {
        let mut interval = Duration::from_secs(interval);
        loop {
            tokio::time::sleep(interval).await;
            let order = self.now().order.filter(|order| order.generation == generation);
            if !order.is_some_and(|order| matches!(order.status, Status::Waiting)) {
                return;
            }
            if let Some(Polled::NotYet { slower: true }) = self.poll(generation).await {
                // [CIBA §11]
                interval += Duration::from_secs(5);
            }
        }
    }

    /// A new order in place of the last one, and screens without old news.
    pub(super) fn begin(&self, scenario: Option<&'static Scenario>) -> u64 {
        self.phone.forget_last();
        self.tablet.forget_last();
        let since = self.wire.last();
        self.change(|now| {
            now.generation += 1;
            now.order = Some(Order {
                generation: now.generation,
                since,
                scenario,
                asked: None,
                request: None,
                notification: None,
                expires_at: None,
                status: Status::Asking,
            });
        });
        self.lock().generation
    }

    /// Somebody signs in at the app, and may be asked.
    pub(super) fn signing_in(&self, generation: u64, request: Option<RequestId>, question: Option<NotificationId>) {
        self.change_order(generation, |order| {
            order.request = request;
            order.notification = question;
            order.status = Status::SigningIn;
        });
    }

    pub(super) fn signed_in(&self, generation: u64, paid: Box<Paid>) {
        self.change_order(generation, |order| order.status = Status::SignedIn(paid));
    }

    /// Alice has a second device.
    pub(super) async fn pair_tablet(&self, generation: u64) -> Result<(), Trouble> {
        self.pair(&self.tablet).await?;
        self.tablet.says(How::Paired);
        self.change_order(generation, |order| order.status = Status::Paired);
        Ok(())
    }

    pub(super) async fn ask(&self, generation: u64, expiry: Option<u32>) {
        let result = self.shop.ask(USER, expiry).await;
        let at = self.clock.now();
        let named = match &result {
            Ok(Ok(asked)) => self.dev.request_of(&AuthReqId::presented(&asked.auth_req_id)).await.unwrap_or_default(),
            Ok(Err(_)) | Err(_) => None,
        };
        self.change_order(generation, |order| match result {
            Ok(Ok(asked)) => {
                order.expires_at = Some(at + Duration::from_secs(asked.expires_in));
                order.request = named.map(|(request, _)| request);
                order.notification = named.map(|(_, notification)| NotificationId::new(notification.uuid()));
                order.asked = Some(asked);
                order.status = Status::Waiting;
            }
            Ok(Err(refused)) => order.status = Status::Refused(refused),
            Err(trouble) => order.status = Status::Trouble(trouble.to_string()),
        });
    }

    pub(super) async fn poll(&self, generation: u64) -> Option<Polled> {
        let asked = self.now().order.filter(|order| order.generation == generation)?.asked?;
        let polled = match self.shop.poll(&asked.auth_req_id).await {
            Ok(polled) => polled,
            Err(trouble) => {
                self.change_order(generation, |order| order.status = Status::Trouble(trouble.to_string()));
                return None;
            }
        };
        match polled.clone() {
            Polled::NotYet { .. } => {}
            Polled::Tokens(paid) => self.change_order(generation, |order| order.status = Status::Paid(paid)),
            Polled::Refused(refused) => {
                self.change_order(generation, |order| {
                    // Who withdrew a question knows what became of it.
                    if !matches!(order.status, Status::Withdrawn) {
                        order.status = Status::Refused(refused);
                    }
                });
            }
        }
        Some(polled)
    }

    /// The shop takes its open question back, if there is one.
    pub(super) async fn withdraw(&self) {
        let Some(order) = self.now().order.filter(|order| matches!(order.status, Status::Waiting)) else { return };
        let Some(asked) = &order.asked else { return };
        let status = match self.shop.cancel(&asked.auth_req_id).await {
            Ok(()) => Status::Withdrawn,
            Err(trouble) => Status::Trouble(trouble.to_string()),
        };
        self.change_order(order.generation, |order| order.status = status);
        if let Some(notification) = order.notification {
            self.until_told(notification).await;
        }
    }

    /// A person taps on a device.
    pub(super) async fn answer(&self, device: &str, question: NotificationId, answer: Answer) -> Option<How> {
        let phone = self.devices().into_iter().find(|phone| phone.id == device)?;
        phone.answer(question, answer).await
    }

    /// Until each device that listens was told that the question is over.
    pub(super) async fn until_told(&self, question: NotificationId) {
        let listening = |phone: &&Arc<Phone>| phone.screen().connection == Connection::Listening;
        let listeners = self.devices().into_iter().filter(listening).count();
        let name = Name::of(&question.to_string());
        let told = || {
            let is_end = |content: &Content| matches!(content, Content::Event { name, .. } if name == "canceled");
            let messages = self.wire.messages();
            messages.iter().filter(|message| is_end(&message.content) && message.names.contains(&name)).count()
        };
        let mut changes = self.wire.watch();
        let all = async {
            while told() < listeners {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Nothing depends on it but the order of the messages.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    /// Plays a scenario to its end, whether or not the caller stays.
    pub(super) async fn play(self: &Arc<Self>, scenario: &'static Scenario, pace: Duration) -> Result<Outcome, Busy> {
        let turn = Arc::clone(&self.turn).try_lock_owned().map_err(|_| Busy)?;
        let (tell, told) = oneshot::channel();
        let stage = Arc::clone(self);
        self.run(async move {
            let outcome = crate::web::dev::play::play(&stage, scenario, pace).await;
            drop(turn);
            // The caller may have gone.
            let _ = tell.send(outcome);
        });
        told.await.map_err(|_| Busy)
    }
}
