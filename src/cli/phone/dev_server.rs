//! What a person would do with their own hands and eyes, and a dev server does for a script.

use nod_device::{Issuer, NotificationId, PairingKey};
use serde::Deserialize;
use url::form_urlencoded;

use crate::cli::exchange::{Http, PROMPT, Unanswered, send};
use crate::cli::exit::{Exit, Why};

#[derive(Debug)]
pub(super) struct DevServer {
    issuer: Issuer,
    http: Http,
}

impl DevServer {
    pub(super) fn new(issuer: &Issuer) -> Result<Self, Exit> {
        Ok(Self { issuer: issuer.clone(), http: Http::new(issuer)? })
    }

    /// A pairing key, as an administrator would hand it out.
    pub(super) async fn pairing_key(&self, user: &str) -> Result<PairingKey, Exit> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Created {
            pairing_key: PairingKey,
        }
        let url = self.url("/dev/pairing-keys", &[("user", user)]);
        let answer = send(self.http.post(&url), PROMPT).await.map_err(|error| self.unanswered(&error))?;
        match answer.status {
            201 => answer
                .json::<Created>()
                .map(|created| created.pairing_key)
                .ok_or_else(|| self.failed("its answer holds no pairing key")),
            404 => {
                let message = format!(
                    "{} gives no pairing key for {user}: it is not in dev mode, or has no such user.\n\
                     With a key from an administrator: nod phone --pairing-key-stdin",
                    self.issuer
                );
                Err(Exit::not_found(message))
            }
            status => Err(self.refused(status)),
        }
    }

    /// The number on the relying party's screen, as a person would read it there.
    pub(super) async fn number(&self, user: &str, notification: NotificationId) -> Result<u32, Exit> {
        #[derive(Deserialize)]
        struct Shown {
            number: u32,
        }
        let url = self.url("/dev/number", &[("user", user), ("notification", &notification.to_string())]);
        let answer = send(self.http.get(&url), PROMPT).await.map_err(|error| self.unanswered(&error))?;
        match answer.status {
            200 => answer
                .json::<Shown>()
                .map(|shown| shown.number)
                .ok_or_else(|| self.failed("its answer holds no number")),
            404 => Err(Exit::new(
                Why::NotFound,
                "the number is on the asker's screen, and only a dev server tells it: answer by hand",
            )),
            status => Err(self.refused(status)),
        }
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        format!("{}{path}?{query}", self.issuer)
    }

    fn unanswered(&self, error: &Unanswered) -> Exit {
        match error {
            Unanswered::Unreachable(why) => Exit::unreachable(format!("{} cannot be reached: {why}", self.issuer)),
            Unanswered::TooLong => self.failed("its answer is too long"),
        }
    }

    fn refused(&self, status: u16) -> Exit {
        let exit = if status >= 500 { Why::Unreachable } else { Why::Failed };
        Exit::new(exit, format!("{} answers {status}", self.issuer))
    }

    fn failed(&self, why: &str) -> Exit {
        Exit::failed(format!("{} is not understood: {why}", self.issuer))
    }
}
