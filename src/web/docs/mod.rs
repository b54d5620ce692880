//! `/docs`: what can be called, for people. The pages about operations are made from the document that
//! the server gives at `/openapi.json`, so that the two cannot differ; those about error codes from the
//! codes.

mod command;
mod errors;
mod prose;
mod reference;
mod search;
mod start;

use std::sync::OnceLock;

use askama::Template;
use poem::error::MethodNotAllowedError;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};

use self::reference::{Group, Reference};
use self::search::{Found, Search};
use crate::http::openapi::{Part, Published, Version};
use crate::web::page::{html, public, wants_html};

/// Answers what is below `/docs`, and hands on everything else.
pub struct Docs<E> {
    site: Site,
    inner: E,
}

struct Site {
    openapi: Published,
    issuer: String,
    frame: Frame,
    /// Made when somebody first asks: most servers are never asked.
    reference: OnceLock<Reference>,
}

/// What all pages have around their content.
struct Frame {
    /// The path of the issuer, which a proxy takes off: links begin with it.
    base: String,
    /// There is a demo to go back to.
    dev_mode: bool,
}

impl<E: Endpoint> Docs<E> {
    pub fn new(openapi: Published, issuer: &str, dev_mode: bool, inner: E) -> Self {
        let frame = Frame { base: path_of(issuer).to_owned(), dev_mode };
        Self { site: Site { openapi, issuer: issuer.to_owned(), frame, reference: OnceLock::new() }, inner }
    }
}

impl<E: Endpoint> Endpoint for Docs<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        let Some(rest) = path.strip_prefix("/docs").filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            return self.inner.call(request).await.map(IntoResponse::into_response);
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(MethodNotAllowedError.into());
        }
        match self.site.page(&request, rest) {
            Some(page) => Ok(page),
            None if wants_html(&request) => Ok(html(StatusCode::NOT_FOUND, &MissingPage { frame: &self.site.frame })),
            None => Err(StatusCode::NOT_FOUND.into()),
        }
    }
}

#[derive(Template)]
#[template(path = "docs/overview.html")]
struct OverviewPage<'p> {
    frame: &'p Frame,
    reference: &'p Reference,
    search: Search,
    found: Found<'p>,
}

#[derive(Template)]
#[template(path = "docs/group.html")]
struct GroupPage<'p> {
    frame: &'p Frame,
    reference: &'p Reference,
    group: &'p Group,
}

#[derive(Template)]
#[template(path = "docs/missing.html")]
struct MissingPage<'p> {
    frame: &'p Frame,
}

impl Site {
    /// `rest`: what follows `/docs` in the path.
    fn page(&self, request: &Request, rest: &str) -> Option<Response> {
        let frame = &self.frame;
        match rest {
            "" | "/" => {
                let (reference, search) = (self.reference(), Search::asked(request));
                let found = search.of(reference);
                Some(public(request, &OverviewPage { frame, reference, search, found }))
            }
            "/start" => Some(public(request, &start::page(frame, &self.issuer))),
            "/errors" => Some(public(request, &errors::list(frame))),
            _ => {
                let (kind, name) = rest.strip_prefix('/')?.split_once('/')?;
                match kind {
                    "api" => {
                        let reference = self.reference();
                        let group = reference.group(name)?;
                        Some(public(request, &GroupPage { frame, reference, group }))
                    }
                    "errors" => Some(public(request, &errors::page(frame, name)?)),
                    _ => None,
                }
            }
        }
    }

    fn reference(&self) -> &Reference {
        self.reference.get_or_init(|| {
            let document = self.openapi.text(Part::All, Version::V3_0);
            Reference::of(&serde_json::from_slice(&document).unwrap_or_default(), &self.issuer)
        })
    }
}

/// Nothing, for most issuers.
fn path_of(issuer: &str) -> &str {
    let after_scheme = issuer.split_once("://").map_or("", |(_, rest)| rest);
    after_scheme.find('/').and_then(|slash| after_scheme.get(slash..)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_the_path_of_the_issuer() {
        for (issuer, path) in
            [("https://id.example.com", ""), ("https://id.example.com:8443/nod", "/nod"), ("http://localhost:8080", "")]
        {
            assert_eq!(path_of(issuer), path, "{issuer}");
        }
    }
}
