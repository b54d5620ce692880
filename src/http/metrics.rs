//! `/metrics`, beside the health checks: an operator's systems ask, the world does not.

use std::sync::Arc;

use poem::web::Data;
use poem::{Endpoint, EndpointExt as _, IntoEndpoint, Response, get, handler};

use crate::usecase::measure::Measure;

/// `OpenMetrics` 1.0, which Prometheus reads since 2.5.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub fn endpoint(measure: Arc<Measure>) -> impl IntoEndpoint<Endpoint = impl Endpoint<Output = Response>> {
    get(metrics).data(measure).map_to_response()
}

#[handler]
async fn metrics(Data(measure): Data<&Arc<Measure>>) -> Response {
    Response::builder().content_type(TEXT).body(measure.text().await)
}
