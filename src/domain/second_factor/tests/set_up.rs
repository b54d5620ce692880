//! Whoever has nothing to show makes it on the way, where the policy says so [flows.md H.4].

use super::*;
use crate::domain::mfa_policy::Makes;

/// And nothing becomes a device besides: the app that somebody uses is asked about once they have one.
#[test]
fn h4_whoever_has_nothing_makes_it_where_the_policy_says_so_and_has_a_way() {
    let blocked = [device(Some(application("bank")), Status::Blocked)];
    let cases: [(&[Device], Why); 2] = [(&[], Why::NoDevices), (&blocked, Why::NoUsableDevices)];
    for (devices, why) in cases {
        let mut policy = policy(Without::Setup, Without::Setup);
        policy.mobile.enabled = false;
        policy.fido2.enabled = true;
        assert!(policy.makes(false, &by_mail()).is_empty());
        assert_eq!(evaluated(&policy, devices, Some(&app("bank")), false), (Verdict::Failed(why), None));
        for (phones, apps, makes) in [(true, false, Makes::Mobile), (false, true, Makes::Totp)] {
            (policy.mobile.enabled, policy.totp.enabled) = (phones, apps);
            assert_eq!(policy.makes(false, &by_mail()), [makes]);
            for by in [None, Some(&app("bank"))] {
                assert_eq!(evaluated(&policy, devices, by, false), (Verdict::SetUp(why, None), None));
            }
        }
    }
    let policy = policy(Without::Block, Without::Setup);
    assert_eq!(evaluated(&policy, &[], None, false).0, Verdict::Failed(Why::NoDevices));
    assert_eq!(evaluated(&policy, &blocked, None, false).0, Verdict::SetUp(Why::NoUsableDevices, None));
}

/// A passkey, where browsers have them.
#[test]
fn h4_whoever_has_nothing_makes_a_passkey_where_there_are_any() {
    let mut policy = policy(Without::Setup, Without::Block);
    (policy.mobile.enabled, policy.fido2.enabled) = (false, true);
    let served = by_mail();
    let comes_to = |browsers| Asked { browsers, ..asked_of(&policy, &[], &[], &served, None) }.evaluate().0;
    assert_eq!(comes_to(false), Verdict::Failed(Why::NoDevices));
    assert_eq!(comes_to(true), Verdict::SetUp(Why::NoDevices, None));
    (policy.mobile.enabled, policy.totp.enabled) = (true, true);
    assert_eq!(policy.makes(true, &served), [Makes::Mobile, Makes::Fido2, Makes::Totp]);
}

/// Or says where codes go, as far as any are sent.
#[test]
fn h4_whoever_has_nothing_says_where_codes_go_where_any_are_sent() {
    let mut policy = policy(Without::Setup, Without::Block);
    policy.mobile.enabled = false;
    for method in [&mut policy.email, &mut policy.sms, &mut policy.voice] {
        method.enabled = true;
    }
    let nothing = Served::default();
    let comes_to = |served: &Served| asked_of(&policy, &[], &[], served, None).evaluate().0;
    assert_eq!(comes_to(&nothing), Verdict::Failed(Why::NoDevices));
    assert_eq!(comes_to(&by_mail()), Verdict::SetUp(Why::NoDevices, None));
    assert_eq!(policy.makes(false, &by_mail()), [Makes::Email]);
    let all = Served { email: true, sms: Reach::Everywhere, voice: Reach::Everywhere };
    assert_eq!(policy.makes(false, &all), [Makes::Email, Makes::Sms, Makes::Voice]);
}

/// As they like.
#[test]
fn h4_whoever_has_nothing_makes_it_or_goes_on_without_where_the_policy_says_so() {
    let mut policy = policy(Without::Offer, Without::Offer);
    let offered = Verdict::SetUp(Why::NoDevices, Some(Missing::NoDevices));
    assert_eq!(evaluated(&policy, &[], Some(&app("bank")), false), (offered, None));
    let blocked = [device(Some(application("bank")), Status::Blocked)];
    let offered = Verdict::SetUp(Why::NoUsableDevices, Some(Missing::Incompatible));
    assert_eq!(evaluated(&policy, &blocked, None, false), (offered, None));
    policy.mobile.enabled = false;
    assert_eq!(evaluated(&policy, &[], None, false).0, Verdict::Waived(Missing::NoDevices));
}
