//! Authenticator apps that people make on the way, who have nothing else.

use nod::domain::audit::Action;
use nod::domain::device::About;
use nod::domain::totp::TotpDevice;
use nod::protocol::id::{DeviceId, InstallationId, UserId};
use nod::secret::Sealed;
use nod::store::sql::besides::Besides;
use nod::store::sql::devices::{Claimed, Newcomer};

use super::stage::{Stage, now};

on_every_engine! {
    of_an_app_and_a_phone_at_once_one_is_the_first_device
    an_app_is_the_first_device_beside_what_is_none
}

/// One that has shown a code.
pub(super) fn app(stage: &Stage, user: UserId) -> TotpDevice {
    TotpDevice {
        id: DeviceId::new(stage.entropy.uuid()),
        user,
        nickname: None,
        key: Sealed::from_bytes(b"sealed".to_vec()),
        activated_at: Some(now()),
        last_step: Some(1),
        created_at: now(),
    }
}

async fn of_an_app_and_a_phone_at_once_one_is_the_first_device(stage: Stage) {
    let [here, there] = &stage.nodes;
    for round in 0..8 {
        let alice = stage.user(&format!("alice{round}")).await.id;
        let (app, event) = (app(&stage, alice), stage.event(Action::TotpDeviceAdded));
        let (jkt, about) = (format!("jkt{round}"), About::default());
        let newcomer = Newcomer {
            application: None,
            jkt: &jkt,
            public_jwk: "{}",
            about: &about,
            new_installation: InstallationId::new(stage.entropy.uuid()),
            new_device: DeviceId::new(stage.entropy.uuid()),
            max_devices: 10,
        };
        let paired = stage.event(Action::DevicePaired);
        let (added, enrolled) = tokio::join!(
            here.totps.add_first(&app, (None, Besides::Nothing), &event),
            there.devices.enrol((alice, None, Besides::Nothing), &newcomer, now(), paired),
        );
        let (added, enrolled) = (added.unwrap(), enrolled.unwrap());
        assert_ne!(added, matches!(enrolled, Claimed::Paired(_)), "{enrolled:?}");
    }
}

async fn an_app_is_the_first_device_beside_what_is_none(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    stage.pair(&alice, "phone").await;
    let event = || stage.event(Action::TotpDeviceAdded);
    for besides in [Besides::Nothing, Besides::Passkeys] {
        let added = here.totps.add_first(&app(&stage, alice.id), (None, besides), &event()).await.unwrap();
        assert!(!added, "{besides:?}");
    }
    // A phone that will not do is why she makes one.
    let anything = (None, Besides::Anything);
    assert!(here.totps.add_first(&app(&stage, alice.id), anything, &event()).await.unwrap());
    assert!(!there.totps.add_first(&app(&stage, alice.id), anything, &event()).await.unwrap(), "she has one now");
}
