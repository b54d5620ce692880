//! What the second factor of somebody comes to, as things are now.

use std::sync::Arc;

use futures_util::future::try_join3;

use crate::clock::Clock;
use crate::domain::device::{Device, Installation, Status};
use crate::domain::enrolment::Enrolment;
use crate::domain::flow::Flow;
use crate::domain::mfa_policy::{Makes, MfaPolicy};
use crate::domain::mobile_app::MobileApp;
use crate::domain::otp::{OtpDevice, Served};
use crate::domain::passkey::Passkey;
use crate::domain::second_factor::{Asked, By, Verdict, Why};
use crate::domain::silence::Silence;
use crate::domain::user;
use crate::entropy::Entropy;
use crate::protocol::id::{DeviceId, MfaPolicyId, RememberedKey, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::app_standings::AppStandings;
use crate::store::sql::devices::Devices;
use crate::store::sql::directory::Directory;
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::passkeys::Passkeys;
use crate::store::sql::remembered_browsers::RememberedBrowsers;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::authenticate_device::adopt_announced;

pub struct Evaluate {
    pub directory: Arc<Directory>,
    pub devices: Devices,
    pub otp_devices: OtpDevices,
    pub totp_devices: TotpDevices,
    pub passkeys: Passkeys,
    /// Browsers have passkeys for this issuer.
    pub browsers: bool,
    /// By what codes can be sent here, and how far.
    pub served: Served,
    pub standings: AppStandings,
    pub remembered: RememberedBrowsers,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub silences: Shelf<Silence>,
}

/// How somebody comes to be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way<'a> {
    /// By which they sign in, where it has shown itself.
    pub app: Option<&'a MobileApp>,
    /// There is something that they have to read.
    pub reads: bool,
}

impl<'a> Way<'a> {
    pub const fn of(flow: &'a Flow) -> Self {
        Self { app: flow.app.as_ref(), reads: flow.said.is_some() }
    }

    /// The same without the app.
    #[must_use]
    pub const fn by_nothing(self) -> Self {
        Self { app: None, ..self }
    }
}

/// What counts besides what the person has.
#[derive(Clone, Copy)]
struct Counts<'a> {
    /// The device that called vouches, where the policy lets it.
    vouches: bool,
    /// By what the browser is remembered.
    browser: Option<&'a Digest<RememberedKey>>,
}

impl Evaluate {
    pub async fn policy(&self, id: &MfaPolicyId) -> Result<Arc<MfaPolicy>, StoreError> {
        let sign_on = self.directory.sign_on().await?;
        let policy = sign_on.mfa_policy(id).cloned();
        policy.ok_or(StoreError::Corrupt("a step names an MFA policy that there is not"))
    }

    /// What somebody can make on the way by this policy who has no second factor.
    pub async fn makes(&self, policy: &MfaPolicyId) -> Result<Vec<Makes>, StoreError> {
        Ok(self.policy(policy).await?.makes(self.browsers, &self.served))
    }

    pub async fn evaluate(
        &self,
        user: UserId,
        policy: &MfaPolicyId,
        by: Way<'_>,
    ) -> Result<(Verdict, Option<Enrolment>), StoreError> {
        self.look(user, policy, by, Counts { vouches: true, browser: None }).await
    }

    /// The same for whoever signs in in a browser, which may be remembered.
    pub async fn evaluate_in(
        &self,
        browser: Option<&Digest<RememberedKey>>,
        user: UserId,
        policy: &MfaPolicyId,
        by: Way<'_>,
    ) -> Result<(Verdict, Option<Enrolment>), StoreError> {
        self.look(user, policy, by, Counts { vouches: true, browser }).await
    }

    /// The same where the device that called vouches for nobody: it has not answered as it has to.
    pub async fn evaluate_otherwise(
        &self,
        user: UserId,
        policy: &MfaPolicyId,
        by: Way<'_>,
    ) -> Result<(Verdict, Option<Enrolment>), StoreError> {
        self.look(user, policy, by, Counts { vouches: false, browser: None }).await
    }

    #[tracing::instrument(level = "debug", name = "evaluate_second_factor", skip_all)]
    async fn look(
        &self,
        user: UserId,
        policy: &MfaPolicyId,
        Way { app, reads }: Way<'_>,
        counts: Counts<'_>,
    ) -> Result<(Verdict, Option<Enrolment>), StoreError> {
        let policy = self.policy(policy).await?;
        let standing = self.standing(user).await?;
        let all = self.directory.devices_of(&user).await?;
        let own = |app: &MobileApp| all.iter().find(|(_, installation)| installation.has_key(&app.jkt));
        let by = match app.map(|app| (app, own(app))) {
            Some((app, Some((device, installation)))) => {
                // The app has signed its payload by it, as it would sign a call.
                let at = (&*self.entropy, self.clock.now());
                Box::pin(adopt_announced(&self.devices, installation, &app.jkt, at)).await?;
                Some(By { app, device: Some(device), standing: None })
            }
            Some((app, None)) => {
                let standing = self.standings.find(user, &app.jkt, &policy.id, self.clock.now()).await?;
                Some(By { app, device: None, standing })
            }
            None => None,
        };
        // A phone still, and before any code: who has the password can make a phone suspect, and gets to ask no less by it.
        // About a new app the primary one is asked all the same.
        let (devices, muted) = self.in_order(&all).await?;
        let by_passkey = policy.fido2.enabled && self.browsers;
        let passkeys = async { if by_passkey { self.passkeys.of_user(user).await } else { Ok(Vec::new()) } };
        let (addresses, totps) = (self.otp_devices.of_user(user), self.totp_devices.of_user(user));
        let (addresses, totps, passkeys) = try_join3(addresses, totps, passkeys).await?;
        let passkeys: Vec<_> = passkeys.iter().map(Passkey::device).collect();
        let asked = Asked {
            standing,
            policy: &policy,
            devices: &devices,
            muted: &muted,
            browsers: self.browsers,
            passkeys: &passkeys,
            totps: &totps,
            addresses: &addresses,
            served: &self.served,
            app: by,
            reads,
            remembered: Box::pin(self.remembered_in(counts.browser, user, &policy)).await?,
        };
        Ok(if counts.vouches { asked.evaluate() } else { asked.evaluate_otherwise() })
    }

