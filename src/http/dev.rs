//! What dev mode adds for scripts: what a person would see or do with their own eyes and hands. The
//! pages are in `web/dev/`. None of it exists in `nod serve`.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Query};
use poem::{Endpoint, EndpointExt as _, IntoEndpoint, Response, Route, get, handler, post};
use serde::Deserialize;
use serde_json::json;

use crate::usecase::dev::Dev;

pub fn routes(dev: Arc<Dev>) -> impl IntoEndpoint<Endpoint = impl Endpoint<Output = Response>> {
    Route::new().at("/number", get(number)).at("/pairing-keys", post(pairing_key)).data(dev).map_to_response()
}

#[derive(Deserialize)]
struct Number {
    user: String,
    notification: String,
}

/// The number on the shop's screen, read for a virtual phone.
#[handler]
async fn number(Data(dev): Data<&Arc<Dev>>, Query(query): Query<Number>) -> Response {
    let found = match query.notification.parse() {
        Ok(id) => dev.number(&query.user, id).await,
        Err(_) => Ok(None),
    };
    match found {
        Ok(Some(number)) => answer(StatusCode::OK, &json!({ "number": number })),
        Ok(None) => answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
        Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "temporarily_unavailable" })),
    }
}

#[derive(Deserialize)]
struct ForUser {
    user: String,
}

/// A pairing key, as an administrator would hand it out.
#[handler]
async fn pairing_key(Data(dev): Data<&Arc<Dev>>, Query(query): Query<ForUser>) -> Response {
    match dev.pairing_key(&query.user).await {
        Ok(Some(key)) => answer(StatusCode::CREATED, &json!({ "pairingKey": key.expose() })),
        Ok(None) => answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
        Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "temporarily_unavailable" })),
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}
