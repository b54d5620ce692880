//! `nod device`: the devices of people.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::identifier;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::sure::Sure;
use crate::cli::terminal::say;
use crate::cli::user::find;
use crate::domain::device::{Device, Installation, Status};
use crate::protocol::id::DeviceId;
use crate::protocol::public_id::{self, Kind};
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::Devices;
use crate::store::sql::trail::Trail;
use crate::usecase::admin::device_deliveries::{Became, DeliveryFilter, ReadDeliveries};
use crate::usecase::admin::devices::{DeviceFilter, ManageDevices};
use crate::usecase::admin::{Administrator, always};
use crate::usecase::withdraw::WithdrawQuestions;

#[derive(Subcommand)]
pub(super) enum Action {
    /// The devices of a person, primary first; without one, those of everybody, newest first
    #[command(after_long_help = "Examples:\n  nod device list\n  nod device list bob --json | jq -r .id")]
    List {
        /// Whose, by user name
        username: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// The device is neither asked nor believed until it is unblocked
    #[command(after_long_help = "Examples:
  nod device block 0b9f6a4e-6c1d-4e7a-8f00-2b6d3c1a9e55
  nod device block \"$(nod device list bob --json | jq -r .id)\"")]
    Block {
        /// Its id, as `nod device list` has it, or the admin API (dev_...)
        #[arg(value_parser = identifier::device)]
        device: DeviceId,
    },
    /// Ends `block`
    #[command(after_long_help = "Examples:
  nod device unblock 0b9f6a4e-6c1d-4e7a-8f00-2b6d3c1a9e55
  nod device unblock \"$(nod device list bob --json | jq -r .id)\"")]
    Unblock {
        /// Its id, as `nod device list` has it, or the admin API (dev_...)
        #[arg(value_parser = identifier::device)]
        device: DeviceId,
    },
    /// What was pushed to a device, and what became of it: newest first
    #[command(after_long_help = "Examples:
  nod device deliveries 0b9f6a4e-6c1d-4e7a-8f00-2b6d3c1a9e55
  nod device deliveries dev_0123456789abcdefghjkmnpqrs --state failed --json")]
    Deliveries {
        /// Its id, as `nod device list` has it, or the admin API (dev_...)
        #[arg(value_parser = identifier::device)]
        device: DeviceId,
        /// Only those
        #[arg(long, value_parser = state, value_name = "delivered|failed")]
        state: Option<Became>,
        #[command(flatten)]
        format: Format,
    },
    /// Have the server push something to a device that asks nothing
    #[command(after_long_help = "Examples:
  nod device test-push 0b9f6a4e-6c1d-4e7a-8f00-2b6d3c1a9e55
  nod device test-push dev_0123456789abcdefghjkmnpqrs -c nod.toml

What came of it, `nod device deliveries` tells.")]
    TestPush {
        /// Its id, as `nod device list` has it, or the admin API (dev_...)
        #[arg(value_parser = identifier::device)]
        device: DeviceId,
    },
    /// Ends the trust in a device
    #[command(after_long_help = "Examples:
  nod device unpair 0b9f6a4e-6c1d-4e7a-8f00-2b6d3c1a9e55
  nod device unpair --yes \"$(nod device list bob --json | jq -r .id)\"")]
    Unpair {
        /// Its id, as `nod device list` has it, or the admin API (dev_...)
        #[arg(value_parser = identifier::device)]
        device: DeviceId,
        #[command(flatten)]
        sure: Sure,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let devices = Devices::new(opened.database.clone(), Arc::clone(&opened.directory));
    if let Action::List { username, format } = &action {
        if let Some(username) = username {
            let mut listing = Listing::new(&["id", "role", "status", "paired_at", "name"]);
            let user = find(&opened, username).await?;
            for (device, installation) in opened.directory.devices_of(&user.id).await?.iter() {
                listing.row(row(device, installation, &user.username));
            }
            return listing.print(*format);
        }
        return list_all(&opened, &devices, *format).await;
    }
    if let Action::Deliveries { device, state, format } = &action {
        let trail = Arc::new(Trail::new(opened.database.clone()));
        let filter = DeliveryFilter { device: *device, state: *state, since: None };
        return deliveries(&ReadDeliveries { devices, trail }, filter, *format).await;
    }
    let store = opened.ephemeral().await?;
    let desk = opened.desk();
    let (settle, writing) = opened.settle(&store);
    let (clock, entropy) = (Arc::clone(&desk.clock), Arc::clone(&desk.entropy));
    let withdraw = WithdrawQuestions { settle, clock, entropy };
    let manage = ManageDevices { devices, bell: DeviceBell::new(store), withdraw, tell: opened.tell(), desk };
    // With `manage` the last who decides anything goes, and the writer ends.
    tokio::join!(change(action, manage), writing).0
}

