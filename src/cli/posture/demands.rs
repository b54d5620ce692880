//! What is demanded of clients, whoever they are: by the server's security profile, or always.

use super::{Row, State};
use crate::cli::serve::profiles;
use crate::config::Loaded;
use crate::domain::code;
use crate::domain::profile::Given;
use crate::protocol::algorithm::Algorithm;

const PROFILE: &[&str] = &["profile"];

/// One demand: what it comes to where it is made, and where it is not.
fn demand(topic: &'static str, made: bool, what: &str, otherwise: &str) -> Row {
    if made { Row::new(topic, State::Good, what, PROFILE) } else { Row::new(topic, State::Open, otherwise, &[]) }
}

pub(super) fn rows(loaded: &Loaded) -> Vec<Row> {
    let profiles = profiles(&loaded.config);
    let demands = profiles.of_all();
    let none = "none: clients are held to what they are registered with";
    let profile = demand("profile", profiles.server.is_some(), profiles.server.map_or("", |one| one.as_str()), none);
    let algorithms: Vec<_> = demands.algorithms.iter().map(|alg| alg.as_str()).collect();
    let fewer = demands.algorithms.len() < Algorithm::ALL.len();
    let given = match demands.given {
        Given::CodeAlone => "gives a code alone",
        Given::Anything | Given::NoAccessToken => "gives no access token",
    };
    let registered = "as each client is registered";
    let code = format!("a code lives {} s and works once, with its verifier", code::LIFETIME.as_secs());
    vec![
        profile,
        demand("client authentication", demands.key, "by a key of the client alone", registered),
        demand(
            "algorithms",
            fewer,
            &algorithms.join(", "),
            &format!("{}; never none, never HMAC", algorithms.join(", ")),
        ),
        demand(
            "assertions",
            demands.issuer_as_audience,
            "for the issuer alone",
            "for the issuer, or one of our endpoints",
        ),
        demand("pkce", demands.pkce, "required, by S256", "required of public clients, and unless a client has it off"),
        demand("authorization", demands.given > Given::Anything, given, "gives what a client is registered for"),
        pushed(loaded, demands.pushed),
        demand("signed requests", demands.signed_requests, "required, of CIBA too", registered),
        demand("signed answers", demands.signed_answers, "required", "as a request asks for"),
        demand("binding message", demands.binding_message, "required", "as a request has it"),
        demand("bound tokens", demands.bound, "required: no bearer tokens", registered),
        demand("refresh tokens", demands.lasting_refresh, "stay when they are used", "are replaced when they are used"),
        Row::new("codes", State::Good, code, &[]),
    ]
}

fn pushed(loaded: &Loaded, demanded: bool) -> Row {
    let required = loaded.config.authorization.require_pushed;
    if required && !demanded {
        return Row::new("pushed requests", State::Good, "required", &["authorization.require_pushed"]);
    }
    demand("pushed requests", demanded, "required", "as each client is registered")
}
