//! Restores the last backup on trial: from the file itself, into a scratch directory, and verifies all that is in it.
//!
//! It proves that the file is whole, signed by this box and addressed to the agency's certificate, and that what comes out
//! of it is a sound store with every log from record to head and every body. It opens the file with the content key that
//! the box keeps until the next backup, so that it does not prove that the agency still has its private key: that shows
//! only where the key is, by `trucgate backup envelope` and `openssl cms -decrypt`.

use std::path::Path;

use data_encoding::HEXLOWER;

use super::{At, alone, directory_of, hand_over, make, say, signed_by};
use crate::backup::{Contents, Error, Last, Rehearsal, check, envelope, extract, inspect};
use crate::cmd::run::Failure;
use crate::config::RelayConfig;
use crate::durable::{Disk, free_bytes};
use crate::journal::{self, ids};
use crate::relay::SCHEMAS;

/// Name of the scratch directory in a state directory.
const SCRATCH: &str = "rehearsal";

pub(super) fn run(at: &At) -> Result<(), Failure> {
    let config = at.load()?;
    let (state, disk) = (&config.own.state, Disk::real());
    let _alone = alone(state)?;
    let none = || {
        Failure::other(
            "chưa có bản sao lưu nào / there is no backup yet: trucgate backup --out FILE",
        )
    };
    let mut last = Last::read(state)
        .map_err(Failure::other)?
        .ok_or_else(none)?;
    let scratch = state.join(SCRATCH);
    let tidy = || disk.remove_tree(&scratch).map_err(Failure::other);
    tidy()?;
    let outcome = rehearsed(&config, &last, &scratch, &disk);
    tidy()?;
    last.rehearsal = Some(Rehearsal {
        at: config.test.clock().now(),
        failed: outcome.as_ref().err().map(ToString::to_string),
    });
    let kept = last.keep(&disk, state).map_err(Failure::other)?;
    hand_over(&kept, state)?;
    match outcome {
        Ok(contents) => {
            let what = format!(
                "{} logs, {} records, {} bodies of {} bytes",
                contents.logs.len(),
                contents.logs.iter().map(|log| log.records).sum::<u64>(),
                contents.bodies,
                contents.bytes
            );
            journal::line(&ids::BACKUP_REHEARSED)
                .step("rehearse")
                .reason(format_args!("{}: {what}", last.file.display()))
                .say("the last backup was restored on trial, and all of it holds");
            say(&format!("Bản sao lưu dùng được / the backup holds: {what}"));
            Ok(())
        }
        Err(error) => {
            journal::line(&ids::BACKUP_REHEARSAL_FAILED)
                .step("rehearse")
                .reason(format_args!("{}: {error}", last.file.display()))
                .next("make a new backup and rehearse it; keep the older ones until one passes")
                .say("the last backup could not be restored on trial");
            Err(Failure::other(error))
        }
    }
}

fn rehearsed(
    config: &RelayConfig,
    last: &Last,
    scratch: &Path,
    disk: &Disk,
) -> Result<Contents, Error> {
    let checked = check(&last.file)?;
    if checked.digest != last.digest || checked.header != last.header {
        return Err(Error::Altered("it is not the file that was written".into()));
    }
    signed_by(config, &checked, None)?;
    let recipients = make::recipients(config);
    let recipients = recipients.map_err(|failure| Error::Recipient(failure.reason().to_owned()))?;
    envelope::judge(&checked.envelope, &recipients)?;
    let mut key = envelope::ContentKey::default();
    HEXLOWER
        .decode_mut(last.key.as_bytes(), &mut key[..])
        .map_err(|_| Error::Key("what this box has kept is no key".into()))?;
    disk.make_dir(scratch)?;
    // What is in it takes no more room than the file, nearly.
    let (free, reserve) = (free_bytes(scratch)?, config.relay.reserve_bytes);
    if free < last.bytes.saturating_add(reserve) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::StorageFull,
            format!(
                "{free} bytes are free, {} are needed beside the reserve of {reserve}",
                last.bytes
            ),
        )
        .into());
    }
    extract(&last.file, &checked, &key, disk, scratch)?;
    let directory = directory_of(config, scratch)?;
    signed_by(config, &checked, Some(&directory))?;
    let contents = inspect(scratch, SCHEMAS)?;
    for log in &checked.header.logs {
        let same = contents.logs.iter().any(|one| {
            one.log == log.member && one.size == log.size && HEXLOWER.encode(&one.root) == log.root
        });
        if !same {
            let what = format!("the log of {} does not end at {}", log.member, log.size);
            return Err(Error::Content(what));
        }
    }
    Ok(contents)
}
