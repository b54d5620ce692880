//! Who may talk to dev mode: programs on this machine, and pages that it served itself. Not other
//! pages in the same browser, be it from elsewhere or through a name that was made to lead here.

use std::net::Ipv4Addr;

use poem::http::uri::Authority;
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, IntoResponse as _, Request, Response};
use serde_json::json;

use crate::http::headers::{SEC_FETCH_SITE, harden};
use crate::web::page;

/// Lets calls through to what only this machine may see.
pub(super) struct Guarded<E>(pub E);

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match refused(&request) {
            Some(why) => {
                let body = json!({ "error": "forbidden", "error_description": why });
                let mut response = page::json(StatusCode::FORBIDDEN, &body);
                harden(response.headers_mut());
                Ok(response)
            }
            None => Ok(self.0.call(request).await?.into_response()),
        }
    }
}

fn refused(request: &Request) -> Option<&'static str> {
    let host = host(request);
    if !host.is_some_and(is_loopback) {
        // A name on the Internet can be made to lead to 127.0.0.1 (DNS rebinding); its pages then
        // count as ours for the browser, except that they name themselves here.
        return Some("Dev mode answers to localhost, 127.0.0.1 and [::1] only.");
    }
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    let foreign = "Dev mode takes this from its own pages only, or from a program on this machine.";
    // `same-site` is foreign too: every port of localhost is the same site.
    if request.headers().get_all(SEC_FETCH_SITE).iter().any(|site| site != "same-origin") {
        return Some(foreign);
    }
    let own = host.map(|host| format!("http://{host}"));
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    origins.any(|origin| Some(origin.as_bytes()) != own.as_deref().map(str::as_bytes)).then_some(foreign)
}

/// The one host that the request names; HTTP/2 has it in the target.
fn host(request: &Request) -> Option<&str> {
    let target = request.original_uri().authority().map(Authority::as_str);
    target.or_else(|| request.header(header::HOST))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // The last colon of a bare IPv6 address parts no port.
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name == "[::1]"
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_few_names() {
        for good in ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8080"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "localhost:",
            "localhost:80x",
            "0.0.0.0",
            "2130706433",
            "user@localhost",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
