//! Passwords: a new one in place of a forgotten one, a change, and that it is done.

pub mod change;
pub mod done;
pub mod new;

use crate::web::sign_in::form::Problem as At;
use crate::words::Message;

/// Why a password cannot be the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Missing,
    /// It needs that many characters.
    Short(u64),
    /// It may have that many.
    Long(u64),
    Common,
    /// It has the username in it.
    Name,
    /// It is the one that there is.
    Same,
}

impl Unfit {
    const fn told(self) -> At<'static> {
        At::at(
            "new_password",
            match self {
                Self::Missing => Message::NewPasswordMissing,
                Self::Short(least) => Message::PasswordShort(least),
                Self::Long(most) => Message::PasswordLong(most),
                Self::Common => Message::PasswordCommon,
                Self::Name => Message::PasswordName,
                Self::Same => Message::PasswordSame,
            },
        )
    }
}
