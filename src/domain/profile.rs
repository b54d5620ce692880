//! Security profiles: one word, for a client or for the whole server, that says what is demanded of a client.
//! What it demands is looked at when a client is registered, and again at each of its requests: the word may
//! have been said later.

use std::time::Duration;

use super::client::{Authentication, Client};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::{AuthorizationRequest, ResponseType};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::words::words;

words! {
    Profile {
        /// The OAuth 2.1 Authorization Framework.
        OAuth21 = "oauth21",
        /// FAPI 2.0 Security Profile.
        Fapi2Security = "fapi2-security",
        /// FAPI 2.0 Message Signing, which goes beyond it.
        Fapi2MessageSigning = "fapi2-message-signing",
        /// FAPI: Client Initiated Backchannel Authentication Profile, and FAPI 1.0 Advanced below it.
        FapiCiba = "fapi-ciba",
    }
}

/// What is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "demands that are made one by one")]
pub struct Demands {
    /// A `code_challenge` in each authorization request.
    pub pkce: bool,
    /// The client proves itself with a key of its own, which nobody else has seen.
    pub key: bool,
    /// What signs anything: assertions, requests and proofs of the client, and what we sign for it.
    pub algorithms: &'static [Algorithm],
    /// An assertion names the issuer as its audience, and nothing else.
    pub issuer_as_audience: bool,
    /// What the authorization endpoint gives.
    pub given: Given,
    /// Authorization requests are pushed [RFC 9126].
    pub pushed: bool,
    /// Access tokens are bound to a key of the client, by a proof [RFC 9449] or by a certificate [RFC 8705].
    pub bound: bool,
    /// Requests are signed, at the authorization endpoint [RFC 9101] and at the backchannel endpoint [CIBA §7.1.1].
    pub signed_requests: bool,
    /// So are the answers of the authorization endpoint [JARM].
    pub signed_answers: bool,
    /// Whoever is asked on a device sees what it is about.
    pub binding_message: bool,
    /// A refresh token is not replaced when it is used.
    pub lasting_refresh: bool,
    /// The longest that an access token may live.
    pub access_lifetime: Duration,
}

/// What comes from the authorization endpoint, and so through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    Anything,
    /// A code, or an ID token; no access token.
    NoAccessToken,
    CodeAlone,
}

impl Given {
    pub const fn permits(self, response_type: ResponseType) -> bool {
        match self {
            Self::Anything => true,
            Self::NoAccessToken => !response_type.has_token(),
            Self::CodeAlone => matches!(response_type, ResponseType::Code),
        }
    }
}

/// [FAPI 2 §5.4.1]
const FAPI2: &[Algorithm] = &[Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA];
/// [FAPI-CIBA §7.10, FAPI 1 Advanced §8.6]
const FAPI1: &[Algorithm] = &[Algorithm::ES256, Algorithm::PS256];

/// Short enough that nobody misses a way to take one back [FAPI 1 Baseline §5.2.2].
const TEN_MINUTES: Duration = Duration::from_mins(10);

impl Profile {
    const fn demands(self) -> Demands {
        let fapi = Demands {
            pkce: true,
            key: true,
            bound: true,
            given: Given::CodeAlone,
            access_lifetime: TEN_MINUTES,
            ..Demands::NONE
        };
        match self {
            // [OAuth 2.1 §4.1.1, §7.6] Its other rules hold here for everybody.
            Self::OAuth21 => Demands { pkce: true, given: Given::NoAccessToken, ..Demands::NONE },
            // [FAPI 2 §5.3.2]
            Self::Fapi2Security => {
                Demands { algorithms: FAPI2, issuer_as_audience: true, pushed: true, lasting_refresh: true, ..fapi }
            }
            // [FAPI 2 Message Signing §5.3.1, §5.4.1]
            Self::Fapi2MessageSigning => {
                Demands { signed_requests: true, signed_answers: true, ..Self::Fapi2Security.demands() }
            }
            // [FAPI-CIBA §5.2.2]
            Self::FapiCiba => Demands {
                algorithms: FAPI1,
                given: Given::NoAccessToken,
                signed_requests: true,
                binding_message: true,
                ..fapi
            },
        }
    }
}

impl Demands {
    pub const NONE: Self = Self {
        pkce: false,
        key: false,
        algorithms: &Algorithm::ALL,
        issuer_as_audience: false,
        given: Given::Anything,
        pushed: false,
        bound: false,
        signed_requests: false,
        signed_answers: false,
        binding_message: false,
        lasting_refresh: false,
        access_lifetime: Duration::MAX,
    };

