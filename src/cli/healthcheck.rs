//! `nod healthcheck`: whether the server beside it is ready, for containers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;

use crate::cli::Settings;
use crate::cli::exchange::{Http, send};
use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::config::{Given, Reading};

/// Whether the server on this machine is ready: 0 yes, 1 no, 4 nobody answers
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod healthcheck
  nod healthcheck --url http://127.0.0.1:9090
  HEALTHCHECK --interval=5s --timeout=3s CMD [\"nod\", \"healthcheck\"]")]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// The listener for operations [default: listen.ops of the configuration]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Exit> {
    let base = match &arguments.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", ops(arguments)?),
    };
    let answer = send(Http::plain()?.get(&format!("{base}/health/ready")), Duration::from_secs(3)).await;
    let answer = answer.map_err(|error| Exit::unreachable(format!("{base}: {error}")))?;
    let state: serde_json::Value = answer.json().unwrap_or_default();
    let text = state.get("status").and_then(serde_json::Value::as_str).unwrap_or("no answer that is understood");
    if answer.status == 200 {
        say(text);
        return Ok(());
    }
    let down = ["database", "ephemeral"].into_iter().filter(|part| state.get(part).is_some_and(|up| up == "down"));
    let down: Vec<_> = down.map(|part| format!("{part} down")).collect();
    Err(Exit::failed([vec![text.to_owned()], down].concat().join(", ")))
}

/// Only this one setting counts: that a secret cannot be read here says nothing about the server.
fn ops(arguments: &Arguments) -> Result<SocketAddr, Exit> {
    let reading = Reading::new(&arguments.settings.sources());
    let given = reading.values.entry("listen.ops").map(|entry| &entry.given);
    let address = match given {
        Some(Given::Text(text)) => text.parse::<SocketAddr>().ok(),
        Some(Given::Secret(_) | Given::Number(_) | Given::Switch(_) | Given::List(_)) | None => None,
    };
    let mut address = address.ok_or_else(|| Exit::config("listen.ops is no address"))?;
    if address.ip().is_unspecified() {
        let here = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
        address.set_ip(here);
    }
    Ok(address)
}
