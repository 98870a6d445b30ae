//! The machine itself: its name, its addresses, which slot it runs from.

use std::net::IpAddr;
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrLike;
use nix::sys::socket::{AddressFamily, SockaddrStorage};

/// As it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) interfaces: Vec<Interface>,
    pub(super) slot: Option<Slot>,
    /// The image's version (os-release(5), `IMAGE_VERSION`).
    pub(super) image: Option<String>,
}

/// A network interface that is no loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    /// Its hardware address; empty where it has none.
    pub(super) mac: String,
    /// Whether a cable or a network is there.
    pub(super) running: bool,
    /// Addresses with the length of their prefix.
    pub(super) addresses: Vec<(IpAddr, u32)>,
}

/// The verified root that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// A or B.
    pub(super) letter: char,
    /// The partition's label, which names the version.
    pub(super) label: String,
}

impl Machine {
    /// Looks; what can't be seen is left out.
    pub(super) fn look() -> Self {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        Self {
            name: nix::unistd::gethostname()
                .ok()
                .and_then(|name| name.into_string().ok())
                .unwrap_or_default(),
            interfaces: interfaces(),
            slot: root_device().and_then(|device| slot(Path::new("/sys/dev/block"), &device)),
            image: release
                .lines()
                .find_map(|line| line.strip_prefix("IMAGE_VERSION="))
                .map(|version| version.trim_matches('"').to_owned()),
        }
    }

    /// All addresses of all interfaces.
    pub(super) fn addresses(&self) -> String {
        let addresses = self.interfaces.iter().flat_map(|one| &one.addresses);
        let all: Vec<_> = addresses.map(|(address, _)| address.to_string()).collect();
        all.join("  ")
    }
}

fn interfaces() -> Vec<Interface> {
    let mut all: Vec<Interface> = Vec::new();
    let Ok(addresses) = getifaddrs() else {
        return all;
    };
    for one in addresses {
        if one.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let at = all
            .iter()
            .position(|known| known.name == one.interface_name);
        let at = at.unwrap_or_else(|| {
            all.push(Interface {
                name: one.interface_name.clone(),
                mac: mac(&one.interface_name),
                running: one.flags.contains(InterfaceFlags::IFF_RUNNING),
                addresses: Vec::new(),
            });
            all.len() - 1
        });
        let address = one.address.as_ref().and_then(address);
        let prefix = one.netmask.as_ref().and_then(self::address).map(ones);
        if let Some(address) = address.filter(|address| !is_link_local(address)) {
            all[at].addresses.push((address, prefix.unwrap_or(0)));
        }
    }
    all
}

fn mac(interface: &str) -> String {
    let file = Path::new("/sys/class/net").join(interface).join("address");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().to_owned()
}

fn address(of: &SockaddrStorage) -> Option<IpAddr> {
    match of.family()? {
        AddressFamily::Inet => Some(IpAddr::V4(of.as_sockaddr_in()?.ip())),
        AddressFamily::Inet6 => Some(IpAddr::V6(of.as_sockaddr_in6()?.ip())),
        _ => None,
    }
}

fn ones(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => u32::from(mask).count_ones(),
        IpAddr::V6(mask) => u128::from(mask).count_ones(),
    }
}

fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// `major:minor` of what is mounted at `/` (proc_pid_mountinfo(5)).
fn root_device() -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(2);
        let (device, _, place) = (fields.next()?, fields.next()?, fields.next()?);
        (place == "/").then(|| device.to_owned())
    })
}

/// The slot whose partition lies below the verity device `device`. The image has the ESP first, then root and hashes of
/// slot A, then those of slot B.
fn slot(devices: &Path, device: &str) -> Option<Slot> {
    let below = std::fs::read_dir(devices.join(device).join("slaves")).ok()?;
    below.flatten().find_map(|partition| {
        let told = std::fs::read_to_string(partition.path().join("uevent")).ok()?;
        let value = |name| told.lines().find_map(|line| line.strip_prefix(name));
        let letter = match value("PARTN=")? {
            "2" => 'A',
            "4" => 'B',
            _ => return None,
        };
        let label = value("PARTNAME=").unwrap_or_default().to_owned();
        Some(Slot { letter, label })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::Disk;

    #[test]
    fn the_slot_is_known_by_the_partition_below_the_root() {
        let sys = tempfile::tempdir().unwrap();
        let below = sys.path().join("254:0/slaves");
        for (name, told) in [
            ("vda5", "PARTN=5\nPARTNAME=trucgate_0.2.0_verity\n"),
            (
                "vda4",
                "DEVTYPE=partition\nPARTN=4\nPARTNAME=trucgate_0.2.0\n",
            ),
        ] {
            Disk::real().make_dir(&below.join(name)).unwrap();
            Disk::real()
                .replace(&below.join(name).join("uevent"), told.as_bytes())
                .unwrap();
        }
        let found = slot(sys.path(), "254:0").unwrap();
        assert_eq!(
            (found.letter, found.label.as_str()),
            ('B', "trucgate_0.2.0")
        );
        assert_eq!(slot(sys.path(), "8:1"), None);
    }

    #[test]
    fn this_machine_has_a_name_and_no_loopback_among_its_interfaces() {
        let machine = Machine::look();
        assert!(!machine.name.is_empty());
        assert!(machine.interfaces.iter().all(|one| one.name != "lo"));
        assert!(!machine.addresses().contains("127.0.0.1"));
    }
}
