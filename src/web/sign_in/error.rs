//! What cannot go on: one sentence about what happened, one about what to do.

use std::time::Duration;

use askama::Template;
use poem::Response;
use poem::http::{StatusCode, header};

use super::around::{Around, Titled};
use super::form::{Back, NO_STORE};
use crate::http::headers::retry_after;
use crate::web::page::html;
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub kind: Kind,
    /// The app that somebody was on the way to, when it is known.
    pub client: Option<Foreign>,
    /// What ties this page to the log.
    pub reference: Option<String>,
    /// Only to an address that is known to be the app's.
    pub back: Option<Back>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The app sent something that makes no sense.
    Request,
    /// There is no such client, or it has no such redirect URI.
    UnknownClient,
    ClientDisabled,
    /// This person may not use this app.
    Denied,
    /// Nobody is signed in in this browser.
    SignedOut,
    /// The flow is over, or never was.
    Expired,
    CookiesBlocked,
    /// A form that cannot be told from one of another site.
    CrossSite,
    NotFound,
    TooManyRequests(Duration),
    Unavailable,
    Internal,
}

impl Kind {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Request | Self::UnknownClient | Self::Expired | Self::CookiesBlocked => StatusCode::BAD_REQUEST,
            Self::ClientDisabled | Self::Denied | Self::SignedOut | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn happened(self, client: Option<&Foreign>) -> Message<'_> {
        match (self, client) {
            (Self::Request, Some(client)) => Message::ErrorRequestOf(client.as_str()),
            (Self::Request, None) => Message::ErrorRequest,
            (Self::ClientDisabled, Some(client)) => Message::ErrorClientOff(client.as_str()),
            (Self::UnknownClient, _) | (Self::ClientDisabled, None) => Message::ErrorClient,
            (Self::Denied, _) => Message::ErrorDenied,
            (Self::SignedOut, _) => Message::ErrorSignedOut,
            (Self::Expired, _) => Message::ErrorExpired,
            (Self::CookiesBlocked, _) => Message::ErrorCookies,
            (Self::CrossSite, _) => Message::ErrorForeign,
            (Self::NotFound, _) => Message::ErrorNotFound,
            (Self::TooManyRequests(_), _) => Message::ErrorBusy,
            (Self::Unavailable, _) => Message::ErrorUnavailable,
            (Self::Internal, _) => Message::ErrorInternal,
        }
    }

    const fn to_do(self) -> Message<'static> {
        match self {
            Self::Request => Message::ErrorRequestDo,
            Self::UnknownClient => Message::ErrorClientDo,
            Self::ClientDisabled => Message::ErrorClientOffDo,
            Self::Denied => Message::ErrorDeniedDo,
            Self::SignedOut => Message::ErrorSignedOutDo,
            Self::Expired => Message::ErrorExpiredDo,
            Self::CookiesBlocked => Message::ErrorCookiesDo,
            Self::CrossSite => Message::ErrorForeignDo,
            Self::NotFound => Message::ErrorNotFoundDo,
            Self::TooManyRequests(wait) => Message::ErrorBusyDo(wait),
            Self::Unavailable => Message::ErrorUnavailableDo,
            Self::Internal => Message::ErrorInternalDo,
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/error.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        self.view.kind.happened(self.view.client.as_ref())
    }

    fn is_error(&self) -> bool {
        true
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let mut response = html(view.kind.status(), &Page { view, around });
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    if let Kind::TooManyRequests(wait) = view.kind {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
    }
    response
}
