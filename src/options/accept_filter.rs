//! One ZMQ_TCP_ACCEPT_FILTER: an address with a prefix length, zmq_setsockopt(3).
//!
//! Parsed when the option is set, asked by the tcp listener for every accepted connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// Addresses that share the first `prefix` bits of `network`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AcceptFilter {
    network: IpAddr,
    prefix: u8,
}

impl AcceptFilter {
    /// Understands `address`, `address/prefix` and `[address]/prefix`. With `ipv6` the network is
    /// always an IPv6 one, an IPv4 address being mapped, since that is how the addresses of
    /// IPv4 peers look on such a socket. libzmq then counts the prefix from the start of the mapped
    /// address, so that `10.0.0.0/8` lets all of IPv4 in. Here 1 to 32 are bits of what was written;
    /// what only makes sense for the mapped address means that.
    pub(crate) fn parse(text: &[u8], ipv6: bool) -> Result<AcceptFilter> {
        // Like C, stop at a NUL.
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        let text = str::from_utf8(text).map_err(|_| Error::INVAL)?;
        let (address, prefix) = match text.rsplit_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network = parse_address(address, ipv6).ok_or(Error::INVAL)?;
        let short = ipv6 && !address.contains(':');
        let full = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => full,
            Some("0") => 0,
            Some(prefix) => leading_number(prefix)
                .and_then(|bits| u8::try_from(bits).ok())
                .filter(|bits| (1..=full).contains(bits))
                .map(|bits| if short && bits <= 32 { bits + 96 } else { bits })
                .ok_or(Error::INVAL)?,
        };
        Ok(AcceptFilter { network, prefix })
    }

    /// Whether a peer may connect. `peer` is the address as the operating system told it: an IPv4
    /// peer of an IPv6 socket is a mapped address.
    pub(crate) fn matches(&self, peer: IpAddr) -> bool {
        let (network, peer, bits) = match (self.network, peer) {
            (IpAddr::V4(network), IpAddr::V4(peer)) => {
                (u128::from(network.to_bits()), u128::from(peer.to_bits()), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(peer)) => (network.to_bits(), peer.to_bits(), 128),
            _ => return false,
        };
        let ignored = bits - u32::from(self.prefix);
        (network ^ peer).checked_shr(ignored).unwrap_or(0) == 0
    }
}

/// A numeric address, in brackets or not; names are not looked up.
fn parse_address(text: &str, ipv6: bool) -> Option<IpAddr> {
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let text = match text.rsplit_once('%') {
        // The zone of a link-local address plays no part when addresses are compared, so an
        // interface is not looked up; a number must not be zero.
        Some((address, zone)) if is_zone(zone) => address,
        Some(_) => return None,
        None => text,
    };
    let address = match parse_ipv4(text) {
        Some(address) => address.to_ipv6_mapped(),
        None => text.parse::<Ipv6Addr>().ok()?,
    };
    if ipv6 { Some(IpAddr::V6(address)) } else { address.to_ipv4_mapped().map(IpAddr::V4) }
}

fn is_zone(zone: &str) -> bool {
    zone.starts_with(|first: char| first.is_ascii_alphabetic())
        || leading_number(zone).is_some_and(|zone| zone != 0)
}

/// An IPv4 address in any form that inet_aton(3) knows: up to four parts, each decimal, octal or
/// hexadecimal, the last one filling all bytes that are left.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut parts = Vec::with_capacity(4);
    for part in text.split('.') {
        if parts.len() == 4 {
            return None;
        }
        parts.push(parse_part(part)?);
    }
    let last = parts.pop()?;
    let mut bits: u32 = 0;
    for (at, &part) in parts.iter().enumerate() {
        bits |= u32::from(u8::try_from(part).ok()?) << (24 - 8 * at);
    }
    let room = 32 - 8 * parts.len();
    if u64::from(last) >> room != 0 {
        return None;
    }
    Some(Ipv4Addr::from_bits(bits | last))
}

fn parse_part(part: &str) -> Option<u32> {
    if !part.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(digits) if digits.starts_with(|first: char| first.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    }
}

