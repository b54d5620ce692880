//! The way of traces to their collector. Its address is the operator's own, so it may be private, and
//! the guard of [`super::egress`] would be in the way. Nothing else goes here.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// Of one export, from the connection to the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The exporter has a thread of its own, and our connections live in the runtime.
pub struct Collector {
    client: reqwest::Client,
    runtime: Handle,
}

impl Collector {
    /// For the runtime that this is called in. `None`: the client cannot be built.
    pub fn new() -> Option<Self> {
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let tls = super::egress::tls(&[]).ok()?;
        let client = builder.tls_backend_preconfigured(tls).timeout(PATIENCE).build().ok()?;
        Some(Self { client, runtime: Handle::try_current().ok()? })
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        // A collector says nothing that is of use to us, besides its status.
        let sent = async move { client.execute(request).await.map(|answer| answer.status()) };
        let status = self.runtime.spawn(sent).await??;
        Ok(http::Response::builder().status(status).body(Bytes::new())?)
    }
}
