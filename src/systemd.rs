//! Readiness, watchdog and credentials as systemd hands them over. Without systemd all of it is absent and nothing fails.
//!
//! Sockets are bound by the processes themselves: taking over a descriptor by number needs unsafe code.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

/// Bytes of a credential at most, the limit that systemd itself has.
const LARGEST: u64 = 1 << 20;
/// How long a message to the service manager may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to the service manager (sd_notify(3)). Messages are hints: one that gets lost is no error.
#[derive(Debug)]
pub struct Notify {
    manager: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// As the environment of this process says.
    #[must_use]
    pub fn from_environment() -> Self {
        let for_us =
            std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let watchdog = std::env::var("WATCHDOG_USEC")
            .ok()
            .filter(|_| for_us)
            .and_then(|limit| limit.parse().ok())
            .filter(|limit| *limit > 0)
            .map(Duration::from_micros);
        Self {
            watchdog,
            ..Self::to(std::env::var_os("NOTIFY_SOCKET").as_deref())
        }
    }

    /// To the socket `address`: a path, or a name behind `@`. `None` and what can't be reached tells nobody.
    #[must_use]
    pub fn to(address: Option<&OsStr>) -> Self {
        let manager = address.and_then(|address| {
            let address = match address.as_bytes() {
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
                _ => SocketAddr::from_pathname(address),
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_write_timeout(Some(PATIENCE)).ok()?;
            Some((socket, address.ok()?))
        });
        Self {
            manager,
            watchdog: None,
        }
    }

    /// This process answers now.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// This process finishes what it holds and ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// This process lives. Call it at least as often as [`Notify::watchdog_interval`] says, from where work is done.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace('\n', " ")));
    }

    /// How often to say [`Notify::alive`]: half of the manager's limit. `None` without a watchdog.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.manager {
            // The manager finds out by its own time limits.
            let _ = socket.send_to_addr(message.as_bytes(), address);
        }
    }
}

/// A secret delivered by the system. It is wiped when dropped and can't be printed.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes as they were delivered.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes without the line end that editors leave behind.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        let bytes = self.bytes();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The directory of secrets that the service manager decrypted for this process (systemd.exec(5), `LoadCredential=`).
#[derive(Clone, Debug)]
pub struct Credentials(Option<PathBuf>);

impl Credentials {
    /// As the environment of this process says.
    #[must_use]
    pub fn from_environment() -> Self {
        Self(std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from))
    }

    /// A directory of one's own (bench work, demo).
    #[must_use]
    pub fn at(directory: PathBuf) -> Self {
        Self(Some(directory))
    }

    /// The credential `name`; `None` where it was not delivered.
    ///
    /// # Errors
    /// When the name is no plain file name, or the file is there and can't be read or is larger than 1 MiB.
    pub fn get(&self, name: &str) -> io::Result<Option<Secret>> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(refused(name, "is no credential's name"));
        }
        let Some(directory) = &self.0 else {
            return Ok(None);
        };
        let file = match File::open(directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // Room for all of it at once: a buffer that grows leaves unwiped copies behind.
        let room = file.metadata()?.len().min(LARGEST) + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(0)));
        let read = file.take(room).read_to_end(&mut bytes)?;
        if read as u64 == room {
            return Err(refused(
                name,
                "is larger than 1 MiB or grew while it was read",
            ));
        }
        Ok(Some(Secret(bytes)))
    }
}

fn refused(name: &str, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::Disk;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_manager_hears_by_path_and_by_abstract_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let named = format!("trucgate-test-{}", std::process::id());
        let abstract_address = SocketAddr::from_abstract_name(&named).unwrap();
        let sockets = [
            (
                path.clone().into_os_string(),
                UnixDatagram::bind(&path).unwrap(),
            ),
            (
                format!("@{named}").into(),
                UnixDatagram::bind_addr(&abstract_address).unwrap(),
            ),
        ];
        for (address, socket) in &sockets {
            let notify = Notify::to(Some(address));
            notify.status("waits for\nREADY=1");
            notify.ready();
            notify.alive();
            notify.stopping();
            let heard: Vec<_> = (0..4).map(|_| received(socket)).collect();
            assert_eq!(
                heard,
                [
                    "STATUS=waits for READY=1",
                    "READY=1",
                    "WATCHDOG=1",
                    "STOPPING=1"
                ]
            );
        }
    }

    #[test]
    fn without_a_manager_nothing_fails() {
        for address in [
            None,
            Some(OsStr::new("/nowhere/notify")),
            Some(OsStr::new("")),
        ] {
            let notify = Notify::to(address);
            notify.ready();
            assert_eq!(notify.watchdog_interval(), None);
        }
    }

    #[test]
    fn credentials_are_bounded_named_plainly_and_never_printed() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        disk.replace(&dir.path().join("pin"), b"1234\r\n").unwrap();
        disk.replace(&dir.path().join("large"), &vec![0; (1 << 20) + 1])
            .unwrap();
        disk.replace(&dir.path().join("largest"), &vec![0; 1 << 20])
            .unwrap();
        let credentials = Credentials::at(dir.path().to_owned());
        let pin = credentials.get("pin").unwrap().unwrap();
        assert_eq!((pin.bytes(), pin.line()), (&b"1234\r\n"[..], &b"1234"[..]));
        assert_eq!(format!("{pin:?}"), "Secret");
        assert!(credentials.get("absent").unwrap().is_none());
        assert!(credentials.get("largest").unwrap().is_some());
        assert!(credentials.get("large").is_err());
        for name in ["", "..", "../pin", "a/b", "/etc/passwd", "a\0b"] {
            assert!(credentials.get(name).is_err(), "{name:?}");
        }
        assert!(Credentials(None).get("pin").unwrap().is_none());
    }
}
