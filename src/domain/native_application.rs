//! Native applications: apps with our SDK, which people trust on their phones. Each signs people in as one client.

use std::fmt;

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
    /// The oldest SDK that is believed. An app says its own: that stops old apps, and nobody who lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_sdk_version: Option<SdkVersion>,
    pub created_at: Timestamp,
}

/// A release of an SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SdkVersion([u32; 3]);

impl SdkVersion {
    /// Three numbers, joined by dots.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(number);
        let version = Self([numbers.next()??, numbers.next()??, numbers.next()??]);
        numbers.next().is_none().then_some(version)
    }

    /// Whether what an app says of itself is no older. What came before a release (`1.4.0-rc.1`) is older than it, and
    /// what cannot be read is old [Semantic Versioning 2.0.0 §9-11].
    pub fn is_reached_by(self, said: &str) -> bool {
        let said = said.split_once('+').map_or(said, |(version, _)| version);
        match said.split_once('-') {
            Some((before, _)) => Self::parse(before).is_some_and(|version| version > self),
            None => Self::parse(said).is_some_and(|version| version >= self),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl fmt::Display for SdkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl From<SdkVersion> for String {
    fn from(version: SdkVersion) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for SdkVersion {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a version of an SDK")
    }
}

impl NativeApplication {
    /// Whether an app calls itself by one of the names that are registered. It proves nothing: anybody can say so.
    pub fn is_called(&self, package: &str) -> bool {
        [&self.package_name, &self.bundle_id].into_iter().flatten().any(|name| name == package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_87_versions_are_compared_by_their_numbers() {
        let lowest = SdkVersion::parse("1.4.0").unwrap();
        for good in ["1.4.0", "1.4.1", "1.10.0", "2.0.0", "1.4.1-rc.1", "1.4.0+build.7", "10.0.0"] {
            assert!(lowest.is_reached_by(good), "{good}");
        }
        for old in
            ["1.3.9", "0.9.0", "1.4.0-rc.1", "1.4.0-rc.1+7", "1.4", "", "v1.4.0", "1.4.0.1", "1.04.0", "9", "1.4.x"]
        {
            assert!(!lowest.is_reached_by(old), "{old}");
        }
        for bad in ["1.4", "1.4.0-rc.1", "1.4.0+7", "-1.4.0", "+1.4.0", "1.4.4294967296", " 1.4.0", "1..0", "01.4.0"] {
            assert_eq!(SdkVersion::parse(bad), None, "{bad}");
        }
        assert_eq!(lowest.to_string(), "1.4.0");
    }
}
