//! `nod device`: the devices of people.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::{safe, say};
use crate::cli::user::find;
use crate::domain::audit;
use crate::domain::device::Status;
use crate::protocol::id::DeviceId;
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::Devices;

#[derive(Subcommand)]
pub(super) enum Action {
    /// The devices of a person, primary first
    List {
        username: String,
    },
    /// The device is neither asked nor believed until it is unblocked
    Block {
        device: DeviceId,
    },
    Unblock {
        device: DeviceId,
    },
    /// Ends the trust in a device
    Unpair {
        device: DeviceId,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let devices = Devices::new(opened.database.clone(), Arc::clone(&opened.directory));
    let gone = || Exit::not_found("there is no such device");
    match action {
        Action::List { username } => {
            let user = find(&opened, &username).await?;
            for (device, installation) in opened.directory.devices_of(&user.id).await?.iter() {
                let role = if device.is_primary() { "primary" } else { "trusted" };
                let status = match device.status {
                    Status::Active => "active",
                    Status::Blocked => "blocked",
                };
                let name = installation.about.name.as_deref().unwrap_or("-");
                say(&format!("{}  {role}  {status:<7}  paired {}  {}", device.id, device.paired_at, safe(name)));
            }
        }
        Action::Block { device } => {
            let event = opened.event(audit::Action::DeviceBlocked).device(device);
            let device = devices.set_status(device, Status::Blocked, &event).await?.ok_or_else(gone)?;
            DeviceBell::new(opened.ephemeral().await?).ring(&device.installation).await;
            say(&format!("{}  blocked", device.id));
        }
        Action::Unblock { device } => {
            let event = opened.event(audit::Action::DeviceUnblocked).device(device);
            let device = devices.set_status(device, Status::Active, &event).await?.ok_or_else(gone)?;
            DeviceBell::new(opened.ephemeral().await?).ring(&device.installation).await;
            say(&format!("{}  active", device.id));
        }
        Action::Unpair { device } => {
            let event = opened.event(audit::Action::DeviceUnpaired).device(device);
            let unpaired = devices.unpair(device, &event).await?.ok_or_else(gone)?;
            DeviceBell::new(opened.ephemeral().await?).ring(&unpaired.device.installation).await;
            say(&format!("{}  unpaired", unpaired.device.id));
        }
    }
    Ok(())
}
