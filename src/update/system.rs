//! The machine that is to be updated, as its read-only root describes it.

use std::path::Path;

use super::Version;
use super::refused::Error;
use crate::trust::pem;

/// Product, version and builder of what runs.
#[derive(Clone, Debug)]
pub struct System {
    /// Name of the product.
    pub product: String,
    /// Kind of machine, as systemd names it.
    pub architecture: String,
    /// The version that runs.
    pub running: Version,
    /// Its own floor.
    pub floor: Version,
    /// Certificates whose keys sign updates, in DER. Two while a key is being replaced.
    pub(super) builders: Vec<Vec<u8>>,
}

impl System {
    /// Reads it below `root`: `etc/os-release`, `usr/lib/trucgate/update.crt` and `usr/lib/trucgate/floor`.
    ///
    /// # Errors
    /// What is missing: a machine that was not made from an image takes no updates.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let file = |name: &str| {
            let path = root.join(name);
            std::fs::read(&path).map_err(|error| {
                Error::at(
                    path.display(),
                    format!(
                        "{error}\nchỉ thiết bị tạo từ ảnh hệ thống mới cập nhật được / only a machine made from an image takes updates"
                    ),
                )
            })
        };
        let release = String::from_utf8_lossy(&file("etc/os-release")?).into_owned();
        let value = |key: &str| {
            let line = release.lines().find_map(|line| line.strip_prefix(key));
            line.map(|value| value.trim_matches('"').to_owned())
                .ok_or_else(|| Error::at("etc/os-release", format!("no {key}")))
        };
        let certificates = file("usr/lib/trucgate/update.crt")?;
        let floor = String::from_utf8_lossy(&file("usr/lib/trucgate/floor")?).into_owned();
        let version = |text: &str| {
            text.trim()
                .parse()
                .map_err(|why| Error::at(root.display(), why))
        };
        Ok(Self {
            product: value("IMAGE_ID=")?,
            architecture: std::env::consts::ARCH.replace('_', "-"),
            running: version(&value("IMAGE_VERSION=")?)?,
            floor: version(&floor)?,
            builders: pem::certificates(&certificates)
                .filter(|all| !all.is_empty())
                .ok_or_else(|| Error::at("usr/lib/trucgate/update.crt", "no certificate"))?,
        })
    }
}
