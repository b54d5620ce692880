//! The admin API, `/admin/v1`.

mod bootstrap;
mod clients;
mod client_credentials;
mod robot;

pub(crate) use robot::{Robot, location};
