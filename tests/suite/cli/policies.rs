//! `nod policy`: what `nod apply` has written.

use super::config::Site;
use super::state::{apply, events};
use super::*;

const POLICIES: &str = r#"
[sign_on]
default_policy = "staff"

[[mfa_policy]]
id = "trusted"
name = "Phones"

[[policy]]
id = "guests"
steps = [{ id = "password", source = "password", when = [{ not_within = 3600 }] }]

[[policy]]
id = "staff"
name = "Staff"
steps = [
    { id = "password", source = "password" },
    { id = "phone", source = "mfa", mfa_policy = "trusted" },
]
"#;

fn policy(site: &Site, arguments: &[&str]) -> Nod {
    site.run(&[&["policy"], arguments, &["-c", "nod.toml"]].concat())
}

fn listed(site: &Site) -> Vec<Value> {
    let text = policy(site, &["list"]).ends_with(0);
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn policies_are_listed_and_shown_as_they_are_applied() {
    let site = Site::new().migrated();
    assert!(listed(&site).is_empty());
    apply(&site, POLICIES, &["--yes"]).ends_with(0);
    let all = listed(&site);
    let of = |name: &str| all.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("id"), ["guests", "staff", "trusted"]);
    assert_eq!(of("kind"), ["sign_on", "sign_on", "mfa"]);
    assert_eq!(of("default"), [false.into(), true.into(), Value::Null]);
    assert_eq!(of("asks")[1], serde_json::json!(["password", "mfa"]));

    // What is shown is what the file has: applied again, nothing changes.
    let before = events(&site);
    for arguments in [&["show", "staff"][..], &["show", "guests"], &["show", "--mfa", "trusted"]] {
        let shown = policy(&site, arguments).ends_with(0);
        let told = apply(&site, &shown, &[]).ends_with(0);
        assert!(told.contains("0 to create, 0 to update, 0 to delete, 1 as they should be"), "{shown}\n{told}");
    }
    assert_eq!(events(&site), before);
    let shown: Value = serde_json::from_str(&policy(&site, &["show", "staff", "--json"]).ends_with(0)).unwrap();
    assert_eq!((&shown["id"], &shown["name"]), (&"staff".into(), &"Staff".into()));
    assert_eq!((&shown["steps"][1]["mfa_policy"], &shown["steps"][1]["failure"]), (&"trusted".into(), &"fail".into()));
    let shown: Value =
        serde_json::from_str(&policy(&site, &["show", "--mfa", "trusted", "--json"]).ends_with(0)).unwrap();
    assert_eq!(shown["number_matching"], "pick");
    // Each kind has names of its own.
    policy(&site, &["show", "trusted"]).ends_with(6);
    policy(&site, &["show", "--mfa", "staff"]).ends_with(6);
}

#[test]
fn a_policy_that_something_names_is_not_deleted() {
    let site = Site::new().migrated();
    apply(&site, POLICIES, &["--yes"]).ends_with(0);
    for (arguments, why) in [
        (&["delete", "guests"][..], 2),
        (&["delete", "staff", "--yes"], 7),
        (&["delete", "--mfa", "trusted", "--yes"], 7),
        (&["delete", "nobody", "--yes"], 6),
    ] {
        policy(&site, arguments).ends_with(why);
    }
    assert_eq!(listed(&site).len(), 3);
    policy(&site, &["delete", "guests", "--yes"]).ends_with(0);
    // Once nothing names them.
    apply(&site, "[sign_on]\n", &["--yes"]).ends_with(0);
    policy(&site, &["delete", "staff", "--yes"]).ends_with(0);
    policy(&site, &["delete", "--mfa", "trusted", "--yes"]).ends_with(0);
    assert!(listed(&site).is_empty());
}
