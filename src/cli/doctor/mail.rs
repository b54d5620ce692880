//! Whether the mail server would take our letters. None is sent.

use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::Findings;
use crate::cli::mail::settings;
use crate::config::Loaded;
use crate::outbound::smtp::{Security, Smtp, Unfit};

/// For the name; the rest has its own time.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(loaded: &Loaded, findings: &mut Findings) {
    let authorities = match loaded.config.outbound.extra_ca.as_deref().map(std::fs::read).transpose() {
        Ok(authorities) => authorities.unwrap_or_default(),
        Err(error) => return findings.wrong("mail", format!("outbound.extra_ca: {error}")),
    };
    let Some(settings) = settings(loaded, &authorities) else {
        findings.good("mail", "no server: nobody is written to, and no recovery is offered");
        return;
    };
    let smtp = match Smtp::new(&settings) {
        Ok(smtp) => smtp,
        Err(error) => return findings.wrong("mail", error.to_string()),
    };
    let (host, port) = (settings.host.as_str(), settings.port);
    let resolved = timeout(PATIENCE, lookup_host((host, port))).await;
    if !resolved.is_ok_and(|found| found.is_ok_and(|mut addresses| addresses.next().is_some())) {
        return findings.unreachable("mail", format!("{host} does not resolve"));
    }
    let started = Instant::now();
    match smtp.look().await {
        Ok(()) => {
            let encrypted = if settings.security == Security::Nothing { "" } else { ", encrypted" };
            let known = if settings.login.is_some() { ", and takes our name and password" } else { "" };
            let took = started.elapsed().as_millis();
            findings.good("mail", format!("{host}:{port} answers in {took} ms{encrypted}{known}"));
        }
        Err(Unfit::Unreachable(why)) => findings.unreachable("mail", format!("{host}:{port}: {why}")),
        Err(Unfit::Wrong(why)) => findings.wrong("mail", format!("{host}:{port}: {why}")),
    }
}
