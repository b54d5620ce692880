//! `nod dev`: everything on localhost, seeded, throw-away.

mod clients;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use nod_device::client::{PairedDevice, PairedState};
use nod_device::messages::PairedUser;
use nod_device::{DeviceKey as _, Issuer, SoftwareKey};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(super) use self::clients::CLIENTS;
use self::clients::{PINGED, client, inbox, is_told_elsewhere, spa, told_at};
use crate::app::{self, App, EphemeralStore, Mail, Parts, Settings, Texts, TextsBy};
use crate::cli::Logging;
use crate::cli::exit::Exit;
use crate::cli::phone::virtual_phone;
use crate::cli::serve::{claim, stopped};
use crate::cli::terminal::print;
use crate::clock::{Clock, OffsetClock, SystemClock};
use crate::config::parse_master_key;
use crate::domain::audit::{Action, Event};
use crate::domain::device::About;
use crate::domain::inbox::Limits;
use crate::domain::profile::Profiles;
use crate::domain::recovery::Means;
use crate::domain::signing_key::Schedule;
use crate::domain::user::{self, User};
use crate::entropy::Entropy;
use crate::http::server::{self, Edge};
use crate::outbound::egress::{Egress, EgressSettings};
use crate::outbound::push::Addresses;
use crate::protocol::id::{ClientId, DeviceId, InstallationId, UserId};
use crate::protocol::phone_number::Reach;
use crate::protocol::trusted_issuers::TrustedIssuers;
use crate::secret::Secret;
use crate::store::sql::Database;
use crate::store::sql::alone::{Alone, BESIDE};
use crate::store::sql::clients::Clients;
use crate::store::sql::devices::{Claimed, Newcomer, Pairing};
use crate::store::sql::people::People;
use crate::telemetry::{self, Detail, Format, Reader};
use crate::usecase::certificates::Certificates;
use crate::usecase::device_trust::read_payload::PayloadRules;
use crate::usecase::hashing::HashSettings;
use crate::usecase::issue::Lifetimes;
use crate::usecase::pairing_keys;
use crate::usecase::register_client::Admission;
use crate::usecase::request_authentication::Policy;
use crate::usecase::sign_in::limit_flows::MostFlows;
use crate::usecase::sign_in::read_request::Rules;
use crate::web::dev::Keep;
use crate::worker::Worker;

