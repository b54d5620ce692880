//! Security profiles: what each demands of a client, whether the client is held to it by itself or by the server,
//! and whenever that was said.

mod administration;
mod authorization;
mod ciba;
mod direct;
mod metadata;
mod registration;

use nod::domain::profile::Profile;

use crate::world::{Builder, Client, World};

const FAPI2: [Profile; 2] = [Profile::Fapi2Security, Profile::Fapi2MessageSigning];
const FAPI: [Profile; 3] = [Profile::Fapi2Security, Profile::Fapi2MessageSigning, Profile::FapiCiba];

/// Who holds a client to a profile. It is registered in the same way in any case, before or without a look.
#[derive(Clone, Copy, Debug)]
enum Held {
    ByServer,
    ByItself,
}

impl Held {
    const WAYS: [Self; 2] = [Self::ByServer, Self::ByItself];

    fn world(self, profile: Profile) -> Builder {
        World::with().settings(move |settings| {
            if let Self::ByServer = self {
                settings.profiles.server = Some(profile);
            }
        })
    }

    async fn to(self, client: &Client, profile: Profile) {
        if let Self::ByItself = self {
            client.update(move |client| client.security_profile = Some(profile)).await;
        }
    }
}
