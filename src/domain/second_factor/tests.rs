use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::domain::device::About;
use crate::domain::mfa_policy::{
    AdditionalDevices, ExtraVerification, Fido2Method, IntegrityDetection, Matching, MobileMethod, Notification,
    Permitted, PushLimit, RememberMe, Unanswered, let_in_for, push_timeout, silent_timeout,
};
use crate::domain::otp::{Channel, OtpMethod};
use crate::domain::totp::TotpMethod;
use crate::protocol::id::{InstallationId, MfaPolicyId, UserId};
use crate::protocol::phone_number::{Country, Reach};
use crate::secret::Sealed;

mod new_device;
mod remembered;
mod set_up;

const ACTIVE: Option<user::Status> = Some(user::Status::Active);

/// Of somebody who has neither passkeys nor authenticator apps.
const fn asked_of<'a>(
    policy: &'a MfaPolicy,
    devices: &'a [Device],
    addresses: &'a [OtpDevice],
    served: &'a Served,
    app: Option<By<'a>>,
) -> Asked<'a> {
    Asked {
        standing: ACTIVE,
        policy,
        devices,
        muted: &[],
        browsers: false,
        passkeys: &[],
        totps: &[],
        addresses,
        served,
        app,
        reads: false,
        remembered: None,
    }
}

fn application(id: &str) -> NativeApplicationId {
    NativeApplicationId::parse(id).unwrap()
}

fn policy(no_devices_mode: Without, incompatible_devices_mode: Without) -> MfaPolicy {
    MfaPolicy {
        id: MfaPolicyId::parse("mfa").unwrap(),
        name: "mfa".into(),
        no_devices_mode,
        incompatible_devices_mode,
        additional_trusted_devices: AdditionalDevices::default(),
        let_in_for: let_in_for(),
        new_device_notification: Notification::default(),
        device_selection: DeviceSelection::default(),
        number_matching: Matching::default(),
        push_timeout: push_timeout(),
        push_limit: PushLimit::default(),
        email: OtpMethod::default(),
        sms: OtpMethod::default(),
        voice: OtpMethod::default(),
        totp: TotpMethod::default(),
        mobile_otp: TotpMethod::default(),
        fido2: Fido2Method::default(),
        remember_me: RememberMe::default(),
        mobile: MobileMethod::default(),
        applications: vec![Permitted {
            application: application("bank"),
            auto_enrollment: true,
            device_authorization: true,
            push: true,
            extra_verification: ExtraVerification::default(),
            extra_verification_timeout: silent_timeout(),
            extra_verification_fallback: Unanswered::default(),
            integrity_detection: IntegrityDetection::default(),
            pairing_key_lifetime: None,
        }],
        created_at: Timestamp::from_seconds(0),
    }
}

fn app(id: &str) -> MobileApp {
    MobileApp {
        application: application(id),
        jkt: "jkt".into(),
        public_jwk: "{}".into(),
        about: About::default(),
        unsound: false,
    }
}

fn device(application: Option<NativeApplicationId>, status: Status) -> Device {
    Device {
        id: DeviceId::new(Uuid::from_u128(1)),
        user: UserId::new(Uuid::nil()),
        installation: InstallationId::new(Uuid::nil()),
        application,
        nickname: None,
        status,
        position: 0,
        paired_at: Timestamp::from_seconds(0),
    }
}

/// What comes of it, and whether a device is offered: for all that a person and a policy can be.
fn evaluated(
    policy: &MfaPolicy,
    devices: &[Device],
    app: Option<&MobileApp>,
    own: bool,
) -> (Verdict, Option<Enrolment>) {
    let app = app.map(|app| By { app, device: devices.first().filter(|_| own), standing: None });
    asked_of(policy, devices, &[], &by_mail(), app).evaluate()
}

fn by_mail() -> Served {
    Served { email: true, ..Served::default() }
}

fn at(channel: Channel, target: &str) -> OtpDevice {
    OtpDevice {
        id: DeviceId::new(Uuid::from_u128(9)),
        user: UserId::new(Uuid::nil()),
        channel,
        target: target.into(),
        nickname: None,
        created_at: Timestamp::from_seconds(0),
    }
}

