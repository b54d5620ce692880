//! What somebody does about their password, on the way of a sign-in or beside it [flows.md A.1.2, F18].

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::password::Confirmed;
use crate::protocol::flow_api::{Action, CanceledOperation, Status};
use crate::protocol::id::{RecoveryId, UserId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// Whoever wants another password says who they are, and gives the one that there is.
    Current {
        username: String,
    },
    /// The next password is chosen.
    Choosing {
        user: UserId,
        old: Old,
    },
    Changed(Changed),
    /// Whose password was forgotten? `late`: a message from before is worth nothing any more.
    Asking {
        username: String,
        late: bool,
    },
    /// A message is on its way, if there is somebody to send it to.
    Sent {
        recovery: RecoveryId,
        username: String,
    },
    /// Somebody has the message, and chooses a new password.
    Resetting {
        recovery: RecoveryId,
        user: UserId,
    },
    Reset {
        user: UserId,
    },
    Canceled(CanceledOperation),
}

/// The password in whose place another comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Old {
    /// It was given in this flow.
    Given(Confirmed),
    /// It was, and it is good for nothing else.
    MustChange(Confirmed),
    /// The person is signed in in this browser, and gives it along with the new one.
    ToBeGiven,
}

/// A person who gave one password, and has another now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub user: UserId,
    /// When the old one was given.
    pub proved_at: Timestamp,
    /// Since when the new one is theirs.
    pub changed_at: Timestamp,
}

impl Errand {
    pub const fn status(&self) -> Status {
        match self {
            Self::Current { .. } => Status::CurrentCredentialsRequired,
            Self::Choosing { old: Old::MustChange(_), .. } => Status::MustChangePassword,
            Self::Choosing { old: Old::Given(_) | Old::ToBeGiven, .. } => Status::NewPasswordRequired,
            Self::Changed(_) => Status::SuccessfulPasswordChange,
            Self::Asking { .. } => Status::AccountRecoveryUsernameRequired,
            Self::Sent { .. } => Status::RecoveryCodeRequired,
            Self::Resetting { .. } => Status::PasswordResetRequired,
            Self::Reset { .. } => Status::SuccessfulPasswordReset,
            Self::Canceled(_) => Status::Canceled,
        }
    }

    pub const fn actions(&self) -> &'static [Action] {
        match self {
            Self::Current { .. } => &[Action::CheckCurrentCredentials, Action::CancelPasswordChange],
            Self::Choosing { .. } => &[Action::CheckNewPassword, Action::CancelPasswordChange],
            Self::Asking { .. } => &[Action::CheckAccountRecoveryUsername, Action::CancelAccountRecovery],
            Self::Sent { .. } => {
                &[Action::CheckRecoveryCode, Action::InitiateAccountRecovery, Action::CancelAccountRecovery]
            }
            Self::Resetting { .. } => {
                &[Action::CheckPasswordReset, Action::InitiateAccountRecovery, Action::CancelAccountRecovery]
            }
            Self::Changed(_) | Self::Reset { .. } | Self::Canceled(_) => &[Action::ContinueAuthentication],
        }
    }

    /// The password that there is was given.
    #[must_use]
    pub fn confirmed(self, confirmed: Confirmed) -> Option<Self> {
        let Self::Current { .. } = self else { return None };
        Some(Self::Choosing { user: confirmed.user(), old: Old::Given(confirmed) })
    }

    /// There is another one since `changed_at`.
    #[must_use]
    pub fn changed(self, confirmed: &Confirmed, changed_at: Timestamp) -> Option<Self> {
        let Self::Choosing { user, .. } = self else { return None };
        let changed = Changed { user, proved_at: confirmed.at(), changed_at };
        (user == confirmed.user()).then_some(Self::Changed(changed))
    }

    /// Somebody said whose password was forgotten.
    #[must_use]
    pub fn asked(self, recovery: RecoveryId, username: &str) -> Option<Self> {
        let Self::Asking { .. } = self else { return None };
        Some(Self::Sent { recovery, username: username.to_owned() })
    }

    /// No message came, or it is worth nothing any more.
    #[must_use]
    pub fn again(self) -> Option<Self> {
        match self {
            Self::Sent { username, .. } => Some(Self::Asking { username, late: false }),
            Self::Resetting { .. } => Some(Self::Asking { username: String::new(), late: false }),
            Self::Current { .. }
            | Self::Choosing { .. }
            | Self::Changed(_)
            | Self::Asking { .. }
            | Self::Reset { .. }
            | Self::Canceled(_) => None,
        }
    }

    /// Somebody has the message.
    #[must_use]
    pub fn proved(self, user: UserId) -> Option<Self> {
        let Self::Sent { recovery, .. } = self else { return None };
        Some(Self::Resetting { recovery, user })
    }

    #[must_use]
    pub fn reset(self) -> Option<Self> {
        let Self::Resetting { user, .. } = self else { return None };
        Some(Self::Reset { user })
    }

    #[must_use]
    pub fn cancelled(self) -> Option<Self> {
        match self {
            Self::Current { .. } | Self::Choosing { .. } => Some(Self::Canceled(CanceledOperation::PasswordChange)),
            Self::Asking { .. } | Self::Sent { .. } | Self::Resetting { .. } => {
                Some(Self::Canceled(CanceledOperation::AccountRecovery))
            }
            Self::Changed(_) | Self::Reset { .. } | Self::Canceled(_) => None,
        }
    }

    /// Whose password it is, where somebody has shown that they may know it.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::Choosing { user, .. } | Self::Resetting { user, .. } | Self::Reset { user } => Some(*user),
            Self::Changed(changed) => Some(changed.user),
            Self::Current { .. } | Self::Asking { .. } | Self::Sent { .. } | Self::Canceled(_) => None,
        }
    }

    /// What was typed, by anybody.
    pub fn typed(&self) -> Option<&str> {
        match self {
            Self::Current { username } | Self::Asking { username, .. } | Self::Sent { username, .. } => Some(username),
            Self::Choosing { .. }
            | Self::Changed(_)
            | Self::Resetting { .. }
            | Self::Reset { .. }
            | Self::Canceled(_) => None,
        }
    }
}

/// An errand that nobody is signed in for: at `/ext/pwdchange` and `/ext/pwdreset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrandFlow {
    /// Who may act.
    pub browser: crate::secret::Digest<crate::protocol::id::BrowserKey>,
    pub errand: Errand,
    /// The person has seen how it ended: the browser goes on.
    pub over: bool,
    pub ui_locales: Option<String>,
    pub started_at: Timestamp,
}

impl ErrandFlow {
    pub const fn status(&self) -> Status {
        if self.over { Status::Resume } else { self.errand.status() }
    }

    pub const fn actions(&self) -> &'static [Action] {
        match &self.errand {
            // There is nothing to go back to.
            Errand::Canceled(_) => &[],
            _ if self.over => &[],
            Errand::Current { .. }
            | Errand::Choosing { .. }
            | Errand::Changed(_)
            | Errand::Asking { .. }
            | Errand::Sent { .. }
            | Errand::Resetting { .. }
            | Errand::Reset { .. } => self.errand.actions(),
        }
    }

    /// From a good end. `None`: it is at none.
    #[must_use]
    pub fn continued(self) -> Option<Self> {
        let ended = matches!(self.errand, Errand::Changed(_) | Errand::Reset { .. });
        (ended && !self.over).then_some(Self { over: true, ..self })
    }

    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.started_at + super::LONGEST
    }
}
