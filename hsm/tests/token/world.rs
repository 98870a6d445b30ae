//! A test with a token, a configuration and a PKCS#11 context of its own: it runs in a child process.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hsm::{Config, KeyKind, Pin, Pool, PublicKey, State, TokenName, Workbench};

pub(crate) const LABEL: &str = "hộp 1";
pub(crate) const PIN: &str = "4711-một";

/// The module under test.
pub(crate) fn module() -> PathBuf {
    std::env::var_os("TEST_PKCS11_MODULE")
        .map_or_else(|| "/usr/lib/softhsm/libsofthsm2.so".into(), PathBuf::from)
}

/// Runs `body` in a child process that owns an empty token directory.
pub(crate) fn alone(test: &str, body: impl FnOnce(&Path)) {
    if let Some(dir) = std::env::var_os("HSM_TEST_DIR") {
        let dir = Path::new(&dir);
        body(dir);
        return put(&dir.join("done"), "");
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tokens")).unwrap();
    let socket = dir.path().join("p11.socket");
    let done = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("HSM_TEST_DIR", dir.path())
        .envs(environment(dir.path()))
        .env(
            "P11_KIT_SERVER_ADDRESS",
            format!("unix:path={}", socket.display()),
        )
        .env("PKCS11SPY", module())
        .env("PKCS11SPY_OUTPUT", dir.path().join("spy"))
        .status()
        .unwrap();
    // A child that knows no test of this name is content, too.
    let ran = dir.path().join("done").exists();
    assert!(done.success() && ran, "{test}: {done}");
}

#[expect(clippy::disallowed_methods, reason = "a test's own throw-away file")]
pub(crate) fn put(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).unwrap();
}

