//! Native applications and MFA policies by `nod apply` and `nod export`.

use super::config::Site;
use super::state::{apply, events, export};
use crate::admin::ranges::RANGES;

/// The client names a sign-on policy, the application the client, and the MFA policy the application.
const BANK: &str = r#"
[[policy]]
id = "staff"
steps = [{ id = "password", source = "password" }]

[[client]]
id = "bank-app"
auth = "none"
redirect_uris = ["com.example.bank:/callback"]
sign_on_policy = "staff"

[[native_application]]
id = "bank"
name = "Example Bank"
client = "bank-app"
package_name = "com.example.bank"

[[mfa_policy]]
id = "trusted"
new_device_notification = "email"
applications = [{ application = "bank", auto_enrollment = true }]
"#;

const NOTHING: &str = "application = []\npolicy = []\nnative_application = []\nmfa_policy = []\nclient = []\n";

fn places(told: &str, lines: &[&str]) -> Vec<Option<usize>> {
    let mut from = 0;
    let mut at = |line: &&str| {
        let found = told.lines().skip(from).position(|one| one == *line)? + from;
        from = found + 1;
        Some(found)
    };
    lines.iter().map(&mut at).collect()
}

#[test]
fn what_names_each_other_in_a_circle_is_made_and_taken_down() {
    let site = Site::new().migrated();
    let told = apply(&site, BANK, &[]).ends_with(0);
    let order = [
        "+ mfa_policy trusted",
        "+ policy staff",
        "+ client bank-app",
        "+ native_application bank",
        "~ mfa_policy trusted",
    ];
    assert!(places(&told, &order).iter().all(Option::is_some), "in this order: {told}");
    let exported = export(&site);
    for line in [
        "client = \"bank-app\"",
        "package_name = \"com.example.bank\"",
        "automatic_unpairing = false",
        "no_devices_mode = \"block\"",
        "incompatible_devices_mode = \"block\"",
        "additional_trusted_devices = \"verify_with_primary\"",
        "let_in_for = 3600",
        "new_device_notification = \"email\"",
        "applications = [{ application = \"bank\", auto_enrollment = true, device_authorization = false, \
         extra_verification = \"disabled\", extra_verification_fallback = \"fail\", extra_verification_timeout = 7, \
         integrity_detection = \"disabled\", push = true }]",
    ] {
        assert!(exported.lines().any(|one| one == line), "{line}:\n{exported}");
    }
    let before = events(&site);
    for text in [BANK, &exported] {
        let told = apply(&site, text, &["--prune"]).ends_with(0);
        assert!(told.contains("0 to create, 0 to update, 0 to delete, 4 as they should be"), "{told}");
    }
    assert_eq!((events(&site), export(&site)), (before, exported.clone()));
    let other = Site::new().migrated();
    apply(&other, &exported, &["--yes"]).ends_with(0);
    assert_eq!(export(&other), exported);

    // Another name of the same app: the old one goes first, for the client is one application's alone.
    let renamed = BANK.replace("id = \"bank\"", "id = \"bank2\"").replace("= \"bank\",", "= \"bank2\",");
    let told = apply(&site, &renamed, &["--prune", "--yes"]).ends_with(0);
    let order =
        ["~ mfa_policy trusted", "- native_application bank", "+ native_application bank2", "~ mfa_policy trusted"];
    assert!(places(&told, &order).iter().all(Option::is_some), "in this order: {told}");

    let told = apply(&site, NOTHING, &["--prune", "--yes"]).ends_with(0);
    let order = [
        "~ mfa_policy trusted",
        "- native_application bank2",
        "- client bank-app",
        "- policy staff",
        "- mfa_policy trusted",
    ];
    assert!(places(&told, &order).iter().all(Option::is_some), "in this order: {told}");
    let left = export(&site);
    assert!(left.contains("native_application = []") && left.contains("mfa_policy = []"), "{left}");
}