async fn change(action: Action, manage: ManageDevices) -> Result<(), Exit> {
    let by = Administrator::command_line();
    match action {
        Action::List { .. } | Action::Deliveries { .. } => {}
        Action::Block { device } => {
            manage.set_status(&by, device, Status::Blocked, &always).await?;
            say(&format!("{device}  blocked"));
        }
        Action::Unblock { device } => {
            manage.set_status(&by, device, Status::Active, &always).await?;
            say(&format!("{device}  active"));
        }
        Action::TestPush { device } => {
            if !manage.test_push(device, &always).await? {
                return Err(Exit::failed(format!("{device} is reached by no push service, or is not to ring")));
            }
            say(&format!("{device}  a test is on its way"));
        }
        Action::Unpair { device, sure } => {
            manage.read(device).await?;
            sure.that(&format!("The trust in the device {device} ends, and it has to be paired anew"))?;
            manage.unpair(&by, device, &always).await?;
            say(&format!("{device}  unpaired"));
        }
    }
    Ok(())
}

/// How many are read in one go.
const PAGE: u32 = 200;

async fn list_all(opened: &Opened, devices: &Devices, format: Format) -> Result<(), Exit> {
    let mut listing = Listing::new(&["id", "user", "role", "status", "paired_at", "name"]);
    let mut after = None;
    loop {
        let found = devices.newest(DeviceFilter { user: None, status: None }, after, PAGE).await?;
        for (device, installation) in &found {
            let user = opened.directory.user(&device.user).await?;
            listing.row(row(device, installation, user.as_ref().map_or("", |user| &user.username)));
        }
        after = found.last().map(|(last, _)| (last.paired_at.millis(), last.id.uuid().as_bytes().to_vec()));
        if found.len() < PAGE as usize {
            return listing.print(format);
        }
    }
}

fn state(text: &str) -> Result<Became, &'static str> {
    Became::parse(text).ok_or("delivered or failed")
}

async fn deliveries(read: &ReadDeliveries, filter: DeliveryFilter, format: Format) -> Result<(), Exit> {
    let mut listing = Listing::new(&["id", "state", "finished_at", "client", "request", "reason"]);
    let mut after = None;
    loop {
        let page = read.list(filter, after, PAGE).await?;
        for push in &page.items {
            listing.row(serde_json::json!({
                "id": public_id::encode(Kind::Event, push.id),
                "state": Became::of(push).as_str(),
                "finished_at": push.at.to_string(),
                "client": push.client,
                "request": push.request,
                "reason": push.reason,
            }));
        }
        after = page.next;
        if after.is_none() {
            return listing.print(format);
        }
    }
}

fn row(device: &Device, installation: &Installation, user: &str) -> serde_json::Value {
    let role = if device.is_primary() { "primary" } else { "trusted" };
    let status = match device.status {
        Status::Active => "active",
        Status::Blocked => "blocked",
    };
    serde_json::json!({
        "id": device.id,
        "user": user,
        "role": role,
        "status": status,
        "paired_at": device.paired_at.to_string(),
        "name": installation.about.name,
    })
}
