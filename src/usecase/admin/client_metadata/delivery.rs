//! How a client comes to the answers of people [CIBA §4, §5].

use std::collections::BTreeSet;

use super::address::is_callable;
use super::{ClientMetadata, Problems};
use crate::domain::client::{Backchannel, Delivery, GrantType, NumberMatching};
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::FieldCode;
use crate::protocol::algorithm::Algorithm;

const MODE: &str = "/backchannel_token_delivery_mode";
const ENDPOINT: &str = "/backchannel_client_notification_endpoint";

const SIGNING_ALG: &str = "/backchannel_authentication_request_signing_alg";

pub const fn matching_text(matching: NumberMatching) -> &'static str {
    match matching {
        NumberMatching::Pick => "pick",
        NumberMatching::Type => "type",
    }
}

impl ClientMetadata {
    fn delivery(&self, egress: Option<&Egress>, problems: &mut Problems) -> Delivery {
        match (self.backchannel_token_delivery_mode.as_deref(), &self.backchannel_client_notification_endpoint) {
            (None | Some("poll"), None) => {}
            (None | Some("poll"), Some(_)) => {
                problems.add(ENDPOINT, FieldCode::NotAllowed, "Only with backchannel_token_delivery_mode ping.");
            }
            (Some("ping"), None) => problems.add(ENDPOINT, FieldCode::Required, "With ping, where the client is told."),
            (Some("ping"), Some(endpoint)) => {
                if is_callable(endpoint, egress) {
                    return Delivery::Ping { endpoint: endpoint.clone() };
                }
                let detail =
                    "An https URL of at most 400 characters, without fragment, that leads to a public address.";
                problems.add(ENDPOINT, FieldCode::Invalid, detail);
            }
            (Some(_), _) => problems.add(MODE, FieldCode::Invalid, "poll or ping."),
        }
        Delivery::Poll
    }

    fn question_signing_alg(&self, problems: &mut Problems) -> Option<Algorithm> {
        let alg = Algorithm::parse(self.backchannel_authentication_request_signing_alg.as_deref()?);
        if alg.is_none() {
            problems.add(SIGNING_ALG, FieldCode::Invalid, "One of ES256, PS256, RS256, EdDSA.");
        } else if self.jwks.is_none() && self.jwks_uri.is_none() {
            problems.add(SIGNING_ALG, FieldCode::NotAllowed, "Only with jwks or jwks_uri, to verify with.");
        }
        alg
    }

    pub(super) fn backchannel(
        &self,
        grants: &BTreeSet<GrantType>,
        egress: Option<&Egress>,
        problems: &mut Problems,
    ) -> Option<Backchannel> {
        let number_matching = match self.number_matching.as_deref() {
            None => None,
            Some("pick") => Some(NumberMatching::Pick),
            Some("type") => Some(NumberMatching::Type),
            Some(_) => {
                problems.add("/number_matching", FieldCode::Invalid, "pick or type; left out for none.");
                None
            }
        };
        if grants.contains(&GrantType::Ciba) {
            let elsewhere = grants.iter().any(|grant| grant.signs_people_in());
            return Some(Backchannel {
                delivery: self.delivery(egress, problems),
                number_matching,
                long_poll: self.long_poll.unwrap_or(false),
                request_signing_alg: self.question_signing_alg(problems),
                user_code: self.backchannel_user_code_parameter.unwrap_or(false),
                require_hint_token: self.require_hint_token.unwrap_or(false),
                keys: if elsewhere { None } else { self.signing_keys(egress, problems) },
            });
        }
        for (pointer, present) in [
            (MODE, self.backchannel_token_delivery_mode.is_some()),
            (ENDPOINT, self.backchannel_client_notification_endpoint.is_some()),
            ("/number_matching", self.number_matching.is_some()),
            ("/long_poll", self.long_poll == Some(true)),
            (SIGNING_ALG, self.backchannel_authentication_request_signing_alg.is_some()),
            ("/backchannel_user_code_parameter", self.backchannel_user_code_parameter == Some(true)),
            ("/require_hint_token", self.require_hint_token == Some(true)),
        ] {
            if present {
                problems.add(pointer, FieldCode::NotAllowed, "Only with the CIBA grant.");
            }
        }
        None
    }
}
