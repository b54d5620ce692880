//! Whoever has nothing to show makes it on the way, where the policy says so [flows.md H.4].

use super::*;

/// And nothing becomes a device besides: the app that somebody uses is asked about once they have one.
#[test]
fn h4_whoever_has_nothing_makes_it_where_the_policy_says_so_and_has_a_way() {
    let blocked = [device(Some(application("bank")), Status::Blocked)];
    let cases: [(&[Device], Why); 2] = [(&[], Why::NoDevices), (&blocked, Why::NoUsableDevices)];
    for (devices, why) in cases {
        let mut policy = policy(Without::Setup, Without::Setup);
        assert_eq!(evaluated(&policy, devices, Some(&app("bank")), false), (Verdict::Failed(why), None));
        policy.totp.enabled = true;
        for by in [None, Some(&app("bank"))] {
            assert_eq!(evaluated(&policy, devices, by, false), (Verdict::SetUp(why), None));
        }
    }
    let mut policy = policy(Without::Block, Without::Setup);
    policy.totp.enabled = true;
    assert_eq!(evaluated(&policy, &[], None, false).0, Verdict::Failed(Why::NoDevices));
    assert_eq!(evaluated(&policy, &blocked, None, false).0, Verdict::SetUp(Why::NoUsableDevices));
}
