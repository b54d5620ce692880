//! Addresses that people name on the way, who have nothing else.

use nod::domain::audit::Action;
use nod::domain::otp::{Channel, OtpDevice};
use nod::protocol::id::{DeviceId, UserId};
use nod::store::sql::besides::Besides;

use super::stage::{Stage, now};
use super::totp_devices::app;

on_every_engine! {
    of_an_address_and_an_app_at_once_one_is_the_first_device
    an_address_is_the_first_device_beside_what_is_none
}

/// One from where a code has come back.
fn address(stage: &Stage, user: UserId) -> OtpDevice {
    OtpDevice {
        id: DeviceId::new(stage.entropy.uuid()),
        user,
        channel: Channel::Email,
        target: "alice@home.example".to_owned(),
        nickname: None,
        created_at: now(),
    }
}

async fn of_an_address_and_an_app_at_once_one_is_the_first_device(stage: Stage) {
    let [here, there] = &stage.nodes;
    for round in 0..8 {
        let alice = stage.user(&format!("alice{round}")).await.id;
        let (address, named) = (address(&stage, alice), stage.event(Action::OtpDeviceAdded));
        let (app, made) = (app(&stage, alice), stage.event(Action::TotpDeviceAdded));
        let first = (None, Besides::Nothing);
        let (named, made) =
            tokio::join!(here.addresses.add_first(&address, first, &named), there.totps.add_first(&app, first, &made));
        assert_ne!(named.unwrap(), made.unwrap());
    }
}

async fn an_address_is_the_first_device_beside_what_is_none(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    stage.pair(&alice, "phone").await;
    let event = || stage.event(Action::OtpDeviceAdded);
    for besides in [Besides::Nothing, Besides::Passkeys] {
        let added = here.addresses.add_first(&address(&stage, alice.id), (None, besides), &event()).await.unwrap();
        assert!(!added, "{besides:?}");
    }
    // A phone that will not do is why she names one.
    let anything = (None, Besides::Anything);
    assert!(here.addresses.add_first(&address(&stage, alice.id), anything, &event()).await.unwrap());
    assert!(
        !there.addresses.add_first(&address(&stage, alice.id), anything, &event()).await.unwrap(),
        "she has one now"
    );
}
