//! What takes something away asks first.

use super::config::Site;
use super::*;

const PLACE: [&str; 2] = ["-c", "nod.toml"];

fn run(site: &Site, arguments: &[&str]) -> Nod {
    site.run(&[arguments, &PLACE].concat())
}

#[test]
fn without_a_terminal_a_deletion_needs_a_word() {
    let site = Site::new().migrated();
    run(&site, &["client", "create", "till", "--name", "Till 4"]).ends_with(0);
    run(&site, &["user", "create", "bob"]).ends_with(0);
    for (arguments, what) in [
        (["client", "delete", "till"], "The client till (Till 4) is deleted"),
        (["user", "delete", "bob"], "The user bob is deleted with their devices"),
    ] {
        let told = run(&site, &arguments).ends_with(2);
        assert!(told.contains(what) && told.contains("Nothing was changed: say --yes"), "{told}");
    }
    // Nobody is asked about what is not there.
    run(&site, &["client", "delete", "kiosk"]).ends_with(6);
    run(&site, &["user", "delete", "nobody"]).ends_with(6);
    run(&site, &["device", "unpair", "0b9f6a4e-6c1d-4e7a-8f00-2b6d3c1a9e55"]).ends_with(6);
    run(&site, &["client", "show", "till"]).ends_with(0);
    run(&site, &["user", "show", "bob"]).ends_with(0);

    assert!(run(&site, &["client", "delete", "till", "--yes"]).ends_with(0).contains("till  deleted"));
    assert!(run(&site, &["user", "delete", "bob", "--yes"]).ends_with(0).contains("deleted"));
    run(&site, &["client", "show", "till"]).ends_with(6);
    run(&site, &["user", "show", "bob"]).ends_with(6);
}

#[test]
fn at_a_terminal_somebody_is_asked() {
    let site = Site::new().migrated();
    run(&site, &["client", "create", "till"]).ends_with(0);
    let delete =
        |typed: &str| at_a_terminal(site.folder.path(), &["client", "delete", "till", "-c", "nod.toml"], typed);
    for typed in ["no\n", "y\n", "\n", ""] {
        let (code, told) = delete(typed);
        assert_eq!(code, 1, "{typed:?}: {told}");
        assert!(told.contains("Go on? Type yes: ") && told.contains("nothing was changed"), "{typed:?}: {told}");
        run(&site, &["client", "show", "till"]).ends_with(0);
    }
    let (code, told) = delete("yes\n");
    assert!(code == 0 && told.contains("till  deleted"), "{code}: {told}");
    run(&site, &["client", "show", "till"]).ends_with(6);
}

#[test]
fn a_device_goes_on_being_trusted_until_somebody_is_sure() {
    let dev = Dev::start();
    let data = dev.data();
    let device = |arguments: &[&str]| {
        Nod::start(&[&["device"][..], arguments, &["--data-dir", data.to_str().unwrap()]].concat())
    };
    let listed = device(&["list", "alice", "--json"]).ends_with(0);
    let first: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    let id = first["id"].as_str().unwrap();
    let told = device(&["unpair", id]).ends_with(2);
    assert!(told.contains("The trust in the device") && told.contains("say --yes"), "{told}");
    assert_eq!(device(&["list", "alice", "--json"]).ends_with(0), listed);
    device(&["unpair", id, "--yes"]).ends_with(0);
    assert!(!device(&["list", "alice", "--json"]).ends_with(0).contains(id));
}
