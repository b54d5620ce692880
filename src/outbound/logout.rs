//! Telling a relying party that a session has ended [BCL §2.5].

use url::{Url, form_urlencoded};

use super::egress::{AnswerBody, Egress, Outgoing};
use super::verdict::Verdict;
use crate::secret::Secret;

pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The token is all that is sent.
pub fn body(token: &Secret<String>) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token.expose()).finish()
}

pub async fn tell(egress: &Egress, uri: Url, token: &Secret<String>) -> Verdict {
    let outgoing = Outgoing::post(uri, CONTENT_TYPE, body(token));
    match egress.send(outgoing, AnswerBody::Ignored).await {
        Ok(answer) => {
            let status = answer.status.as_u16();
            match status {
                // [BCL §2.8] 200; frameworks make 204 of an empty one.
                200..=299 => Verdict::Told(status),
                408 | 425 | 429 | 500..=599 => Verdict::NotNow(status),
                _ => Verdict::Refused(status),
            }
        }
        Err(error) => Verdict::Failed(error),
    }
}
