//! What can be done about a password on the way of a sign-in.

use proptest::prelude::*;
use uuid::Uuid;

use super::{ALICE, BOB, at};
use crate::domain::flow::errand::Errand;
use crate::domain::flow::{Around, Flow};
use crate::domain::password::Confirmed;
use crate::domain::recovery::Means;
use crate::protocol::flow_api::{Action, Status};
use crate::protocol::id::RecoveryId;

#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// The password is right, and has to be changed.
    MustChange,
    Change,
    Confirm,
    Choose,
    Recover,
    /// A link alone is sent.
    Mail,
    Reset,
    GiveUp,
    Continue,
}

pub(super) fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => Just(Deed::MustChange),
        1 => Just(Deed::Change),
        2 => Just(Deed::Confirm),
        3 => Just(Deed::Choose),
        2 => Just(Deed::Recover),
        1 => Just(Deed::Mail),
        3 => Just(Deed::Reset),
        1 => Just(Deed::GiveUp),
        3 => Just(Deed::Continue),
    ]
}

/// The deed, and the action of the API that it is.
pub(super) fn done(flow: Flow, deed: Deed, around: &Around<'_>) -> (Option<Flow>, Action) {
    let status = flow.status();
    match deed {
        // The other way that a password may be right.
        Deed::MustChange => (flow.must_change(confirmed()), Action::CheckUsernamePassword),
        Deed::Change => (flow.changes_password(), Action::InitiatePasswordChange),
        Deed::Confirm => (on_errand(flow, |errand| errand.confirmed(confirmed())), Action::CheckCurrentCredentials),
        Deed::Choose => (on_errand(flow, |errand| errand.changed(&confirmed(), at(0))), Action::CheckNewPassword),
        Deed::Recover => {
            let asked = flow.clone().recovers(None).or_else(|| on_errand(flow, Errand::again));
            (asked, Action::InitiateAccountRecovery)
        }
        Deed::Mail => (on_errand(flow, |errand| asked(errand, Means::Link)), Action::CheckAccountRecoveryUsername),
        Deed::Reset => (on_errand(flow, reset), action_of_reset(status)),
        Deed::GiveUp => {
            let of_change =
                [Status::CurrentCredentialsRequired, Status::NewPasswordRequired, Status::MustChangePassword];
            let changing = of_change.contains(&status);
            let action = if changing { Action::CancelPasswordChange } else { Action::CancelAccountRecovery };
            (on_errand(flow, Errand::cancelled), action)
        }
        Deed::Continue => (flow.continued(around), Action::ContinueAuthentication),
    }
}

fn confirmed() -> Confirmed {
    Confirmed::new(ALICE, at(0), at(-9))
}

fn on_errand(flow: Flow, then: impl FnOnce(Errand) -> Option<Errand>) -> Option<Flow> {
    let next = then(flow.errand()?.clone())?;
    flow.on_errand(next)
}

fn asked(errand: Errand, means: Means) -> Option<Errand> {
    errand.asked(RecoveryId::new(Uuid::nil()), "alice", means)
}

/// One step on the way of a recovery.
fn reset(errand: Errand) -> Option<Errand> {
    asked(errand.clone(), Means::Both).or_else(|| errand.clone().proved(BOB)).or_else(|| errand.reset())
}

fn action_of_reset(status: Status) -> Action {
    if status == Status::RecoveryCodeRequired {
        Action::CheckRecoveryCode
    } else if status == Status::PasswordResetRequired {
        Action::CheckPasswordReset
    } else {
        Action::CheckAccountRecoveryUsername
    }
}
