//! Browsers that are remembered.

use super::*;

/// [flows.md D.1, H.4] it spares a question to whom it would be put, on the device that was shown; and nothing else comes of
/// it, whatever a person and a policy are.
#[test]
fn h4_a_browser_that_is_remembered_spares_a_question_and_opens_nothing() {
    let modes = [Without::Block, Without::Bypass, Without::Setup];
    let (own, other) = (DeviceId::new(Uuid::from_u128(1)), DeviceId::new(Uuid::from_u128(2)));
    let bank = app("bank");
    let statuses = [None, Some(Status::Active), Some(Status::Blocked)];
    let mut spared = 0;
    for (none, incompatible) in modes.iter().flat_map(|none| modes.iter().map(move |other| (*none, *other))) {
        for (status, enabled) in statuses.into_iter().flat_map(|status| [true, false].map(|enabled| (status, enabled)))
        {
            let remember_me = RememberMe { enabled, ..RememberMe::default() };
            let policy = MfaPolicy { remember_me, ..policy(none, incompatible) };
            let devices: Vec<_> = status.into_iter().map(|status| device(Some(application("bank")), status)).collect();
            let served = Served::default();
            for standing in [ACTIVE, Some(user::Status::Locked), Some(user::Status::Disabled), None] {
                for by in [None, Some(By { app: &bank, device: devices.first(), standing: None })] {
                    let asked = Asked { standing, ..asked_of(&policy, &devices, &[], &served, by) };
                    let before = asked.evaluate();
                    for remembered in [own, other] {
                        let verdict = Asked { remembered: Some(remembered), ..asked }.evaluate();
                        let asks = matches!(&before.0, Verdict::Ask(devices, _) if devices.contains(&remembered));
                        if asks && enabled && by.is_none() {
                            assert_eq!(verdict, (Verdict::Remembered(remembered), None));
                            spared += 1;
                        } else {
                            assert_eq!(verdict, before, "{standing:?} {status:?} {enabled}");
                        }
                        let otherwise = Asked { remembered: Some(remembered), ..asked }.evaluate_otherwise();
                        assert!(!matches!(otherwise.0, Verdict::Remembered(_)));
                    }
                }
            }
        }
    }
    assert_eq!(spared, modes.len() * modes.len(), "an active phone, where the policy says so");
}
