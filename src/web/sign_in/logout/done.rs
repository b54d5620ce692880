//! Signed out here; and in the apps that are told.

use askama::Template;
use poem::Response;

use crate::web::page::Reach;
use crate::web::sign_in::address::Address;
use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Back, responding};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    /// [Front-Channel Logout §2] pages of apps that end their sessions when they are loaded.
    pub frames: Vec<Address>,
    pub back: Option<Back>,
    /// The browser goes back by itself, when the frames have had their time.
    pub leaves: bool,
    /// Those where the person may still be signed in.
    pub untold: Vec<Foreign>,
}

/// In seconds. Without a script, nobody knows when all frames are there.
const FRAMES_HAVE: u32 = 3;

#[derive(Template)]
#[template(path = "sign_in/logout/done.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::SignedOut
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let mut frames: Vec<String> = view.frames.iter().filter_map(Address::source).map(str::to_owned).collect();
    frames.sort();
    frames.dedup();
    responding(&Page { view, around }, None, &Reach { frames, ..Reach::default() })
}
