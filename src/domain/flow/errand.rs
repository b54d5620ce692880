//! What somebody does about their password, on the way of a sign-in or beside it [flows.md A.1.2, F18].

use serde::{Deserialize, Serialize};

use super::{Around, At, Flow, Who};
use crate::clock::Timestamp;
use crate::domain::password::Confirmed;
use crate::domain::policy::Source;
use crate::domain::recovery::Means;
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
    /// A message with a code is on its way, if there is somebody to send it to.
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
    /// A message with a link alone is on its way, if there is somebody to send it to. Whoever opens the link goes
    /// on where they open it, and nowhere else: who asked may be somebody else.
    Linked {
        username: String,
    },
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
            Self::Linked { .. } => Status::AccountRecoveryOtlVerificationRequired,
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
            Self::Linked { .. } => &[Action::InitiateAccountRecovery, Action::CancelAccountRecovery],
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
    pub fn asked(self, recovery: RecoveryId, username: &str, means: Means) -> Option<Self> {
        let Self::Asking { .. } = self else { return None };
        let username = username.to_owned();
        Some(if means.has_code() { Self::Sent { recovery, username } } else { Self::Linked { username } })
    }

    /// No message came, or it is worth nothing any more.
    #[must_use]
    pub fn again(self) -> Option<Self> {
        match self {
            Self::Sent { username, .. } | Self::Linked { username } => Some(Self::Asking { username, late: false }),
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
            Self::Asking { .. } | Self::Sent { .. } | Self::Linked { .. } | Self::Resetting { .. } => {
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
            Self::Current { .. }
            | Self::Asking { .. }
            | Self::Sent { .. }
            | Self::Linked { .. }
            | Self::Canceled(_) => None,
        }
    }

    /// What was typed, by anybody.
    pub fn typed(&self) -> Option<&str> {
        match self {
            Self::Current { username }
            | Self::Asking { username, .. }
            | Self::Sent { username, .. }
            | Self::Linked { username } => Some(username),
            Self::Choosing { .. }
            | Self::Changed(_)
            | Self::Resetting { .. }
            | Self::Reset { .. }
            | Self::Canceled(_) => None,
        }
    }
}

/// The errands of a sign-in.
impl Flow {
    /// It was chosen then.
    #[must_use]
    pub fn by_password_of(self, chosen_at: Timestamp) -> Self {
        Self { password: Some(chosen_at), ..self }
    }

    /// The password was right, and is good for nothing but to choose another. `None`: none was asked for.
    #[must_use]
    pub fn must_change(self, confirmed: Confirmed) -> Option<Self> {
        self.sent_on(Errand::Choosing { user: confirmed.user(), old: Old::MustChange(confirmed) })
    }

    /// The person wants another password. `None`: none was asked for.
    #[must_use]
    pub fn changes_password(self) -> Option<Self> {
        let username = self.claimed();
        self.sent_on(Errand::Current { username })
    }

    /// The person has forgotten the password. `None`: none was asked for, or nobody can be written to.
    #[must_use]
    pub fn recovers(self, hint: Option<&str>) -> Option<Self> {
        let username = hint.map_or_else(|| self.claimed(), str::to_owned);
        let recoverable = self.recoverable;
        self.sent_on(Errand::Asking { username, late: false }).filter(|_| recoverable)
    }

    fn sent_on(self, errand: Errand) -> Option<Self> {
        self.asking(Source::Password)?;
        Some(Self { at: At::Errand(errand), ..self })
    }

    fn claimed(&self) -> String {
        match &self.who {
            Who::Claimed(username) => username.clone(),
            Who::Nobody | Who::Proved(_) => String::new(),
        }
    }

    /// Who has changed a password on the way, and so has given one.
    pub const fn proved_by_errand(&self) -> Option<UserId> {
        match self.errand() {
            Some(Errand::Changed(changed)) => Some(changed.user),
            Some(
                Errand::Current { .. }
                | Errand::Choosing { .. }
                | Errand::Asking { .. }
                | Errand::Sent { .. }
                | Errand::Linked { .. }
                | Errand::Resetting { .. }
                | Errand::Reset { .. }
                | Errand::Canceled(_),
            )
            | None => None,
        }
    }

    /// What the person does before the sign-in goes on.
    pub const fn errand(&self) -> Option<&Errand> {
        match &self.at {
            At::Errand(errand) => Some(errand),
            At::UserCode
            | At::Account(_)
            | At::Device
            | At::Asking(..)
            | At::Consent(_)
            | At::Ready
            | At::Completed(_)
            | At::Left
            | At::Connected
            | At::Failed(_) => None,
        }
    }

    /// The errand goes on. `None`: there is none.
    #[must_use]
    pub fn on_errand(self, errand: Errand) -> Option<Self> {
        self.errand()?;
        Some(Self { at: At::Errand(errand), ..self })
    }

    /// The errand is over, and the sign-in goes on: who has changed a password has given one. `None`: it is not.
    #[must_use]
    pub fn continued(self, around: &Around<'_>) -> Option<Self> {
        match self.errand()? {
            Errand::Changed(Changed { user, proved_at, changed_at }) => {
                let (user, changed_at) = (*user, *changed_at);
                let then = Around { now: *proved_at, ..*around };
                let asked = self.settled(around);
                // A policy that has changed meanwhile may ask for something else.
                let verified = asked.clone().password_verified(user, &then);
                Some(verified.map_or(asked, |flow| flow.by_password_of(changed_at)))
            }
            Errand::Reset { .. } | Errand::Canceled(_) => Some(self.settled(around)),
            Errand::Current { .. }
            | Errand::Choosing { .. }
            | Errand::Asking { .. }
            | Errand::Sent { .. }
            | Errand::Linked { .. }
            | Errand::Resetting { .. } => None,
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
            | Errand::Linked { .. }
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
