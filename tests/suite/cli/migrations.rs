//! `nod migrate`: what it would do, and what it has done.

use super::config::Site;
use super::*;

#[test]
fn a_plan_says_what_the_tables_become_and_changes_nothing() {
    let site = Site::new();
    let migrate = |arguments: &[&str]| site.run(&[&["migrate"], arguments, &["-c", "nod.toml"]].concat());
    let objects = |arguments: &[&str]| -> Vec<Value> {
        let text = migrate(arguments).ends_with(0);
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    let plan = migrate(&["plan"]).ends_with(0);
    assert!(plan.starts_with("-- m0001_first\n") && plan.contains("\n-- m0006_sign_in\n"), "{plan}");
    // In the words of this engine.
    assert!(plan.contains("CREATE TABLE session (\n    id BLOB PRIMARY KEY NOT NULL,"), "{plan}");
    assert!(!plan.contains("BYTEA") && !plan.contains("BYTES"), "{plan}");
    let pending = objects(&["status"]);
    let planned = objects(&["plan", "--json"]);
    let ids = |all: &[Value]| all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&planned), ids(&pending), "nothing was applied");
    assert!(planned.iter().all(|one| plan.contains(one["sql"].as_str().unwrap())));
    site.run(&["user", "list", "-c", "nod.toml"]).ends_with(3);

    migrate(&["up"]).ends_with(0);
    assert_eq!(migrate(&["plan"]).ends_with(0), "-- up to date\n");
    assert!(objects(&["plan", "--json"]).is_empty());
}
