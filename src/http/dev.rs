//! What dev mode adds: a first page, and what a person would see or do with their own eyes and
//! hands. None of it exists in `nod serve`.

use std::sync::Arc;

use poem::http::{StatusCode, header};
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

/// Where a browser lands that was sent to the address on the start screen.
#[handler]
pub(crate) fn first_page(Data(issuer): Data<&Arc<str>>) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>nod · dev mode</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <h1>nod</h1><p>Ask a person, get a yes. This is dev mode: loopback only, throw-away data.</p>\
         <ul><li><a href=\"{issuer}/.well-known/openid-configuration\">Discovery</a></li>\
         <li><a href=\"{issuer}/pf/JWKS\">Keys</a></li></ul>\
         <p>In two terminals:</p><pre>nod phone --user alice --auto approve\nnod test ciba --user alice</pre></html>"
    );
    Response::builder().header(header::CONTENT_TYPE, "text/html; charset=utf-8").body(page)
}