    /// Whether a code may go there, be it no device of anybody.
    pub async fn takes(&self, address: &OtpDevice, policy: &MfaPolicyId) -> Result<bool, StoreError> {
        Ok(self.policy(policy).await?.otp(address.channel).enabled && self.served.has(address))
    }

    /// On which phone a relying party has somebody asked whom no browser brings [flows.md F12]. Of memory, but for what is
    /// known of phones that do not answer.
    #[tracing::instrument(level = "debug", name = "evaluate_phone", skip_all)]
    pub async fn phone(&self, user: UserId, policy: &MfaPolicy) -> Result<Result<DeviceId, Why>, StoreError> {
        let all = self.directory.devices_of(&user).await?;
        let (devices, muted) = self.in_order(&all).await?;
        let asked = Asked {
            standing: self.standing(user).await?,
            policy,
            devices: &devices,
            muted: &muted,
            browsers: self.browsers,
            passkeys: &[],
            totps: &[],
            addresses: &[],
            served: &self.served,
            app: None,
            reads: false,
            remembered: None,
        };
        Ok(asked.phone())
    }

    /// The device that somebody has shown in this browser, where that spares them a question by this policy.
    async fn remembered_in(
        &self,
        browser: Option<&Digest<RememberedKey>>,
        user: UserId,
        policy: &MfaPolicy,
    ) -> Result<Option<DeviceId>, StoreError> {
        let Some(key) = browser.filter(|_| policy.remember_me.enabled) else { return Ok(None) };
        let found = self.remembered.find(key, user, &policy.id).await?;
        Ok(found.filter(|found| found.counts(policy, self.clock.now())).map(|found| found.device))
    }

    async fn standing(&self, user: UserId) -> Result<Option<user::Status>, StoreError> {
        Ok(self.directory.user(&user).await?.map(|user| user.status))
    }

    /// The primary one first, and those last that have not answered for long. Of those that are not, one that rings comes before
    /// one that finds questions when it asks. Beside them, those that are not to ring.
    async fn in_order(&self, all: &[(Device, Arc<Installation>)]) -> Result<(Vec<Device>, Vec<DeviceId>), StoreError> {
        let mut devices: Vec<_> = all.iter().map(|(device, _)| device.clone()).collect();
        devices.sort_by_key(|device| device.position);
        let suspects = self.suspects(&devices).await?;
        let rings = |id: DeviceId| all.iter().any(|(own, of)| own.id == id && of.rung_by().is_some());
        devices.sort_by_key(|device| (suspects.contains(&device.id), !rings(device.id)));
        let muted = all.iter().filter(|(_, of)| of.pushes_off).map(|(own, _)| own.id).collect();
        Ok((devices, muted))
    }

    /// Whether the person wants nothing of the app. Of one that is a device of theirs it counts no more.
    pub async fn blocks(&self, user: UserId, app: &MobileApp) -> Result<bool, StoreError> {
        let devices = self.directory.devices_of(&user).await?;
        if devices.iter().any(|(_, installation)| installation.has_key(&app.jkt)) {
            return Ok(false);
        }
        self.standings.blocks(user, &app.jkt).await
    }

    /// Those that have not answered for long.
    async fn suspects(&self, devices: &[Device]) -> Result<Vec<DeviceId>, StoreError> {
        let mut suspects = Vec::new();
        // Of one alone nothing depends on it.
        for device in devices.iter().filter(|_| devices.len() > 1) {
            if self.silences.get(&device.id).await?.is_some_and(Silence::is_suspect) {
                suspects.push(device.id);
            }
        }
        Ok(suspects)
    }

    /// Whether somebody can still be asked on this phone: all of it from memory, for whoever looks every second.
    pub async fn is_there(&self, user: UserId, phone: DeviceId) -> Result<bool, StoreError> {
        if !self.directory.user(&user).await?.is_some_and(|user| user.is_active()) {
            return Ok(false);
        }
        let devices = self.directory.devices_of(&user).await?;
        Ok(devices.iter().any(|(own, _)| own.id == phone && own.status == Status::Active))
    }
}
