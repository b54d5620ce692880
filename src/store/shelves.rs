//! Which types rest in the ephemeral store, and how each is found.

use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::code::Code;
use crate::domain::device_authentication::DeviceAuthentication;
use crate::domain::device_authorization::{DeviceAuthorization, ShownCode};
use crate::domain::device_log::{DeviceLog, SupportId};
use crate::domain::enrolment::Offer;
use crate::domain::flow::errand::ErrandFlow;
use crate::domain::flow::of_browser::FlowsOfBrowser;
use crate::domain::flow::{Asking, Flow};
use crate::domain::inbox::Inbox;
use crate::domain::ladder::Ladder;
use crate::domain::mobile_app::PayloadUse;
use crate::domain::occasion::PaidText;
use crate::domain::otp::{Channel, Delivery, GivenAddress, Withdrawn};
use crate::domain::otp_guard::OtpGuard;
use crate::domain::otp_ranges::RangeTally;
use crate::domain::pairing_guesses::PairingGuesses;
use crate::domain::passkey::OfAccount;
use crate::domain::ping::Callback;
use crate::domain::push_allowance::PushAllowance;
use crate::domain::pushed_request::PushedRequest;
use crate::domain::recovery::Recovery;
use crate::domain::silence::Silence;
use crate::domain::silent_push::SilentPushes;
use std::sync::Arc;

use crate::protocol::id::{
    AuthReqId, AuthorizationCode, BrowserKey, CeremonyId, DeviceAuthenticationId, DeviceCode, DeviceId,
    EnrolmentTicket, FlowId, InstallationId, OtpId, PushedRequestId, RecoveryId, UserId,
};
use crate::protocol::phone_number::PhoneNumber;
use crate::protocol::user_code::UserCode;
use crate::secret::{Digest, sha256};
use crate::store::ephemeral::{Ephemeral, Purpose, Shelved, Topic, Wakeups};

impl Shelved for AuthenticationRequest {
    const PURPOSE: Purpose = Purpose::AuthenticationRequest;
    type Id = Digest<AuthReqId>;

