//! Which addresses may be connected to.
//!
//! A name is looked up here, and the connection is made to the very addresses that were judged:
//! a name that gives another address when asked again (DNS rebinding) gains nothing by it.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// IPv4 networks that are not of the open internet (IANA special-purpose registry, RFC 6890).
const SPECIAL_V4: [(Ipv4Addr, u8, &str); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a carrier"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(255, 255, 255, 255), 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// IPv6 networks that deserve their name in a message, and the parts of global unicast
/// (`2000::/3`) that are not of the open internet.
const SPECIAL_V6: [(Ipv6Addr, u8, &str); 12] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "private"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
    // Local-use NAT64 (RFC 8215): what stands behind it is the network's own affair.
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "private"),
    // IETF protocol assignments, Teredo among them (RFC 2928, RFC 4380).
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "discarded"),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, "reserved"),
];

/// Why an address is not of the open internet: `loopback`, `private` and so on. `None` where it
/// is. An IPv6 address that stands for an IPv4 one (mapped, 6to4, NAT64) is judged by that.
///
/// ```
/// use legation_resolver::guard::special;
/// assert_eq!(special("93.184.216.34".parse()?), None);
/// assert_eq!(special("::ffff:10.0.0.1".parse()?), Some("private"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inside) => special_v4(inside),
            None => special_v6(address),
        },
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let within = |network: Ipv4Addr, bits: u8| {
        (address.to_bits() ^ network.to_bits()).leading_zeros() >= u32::from(bits)
    };
    SPECIAL_V4.iter().find(|(network, bits, _)| within(*network, *bits)).map(|(.., kind)| *kind)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let within = |network: Ipv6Addr, bits: u8| {
        (address.to_bits() ^ network.to_bits()).leading_zeros() >= u32::from(bits)
    };
    let named = SPECIAL_V6.iter().find(|(network, bits, _)| within(*network, *bits));
    let global_unicast = within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    // RFC 4291 §2.4: everything else is not (yet) assigned to anybody.
    named.map(|(.., kind)| *kind).or((!global_unicast).then_some("reserved"))
}

/// The IPv4 address that packets to this IPv6 address reach in the end.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // IPv4-mapped (RFC 4291 §2.5.5.2) and NAT64 (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

/// Where connections may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// The open internet.
    Public,
    /// Everywhere.
    Anywhere,
    /// This machine: a name with any other address is refused altogether.
    Loopback,
}

/// A host whose addresses may not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
    pub(crate) kind: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is at {} ({})", self.host, self.address, self.kind)
    }
}

impl core::error::Error for Refused {}

impl Allowed {
    /// Why an address may not be connected to.
    fn forbids(self, address: IpAddr) -> Option<&'static str> {
        match self {
            Self::Public => special(address),
            Self::Anywhere => None,
            Self::Loopback => (!address.to_canonical().is_loopback()).then_some("not loopback"),
        }
    }

    /// Judges a host that is an address itself, which is never looked up.
    pub(crate) fn check_literal(self, address: IpAddr) -> Result<(), Refused> {
        self.forbids(address).map_or(Ok(()), |kind| Err(Refused { host: address.to_string(), address, kind }))
    }

    /// The addresses of a host that may be connected to.
    fn choose(self, host: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let mut refused = None;
        let mut chosen = Vec::new();
        for socket in found {
            match self.forbids(socket.ip()) {
                None => chosen.push(socket),
                Some(kind) => refused = Some(Refused { host: host.to_owned(), address: socket.ip(), kind }),
            }
        }
        match refused {
            // A public name that has a private address besides is used at its public ones.
            Some(refused) if chosen.is_empty() || self == Self::Loopback => Err(refused),
            _ => Ok(chosen),
        }
    }
}

/// Looks names up with the system's resolver, and hands on only what may be connected to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardedLookup(pub(crate) Allowed);

impl Resolve for GuardedLookup {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0;
        Box::pin(async move {
            // Port 0 stands for the port of the URL.
            let found = lookup_host((name.as_str(), 0)).await?;
            let chosen = allowed.choose(name.as_str(), found)?;
            Ok(Box::new(chosen.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_open_internet_are_not_special() {
        for (kind, addresses) in [
            ("unspecified", ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"].as_slice()),
            (
                "loopback",
                &[
                    "127.0.0.1",
                    "127.255.255.254",
                    "::1",
                    "::ffff:127.0.0.1",
                    "64:ff9b::7f00:1",
                    "2002:7f00:1::",
                ],
            ),
            (
                "private",
                &[
                    "10.0.0.1",
                    "10.255.255.255",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.1.1",
                    "fc00::1",
                    "fdff::1",
                    "fec0::1",
                    "::ffff:10.0.0.1",
                    "64:ff9b::a00:1",
                    "64:ff9b:1::1",
                    "2002:a00:1::1",
                    "2002:c0a8:101::",
                ],
            ),
            ("shared by a carrier", &["100.64.0.1", "100.127.255.255", "64:ff9b::6440:1"]),
            (
                "link-local",
                &["169.254.169.254", "fe80::1", "febf::1", "::ffff:169.254.169.254", "2002:a9fe:a9fe::"],
            ),
            (
                "for documentation",
                &["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::1"],
            ),
            ("for benchmarks", &["198.18.0.1", "198.19.255.255"]),
            ("multicast", &["224.0.0.1", "239.255.255.255", "ff02::1", "::ffff:224.0.0.1"]),
            ("broadcast", &["255.255.255.255"]),
            ("discarded", &["100::1"]),
            (
                "reserved",
                &[
                    "192.0.0.8",
                    "192.88.99.1",
                    "240.0.0.1",
                    "255.255.255.254",
                    "::2",
                    "::127.0.0.1",
                    "::ffff:0:127.0.0.1",
                    "64:ff9b:2::1",
                    "1000::1",
                    "2001::1",
                    "2001:0:7f00:1::",
                    "2001:10::1",
                    "2001:1ff::1",
                    "4000::1",
                    "5f00::1",
                    "fe00::1",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(special(address.parse().unwrap()), Some(kind), "{address}");
            }
        }
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "3ffe::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }

    fn choose(allowed: Allowed, addresses: &[&str]) -> Result<usize, &'static str> {
        let found = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0));
        allowed.choose("a.example", found).map(|chosen| chosen.len()).map_err(|refused| refused.kind)
    }

    #[test]
    fn of_a_mixed_lookup_only_what_is_allowed_remains() {
        assert_eq!(choose(Allowed::Public, &["10.0.0.1", "1.1.1.1", "::1"]), Ok(1));
        assert_eq!(choose(Allowed::Public, &["10.0.0.1", "::1"]), Err("loopback"));
        assert_eq!(choose(Allowed::Anywhere, &["10.0.0.1", "::1"]), Ok(2));
        assert_eq!(choose(Allowed::Loopback, &["127.0.0.1", "::1", "::ffff:127.0.0.1"]), Ok(3));
        // A name that claims to be this machine, and is another one as well.
        assert_eq!(choose(Allowed::Loopback, &["127.0.0.1", "10.0.0.1"]), Err("not loopback"));
        assert_eq!(choose(Allowed::Loopback, &["1.1.1.1", "127.0.0.1"]), Err("not loopback"));
    }
}
