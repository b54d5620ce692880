//! Letters, texts and calls to people: what the outbox has for them is written in their language and handed to a courier,
//! again when that has no time for it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::flow::LONGEST;
use crate::domain::ladder::DAY;
use crate::domain::mfa_policy::Notification;
use crate::domain::occasion::{Notice, Occasion, PaidText};
use crate::domain::otp::{Channel, CodeOf, Delivery, OtpDevice, OtpSecrets, Served, Withdrawn};
use crate::domain::recovery::{LIFETIME, Means, Recovery, RecoverySecrets};
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::letters::{Forgotten, Letters, OneTimeCode, Proof, Written};
use crate::metrics::Limit;
use crate::outbound::courier::{Courier, Letter, Text, Undelivered};
use crate::protocol::id::{OtpId, RecoveryId, RequestId};
use crate::secret::Secret;
use crate::store::ephemeral::{Attempts, Shelf, StoreError};
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Batch, Kind, Leased, Outbox, backoff};
use crate::store::sql::passwords::Passwords;
use crate::usecase::addresses::Addresses;
use crate::usecase::limit::{Most, limit};
use crate::usecase::recover_password::PER_NAME;
use crate::usecase::sign_in::spend_texts::SMS_A_DAY;
use crate::words::Locale;

/// The lease: longer than a mail server or a provider may take, with all that goes with it.
const BATCH: Batch = Batch { kind: Kind::Mail, taken: 8, at_once: 8, lease: Duration::from_secs(45) };
/// Messages to one address are counted within it [security.md 5.6].
const WINDOW: Duration = Duration::from_secs(3600);

pub struct SendMail {
    pub outbox: Outbox,
    pub directory: Arc<Directory>,
    pub passwords: Passwords,
    pub recoveries: Shelf<Recovery>,
    pub attempts: Attempts,
    pub secrets: RecoverySecrets,
    pub addresses: Addresses,
    pub otp_secrets: OtpSecrets,
    /// What a letter about a forgotten password has in it.
    pub means: Means,
    pub letters: Letters,
    pub couriers: Couriers,
    /// By what codes can be sent, and how far. The node that asked for one may have been set up otherwise.
    pub served: Served,
    /// So many texts go out in a day, codes and word of devices.
    pub sms_per_day: u32,
    pub deliveries: Shelf<Delivery>,
    pub withdrawn: Shelf<Withdrawn>,
    pub paid: Shelf<PaidText>,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Who carries what.
#[derive(Clone, Default)]
pub struct Couriers {
    pub letters: Option<Arc<dyn Courier>>,
    pub sms: Option<Arc<dyn Courier<Text>>>,
    pub voice: Option<Arc<dyn Courier<Text>>>,
}

/// A message, and to whom.
struct Addressed {
    user: Arc<User>,
    parcel: Parcel,
    /// What the trail says when it is gone.
    sent: Action,
}

/// Where somebody hears of something.
enum ToldAt {
    Address(String),
    Number(String),
}

enum Parcel {
    Letter(Letter),
    Text(Text),
}

impl Parcel {
    /// For the log.
    const fn plainly(&self) -> &'static str {
        match self {
            Self::Letter(_) => "a letter",
            Self::Text(Text { aloud: false, .. }) => "a text",
            Self::Text(_) => "a call",
        }
    }
}

impl Couriers {
    fn of(&self, text: &Text) -> Option<&Arc<dyn Courier<Text>>> {
        if text.aloud { self.voice.as_ref() } else { self.sms.as_ref() }
    }

    async fn deliver(&self, parcel: &Parcel) -> Result<(), Undelivered> {
        let nobody = || Undelivered::Never("there is nobody to carry it".to_owned());
        match parcel {
            Parcel::Letter(letter) => self.letters.as_ref().ok_or_else(nobody)?.deliver(letter).await,
            Parcel::Text(text) => self.of(text).ok_or_else(nobody)?.deliver(text).await,
        }
    }

    /// Whether it may be handed over again without being sent twice, whatever became of it.
    fn know_repeats(&self, parcel: &Parcel) -> bool {
        match parcel {
            Parcel::Letter(_) => true,
            Parcel::Text(text) => self.of(text).is_none_or(|courier| courier.knows_repeats()),
        }
    }
}

