//! Telling a client in ping mode that its request was decided [CIBA §10.2].

use serde::Serialize;
use url::Url;

use super::egress::{AnswerBody, Egress, Outgoing};
use super::verdict::Verdict;
use crate::protocol::client_notification_token::ClientNotificationToken;
use crate::protocol::id::AuthReqId;

#[derive(Serialize)]
struct Body<'a> {
    auth_req_id: &'a str,
}

/// The `auth_req_id` is all that is sent. Tokens are fetched.
pub fn body(id: &AuthReqId) -> Vec<u8> {
    // A handle is plain characters: nothing can fail here.
    serde_json::to_vec(&Body { auth_req_id: id.expose() }).unwrap_or_default()
}

pub async fn ping(egress: &Egress, endpoint: Url, id: &AuthReqId, token: &ClientNotificationToken) -> Verdict {
    let outgoing = match Outgoing::post(endpoint, "application/json", body(id)).bearer(token.expose()) {
        Ok(outgoing) => outgoing,
        Err(error) => return Verdict::Failed(error),
    };
    match egress.send(outgoing, AnswerBody::Ignored).await {
        Ok(answer) => {
            let status = answer.status.as_u16();
            match status {
                // [CIBA §10.2] 204, or 200 with a body that nobody reads.
                200..=299 => Verdict::Told(status),
                500..=599 => Verdict::NotNow(status),
                // [CIBA §10.2] no redirect is followed, and a client that refuses is not asked again.
                _ => Verdict::Refused(status),
            }
        }
        Err(error) => Verdict::Failed(error),
    }
}
