//! Dev mode's own pages: the shop, the phone and the wire on one page, the inspector, the clock.
//! `nod serve` has none of it.

mod capture;
mod clock;
mod curl;
mod gallery;
mod home;
mod inbox;
mod inspector;
mod live;
mod names;
mod phone;
mod pings;
mod play;
pub mod scenario;
mod shop;
mod sign_in;
mod stage;
mod summary;
mod token;
mod view;
mod why;
mod wire;

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::{Endpoint, EndpointExt as _, Request, Response, Route, get, post};

use tokio::sync::broadcast;

use self::capture::{Captured, Listen};
use self::gallery::Gallery;
use self::pings::Pings;
pub use self::stage::Keep;
use self::stage::Stage;
use self::wire::Wire;
use super::guard::Guarded;
use crate::clock::OffsetClock;
use crate::entropy::Entropy;
use crate::http::headers::Headers;
use crate::usecase::dev::{Dev, DevInbox};
use crate::usecase::signing_keys::KeyRing;
use crate::usecase::told::Told;

/// What the pages are made of.
pub struct Needs {
    pub issuer: String,
    pub clock: Arc<OffsetClock>,
    pub dev: Arc<Dev>,
    pub keys: Arc<KeyRing>,
    pub entropy: Arc<Entropy>,
    pub keep: Keep,
    /// What webhooks and clients are told.
    pub told: broadcast::Receiver<Arc<Told>>,
    /// Where letters go.
    pub inbox: Option<Arc<DevInbox>>,
}

/// What the handlers share.
struct Pages {
    stage: Arc<Stage>,
    wire: Arc<Wire>,
    clock: Arc<OffsetClock>,
    keys: Arc<KeyRing>,
    issuer: String,
    gallery: Gallery,
    inbox: Option<Arc<DevInbox>>,
    pings: Pings,
}

/// The pages around the server, and the work of the shop and the phones, which does not end.
pub fn around(
    public: BoxEndpoint<'static, Response>,
    needs: Needs,
) -> Result<(BoxEndpoint<'static, Response>, impl Future<Output = ()> + Send + 'static), String> {
    let Needs { issuer, clock, dev, keys, entropy, keep, told, inbox } = needs;
    let wire = Arc::new(Wire::new());
    let (stage, work) = Stage::new(&issuer, &wire, &clock, &dev, keep).map_err(|trouble| trouble.to_string())?;
    let time = Arc::<OffsetClock>::clone(&clock);
    let handed = inbox::overhear(Arc::clone(&wire), inbox.as_deref().map(DevInbox::listen));
    let overheard = capture::overhear(Arc::clone(&wire), Arc::<OffsetClock>::clone(&clock), told);
    let work = async move {
        tokio::join!(work, overheard, handed);
    };
    let listen = Arc::new(Listen { wire: Arc::clone(&wire), dev, clock: time, base: issuer.clone() });
    let gallery = Gallery::new(&issuer);
    let pages = Arc::new(Pages { stage, wire, clock, keys, issuer, gallery, inbox, pings: Pings::default() });
    let routes = Route::new()
        .at("/", get(home::home))
        .at("/dev", get(home::to_home))
        .at("/dev/events", get(live::events))
        .at("/dev/shop/requests", post(home::send))
        .at("/dev/shop/cancel", post(home::cancel))
        .at("/dev/phones/:device", post(home::answer))
        .at("/dev/scenarios", get(home::scenarios))
        .at("/dev/scenarios/:name", post(home::play))
        .at("/dev/clock", get(clock::show).post(clock::advance))
        .at("/dev/inbox", get(inbox::show))
        .at("/dev/inbox/ping", post(pings::receive))
        .at("/dev/pages", get(gallery::list))
        .at("/dev/pages/sent", post(gallery::sent))
        .at("/dev/pages/nowhere", get(gallery::nowhere).post(gallery::nowhere))
        .at("/dev/pages/:page/:state", get(gallery::show))
        .at("/dev/wire", get(inspector::wire))
        .at("/dev/wire/clear", post(inspector::clear))
        .at("/dev/wire/messages/:number/replay", post(inspector::replay))
        .at("/dev/wire/:request", get(inspector::of_request))
        .data(pages)
        .with(Headers::new(entropy));
    // What people's scripts call in dev mode is older than the pages, and as much for this machine alone.
    // Who reads `/docs` does not want to see that on the wire.
    let public = Arc::new(public);
    let captured = Captured { inner: Arc::clone(&public), listen };
    Ok((Split { pages: Guarded(routes), older: Guarded(public), public: captured }.boxed(), Box::pin(work)))
}

/// Pages here, everything else as it was.
struct Split<P, O, C> {
    pages: P,
    older: O,
    public: C,
}

impl<P, O, C> Endpoint for Split<P, O, C>
where
    P: Endpoint<Output = Response>,
    O: Endpoint<Output = Response>,
    C: Endpoint<Output = Response>,
{
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match request.uri().path() {
            "/dev/number" | "/dev/pairing-keys" | "/docs" => self.older.call(request).await,
            "/" | "/dev" => self.pages.call(request).await,
            path if path.starts_with("/docs/") || path.starts_with("/assets/") => self.older.call(request).await,
            path if path.starts_with("/dev/") => self.pages.call(request).await,
            _ => self.public.call(request).await,
        }
    }
}
