//! Where the journal goes besides this machine: `https://HOST[:PORT]`, as systemd-journal-upload(8) takes it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::Deserialize;

use super::settings::Names;

/// Where log servers listen unless they say otherwise.
const PORT: u16 = 19532;

/// A log server. Its name or address is in its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogServer {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

impl LogServer {
    /// Where it is; a name is one of the settings' own, since the wall lets nobody through by name.
    ///
    /// # Errors
    /// That the settings don't know the name.
    pub fn address(&self, names: &Names) -> Result<SocketAddr, String> {
        let address = match &self.host {
            Host::Address(address) => *address,
            Host::Name(name) => *names.hosts.get(name).ok_or_else(|| {
                format!(
                    "journal.upload: tên {name:?} không có trong [names] hosts; thêm vào đó hoặc ghi thẳng địa chỉ / \
                     {name:?} is not among [names] hosts; put it there, or give the address"
                )
            })?,
        };
        Ok(SocketAddr::new(address, self.port))
    }
}

impl FromStr for LogServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted =
            || format!("journal.upload {text:?}: cần dạng / wanted like https://192.0.2.50:{PORT}");
        let rest = text.strip_prefix("https://").ok_or_else(wanted)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wanted())?)
            }
            _ => (rest, PORT),
        };
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(six) => Host::Address(IpAddr::V6(six.parse().map_err(|_| wanted())?)),
            None => match host.parse() {
                Ok(four) => Host::Address(IpAddr::V4(four)),
                Err(_) if named(host) => Host::Name(host.to_owned()),
                Err(_) => return Err(wanted()),
            },
        };
        Ok(Self { host, port })
    }
}

/// Whether it could be a host's name; whether it is one, the settings' own list says.
fn named(host: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    host.bytes().all(known) && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl TryFrom<String> for LogServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for LogServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(six)) => write!(f, "https://[{six}]:{}", self.port),
            Host::Address(four) => write!(f, "https://{four}:{}", self.port),
            Host::Name(name) => write!(f, "https://{name}:{}", self.port),
        }
    }
}
