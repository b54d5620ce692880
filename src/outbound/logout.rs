//! Telling a relying party that a session has ended [BCL §2.5].

use url::{Url, form_urlencoded};

use super::egress::{AnswerBody, Egress, EgressError, Outgoing};
use crate::secret::Secret;

/// What came of a try.
#[derive(Debug)]
pub enum Verdict {
    /// It knows now.
    Told(u16),
    /// It does not want to know, or to hear it elsewhere [BCL §2.8].
    Refused(u16),
    /// It has a bad moment.
    NotNow(u16),
    /// No answer.
    Failed(EgressError),
}

/// The token is all that is sent.
pub async fn tell(egress: &Egress, uri: Url, token: &Secret<String>) -> Verdict {
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token.expose()).finish();
    let outgoing = Outgoing::post(uri, "application/x-www-form-urlencoded", form);
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
