//! The operations of the `OpenAPI` document, and the few paths that are none of them.

use poem::endpoint::BoxEndpoint;
use poem::{Endpoint, Request, Response, Route};

/// Nested in a router, every call of an operation would be routed twice, and its URI written anew in between.
pub struct Dispatch {
    /// The paths that are no operations: those below `/dev`.
    pub routes: Route,
    pub api: BoxEndpoint<'static>,
}

impl Endpoint for Dispatch {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.uri().path().starts_with("/dev/") {
            return self.routes.call(request).await;
        }
        self.api.call(request).await
    }
}
