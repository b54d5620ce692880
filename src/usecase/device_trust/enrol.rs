//! The offer to have an app as a device, and what the person says to it [flows.md F2].

use std::sync::Arc;
use std::time::Duration;

use nod_device::messages::InstallationInfo;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::device::{About, Device};
use crate::domain::enrolment::{Answer, Grounds, LIFETIME, Offer, REMEMBER, Shown, Tickets};
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::mobile_app::MobileApp;
use crate::domain::native_application::NativeApplication;
use crate::domain::occasion::Notice;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::metrics::{Limit, metrics};
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::{
    ClientId, DeviceId, EnrolmentTicket, InstallationId, MfaPolicyId, RequestId, SessionId, UserId,
};
use crate::store::ephemeral::{Attempts, Lifetime, Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::besides::Besides;
use crate::store::sql::devices::{Claimed, Devices, Newcomer};
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::sessions::Sessions;
use crate::usecase::authenticate_device::{DeviceError, Proved};
use crate::usecase::limit::{Most, limit};
use crate::usecase::pair_device::about;
use crate::usecase::tell_person::TellPerson;

/// Tickets that are none, from one network.
const MISSES: u32 = 100;
const WINDOW: Duration = Duration::from_secs(900);

/// Makes offers.
pub struct OfferEnrolment {
    pub offers: Shelf<Offer>,
    pub tickets: Tickets,
}

/// To whom something is offered, in which transaction and by which policy.
#[derive(Clone, Copy, Debug)]
pub struct Whom<'a> {
    pub transaction: RequestId,
    pub user: UserId,
    pub client: &'a ClientId,
    pub policy: &'a MfaPolicyId,
    pub grounds: Grounds,
    /// The device on which they let the app in.
    pub let_in_by: Option<DeviceId>,
    /// When the password was chosen that they gave.
    pub password: Option<Timestamp>,
    pub session: Option<SessionId>,
}

impl OfferEnrolment {
    pub fn ticket(&self, transaction: RequestId, user: UserId, app: &MobileApp) -> EnrolmentTicket {
        self.tickets.of(transaction, user, &app.jkt)
    }

    /// The ticket, and until when it is good. Offered before in the same transaction, it is that offer, and as good as
    /// a new one. `None`: it was answered already.
    pub async fn offer(
        &self,
        whom: Whom<'_>,
        app: &MobileApp,
        now: Timestamp,
    ) -> Result<Option<(EnrolmentTicket, Timestamp)>, StoreError> {
        let ticket = self.ticket(whom.transaction, whom.user, app);
        let expires_at = now + LIFETIME;
        let offer = Offer {
            user: whom.user,
            client: whom.client.clone(),
            app: app.clone(),
            policy: whom.policy.clone(),
            grounds: whom.grounds,
            let_in_by: whom.let_in_by,
            password: whom.password,
            session: whom.session,
            expires_at,
            answer: Answer::None,
        };
        if self.offers.insert(&ticket.digest(), &offer, REMEMBER).await? {
            return Ok(Some((ticket, expires_at)));
        }
        let again = |offer: Offer| {
            let open = offer.answer == Answer::None;
            (Offer { session: whom.session.or(offer.session), expires_at, ..offer }, open)
        };
        let open = self.offers.update(&ticket.digest(), Lifetime::Renew(REMEMBER), again).await?;
        Ok((open == Some(true)).then_some((ticket, expires_at)))
    }
}

/// Takes answers.
pub struct AnswerEnrolment {
    pub offers: Shelf<Offer>,
    pub attempts: Attempts,
    pub directory: Arc<Directory>,
    pub devices: Devices,
    pub sessions: Sessions,
    pub ledger: Ledger,
    pub bell: DeviceBell,
    pub tell: TellPerson,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    /// Browsers have passkeys for this issuer.
    pub browsers: bool,
    pub max_devices: u32,
}

/// What is offered, as it is shown to the person.
#[derive(Debug)]
pub struct Seen {
    pub user: Arc<User>,
    pub application: NativeApplication,
    pub expires_at: Timestamp,
}

impl AnswerEnrolment {
    /// Counts a ticket that is none, before anything is stored for whoever shows it. One that is one is heard however
    /// many were none: it is too long to be guessed, and nobody keeps others of their network from a device.
    pub async fn admit(&self, ticket: &EnrolmentTicket, from: &str) -> Result<(), DeviceError> {
        if self.offers.get(&ticket.digest()).await?.is_some() {
            return Ok(());
        }
        let most = Most { what: "enrolment", times: MISSES, window: WINDOW, limit: Limit::Enrolments };
        match limit(&self.attempts, most, from.as_bytes()).await? {
            Some(retry_after) => Err(DeviceError::TooMany { retry_after }),
            None => Err(DeviceErrorCode::EnrollmentNotFound.into()),
        }
    }

    pub async fn look(&self, proof: &Proved, ticket: &EnrolmentTicket) -> Result<Seen, DeviceError> {
        let offer = self.offers.get(&ticket.digest()).await?.ok_or(DeviceErrorCode::EnrollmentNotFound)?;
        let offer = open(offer.shown(&proof.jkt, self.clock.now()))?;
        self.still_offered(&offer).await
    }

    #[tracing::instrument(level = "debug", name = "approve_enrolment", skip_all)]
    pub async fn approve(
        &self,
        proof: &Proved,
        ticket: &EnrolmentTicket,
        info: InstallationInfo,
        language: &str,
    ) -> Result<(Device, User), DeviceError> {
        let now = self.clock.now();
        let about = about(info)?;
        let shown = self.answered(proof, ticket, Answer::Yes, now).await?;
        if let Shown::Again(offer) = &shown {
            return self.enrolled(offer).await;
        }
        let offer = open(shown)?;
        let enrolled = match self.still_offered(&offer).await {
            Ok(_) => self.enrol(&offer, (&about, language), now).await,
            Err(error) => Err(error),
        };
        if let Err(DeviceError::Unavailable(_)) = &enrolled {
            // Nothing came of it: the person may say yes again.
            self.offers.update(&ticket.digest(), Lifetime::Keep, |offer| (offer.reopened(), ())).await?;
        }
        enrolled
    }

