//! `nod doctor` and the mail server.

use super::config::Site;
use super::doctor::{checks, has};
use super::*;
use crate::smtp::{Double, Manner};

const SECRET: &str = "a secret of the mail server";

/// The settings of a server that can be reached at this port.
fn mail(port: u16, security: &str, more: &str) -> String {
    format!(
        "mail.host = \"localhost\"\nmail.port = {port}\nmail.security = \"{security}\"\n\
         mail.from = \"Nod <no-reply@id.example>\"\n{more}"
    )
}

const LOGIN: &str = "mail.username = \"nod\"\nmail.password_file = \"mail.password\"\noutbound.extra_ca = \"ca.pem\"\n";

/// What the doctor says of it, and with which code it ends.
fn examine(settings: &str, authority: &str, code: i32) -> Vec<(String, String, String)> {
    let site = Site::with(settings);
    fs::write(site.path("ca.pem"), authority).unwrap();
    fs::write(site.path("mail.password"), SECRET).unwrap();
    fs::set_permissions(site.path("mail.password"), fs::Permissions::from_mode(0o600)).unwrap();
    let site = site.migrated();
    let found = checks(site.run(&["doctor", "--offline", "--json"]), code);
    let text = site.run(&["doctor", "--offline"]).ends_with(code);
    assert!(!text.contains(SECRET) && found.iter().all(|(_, _, what)| !what.contains(SECRET)), "{text}");
    found
}

/// A letter was neither begun nor sent, and no secret was said in the clear where the connection can be encrypted.
fn only_looked(double: &Double, encrypts: bool) {
    let lines = double.lines();
    for (encrypted, line) in &lines {
        let verb = line.split(' ').next().unwrap_or_default();
        assert!(["EHLO", "STARTTLS", "AUTH", "NOOP", "QUIT"].contains(&verb), "{lines:?}");
        assert!(verb != "AUTH" || *encrypted || !encrypts, "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_would_take_letters_is_well_and_gets_none() {
    for (manner, security) in [(Manner::StartTls, "starttls"), (Manner::Tls, "tls"), (Manner::Plain, "none")] {
        let double = Double::start(manner, &[]).await;
        let found = examine(&mail(double.address.port(), security, LOGIN), &double.certificate, 0);
        has(&found, "mail", "good", "takes our name and password");
        assert_eq!(found.iter().any(|(_, _, what)| what.contains(", encrypted,")), security != "none", "{found:?}");
        only_looked(&double, security != "none");
        assert!(double.lines().iter().any(|(_, line)| line.starts_with("AUTH")), "{:?}", double.lines());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_mail_server_is_told() {
    let (stranger, deaf) = (Double::start(Manner::Stranger, &[]).await, Double::start(Manner::Deaf, &[]).await);
    let (tls, other) = (Double::start(Manner::Tls, &[]).await, Double::start(Manner::Tls, &[]).await);
    let nobody = free_port();
    for (double, authority, security, state, code, what) in [
        (&stranger, &stranger, "none", "wrong", 1, "our name and password are refused (status 535)"),
        (&deaf, &deaf, "starttls", "wrong", 1, "the server cannot do what is needed"),
        (&tls, &other, "tls", "wrong", 1, "TLS failed: invalid peer certificate"),
    ] {
        let found = examine(&mail(double.address.port(), security, LOGIN), &authority.certificate, code);
        has(&found, "mail", state, what);
        only_looked(double, security != "none");
    }
    let found = examine(&mail(nobody, "none", ""), "", 4);
    has(&found, "mail", "unreachable", "the connection failed");
    let nowhere = mail(587, "starttls", "").replace("localhost", "mail.invalid");
    has(&examine(&nowhere, "", 4), "mail", "unreachable", "mail.invalid does not resolve");
    has(&examine("", "", 0), "mail", "good", "nobody is written to");
}
