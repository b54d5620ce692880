//! Answers that are no more than their status, or that have one of their own.

use nod_device::messages::Pairing;
use poem_openapi::ApiResponse;

use super::schema;
use crate::http::described::Described;

/// The pairing was made.
#[derive(ApiResponse)]
pub enum PairingAnswer {
    /// The phone is a device of the person now.
    #[oai(status = 201)]
    Created(Described<Pairing, schema::Pairing>),
}

/// Nothing more to say.
#[derive(ApiResponse)]
pub enum Unpaired {
    /// The device is gone.
    #[oai(status = 204)]
    Gone,
}

/// The answer was heard.
#[derive(ApiResponse)]
pub enum EnrollmentDenied {
    /// Nothing was paired.
    #[oai(status = 204)]
    Heard,
}

/// It was heard.
#[derive(ApiResponse)]
pub enum PushTokenSet {
    /// From now on, the phone is reached there.
    #[oai(status = 204)]
    Heard,
}

/// It was heard.
#[derive(ApiResponse)]
pub enum PushTokenRemoved {
    /// No push reaches the phone.
    #[oai(status = 204)]
    Gone,
}

/// It was heard.
#[derive(ApiResponse)]
pub enum PushEnabledSet {
    /// From now on, the phone rings or does not.
    #[oai(status = 204)]
    Heard,
}
