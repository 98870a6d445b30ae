//! A machine's disks, as a person tells them apart: what the kernel (sysfs) and udev's database know of each.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The unit in which sysfs counts, whatever a disk's own sectors are.
const SECTOR: u64 = 512;
/// Devices of the kernel's own making, and drives that are no disks.
const NO_DISKS: [&str; 8] = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The kernel's name, such as `sda`.
    pub name: String,
    /// Its device.
    pub device: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Maker's name for it; may be empty.
    pub model: String,
    /// Its serial number; may be empty.
    pub serial: String,
    /// Labels of its partitions, or their file systems' labels; `?` where one has none.
    pub partitions: Vec<String>,
    /// Something of it is mounted, or part of another device.
    pub used: bool,
}

impl Disk {
    /// What a person types so that it is this disk and no other: the end of its serial number, or its name.
    #[must_use]
    pub fn word(&self) -> String {
        let end = self.serial.char_indices().rev().nth(3);
        match end {
            Some((at, _)) => self.serial[at..].to_owned(),
            None => self.name.clone(),
        }
    }

    /// Whether a partition has this label.
    #[must_use]
    pub fn has(&self, label: &str) -> bool {
        self.partitions.iter().any(|one| one == label)
    }
}

/// The disks of the machine whose root is `system`, by name.
///
/// # Errors
/// When the kernel's list can't be read.
pub fn disks(system: &Path) -> io::Result<Vec<Disk>> {
    let mounts = fs::read_to_string(system.join("proc/self/mounts")).unwrap_or_default();
    let mut all = Vec::new();
    for entry in fs::read_dir(system.join("sys/block"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if NO_DISKS.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        let disk = look(system, &mounts, name);
        if disk.bytes > 0 {
            all.push(disk);
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn look(system: &Path, mounts: &str, name: String) -> Disk {
    let home = system.join("sys/block").join(&name);
    let told = known(system, &home);
    let parts = parts(&home);
    let device = system.join("dev").join(&name);
    let mounted = |device: &Path| {
        let device = device.to_string_lossy();
        mounts
            .lines()
            .any(|line| line.split(' ').next() == Some(device.as_ref()))
    };
    let used = mounted(&device)
        || held(&home)
        || parts.iter().any(|part| {
            let of_part = part.file_name().map(|name| system.join("dev").join(name));
            held(part) || of_part.is_some_and(|device| mounted(&device))
        });
    let say = |key: &str, file: &str| told.get(key).cloned().unwrap_or_else(|| line(&home, file));
    Disk {
        bytes: line(&home, "size").parse::<u64>().unwrap_or(0) * SECTOR,
        model: say("ID_MODEL", "device/model").replace('_', " "),
        serial: say("ID_SERIAL_SHORT", "serial"),
        partitions: parts.iter().map(|part| label(system, part)).collect(),
        used,
        device,
        name,
    }
}

/// Directories of its partitions, in their order.
fn parts(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let mut parts: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("partition").exists())
        .collect();
    parts.sort_by_key(|part| line(part, "partition").parse::<u32>().unwrap_or(u32::MAX));
    parts
}

fn held(device: &Path) -> bool {
    fs::read_dir(device.join("holders")).is_ok_and(|mut holders| holders.next().is_some())
}

fn label(system: &Path, part: &Path) -> String {
    let told = known(system, part);
    let of = |key: &str| told.get(key).filter(|text| !text.is_empty()).cloned();
    of("ID_PART_ENTRY_NAME")
        .or_else(|| of("ID_FS_LABEL"))
        .unwrap_or_else(|| "?".to_owned())
}

/// What udev's database says of a device.
fn known(system: &Path, device: &Path) -> HashMap<String, String> {
    let file = system
        .join("run/udev/data")
        .join(format!("b{}", line(device, "dev")));
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("E:")?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect()
}

fn line(device: &Path, file: &str) -> String {
    let text = fs::read_to_string(device.join(file)).unwrap_or_default();
    text.trim().to_owned()
}