    /// Whatever one of the two demands.
    #[must_use]
    fn and(self, other: Self) -> Self {
        Self {
            pkce: self.pkce | other.pkce,
            key: self.key | other.key,
            // Of two sets, the smaller one is always part of the other.
            algorithms: if other.algorithms.len() < self.algorithms.len() { other.algorithms } else { self.algorithms },
            issuer_as_audience: self.issuer_as_audience | other.issuer_as_audience,
            given: self.given.max(other.given),
            pushed: self.pushed | other.pushed,
            bound: self.bound | other.bound,
            signed_requests: self.signed_requests | other.signed_requests,
            signed_answers: self.signed_answers | other.signed_answers,
            binding_message: self.binding_message | other.binding_message,
            lasting_refresh: self.lasting_refresh | other.lasting_refresh,
            access_lifetime: self.access_lifetime.min(other.access_lifetime),
        }
    }

    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// What signs where the standards say RS256 when nothing is registered [OIDCR §2, RFC 9701 §6], if it may.
    pub fn usual(&self) -> Option<Algorithm> {
        Some(Algorithm::RS256).filter(|algorithm| self.allows(*algorithm))
    }

    /// Of what we sign with, what is allowed; the default first.
    pub fn signing(&self) -> impl Iterator<Item = Algorithm> {
        Algorithm::SIGNING.into_iter().filter(|algorithm| self.allows(*algorithm))
    }

    /// What of a client's registration does not do.
    pub fn unmet_by(&self, client: &Client) -> impl Iterator<Item = Unmet> {
        let not_allowed = |alg: Option<Algorithm>| alg.is_some_and(|alg| !self.allows(alg));
        let sign_in = client.sign_in.as_ref();
        let requests = sign_in.map(|sign_in| &sign_in.requests);
        let asks = sign_in.is_some() || client.backchannel.is_some();
        let (by_key, assertion) = match &client.authentication {
            Authentication::PrivateKeyJwt { alg, .. } => (true, *alg),
            Authentication::TlsClientAuth(_) | Authentication::SelfSignedTlsClientAuth { .. } => (true, None),
            Authentication::None | Authentication::ClientSecretBasic(_) | Authentication::ClientSecretPost(_) => {
                (false, None)
            }
        };
        let given = sign_in.map(|sign_in| sign_in.response_types.as_slice()).unwrap_or_default();
        [
            (self.key && !by_key, Unmet::Authentication),
            (not_allowed(assertion), Unmet::AssertionAlgorithm),
            (not_allowed(Some(client.id_token_signed_response_alg)), Unmet::IdTokenAlgorithm),
            (not_allowed(client.userinfo_signed_response_alg), Unmet::UserinfoAlgorithm),
            (not_allowed(client.introspection_signed_response_alg), Unmet::IntrospectionAlgorithm),
            (
                not_allowed(sign_in.and_then(|sign_in| sign_in.authorization_signed_response_alg)),
                Unmet::AnswerAlgorithm,
            ),
            (not_allowed(requests.and_then(|requests| requests.signing_alg)), Unmet::RequestAlgorithm),
            (
                not_allowed(client.backchannel.as_ref().and_then(|ciba| ciba.request_signing_alg)),
                Unmet::QuestionAlgorithm,
            ),
            (!given.iter().all(|kind| self.given.permits(*kind)), Unmet::ResponseTypes),
            (self.signed_requests && asks && client.keys().is_none(), Unmet::Keys),
        ]
        .into_iter()
        .filter_map(|(unmet, what)| unmet.then_some(what))
    }

    /// Whether a client may be heard at all, as it is registered now.
    pub fn admit(&self, client: &Client) -> Result<(), Refusal> {
        match self.unmet_by(client).next() {
            None => Ok(()),
            // [FAPI-CIBA §7.10] by a method, or an algorithm, with which nobody authenticates here.
            Some(unmet @ (Unmet::Authentication | Unmet::AssertionAlgorithm)) => {
                Err(Refusal::invalid_client(unmet.description()))
            }
            Some(unmet) => Err(Refusal::new(ErrorCode::UnauthorizedClient, unmet.description())),
        }
    }