    /// The person does not want it.
    pub async fn deny(&self, proof: &Proved, ticket: &EnrolmentTicket) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let offer = open(self.answered(proof, ticket, Answer::No, now).await?)?;
        self.ledger.audit(self.event(&offer, now).refused("the person said no")).await;
        Ok(())
    }

    async fn answered(
        &self,
        proof: &Proved,
        ticket: &EnrolmentTicket,
        answer: Answer,
        now: Timestamp,
    ) -> Result<Shown, DeviceError> {
        let answered = |offer: Offer| offer.answered(&proof.jkt, answer, now);
        let shown = self.offers.update(&ticket.digest(), Lifetime::Keep, answered).await?;
        Ok(shown.ok_or(DeviceErrorCode::EnrollmentNotFound)?)
    }

    /// Whoever did not hear that the app is a device is told again, as long as it is one.
    async fn enrolled(&self, offer: &Offer) -> Result<(Device, User), DeviceError> {
        match self.devices.of_key(offer.user, &offer.app.jkt).await? {
            Some(paired) => Ok((paired.device, paired.user)),
            None => Err(gone("it was answered, and the app is no device by now")),
        }
    }

    async fn enrol(
        &self,
        offer: &Offer,
        (about, language): (&About, &str),
        now: Timestamp,
    ) -> Result<(Device, User), DeviceError> {
        let newcomer = Newcomer {
            application: Some(&offer.app.application),
            jkt: &offer.app.jkt,
            public_jwk: &offer.app.public_jwk,
            about,
            new_installation: InstallationId::new(self.entropy.uuid()),
            new_device: DeviceId::new(self.entropy.uuid()),
            max_devices: self.max_devices,
        };
        // Others may have been offered the same at the same time.
        let whose = (offer.user, offer.password, self.besides(offer).await?);
        match self.devices.enrol(whose, &newcomer, now, self.event(offer, now)).await? {
            Claimed::Paired(paired) => {
                self.bell.ring(&paired.installation.id).await;
                self.tell.of(offer.user, Notice::Added, Some(&offer.policy), language).await;
                Ok((paired.device, paired.user))
            }
            Claimed::Invalid => {
                Err(gone("the person is locked, has a device or another password by now, or blocks the app"))
            }
            Claimed::Full => {
                metrics().limited(Limit::DevicesPerUser);
                self.ledger.audit(self.event(offer, now).refused("as many devices as one may have")).await;
                Err(DeviceErrorCode::MethodLimitReached.into())
            }
        }
    }

    /// What the person may have by now, to whom this was offered.
    async fn besides(&self, offer: &Offer) -> Result<Besides, StoreError> {
        if offer.grounds != Grounds::First {
            return Ok(Besides::Anything);
        }
        let sign_on = self.directory.sign_on().await?;
        let counts = sign_on.mfa_policy(&offer.policy).is_some_and(|policy| policy.fido2.enabled && self.browsers);
        Ok(Besides::none(counts))
    }

    /// What held when it was offered may hold no more.
    async fn still_offered(&self, offer: &Offer) -> Result<Seen, DeviceError> {
        let now = self.clock.now();
        let user = self.directory.user(&offer.user).await?.filter(|user| user.is_active());
        let user = user.ok_or_else(|| gone("the user is locked, disabled or gone"))?;
        if let Some(session) = offer.session
            && !self.sessions.is_live(session, now).await?
        {
            return Err(gone("the session has ended"));
        }
        if let Some(device) = offer.let_in_by
            && !self.directory.may_answer(&offer.user, device, now).await?
        {
            return Err(gone("the device that let the app in is blocked or unpaired"));
        }
        let sign_on = self.directory.sign_on().await?;
        let application = sign_on.native_application_of(&offer.client).filter(|own| own.id == offer.app.application);
        let application = application.ok_or_else(|| gone("the client has another application now"))?;
        let lets = |policy: &Arc<MfaPolicy>| match offer.grounds {
            Grounds::First => policy.enrols_first(&application.id),
            Grounds::Approved => policy.enrols(&application.id),
            Grounds::Individually => policy.enrols_individually(&application.id),
        };
        let enrols = |policy: &Arc<MfaPolicy>| lets(policy) && !policy.refuses(&offer.app);
        if !sign_on.mfa_policy(&offer.policy).is_some_and(enrols) {
            return Err(gone("the policy does not let the application enrol any more"));
        }
        Ok(Seen { user, application: NativeApplication::clone(application), expires_at: offer.expires_at })
    }

    fn event(&self, offer: &Offer, now: Timestamp) -> Event {
        Event::new(self.entropy.ordered_uuid(now), now, Action::DevicePaired).user(offer.user).client(&offer.client)
    }
}

fn open(shown: Shown) -> Result<Offer, DeviceRefusal> {
    match shown {
        Shown::Open(offer) => Ok(offer),
        Shown::Foreign => Err(DeviceErrorCode::EnrollmentNotFound.into()),
        Shown::Gone | Shown::Again(_) => Err(DeviceErrorCode::EnrollmentGone.into()),
    }
}

fn gone(why: &'static str) -> DeviceError {
    DeviceRefusal::new(DeviceErrorCode::EnrollmentGone, why).into()
}