#[test]
fn h4_the_trusted_device_is_enough_and_a_blocked_one_never() {
    for (none, other) in [(Without::Block, Without::Block), (Without::Bypass, Without::Bypass)] {
        let policy = policy(none, other);
        let trusted = [device(Some(application("bank")), Status::Active)];
        let id = DeviceId::new(Uuid::from_u128(1));
        assert_eq!(evaluated(&policy, &trusted, Some(&app("bank")), true), (Verdict::Authorized(id), None));
        let blocked = [device(Some(application("bank")), Status::Blocked)];
        let refused = (Verdict::Failed(Why::DeviceBlocked), None);
        assert_eq!(evaluated(&policy, &blocked, Some(&app("bank")), true), refused, "{none:?}");
    }
}

/// [flows.md H.4, step 1] whatever they have, and whatever the policy does without.
#[test]
fn h4_nobody_who_is_stopped_gets_through() {
    let bank = app("bank");
    let trusted = [device(Some(application("bank")), Status::Active)];
    let by = By { app: &bank, device: trusted.first(), standing: None };
    let served = by_mail();
    for mode in [Without::Block, Without::Bypass] {
        let policy = policy(mode, mode);
        for (standing, why) in [
            (Some(user::Status::Locked), Why::AccountLockedOut),
            (Some(user::Status::Disabled), Why::UserDisabled),
            (None, Why::UserDisabled),
        ] {
            for (devices, app) in
                [(&trusted[..], Some(by)), (&trusted[..], None), (&trusted[..0], Some(by)), (&trusted[..0], None)]
            {
                let asked = Asked { standing, ..asked_of(&policy, devices, &[], &served, app) };
                assert_eq!(asked.evaluate(), (Verdict::Failed(why), None), "{standing:?}");
                assert_eq!(asked.evaluate_otherwise(), (Verdict::Failed(why), None), "{standing:?}");
            }
        }
    }
}

/// [flows.md F3] A policy that wants more of a trusted device never makes less of what is looked at before.
#[test]
fn h4_a_trusted_device_answers_a_push_besides_where_the_policy_says_so() {
    let id = DeviceId::new(Uuid::from_u128(1));
    let trusted = [device(Some(application("bank")), Status::Active)];
    for mode in [ExtraVerification::Permissive, ExtraVerification::Restrictive] {
        let mut policy = policy(Without::Block, Without::Block);
        policy.applications[0].extra_verification = mode;
        let extra = policy.extra(&application("bank")).unwrap();
        assert_eq!((extra.mode, extra.timeout.as_secs(), extra.fallback), (mode, 7, Unanswered::Fail));
        let bank = app("bank");
        assert_eq!(evaluated(&policy, &trusted, Some(&bank), true).0, Verdict::Verify(id, extra));
        let served = by_mail();
        let app = Some(By { app: &bank, device: trusted.first(), standing: None });
        let asked = asked_of(&policy, &trusted, &[], &served, app);
        assert_eq!(asked.evaluate_otherwise().0, Verdict::Ask(vec![id], First::Ask), "as if it had not called");
        let blocked = [device(Some(application("bank")), Status::Blocked)];
        let refused = Verdict::Failed(Why::DeviceBlocked);
        assert_eq!(evaluated(&policy, &blocked, Some(&bank), true).0, refused);
        let app = Some(By { app: &bank, device: blocked.first(), standing: None });
        let asked = asked_of(&policy, &blocked, &[], &served, app);
        assert_eq!(asked.evaluate_otherwise().0, refused);
        policy.applications[0].device_authorization = false;
        assert_eq!(evaluated(&policy, &trusted, Some(&bank), true).0, Verdict::Ask(vec![id], First::Ask));
    }
}

