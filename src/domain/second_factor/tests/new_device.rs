//! An app that may become another device of somebody who has one [flows.md F10].

use super::*;

/// What comes of an app that is no device of somebody who has these.
fn evaluated_new(policy: &MfaPolicy, devices: &[Device], standing: Option<Standing>) -> (Verdict, Option<Grounds>) {
    let bank = app("bank");
    let app = Some(By { app: &bank, device: None, standing });
    let served = by_mail();
    let asked = asked_of(policy, devices, &[], &served, app);
    let (verdict, enrolment) = asked.evaluate();
    (verdict, enrolment.map(|enrolment| enrolment.grounds.unwrap()))
}

#[test]
fn f10_the_primary_device_is_asked_about_another_app_and_where_it_cannot_be_one_of_the_others() {
    let ids = [1, 2, 3].map(|id| DeviceId::new(Uuid::from_u128(id)));
    let mut phones = [0, 1, 2].map(|position| Device {
        id: ids[usize::try_from(position).unwrap()],
        position,
        ..device(None, Status::Active)
    });
    for selection in DeviceSelection::ALL {
        let policy = MfaPolicy { device_selection: *selection, ..policy(Without::Bypass, Without::Block) };
        let asked = Verdict::Ask(ids.to_vec(), First::Ask);
        assert_eq!(evaluated_new(&policy, &phones, None), (asked, Some(Grounds::Approved)));
    }
    phones[0].status = Status::Blocked;
    let policy = policy(Without::Block, Without::Block);
    let asked = Verdict::Ask(ids[1..].to_vec(), First::Choose);
    assert_eq!(evaluated_new(&policy, &phones, None), (asked, Some(Grounds::Approved)));
    let asked = Verdict::Ask(ids[1..2].to_vec(), First::Ask);
    assert_eq!(evaluated_new(&policy, &phones[..2], None), (asked, Some(Grounds::Approved)));
}

/// Those that have not answered for long come last, but for this.
#[test]
fn f10_a_primary_device_that_is_suspect_is_asked_about_another_app_all_the_same() {
    let ids = [1, 2, 3].map(|id| DeviceId::new(Uuid::from_u128(id)));
    let [primary, second, third] = [0, 1, 2].map(|position| Device {
        id: ids[usize::try_from(position).unwrap()],
        position,
        ..device(None, Status::Active)
    });
    let policy = policy(Without::Block, Without::Block);
    let phones = [second.clone(), third, primary];
    let asked = Verdict::Ask(ids.to_vec(), First::Ask);
    assert_eq!(evaluated_new(&policy, &phones, None), (asked, Some(Grounds::Approved)));
    let asked = Verdict::Ask(vec![ids[1], ids[2], ids[0]], First::Ask);
    assert_eq!(evaluated(&policy, &phones, None, false), (asked, None), "of a plain question");
    // Nor is there anything to choose where the next one cannot be asked.
    let [_, third, primary] = phones;
    let phones = [Device { status: Status::Blocked, ..second }, third, primary];
    let asked = Verdict::Ask(vec![ids[0], ids[2]], First::Ask);
    assert_eq!(evaluated_new(&policy, &phones, None), (asked, Some(Grounds::Approved)));
}

#[test]
fn f10_what_was_said_of_an_app_stands() {
    let phone = [device(None, Status::Active)];
    let policy = policy(Without::Block, Without::Block);
    assert_eq!(evaluated_new(&policy, &phone, Some(Standing::LetIn)), (Verdict::LetIn, None));
    let blocked = (Verdict::Failed(Why::DeviceBlocked), None);
    assert_eq!(evaluated_new(&policy, &phone, Some(Standing::Blocked)), blocked);
    assert_eq!(evaluated_new(&policy, &[], Some(Standing::Blocked)), blocked, "nor as a first one");
    let without = (Verdict::Failed(Why::NoDevices), None);
    assert_eq!(evaluated_new(&policy, &[], Some(Standing::LetIn)), without, "it was let in by a device");
    let mut other = policy.clone();
    other.applications[0].auto_enrollment = false;
    let asked = (Verdict::Ask(vec![phone[0].id], First::Ask), None);
    assert_eq!(evaluated_new(&other, &phone, Some(Standing::LetIn)), asked, "it cannot become one any more");
}

#[test]
fn f10_an_app_becomes_another_device_by_itself_where_the_policy_says_so_and_lets_in_without() {
    let phone = [device(None, Status::Active)];
    let individually = |none| MfaPolicy {
        additional_trusted_devices: AdditionalDevices::PairIndividually,
        ..policy(none, Without::Block)
    };
    let waived = (Verdict::Waived(Missing::Individually), Some(Grounds::Individually));
    assert_eq!(evaluated_new(&individually(Without::Bypass), &phone, None), waived);
    let asked = (Verdict::Ask(vec![phone[0].id], First::Ask), Some(Grounds::Approved));
    assert_eq!(evaluated_new(&individually(Without::Block), &phone, None), asked);
}