#[test]
fn what_of_a_trusted_app_cannot_be_is_told_before_anything_is_done() {
    let site = Site::new().migrated();
    let wrong = BANK
        .replace("package_name = \"com.example.bank\"", "package_name = \"bank\"\nbundle_id = \"_\"")
        .replace("id = \"trusted\"", "id = \"trusted\"\nno_devices_mode = \"maybe\"");
    let told = apply(&site, &wrong, &[]).ends_with(2);
    for problem in [
        "native_application bank: package_name: At least two words",
        "native_application bank: bundle_id: Words of",
        "mfa_policy trusted: no_devices_mode: block, bypass, setup or offer.",
    ] {
        assert!(told.contains(problem), "{problem}:\n{told}");
    }
    let robot = "\n[[client]]\nid = \"robot\"\nsecret = \"env:TILL_SECRET\"\ngrants = [\"client_credentials\"]\n";
    let second = "\n[[native_application]]\nid = \"second\"\nclient = \"bank-app\"\nbundle_id = \"b\"\n";
    for (text, problem) in [
        (BANK.replace("client = \"bank-app\"", "client = \"x\""), "native_application bank: there is no client x"),
        (
            format!("{}{robot}", BANK.replace("client = \"bank-app\"", "client = \"robot\"")),
            "native_application bank: client: The client signs nobody in",
        ),
        (format!("{BANK}{second}"), "native_application second: client bank-app is that of another one"),
        (
            BANK.replace("application = \"bank\"", "application = \"other\""),
            "mfa_policy trusted: there is no native_application other",
        ),
    ] {
        let told = apply(&site, &text, &[]).ends_with(2);
        assert!(told.contains(problem), "{problem}:\n{told}");
    }
    assert!(export(&site).contains("client = []"), "nothing was done");

    // What is permitted otherwise from now on is asked about.
    apply(&site, BANK, &[]).ends_with(0);
    let bypass = BANK.replace("id = \"trusted\"", "id = \"trusted\"\nno_devices_mode = \"bypass\"");
    let told = apply(&site, &bypass, &[]).ends_with(2);
    assert!(told.contains("no_devices_mode") && told.contains("say --yes"), "{told}");
    let told = apply(&site, &BANK.replace("com.example.bank\"", "com.example.bank2\""), &[]).ends_with(2);
    assert!(told.contains("package_name") && told.contains("say --yes"), "{told}");
    // And what is named by what the file does not mention stays.
    let told = apply(&site, "client = []\n", &["--prune", "--yes"]).ends_with(7);
    assert!(told.contains("in use"), "{told}");
}

/// An MFA policy in which each number is what `of` makes of its row.
fn numbers(of: impl Fn(&(&str, u32, u32, u32)) -> i64) -> String {
    let lines = RANGES.iter().map(|row| format!("{} = {}\n", row.0.trim_start_matches('/').replace('/', "."), of(row)));
    format!("[[mfa_policy]]\nid = \"numbers\"\n{}", lines.collect::<String>())
}

#[test]
fn d1_each_number_of_an_mfa_policy_is_applied_within_its_range() {
    let site = Site::new().migrated();
    let far = i64::MAX;
    let values: [&dyn Fn(&(&str, u32, u32, u32)) -> i64; 5] =
        [&|row| i64::from(row.1) - 1, &|row| i64::from(row.2) + 1, &|_| 0, &|_| -1, &|_| far];
    for out in values {
        let told = apply(&site, &numbers(out), &[]).ends_with(2);
        for row @ (pointer, least, most, _) in RANGES {
            // Of one that may be 0, that is no mistake.
            if (i64::from(least)..=i64::from(most)).contains(&out(&row)) {
                continue;
            }
            // The member, and its range.
            let problem = format!("mfa_policy numbers: {}: {least} to {most}", &pointer[1..]);
            assert!(told.contains(&problem), "{problem}:\n{told}");
        }
    }
    assert!(export(&site).contains("mfa_policy = []"), "nothing was done");
    let values: [&dyn Fn(&(&str, u32, u32, u32)) -> i64; 3] =
        [&|row| i64::from(row.1), &|row| i64::from(row.2), &|row| i64::from(row.3)];
    for within in values {
        let text = numbers(within);
        apply(&site, &text, &["--yes"]).ends_with(0);
        let exported: toml::Table = toml::from_str(&export(&site)).unwrap();
        let exported = serde_json::to_value(&exported["mfa_policy"][0]).unwrap();
        for row in &RANGES {
            assert_eq!(exported.pointer(row.0), Some(&within(row).into()), "{}", row.0);
        }
    }
    // Who says nothing has the defaults, which it has by now.
    let told = apply(&site, "[[mfa_policy]]\nid = \"numbers\"\n", &[]).ends_with(0);
    assert!(told.contains("1 as they should be"), "{told}");
    // What is no whole number is told as one that is out of range, what is none at all with its line.
    let text = numbers(|row| i64::from(row.3));
    let told = apply(&site, &text.replace("push_timeout = 40", "push_timeout = 40.5"), &[]).ends_with(2);
    assert!(told.contains("mfa_policy numbers: push_timeout: 40 to 150 seconds."), "{told}");
    let told = apply(&site, &text.replace("push_timeout = 40", "push_timeout = \"40\""), &[]).ends_with(2);
    assert!(told.contains("state.toml:"), "{told}");
}