#[test]
fn h4_whoever_has_nothing_that_will_do_is_the_policys_affair() {
    let bank = app("bank");
    let of_another = [device(Some(application("shop")), Status::Active)];
    let blocked = [device(Some(application("bank")), Status::Blocked)];
    let elsewhere: [(&[Device], Option<&MobileApp>, bool); 4] = [
        (&of_another, Some(&bank), true),
        (&of_another, None, false),
        (&blocked, None, false),
        (&blocked, Some(&app("unknown")), false),
    ];
    for (devices, app, own) in elsewhere {
        let blocks = policy(Without::Bypass, Without::Block);
        assert_eq!(evaluated(&blocks, devices, app, own), (Verdict::Failed(Why::NoUsableDevices), None));
        let bypasses = policy(Without::Block, Without::Bypass);
        assert_eq!(evaluated(&bypasses, devices, app, own), (Verdict::Waived(Missing::Incompatible), None));
    }
    let blocks = policy(Without::Block, Without::Bypass);
    assert_eq!(evaluated(&blocks, &[], Some(&bank), false), (Verdict::Failed(Why::NoDevices), None));
}

#[test]
fn h4_who_has_a_device_that_will_do_is_asked_whatever_becomes_of_those_without() {
    let (bank, id) = (app("bank"), DeviceId::new(Uuid::from_u128(1)));
    let by_key = [device(None, Status::Active)];
    let theirs = [device(Some(application("bank")), Status::Active)];
    let elsewhere: [(&[Device], Option<&MobileApp>, bool); 4] = [
        (&by_key, Some(&bank), true),
        (&by_key, Some(&app("unknown")), false),
        (&theirs, None, false),
        (&theirs, Some(&app("unknown")), true),
    ];
    for mode in [Without::Block, Without::Bypass] {
        for (devices, app, own) in elsewhere {
            let asked = (Verdict::Ask(vec![id], First::Ask), None);
            assert_eq!(evaluated(&policy(mode, mode), devices, app, own), asked);
        }
    }
    // The app may be there for something else.
    let mut silent = policy(Without::Block, Without::Block);
    silent.applications[0].push = false;
    assert_eq!(evaluated(&silent, &theirs, None, false), (Verdict::Failed(Why::NoUsableDevices), None));
    silent.applications[0].push = true;
    silent.applications[0].device_authorization = false;
    assert_eq!(evaluated(&silent, &theirs, Some(&bank), true), (Verdict::Ask(vec![id], First::Ask), None));
}

#[test]
fn d1_the_policy_says_who_chooses_the_device() {
    let one = [device(None, Status::Active)];
    let second = Device { id: DeviceId::new(Uuid::from_u128(2)), position: 1, ..one[0].clone() };
    let two = [one[0].clone(), second];
    for (selection, of_one, of_two) in [
        (DeviceSelection::DefaultToFirst, First::Ask, First::Ask),
        (DeviceSelection::PromptToSelect, First::Ask, First::Choose),
        (DeviceSelection::AlwaysDisplayDevices, First::Choose, First::Choose),
    ] {
        let policy = MfaPolicy { device_selection: selection, ..policy(Without::Block, Without::Block) };
        assert_eq!(evaluated(&policy, &one, None, false).0, Verdict::Ask(vec![one[0].id], of_one));
        assert_eq!(
            evaluated(&policy, &two, None, false).0,
            Verdict::Ask(two.iter().map(|own| own.id).collect(), of_two)
        );
    }
}

#[test]
fn h5_an_app_is_offered_to_whoever_has_no_device_where_the_policy_says_so() {
    let policy = policy(Without::Bypass, Without::Block);
    let offered = Enrolment { app: app("bank"), policy: policy.id.clone(), grounds: Ok(Grounds::First) };
    let waived = || Verdict::Waived(Missing::NoDevices);
    assert_eq!(evaluated(&policy, &[], Some(&app("bank")), false), (waived(), Some(offered)));
    assert_eq!(evaluated(&policy, &[], Some(&app("unknown")), false), (waived(), None));
    assert_eq!(evaluated(&policy, &[], None, false), (waived(), None));
    let mut silent = policy.clone();
    silent.applications[0].auto_enrollment = false;
    assert_eq!(evaluated(&silent, &[], Some(&app("bank")), false), (waived(), None));
}

