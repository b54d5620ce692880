//! `nod serve` with those who send texts and calls.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::config::Site;

const SECRET: &str = "whsec_c2VjcmV0LW9mLXRoZS1wcm92aWRlci0wMQ==";
const SETTINGS: &str = "sms.sender = \"webhook\"\nsms.url = \"https://sms.example/send\"\nsms.secret_file = \"sms.secret\"\n\
                        sms.countries = [\"DE\"]\nvoice.sender = \"twilio\"\nvoice.account = \"AC1\"\n\
                        voice.secret_file = \"sms.secret\"\nvoice.from = \"+15005550006\"\n";

fn site(secret: &str, mode: u32) -> Site {
    let written = |site: &Site, secret: &str, mode| {
        fs::write(site.path("sms.secret"), secret).unwrap();
        fs::set_permissions(site.path("sms.secret"), fs::Permissions::from_mode(mode)).unwrap();
    };
    let site = Site::with(SETTINGS);
    written(&site, SECRET, 0o600);
    let site = site.migrated();
    written(&site, secret, mode);
    site
}

#[test]
fn whoever_sends_texts_is_there_from_the_start() {
    drop(site(SECRET, 0o600).serve());
}

#[test]
fn security_149_a_secret_that_signs_nothing_or_that_others_read_ends_it_and_is_not_shown() {
    for (secret, mode, said) in [
        ("whsec_c2hvcnQ=", 0o600, "sms.secret is not whsec_ and 24 to 64 bytes"),
        ("a-secret-without-its-prefix", 0o600, "sms.secret is not whsec_ and 24 to 64 bytes"),
        (SECRET, 0o644, "NOD-CFG-104"),
    ] {
        let site = site(secret, mode);
        let text = site.run(&["serve"]).ends_with(3);
        assert!(text.contains(said) && !text.contains(secret), "{text}");
        let shown = site.run(&["config", "show"]).ends_with(0);
        assert!(shown.contains("sms.secret_file") && !shown.contains(secret), "{shown}");
    }
}
