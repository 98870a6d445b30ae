//! Addresses from which a system may come.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// An address or a network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address lies in it; an IPv4 address mapped into IPv6 counts as the IPv4 address.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let (own, width) = numeric(self.address.to_canonical());
        let (other, other_width) = numeric(address.to_canonical());
        let host = u32::from(width - self.bits.min(width));
        width == other_width && own.checked_shr(host) == other.checked_shr(host)
    }
}

fn numeric(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text} is no address and no network like 10.1.2.0/24");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let (_, width) = numeric(address);
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| bad())?,
            None => width,
        };
        if bits > width {
            return Err(bad());
        }
        Ok(Self { address, bits })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_only() {
        for (network, address, inside) in [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.1.2.0/24", "10.1.2.255", true),
            ("10.1.2.0/24", "10.1.3.0", false),
            ("10.1.2.0/24", "::ffff:10.1.2.9", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8::1", true),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(
                network.holds(address.parse().unwrap()),
                inside,
                "{network:?} {address}"
            );
        }
        for bad in ["", "10.1.2", "10.1.2.3/33", "10.1.2.3/x", "gate"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