#[derive(Args, Clone)]
pub(super) struct Arguments {
    /// The port; the next free one when it is taken
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where the data is
    #[arg(long, value_name = "DIR", default_value = ".nod")]
    data_dir: PathBuf,
    /// Throw the data of earlier runs away first
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    logging: Logging,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { port: 8080, data_dir: PathBuf::from(".nod"), fresh: false, logging: Logging::default() }
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Exit> {
    let started = std::time::Instant::now();
    let data = &arguments.data_dir;
    let _alone = alone(data, arguments.fresh).await?;
    let reused = data.join("dev.db").exists() && !arguments.fresh;
    let master_key = prepare(data, arguments.fresh)?;

    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let (listener, moved) = server::bind_next_free(wanted, 50)
        .await
        .map_err(|error| Exit::failed(format!("cannot listen on {wanted}: {error}")))?;
    let port = listener.local_addr().map_err(|error| Exit::failed(error.to_string()))?.port();
    let issuer = format!("http://localhost:{port}");

    let worker = Worker::default();
    let shutdown = CancellationToken::new();
    let clock = Arc::new(OffsetClock::new(Arc::new(SystemClock)));
    let entropy = Arc::new(Entropy::default());
    let database = Database::connect(&Secret::new(format!("sqlite:{}", data.join("dev.db").display()))).await?;
    database.migrate().await?;
    let settings = settings(&issuer, master_key)?;
    let time: Arc<dyn Clock> = Arc::<OffsetClock>::clone(&clock);
    let app = app::build(settings, database, (time, entropy), &worker, shutdown.clone()).await?;
    seed(&app.parts, &issuer).await?;
    pair_alices_phone(&app.parts, &issuer, data).await?;
    let App { public, ops, parts, flow_api, .. } = app.with_dev_pages(clock, kept(data), &worker)?;
    let offered = parts.bootstrap.offer(&data.join(BOOTSTRAP)).await;
    let offered = offered.map_err(|error| Exit::failed(error.to_string()))?;

    if !arguments.logging.quiet {
        let moved = moved.then_some((arguments.port, port));
        let screen = Screen { issuer: &issuer, data, reused, moved, offered };
        screen.print();
    }
    let public = Arc::new(public);
    let edge = Edge { public: Some(parts.refusals.clone()), flow_api: Some(flow_api), ..Edge::default() };
    // `localhost` means both to most clients; where there is no IPv6, one is enough.
    if let Ok(also) = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await {
        worker.finish(server::serve(also, Arc::clone(&public), edge.clone(), shutdown.clone()));
    }
    worker.finish(server::serve(listener, public, edge, shutdown.clone()));
    drop(ops);
    if !arguments.logging.quiet {
        print(&format!("  ready in {:.1} s\n\n", started.elapsed().as_secs_f32()));
    }
    let (format, detail) = (arguments.logging.format(Format::Text), arguments.logging.detail());
    // Somebody looks on: what a poll is told belongs to the story.
    let detail = if detail == Detail::Steps { Detail::Polls } else { detail };
    let log = telemetry::start(format, detail, Reader::Developer);
    stopped().await;
    shutdown.cancel();
    parts.refusals.finish().await;
    drop(parts);
    worker.stop(Duration::from_secs(3)).await;
    drop(log);
    Ok(())
}

/// The token for the first administrator.
const BOOTSTRAP: &str = "bootstrap-token";

/// The folder to ourselves, before anything in it is removed or written: two servers would wake none of
/// each other's devices, and each would give alice's phone its own issuer.
async fn alone(data: &Path, fresh: bool) -> Result<Alone, Exit> {
    let failed = |error: std::io::Error| Exit::failed(format!("{}: {error}", data.display()));
    if fresh && data.exists() && !is_ours(data) {
        return Err(failed(std::io::Error::other("not a folder of dev mode: nothing was removed")));
    }
    fs::create_dir_all(data).map_err(failed)?;
    let database = data.join("dev.db");
    claim(async || Alone::with_file(&database)).await.map_err(failed)?.ok_or_else(|| {
        Exit::conflict(format!(
            "a server already runs on the data in {}\nstop it, or give this one a folder of its own: --data-dir DIR",
            data.display()
        ))
    })
}

/// The folder, its `.gitignore` and the master key, all for the owner alone.
fn prepare(data: &Path, fresh: bool) -> Result<Secret<[u8; 32]>, Exit> {
    let failed = |error: std::io::Error| Exit::failed(format!("{}: {error}", data.display()));
    if fresh {
        forget(data).map_err(failed)?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(data, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    fs::write(data.join(".gitignore"), "*\n").map_err(failed)?;
    let file = data.join("master.key");
    if !file.exists() {
        use base64::Engine as _;
        let key = base64::engine::general_purpose::STANDARD.encode(Entropy::default().bytes::<32>());
        write_private(&file, key.as_bytes()).map_err(failed)?;
    }
    let text = fs::read_to_string(&file).map_err(failed)?;
    parse_master_key(&text).ok_or_else(|| Exit::config(format!("{} is no key; try --fresh", file.display())))
}

/// Whether dev mode made it: the folder may have been named by mistake.
fn is_ours(data: &Path) -> bool {
    fs::read_to_string(data.join(".gitignore")).ok().as_deref() == Some("*\n")
}

/// Removes what dev mode made, and nothing else; nor the lock that we hold.
fn forget(data: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if (name.starts_with("dev.db") && !name.ends_with(BESIDE))
            || name.starts_with("phone-")
            || [BOOTSTRAP, "master.key"].contains(&name.as_str())
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file)?.write_all(bytes)
}

/// Whoever tries things out is told on this machine, in the clear.
pub(super) fn egress() -> EgressSettings {
    EgressSettings {
        allowed_networks: ["127.0.0.0/8", "::1/128"].into_iter().filter_map(|network| network.parse().ok()).collect(),
        plain_http_hosts: ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec(),
        ..EgressSettings::default()
    }
}

pub(super) fn settings(issuer: &str, master_key: Secret<[u8; 32]>) -> Result<Settings, Exit> {
    Ok(Settings {
        issuer: issuer.to_owned(),
        ephemeral: EphemeralStore::Embedded,
        master_key,
        policy: Policy {
            default_expiry: Duration::from_secs(120),
            max_expiry: MAX_EXPIRY,
            interval: 2,
            uniform: false,
            // Somebody who tries things out asks often.
            limits: Limits { per_user: 20, per_client_and_user: 20 },
        },
        hold: Duration::from_secs(25),
        lifetimes: Lifetimes {
            access: Duration::from_secs(600),
            id: Duration::from_secs(300),
            refresh_idle: Duration::from_secs(14 * 86_400),
            refresh_absolute: Duration::from_secs(90 * 86_400),
        },
        authorization: Rules { session_management: true, ..Rules::default() },
        profiles: Profiles::default(),
        trusted: TrustedIssuers::default(),
        hint_issuers: TrustedIssuers::default(),
        certificates: Certificates::default(),
        schedule: Schedule::default(),
        max_devices: 5,
        payloads: PayloadRules::default(),
        pairing_key_lifetime: Duration::from_secs(600),
        failed_authentications: 10,
        // Whoever writes a test of their own asks often, and mostly Alice.
        backchannel_requests: 6000,
        questions_per_user: 100_000,
        pushed_requests: 100,
        introspections: 500,
        hashing: HashSettings::default(),
        // Whoever writes a test of their own logs in often, and all from one address.
        password_tries: 1000,
        // Nobody gets a letter from here: they are on a page.
        recoveries: 1000,
        recovery: Means::Both,
        mail: Mail::DevInbox,
        sms: texts(),
        voice: texts(),
        otps: 1000,
        // Whoever tries out a relying party has it register itself.
        registration: Admission::Anybody,
        registrations: 1000,
        flows: MostFlows { begun: 1000, missed: 1000, of_browser: 20 },
        egress: Egress::new(&egress()).map_err(|error| Exit::failed(error.to_string()))?,
        push: Addresses::default(),
        dev_mode: true,
    })
}

/// They stay here, so they may be for anybody.
fn texts() -> Texts {
    Texts { by: TextsBy::DevInbox, reach: Reach::Everywhere, per_day: 1000 }
}

/// Users and clients of dev mode. Other people's scripts rely on these names and secrets, and on passwords
/// that are the names.
async fn seed(parts: &Parts, issuer: &str) -> Result<(), Exit> {
    let now = parts.clock.now();
    let event = |action| Event::new(parts.entropy.ordered_uuid(now), now, action);
    let people = People::new(parts.database.clone(), Arc::clone(&parts.directory));
    for (username, name) in PEOPLE {
        let user = User {
            id: UserId::new(parts.entropy.uuid()),
            username: username.to_owned(),
            name: Some(name.to_owned()),
            email: Some(format!("{username}@example.com")),
            email_verified: true,
            status: user::Status::Active,
            created_at: now,
            updated_at: now,
        };
        people.create(&user, &event(Action::UserCreated)).await?;
        // Whoever was there before may have a password of their own.
        if let Some(user) = parts.directory.user_by_username(username).await? {
            let seeded = parts.set_password.seed(&user, username).await;
            seeded.map_err(|error| Exit::failed(format!("{username} gets no password: {error}")))?;
        }
    }
    let clients = Clients::new(parts.database.clone(), Arc::clone(&parts.directory));
    for (id, name, secret) in CLIENTS {
        if let Some(client) = client(id, name, secret, issuer, now) {
            clients.create(&client, &event(Action::ClientCreated)).await?;
        }
    }
    if let Some(client) = spa(now) {
        clients.create(&client, &event(Action::ClientCreated)).await?;
    }
    // The port may be another one than last time.
    let Some(id) = ClientId::parse(PINGED) else { return Ok(()) };
    let inbox = inbox(issuer);
    if parts.directory.client(&id).await?.is_some_and(|client| is_told_elsewhere(&client, &inbox)) {
        clients.update(&id, &event(Action::ClientUpdated), now, |client| told_at(inbox, client)).await?;
    }
    Ok(())
}

/// The people of dev mode, and what they are called. Their passwords are their user names.
pub(super) const PEOPLE: [(&str, &str); 2] = [("alice", "Alice"), ("bob", "Bob")];

/// How long a question may wait here.
pub(super) const MAX_EXPIRY: Duration = Duration::from_secs(600);

/// Alice has a phone from the start: a virtual one, whose key `nod phone` finds in the data folder.
async fn pair_alices_phone(parts: &Parts, issuer: &str, data: &Path) -> Result<(), Exit> {
    let failed = |why: &str| Exit::failed(format!("alice's phone cannot be paired: {why}"));
    let issuer = Issuer::parse(issuer).map_err(|_| failed("no issuer"))?;
    let file = data.join("phone-alice.json");
    if let Ok(text) = fs::read(&file)
        && let Ok(mut state) = serde_json::from_slice::<PairedState>(&text)
    {
        // The port may be another one than last time.
        state.issuer = issuer;
        return save(&file, &state);
    }
    let alice = parts.directory.user_by_username("alice").await?.ok_or_else(|| failed("there is no alice"))?;
    let now = parts.clock.now();
    let event = |action| Event::new(parts.entropy.ordered_uuid(now), now, action).user(alice.id);
    let until = now + Duration::from_secs(60);
    let created = event(Action::PairingKeyCreated);
    let digest = parts.recognise.digest(&pairing_keys::draw(&parts.entropy));
    parts.devices.create_pairing_key(alice.id, &digest, now, until, &created).await?;

    let key = SoftwareKey::generate().map_err(|_| failed("no key"))?;
    let jwk = key.public_jwk();
    let about = About::from(virtual_phone("Alice's phone"));
    let newcomer = Newcomer {
        application: None,
        jkt: &jwk.thumbprint().to_string(),
        public_jwk: &serde_json::to_string(&jwk).unwrap_or_default(),
        about: &about,
        new_installation: InstallationId::new(parts.entropy.uuid()),
        new_device: DeviceId::new(parts.entropy.uuid()),
        max_devices: 5,
    };
    let claimed = parts
        .devices
        .claim(&digest, &newcomer, now, Event::new(parts.entropy.ordered_uuid(now), now, Action::DevicePaired))
        .await?;
    let Claimed::Paired(paired) = claimed else {
        return Err(failed("she has as many devices as are allowed; try --fresh"));
    };
    let Pairing { user, device, installation } = *paired;
    let phone = PairedDevice {
        device_id: nod_device::DeviceId::new(device.id.uuid()),
        user: PairedUser { user_id: nod_device::UserId::new(user.id.uuid()), username: user.username, name: user.name },
    };
    let state = PairedState {
        issuer,
        installation_id: nod_device::InstallationId::new(installation.id.uuid()),
        users: vec![phone],
        key: Some(key.to_stored()),
    };
    save(&file, &state)
}

/// The phone on the home page is the one that `nod phone` finds, too.
fn kept(data: &Path) -> Keep {
    let (from, to) = (data.join("phone-alice.json"), data.join("phone-alice.json"));
    Keep {
        load: Arc::new(move || serde_json::from_slice(&fs::read(&from).ok()?).ok()),
        save: Box::new(move |state| {
            if let Err(exit) = save(&to, state) {
                tracing::warn!(error = %exit, "the state of alice's phone is not kept");
            }
        }),
    }
}

fn save(file: &Path, state: &PairedState) -> Result<(), Exit> {
    let text = serde_json::to_vec_pretty(state).map_err(|error| Exit::failed(error.to_string()))?;
    write_private(file, &text).map_err(|error| Exit::failed(format!("{}: {error}", file.display())))
}

struct Screen<'a> {
    issuer: &'a str,
    data: &'a Path,
    reused: bool,
    /// The port that was wanted, and the one that was free.
    moved: Option<(u16, u16)>,
    /// Whether there is no administrator yet.
    offered: bool,
}

impl Screen<'_> {
    fn print(&self) {
        let Self { issuer, data, .. } = self;
        let version = env!("CARGO_PKG_VERSION");
        // Only where the defaults of those commands would lead elsewhere.
        let at_issuer = if *issuer == "http://localhost:8080" { String::new() } else { format!(" --issuer {issuer}") };
        let at_data =
            if *data == Path::new(".nod") { String::new() } else { format!(" --data-dir {}", data.display()) };
        let data = data.display();
        let administrator = if self.offered {
            format!("{issuer}/admin/v1/bootstrap with the token in {data}/{BOOTSTRAP}")
        } else {
            format!("{issuer}/admin/v1")
        };
        let mut notes = String::new();
        if let Some((wanted, port)) = self.moved {
            let _ = writeln!(notes, "\n  Port {wanted} is taken, so this is on {port}.");
        }
        if self.reused {
            let _ = writeln!(notes, "\n  Reusing {data} (wipe: nod dev --fresh)");
        }
        // Whoever stopped reading (`nod dev | head`) may still want the server.
        print(&format!(
            "
  nod {version} · DEV MODE · loopback only · data is throw-away            Ctrl-C stops
{notes}
  Open this     {issuer}/           shop, phone and wire on one page
  Inspector     {issuer}/dev/wire   every message; time is moved at /dev/clock
  Inbox         {issuer}/dev/inbox  letters, texts, calls, pushes, pings: all of it stays
  Issuer        {issuer}
  Discovery     {issuer}/.well-known/openid-configuration
  API docs      {issuer}/docs       the first call: /docs/start; for tools: /openapi.json

  Users         alice / alice  phone paired ({data}/phone-alice.json)
                bob   / bob    no phone yet (`nod phone --user bob` pairs one)
  Clients       shop       shop-secret       CIBA poll, number matching; code, device
                shop-ping  shop-ping-secret  the same, CIBA ping → /dev/inbox
                spa        (public, PKCE)    http://localhost:*/callback

  Admin API     {administrator}

  Store         SQLite {data}/dev.db · pending requests in it (same rules as Redis)

  Try           nod phone --user alice --auto approve{at_data}
                nod test ciba --user alice{at_issuer}
                curl -u shop:shop-secret {issuer}/as/bc-auth.ciba \\
                  -d scope=openid -d login_hint=alice -d binding_message=K7Q2

"
        ));
    }
}
