//! Native applications: apps with our SDK, which people trust on their phones. Each signs people in as one client.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::{ClientId, NativeApplicationId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeApplication {
    pub id: NativeApplicationId,
    /// People see it when they are asked about a device.
    pub name: String,
    /// As which the app signs people in.
    pub client: ClientId,
    /// On Android.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_name: Option<String>,
    /// On Apple's systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    /// With what the links begin that open the app [flows.md D.4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_prefix: Option<String>,
    /// Whether a phone is nobody's device any more when its push service says that the app was taken off it.
    #[serde(default)]
    pub automatic_unpairing: bool,
    pub created_at: Timestamp,
}

impl NativeApplication {
    /// Whether an app calls itself by one of the names that are registered. It proves nothing: anybody can say so.
    pub fn is_called(&self, package: &str) -> bool {
        [&self.package_name, &self.bundle_id].into_iter().flatten().any(|name| name == package)
    }
}
