//! What an ID token means for this phone, and the offer to become the person's device.

use std::sync::Arc;

use nod_device::enrollment::EnrollmentTicket;
use nod_device::messages::{
    ApproveEnrollmentRequest, Enrollment, EnrollmentApplication, EnrollmentUser, InstallationInfo, Pairing, PushToken,
};
use nod_device::{Call, Timestamp};

use crate::device::Device;
use crate::error::Result;

#[derive(uniffi::Enum)]
pub enum Processed {
    /// This phone is the person's device already, or nothing is on offer.
    Nothing,
    /// The person is signed in, but this phone does not become their device.
    NotEnrolled { reason: String },
    /// Ask the person.
    Offer { offer: Arc<PairingOffer> },
}

/// Dropped, it changes nothing: the server asks again at the next sign-in.
#[derive(uniffi::Object)]
pub struct PairingOffer {
    pub(crate) device: Arc<Device>,
    pub(crate) ticket: EnrollmentTicket,
    pub(crate) enrollment: Enrollment,
}

#[uniffi::export]
impl PairingOffer {
    pub fn user(&self) -> EnrollmentUser {
        self.enrollment.user.clone()
    }

    pub fn application(&self) -> EnrollmentApplication {
        self.enrollment.application.clone()
    }

    pub fn expires_at(&self) -> Timestamp {
        self.enrollment.expires_at
    }

    /// Yes. Store `Device.state` at once: the pairing exists on the server now.
    pub fn approve(&self, installation: InstallationInfo, push_token: Option<PushToken>) -> Result<Pairing> {
        let request = ApproveEnrollmentRequest { installation, push_token };
        let pairing = self.device.session.ask::<Pairing>(&Call::approve_enrollment(&self.ticket, &request))?;
        self.device.join(&pairing);
        Ok(pairing)
    }

    /// No. The person stays signed in.
    pub fn deny(&self) -> Result<()> {
        Ok(self.device.session.tell(&Call::deny_enrollment(&self.ticket))?)
    }
}
