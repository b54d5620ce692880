//! `nod native-application` and `nod mfa-policy`.

use super::config::Site;
use super::state::{apply, events};
use super::*;

fn run(site: &Site, noun: &str, arguments: &[&str]) -> Nod {
    site.run(&[&[noun], arguments, &["-c", "nod.toml"]].concat())
}

fn app(site: &Site, arguments: &[&str]) -> Nod {
    run(site, "native-application", arguments)
}

fn mfa(site: &Site, arguments: &[&str]) -> Nod {
    run(site, "mfa-policy", arguments)
}

fn lines(nod: Nod) -> Vec<Value> {
    parsed(&nod.ends_with(0))
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn shown(nod: Nod) -> Value {
    lines(nod).remove(0)
}

/// With a client for the app.
fn site() -> Site {
    let site = Site::new().migrated();
    let client = ["create", "bank-app", "--public", "--redirect-uri", "com.example.bank:/callback"];
    run(&site, "client", &client).ends_with(0);
    site
}

const BANK: [&str; 6] = ["create", "bank", "--client", "bank-app", "--package-name", "com.example.bank"];

#[test]
fn a_native_application_is_registered_changed_and_deleted_by_commands() {
    let site = site();
    assert!(app(&site, &BANK).ends_with(0).starts_with("bank  bank-app  bank"));
    app(&site, &BANK).ends_with(7);
    let [one] = &lines(app(&site, &["list"]))[..] else { panic!("one application") };
    assert_eq!((&one["id"], &one["client"], &one["name"]), (&"bank".into(), &"bank-app".into(), &"bank".into()));
    let show = || shown(app(&site, &["show", "bank", "--json"]));
    assert_eq!(show()["automatic_unpairing"], false);

    let change = ["update", "bank", "--name", "Example Bank", "--automatic-unpairing", "--uri-prefix"];
    app(&site, &[&change[..], &["com.example.bank:/"]].concat()).ends_with(0);
    let changed = show();
    assert_eq!((&changed["name"], &changed["automatic_unpairing"]), (&"Example Bank".into(), &true.into()));
    assert_eq!(
        (&changed["uri_prefix"], &changed["package_name"]),
        (&"com.example.bank:/".into(), &one["package_name"])
    );
    app(&site, &["update", "bank", "--bundle-id", "com.example.bank"]).ends_with(0);
    app(&site, &["update", "bank", "--unset", "package_name", "--unset", "uri_prefix"]).ends_with(0);
    let changed = show();
    assert_eq!((&changed["bundle_id"], &changed["automatic_unpairing"]), (&"com.example.bank".into(), &true.into()));
    assert!(changed.get("package_name").is_none() && changed.get("uri_prefix").is_none(), "{changed}");
    app(&site, &["update", "bank", "--automatic-unpairing=false", "--min-sdk-version", "1.4.0"]).ends_with(0);
    assert_eq!((&show()["automatic_unpairing"], &show()["min_sdk_version"]), (&false.into(), &"1.4.0".into()));

    // What is shown is what the file has: applied again, nothing changes.
    let before = events(&site);
    let text = app(&site, &["show", "bank"]).ends_with(0);
    let told = apply(&site, &text, &[]).ends_with(0);
    assert!(told.contains("0 to create, 0 to update, 0 to delete, 1 as they should be"), "{text}\n{told}");
    for (arguments, why, told) in [
        (&["update", "bank"][..], 2, "nothing to change"),
        (&["update", "bank", "--unset", "bundle-id"], 2, "has no bundle-id"),
        (&["update", "bank", "--unset", "name", "--name", "x"], 2, "name is both set and --unset"),
        (&["update", "bank", "--unset", "bundle_id"], 2, "package_name: It has"),
        (&["update", "bank", "--uri-prefix", "http://bank.example/"], 2, "uri_prefix: https"),
        (&["update", "bank", "--client", "nobody"], 2, "client: There is no such client"),
        (&["create", "other", "--client", "bank-app", "--bundle-id", "b"], 2, "client: Another"),
        (&["create", "a b", "--client", "bank-app", "--bundle-id", "b"], 2, "id: 1 to 40"),
        (&["update", "nothing", "--name", "x"], 6, ""),
        (&["show", "nothing"], 6, ""),
        (&["readiness", "nothing"], 6, ""),
        (&["delete", "bank"], 2, "The native application bank is deleted. Nothing was changed: say --yes"),
    ] {
        let text = app(&site, arguments).ends_with(why);
        assert!(text.contains(told), "{arguments:?}: {text}");
    }
    assert_eq!(events(&site), before);
    assert!(app(&site, &["delete", "bank", "--yes"]).ends_with(0).contains("bank  deleted"));
    assert!(lines(app(&site, &["list"])).is_empty());
}

fn sql(site: &Site, statement: &str) {
    use sea_orm::ConnectionTrait as _;
    let url = format!("sqlite:{}", site.path("nod.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let database = sea_orm::Database::connect(&url).await.unwrap();
        database.execute_unprepared(statement).await.unwrap();
        database.close().await.unwrap();
    });
}

/// Another one of its name would be trusted on the devices of the one before: it goes neither by a command nor by a file.
#[test]
fn h4_an_application_stays_while_devices_name_it() {
    let site = site();
    app(&site, &BANK).ends_with(0);
    run(&site, "user", &["create", "bob"]).ends_with(0);
    let id = "x'00112233445566778899aabbccddeeff'";
    let installation = "(id, jkt, public_jwk, document, created_at)";
    sql(&site, &format!("INSERT INTO installation {installation} VALUES ({id}, 'jkt', '{{}}', '{{}}', 0)"));
    let device = "(id, user_id, installation_id, status, position, paired_at, application_id)";
    let whose = "FROM account WHERE username = 'bob'";
    sql(&site, &format!("INSERT INTO device {device} SELECT {id}, id, {id}, 'active', 0, 0, 'bank' {whose}"));
    let pruned = |why| apply(&site, "native_application = []\n", &["--prune", "--yes"]).ends_with(why);
    for told in [app(&site, &["delete", "bank", "--yes"]).ends_with(7), pruned(7)] {
        assert!(told.contains("in use"), "{told}");
    }
    assert_eq!(lines(app(&site, &["list"])).len(), 1, "it is there");

    sql(&site, "DELETE FROM device");
    assert!(pruned(0).contains("- native_application bank"));
    assert!(lines(app(&site, &["list"])).is_empty());
}

#[test]
fn t2_13_what_an_app_lacks_is_told_by_a_command() {
    let site = site();
    app(&site, &BANK).ends_with(0);
    let codes = |text: &str| -> Vec<String> {
        parsed(text).iter().map(|one| format!("{} {}", one["level"], one["code"]).replace('"', "")).collect()
    };
    let missing = codes(&app(&site, &["readiness", "bank"]).ends_with(1));
    assert!(missing.contains(&"missing auto_enrollment_missing".to_owned()), "{missing:?}");
    mfa(&site, &["create", "trusted", "--set", "applications=[{application=\"bank\", auto_enrollment=true}]"])
        .ends_with(0);
    let policies = "
[sign_on]
default_policy = \"both\"

[[policy]]
id = \"both\"
steps = [{ id = \"password\", source = \"password\" }, { id = \"mfa\", source = \"mfa\", mfa_policy = \"trusted\" }]
";
    apply(&site, policies, &["--yes"]).ends_with(0);
    let known = codes(&app(&site, &["readiness", "bank"]).ends_with(0));
    assert!(known.iter().all(|one| one.starts_with("warning ")), "{known:?}");
    assert!(known.contains(&"warning no_devices_blocked".to_owned()), "{known:?}");
    mfa(&site, &["update", "trusted", "--set", "applications=[]"]).ends_with(0);
    let again = codes(&app(&site, &["readiness", "bank"]).ends_with(1));
    assert!(again.contains(&"missing auto_enrollment_missing".to_owned()), "{again:?}");
}

#[test]
fn an_mfa_policy_is_made_changed_and_deleted_by_commands() {
    let site = site();
    app(&site, &BANK).ends_with(0);
    let make = ["create", "trusted", "--set", "no_devices_mode=bypass", "--set", "sms.enabled=true"];
    assert!(mfa(&site, &make).ends_with(0).starts_with("trusted  trusted"));
    mfa(&site, &make).ends_with(7);
    let show = || shown(mfa(&site, &["show", "trusted", "--json"]));
    let made = show();
    assert_eq!((&made["no_devices_mode"], &made["sms"]["enabled"]), (&"bypass".into(), &true.into()));
    assert_eq!((&made["push_timeout"], &made["sms"]["lifetime"]), (&40.into(), &300.into()));

    let bank = "applications=[{application=\"bank\", device_authorization=true}]";
    let change = ["update", "trusted", "--set", "push_limit.count=3", "--set", "sms.lifetime=60", "--set", bank];
    mfa(&site, &change).ends_with(0);
    let changed = show();
    assert_eq!((&changed["push_limit"]["count"], &changed["sms"]["lifetime"]), (&3.into(), &60.into()));
    assert_eq!((&changed["sms"]["enabled"], &changed["no_devices_mode"]), (&true.into(), &"bypass".into()));
    assert_eq!(changed["applications"][0]["device_authorization"], true);
    mfa(&site, &["update", "trusted", "--unset", "sms.lifetime", "--unset", "no_devices_mode"]).ends_with(0);
    let back = show();
    assert_eq!((&back["sms"]["lifetime"], &back["no_devices_mode"]), (&300.into(), &"block".into()));
    assert_eq!((&back["sms"]["enabled"], &back["push_limit"]["count"]), (&true.into(), &3.into()));
    let [one] = &lines(mfa(&site, &["list"]))[..] else { panic!("one policy") };
    assert_eq!((&one["id"], &one["applications"]), (&"trusted".into(), &serde_json::json!(["bank"])));

    // What is shown is what the file has: applied again, nothing changes.
    let before = events(&site);
    let text = mfa(&site, &["show", "trusted"]).ends_with(0);
    let told = apply(&site, &text, &[]).ends_with(0);
    assert!(told.contains("0 to create, 0 to update, 0 to delete, 1 as they should be"), "{text}\n{told}");
    for (arguments, why, told) in [
        (&["update", "trusted"][..], 2, "nothing to change"),
        (&["update", "trusted", "--set", "push_timeout"], 2, "MEMBER=VALUE"),
        (&["update", "trusted", "--set", "push_timeouts=60"], 2, "unknown field `push_timeouts`"),
        (&["update", "trusted", "--set", "push_timeout=39"], 2, "push_timeout: 40 to 150 seconds."),
        (&["update", "trusted", "--set", "sms.attempts=8"], 2, "sms/attempts: 1 to 7."),
        (&["create", "other", "--set", "email.otp_length=-6"], 2, "email/otp_length: 6 to 10 digits."),
        (&["update", "trusted", "--set", "number_matching=maybe"], 2, "number_matching: pick, type or off."),
        (&["update", "trusted", "--unset", "sms.length"], 2, "has no sms.length"),
        (&["update", "trusted", "--set", "sms.attempts=5", "--unset", "sms.attempts"], 2, "both set and --unset"),
        (&["update", "nothing", "--set", "push_timeout=60"], 6, ""),
        (&["delete", "trusted"], 2, "The MFA policy trusted is deleted. Nothing was changed: say --yes"),
    ] {
        let text = mfa(&site, arguments).ends_with(why);
        assert!(text.contains(told), "{arguments:?}: {text}");
    }
    assert_eq!(events(&site), before);
    app(&site, &["delete", "bank", "--yes"]).ends_with(7);
    mfa(&site, &["delete", "trusted", "--yes"]).ends_with(0);
    assert!(lines(mfa(&site, &["list"])).is_empty());
    app(&site, &["delete", "bank", "--yes"]).ends_with(0);
}
