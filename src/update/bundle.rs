//! A bundle on its way: each proof is made before what it stands for is used.

use std::io::Read;
use std::path::Path;

use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};

use super::container::Container;
use super::manifest::{Manifest, Part};
use super::refused::{Error, Refused};
use super::{System, Version};
use crate::durable::{self, Disk};
use crate::trust::cms;

/// Longest manifest, and longest signature.
const LONGEST: u64 = 64 * 1024;
/// Bytes that stay free beside the parts.
const SPARE: u64 = 64 << 20;

/// How far it is: bytes of all parts that were read, and how many there are.
pub type Progress<'p> = &'p mut dyn FnMut(u64, u64);

/// A bundle whose manifest is signed by the builder; its parts are still to come.
#[derive(Debug)]
pub struct Bundle<R> {
    rest: Container<R>,
    manifest: Manifest,
}

/// A bundle that was read to its end and found good.
#[derive(Debug)]
pub struct Taken {
    /// Its manifest.
    pub manifest: Manifest,
}

impl<R: Read> Bundle<R> {
    /// Reads manifest and signature.
    ///
    /// # Errors
    /// When it is no bundle, or none of the machine's builders has signed it.
    pub fn open(from: R, system: &System) -> Result<Self, Error> {
        let mut rest = Container::new(from);
        let mut whole = |name: &str| {
            let length = rest.file(name)?;
            if length > LONGEST {
                return Err(Refused::NotABundle(format!("{name} is too long")).into());
            }
            let mut bytes = Vec::new();
            rest.content(name, length, &mut |piece| {
                bytes.extend_from_slice(piece);
                Ok(())
            })?;
            Ok::<_, Error>(bytes)
        };
        let text = whole("manifest.toml")?;
        let signature = whole("manifest.p7s")?;
        let signed = cms::verify(&signature, &text)
            .map_err(|refusal| Refused::Stranger(refusal.to_string()))?;
        // The signer comes first. It has to be one of the builder's own certificates, not one that they vouch for.
        let ours = |signer: &Vec<u8>| system.builders.contains(signer);
        if !signed.chain.first().is_some_and(ours) {
            return Err(Refused::Stranger("another key".to_owned()).into());
        }
        Ok(Self {
            rest,
            manifest: Manifest::read(&text)?,
        })
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether the machine may take it; `floor` is the machine's own.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn judge(&self, system: &System, floor: Version) -> Result<(), Refused> {
        let Manifest {
            product,
            architecture,
            version,
            floor: its_floor,
            ..
        } = &self.manifest;
        if (product, architecture) != (&system.product, &system.architecture) {
            return Err(Refused::OtherMachine {
                found: format!("{product} {architecture}"),
                wanted: format!("{} {}", system.product, system.architecture),
            });
        }
        if *version < floor {
            let version = *version;
            return Err(Refused::BelowFloor { version, floor });
        }
        if system.running < *its_floor {
            return Err(Refused::TooFar {
                running: system.running,
                floor: *its_floor,
            });
        }
        if *version == system.running {
            return Err(Refused::Runs(*version));
        }
        Ok(())
    }

    /// Reads the parts to their end and checks them, written nowhere.
    ///
    /// # Errors
    /// When a part is not what the manifest names.
    pub fn check(self, progress: Progress<'_>) -> Result<Taken, Error> {
        self.take(progress, None)
    }

    /// Reads the parts to their end and leaves them in `spool`, as systemd-sysupdate takes them. A part gets its name when
    /// its digest matches.
    ///
    /// # Errors
    /// When a part is not what the manifest names, or the disk can't keep it.
    pub fn unpack(self, disk: &Disk, spool: &Path, progress: Progress<'_>) -> Result<Taken, Error> {
        let needed = self.manifest.size() + SPARE;
        let free = durable::free_bytes(spool).map_err(|error| Error::at(spool.display(), error))?;
        if free < needed {
            return Err(Refused::NoRoom { needed, free }.into());
        }
        self.take(progress, Some((disk, spool)))
    }

    fn take(mut self, progress: Progress<'_>, to: Option<(&Disk, &Path)>) -> Result<Taken, Error> {
        let (mut read, all) = (0, self.manifest.size());
        for ((name, part), file) in self.manifest.parts().into_iter().zip(self.manifest.names()) {
            let length = self.rest.file(name)?;
            if length != part.size {
                let why = format!("{name} has {length} bytes instead of {}", part.size);
                return Err(Refused::Changed(why).into());
            }
            let path = to.map(|(_, spool)| spool.join(&file));
            let keeping = |error| Error::at(&file, error);
            let mut draft = match (to, &path) {
                (Some((disk, _)), Some(path)) => Some(disk.draft(path).map_err(keeping)?),
                _ => None,
            };
            let mut sum = Context::new(&SHA256);
            self.rest.content(name, length, &mut |piece| {
                sum.update(piece);
                read += piece.len() as u64;
                progress(read, all);
                match &mut draft {
                    Some(draft) => draft.append(piece).map_err(keeping),
                    None => Ok(()),
                }
            })?;
            same(name, part, sum)?;
            if let Some(mut draft) = draft {
                draft.lengthen(part.whole()).map_err(keeping)?;
                draft.finish().map_err(keeping)?;
            }
        }
        self.rest.end()?;
        Ok(Taken {
            manifest: self.manifest,
        })
    }
}

fn same(name: &str, part: &Part, sum: Context) -> Result<(), Refused> {
    if HEXLOWER.encode(sum.finish().as_ref()) == part.sha256 {
        Ok(())
    } else {
        Err(Refused::Changed(format!("SHA-256 of {name}")))
    }
}
