//! What one listener allows.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;

use crate::http::call_time::BODY_DEADLINE;

/// What one listener allows. The defaults are meant for the open Internet.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request line with its header fields.
    pub head_bytes: usize,
    pub head_fields: usize,
    /// Bytes of a request target.
    pub target: usize,
    /// How long a head may take, from its first byte; on a new connection, from its beginning.
    pub head: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// How long a handler may take, on top of the body, unless it asks for more ([`crate::http::server::CallTime::extend`]).
    pub handler: Duration,
    pub tls_handshake: Duration,
    /// How long a connection is kept between requests.
    pub idle: Duration,
    /// How long a client may take nothing of what we send.
    pub stalled: Duration,
    /// How long what runs at the shutdown may take to end.
    pub drain: Duration,
    pub connections: usize,
    /// Connections from one IPv4 address or one IPv6 /64.
    pub connections_per_peer: usize,
    /// Peers that `connections_per_peer` does not count, besides the trusted proxies.
    pub uncounted: Vec<IpNet>,
    /// Concurrent HTTP/2 streams of one connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            head_bytes: 16 * 1024,
            head_fields: 64,
            target: 8 * 1024,
            head: seconds(5),
            body: BODY_DEADLINE,
            handler: seconds(10),
            tls_handshake: seconds(10),
            idle: seconds(60),
            stalled: seconds(30),
            drain: seconds(10),
            connections: 10_000,
            connections_per_peer: 50,
            uncounted: [([127, 0, 0, 0].into(), 8), (Ipv6Addr::LOCALHOST.into(), 128)]
                .into_iter()
                .filter_map(|(address, length): (IpAddr, u8)| IpNet::new(address, length).ok())
                .collect(),
            streams: 100,
        }
    }
}
