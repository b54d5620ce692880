//! What dev mode keeps, and for whom.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Dev, Nod, mode};
use crate::backends::free_port;

#[test]
fn what_dev_mode_keeps_is_its_owners_alone() {
    let dev = Dev::start();
    let mut seen = Vec::new();
    for entry in fs::read_dir(dev.data()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // It says which files Git leaves alone, and nothing else.
        if name != ".gitignore" {
            assert_eq!(mode(&path), 0o600, "{name}");
            seen.push(name);
        }
    }
    for name in ["dev.db", "dev.db-wal", "dev.db-shm", "dev.db-ephemeral", "dev.db-ephemeral-wal"] {
        assert!(seen.iter().any(|seen| seen == name), "{name} in {seen:?}");
    }
}

/// What is below a folder, by its path from there.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn dev_mode_keeps_its_data_and_fresh_throws_them_away_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let dev = |more: &[&str]| {
        let port = free_port().to_string();
        let nod = Nod::start_in(here, &[&["dev", "--port", &port], more].concat(), &[]);
        nod.says("ready in");
        nod
    };
    let user = |arguments: &[&str]| Nod::start_in(here, &[&["user"], arguments].concat(), &[]);
    let first = dev(&[]);
    assert!(!first.output.text().contains("Reusing"), "{}", first.output.text());
    drop(first);
    user(&["create", "carol"]).ends_with(0);
    let phone = here.join(".nod/phone-alice.json");
    let (key, pairing) = (fs::read(here.join(".nod/master.key")).unwrap(), fs::read(&phone).unwrap());

    let again = dev(&[]);
    again.says("Reusing .nod (wipe: nod dev --fresh)");
    drop(again);
    user(&["show", "carol"]).ends_with(0);
    assert_eq!(fs::read(here.join(".nod/master.key")).unwrap(), key);
    let before: Value = serde_json::from_slice(&pairing).unwrap();
    let after: Value = serde_json::from_slice(&fs::read(&phone).unwrap()).unwrap();
    assert!(before["installationId"].is_string() && before["installationId"] == after["installationId"]);

    // Other people's things, beside the data and among them.
    let others = ["dev.db", "master.key", "phone-bob.json", "sub/dev.db", ".nod/notes", ".nod/mine/dev.db"];
    for name in others {
        fs::create_dir_all(here.join(name).parent().unwrap()).unwrap();
        fs::write(here.join(name), "mine").unwrap();
    }
    let fresh = dev(&["--fresh"]);
    assert!(!fresh.output.text().contains("Reusing"), "{}", fresh.output.text());
    drop(fresh);
    user(&["show", "carol"]).ends_with(6);
    user(&["show", "alice"]).ends_with(0);
    assert_ne!(fs::read(here.join(".nod/master.key")).unwrap(), key);
    for name in others {
        assert_eq!(fs::read_to_string(here.join(name)).unwrap(), "mine", "{name}");
    }

    // A folder that was named by mistake.
    let all = files(&here.join("sub"));
    let mistaken = Nod::start_in(here, &["dev", "--port", "0", "--data-dir", "sub", "--fresh"], &[]);
    assert!(mistaken.ends_with(1).contains("nothing was removed"));
    assert_eq!(files(&here.join("sub")), all);
}

#[test]
fn two_servers_do_not_share_a_folder_and_fresh_removes_nothing_under_one_that_runs() {
    let dev = Dev::start();
    let data = dev.data();
    let phone = fs::read(data.join("phone-alice.json")).unwrap();
    let key = fs::read(data.join("master.key")).unwrap();
    for more in [&[][..], &["--fresh"]] {
        let port = free_port().to_string();
        let arguments = ["dev", "--port", &port, "--data-dir", data.to_str().unwrap()];
        let text = Nod::start(&[&arguments, more].concat()).ends_with(7);
        assert!(text.contains("already runs on the data in") && text.contains("--data-dir"), "{text}");
        assert!(!text.contains("ready in"), "{text}");
    }
    assert_eq!(fs::read(data.join("phone-alice.json")).unwrap(), phone, "it still belongs to the first server");
    assert_eq!(fs::read(data.join("master.key")).unwrap(), key);
    let _phone = dev.listening(&["--auto", "approve"]);
    dev.test_ciba(&["--user", "alice"]).ends_with(0);
    // A production server on the same file is a second one as well.
    let port = free_port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path().join("nod.toml");
    let text = format!(
        "issuer = \"http://localhost:{port}\"\nlisten.public = \"127.0.0.1:{port}\"\nlisten.ops = \"127.0.0.1:0\"\n\
         database.url = \"sqlite:{0}/dev.db\"\nkeys.master_key_file = \"{0}/master.key\"\n[danger]\ndev_data = true\n",
        data.display()
    );
    fs::write(&beside, text).unwrap();
    let text = Nod::start(&["serve", "-c", beside.to_str().unwrap()]).ends_with(3);
    assert!(text.contains("another node serves this database"), "{text}");
}
