//! What somebody does about their password, one action at a time: on the way of a sign-in and beside it.

use std::sync::Arc;

use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::flow::errand::{Errand, Old};
use crate::domain::password::{Confirmed, Malformed, Password, Refused};
use crate::protocol::flow_api::{Action, DetailCode, FlowErrorCode, FlowRefusal, Members, Validator};
use crate::protocol::id::{ClientId, SessionId, UserId};
use crate::usecase::check_password::{Attempt, Caller, CheckPassword, Checked};
use crate::usecase::recover_password::{RecoverPassword, Reset, Typed};
use crate::usecase::set_password::{Chosen, SetPassword};
use crate::usecase::sign_in::Known;
use crate::usecase::sign_in::advance::{Calling, FlowError};
use crate::usecase::sign_in::known_devices::KnownDevices;

pub struct RunErrand {
    pub known: Arc<Known>,
    pub check: Arc<CheckPassword>,
    pub known_devices: Arc<KnownDevices>,
    pub set: Arc<SetPassword>,
    /// `None`: nobody can be written to.
    pub recover: Option<Arc<RecoverPassword>>,
    pub clock: Arc<dyn Clock>,
}

impl RunErrand {
    /// Where the errand is then. `None`: the action is none of an errand in this state.
    pub async fn act(
        &self,
        errand: Errand,
        action: Action,
        members: &Members,
        calling: Calling<'_>,
        client: Option<&ClientId>,
    ) -> Result<Option<Errand>, FlowError> {
        match action {
            Action::CheckCurrentCredentials => {
                let given = (members.text("username"), members.text("password"));
                match self.check_password(given, calling, client).await? {
                    Checked::Right(confirmed) | Checked::MustChange(confirmed) => Ok(errand.confirmed(confirmed)),
                    Checked::Wrong => Err(wrong_credentials(None)),
                }
            }
            Action::CheckNewPassword => self.change(errand, members, calling, client).await,
            Action::CheckAccountRecoveryUsername => {
                let Some(recover) = &self.recover else { return Ok(None) };
                let username = members.text("username").unwrap_or_default();
                let recovery = recover.ask(username, calling.from, calling.language).await.map_err(FlowError::Other)?;
                Ok(errand.asked(recovery, username, recover.means))
            }
            Action::CheckRecoveryCode => self.check_code(errand, members).await,
            Action::CheckPasswordReset => self.reset(errand, members, calling).await,
            Action::InitiateAccountRecovery => Ok(errand.again()),
            Action::CancelPasswordChange | Action::CancelAccountRecovery => Ok(errand.cancelled()),
            Action::Authenticate
            | Action::SelectDevice
            | Action::ManageDevices
            | Action::SetDefaultDevice
            | Action::RemoveDevice
            | Action::UpdateDeviceNickname
            | Action::ResumeAuthentication
            | Action::CheckOtp
            | Action::ResendOtp
            | Action::Poll
            | Action::SetupMfa
            | Action::SkipMfa
            | Action::SelectDevicePairingMethod
            | Action::ActivateTotpDevice
            | Action::SubmitEmailTarget
            | Action::SubmitSmsTarget
            | Action::SubmitVoiceTarget
            | Action::ActivateEmailDevice
            | Action::ActivateSmsDevice
            | Action::ActivateVoiceDevice
            | Action::CancelDevicePairing
            | Action::SubmitIdentifier
            | Action::ClearIdentifier
            | Action::CancelIdentifierSubmission
            | Action::CheckUsernamePassword
            | Action::Cancel
            | Action::GrantConsent
            | Action::DenyConsent
            | Action::SubmitUserCode
            | Action::ConfirmUserCode
            | Action::InitiatePasswordChange
            | Action::ContinueAuthentication
            | Action::CheckAssertion
            | Action::ActivateFido2Device
            | Action::UseAlternativeAuthenticationSource
            | Action::CancelAuthentication => Ok(None),
        }
    }

    async fn change(
        &self,
        errand: Errand,
        members: &Members,
        calling: Calling<'_>,
        client: Option<&ClientId>,
    ) -> Result<Option<Errand>, FlowError> {
        let Errand::Choosing { user, old } = &errand else { return Ok(None) };
        let new = chosen(members)?;
        let confirmed = match old {
            Old::Given(confirmed) | Old::MustChange(confirmed) => {
                self.admit(calling).await?;
                confirmed.clone()
            }
            Old::ToBeGiven => self.confirm(*user, members, calling, client).await?,
        };
        let stays = self.session_of(*user, calling).await?;
        match self.set.set(&confirmed, new, stays, calling.language).await.map_err(FlowError::Other)? {
            Chosen::Changed(changed) => Ok(errand.changed(&confirmed, changed.at)),
            Chosen::Refused(refused) => Err(unfit(refused)),
            Chosen::NotConfirmed => Err(failed(DetailCode::PasswordChangeError, "another password was chosen since")),
        }
    }

