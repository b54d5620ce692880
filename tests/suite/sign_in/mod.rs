//! The ordinary sign-in: the authorization endpoint, the flow API, our own pages.

mod attacks;
mod backchannel_logout;
mod flow_api;
mod frontchannel_logout;
mod jarm;
mod oidc_core_3_code;
mod oidc_core_5_5_claims;
mod races;
mod rfc8707_resources;
mod rfc9101_request_objects;
mod rfc9126_pushed_requests;
mod rfc9396_details;
mod rp_initiated_logout;

use crate::world::{Client, Person, World};

/// A relying party, a person with a password, and nobody else.
pub(super) async fn shop_and_alice(world: &World) -> (Client, Person) {
    (world.client("shop").signs_in().refresh().await, world.user("alice").with_password(PASSWORD).await)
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";
