//! An authorization request, wherever it is: the parameters themselves, a request object [RFC 9101], or what
//! the client pushed before [RFC 9126].

use std::borrow::Cow;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::client::{Client, Requests};
use crate::domain::profile::Profiles;
use crate::domain::pushed_request::{PushedRequest, REQUEST_URI, Taken};
use crate::domain::sign_on::SignOn;
use crate::outbound::egress::Egress;
use crate::outbound::request_object::fetch;
use crate::protocol::authorization_details::DetailType;
use crate::protocol::authorization_request::Permitted;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::PushedRequestId;
use crate::protocol::jwt::{KeySet, Unverified};
use crate::protocol::parameters::Parameters;
use crate::protocol::request_object::{self, Accepted, MAX_BYTES, RequestObject, Since, refused};
use crate::store::ephemeral::{Lifetime, Replay, Shelf};
use crate::usecase::Error;
use crate::usecase::authenticate_client::ClientKeys;

pub struct ReadRequest {
    pub pushed: Shelf<PushedRequest>,
    pub keys: Arc<ClientKeys>,
    /// Of request objects.
    pub replay: Replay,
    pub egress: Egress,
    pub issuer: String,
    pub rules: Rules,
    pub profiles: Profiles,
}

/// What holds for every client.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// No browser brings a request [RFC 9126 §5].
    pub require_pushed: bool,
    /// Answers have a `session_state`, by which pages see that somebody signed out [OIDC Session §3.1].
    pub session_management: bool,
    /// Types of `authorization_details` [RFC 9396 §2].
    pub details: Arc<[DetailType]>,
}

impl ReadRequest {
    /// What a client may ask for.
    pub fn permitted<'a>(&'a self, client: &'a Client, sign_on: &SignOn) -> Result<Permitted<'a>, Refusal> {
        let registered = client.sign_in.as_ref().ok_or_else(super::no_sign_in)?;
        Ok(Permitted {
            response_types: &registered.response_types,
            scope: &client.scope,
            challenge_required: registered.require_pkce || client.is_public(),
            redirectless: sign_on.permits_redirectless(client),
            bound_to_keys: !client.tls_client_certificate_bound_access_tokens,
            issuer: &self.issuer,
            resources: &client.resources,
            known_details: &self.rules.details,
            details: &registered.requests.details,
        })
    }

