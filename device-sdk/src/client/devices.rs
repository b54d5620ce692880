//! Several servers, one app: an installation at each, for one person or more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;

use super::{DeviceClient, DeviceClientBuilder, PairedState, pair_call};
use crate::error::Error;
use crate::id::NotificationId;
use crate::issuer::Issuer;
use crate::messages::{InstallationInfo, Pairing};
use crate::notification::Notification;
use crate::pairing_link::PairingLink;
use crate::problem::Code;

/// All that an app is on this phone. Cheap to clone; clones share everything.
///
/// Each server has a key of its own here: no two of them can tell that they know the same phone.
#[derive(Clone, Debug, Default)]
pub struct Devices(Arc<Mutex<BTreeMap<String, DeviceClient>>>);

impl Devices {
    /// From what [`Devices::state`] gave. Sends nothing.
    pub fn restore(states: Vec<PairedState>) -> Result<Self, Error> {
        let devices = Self::default();
        for state in states {
            devices.add(DeviceClient::restore(state)?);
        }
        Ok(devices)
    }

    /// What to store: one for each server.
    pub fn state(&self) -> Vec<PairedState> {
        self.all().iter().map(DeviceClient::state).collect()
    }

    /// One that was made elsewhere: with a key of its own, or by an enrollment. It takes the place of another at the
    /// same server, which is given back.
    pub fn add(&self, client: DeviceClient) -> Option<DeviceClient> {
        let issuer = client.issuer().as_str().to_owned();
        self.clients().insert(issuer, client)
    }

    /// Pairs with the server of the link: as one person more where this app is paired there, else as a new installation
    /// that `builder` makes. Store [`Devices::state`] at once.
    pub async fn pair(
        &self,
        builder: DeviceClientBuilder,
        link: &PairingLink,
        installation: &InstallationInfo,
    ) -> Result<(DeviceClient, Pairing), Error> {
        if let Some(known) = self.at(&link.issuer) {
            let call = pair_call(&link.key, installation);
            let pairing = known.connection.ask::<Pairing>(call).await?;
            // A server that had taken everybody off this phone knows the same key by another name from now on.
            let client = if pairing.installation_id == known.installation_id {
                known.join(&pairing)?;
                known
            } else {
                DeviceClient::first(known.connection, &pairing)
            };
            self.add(client.clone());
            return Ok((client, pairing));
        }
        let (client, pairing) = builder.pair(link.issuer.as_str(), &link.key, installation).await?;
        self.add(client.clone());
        Ok((client, pairing))
    }

    pub fn at(&self, issuer: &Issuer) -> Option<DeviceClient> {
        self.clients().get(issuer.as_str()).cloned()
    }

    /// In the order of the issuers' names.
    pub fn all(&self) -> Vec<DeviceClient> {
        self.clients().values().cloned().collect()
    }

    /// Open questions of all servers. One that cannot be asked hides nothing of the others.
    pub async fn pending(&self) -> Vec<(DeviceClient, Result<Vec<Notification>, Error>)> {
        join_all(self.all().into_iter().map(async |client: DeviceClient| {
            let pending = client.pending().await;
            (client, pending)
        }))
        .await
    }

    /// The question that a push is about: a push names nobody, so each server is asked. Nothing when all have answered
    /// and none knows it; an error when one that did not answer may have it.
    pub async fn find(&self, id: NotificationId) -> Result<Option<(DeviceClient, Notification)>, Error> {
        let answers = join_all(self.all().into_iter().map(async |client: DeviceClient| {
            let found = client.notification(id).await;
            (client, found)
        }));
        let mut unsure = None;
        for (client, found) in answers.await {
            match found {
                Ok(notification) => return Ok(Some((client, notification))),
                Err(error) => match error.refusal() {
                    Some(Code::NotificationNotFound | Code::DeviceUnknown) => {}
                    Some(_) | None => unsure = Some(error),
                },
            }
        }
        unsure.map_or(Ok(None), Err)
    }

    /// Takes everybody off this phone at one server, and forgets that server.
    pub async fn unpair(&self, issuer: &Issuer) -> Result<(), Error> {
        if let Some(client) = self.at(issuer) {
            client.unpair().await?;
            self.clients().remove(issuer.as_str());
        }
        Ok(())
    }

    fn clients(&self) -> MutexGuard<'_, BTreeMap<String, DeviceClient>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
