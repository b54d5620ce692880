//! One sign-in of one browser.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::otp::{Channel, CodeSource};
use crate::protocol::acr::{
    AMR_OTP_BY_APP, AMR_OTP_BY_CALL, AMR_OTP_BY_MAIL, AMR_OTP_BY_SMS, AMR_PASSKEY, AMR_PASSWORD, AMR_STEP_UP,
    AMR_TRUSTED_DEVICE, Acr,
};
use crate::protocol::id::{DeviceId, SessionId, SessionToken, UserId};
use crate::secret::Digest;

/// Unused for this long, a session ends.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// No session is longer than this.
pub const LONGEST: Duration = Duration::from_secs(12 * 3600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub token: Digest<SessionToken>,
    pub user: UserId,
    pub authentication: Authentication,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// When the person last brought a code of their authenticator app in it, or confirmed it with a passkey. What they sign
    /// in to next asks for a second factor of its own.
    pub second_at: Option<Timestamp>,
}

/// How and when somebody was authenticated: `auth_time`, `acr` and `amr` [OIDCC §2].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Authentication {
    pub at: Timestamp,
    pub acr: Acr,
    /// Space-separated RFC 8176 names.
    pub amr: String,
}

/// The device that vouched for somebody in one transaction, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Trusted {
    pub device: DeviceId,
    /// The class of what it showed.
    pub acr: Acr,
}

impl Trusted {
    /// Its key alone answered.
    pub const fn silent(device: DeviceId) -> Self {
        Self { device, acr: Acr::TrustedDevice }
    }

    /// What it adds to how somebody was authenticated: space-separated RFC 8176 names.
    pub fn amr(&self) -> &'static str {
        if self.is_silent() { AMR_TRUSTED_DEVICE } else { AMR_STEP_UP }
    }

    /// Whether nobody was asked.
    pub fn is_silent(&self) -> bool {
        self.acr == Acr::TrustedDevice
    }
}

/// What a code adds to how somebody was authenticated: space-separated RFC 8176 names.
pub const fn amr_of_code(source: CodeSource) -> &'static str {
    match source {
        CodeSource::Sent(Channel::Email) => AMR_OTP_BY_MAIL,
        CodeSource::Sent(Channel::Sms) => AMR_OTP_BY_SMS,
        CodeSource::Sent(Channel::Voice) => AMR_OTP_BY_CALL,
        CodeSource::Authenticator => AMR_OTP_BY_APP,
    }
}

/// Whoever changes with what they sign in has shown this recently that it is them.
pub const CHANGES: Duration = Duration::from_secs(5 * 60);

impl Authentication {
    pub fn by_password(at: Timestamp) -> Self {
        Self { at, acr: Acr::Password, amr: AMR_PASSWORD.to_owned() }
    }

    pub fn by_passkey(at: Timestamp) -> Self {
        Self { at, acr: Acr::Passkey, amr: AMR_PASSKEY.to_owned() }
    }

    /// A device has vouched, too: for one transaction, so that the sign-in itself is as long ago as before.
    #[must_use]
    pub fn with(&self, trusted: &Trusted) -> Self {
        self.and(&Self { at: self.at, acr: trusted.acr, amr: trusted.amr().to_owned() })
    }

    /// A code was right, too: for one transaction, in the same way.
    #[must_use]
    pub fn with_code(&self, source: CodeSource) -> Self {
        self.and(&Self { at: self.at, acr: Acr::Otp, amr: amr_of_code(source).to_owned() })
    }

    /// Both, of one person and one after the other.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        let mut amr: Vec<&str> = self.amr.split(' ').collect();
        amr.extend(later.amr.split(' ').filter(|name| !self.amr.split(' ').any(|before| before == *name)));
        Self { at: later.at, acr: self.acr.max(later.acr), amr: amr.join(" ") }
    }

    /// Whether the person may change with what they sign in, without showing first that it is still them. Of
    /// whoever has passkeys, one has to have answered: a password alone must not be enough to take them away.
    pub fn lets_change(&self, has_passkeys: bool, now: Timestamp) -> bool {
        now < self.at + CHANGES && (!has_passkeys || self.acr == Acr::Passkey)
    }
}

impl Session {
    /// As [`Authentication::lets_change`]; and whoever has an authenticator app, and no passkey that counts, has brought a
    /// code of it as recently as the rest.
    pub fn lets_change(&self, has_passkeys: bool, has_app: bool, now: Timestamp) -> bool {
        let second = has_passkeys || !has_app || self.second_at.is_some_and(|at| now < at + CHANGES);
        second && self.authentication.lets_change(has_passkeys, now)
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.seen_at + IDLE && now < self.created_at + LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_together_is_told_together() {
        let (early, late) = (Timestamp::from_seconds(1_800_000_000), Timestamp::from_seconds(1_800_000_060));
        let both = Authentication::by_password(early).and(&Authentication::by_passkey(late));
        assert_eq!((both.at, both.acr, both.amr.as_str()), (late, Acr::Passkey, "pwd pop swk user mfa"));
        let twice = both.and(&Authentication::by_password(late));
        assert_eq!((twice.acr, twice.amr.as_str()), (Acr::Passkey, "pwd pop swk user mfa"));
    }

    #[test]
    fn a_password_is_not_enough_to_take_passkeys_away() {
        let at = Timestamp::from_seconds(1_800_000_000);
        let last = at + CHANGES - Duration::from_millis(1);
        let (password, passkey) = (Authentication::by_password(at), Authentication::by_passkey(at));
        assert!(
            password.lets_change(false, last) && passkey.lets_change(false, last) && passkey.lets_change(true, last)
        );
        assert!(!password.lets_change(true, at));
        assert!(!password.lets_change(false, at + CHANGES) && !passkey.lets_change(true, at + CHANGES));
    }

    #[test]
    fn a_password_is_not_enough_to_take_authenticator_apps_away() {
        let at = Timestamp::from_seconds(1_800_000_000);
        let last = at + CHANGES - Duration::from_millis(1);
        let session = |authentication, second_at| Session {
            id: SessionId::new(uuid::Uuid::nil()),
            token: Digest::of(b"token"),
            user: UserId::new(uuid::Uuid::nil()),
            authentication,
            created_at: at,
            seen_at: at,
            second_at,
        };
        let by_password = |second_at| session(Authentication::by_password(at), second_at);
        assert!(by_password(None).lets_change(false, false, last) && !by_password(None).lets_change(false, true, at));
        assert!(by_password(Some(at)).lets_change(false, true, last));
        assert!(!by_password(Some(at)).lets_change(false, true, at + CHANGES));
        // A code is not enough of whoever has passkeys, and a passkey is enough of whoever has an app as well.
        assert!(!by_password(Some(at)).lets_change(true, true, at));
        assert!(session(Authentication::by_passkey(at), None).lets_change(true, true, last));
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_after_half_a_day() {
        let start = Timestamp::from_seconds(1_800_000_000);
        let session = Session {
            id: SessionId::new(uuid::Uuid::nil()),
            token: Digest::of(b"token"),
            user: UserId::new(uuid::Uuid::nil()),
            authentication: Authentication { at: start, acr: Acr::Password, amr: "pwd".into() },
            created_at: start,
            seen_at: start,
            second_at: None,
        };
        assert!(session.is_live(start + IDLE - Duration::from_millis(1)));
        assert!(!session.is_live(start + IDLE));
        let used = Session { seen_at: start + LONGEST, ..session };
        assert!(!used.is_live(start + LONGEST));
    }
}
