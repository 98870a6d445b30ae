//! The settings. Unknown keys are errors: what is misspelt must not be silently shut, or open.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::Deserialize;

use super::log_server::LogServer;

/// All of a machine's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The machine's name.
    pub hostname: String,
    /// Its network cards.
    pub network: Vec<Network>,
    /// How names become addresses.
    #[serde(default)]
    pub names: Names,
    /// Where it takes the time from.
    #[serde(default)]
    pub clock: Clock,
    /// Which software may connect, where.
    #[serde(default)]
    pub software: Opened,
    /// From where operators may ask, where.
    #[serde(default)]
    pub operators: Opened,
    /// Whom it may call.
    #[serde(default)]
    pub peers: Peers,
    /// Where updates are fetched from.
    #[serde(default)]
    pub update: Update,
    /// Who else keeps the journal.
    #[serde(default)]
    pub journal: Journal,
}

/// One network card.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Its hardware address.
    pub mac: String,
    /// The machine's addresses there.
    pub addresses: Vec<Prefix>,
    /// Who takes what is for elsewhere.
    pub gateway: Option<IpAddr>,
}

/// How names become addresses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// Servers that are asked.
    pub resolvers: Vec<IpAddr>,
    /// Names that need no server.
    pub hosts: BTreeMap<String, IpAddr>,
}

/// Where the time comes from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// NTP servers.
    pub servers: Vec<IpAddr>,
}

/// A door of the machine.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Opened {
    /// For whom.
    pub from: Vec<Prefix>,
    /// TCP ports.
    pub ports: Vec<u16>,
}

/// Whom the machine may call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Peers {
    /// Addresses and TCP ports: the hub, its door of enrolments, sources of revocation lists, answers and stamps.
    pub to: Vec<SocketAddr>,
}

/// Where updates are fetched from when no medium brings one; its address belongs to the peers, too.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Update {
    /// The `https://` URL of a bundle.
    pub url: Option<String>,
}

/// Who else keeps the journal.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// The agency's log server.
    pub upload: Option<LogServer>,
}

/// An address and how many of its bits name the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// The bits.
    pub bits: u8,
}

impl Settings {
    /// Reads and judges a file's text.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn read(text: &str) -> Result<Self, String> {
        let settings: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.judge()?;
        Ok(settings)
    }

    fn judge(&self) -> Result<(), String> {
        named(&self.hostname, "hostname")?;
        if self.network.is_empty() {
            return Err(
                "network: máy chưa có địa chỉ nào / the machine has no address: [[network]]"
                    .to_owned(),
            );
        }
        for card in &self.network {
            let bytes: Vec<_> = card.mac.split(':').collect();
            let hex = |byte: &&str| byte.len() == 2 && u8::from_str_radix(byte, 16).is_ok();
            if bytes.len() != 6 || !bytes.iter().all(hex) {
                return Err(format!(
                    "mac {:?}: cần dạng / wanted like 52:54:00:12:34:56",
                    card.mac
                ));
            }
            if card.addresses.is_empty() {
                return Err(format!(
                    "{}: không có địa chỉ / it has no address",
                    card.mac
                ));
            }
        }
        for name in self.names.hosts.keys() {
            named(name, "hosts")?;
        }
        if let Some(url) = &self.update.url
            && (!url.starts_with("https://") || !url.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(format!(
                "update.url {url:?}: cần dạng / wanted like https://HOST[:PORT]/PATH"
            ));
        }
        if let Some(server) = &self.journal.upload {
            server.address(&self.names)?;
        }
        for (door, opened) in [("software", &self.software), ("operators", &self.operators)] {
            if opened.from.is_empty() != opened.ports.is_empty() {
                return Err(format!(
                    "{door}: from và ports phải đi cùng nhau / from and ports go together"
                ));
            }
        }
        Ok(())
    }
}

/// A host name: it becomes part of files whose lines others read.
pub(super) fn named(name: &str, key: &str) -> Result<(), String> {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(());
    }
    Err(format!(
        "{key} {name:?}: chỉ chữ cái, chữ số, '-' và '.' / letters, digits, '-' and '.' only"
    ))
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("{text:?}: cần dạng / wanted like 192.0.2.10/24");
        let (address, bits) = text.split_once('/').ok_or_else(wanted)?;
        let address: IpAddr = address.parse().map_err(|_| wanted())?;
        let bits: u8 = bits.parse().map_err(|_| wanted())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if bits > most {
            return Err(wanted());
        }
        Ok(Self { address, bits })
    }
}

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}
