//! A builder, bundles as `image/bundle` makes them, and machines that take them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use trucgate::durable::Disk;

/// A builder with keys of its own, and what it has built.
pub(crate) struct Builder {
    pub(crate) directory: TempDir,
}

fn house() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    Disk::real().make_dir(path.parent().unwrap()).unwrap();
    Disk::real().replace(path, bytes.as_ref()).unwrap();
}

fn run(command: &mut Command) -> Output {
    let done = command.output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {told}");
    done
}

/// Bytes that do not repeat, and no zero at their end.
pub(crate) fn bytes(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut all: Vec<u8> = (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        })
        .collect();
    all.extend_from_slice(b"end");
    all
}

pub(crate) const ROOT_HASH: &str =
    "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";

impl Builder {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys");
        run(Command::new(house().join("image/keys")).arg(&keys));
        Self { directory }
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.directory.path().join("keys")
    }

    /// A bundle made by `image/bundle` of small parts.
    pub(crate) fn bundle(&self, product: &str, version: &str, floor: &str) -> PathBuf {
        let built = self.directory.path().join(format!("{product}_{version}"));
        let part = |ending: &str| built.with_file_name(format!("{product}_{version}{ending}"));
        let mut root = bytes(70_000, 1);
        root.resize(128 * 1024, 0);
        write(&part(".root.raw"), root);
        let mut verity = bytes(3_000, 2);
        verity.resize(8 * 1024, 0);
        write(&part(".root-verity.raw"), verity);
        // A kernel image is known by a section with the command line; any format with sections does.
        let (line, uki) = (part(".cmdline"), part(".efi"));
        write(
            &line,
            format!("roothash={ROOT_HASH} ro {}", "x".repeat(9_000)),
        );
        run(Command::new("objcopy")
            .args(["-I", "binary", "-O", "elf64-x86-64", "--rename-section"])
            .arg(".data=.cmdline")
            .args([&line, &uki]));
        run(Command::new(house().join("image/bundle"))
            .arg(&built)
            .arg(floor)
            .arg(self.keys()));
        part(".update")
    }

    /// Signs a manifest of one's own.
    pub(crate) fn sign(&self, manifest: &str) -> Vec<u8> {
        let (text, keys) = (self.directory.path().join("manifest"), self.keys());
        write(&text, manifest);
        run(Command::new("openssl")
            .args(["cms", "-sign", "-binary", "-cades", "-md", "sha256"])
            .args(["-outform", "DER", "-signer"])
            .arg(keys.join("update.crt"))
            .arg("-inkey")
            .arg(keys.join("update.key"))
            .arg("-in")
            .arg(&text))
        .stdout
    }
}

/// A machine made from one of its images.
pub(crate) struct Machine {
    pub(crate) directory: TempDir,
}

impl Machine {
    pub(crate) fn of(builder: &Builder, version: &str, floor: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let machine = Self { directory };
        machine.runs(version);
        let own = machine.system().join("usr/lib/trucgate");
        let certificate = std::fs::read(builder.keys().join("update.crt")).unwrap();
        write(&own.join("update.crt"), certificate);
        write(&own.join("floor"), format!("{floor}\n"));
        machine.entry(version, "+3");
        machine
    }

    /// It was started from that version.
    pub(crate) fn runs(&self, version: &str) {
        write(
            &self.system().join("etc/os-release"),
            format!("ID=debian\nIMAGE_ID=trucgate\nIMAGE_VERSION=\"{version}\"\n"),
        );
    }

    pub(crate) fn system(&self) -> PathBuf {
        self.directory.path().join("system")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn images(&self) -> PathBuf {
        self.directory.path().join("boot/EFI/Linux")
    }

    /// Puts an entry of the loader in place.
    pub(crate) fn entry(&self, version: &str, tries: &str) {
        let name = format!("trucgate_{version}{tries}.efi");
        write(&self.images().join(name), b"kernel");
    }

    /// The loader has counted: `version` has its entry under another name now.
    pub(crate) fn counted(&self, version: &str, tries: &str) {
        let prefix = format!("trucgate_{version}");
        for name in self.entries() {
            let rest = name.strip_prefix(&prefix);
            if rest.is_some_and(|rest| rest.starts_with(['+', '.'])) {
                Disk::real().remove(&self.images().join(name)).unwrap();
            }
        }
        self.entry(version, tries);
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.images()).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// `trucgate update VERB…` on this machine. Writing a slot needs partitions: `image/tests/84-sysupdate` has them, here
    /// it fails.
    pub(crate) fn update(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trucgate"));
        command.arg("update").args(verb).arg("--system");
        command.arg(self.system()).arg("--state").arg(self.state());
        command
            .arg("--boot")
            .arg(self.directory.path().join("boot"));
        command.arg("--sysupdate=/bin/false");
        command
    }

    /// Success, and all that was said.
    pub(crate) fn told(&self, verb: &[&str]) -> (bool, String) {
        let done = self.update(verb).output().unwrap();
        let text = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(text).unwrap())
    }
}