    /// What a browser brings. `None`: the parameters are the request.
    pub async fn brought(
        &self,
        client: &Arc<Client>,
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<Option<Parameters>, Error> {
        let pushed = parameters.get("request_uri").and_then(|uri| uri.strip_prefix(REQUEST_URI));
        if let Some(id) = pushed {
            if parameters.contains("request") {
                return Err(both());
            }
            return self.take(client, &PushedRequestId::presented(id), now).await.map(Some);
        }
        if self.rules.require_pushed || requests(client)?.pushed || self.profiles.of(client).pushed {
            return Err(Refusal::invalid_request("The request must be pushed.").into());
        }
        self.object(client, parameters, now).await
    }

    /// What a client pushes. `None`: the parameters are the request.
    pub async fn pushed(
        &self,
        client: &Arc<Client>,
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<Option<Parameters>, Error> {
        // [RFC 9126 §2.1]
        if parameters.contains("request_uri") {
            return Err(Refusal::invalid_request("request_uri cannot be pushed.").into());
        }
        self.object(client, parameters, now).await
    }

    async fn take(&self, client: &Client, id: &PushedRequestId, now: Timestamp) -> Result<Parameters, Error> {
        let gone = |why| {
            let told = "The request_uri is unknown, was used before, or has expired.";
            Refusal::new(ErrorCode::InvalidRequestUri, told).because(why)
        };
        let take = |pushed: PushedRequest| pushed.taken(&client.id, now);
        let taken = self.pushed.update(&id.digest(), Lifetime::Keep, take).await?;
        match taken.ok_or_else(|| gone("there is no such request"))? {
            Taken::First(parameters) => Ok(Parameters::from_pairs(parameters)?),
            Taken::Foreign => Err(gone("another client's request").into()),
            Taken::Used => Err(gone("used before").into()),
            Taken::Expired => Err(gone("expired").into()),
        }
    }

    async fn object(
        &self,
        client: &Arc<Client>,
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<Option<Parameters>, Error> {
        let requests = requests(client)?;
        let object = match (parameters.get("request"), parameters.get("request_uri")) {
            (None, None) if requests.signed || self.profiles.of(client).signed_requests => {
                return Err(Refusal::invalid_request("The request must be a signed request object.").into());
            }
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(both()),
            (Some(object), None) => Cow::Borrowed(object),
            (None, Some(uri)) => Cow::Owned(self.fetched(requests, uri).await?),
        };
        let brought = matches!(object, Cow::Borrowed(_));
        let Accepted { request, jti, replay_until } = self.verified(client, requests, &object, now).await?;
        // What was fetched is what the client says at this moment, as often as it is asked.
        if let Some(jti) = jti.filter(|_| brought) {
            let lifetime = replay_until.since(now);
            if !self.replay.first_use(client.id.as_str().as_bytes(), jti.as_bytes(), lifetime).await? {
                return Err(refused("jti was used before").into());
            }
        }
        Ok(Some(request))
    }

    async fn verified(
        &self,
        client: &Arc<Client>,
        requests: &Requests,
        object: &str,
        now: Timestamp,
    ) -> Result<Accepted, Error> {
        let Some(source) = client.keys() else {
            let told = "The client has no keys that a request object could be verified with.";
            return Err(Refusal::new(ErrorCode::RequestNotSupported, told).into());
        };
        let token = Unverified::parse_within(object, MAX_BYTES).map_err(|error| refused(error.to_string()))?;
        if requests.signing_alg.is_some_and(|alg| alg != token.algorithm()) {
            return Err(refused("not the registered algorithm".to_owned()).into());
        }
        let demands = self.profiles.of(client);
        if !demands.allows(token.algorithm()) {
            return Err(refused("not an algorithm of the security profile".to_owned()).into());
        }
        let verify = |keys: &KeySet| keys.verify::<RequestObject>(&token, token.algorithm(), request_object::TYP);
        let object = self.keys.verify(client, source, now, verify).await.map_err(|error| refused(error.to_string()))?;
        // [FAPI 2 Message Signing §5.3.1, FAPI 1 Advanced §5.2.2]
        let since = if demands.signed_requests { Since::Said } else { Since::SaidOrNow };
        Ok(request_object::accept(object, &client.id, &self.issuer, since, now)?)
    }

    /// [RFC 9101 §10.4] nothing is fetched but what the client registered.
    async fn fetched(&self, requests: &Requests, uri: &str) -> Result<String, Error> {
        if requests.uris.is_empty() {
            let told = "The client has registered no request_uris.";
            return Err(Refusal::new(ErrorCode::RequestUriNotSupported, told).into());
        }
        let invalid = |told, why: String| Error::from(Refusal::new(ErrorCode::InvalidRequestUri, told).because(why));
        let bare = |uri: &str| uri.split_once('#').map_or(uri, |(bare, _)| bare).to_owned();
        if !requests.uris.iter().any(|registered| bare(registered) == bare(uri)) {
            return Err(invalid("The request_uri is not registered.", "not registered".to_owned()));
        }
        let told = "The request object could not be fetched.";
        fetch(&self.egress, uri).await.map_err(|error| invalid(told, error.to_string()))
    }
}

fn both() -> Error {
    Refusal::invalid_request("request and request_uri exclude each other.").into()
}

fn requests(client: &Client) -> Result<&Requests, Refusal> {
    let sign_in = client.sign_in.as_ref();
    sign_in.map(|sign_in| &sign_in.requests).ok_or_else(super::no_sign_in)
}
