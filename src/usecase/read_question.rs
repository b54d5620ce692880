//! A question to a person, wherever it is: the parameters themselves, or a JWT that the client signed [CIBA §7.1.1].

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::client::Backchannel;
use crate::protocol::backchannel_authentication::signed;
use crate::protocol::error::Refusal;
use crate::protocol::jwt::{KeySet, Unverified};
use crate::protocol::parameters::Parameters;
use crate::protocol::request_object::{self, MAX_BYTES, RequestObject, question_refused};
use crate::store::ephemeral::Replay;
use crate::usecase::Error;
use crate::usecase::authenticate_client::{AuthenticatedClient, ClientKeys};

pub struct ReadQuestion {
    pub keys: Arc<ClientKeys>,
    pub replay: Replay,
    pub issuer: String,
}

impl ReadQuestion {
    /// What the client asks. `None`: the parameters are the question.
    pub async fn read(
        &self,
        client: &AuthenticatedClient,
        backchannel: &Backchannel,
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<Option<Parameters>, Error> {
        match signed(parameters)? {
            // In a box: most questions are not signed, and each would carry the room for it.
            Some(object) => Box::pin(self.verified(client, backchannel, object, now)).await.map(Some),
            // [CIBA §4] one that has registered how it signs does.
            None if backchannel.request_signing_alg.is_some() || client.demands().signed_requests => {
                Err(Refusal::invalid_request("The request must be signed: request is required.").into())
            }
            None => Ok(None),
        }
    }

    async fn verified(
        &self,
        client: &AuthenticatedClient,
        backchannel: &Backchannel,
        object: &str,
        now: Timestamp,
    ) -> Result<Parameters, Error> {
        let Some(source) = client.keys() else {
            return Err(question_refused("the client has no keys that it could be verified with").into());
        };
        let token = Unverified::parse_within(object, MAX_BYTES).map_err(|error| question_refused(error.to_string()))?;
        if backchannel.request_signing_alg.is_some_and(|alg| alg != token.algorithm()) {
            return Err(question_refused("not the registered algorithm").into());
        }
        if !client.demands().allows(token.algorithm()) {
            return Err(question_refused("not an algorithm of the security profile").into());
        }
        let verify = |keys: &KeySet| keys.verify::<RequestObject>(&token, token.algorithm(), request_object::TYP);
        let verified = self.keys.verify(client.shared(), source, now, verify).await;
        let object = verified.map_err(|error| question_refused(error.to_string()))?;
        let question = request_object::accept_question(object, &client.id, &self.issuer, now)?;
        let lifetime = question.replay_until.since(now);
        // Last, so that what is good for nothing leaves no mark.
        if self.replay.first_use(client.id.as_str().as_bytes(), question.jti.as_bytes(), lifetime).await? {
            Ok(question.parameters)
        } else {
            Err(question_refused("jti was used before").into())
        }
    }
}
