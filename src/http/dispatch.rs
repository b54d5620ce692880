//! The operations of the `OpenAPI` document, and the few paths that are none of them.

use poem::endpoint::BoxEndpoint;
use poem::{Endpoint, Request, Response, Route};

use crate::http::device_authentications::{self, DeviceAuthenticationsApi};

/// Nested in a router, every call of an operation would be routed twice, and its URI written anew in between.
pub struct Dispatch {
    /// The paths that are no operations: those below `/dev`.
    pub routes: Route,
    pub api: BoxEndpoint<'static>,
    pub device_authentications: DeviceAuthenticationsApi,
}

impl Endpoint for Dispatch {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.uri().path().starts_with("/dev/") {
            return self.routes.call(request).await;
        }
        if device_authentications::is_of(request.uri().path()) {
            return self.device_authentications.call(request).await;
        }
        self.api.call(request).await
    }
}