impl SendMail {
    /// Sends what is due: letters, or what goes to telephones.
    pub async fn run(&self, kind: Kind) -> Result<(), StoreError> {
        self.outbox.drain(Batch { kind, ..BATCH }, &*self.clock, |row| self.deliver(row)).await
    }

    async fn deliver(&self, row: Leased) {
        if let Err(error) = self.deliver_once(&row).await {
            self.outbox.try_again(&row, &error, self.clock.now()).await;
        }
    }

    async fn deliver_once(&self, row: &Leased) -> Result<(), StoreError> {
        let Some(occasion) = Occasion::decode(&row.payload) else { return self.outbox.throw_away(row).await };
        let now = self.clock.now();
        let until = row.created_at + occasion.worth_for();
        if now >= until {
            tracing::warn!(attempts = row.attempts, "{} is too old to be sent", row.kind.plainly());
            return self.outbox.done(row.id).await;
        }
        let is_code = matches!(occasion, Occasion::OneTimeCode { .. });
        let Some(Addressed { user, parcel, sent }) = self.write(&occasion, row, now).await? else {
            // Somebody who is stopped, say: whoever waits for the code hears that there is none.
            if is_code {
                self.note(row, Delivery::NotSent).await;
            }
            return self.outbox.done(row.id).await;
        };
        if is_code && self.is_withdrawn(row).await? {
            return self.outbox.done(row.id).await;
        }
        let event = |why: Option<String>| {
            let event = Event::new(self.entropy.ordered_uuid(now), now, sent).user(user.id);
            why.into_iter().fold(event, Event::refused)
        };
        let repeats = self.couriers.know_repeats(&parcel);
        if !repeats {
            // Should this node end now, it is not handed over a second time.
            self.outbox.done(row.id).await?;
        }
        let (what, handed) = (parcel.plainly(), self.couriers.deliver(&parcel).await);
        let became = if handed.is_ok() { Delivery::Sent } else { Delivery::NotSent };
        let pause = if repeats { backoff(row.attempts) } else { self.grown(row) };
        let settled = match handed {
            Ok(()) => {
                tracing::info!(user.id = %user.id, attempts = row.attempts, "{what} is on its way");
                self.ledger.audit(event(None)).await;
                self.outbox.done(row.id).await
            }
            Err(Undelivered::NotNow(why) | Undelivered::NotThis(why)) if now + pause < until => {
                tracing::warn!(attempt = row.attempts, why, "{what} was not taken");
                let (now, again) = (row.created_at, self.clock.now() + pause);
                if repeats { self.outbox.retry(row, again).await } else { self.put_again(row, (now, again)).await }
            }
            Err(
                Undelivered::NotNow(why)
                | Undelivered::NotThis(why)
                | Undelivered::Never(why)
                | Undelivered::Unclear(why),
            ) => {
                tracing::warn!(user.id = %user.id, attempts = row.attempts, why, "{what} was not taken, for good");
                self.ledger.audit(event(Some(why))).await;
                self.outbox.done(row.id).await
            }
        };
        if is_code {
            self.note(row, became).await;
        }
        settled
    }

    /// Whether another code was asked for in place of this one.
    async fn is_withdrawn(&self, row: &Leased) -> Result<bool, StoreError> {
        Ok(self.withdrawn.get(&OtpId::new(row.id)).await?.is_some())
    }

    /// Puts back what was taken out before it was handed over. Whoever withdraws a code says so first and takes its row
    /// out afterwards: seen from here in the other order, one of both finds the row.
    async fn put_again(&self, row: &Leased, times: (Timestamp, Timestamp)) -> Result<(), StoreError> {
        self.outbox.put_for_later(row.id, row.kind, &row.payload, times).await?;
        if self.is_withdrawn(row).await? { self.outbox.done(row.id).await } else { Ok(()) }
    }

    /// As long again as it has waited, within the same bounds: of what is put anew, nobody has counted the tries.
    fn grown(&self, row: &Leased) -> Duration {
        self.clock.now().since(row.created_at).clamp(backoff(1), backoff(u32::MAX))
    }

    /// What became of a code, for whoever waits for it, and for as long as a flow may show it. That it cannot be kept is no reason to send it again.
    async fn note(&self, row: &Leased, became: Delivery) {
        let then = |delivery: Delivery| (delivery.then(became), ());
        if let Err(error) = self.deliveries.upsert(&OtpId::new(row.id), LONGEST, then).await {
            tracing::warn!(%error, "what became of a code is not kept");
        }
    }

