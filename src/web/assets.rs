//! The style sheets and the scripts, embedded in the binary. All pages have them from `/assets`, under an
//! address that changes with their content: a browser asks once, and never for an old one.

use std::fmt::Write as _;
use std::sync::LazyLock;

use poem::error::MethodNotAllowedError;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use rust_embed::RustEmbed;

use super::page::tag;
use crate::secret::sha256;

#[derive(RustEmbed)]
#[folder = "src/web/assets"]
struct Files;

/// Where the pages find a file: below the path of the issuer.
///
/// The digest is that of all files, so that a script finds the others beside itself.
pub(super) fn path(name: &str) -> String {
    format!("/assets/{}/{name}", digest())
}

/// Answers what is below `/assets`, and hands on everything else.
pub struct Assets<E>(pub E);

impl<E: Endpoint> Endpoint for Assets<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let Some(rest) = request.uri().path().strip_prefix("/assets/") else {
            return self.0.call(request).await.map(IntoResponse::into_response);
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(MethodNotAllowedError.into());
        }
        let found = rest.split_once('/').and_then(|(digest, name)| asset(&request, digest, name));
        found.ok_or_else(|| StatusCode::NOT_FOUND.into())
    }
}

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// `None`: there is no such file.
fn asset(request: &Request, asked: &str, name: &str) -> Option<Response> {
    let kind = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let file = Files::get(name)?;
    let its_own = file.metadata.sha256_hash();
    let mut answer = Response::builder().header(header::CONTENT_TYPE, kind).body(file.data.into_owned());
    tag(request, &mut answer, &its_own);
    // While nodes are upgraded, a page of one asks another that has other files. It gets those, but does
    // not keep them.
    if asked == digest() {
        answer.headers_mut().insert(header::CACHE_CONTROL, IMMUTABLE);
    }
    Some(answer)
}

fn digest() -> String {
    static ONCE: LazyLock<String> = LazyLock::new(computed);
    // In a debug build the files are read from the source tree each time: who works on them sees the change.
    if cfg!(debug_assertions) { computed() } else { ONCE.clone() }
}

fn computed() -> String {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    let mut all = Vec::new();
    for (name, file) in names.iter().filter_map(|name| Some((name, Files::get(name)?))) {
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(&file.metadata.sha256_hash());
    }
    sha256(&all).iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