    /// Whether the authorization endpoint may answer a request as it is. How it came is asked elsewhere.
    pub fn met_by(&self, request: &AuthorizationRequest) -> Result<(), Refusal> {
        if !self.given.permits(request.response_type) {
            let told = "The security profile does not allow this response_type.";
            return Err(Refusal::new(ErrorCode::UnsupportedResponseType, told));
        }
        if self.pkce && request.response_type.has_code() && request.challenge.is_none() {
            return Err(Refusal::invalid_request("code_challenge is required by the security profile."));
        }
        if self.signed_answers && !request.destination.mode.is_jwt() {
            return Err(Refusal::invalid_request("response_mode is jwt: the security profile demands signed answers."));
        }
        Ok(())
    }
}

/// What the server holds all clients to. What each is held to besides stands in its registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profiles {
    pub server: Option<Profile>,
}

impl Profiles {
    /// Of whoever it is.
    pub fn of_all(self) -> Demands {
        self.server.map_or(Demands::NONE, Profile::demands)
    }

    pub fn of(self, client: &Client) -> Demands {
        let own = client.security_profile.map_or(Demands::NONE, Profile::demands);
        self.of_all().and(own)
    }
}

/// Declares what can be unmet: the member of the registration, and the sentence about it.
macro_rules! unmet {
    ($($name:ident: $member:literal, $what:literal;)+) => {
        /// A demand that a registration does not meet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Unmet { $($name,)+ }

        impl Unmet {
            /// As JSON pointer.
            pub const fn pointer(self) -> &'static str {
                match self { $(Self::$name => concat!("/", $member),)+ }
            }

            pub const fn detail(self) -> &'static str {
                match self { $(Self::$name => concat!("The security profile ", $what),)+ }
            }

            /// Both in one sentence.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($member, ": the security profile ", $what),)+ }
            }
        }
    };
}

unmet! {
    Authentication: "token_endpoint_auth_method", "demands a method with a key of the client: private_key_jwt, tls_client_auth or self_signed_tls_client_auth.";
    AssertionAlgorithm: "token_endpoint_auth_signing_alg", "does not allow this algorithm.";
    IdTokenAlgorithm: "id_token_signed_response_alg", "does not allow this algorithm.";
    UserinfoAlgorithm: "userinfo_signed_response_alg", "does not allow this algorithm.";
    IntrospectionAlgorithm: "introspection_signed_response_alg", "does not allow this algorithm.";
    AnswerAlgorithm: "authorization_signed_response_alg", "does not allow this algorithm.";
    RequestAlgorithm: "request_object_signing_alg", "does not allow this algorithm.";
    QuestionAlgorithm: "backchannel_authentication_request_signing_alg", "does not allow this algorithm.";
    ResponseTypes: "response_types", "does not allow one of these.";
    Keys: "jwks", "demands signed requests, and so keys to verify them with.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::code;

    #[test]
    fn sets_of_algorithms_hold_each_other() {
        let mut sets: Vec<_> = Profile::ALL.iter().map(|profile| profile.demands().algorithms).collect();
        sets.sort_by_key(|set| set.len());
        for pair in sets.windows(2) {
            assert!(pair[0].iter().all(|alg| pair[1].contains(alg)), "{pair:?}");
        }
    }

    #[test]
    fn two_profiles_demand_what_either_does() {
        for one in Profile::ALL {
            for other in Profile::ALL {
                let (one, other) = (one.demands(), other.demands());
                let both = one.and(other);
                assert_eq!(both, other.and(one));
                assert_eq!(both.and(one), both);
                assert!(both.algorithms.iter().all(|alg| one.allows(*alg) && other.allows(*alg)));
                assert!(both.access_lifetime <= one.access_lifetime && both.given >= one.given);
            }
        }
    }

    #[test]
    fn fapi2_5_3_2_1_codes_live_for_a_minute_at_most_whoever_has_them() {
        assert!(code::LIFETIME <= Duration::from_secs(60));
    }

    #[test]
    fn fapi_allows_no_pkcs1_signatures() {
        for profile in [Profile::Fapi2Security, Profile::Fapi2MessageSigning, Profile::FapiCiba] {
            let demands = profile.demands();
            assert!(!demands.allows(Algorithm::RS256) && demands.allows(Algorithm::PS256), "{profile}");
            assert!(demands.signing().eq([Algorithm::ES256, Algorithm::PS256]), "{profile}");
        }
        assert!(!Profile::FapiCiba.demands().allows(Algorithm::EdDSA), "[FAPI 1 Advanced §8.6]");
    }
}
