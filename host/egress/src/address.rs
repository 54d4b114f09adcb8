//! Which addresses may be reached.
//!
//! An address is public, or it has a [`Class`] and is refused unless a network of the operator contains it. IPv6
//! addresses that carry an IPv4 address (mapped, compatible, 6to4, Teredo, NAT64, ISATAP) are judged by that one.
//! Sources: the special-purpose address registries of IANA (RFC 6890 and its successors) and the documented addresses
//! of the clouds' metadata services.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Why an address is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Metadata,
    Unspecified,
    Loopback,
    LinkLocal,
    Private,
    Shared,
    Multicast,
    Broadcast,
    Documentation,
    Benchmarking,
    Reserved,
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Metadata => "the address of a metadata service",
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Private => "an address of a private network",
            Self::Shared => "an address of a carrier's or provider's network",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::Reserved => "a reserved address",
        })
    }
}

/// Addresses where clouds hand out credentials: AWS and most others, AWS containers, Alibaba, Azure, AWS and Google
/// over IPv6.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254)),
];

/// Lets an address pass that is public or lies in one of the operator's networks; tells what it is otherwise.
///
/// A metadata service passes by a network of its single address only: an operator who allows a whole network that
/// happens to contain one does not mean to hand out the machine's credentials.
pub(crate) fn judge(address: IpAddr, allowed: &[IpNet]) -> Result<(), Class> {
    let Some(class) = classify(address) else { return Ok(()) };
    // A mapped address reaches the IPv4 host itself, so the operator's IPv4 networks mean it as well.
    let reached = address.to_canonical();
    let permitted = allowed.iter().any(|network| {
        let contains = network.contains(&address) || network.contains(&reached);
        contains && (class != Class::Metadata || network.prefix_len() == network.max_prefix_len())
    });
    if permitted { Ok(()) } else { Err(class) }
}

/// What an address is, where it is not public.
fn classify(address: IpAddr) -> Option<Class> {
    if METADATA.contains(&address) {
        return Some(Class::Metadata);
    }
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> Option<Class> {
    let class = match address.octets() {
        [255, 255, 255, 255] => Class::Broadcast,
        [0, ..] => Class::Unspecified,
        [127, ..] => Class::Loopback,
        [169, 254, ..] => Class::LinkLocal,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Class::Private,
        [100, 64..=127, ..] => Class::Shared,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        [198, 18..=19, ..] => Class::Benchmarking,
        [224..=239, ..] => Class::Multicast,
        // Protocol assignments, the retired relays of 6to4, and the block kept for the future.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Class::Reserved,
        _ => return None,
    };
    Some(class)
}

fn classify_v6(address: Ipv6Addr) -> Option<Class> {
    if address.is_unspecified() {
        return Some(Class::Unspecified);
    }
    if address.is_loopback() {
        return Some(Class::Loopback);
    }
    if let Some(inside) = embedded(address) {
        return inside.into_iter().flatten().find_map(|inner| classify(IpAddr::V4(inner)));
    }
    let class = match address.segments() {
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        // Unique local addresses, and the site-local ones that they replaced.
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Class::Private,
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => Class::Documentation,
        [0x2001, 0x0002, 0, ..] => Class::Benchmarking,
        [0x2001, 0x0000..=0x01ff, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        // Only 2000::/3 is given out.
        _ => Class::Reserved,
    };
    Some(class)
}

/// The IPv4 addresses that an IPv6 address carries: one, or with Teredo the server's and the client's.
fn embedded(address: Ipv6Addr) -> Option<[Option<Ipv4Addr>; 2]> {
    let halves = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // Mapped, compatible, and translated by NAT64.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some([Some(halves(high, low)), None])
        }
        // 6to4.
        [0x2002, high, low, ..] => Some([Some(halves(high, low)), None]),
        // Teredo writes the client's address with every bit turned over.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            Some([Some(halves(server_high, server_low)), Some(halves(!high, !low))])
        }
        // ISATAP, under any prefix.
        [.., 0x0000 | 0x0200, 0x5efe, high, low] => isatap(address, halves(high, low)),
        _ => None,
    }
}