    /// A password that is chosen is hashed, and may be a guess at the one before: it is a try like any other.
    async fn admit(&self, calling: Calling<'_>) -> Result<(), FlowError> {
        self.check.admit(calling.from).await.map_err(FlowError::Other)
    }

    /// Whether this is the password of who is called so.
    pub(super) async fn check_password(
        &self,
        (username, password): (Option<&str>, Option<&str>),
        calling: Calling<'_>,
        client: Option<&ClientId>,
    ) -> Result<Checked, FlowError> {
        let username = username.unwrap_or_default();
        let Ok(password) = Password::presented(password.unwrap_or_default()) else { return Ok(Checked::Wrong) };
        let user = self.known.directory.user_by_username(username).await?;
        // Asked of nobody as well: who exists is not told by the time it takes.
        let whose = user.as_ref().map_or(UserId::new(Uuid::nil()), |user| user.id);
        let known_device = self.known_devices.knows(calling.browser.device.as_ref(), whose, self.clock.now());
        let caller = Caller { from: calling.from, known_device, client };
        let attempt = Attempt { username, user: user.as_deref(), password, caller };
        self.check.check(attempt).await.map_err(FlowError::Other)
    }

    /// Who is signed in gives the password along with the next one.
    async fn confirm(
        &self,
        user: UserId,
        members: &Members,
        calling: Calling<'_>,
        client: Option<&ClientId>,
    ) -> Result<Confirmed, FlowError> {
        const FIELD: Option<&str> = Some("existingPassword");
        let existing = members.text("existingPassword").filter(|text| !text.is_empty());
        let Some(existing) = existing else {
            return Err(FlowRefusal::invalid(DetailCode::FieldRequired, FIELD, "no existing password").into());
        };
        let user = self.known.directory.user(&user).await?;
        let username = user.as_ref().map(|user| user.username.as_str());
        match self.check_password((username, Some(existing)), calling, client).await? {
            Checked::Right(confirmed) | Checked::MustChange(confirmed) => Ok(confirmed),
            Checked::Wrong => Err(wrong_credentials(FIELD)),
        }
    }

    /// The one in which a password is changed goes on.
    async fn session_of(&self, user: UserId, calling: Calling<'_>) -> Result<Option<SessionId>, FlowError> {
        let session = self.known.session(calling.browser, self.clock.now()).await?;
        Ok(session.filter(|session| session.user == user).map(|session| session.id))
    }

    async fn check_code(&self, errand: Errand, members: &Members) -> Result<Option<Errand>, FlowError> {
        let (Errand::Sent { recovery, .. }, Some(recover)) = (&errand, &self.recover) else { return Ok(None) };
        match recover.check_code(*recovery, members.text("recoveryCode").unwrap_or_default()).await? {
            Typed::Right(user) => Ok(errand.proved(user)),
            Typed::Wrong => {
                Err(FlowRefusal::invalid(DetailCode::InvalidOtp, Some("recoveryCode"), "a wrong code").into())
            }
            Typed::TooOften => Err(failed(DetailCode::OtpAttemptsLimit, "too many wrong codes")),
        }
    }

    async fn reset(
        &self,
        errand: Errand,
        members: &Members,
        calling: Calling<'_>,
    ) -> Result<Option<Errand>, FlowError> {
        let (Errand::Resetting { recovery, .. }, Some(recover)) = (&errand, &self.recover) else { return Ok(None) };
        let new = chosen(members)?;
        self.admit(calling).await?;
        match recover.reset(*recovery, new, calling.language).await.map_err(FlowError::Other)? {
            Reset::Done => Ok(errand.reset()),
            Reset::Refused(refused) => Err(unfit(refused)),
            Reset::Late => Err(failed(DetailCode::OtpExpired, "a message that is worth nothing any more")),
        }
    }
}

pub(super) fn wrong_credentials(target: Option<&'static str>) -> FlowError {
    FlowRefusal::invalid(DetailCode::CredentialValidationFailed, target, "wrong username or password").into()
}

fn failed(code: DetailCode, why: &'static str) -> FlowError {
    FlowRefusal::new(FlowErrorCode::RequestFailed, why).about(code, None).into()
}

fn chosen(members: &Members) -> Result<Password, FlowError> {
    Password::presented(members.text("newPassword").unwrap_or_default()).map_err(|malformed| {
        unfit_as(match malformed {
            Malformed::TooLong => Validator::TooLong,
            Malformed::Nul => Validator::Characters,
        })
    })
}

fn unfit(refused: Refused) -> FlowError {
    unfit_as(match refused {
        Refused::TooShort => Validator::TooShort,
        Refused::TooLong => Validator::TooLong,
        Refused::Common => Validator::Common,
        Refused::ContainsUsername => Validator::ContainsUsername,
        Refused::Unchanged => Validator::Unchanged,
    })
}

fn unfit_as(validator: Validator) -> FlowError {
    FlowRefusal::new(FlowErrorCode::ValidationError, "an unfit password").failing("newPassword", validator).into()
}
