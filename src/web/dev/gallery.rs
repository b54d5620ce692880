//! `/dev/pages`: every page of sign-in in each of its states, with nothing behind it. For eyes, and for the
//! browser that looks at all of them.

mod sample;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Request, Response, handler};
use serde_json::json;

use self::sample::Cast;
use super::Pages;
use crate::http::body::RawBody;
use crate::web::page::json;
use crate::web::sign_in::{Around, Site};
use crate::words::{Wishes, Words};

/// A page in one of its states.
struct Sample {
    page: &'static str,
    state: &'static str,
    /// Nothing leads there yet.
    coming: bool,
    render: Box<dyn Fn(&Around<'_>) -> Response + Send + Sync>,
}

/// What a list of samples is made into.
#[derive(Default)]
struct Samples {
    all: Vec<Sample>,
    /// Of those that are added from here on.
    coming: bool,
}

impl Samples {
    /// `states`: each with its name.
    fn add<V: Send + Sync + 'static>(
        &mut self,
        page: &'static str,
        render: fn(&V, &Around<'_>) -> Response,
        states: impl IntoIterator<Item = (&'static str, V)>,
    ) {
        for (state, view) in states {
            let render = Box::new(move |around: &Around<'_>| render(&view, around));
            self.all.push(Sample { page, state, coming: self.coming, render });
        }
    }
}

pub(super) struct Gallery {
    samples: Samples,
    words: Words,
    site: Site,
}

impl Gallery {
    pub(super) fn new(issuer: &str) -> Self {
        let link = || Some("/docs".to_owned());
        let site = Site {
            brand: "Nod".to_owned(),
            logo: None,
            base: String::new(),
            help: link(),
            privacy: link(),
            terms: link(),
        };
        Self { samples: sample::all(&Cast::friendly(issuer)), words: Words::new(&[]), site }
    }
}

impl Sample {
    fn address(&self) -> String {
        format!("/dev/pages/{}/{}", self.page, self.state)
    }
}

/// What there is, by page; and what of it no real page shows yet.
#[handler]
pub(super) fn list(Data(pages): Data<&Arc<Pages>>) -> Response {
    let all = &pages.gallery.samples.all;
    let listed = all.iter().map(Sample::address);
    let coming = all.iter().filter(|sample| sample.coming).map(Sample::address);
    json(StatusCode::OK, &json!({ "pages": listed.collect::<Vec<_>>(), "coming": coming.collect::<Vec<_>>() }))
}

#[handler]
pub(super) fn show(
    Data(pages): Data<&Arc<Pages>>,
    request: &Request,
    Path((page, state)): Path<(String, String)>,
) -> Response {
    let gallery = &pages.gallery;
    let Some(sample) = gallery.samples.all.iter().find(|sample| sample.page == page && sample.state == state) else {
        return json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }));
    };
    let query = request.uri().query().unwrap_or_default();
    let asked =
        url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "locale" || name == "ui_locales");
    let asked = asked.map(|(_, value)| value);
    let wishes = Wishes { ui_locales: asked.as_deref(), ..Wishes::default() };
    let here = format!("/dev/pages/{page}/{state}");
    let around =
        Around { site: &gallery.site, words: &gallery.words, locale: gallery.words.choose(&wishes), here: Some(&here) };
    (sample.render)(&around)
}

/// What a form of the gallery sends.
#[handler]
pub(super) fn sent(RawBody(body): RawBody) -> Response {
    let fields = url::form_urlencoded::parse(&body);
    let fields: Vec<_> = fields.map(|(name, value)| json!([name, value])).collect();
    json(StatusCode::OK, &json!({ "sent": fields }))
}

/// Where the links and forms lead that leave our pages: a browser stays where it is.
#[handler]
pub(super) fn nowhere() -> Response {
    StatusCode::NO_CONTENT.into()
}