/// What an ISATAP address carries, where its prefix is public; otherwise the prefix tells what the address is.
fn isatap(address: Ipv6Addr, inside: Ipv4Addr) -> Option<[Option<Ipv4Addr>; 2]> {
    matches!(address.segments(), [0x2000..=0x3fff, ..]).then_some([Some(inside), None])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Option<Class> {
        classify(text.parse().unwrap())
    }

    fn permitted(address: &str, networks: &[&str]) -> bool {
        let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
        judge(address.parse().unwrap(), &networks).is_ok()
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "191.255.255.255",
            "192.0.1.1",
            "192.167.1.1",
            "192.169.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
            "2001:200::1",
            "3ffe::1",
        ] {
            assert_eq!(class(address), None, "{address}");
        }
    }

    #[test]
    fn every_kind_of_special_address_is_told_apart() {
        for (address, expected) in [
            ("0.0.0.0", Class::Unspecified),
            ("0.1.2.3", Class::Unspecified),
            ("127.0.0.1", Class::Loopback),
            ("127.255.255.254", Class::Loopback),
            ("169.254.1.1", Class::LinkLocal),
            ("169.254.169.254", Class::Metadata),
            ("169.254.170.2", Class::Metadata),
            ("100.100.100.200", Class::Metadata),
            ("168.63.129.16", Class::Metadata),
            ("10.0.0.1", Class::Private),
            ("172.16.0.1", Class::Private),
            ("172.31.255.255", Class::Private),
            ("192.168.1.1", Class::Private),
            ("100.64.0.1", Class::Shared),
            ("100.127.255.255", Class::Shared),
            ("192.0.0.1", Class::Reserved),
            ("192.0.2.1", Class::Documentation),
            ("192.88.99.1", Class::Reserved),
            ("198.18.0.1", Class::Benchmarking),
            ("198.19.255.255", Class::Benchmarking),
            ("198.51.100.1", Class::Documentation),
            ("203.0.113.1", Class::Documentation),
            ("224.0.0.1", Class::Multicast),
            ("239.255.255.255", Class::Multicast),
            ("240.0.0.1", Class::Reserved),
            ("255.255.255.254", Class::Reserved),
            ("255.255.255.255", Class::Broadcast),
            ("::", Class::Unspecified),
            ("::1", Class::Loopback),
            ("fe80::1", Class::LinkLocal),
            ("febf::1", Class::LinkLocal),
            ("fec0::1", Class::Private),
            ("fc00::1", Class::Private),
            ("fd12:3456::1", Class::Private),
            ("fd00:ec2::254", Class::Metadata),
            ("fd20:ce::254", Class::Metadata),
            ("ff02::1", Class::Multicast),
            ("2001:db8::1", Class::Documentation),
            ("3fff::1", Class::Documentation),
            ("2001:2::1", Class::Benchmarking),
            ("2001:10::1", Class::Reserved),
            ("64:ff9b:1::1", Class::Reserved),
            ("100::1", Class::Reserved),
            ("4000::1", Class::Reserved),
            ("5f00::1", Class::Reserved),
        ] {
            assert_eq!(class(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn an_address_inside_another_is_what_counts() {
        for (address, expected) in [
            ("::ffff:127.0.0.1", Some(Class::Loopback)),
            ("::ffff:169.254.169.254", Some(Class::Metadata)),
            ("::ffff:1.1.1.1", None),
            ("::127.0.0.1", Some(Class::Loopback)),
            ("::10.0.0.1", Some(Class::Private)),
            ("2002:7f00:1::", Some(Class::Loopback)),
            ("2002:a9fe:a9fe::1", Some(Class::Metadata)),
            ("2002:101:101::1", None),
            ("64:ff9b::127.0.0.1", Some(Class::Loopback)),
            ("64:ff9b::169.254.169.254", Some(Class::Metadata)),
            ("64:ff9b::1.1.1.1", None),
            // Teredo: a private server, a private client (10.0.0.1 turned over), both public.
            ("2001:0:a00:1::fefe:fefe", Some(Class::Private)),
            ("2001:0:101:101::f5ff:fffe", Some(Class::Private)),
            ("2001:0:101:101::fefe:fefe", None),
            ("2600::5efe:10.0.0.1", Some(Class::Private)),
            ("2600::200:5efe:127.0.0.1", Some(Class::Loopback)),
            ("fe80::5efe:1.1.1.1", Some(Class::LinkLocal)),
        ] {
            assert_eq!(class(address), expected, "{address}");
        }
    }

    #[test]
    fn a_network_of_the_operator_opens_what_it_contains() {
        assert!(permitted("10.1.2.3", &["10.0.0.0/8"]) && !permitted("10.1.2.3", &["10.2.0.0/16"]));
        assert!(permitted("::1", &["::1/128"]) && !permitted("::1", &["127.0.0.0/8"]));
        assert!(permitted("::ffff:127.0.0.1", &["127.0.0.0/8"]));
        assert!(!permitted("2002:7f00:1::", &["127.0.0.0/8"]), "a relay would decide where it goes");
        assert!(permitted("8.8.8.8", &[]));
    }

    #[test]
    fn a_metadata_service_opens_by_its_own_address_alone() {
        assert!(!permitted("169.254.169.254", &["169.254.0.0/16", "0.0.0.0/0"]));
        assert!(permitted("169.254.169.254", &["169.254.169.254/32"]));
        assert!(!permitted("fd00:ec2::254", &["fd00::/8"]) && permitted("fd00:ec2::254", &["fd00:ec2::254/128"]));
        assert!(
            !permitted("::ffff:169.254.169.254", &["::/0"])
                && permitted("::ffff:169.254.169.254", &["169.254.169.254/32"])
        );
    }
}
