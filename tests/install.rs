//! The installer's dialogue: which disks it offers, what it asks for, and that it writes nothing before that.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use trucgate::durable::Disk;

const IMAGE: usize = 6 << 20;

/// A machine's root with two disks, a small one, and the installer's own medium.
struct Machine {
    root: tempfile::TempDir,
    image: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let image: Vec<u8> = (0..IMAGE).map(|at| (at / 7 % 251) as u8).collect();
        let machine = Self {
            image: root.path().join("payload/trucgate.raw"),
            root,
        };
        machine.put("payload/trucgate.raw", &image);
        let sha256 = ring::digest::digest(&ring::digest::SHA256, &image);
        let sha256 = data_encoding::HEXLOWER.encode(sha256.as_ref());
        machine.put("payload/sha256", sha256 + "\n");
        machine.disk("sda", "8:0", 16 << 20, Some(("SAMSUNG_870", "S5Y1NF0R")));
        machine.part("sda", 1, "8:1", Some("trucgate-var"));
        machine.disk("nvme0n1", "259:0", 12 << 20, None);
        machine.part("nvme0n1", 1, "259:1", None);
        machine.disk("vdb", "253:16", 4 << 20, None);
        machine.disk("sdb", "8:16", 9 << 20, None);
        machine.part("sdb", 2, "8:18", Some("trucgate-payload"));
        machine.put("sys/block/loop0/size", "99999999\n");
        machine.put("sys/block/sr0/size", "99999999\n");
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        Disk::real().make_dir(path.parent().unwrap()).unwrap();
        Disk::real().replace(&path, bytes.as_ref()).unwrap();
    }

    fn disk(&self, name: &str, number: &str, bytes: usize, udev: Option<(&str, &str)>) {
        self.put(&format!("dev/{name}"), vec![0xee; bytes]);
        let home = format!("sys/block/{name}");
        self.put(&format!("{home}/size"), format!("{}\n", bytes / 512));
        self.put(&format!("{home}/dev"), format!("{number}\n"));
        self.put(&format!("{home}/device/model"), "Kingston\n");
        if let Some((model, serial)) = udev {
            self.put(
                &format!("run/udev/data/b{number}"),
                format!("S:disk/by-id/x\nE:ID_MODEL={model}\nE:ID_SERIAL_SHORT={serial}\n"),
            );
        }
    }

    fn part(&self, disk: &str, number: u32, device: &str, label: Option<&str>) {
        let home = format!("sys/block/{disk}/{disk}p{number}");
        self.put(&format!("{home}/partition"), format!("{number}\n"));
        self.put(&format!("{home}/dev"), format!("{device}\n"));
        if let Some(label) = label {
            let told = format!("E:ID_PART_ENTRY_NAME={label}\n");
            self.put(&format!("run/udev/data/b{device}"), told);
        }
    }

    /// Installs, with these lines typed.
    fn install(&self, typed: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trucgate"))
            .args(["install", "--image"])
            .arg(&self.image)
            .arg("--sha256")
            .arg(self.at("payload/sha256"))
            .arg("--system")
            .arg(self.root.path())
            .arg("--lock")
            .arg(self.at("lock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may end before it has read all of it.
        let _ = stdin.write_all(typed.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    fn untouched(&self, name: &str) -> bool {
        let bytes = std::fs::read(self.at(&format!("dev/{name}"))).unwrap();
        bytes.iter().all(|byte| *byte == 0xee)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn holds(disk: &Path, image: &Path) -> bool {
    let (disk, image) = (std::fs::read(disk).unwrap(), std::fs::read(image).unwrap());
    disk.starts_with(&image)
}

#[test]
fn the_disk_that_is_named_twice_gets_the_image_and_no_other() {
    let machine = Machine::new();
    let output = machine.install("\n2\nyes\n2\nNF0R\n\n");
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}{error}");
    assert!(
        said.contains("  1  nvme0n1       0 GB  Kingston  [?]\n"),
        "{said}"
    );
    assert!(
        said.contains("  2  sda           0 GB  SAMSUNG 870  S/N S5Y1NF0R  [trucgate-var]\n"),
        "{said}"
    );
    assert!(
        said.contains("vdb           0 GB  Kingston  (quá nhỏ / too small)"),
        "{said}"
    );
    for hidden in ["sdb ", "loop0", "sr0", "trucgate-payload"] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
    assert!(
        said.contains("THIS DISK HOLDS A SECURITY SERVER'S DATA"),
        "{said}"
    );
    assert!(said.contains("nothing was written"), "{said}");
    assert!(said.contains("Đọc lại / reading back: 100 %"), "{said}");
    assert!(holds(&machine.at("dev/sda"), &machine.image));
    // The copy of an old partition table is gone.
    let sda = std::fs::read(machine.at("dev/sda")).unwrap();
    assert!(sda[sda.len() - (1 << 20)..].iter().all(|byte| *byte == 0));
    for other in ["nvme0n1", "sdb", "vdb"] {
        assert!(machine.untouched(other), "{other}");
    }
}

#[test]
fn a_disk_without_a_serial_number_is_named_by_its_own_name() {
    let machine = Machine::new();
    let output = machine.install("1\nnvme0n1\n\n");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(holds(&machine.at("dev/nvme0n1"), &machine.image));
    assert!(machine.untouched("sda"));
}

#[test]
fn a_changed_image_is_written_nowhere() {
    let machine = Machine::new();
    let mut image = std::fs::read(&machine.image).unwrap();
    image[IMAGE / 2] ^= 1;
    machine.put("payload/trucgate.raw", &image);
    let output = machine.install("1\nnvme0n1\n\n");
    assert!(!output.status.success());
    let error = text(&output.stderr);
    assert!(error.contains("damaged or was changed"), "{error}");
    assert!(machine.untouched("nvme0n1") && machine.untouched("sda"));
}

#[test]
fn a_disk_in_use_is_shown_and_not_offered() {
    let machine = Machine::new();
    let mounted = machine.at("dev/nvme0n1p1").display().to_string();
    machine.put("proc/self/mounts", format!("{mounted} /data ext4 rw 0 0\n"));
    machine.put("sys/block/sda/sdap1/holders/dm-0", "");
    let output = machine.install("1\nnvme0n1\n\n");
    assert!(!output.status.success());
    let said = text(&output.stdout);
    assert_eq!(
        said.matches("(đang dùng / in use)").count() % 2,
        0,
        "{said}"
    );
    assert!(said.contains("there is no disk to install on"), "{said}");
    assert!(machine.untouched("nvme0n1") && machine.untouched("sda"));
}