/// The number a text begins with, as strtol(3) reads it: blanks and a sign before, anything after.
fn leading_number(text: &str) -> Option<i64> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let value: i64 = digits[..end].parse().ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(filter: &str, ipv6: bool, peer: &str) -> bool {
        AcceptFilter::parse(filter.as_bytes(), ipv6).unwrap().matches(peer.parse().unwrap())
    }

    #[test]
    fn a_prefix_decides() {
        assert!(accepts("127.0.0.1", false, "127.0.0.1"));
        assert!(!accepts("127.0.0.1", false, "127.0.0.2"));
        assert!(accepts("10.1.2.3/8", false, "10.9.9.9"));
        assert!(!accepts("10.1.2.3/8", false, "11.1.2.3"));
        assert!(accepts("10.128.0.0/9", false, "10.255.0.1"));
        assert!(!accepts("10.128.0.0/9", false, "10.127.0.1"));
        assert!(accepts("1.2.3.4/0", false, "250.0.0.1"));
        assert!(accepts("fe80::/10", true, "febf::1"));
        assert!(!accepts("fe80::/10", true, "fec0::1"));
        assert!(accepts("[::1]/128", true, "::1"));
        assert!(accepts("::/0", true, "::ffff:1.2.3.4"));
    }

    #[test]
    fn the_ipv6_option_decides_about_the_family() {
        assert!(accepts("10.0.0.1", true, "::ffff:10.0.0.1"));
        assert!(!accepts("10.0.0.1", true, "10.0.0.1"));
        assert!(!accepts("10.0.0.1", false, "::ffff:10.0.0.1"));
        for (filter, peer, welcome) in [
            ("10.0.0.1/8", "::ffff:10.9.9.9", true),
            ("10.0.0.1/8", "::ffff:99.0.0.1", false),
            ("10.0.0.1/32", "::ffff:10.0.0.2", false),
            ("10.0.0.1/104", "::ffff:10.9.9.9", true),
            ("10.0.0.1/104", "::ffff:99.0.0.1", false),
            ("10.0.0.1/0", "::ffff:99.0.0.1", true),
            ("::ffff:10.0.0.1/8", "::1", true),
        ] {
            assert_eq!(accepts(filter, true, peer), welcome, "{filter} {peer}");
        }
        assert_eq!(AcceptFilter::parse(b"::1", false), Err(Error::INVAL));
    }

    #[test]
    fn addresses_are_numeric_and_prefixes_in_range() {
        for bad in [
            "",
            "/",
            "localhost",
            "eth0",
            "*",
            "127.0.0.1/",
            "127.0.0.1/33",
            "127.0.0.1/-1",
            "127.0.0.1/x",
            "127.0.0.1/00",
            "127.0.0.256",
            "1.2.3.4.5",
            "1..2",
            "08.1.1.1",
            "0x.1.1.1",
            " 127.0.0.1",
            "1.2.3.4%",
            "1.2.3.4%0",
            "1.2.3.4%-",
            "127.0.0.1 ",
            "+1.2.3.4",
            "1.2.3.",
        ] {
            assert_eq!(AcceptFilter::parse(bad.as_bytes(), false), Err(Error::INVAL), "{bad}");
        }
        for (good, same) in [
            ("127.1", "127.0.0.1"),
            ("0x7f.0.0.1", "127.0.0.1"),
            ("0177.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("127.0.0.1\0rest", "127.0.0.1"),
            ("127.0.0.1/ 32bits", "127.0.0.1"),
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("127.0.0.1%eth0", "127.0.0.1"),
            ("127.0.0.1%1", "127.0.0.1"),
        ] {
            assert_eq!(
                AcceptFilter::parse(good.as_bytes(), false),
                AcceptFilter::parse(same.as_bytes(), false)
            );
        }
        assert_eq!(AcceptFilter::parse(b"::1/129", true), Err(Error::INVAL));
        assert_eq!(AcceptFilter::parse(b"\xff", false), Err(Error::INVAL));
    }
}
