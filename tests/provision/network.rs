//! p11-kit between a machine and its token, as a network HSM stands: the kill that meets the machine does not meet the
//! token. (SoftHSM2 inside the killed process rewrites its files in place at each login, and loses the token.)

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The far end of a machine's module.
pub(crate) struct Network {
    server: Child,
    pub(crate) address: String,
}

impl Network {
    pub(crate) fn start(module: &Path, token_config: &Path, socket: &Path) -> Self {
        let mut server = Command::new("p11-kit")
            .args(["server", "--foreground", "--provider"])
            .arg(module)
            .arg("--name")
            .arg(socket)
            .arg("pkcs11:")
            .env("SOFTHSM2_CONF", token_config)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        // It names its address when it listens.
        let mut line = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert!(line.contains("P11_KIT_SERVER_ADDRESS"), "{line}");
        Self {
            server,
            address: format!("unix:path={}", socket.display()),
        }
    }

    /// Waits until the token has finished what a killed client had asked of it.
    pub(crate) fn settle(&self) {
        let id = self.server.id();
        let children = format!("/proc/{id}/task/{id}/children");
        let end = Instant::now() + Duration::from_secs(20);
        while !std::fs::read_to_string(&children)
            .unwrap()
            .trim()
            .is_empty()
        {
            assert!(Instant::now() < end, "the token does not come to rest");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    pub(crate) fn module() -> PathBuf {
        [
            "/usr/lib/x86_64-linux-gnu/pkcs11",
            "/usr/lib/aarch64-linux-gnu/pkcs11",
            "/usr/lib64/pkcs11",
        ]
        .map(|directory| Path::new(directory).join("p11-kit-client.so"))
        .into_iter()
        .find(|path| path.exists())
        .expect("p11-kit-client.so: install p11-kit-modules")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // To the server and the children that serve its connections: the process group that it leads.
        let group = format!("-{}", self.server.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.server.wait();
    }
}