#[test]
fn how_an_app_is_opened_and_taken_off_is_exported_and_applied() {
    let site = Site::new().migrated();
    let app = "package_name = \"com.example.bank\"";
    let more = "uri_prefix = \"com.example.bank:/\"\nautomatic_unpairing = true\nmin_sdk_version = \"1.4.0\"";
    let text = BANK.replace(app, &format!("{app}\n{more}"));
    apply(&site, &text, &[]).ends_with(0);
    let exported = export(&site);
    for line in more.lines() {
        assert!(exported.lines().any(|one| one == line), "{line}:\n{exported}");
    }
    let other = Site::new().migrated();
    apply(&other, &exported, &["--yes"]).ends_with(0);
    assert_eq!(export(&other), exported);
    // A change of one of them alone is a change.
    let told = apply(&site, &text.replace("automatic_unpairing = true", ""), &[]).ends_with(0);
    assert!(told.contains("~ native_application bank") && told.contains("automatic_unpairing"), "{told}");
    let told = apply(&site, &text.replace("bank:/\"", "bank:/?a\""), &[]).ends_with(2);
    assert!(told.contains("native_application bank: uri_prefix: https, or a scheme"), "{told}");
    let told = apply(&site, BANK, &[]).ends_with(2);
    assert!(told.contains("uri_prefix") && told.contains("say --yes"), "{told}");
}

#[test]
fn d1_how_long_keys_for_an_app_are_good_is_exported_and_applied() {
    let site = Site::new().migrated();
    let text = |lifetime: &str| {
        BANK.replace("auto_enrollment = true", &format!("auto_enrollment = true, pairing_key_lifetime = {lifetime}"))
    };
    for out in ["59", "172801", "0", "-1"] {
        let told = apply(&site, &text(out), &[]).ends_with(2);
        assert!(told.contains("applications/0/pairing_key_lifetime: 60 to 172800 seconds."), "{out}: {told}");
    }
    assert!(export(&site).contains("mfa_policy = []"), "nothing was done");
    apply(&site, &text("3600"), &[]).ends_with(0);
    let exported = export(&site);
    assert!(exported.contains("pairing_key_lifetime = 3600"), "{exported}");
    let other = Site::new().migrated();
    apply(&other, &exported, &["--yes"]).ends_with(0);
    assert_eq!(export(&other), exported);
    apply(&site, BANK, &["--yes"]).ends_with(0);
    assert!(!export(&site).contains("pairing_key_lifetime"), "as the server has it");
}

#[test]
fn t19_2_a_key_for_an_app_is_made_by_the_command_line() {
    let site = Site::new().migrated();
    apply(&site, BANK, &[]).ends_with(0);
    site.run(&["user", "create", "bob", "-c", "nod.toml"]).ends_with(0);
    let key =
        |application: &str| site.run(&["user", "pairing-key", "bob", "--application", application, "-c", "nod.toml"]);
    let told = key("nothing").ends_with(2);
    assert!(told.contains("application: There is no such native application."), "{told}");
    let told = key("bank").ends_with(0);
    assert!(told.trim().len() == 12 && told.trim().bytes().all(|digit| digit.is_ascii_digit()), "{told}");
}
