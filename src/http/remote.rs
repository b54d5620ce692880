//! Who is calling, when proxies of ours stand in between.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::uri::Scheme;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// What limits count: whoever has one IPv6 address has the 2^64 of its network.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The networks of our own reverse proxies. From everybody else forwarding headers mean nothing:
/// anybody can write them.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        contains(&self.0, address)
    }

    /// The client's address: the right-most hop that is not one of our proxies. What stands left of
    /// it was written by that hop, and may be invented. Its port is 0 when it is not the peer.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        if self.0.is_empty() || !self.contains(peer.ip()) {
            return peer;
        }
        let mut client = peer;
        for hop in headers.get_all(FORWARDED_FOR).iter().rev().flat_map(|line| line.as_bytes().rsplit(|b| *b == b',')) {
            // One that cannot be read is not passed over: the proxy that wrote it is the last we know.
            let Some(address) = address(hop) else { break };
            client = SocketAddr::new(address, 0);
            if !self.contains(address) {
                break;
            }
        }
        client
    }

    /// The scheme the client used: what the nearest proxy says, or else what this connection speaks.
    pub fn scheme(&self, peer: IpAddr, headers: &HeaderMap, tls: bool) -> Scheme {
        let trusted = !self.0.is_empty() && self.contains(peer);
        let forwarded = if trusted { headers.get_all(FORWARDED_PROTO).iter().next_back() } else { None };
        match forwarded.map(|said| said.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii())
        {
            Some(said) if said.eq_ignore_ascii_case(b"https") => Scheme::HTTPS,
            Some(said) if said.eq_ignore_ascii_case(b"http") => Scheme::HTTP,
            Some(_) | None if tls => Scheme::HTTPS,
            Some(_) | None => Scheme::HTTP,
        }
    }
}

/// Whose requests are answered though nothing encrypted them on their way.
///
/// A trusted proxy that says `X-Forwarded-Proto: https` has done it: such a request did not come in the clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleartext {
    #[default]
    Everybody,
    /// For an http issuer: what stays on this machine cannot be read on the way.
    ThisMachine,
    Nobody,
}

impl Cleartext {
    pub(super) const fn takes(self, peer: IpAddr) -> bool {
        match self {
            Self::Everybody => true,
            Self::ThisMachine => peer.to_canonical().is_loopback(),
            Self::Nobody => false,
        }
    }
}

pub(super) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// `192.0.2.1`, `2001:db8::1`, and both with a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_the_network_of_an_ipv6_address() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
    }

    fn client(peer: &str, forwarded_for: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded_for {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies().client(SocketAddr::new(peer.parse().unwrap(), 7), &headers).to_string()
    }

    #[test]
    fn headers_of_strangers_mean_nothing() {
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), "192.0.2.1:7");
        assert_eq!(client("192.0.2.1", &["10.0.0.1"]), "192.0.2.1:7");
        assert_eq!(client("::ffff:192.0.2.1", &["10.0.0.1"]), "192.0.2.1:7");
        let none = TrustedProxies::default();
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, "198.51.100.1".parse().unwrap());
        headers.insert(FORWARDED_PROTO, "https".parse().unwrap());
        assert_eq!(none.client("127.0.0.1:7".parse().unwrap(), &headers).to_string(), "127.0.0.1:7");
        assert_eq!(none.scheme([127, 0, 0, 1].into(), &headers, false), Scheme::HTTP);
    }

    #[test]
    fn the_client_is_the_right_most_hop_that_is_not_ours() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1:0");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1:0");
        assert_eq!(client("fd00::1", &["6.6.6.6, 198.51.100.1, 10.2.3.4,fd00::2"]), "198.51.100.1:0");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "198.51.100.1", "10.2.3.4"]), "198.51.100.1:0");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:443"]), "[2001:db8::1]:0");
        assert_eq!(client("10.0.0.1", &["198.51.100.1:80"]), "198.51.100.1:0");
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_search() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1:7");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1:7");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, , 10.0.0.2"]), "10.0.0.2:0");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3:0");
    }

    #[test]
    fn the_scheme_is_what_the_nearest_proxy_says() {
        let scheme = |peer: [u8; 4], said: &str, tls| {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_PROTO, said.parse().unwrap());
            proxies().scheme(peer.into(), &headers, tls)
        };
        assert_eq!(scheme([10, 0, 0, 1], "https", false), Scheme::HTTPS);
        assert_eq!(scheme([10, 0, 0, 1], "https, HTTP", true), Scheme::HTTP);
        assert_eq!(scheme([10, 0, 0, 1], "gopher", true), Scheme::HTTPS);
        assert_eq!(scheme([192, 0, 2, 1], "https", false), Scheme::HTTP);
        assert_eq!(scheme([192, 0, 2, 1], "http", true), Scheme::HTTPS);
    }
}
