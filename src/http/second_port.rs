//! The port where client certificates are asked for [RFC 8705 §5]. A browser would ask its person for one, so nothing
//! is there that a browser opens. Administrators are clients whose tokens may be bound to a certificate; for who shows
//! none, the admin API is not here: it may have been closed to the world at the other port.

use http::StatusCode;
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::http::admin;
use crate::http::client_authentication::certificate;
use crate::http::discovery::{DIRECT, path};
use crate::http::error::Family;

/// Hands on what clients call directly, and what they read before.
pub struct SecondPort<E>(pub E);

impl<E: Endpoint> Endpoint for SecondPort<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let wanted = request.uri().path();
        let documents = [path::DISCOVERY, path::AUTHORIZATION_SERVER, path::JWKS];
        let shows = certificate(&request).is_some();
        let administers = shows && wanted.starts_with(admin::PREFIX);
        if administers || documents.contains(&wanted) || DIRECT.iter().any(|(_, path)| *path == wanted) {
            // In a box, as between the layers below.
            return Box::pin(self.0.call(request)).await.map(IntoResponse::into_response);
        }
        Ok(Family::of(wanted).unreached(
            StatusCode::NOT_FOUND,
            "At this port are the addresses of mtls_endpoint_aliases, and the admin API for who shows a certificate.",
        ))
    }
}
