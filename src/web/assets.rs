//! The style sheet and the scripts, embedded in the binary.

use poem::http::header;
use poem::{Request, Response};
use rust_embed::RustEmbed;

use super::page::tag;

#[derive(RustEmbed)]
#[folder = "src/web/assets"]
struct Assets;

/// `None`: there is no such file.
pub(super) fn asset(request: &Request, name: &str) -> Option<Response> {
    let kind = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let file = Assets::get(name)?;
    let digest = file.metadata.sha256_hash();
    let mut answer = Response::builder().header(header::CONTENT_TYPE, kind).body(file.data.into_owned());
    tag(request, &mut answer, &digest);
    Some(answer)
}
