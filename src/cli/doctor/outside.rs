//! What everybody sees: discovery, keys, TLS, and what a proxy does to header fields.

use std::time::Duration;

use nod_device::Issuer;
use serde_json::Value;

use super::certificate;
use super::{Findings, State};
use crate::cli::certificates::certificates;
use crate::cli::exchange::{Http, send};
use crate::cli::serve::{profiles, rules};
use crate::config::{Loaded, RegistrationMode};
use crate::entropy::Entropy;
use crate::http::discovery::{Discovery, path};

const LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn look(address: &Issuer, loaded: Option<&Loaded>, kids: &[String], findings: &mut Findings) {
    let http = match Http::new(address) {
        Ok(http) => http,
        Err(error) => return findings.wrong("issuer", error.to_string()),
    };
    let url = format!("{}{}", address.as_str(), path::DISCOVERY);
    // What the server does with it shows whether a proxy lets header fields through, both ways.
    let id = Entropy::default().uuid().to_string();
    let answer = match send(http.get(&url).header("x-request-id", &id), LIMIT).await {
        Ok(answer) => answer,
        Err(error) => return findings.unreachable("issuer", format!("{}: {error}", address.as_str())),
    };
    if answer.status != 200 {
        return findings.wrong("issuer", format!("{url}: {}", answer.status));
    }
    findings.good("issuer", format!("{} answers in {} ms", address.as_str(), answer.took.as_millis()));
    let Some(document) = answer.json::<Value>() else {
        return findings.wrong("discovery", "what is there is no discovery document");
    };
    discovery(address, loaded, &document, findings);
    headers(answer.header("x-request-id"), answer.header("x-content-type-options"), &id, findings);
    jwks(&http, &document, kids, findings).await;
    if address.is_https() {
        certificate::live(address, findings).await;
    }
}

fn discovery(address: &Issuer, loaded: Option<&Loaded>, document: &Value, findings: &mut Findings) {
    let issuer = loaded.map_or(address.as_str(), |loaded| loaded.config.issuer.as_str());
    let said = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if said != issuer {
        return findings.wrong("discovery", format!("the issuer there is {said}, not {issuer}"));
    }
    let Some(loaded) = loaded else {
        return findings.good("discovery", "the issuer there is the one that was asked");
    };
    // The same version here and there says the same, byte for byte.
    let registers = loaded.config.registration.mode != RegistrationMode::Off;
    let certificates = match certificates(&loaded.config) {
        Ok(certificates) => certificates,
        Err(error) => return findings.wrong("mtls.authorities", error.to_string()),
    };
    let demands = profiles(&loaded.config).of_all();
    let ours = Discovery::new(issuer, registers, &rules(&loaded.config), &demands, &certificates);
    let ours: Value = serde_json::from_slice(ours.document()).unwrap_or_default();
    let differing = |ours: &Value| {
        let members = ours.as_object()?;
        members.iter().find(|(name, value)| document.get(name.as_str()) != Some(value)).map(|(name, _)| name.clone())
    };
    match differing(&ours) {
        None => findings.good("discovery", "as the configuration has it"),
        Some(name) => findings.odd("discovery", format!("{name} differs: another version answers, or another server")),
    }
}

fn headers(id: Option<&str>, nosniff: Option<&str>, sent: &str, findings: &mut Findings) {
    let (state, what) = if id != Some(sent) {
        (State::Odd, "X-Request-Id does not come back: something in between drops or replaces it")
    } else if nosniff.is_none() {
        (State::Odd, "X-Content-Type-Options is gone: something in between drops header fields")
    } else {
        (State::Good, "arrive and come back")
    };
    findings.add("headers", state, what);
}

async fn jwks(http: &Http, document: &Value, kids: &[String], findings: &mut Findings) {
    let Some(uri) = document.get("jwks_uri").and_then(Value::as_str) else {
        return findings.wrong("jwks", "discovery names no jwks_uri");
    };
    let keys = match send(http.get(uri), LIMIT).await {
        Ok(answer) if answer.status == 200 => answer.json::<Value>(),
        Ok(answer) => return findings.wrong("jwks", format!("{uri}: {}", answer.status)),
        Err(error) => return findings.unreachable("jwks", format!("{uri}: {error}")),
    };
    let keys = keys.as_ref().and_then(|keys| keys.get("keys")).and_then(Value::as_array);
    let Some(keys) = keys else { return findings.wrong("jwks", "what is there is no JWK Set") };
    let there = |kid: &String| keys.iter().any(|key| key.get("kid").and_then(Value::as_str) == Some(kid.as_str()));
    // Beside them is the one that apps encrypt to.
    let signing = keys.iter().filter(|key| key.get("use").and_then(Value::as_str) != Some("enc")).count();
    match kids.iter().find(|kid| !there(kid)) {
        Some(kid) => findings.wrong("jwks", format!("{kid} of the database is not published there")),
        None if kids.is_empty() => findings.good("jwks", format!("{signing} keys")),
        None => findings.good("jwks", format!("{signing} keys, those of the database")),
    }
}