#[test]
fn f12_a_relying_party_has_somebody_asked_on_the_first_phone_that_the_policy_asks() {
    let policy = policy(Without::Bypass, Without::Bypass);
    let (served, passkeys) = (by_mail(), [DeviceId::new(Uuid::from_u128(7))]);
    let policy = MfaPolicy { fido2: Fido2Method { enabled: true }, ..policy };
    let phone_of = |devices: &[Device], standing| {
        Asked { standing, passkeys: &passkeys, ..asked_of(&policy, devices, &[], &served, None) }.phone()
    };
    let first = device(Some(application("bank")), Status::Active);
    let second = Device { id: DeviceId::new(Uuid::from_u128(2)), ..device(None, Status::Active) };
    let (blocked, foreign) = (device(None, Status::Blocked), device(Some(application("other")), Status::Active));
    assert_eq!(phone_of(&[first.clone(), second.clone()], ACTIVE), Ok(first.id));
    for off in [&blocked, &foreign] {
        assert_eq!(phone_of(&[off.clone(), second.clone()], ACTIVE), Ok(second.id));
        assert_eq!(phone_of(std::slice::from_ref(off), ACTIVE), Err(Why::NoUsableDevices));
    }
    assert_eq!(phone_of(&[], ACTIVE), Err(Why::NoDevices), "and a passkey is no phone");
    for (standing, why) in [
        (Some(user::Status::Locked), Why::AccountLockedOut),
        (Some(user::Status::Disabled), Why::UserDisabled),
        (None, Why::UserDisabled),
    ] {
        assert_eq!(phone_of(std::slice::from_ref(&first), standing), Err(why));
    }
}

/// [flows.md H.4] With `pushEnabled=false`, not waited for where there is another way.
#[test]
fn h4_a_phone_that_does_not_ring_is_not_asked_first() {
    let ids = [1, 2].map(|id| DeviceId::new(Uuid::from_u128(id)));
    let [first, second] = [0, 1].map(|position| Device {
        id: ids[usize::try_from(position).unwrap()],
        position,
        ..device(None, Status::Active)
    });
    let (phones, served) = ([first, second], by_mail());
    let address = [at(Channel::Email, "alice@example.com")];
    let policy = MfaPolicy {
        email: OtpMethod { enabled: true, ..OtpMethod::default() },
        ..policy(Without::Block, Without::Block)
    };
    let asked = |devices: &[Device], muted: &[DeviceId], addresses: &[OtpDevice], app: Option<By<'_>>| {
        Asked { muted, ..asked_of(&policy, devices, addresses, &served, app) }.evaluate().0
    };
    let mail = address[0].id;
    let ask = |ids: &[DeviceId], first| Verdict::Ask(ids.to_vec(), first);
    assert_eq!(asked(&phones, &[], &address, None), ask(&[ids[0], ids[1], mail], First::Ask));
    assert_eq!(asked(&phones, &ids[..1], &address, None), ask(&[ids[1], mail, ids[0]], First::Ask));
    assert_eq!(asked(&phones, &ids, &address, None), ask(&[mail, ids[0], ids[1]], First::Ask));
    assert_eq!(asked(&phones[..1], &ids, &[], None), ask(&ids[..1], First::Ask), "there is nothing else");
    // About a new app, the person says who is asked in the place of the primary one.
    let bank = app("bank");
    let new = Some(By { app: &bank, device: None, standing: None });
    assert_eq!(asked(&phones, &[], &[], new), ask(&ids, First::Ask));
    assert_eq!(asked(&phones, &ids[..1], &[], new), ask(&[ids[1], ids[0]], First::Choose));
    assert_eq!(asked(&phones[..1], &ids, &[], new), ask(&ids[..1], First::Ask));
}