    fn id(id: &Digest<AuthReqId>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for Callback {
    const PURPOSE: Purpose = Purpose::Callback;
    type Id = Digest<AuthReqId>;

    fn id(id: &Digest<AuthReqId>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for Inbox {
    const PURPOSE: Purpose = Purpose::Inbox;
    type Id = UserId;

    fn id(id: &UserId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for Flow {
    const PURPOSE: Purpose = Purpose::Flow;
    type Id = Digest<FlowId>;

    fn id(id: &Digest<FlowId>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for DeviceAuthentication {
    const PURPOSE: Purpose = Purpose::DeviceAuthentication;
    type Id = DeviceAuthenticationId;

    fn id(id: &DeviceAuthenticationId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for Code {
    const PURPOSE: Purpose = Purpose::Code;
    type Id = Digest<AuthorizationCode>;

    fn id(id: &Digest<AuthorizationCode>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for Offer {
    const PURPOSE: Purpose = Purpose::Enrolment;
    type Id = Digest<EnrolmentTicket>;

    fn id(id: &Digest<EnrolmentTicket>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for PayloadUse {
    const PURPOSE: Purpose = Purpose::PayloadReplay;
    type Id = Digest<PayloadUse>;

    fn id(id: &Digest<PayloadUse>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for PushedRequest {
    const PURPOSE: Purpose = Purpose::PushedRequest;
    type Id = Digest<PushedRequestId>;

    fn id(id: &Digest<PushedRequestId>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for DeviceAuthorization {
    const PURPOSE: Purpose = Purpose::DeviceAuthorization;
    type Id = Digest<DeviceCode>;

    fn id(id: &Digest<DeviceCode>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for ShownCode {
    const PURPOSE: Purpose = Purpose::UserCode;
    type Id = Digest<UserCode>;

    fn id(id: &Digest<UserCode>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for ErrandFlow {
    const PURPOSE: Purpose = Purpose::ErrandFlow;
    type Id = Digest<FlowId>;

    fn id(id: &Digest<FlowId>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for FlowsOfBrowser {
    const PURPOSE: Purpose = Purpose::FlowsOfBrowser;
    type Id = Digest<BrowserKey>;

    fn id(id: &Digest<BrowserKey>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for PushAllowance {
    const PURPOSE: Purpose = Purpose::PushAllowance;
    type Id = UserId;

    fn id(id: &UserId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for OtpGuard {
    const PURPOSE: Purpose = Purpose::OtpGuard;
    type Id = UserId;

    fn id(id: &UserId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for Delivery {
    const PURPOSE: Purpose = Purpose::Delivery;
    type Id = OtpId;

    fn id(id: &OtpId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for Withdrawn {
    const PURPOSE: Purpose = Purpose::WithdrawnCode;
    type Id = OtpId;

    fn id(id: &OtpId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for PaidText {
    const PURPOSE: Purpose = Purpose::PaidText;
    type Id = OtpId;

    fn id(id: &OtpId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for GivenAddress {
    const PURPOSE: Purpose = Purpose::GivenAddress;
    type Id = DeviceId;

    fn id(id: &DeviceId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for Silence {
    const PURPOSE: Purpose = Purpose::Silence;
    type Id = DeviceId;

    fn id(id: &DeviceId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for RangeTally {
    const PURPOSE: Purpose = Purpose::RangeTally;
    type Id = (Channel, PhoneNumber);

    fn id((channel, number): &(Channel, PhoneNumber)) -> Vec<u8> {
        sha256(format!("{channel} {}", number.range()).as_bytes()).to_vec()
    }
}

impl Shelved for SilentPushes {
    const PURPOSE: Purpose = Purpose::SilentPushes;
    type Id = InstallationId;

    fn id(id: &InstallationId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for OfAccount {
    const PURPOSE: Purpose = Purpose::Ceremony;
    type Id = Digest<CeremonyId>;

    fn id(id: &Digest<CeremonyId>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for Recovery {
    const PURPOSE: Purpose = Purpose::Recovery;
    type Id = RecoveryId;

    fn id(id: &RecoveryId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}

impl Shelved for Ladder {
    const PURPOSE: Purpose = Purpose::Ladder;
    /// Keyed: what people call themselves is not there to be read.
    type Id = Digest<Ladder>;

    fn id(id: &Digest<Self>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for DeviceLog {
    const PURPOSE: Purpose = Purpose::DeviceLog;
    type Id = SupportId;

    fn id(id: &SupportId) -> Vec<u8> {
        id.as_str().as_bytes().to_vec()
    }
}

impl Shelved for PairingGuesses {
    const PURPOSE: Purpose = Purpose::PairingGuesses;
    type Id = Digest<PairingGuesses>;

    fn id(id: &Digest<Self>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for Asking {
    const PURPOSE: Purpose = Purpose::Asking;
    type Id = Digest<Asking>;

    fn id(id: &Digest<Self>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

/// Rings on the nodes where an installation listens.
#[derive(Clone)]
pub struct DeviceBell(Arc<dyn Ephemeral>);

impl DeviceBell {
    pub fn new(store: Arc<dyn Ephemeral>) -> Self {
        Self(store)
    }

    /// "Look into your inboxes." A hint: the state is in the inboxes.
    pub async fn ring(&self, installation: &InstallationId) {
        self.0.wake(&topic(installation)).await;
    }

    pub async fn listen(&self, installation: &InstallationId) -> Wakeups {
        self.0.watch(&topic(installation)).await
    }
}

fn topic(installation: &InstallationId) -> Topic {
    let mut bytes = vec![b'd'];
    bytes.extend_from_slice(installation.uuid().as_bytes());
    Topic::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::authentication_request::{Asker, Challenge, Polling, State};
    use crate::domain::inbox::{Added, Entry, Limits, Standing};
    use crate::protocol::acr::Acr;
    use crate::protocol::binding_message::{BindingMessage, MAX_GRAPHEMES};
    use crate::protocol::id::{ClientId, NotificationId, RequestId};
    use crate::protocol::parameters::max_length;
    use crate::protocol::scope::Scope;
    use crate::store::ephemeral::encode;

    /// Of a request that waits and was polled, with its entry in an inbox, both as they are stored.
    fn bytes(client: &str, scope: &str, message: &str) -> usize {
        let now = Timestamp::from_seconds(1_800_000_000);
        let request = AuthenticationRequest {
            id: RequestId::new(Uuid::max()),
            notification: NotificationId::new(Uuid::max()),
            client: ClientId::parse(client).unwrap(),
            asker: Asker::Client,
            user: UserId::new(Uuid::max()),
            scope: Scope::parse(scope).unwrap(),
            acr: Acr::DeviceNumber,
            binding_message: Some(BindingMessage::parse(message).unwrap()),
            challenge: Challenge::Pick { options: [47, 11, 99], right: 47 },
            about: None,
            issued_at: now,
            expires_at: now + Duration::from_secs(120),
            polling: Polling { interval: 5, last: Some(now) },
            state: State::Pending,
        };
        let entry = Entry::new(request.notification, Digest::of(b"id"), &request.client, request.expires_at);
        let limits = Limits { per_user: 3, per_client_and_user: 1 };
        let (inbox, added) = Inbox::default().add(entry, Standing::Stranger, limits, now);
        assert_eq!(added, Added::Yes);
        encode(&request).unwrap().len() + encode(&inbox).unwrap().len()
    }

    /// Redis needs some 320 bytes more for two keys that expire, and 500 is what a request may take there
    /// (docs/performance.md).
    #[test]
    fn a_request_that_waits_is_small() {
        let usual = bytes("shop", "openid profile", "Order 4711");
        assert!(usual <= 176, "{usual}");
        // Whoever asks makes it no larger than this.
        let largest = bytes(&"c".repeat(100), &"s".repeat(max_length("scope")), &"\u{5b57}".repeat(MAX_GRAPHEMES));
        assert!(largest <= 768, "{largest}");
    }
}
