//! `nod device`: the devices of people.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::{safe, say};
use crate::cli::user::find;
use crate::domain::device::Status;
use crate::protocol::id::DeviceId;
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::Devices;
use crate::usecase::admin::devices::ManageDevices;
use crate::usecase::admin::{Administrator, always};

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
    if let Action::List { username } = &action {
        let user = find(&opened, username).await?;
        for (device, installation) in opened.directory.devices_of(&user.id).await?.iter() {
            let role = if device.is_primary() { "primary" } else { "trusted" };
            let status = match device.status {
                Status::Active => "active",
                Status::Blocked => "blocked",
            };
            let name = installation.about.name.as_deref().unwrap_or("-");
            say(&format!("{}  {role}  {status:<7}  paired {}  {}", device.id, device.paired_at, safe(name)));
        }
        return Ok(());
    }
    let bell = DeviceBell::new(opened.ephemeral().await?);
    let manage = ManageDevices { devices, bell, desk: opened.desk() };
    let by = Administrator::command_line();
    match action {
        Action::List { .. } => {}
        Action::Block { device } => {
            manage.set_status(&by, device, Status::Blocked).await?;
            say(&format!("{device}  blocked"));
        }
        Action::Unblock { device } => {
            manage.set_status(&by, device, Status::Active).await?;
            say(&format!("{device}  active"));
        }
        Action::Unpair { device } => {
            manage.unpair(&by, device, &always).await?;
            say(&format!("{device}  unpaired"));
        }
    }
    Ok(())
}