/// [flows.md T2.12]
#[test]
fn h4_an_app_on_a_rooted_phone_vouches_for_nobody_where_the_policy_looks() {
    let rooted = MobileApp { unsound: true, ..app("bank") };
    let trusted = [device(Some(application("bank")), Status::Active)];
    let id = DeviceId::new(Uuid::from_u128(1));
    for (mode, vouches) in [
        (IntegrityDetection::Disabled, true),
        (IntegrityDetection::Permissive, true),
        (IntegrityDetection::Restrictive, false),
    ] {
        let mut policy = policy(Without::Bypass, Without::Block);
        policy.applications[0].integrity_detection = mode;
        let asked = || Verdict::Ask(vec![id], First::Ask);
        let expected = if vouches { Verdict::Authorized(id) } else { asked() };
        assert_eq!(evaluated(&policy, &trusted, Some(&rooted), true).0, expected, "{mode}");
        assert_eq!(evaluated(&policy, &trusted, Some(&app("bank")), true).0, Verdict::Authorized(id));
        let grounds = if vouches { Ok(Grounds::First) } else { Err(NotOffered::DeviceRequirementsFailed) };
        let told = evaluated(&policy, &[], Some(&rooted), false).1.unwrap();
        assert_eq!((told.grounds, told.app.unsound), (grounds, true), "{mode}");
        // [F10] Nor is anybody asked whether it may become another one.
        let another = evaluated(&policy, &trusted, Some(&rooted), false);
        let grounds = another.1.map(|told| told.grounds);
        assert_eq!((another.0, grounds), (asked(), vouches.then_some(Ok(Grounds::Approved))), "{mode}");
    }
}

#[test]
fn t11_12_what_has_to_be_read_is_asked_on_a_phone_or_not_at_all() {
    let (address, served) = ([at(Channel::Email, "alice@example.com")], by_mail());
    let modes = [Without::Block, Without::Bypass, Without::Setup];
    for (none, other) in modes.into_iter().flat_map(|none| modes.map(|other| (none, other))) {
        let policy = MfaPolicy {
            email: OtpMethod { enabled: true, ..OtpMethod::default() },
            additional_trusted_devices: AdditionalDevices::PairIndividually,
            ..policy(none, other)
        };
        let app = app("bank");
        let asked = |devices: &[Device], addresses: &[OtpDevice], own: Option<&Device>, standing: Option<Standing>| {
            let by = By { app: &app, device: own, standing };
            let asked = Asked { reads: true, ..asked_of(&policy, devices, addresses, &served, Some(by)) };
            assert_eq!(asked.evaluate(), asked.evaluate_otherwise());
            asked.evaluate()
        };
        let fails = |why: Why| (Verdict::Failed(why), None);
        assert_eq!(asked(&[], &[], None, None), fails(Why::NoDevices), "{none:?} {other:?}");
        let let_in = Some(Standing::LetIn);
        assert_eq!(asked(&[], &address, None, let_in), fails(Why::NoUsableDevices), "{none:?} {other:?}");
        let phone = [device(Some(application("bank")), Status::Active)];
        let shown = (Verdict::Ask(vec![phone[0].id], First::Ask), None);
        assert_eq!(asked(&phone, &address, phone.first(), None), shown, "its key says nothing of what was read");
        assert_eq!(asked(&phone, &address, None, let_in), shown, "{none:?} {other:?}");
    }
}

#[test]
fn h4_a_code_is_sent_where_the_policy_has_codes_and_somebody_carries_them() {
    let address = at(Channel::Email, "alice@example.com");
    let addresses = std::slice::from_ref(&address);
    let phone = [device(None, Status::Active)];
    let with_codes = MfaPolicy {
        email: OtpMethod { enabled: true, ..OtpMethod::default() },
        ..policy(Without::Bypass, Without::Block)
    };
    let asked = |policy: &MfaPolicy, devices: &[Device], served: &Served| {
        asked_of(policy, devices, addresses, served, None).evaluate().0
    };
    let mail = by_mail();
    assert_eq!(asked(&with_codes, &[], &mail), Verdict::Ask(vec![address.id], First::Ask));
    assert_eq!(asked(&with_codes, &phone, &mail), Verdict::Ask(vec![phone[0].id, address.id], First::Ask));
    let without_codes = policy(Without::Bypass, Without::Block);
    for (policy, served) in [(&with_codes, &Served::default()), (&without_codes, &mail)] {
        assert_eq!(asked(policy, &[], served), Verdict::Failed(Why::NoUsableDevices), "it is no bypass either");
        assert_eq!(asked(policy, &phone, served), Verdict::Ask(vec![phone[0].id], First::Ask));
    }
}