    /// `None`: there is nobody to write to.
    async fn write(&self, occasion: &Occasion, row: &Leased, now: Timestamp) -> Result<Option<Addressed>, StoreError> {
        let (user, to, written, sent, locale) = match occasion {
            Occasion::PasswordForgotten { username, language } => {
                let Some(user) = self.directory.user_by_username(username).await?.filter(|user| user.is_active())
                else {
                    return Ok(None);
                };
                let Some(to) = address(&user) else { return Ok(None) };
                // Of people who share an address, each has a name that can be asked for.
                let often = row.attempts == 1
                    && self.attempts.count("recovery, address", to.as_bytes(), WINDOW).await? > PER_NAME;
                if often {
                    let event = Event::new(self.entropy.ordered_uuid(now), now, Action::PasswordRecoverySent);
                    self.ledger.audit(event.user(user.id).refused("too many messages to one address")).await;
                    return Ok(None);
                }
                let (locale, id) = (locale(language), RecoveryId::new(row.id));
                self.begin(id, &user, row.created_at + LIFETIME, now).await?;
                let about = Forgotten { username, proof: self.proof(id), lifetime: LIFETIME };
                let to = to.to_owned();
                (user, to, self.letters.forgotten(locale, &about), Action::PasswordRecoverySent, locale)
            }
            Occasion::PasswordChanged { user, language } => {
                let Some(user) = self.directory.user(user).await? else { return Ok(None) };
                let Some(to) = address(&user).map(str::to_owned) else { return Ok(None) };
                let locale = locale(language);
                let written = self.letters.changed(locale, &user.username);
                (user, to, written, Action::PasswordChangeTold, locale)
            }
            Occasion::OfDevices { user, notice, language, by } => {
                let Some(user) = self.directory.user(user).await? else { return Ok(None) };
                let Some(at) = self.told_at(&user, *by, (row, now)).await? else { return Ok(None) };
                let (locale, letters) = (locale(language), &self.letters);
                let written = match notice {
                    Notice::Added => letters.device_added(locale, &user.username),
                    Notice::Removed => letters.device_removed(locale, &user.username),
                    Notice::PushLocked => letters.push_locked(locale, &user.username),
                };
                match at {
                    ToldAt::Address(to) => (user, to, written, Action::DeviceChangeTold, locale),
                    ToldAt::Number(to) => {
                        let (id, language) = (row.id.to_string(), locale.tag());
                        let text = Text { id, to, says: written.subject, aloud: false, language, about: None };
                        let sent = Action::DeviceChangeTold;
                        return Ok(Some(Addressed { user, parcel: Parcel::Text(text), sent }));
                    }
                }
            }
            Occasion::OneTimeCode {
                user: id,
                device,
                client,
                transaction,
                length,
                lifetime,
                language,
                new_device,
                new_address,
            } => {
                let Some(user) = self.directory.user(id).await?.filter(|user| user.is_active()) else {
                    return Ok(None);
                };
                let device = match new_address {
                    Some((channel, target)) => {
                        let (id, created_at) = (*device, user.created_at);
                        let (user, channel, target) = (user.id, *channel, target.clone());
                        Some(OtpDevice { id, user, channel, target, nickname: None, created_at })
                    }
                    None => self.addresses.find(*id, *device).await?,
                };
                // Taken away since: whoever has the address is none of the person's business.
                let Some(device) = device else { return Ok(None) };
                let Some(client) = self.directory.client(client).await? else { return Ok(None) };
                let of = CodeOf { transaction: *transaction, user: *id, id: OtpId::new(row.id), length: *length };
                let (locale, code) = (locale(language), self.otp_secrets.code(of));
                if device.channel != Channel::Email {
                    let text = self.text((&device, *transaction), row, (locale, &code, *new_device));
                    let Some(text) = text else { return Ok(None) };
                    return Ok(Some(Addressed { user, parcel: Parcel::Text(text), sent: Action::OtpSent }));
                }
                let lifetime = Duration::from_secs(u64::from(*lifetime));
                let about = OneTimeCode { code: &code, client: &client.name, lifetime, new_device: *new_device };
                (user, device.target, self.letters.one_time_code(locale, &about), Action::OtpSent, locale)
            }
        };
        let about = match occasion {
            Occasion::OneTimeCode { transaction, .. } => Some(*transaction),
            Occasion::PasswordForgotten { .. } | Occasion::PasswordChanged { .. } | Occasion::OfDevices { .. } => None,
        };
        let Written { subject, text, html } = written;
        let letter = Letter { id: row.id.to_string(), to, subject, text, html, language: locale.tag(), about };
        Ok(Some(Addressed { user, parcel: Parcel::Letter(letter), sent }))
    }

