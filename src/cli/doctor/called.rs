//! Whether those can be reached that the server calls: webhooks, and clients in ping mode. Nothing is told them. It is
//! connected by the rules by which the server calls, from where this command runs.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use url::Url;

use super::{Findings, State};
use crate::cli::exit::Exit;
use crate::cli::serve::egress;
use crate::config::Loaded;
use crate::outbound::egress::{Egress, EgressError};
use crate::protocol::public_id::{self, Kind};
use crate::store::ephemeral::StoreError;
use crate::store::sql::Database;
use crate::store::sql::clients::Clients;
use crate::store::sql::directory::Directory;
use crate::store::sql::webhooks::Webhooks;

/// Addresses that are looked at, at most.
const MOST: usize = 200;
const AT_ONCE: usize = 16;
/// Names that are said of one address.
const NAMED: usize = 3;

/// Scheme, host and port with who is there. The rest of a URL may be a secret, and is none of our business.
type Places = BTreeMap<String, (Url, Vec<String>)>;

pub(super) async fn look(loaded: &Loaded, database: &Database, findings: &mut Findings) {
    let rules = egress(&loaded.config)
        .and_then(|settings| Egress::new(&settings).map_err(|error| Exit::config(format!("outbound: {error}"))));
    let egress = match rules {
        Ok(egress) => egress,
        Err(error) => return findings.wrong("outbound", error.to_string()),
    };
    // A webhook is the operator's own; whose client it is looks after its address.
    for (name, places, unreachable) in
        [("webhooks", webhooks(database).await, State::Unreachable), ("pings", pings(database).await, State::Odd)]
    {
        match places {
            Ok(places) => reach(&egress, (name, unreachable), places, findings).await,
            Err(error) => findings.unreachable("database", error.to_string()),
        }
    }
}

async fn webhooks(database: &Database) -> Result<Places, StoreError> {
    let mut places = Places::new();
    for (webhook, _) in Webhooks::new(database.clone()).enabled().await? {
        add(&mut places, &webhook.about.url, public_id::encode(Kind::Webhook, webhook.id.uuid()));
    }
    Ok(places)
}

async fn pings(database: &Database) -> Result<Places, StoreError> {
    let (directory, _) = Directory::new(database.clone());
    let mut places = Places::new();
    for client in Clients::new(database.clone(), directory).list(None, u32::MAX).await? {
        let pinged = client.backchannel.as_ref().and_then(|backchannel| backchannel.delivery.endpoint());
        if let Some(endpoint) = pinged.filter(|_| !client.disabled) {
            add(&mut places, endpoint, client.id.to_string());
        }
    }
    Ok(places)
}

fn add(places: &mut Places, url: &str, whose: String) {
    // What was registered is an address.
    let Ok(url) = Url::parse(url) else { return };
    places.entry(url.origin().ascii_serialization()).or_insert_with(|| (url, Vec::new())).1.push(whose);
}

async fn reach(egress: &Egress, (name, unreachable): (&'static str, State), places: Places, findings: &mut Findings) {
    if places.is_empty() {
        return;
    }
    let (all, looked_at) = (places.len(), places.len().min(MOST));
    let reaching = places.into_iter().take(MOST).map(|(place, (url, whose))| async move {
        let reached = egress.reach(&url).await;
        (place, whose, reached)
    });
    let reached: Vec<_> = stream::iter(reaching).buffered(AT_ONCE).collect().await;
    let mut good = 0;
    for (place, whose, reached) in reached {
        match reached {
            Ok(()) => good += 1,
            Err(error) => {
                let state = if is_refused(&error) { State::Wrong } else { unreachable };
                findings.add(name, state, format!("{}: {place}: {error}", names(&whose)));
            }
        }
    }
    if good > 0 {
        let more = if all > looked_at { format!("; {} were not looked at", all - looked_at) } else { String::new() };
        findings.good(name, format!("{good} of {looked_at} addresses can be connected to{more}"));
    }
}

/// The server would not call it, wherever it is.
const fn is_refused(error: &EgressError) -> bool {
    match error {
        EgressError::Url(_) | EgressError::PrivateAddress => true,
        EgressError::NoAddress
        | EgressError::Timeout
        | EgressError::TooLarge
        | EgressError::Header
        | EgressError::TrustAnchor
        | EgressError::Connection(_) => false,
    }
}

fn names(whose: &[String]) -> String {
    let some = whose.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match whose.len().saturating_sub(NAMED) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_looked_at_once_and_its_secrets_are_not_told() {
        let mut places = Places::new();
        for (url, whose) in [
            ("https://hooks.example/a?key=hunter2", "one"),
            ("https://hooks.example:443/b", "two"),
            ("https://hooks.example:8443/", "three"),
        ] {
            add(&mut places, url, whose.to_owned());
        }
        let found: Vec<_> = places.iter().map(|(place, (_, whose))| (place.as_str(), names(whose))).collect();
        let expected = [("https://hooks.example", "one, two"), ("https://hooks.example:8443", "three")];
        assert_eq!(found, expected.map(|(place, whose)| (place, whose.to_owned())));
        let many: Vec<String> = (1..=5).map(|n| n.to_string()).collect();
        assert_eq!(names(&many), "1, 2, 3 and 2 more");
    }
}