#[test]
fn h4_an_authenticator_app_counts_where_the_policy_has_them_and_somebody_has_shown_that_it_has_the_key() {
    let now = Timestamp::from_seconds(0);
    let totp = |activated_at| TotpDevice {
        id: DeviceId::new(Uuid::from_u128(8)),
        user: UserId::new(Uuid::nil()),
        nickname: None,
        key: Sealed::from_bytes(Vec::new()),
        activated_at,
        last_step: None,
        created_at: now,
    };
    let (active, waiting) = ([totp(Some(now))], [totp(None)]);
    let address = [at(Channel::Email, "alice@example.com")];
    let enabled = OtpMethod { enabled: true, ..OtpMethod::default() };
    let with_apps = MfaPolicy {
        totp: TotpMethod { enabled: true, ..TotpMethod::default() },
        email: enabled,
        ..policy(Without::Bypass, Without::Block)
    };
    let without_apps = policy(Without::Bypass, Without::Block);
    let asked = |policy: &MfaPolicy, devices: &[Device], totps: &[TotpDevice], addresses: &[OtpDevice]| {
        let served = by_mail();
        Asked { totps, ..asked_of(policy, devices, addresses, &served, None) }.evaluate().0
    };
    let phone = [device(None, Status::Active)];
    let all = vec![phone[0].id, active[0].id, address[0].id];
    assert_eq!(asked(&with_apps, &phone, &active, &address), Verdict::Ask(all, First::Ask));
    assert_eq!(asked(&with_apps, &[], &active, &[]), Verdict::Ask(vec![active[0].id], First::Ask));
    assert_eq!(asked(&with_apps, &[], &waiting, &[]), Verdict::Waived(Missing::NoDevices), "nobody has it yet");
    let refused = Verdict::Failed(Why::NoUsableDevices);
    assert_eq!(asked(&without_apps, &[], &active, &[]), refused, "it is no bypass either");
}

#[test]
fn h4_a_passkey_is_a_device_where_the_policy_says_so_and_none_elsewhere() {
    let passkeys = [DeviceId::new(Uuid::from_u128(7))];
    let asked = |policy: &MfaPolicy, devices: &[Device]| {
        let served = by_mail();
        Asked { passkeys: &passkeys, ..asked_of(policy, devices, &[], &served, None) }.evaluate().0
    };
    let without = policy(Without::Bypass, Without::Block);
    let with = MfaPolicy { fido2: Fido2Method { enabled: true }, ..without.clone() };
    let phone = [device(None, Status::Active)];
    assert_eq!(asked(&with, &[]), Verdict::Ask(vec![passkeys[0]], First::Ask));
    assert_eq!(asked(&with, &phone), Verdict::Ask(vec![phone[0].id, passkeys[0]], First::Ask));
    assert_eq!(asked(&without, &[]), Verdict::Waived(Missing::NoDevices));
    assert_eq!(asked(&without, &phone), Verdict::Ask(vec![phone[0].id], First::Ask));
}

/// [security.md case 118] nobody is sent anything to a country that nobody has allowed, and gets in without it neither.
#[test]
fn security_118_a_number_counts_where_its_channel_reaches_it() {
    let enabled = OtpMethod { enabled: true, ..OtpMethod::default() };
    let policy = MfaPolicy { sms: enabled, voice: enabled, ..policy(Without::Bypass, Without::Block) };
    let germany = Reach::Within(Country::parse("DE").into_iter().collect());
    let asked = |number: &OtpDevice, served: &Served| {
        let addresses = std::slice::from_ref(number);
        asked_of(&policy, &[], addresses, served, None).evaluate().0
    };
    for (channel, served, other) in [
        (Channel::Sms, Served { sms: germany.clone(), ..by_mail() }, Served { voice: germany.clone(), ..by_mail() }),
        (Channel::Voice, Served { voice: germany.clone(), ..by_mail() }, Served { sms: germany, ..by_mail() }),
    ] {
        let number = at(channel, "+4915123456789");
        assert_eq!(asked(&number, &served), Verdict::Ask(vec![number.id], First::Ask));
        let unserved = Verdict::Failed(Why::NoUsableDevices);
        assert_eq!(asked(&number, &other), unserved, "{channel}");
        for elsewhere in ["+33612345678", "+499001234567", "+12125550123"] {
            assert_eq!(asked(&at(channel, elsewhere), &served), unserved, "{elsewhere}");
        }
    }
}
