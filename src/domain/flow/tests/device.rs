//! Flows of which a device waits for the end [RFC 8628].

use super::*;
use crate::protocol::flow_api::Action;

pub(super) fn of_device() -> Start {
    let code = UserCode::typed("WDJB-MJHT").unwrap();
    let device = ForDevice { code: Digest::of(b"device"), user_code: code, confirmed: false };
    let request = AuthorizationRequest::of_device(Scope::parse("openid").unwrap(), None);
    Start { device: Some(device), ..start(request) }
}

#[test]
fn rfc8628_5_4_nobody_signs_in_for_a_device_that_they_have_not_looked_at() {
    let policy = SignOnPolicy::password();
    let around = around(&policy);
    for session in [None, Some(session(ALICE, 0))] {
        let flow = Flow::begin(of_device(), session.as_ref(), &around);
        assert_eq!(flow.status(), Status::OauthDeviceUserCodeConfirmationRequired);
        assert!(flow.clone().password_verified(ALICE, &around).is_none());
        assert!(flow.clone().agreed(None, &around).is_none() && flow.clone().left().is_none());
        let confirmed = flow.clone().confirmed(&around).unwrap();
        let next = if session.is_some() { Status::Resume } else { Status::UsernamePasswordRequired };
        assert_eq!(confirmed.status(), next);
        assert!(confirmed.clone().confirmed(&around).is_none(), "once");
        assert!(confirmed.left().is_none(), "there is nowhere to go");
        let refused = flow.cancelled(&around).unwrap();
        assert_eq!(refused.at, At::Failed(Failure::NotAgreed));
        assert!(refused.left().is_none());
    }
    let plain = begin(request(ResponseMode::Query), None);
    assert!(plain.confirmed(&around).is_none(), "no device");
}

#[test]
fn a_code_that_is_typed_makes_it_the_flow_of_that_device() {
    let policy = SignOnPolicy::password();
    let around = around(&policy);
    let app =
        Start { cookieless: true, ..start(AuthorizationRequest::of_device(Scope::parse("openid").unwrap(), None)) };
    let waiting = Flow::awaiting_code(app, at(0));
    assert_eq!(
        (waiting.status(), waiting.actions()),
        (Status::OauthDeviceUserCodeRequired, vec![Action::SubmitUserCode])
    );
    for nothing in [
        waiting.clone().confirmed(&around),
        waiting.clone().cancelled(&around),
        waiting.clone().identified("alice", &around),
        waiting.clone().password_verified(ALICE, &around),
        waiting.clone().agreed(None, &around),
        waiting.clone().left(),
        waiting.clone().completed(&Sealed::from_bytes(vec![1])),
    ] {
        assert_eq!(nothing, None);
    }
    let telly = ClientId::parse("telly").unwrap();
    let other = Start { client: telly.clone(), browser: Digest::of(b"another"), ..of_device() };
    let flow = waiting.for_device(Flow::begin(other, None, &around)).unwrap();
    assert_eq!(flow.status(), Status::OauthDeviceUserCodeConfirmationRequired);
    assert_eq!((&flow.client, flow.run_by.as_ref().map(ClientId::as_str)), (&telly, Some("shop")));
    assert_eq!((flow.browser, flow.cookieless), (Digest::of(b"browser"), true), "in the same hands");
    assert!(flow.clone().for_device(flow).is_none(), "once");
}