    /// Where somebody hears of what became of their devices. `None`: nowhere.
    async fn told_at(
        &self,
        user: &User,
        by: Notification,
        (row, now): (&Leased, Timestamp),
    ) -> Result<Option<ToldAt>, StoreError> {
        let carried = self.couriers.letters.is_some();
        let written = address(user).filter(|_| carried).map(|to| ToldAt::Address(to.to_owned()));
        let texted = match by {
            // Nothing is said of it where a node of before has put it down.
            Notification::Nothing | Notification::Email => false,
            Notification::EmailThenSms => written.is_none(),
            Notification::SmsThenEmail => true,
        };
        if !texted || self.couriers.sms.is_none() {
            return Ok(written);
        }
        let own = self.addresses.own.of_user(user.id).await?;
        let number = own.into_iter().find(|own| own.channel == Channel::Sms && self.served.has(own));
        let Some(number) = number else { return Ok(written) };
        if !self.pay(row, now).await? {
            tracing::warn!(user.id = %user.id, "as many texts were sent as may be in a day: one of what became of devices is not");
            return Ok(written);
        }
        Ok(Some(ToldAt::Number(number.target)))
    }

    /// [security.md 5.6] whether this text is paid for, as codes are, and among those of the same day: however often a
    /// provider that is down is tried, it is one. Noted once it is counted, so that none goes that is not.
    async fn pay(&self, row: &Leased, now: Timestamp) -> Result<bool, StoreError> {
        let id = OtpId::new(row.id);
        if self.paid.get(&id).await?.is_some() {
            return Ok(true);
        }
        let most = Most { what: SMS_A_DAY, times: self.sms_per_day, window: DAY, limit: Limit::Otps };
        if limit(&self.attempts, most, &[]).await?.is_some() {
            return Ok(false);
        }
        self.paid.insert(&id, &PaidText { at: now }, DAY).await?;
        Ok(true)
    }

    /// `None`: this node has nothing go there.
    fn text(
        &self,
        (device, transaction): (&OtpDevice, RequestId),
        row: &Leased,
        (locale, code, new_device): (Locale, &Secret<String>, bool),
    ) -> Option<Text> {
        if !self.served.has(device) {
            tracing::warn!(device.id = %device.id, "a code is for a number to which nothing is sent");
            return None;
        }
        let aloud = device.channel == Channel::Voice;
        let says = if aloud {
            self.letters.spoken(locale, code, new_device)
        } else {
            self.letters.texted(locale, code, new_device)
        };
        Some(Text {
            id: row.id.to_string(),
            to: device.target.clone(),
            says,
            aloud,
            language: locale.tag(),
            about: Some(transaction),
        })
    }

    fn proof(&self, id: RecoveryId) -> Proof {
        match self.means {
            Means::Both => Proof::Both { link: self.secrets.link(id), code: self.secrets.code(id) },
            Means::Code => Proof::Code(self.secrets.code(id)),
            Means::Link => Proof::Link(self.secrets.link(id)),
        }
    }

    /// From now on the code and the link of the message open something. The same ones, where it is sent again.
    async fn begin(
        &self,
        id: RecoveryId,
        user: &User,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let instead_of = self.passwords.find(user.id).await?.map(|stored| stored.changed_at);
        let recovery = Recovery { user: user.id, instead_of, expires_at };
        self.recoveries.insert(&id, &recovery, expires_at.since(now)).await.map(drop)
    }
}

/// Where somebody is written to. An address that nobody has looked at may be anybody's.
fn address(user: &User) -> Option<&str> {
    user.email.as_deref().filter(|_| user.email_verified)
}

fn locale(language: &str) -> Locale {
    Locale::parse(language).unwrap_or_default()
}
