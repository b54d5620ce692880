//! What can be done about a password on the way of a sign-in.

use proptest::prelude::*;

use super::scene::chosen_by;
use super::*;
use crate::domain::flow::errand::{Errand, Old};
use crate::domain::password::Confirmed;
use crate::domain::recovery::Means;
use crate::protocol::flow_api::Action;
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

/// The deed of `who`, and the action of the API that it is.
pub(super) fn done(flow: Flow, deed: Deed, who: UserId, around: &Around<'_>) -> (Option<Flow>, Action) {
    let status = flow.status();
    let confirmed = || Confirmed::new(who, around.now, chosen_by(who));
    match deed {
        // The other way that a password may be right.
        Deed::MustChange => (flow.must_change(confirmed()), Action::CheckUsernamePassword),
        Deed::Change => (flow.changes_password(), Action::InitiatePasswordChange),
        Deed::Confirm => (on_errand(flow, |errand| errand.confirmed(confirmed())), Action::CheckCurrentCredentials),
        Deed::Choose => (on_errand(flow, chosen), Action::CheckNewPassword),
        Deed::Recover => {
            let asked = flow.clone().recovers(None).or_else(|| on_errand(flow, Errand::again));
            (asked, Action::InitiateAccountRecovery)
        }
        Deed::Mail => (on_errand(flow, |errand| asked(errand, Means::Link)), Action::CheckAccountRecoveryUsername),
        Deed::Reset => (on_errand(flow, |errand| reset(errand, who)), action_of_reset(status)),
        Deed::GiveUp => {
            let of_change =
                [Status::CurrentCredentialsRequired, Status::NewPasswordRequired, Status::MustChangePassword];
            let changing = of_change.contains(&status);
            let action = if changing { Action::CancelPasswordChange } else { Action::CancelAccountRecovery };
            (on_errand(flow, Errand::cancelled), action)
        }
        Deed::Continue => (goes_on(flow, around), Action::ContinueAuthentication),
    }
}

/// As `Advance` has it.
pub(super) fn goes_on(flow: Flow, around: &Around<'_>) -> Option<Flow> {
    if flow.second_factor.is_some() { flow.second_factor_continued(around) } else { flow.continued(around) }
}

pub(super) fn on_errand(flow: Flow, then: impl FnOnce(Errand) -> Option<Errand>) -> Option<Flow> {
    let next = then(flow.errand()?.clone())?;
    flow.on_errand(next)
}

/// Whoever gave the old password chooses the next one. Nobody is signed in to the flow already.
pub(super) fn chosen(errand: Errand) -> Option<Errand> {
    let Errand::Choosing { old: Old::Given(confirmed) | Old::MustChange(confirmed), .. } = &errand else { return None };
    let (confirmed, chosen_at) = (confirmed.clone(), chosen_by(confirmed.user()));
    errand.changed(&confirmed, chosen_at)
}

pub(super) fn asked(errand: Errand, means: Means) -> Option<Errand> {
    errand.asked(RecoveryId::new(Uuid::nil()), "alice", means)
}

/// One step on the way of a recovery.
fn reset(errand: Errand, who: UserId) -> Option<Errand> {
    asked(errand.clone(), Means::Both).or_else(|| errand.clone().proved(who)).or_else(|| errand.reset())
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
