//! Somebody who is signed in shows again that it is them, before what they sign in with is changed: with a
//! passkey where they have one, since a password alone must not be enough to take those away; and with the
//! password where they have none, and a code where they have an authenticator app.

use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::passkey::{Ceremony, Purpose};
use crate::domain::password::Password;
use crate::domain::session::{Authentication, Session};
use crate::entropy::Entropy;
use crate::protocol::acr::Acr;
use crate::protocol::id::{CeremonyId, SessionToken};
use crate::protocol::webauthn::RelyingParty;
use crate::store::ephemeral::StoreError;
use crate::usecase::Error;
use crate::usecase::account::ceremonies::Ceremonies;
use crate::usecase::account::passkeys::Signed;
use crate::usecase::check_passkey::{self, CheckPasskey};
use crate::usecase::check_password::{Attempt, Caller, CheckPassword, Checked};
use crate::usecase::sign_in::known_devices::KnownDevices;
use crate::usecase::sign_in::{Browser, Known, SignedIn};

pub struct Confirm {
    pub known: Arc<Known>,
    pub known_devices: Arc<KnownDevices>,
    pub passwords: Arc<CheckPassword>,
    pub passkeys: Arc<CheckPasskey>,
    pub party: Option<RelyingParty>,
    pub ceremonies: Ceremonies,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// How somebody is to show it.
#[derive(Debug)]
pub enum Ask {
    Password,
    /// With the options for `navigator.credentials.get`.
    Passkey {
        id: CeremonyId,
        options: serde_json::Value,
    },
}

/// What somebody shows.
#[derive(Debug)]
pub enum Shown<'a> {
    /// With the code of an authenticator app, which whoever has none leaves empty.
    Password {
        password: &'a str,
        code: &'a str,
    },
    Passkey {
        id: &'a CeremonyId,
        assertion: &'a str,
    },
}

/// Why it was not them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// Another password or passkey, or it comes too late.
    Wrong,
    WrongCode,
    /// No code is looked at for some time.
    Locked,
}

impl Confirm {
    pub async fn ask(&self, signed: &Signed) -> Result<Ask, StoreError> {
        if !signed.shows_passkey {
            return Ok(Ask::Password);
        }
        let now = self.clock.now();
        let Some(ceremony) = self.passkeys.begin(Some(signed.user.id), now).await? else { return Ok(Ask::Password) };
        let options = ceremony.asked.options();
        let id = self.ceremonies.begin(signed.session.id, ceremony).await?;
        Ok(Ask::Passkey { id, options })
    }

    /// The session goes on under a new name.
    #[tracing::instrument(level = "debug", name = "confirm", skip_all)]
    pub async fn confirm(
        &self,
        signed: &Signed,
        shown: Shown<'_>,
        (browser, from): (&Browser, IpAddr),
    ) -> Result<Result<SignedIn, Unproved>, Error> {
        let now = self.clock.now();
        let (user, device) = (signed.user.id, browser.device.as_ref());
        let (authentication, chosen) = match shown {
            // Whoever has passkeys shows one, and nobody one that does not count.
            Shown::Password { .. } if signed.shows_passkey => return Ok(Err(Unproved::Wrong)),
            Shown::Passkey { .. } if !signed.shows_passkey => return Ok(Err(Unproved::Wrong)),
            Shown::Password { password, code } => {
                let known_device = self.known_devices.knows(device, user, now);
                let caller = Caller { from, known_device, client: None };
                let Some(chosen) = self.password(signed, password, caller).await? else {
                    return Ok(Err(Unproved::Wrong));
                };
                if let Err(unproved) = self.code(signed, code, now).await? {
                    return Ok(Err(unproved));
                }
                (Authentication::by_password(now), Some(chosen))
            }
            Shown::Passkey { id, assertion } => {
                let of = (signed.session.id, Purpose::Prove);
                let Some(ceremony) = self.ceremonies.take(id, of, now).await? else {
                    return Ok(Err(Unproved::Wrong));
                };
                if !self.is_passkey(signed, &ceremony, assertion).await? {
                    return Ok(Err(Unproved::Wrong));
                }
                (Authentication::by_passkey(now), None)
            }
        };
        let session = self.renew(signed, authentication, chosen, now).await?;
        let session = session.map(|session| SignedIn { session, device: self.known_devices.after(device, user, now) });
        Ok(session.ok_or(Unproved::Wrong))
    }

    /// When the password was chosen, if it is theirs.
    async fn password(&self, signed: &Signed, password: &str, caller: Caller<'_>) -> Result<Option<Timestamp>, Error> {
        let Ok(password) = Password::presented(password) else { return Ok(None) };
        let attempt = Attempt { username: &signed.user.username, user: Some(&signed.user), password, caller };
        match self.passwords.check(attempt).await? {
            Checked::Right(confirmed) => Ok(Some(confirmed.changed_at())),
            Checked::MustChange(_) | Checked::Wrong => Ok(None),
        }
    }

    /// The code that an authenticator app of theirs shows, where they have one.
    async fn code(&self, signed: &Signed, typed: &str, now: Timestamp) -> Result<Result<(), Unproved>, StoreError> {
        if !signed.shows_code() {
            return Ok(Ok(()));
        }
        let (factors, user) = (&self.known.second_factors, signed.user.id);
        let checked = factors.totps.check_any(user, &signed.apps, typed).await?;
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::SecondFactorEvaluated).user(user);
        let event = if checked.is_ok() { event.of("otp_verified") } else { event.refused("a wrong code") };
        factors.ledger.audit(event).await;
        Ok(checked.map_err(|left| if left == 0 { Unproved::Locked } else { Unproved::WrongCode }))
    }

    async fn is_passkey(&self, signed: &Signed, ceremony: &Ceremony, assertion: &str) -> Result<bool, StoreError> {
        let Some(party) = &self.party else { return Ok(false) };
        let attempt = check_passkey::Attempt {
            assertion,
            ceremony,
            origin: party.origin(),
            user: Some(signed.user.id),
            client: None,
        };
        Ok(self.passkeys.check(attempt).await?.is_some())
    }

    /// Whoever knew the session before knows it no more. `None`: the password is another by now.
    async fn renew(
        &self,
        signed: &Signed,
        authentication: Authentication,
        password: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<SessionToken>, StoreError> {
        let token = SessionToken::new(self.entropy.token());
        // A passkey is a second factor by itself, and a code was looked at where there is an app.
        let second = signed.shows_code() || authentication.acr == Acr::Passkey;
        let second_at = if second { Some(now) } else { signed.session.second_at };
        let before = signed.session.clone();
        let session = Session { token: token.digest(), authentication, seen_at: now, second_at, ..before };
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::SessionBegun).user(signed.user.id);
        let renewed = self.known.sessions.renew(&signed.session, &session, password, &event).await?;
        Ok(renewed.then_some(token))
    }
}