/// What tells the module that its tokens lie below `dir`, whichever of the two soft tokens it is.
fn environment(dir: &Path) -> [(&'static str, PathBuf); 2] {
    let [softhsm, kryoptic] = ["softhsm2.conf", "kryoptic.conf"].map(|name| dir.join(name));
    let tokens = dir.join("tokens");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    put(&softhsm, text);
    let slot = |number: u32| {
        let file = tokens.join(format!("{number}.sql"));
        format!(
            "[[slots]]\nslot = {number}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
            file.display()
        )
    };
    put(&kryoptic, slot(1) + &slot(2));
    [("SOFTHSM2_CONF", softhsm), ("KRYOPTIC_CONF", kryoptic)]
}

/// Makes the token with one RSA and one P-256 key.
pub(crate) fn furnish() -> [PublicKey; 2] {
    furnish_with([("rsa", KeyKind::Rsa { bits: 2048 }), ("ec", KeyKind::P256)])
}

/// Makes the token with these keys; each one's id is its label.
pub(crate) fn furnish_with<const N: usize>(keys: [(&str, KeyKind); N]) -> [PublicKey; N] {
    furnish_another(LABEL, keys)
}

/// Makes a token of that label with these keys beside those that are there.
pub(crate) fn furnish_another<const N: usize>(
    label: &str,
    keys: [(&str, KeyKind); N],
) -> [PublicKey; N] {
    let mut bench = Workbench::open(&module()).unwrap();
    let pin = Pin::new(PIN.into());
    bench
        .init_token(label, &Pin::new("12345678".into()), &pin)
        .unwrap();
    bench.login(&TokenName::Label(label.into()), &pin).unwrap();
    keys.map(|(label, kind)| {
        let key = bench.generate(label, label.as_bytes(), kind).unwrap();
        assert!(key.sensitive && key.always_sensitive && key.never_extractable && key.local);
        assert!(!key.extractable);
        key.public
    })
}

/// A pool's configuration for the furnished token behind `module`.
pub(crate) fn config(module: PathBuf) -> Config {
    Config {
        module,
        token: TokenName::Label(LABEL.into()),
        pin: Pin::new(PIN.into()),
        profile: None,
        seal_sessions: 2,
        tls_sessions: 1,
        queue: 64,
        deadline: Duration::from_secs(10),
        min_sign_time: None,
    }
}

/// Waits until the pool's state is as wanted; its error says what it was instead.
pub(crate) fn wait_for(pool: &Pool, within: Duration, wanted: impl Fn(&State) -> bool) -> State {
    let mut watch = pool.watch();
    runtime().block_on(async {
        match tokio::time::timeout(within, watch.wait_for(|state| wanted(state))).await {
            Ok(state) => state.unwrap().clone(),
            Err(_) => panic!("state is still {:?}", pool.watch().borrow()),
        }
    })
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// `p11-kit server` in front of the furnished token: a network HSM that can be taken away.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(dir: &Path) -> Self {
        Self::before(dir, &module(), &[])
    }

    /// Behind the spy in front of a copy of the token, as a vendor's backup makes one: the same keys in a second token.
    /// Once made, the copy stays.
    pub(crate) fn of_copy(dir: &Path) -> Self {
        let copy = dir.join("copy");
        if !copy.exists() {
            copy_below(&dir.join("tokens"), &copy.join("tokens"));
        }
        Self::before(dir, &spy_module(), &environment(&copy))
    }

    /// The same with OpenSC's spy before the token, which writes each call into `spy`. It sees all of them only
    /// behind p11-kit: a module that speaks PKCS#11 3 hands its own functions out past it.
    pub(crate) fn spied(dir: &Path) -> Self {
        Self::before(dir, &spy_module(), &[])
    }

    fn before(dir: &Path, provider: &Path, environment: &[(&str, PathBuf)]) -> Self {
        let socket = dir.join("p11.socket");
        if socket.exists() {
            remove(&socket);
        }
        let mut child = Command::new("p11-kit")
            .args(["server", "--foreground", "--provider"])
            .arg(provider)
            .arg("--name")
            .arg(&socket)
            .arg("pkcs11:")
            .envs(environment.iter().cloned())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        // It names its address when it listens.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("P11_KIT_SERVER_ADDRESS"), "{line}");
        Self(child)
    }

    /// Kills the server and the children that serve its connections.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Stops it where it stands, as a network that swallows everything; or lets it go on.
    pub(crate) fn hang(&self, hang: bool) {
        self.signal(if hang { "-STOP" } else { "-CONT" });
    }

    /// Ends the server of [`Server::spied`] and what its spy wrote.
    pub(crate) fn forget(self, dir: &Path) {
        drop(self);
        remove(&dir.join("spy"));
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.0.id());
        let sent = Command::new("kill").args([signal, "--", &group]).status();
        assert!(sent.is_ok());
    }

    fn end(&mut self) {
        self.signal("-KILL");
        let _ = self.0.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// p11-kit's module that speaks to a [`Server`].
pub(crate) fn client_module() -> PathBuf {
    installed("p11-kit-client.so", "p11-kit-modules")
}

/// OpenSC's module that writes down each call and passes it on.
fn spy_module() -> PathBuf {
    installed("pkcs11-spy.so", "opensc-pkcs11")
}

fn installed(file: &str, package: &str) -> PathBuf {
    [
        "/usr/lib/x86_64-linux-gnu/pkcs11",
        "/usr/lib/aarch64-linux-gnu/pkcs11",
        "/usr/lib64/pkcs11",
    ]
    .map(|dir| Path::new(dir).join(file))
    .into_iter()
    .find(|path| path.exists())
    .unwrap_or_else(|| panic!("no {file}: install {package}"))
}

fn copy_below(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_below(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// How often the spy of [`Server::spied`] saw a call.
pub(crate) fn calls(dir: &Path, call: &str) -> usize {
    let calls = std::fs::read_to_string(dir.join("spy")).unwrap();
    calls.matches(&format!(": {call}\n")).count()
}

#[expect(clippy::disallowed_methods, reason = "a test's own throw-away file")]
fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}
