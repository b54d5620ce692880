//! How a client knows people [OIDCC §8, OIDCR §5].

use std::collections::BTreeSet;

use url::Url;

use super::address::is_callable;
use super::{ClientMetadata, Problems};
use crate::domain::client::{GrantType, SignIn};
use crate::domain::subject::Sector;
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::FieldCode;
use crate::protocol::redirect_uri::RedirectUri;

pub(super) const PUBLIC: &str = "public";
pub(super) const PAIRWISE: &str = "pairwise";

const SECTOR: &str = "/sector_identifier_uri";

impl ClientMetadata {
    /// `None`: by the same subject as everybody. What a sector lists is looked at later: somebody has to be called.
    pub(super) fn sector(
        &self,
        sign_in: Option<&SignIn>,
        grants: &BTreeSet<GrantType>,
        egress: Option<&Egress>,
        problems: &mut Problems,
    ) -> Option<Sector> {
        match self.subject_type.as_deref() {
            Some(PAIRWISE) => {}
            None | Some(PUBLIC) => {
                if self.sector_identifier_uri.is_some() {
                    problems.add(SECTOR, FieldCode::NotAllowed, "Only with the subject_type pairwise.");
                }
                return None;
            }
            Some(_) => {
                problems.add("/subject_type", FieldCode::Invalid, "public or pairwise.");
                return None;
            }
        }
        let keys = self.jwks_uri.as_deref().filter(|_| self.authenticates_with_keys());
        // [CIBA §4] Where nobody comes back, an address is a client's only if its keys are there.
        let keyed = sign_in.is_none() || grants.iter().any(|grant| grant.is_out_of_band());
        if keyed && keys.is_none() {
            let detail = "Pairwise subjects without redirect_uris, with CIBA or devices need private_key_jwt, or self_signed_tls_client_auth, and this.";
            problems.add("/jwks_uri", FieldCode::Required, detail);
            return None;
        }
        let Some(uri) = &self.sector_identifier_uri else {
            let redirects = sign_in.iter().flat_map(|sign_in| &sign_in.redirect_uris).map(RedirectUri::as_str);
            let host = common(redirects.chain(keys.filter(|_| keyed)));
            if host.is_none() {
                let detail = "Needed where redirect_uris, or jwks_uri, are not all https and of one host.";
                problems.add(SECTOR, FieldCode::Required, detail);
            }
            return host.map(|host| Sector { host, uri: None });
        };
        let host = host(uri).filter(|_| is_callable(uri, egress) && (egress.is_some() || uri.starts_with("https://")));
        if host.is_none() {
            let detail = "An https URL of at most 400 characters that leads to a public address.";
            problems.add(SECTOR, FieldCode::Invalid, detail);
        }
        host.map(|host| Sector { host, uri: Some(uri.clone()) })
    }
}

/// [OIDCC §8.1] the host, where they all have one, and it is somebody's.
fn common<'a>(addresses: impl Iterator<Item = &'a str>) -> Option<String> {
    let hosts: Option<BTreeSet<String>> =
        addresses.map(|address| host(address).filter(|_| address.starts_with("https://"))).collect();
    let mut hosts = hosts?.into_iter();
    hosts.next().filter(|_| hosts.next().is_none())
}

fn host(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(str::to_owned)
}
