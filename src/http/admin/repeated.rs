//! `Idempotency-Key`: a POST that comes again has one effect, and its answer again.

use poem::http::{HeaderName, StatusCode, header};
use poem::{Endpoint, IntoResponse as _, Request, Response};

use crate::http::admin::problem::Worded;
use crate::http::admin::reply::Refused;
use crate::http::body::{ADMIN_LIMIT, read};
use crate::protocol::admin_error::AdminErrorCode;
use crate::usecase::admin::idempotency::{Answer, Idempotency, Turn};
use crate::usecase::admin::{AdminError, Administrator};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What of an answer belongs to it; the rest is added to each.
const KEPT: [HeaderName; 4] = [header::CONTENT_TYPE, header::CACHE_CONTROL, header::ETAG, header::LOCATION];

/// The one key, if there is one.
pub(super) fn key(http: &Request) -> Result<Option<Vec<u8>>, Refused> {
    let mut keys = http.headers().get_all(KEY).iter();
    let refuse = |why: &'static str| Err(AdminError::because(AdminErrorCode::InvalidRequest, why).into());
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => refuse("There is more than one Idempotency-Key."),
        (Some(key), None) if (1..=255).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic) => {
            Ok(Some(key.as_bytes().to_vec()))
        }
        (Some(_), None) => refuse("An Idempotency-Key has 1 to 255 visible characters."),
    }
}

pub(super) async fn once<E: Endpoint>(
    idempotency: &Idempotency,
    by: &Administrator,
    key: &[u8],
    request: Request,
    inner: &E,
) -> poem::Result<Response> {
    let (mut request, mut body) = request.split();
    let body = read(&request, &mut body, ADMIN_LIMIT).await?;
    let asked = request.original_uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    // With other rights it is another request: an answer is not shown to a token that could not have
    // asked for it.
    let rights = by.permissions.text();
    let whole: [&[u8]; 4] = [b"POST", rights.as_bytes(), asked.as_bytes(), &body];
    let begun = match idempotency.begin(&by.actor, key, &whole).await.map_err(Refused::from)? {
        Turn::First(begun) => begun,
        Turn::Again(answer) => return Ok(response(answer)),
    };
    request.set_body(body);
    match inner.call(request).await {
        Ok(answer) => {
            let (parts, body) = answer.into_response().into_parts();
            let body = body.into_vec().await.map_err(poem::error::InternalServerError)?;
            let kept = KEPT.iter().filter_map(|name| {
                let value = parts.headers.get(name)?.to_str().ok()?;
                Some((name.as_str().to_owned(), value.to_owned()))
            });
            let answer = Answer { status: parts.status.as_u16(), headers: kept.collect(), body };
            if let Err(error) = idempotency.answered(&begun, &answer).await {
                // It was done. Whoever asks again is told that nobody knows.
                tracing::warn!(%error, "an answer was not written down");
            }
            Ok(response(answer))
        }
        Err(error) => {
            // After a failure of ours nobody knows what was done.
            if !Worded::of(&error).status.is_server_error()
                && let Err(error) = idempotency.refused(&begun).await
            {
                tracing::warn!(%error, "an idempotency key was not given back");
            }
            Err(error)
        }
    }
}

fn response(answer: Answer) -> Response {
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(answer.body)
}
