//! Which addresses are on the public internet, and which lead inside somebody's network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a stranger's URL may lead there: a globally reachable unicast address. Everything in
/// the IANA special-purpose registries [RFC 6890 §2.2] is refused, reachable or not, since none of
/// it is a relying party.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match embedded_v4(ip) {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// The IPv4 address that packets will reach in the end: of `::ffff:0:0/96` [RFC 4291 §2.5.5.2],
/// and of the well-known NAT64 prefix [RFC 6052 §2.1], by which networks without IPv4 reach
/// everybody else.
pub(super) fn embedded_v4(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let nat64 = matches!(v6.segments(), [0x64, 0xff9b, 0, 0, 0, 0, _, _]);
    let octets = v6.octets();
    let (_, last) = octets.split_at(12);
    match <[u8; 4]>::try_from(last) {
        Ok(v4) if nat64 || v6.to_ipv4_mapped().is_some() => IpAddr::V4(v4.into()),
        Ok(_) | Err(_) => ip,
    }
}

#[expect(clippy::unnested_or_patterns, reason = "one line for each kind of address")]
fn is_public_v4(ip: Ipv4Addr) -> bool {
    !matches!(
        ip.octets(),
        // "this network", private, loopback
        [0 | 10 | 127, ..]
            // carrier-grade NAT, 100.64.0.0/10
            | [100, 64..=127, ..]
            // link-local: where clouds keep their metadata
            | [169, 254, ..]
            // private, 172.16.0.0/12
            | [172, 16..=31, ..]
            // IETF assignments, documentation, 6to4 relays, private
            | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..]
            // benchmarking, documentation
            | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _]
            // multicast, reserved, broadcast
            | [224..=255, ..]
    )
}

#[expect(clippy::unnested_or_patterns, reason = "one line for each kind of address")]
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    // All global unicast addresses handed out so far are in 2000::/3. Loopback, unique local,
    // link-local, multicast, IPv4-compatible and local NAT64 addresses are not.
    let unicast = matches!(first, 0x2000..=0x3fff);
    let special = matches!(
        (first, second),
        // IETF assignments 2001::/23, among them Teredo, ORCHID and benchmarking
        (0x2001, 0..=0x1ff)
            // documentation
            | (0x2001, 0xdb8) | (0x3fff, 0..=0xfff)
            // 6to4: an IPv4 address in disguise
            | (0x2002, _)
    );
    unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::808:808",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "64:ff9b:0:1::808:808",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
            "::1:2:3",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_rest_is_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.1",
            "198.51.101.1",
            "203.0.112.1",
            "203.0.114.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db7::1",
            "2003::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
            "3fff:1000::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
