//! A forgotten password: whose it is, and the message about it. The new password is [`super::password::new`].

pub mod ask;
pub mod sent;
