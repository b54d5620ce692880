//! The style sheet and the scripts, embedded in the binary.

use poem::http::{StatusCode, header};
use poem::web::Path;
use poem::{Response, handler};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "src/web/assets"]
struct Assets;

#[handler]
pub(super) fn asset(Path(name): Path<String>) -> Response {
    let kind = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some(_) | None => return StatusCode::NOT_FOUND.into(),
    };
    match Assets::get(&name) {
        Some(file) => Response::builder()
            .header(header::CONTENT_TYPE, kind)
            // Asked for anew each time: whoever works on a page sees the change.
            .header(header::CACHE_CONTROL, "no-cache")
            .body(file.data.into_owned()),
        None => StatusCode::NOT_FOUND.into(),
    }
}
