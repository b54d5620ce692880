//! The pages on the way to an app: sign-in, consent, codes, recovery, devices, sign-out.
//!
//! Each file is a page: a `View` of plain data, and `render`. None of them knows where the data comes from
//! or what happens next: forms go where the view says, with the hidden fields that it gives, and the button
//! that was pressed comes back as `action`. None needs a script but those of passkeys, which browsers give to scripts
//! alone.

pub mod account;
pub mod accounts;
mod address;
mod around;
pub mod code;
pub mod consent;
pub mod credentials;
pub mod device;
pub mod error;
mod form;
pub mod form_post;
pub mod hop;
pub mod identifier;
pub mod logout;
pub mod method;
pub mod passkey;
pub mod password;
pub mod push;
pub mod recovery;
pub mod remember;
pub mod set_up;

pub use self::address::Address;
pub use self::around::{Around, Site};
pub use self::form::{Back, Client, Form, Reason, Way};
