//! A sign-in whose time ran out while its page was open, begun once more [product.md 3.2: the form is kept].
//!
//! Nothing is kept here for it: the form of the page has the request with it, sealed for the browser that it was
//! shown to. Whoever sends it does what they would do at the authorization endpoint with the request as it was.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::client::Client;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::id::{BrowserKey, ClientId, FlowId, UserId};
use crate::protocol::parameters::max_length;
use crate::secret::{Digest, Sealed, sha256};
use crate::usecase::Error;
use crate::usecase::sign_in::authorize::{Authorize, Authorized, Comer};
use crate::usecase::sign_in::{Browser, Seen};

/// A page that was open overnight is one that somebody comes back to. Who comes later has forgotten what it was about.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The field of the form.
pub const FIELD: &str = "again";

#[derive(Serialize, Deserialize)]
struct Kept {
    client: ClientId,
    /// What it is like, and what it is held to.
    registered: [u8; 32],
    request: AuthorizationRequest,
    meant: Option<UserId>,
    until: Timestamp,
}

impl Authorize {
    /// What the form of a page keeps. `None`: it would not help, since nobody comes back to a page of ours.
    pub fn kept(&self, seen: &Seen) -> Option<String> {
        let flow = &seen.flow;
        if flow.device.is_some() || flow.run_by.is_some() || flow.is_redirectless() {
            return None;
        }
        let kept = Kept {
            client: flow.client.clone(),
            registered: self.registered(&seen.client)?,
            request: flow.request.clone(),
            meant: flow.meant,
            until: flow.started_at + KEPT,
        };
        let plain = serde_json::to_vec(&kept).ok()?;
        // Most have some hundred bytes. What no form could bring is not kept.
        let sealed = self.master.seal(&place(&seen.id, &flow.browser), &plain, &self.entropy);
        Some(URL_SAFE_NO_PAD.encode(sealed.as_bytes())).filter(|text| text.len() <= max_length(FIELD))
    }

    /// The sign-in of a form that came too late. `None`: there is nothing to go on from.
    pub async fn anew(
        &self,
        id: &FlowId,
        kept: &str,
        username: &str,
        browser: &Browser,
        from: IpAddr,
    ) -> Result<Option<Authorized>, Error> {
        let now = self.clock.now();
        let Some(Kept { client, registered: before, mut request, meant, until }) = self.opened(id, kept, browser)
        else {
            return Ok(None);
        };
        // Of one that is still there, somebody fetched the answer.
        if now >= until || self.flows.get(&id.digest()).await?.is_some() {
            return Ok(None);
        }
        // What was looked at when the request came holds for the client as it was, and for the rules of then.
        let client = self.known.client(&client).await?.filter(|client| self.registered(client) == Some(before));
        let Some(client) = client else { return Ok(None) };
        if (1..=max_length("login_hint")).contains(&username.len()) {
            request.login_hint = Some(username.to_owned());
        }
        let comer = Comer { browser, cookieless: false, from, payload: None };
        self.begin(&client, request, meant, comer, now).await.map(Some)
    }

    fn registered(&self, client: &Client) -> Option<[u8; 32]> {
        serde_json::to_vec(&(client, self.profiles.server)).ok().map(|text| sha256(&text))
    }

    fn opened(&self, id: &FlowId, kept: &str, browser: &Browser) -> Option<Kept> {
        let key = browser.key.as_ref()?.digest();
        let sealed = Sealed::from_bytes(URL_SAFE_NO_PAD.decode(kept).ok()?);
        let plain = self.master.open(&place(id, &key), &sealed).ok()?;
        serde_json::from_slice(plain.expose()).ok()
    }
}

/// Good for the form of this flow, in this browser.
fn place(id: &FlowId, browser: &Digest<BrowserKey>) -> String {
    format!("flow|anew|{}|{browser}", id.digest())
}
