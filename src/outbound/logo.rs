//! The picture of a client [RFC 7591 §2].

use bytes::Bytes;

use super::document::{self, DocumentError};
use super::egress::Egress;

const MOST: usize = 64 * 1024;

const KINDS: &str = "image/png, image/jpeg, image/gif, image/webp";

#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("none of the kinds of pictures that are shown")]
    Kind,
}

#[derive(Debug)]
pub struct Picture {
    /// Its media type.
    pub kind: &'static str,
    pub bytes: Bytes,
}

/// The picture that is there.
pub async fn fetch(egress: &Egress, uri: &str) -> Result<Picture, LogoError> {
    let document = document::fetch(egress, uri, KINDS, MOST).await?;
    let kind = kind(&document.body).ok_or(LogoError::Kind)?;
    Ok(Picture { kind, bytes: document.body })
}

/// By how it begins, whatever its server says. No SVG: that is a document, which may have scripts in it.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    if begins(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if begins(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        Some("image/gif")
    } else if begins(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
        Some("image/webp")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_how_it_begins() {
        let known: [(&[u8], Option<&str>); 9] = [
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x01\x02\x03\x04WAVEfmt ", None),
            (b"RIFF", None),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
            (b"<!doctype html>", None),
            (b"", None),
        ];
        for (bytes, expected) in known {
            assert_eq!(kind(bytes), expected, "{bytes:?}");
        }
    }
}
