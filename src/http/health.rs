//! `/health/live` and `/health/ready`, on a listener of their own: a load balancer asks, the world
//! does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Endpoint, EndpointExt as _, IntoEndpoint, Response, Route, get, handler};
use serde_json::json;

use crate::usecase::readiness::Readiness;

/// Set when the server begins to stop: it still answers, and wants no new work.
#[derive(Clone, Debug, Default)]
pub struct Draining(pub Arc<AtomicBool>);

pub fn routes(
    readiness: Arc<Readiness>,
    draining: Draining,
) -> impl IntoEndpoint<Endpoint = impl Endpoint<Output = Response>> {
    Route::new()
        .at("/health/live", get(live))
        .at("/health/ready", get(ready))
        .data(readiness)
        .data(draining)
        .map_to_response()
}

/// The process answers. That a dependency is away is no reason to restart it.
#[handler]
fn live() -> Response {
    answer(StatusCode::OK, &json!({ "status": "live" }))
}

#[handler]
async fn ready(Data(readiness): Data<&Arc<Readiness>>, Data(Draining(draining)): Data<&Draining>) -> Response {
    if draining.load(Ordering::Relaxed) {
        return answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "stopping" }));
    }
    let state = readiness.check().await;
    let word = |up: bool| if up { "up" } else { "down" };
    let body = json!({
        "status": if state.database && state.ephemeral { "ready" } else { "not ready" },
        "database": word(state.database),
        "ephemeral": word(state.ephemeral),
    });
    let status = if state.database && state.ephemeral { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &body)
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}
