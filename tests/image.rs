//! The appliance's definition, as far as it can be judged without building it. What is built is judged by `make image-test`.

#[path = "image/journal_upload.rs"]
mod journal_upload;
#[path = "tree/files.rs"]
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tree::files;

fn house() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The values of a list in one of mkosi's files.
fn listed(text: &str, key: &str) -> Vec<String> {
    text.lines()
        .skip_while(|line| *line != format!("{key}="))
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .map(|line| line.trim().to_owned())
        .collect()
}

#[test]
fn every_package_is_pinned_by_name_version_and_digest() {
    for (lock, wanted) in [
        (
            "appliance.lock",
            vec!["image/mkosi.conf", "image/mkosi.images/initrd/mkosi.conf"],
        ),
        ("tools.lock", vec![]),
    ] {
        let text = read(&house().join("image").join(lock));
        let mut pinned = BTreeSet::new();
        for line in text.lines() {
            let fields: Vec<_> = line.split(' ').collect();
            let [package, version, digest, path] = fields.as_slice() else {
                panic!("{lock}: {line}");
            };
            assert!(
                version.starts_with(|c: char| c.is_ascii_digit()),
                "{lock}: {line}"
            );
            assert!(
                digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{lock}: {line}"
            );
            assert!(
                path.starts_with("pool/") && path.ends_with(".deb") && !path.contains(".."),
                "{lock}: {line}"
            );
            assert!(
                pinned.insert((*package).to_owned()),
                "{lock}: {package} twice"
            );
        }
        for file in wanted {
            let packages = listed(&read(&house().join(file)), "Packages");
            assert!(!packages.is_empty(), "{file}");
            for package in packages {
                assert!(
                    pinned.contains(&package),
                    "{file}: {package} is not in {lock}: make image-lock"
                );
            }
        }
    }
}

#[test]
fn tools_are_pinned() {
    let lock = read(&house().join("image/tools.lock"));
    for tool in read(&house().join("image/tools.list"))
        .lines()
        .filter(|l| !l.starts_with('#'))
    {
        let pinned = lock
            .lines()
            .any(|line| line.split(' ').next() == Some(tool));
        assert!(pinned, "{tool} is not in tools.lock: make image-lock");
    }
}

#[test]
fn presets_name_units_that_are_there() {
    let appliance = house().join("systemd/appliance/usr/lib/systemd");
    let ours: BTreeSet<_> = files(&appliance.join("system"))
        .into_iter()
        .chain(files(&house().join("systemd")))
        .map(|path| name(&path))
        .collect();
    let preset = read(&appliance.join("system-preset/10-trucgate-appliance.preset"));
    let named: Vec<_> = preset
        .lines()
        .filter_map(|line| line.strip_prefix("enable ")?.split(' ').next())
        .filter(|unit| {
            unit.starts_with("trucgate-")
                || unit.starts_with("etc-")
                || *unit == "provisioned.target"
        })
        .collect();
    assert!(named.len() > 5, "{preset}");
    for unit in named {
        assert!(ours.contains(unit), "{unit}");
    }
    assert!(
        preset.trim_end().ends_with("disable *"),
        "what is not named must not start"
    );
    assert!(
        !preset.contains("trucgate-relay"),
        "provisioned.target alone starts the relay"
    );
}

#[test]
fn every_file_of_the_appliance_is_explained() {
    let readme = read(&house().join("systemd/README.md"));
    for tree in ["appliance", "initrd"] {
        let tree = house().join("systemd").join(tree);
        for file in files(&tree) {
            let inside = file
                .strip_prefix(&tree)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            // A drop-in is known by the unit that it changes.
            let known = inside
                .split('/')
                .find_map(|part| {
                    part.strip_suffix(".d").filter(|unit| {
                        [".service", ".target", ".device"]
                            .iter()
                            .any(|kind| unit.ends_with(kind))
                    })
                })
                .map_or_else(|| name(&file), str::to_owned);
            assert!(
                readme.contains(&format!("`{known}`")),
                "{inside}: {known} is not in systemd/README.md"
            );
        }
    }
}

#[test]
fn scripts_stop_at_the_first_error() {
    for file in files(&house().join("image")) {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        if text.starts_with("#!/bin/bash") {
            let safe = text.contains("set -euo pipefail")
                || text.contains("/vm.sh\"")
                || name(&file) == "run";
            assert!(safe, "{}", file.display());
        }
    }
}
