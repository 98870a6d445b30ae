//! What the operator enters into the register from files.

use std::path::Path;

use super::{open_store, ordered};
use crate::cmd::run::{self, Failure};
use crate::config::HubConfig;
use crate::durable::Disk;
use crate::hub::admin::{self, Change, Imported};

/// Enters a file of changes, all or none.
pub(super) fn apply(config: &HubConfig, file: &Path) -> Result<(), Failure> {
    let changes: Vec<Change> =
        serde_json::from_str(&text(file)?).map_err(|error| told(file, &error))?;
    let count = changes.len();
    let order = ordered(config);
    let store = open_store(config, &Disk::real())?;
    run::process(1, |_| async move {
        admin::apply(&store, order, changes)
            .await
            .map_err(Failure::other)?;
        println!(
            "Đã ghi {count} thay đổi; danh bạ mới được phát hành trong giây lát. / {count} changes entered."
        );
        Ok(())
    })
}

/// Enters the members of a table and prints the lines that were refused.
pub(super) fn import(config: &HubConfig, file: &Path, skip_refused: bool) -> Result<(), Failure> {
    let table = text(file)?;
    let order = ordered(config);
    let store = open_store(config, &Disk::real())?;
    run::process(1, |_| async move {
        let imported = admin::import(&store, &order, &table, skip_refused)
            .await
            .map_err(|error| told(file, &error))?;
        let Imported {
            added,
            changed,
            unchanged,
            refused,
            entered,
        } = imported;
        for line in &refused {
            eprintln!("{}: {line}", file.display());
        }
        if !entered {
            let count = refused.len();
            return Err(Failure::configuration(format!(
                "{count} dòng sai nên chưa nhập gì; sửa rồi nhập lại, hoặc --skip-refused để nhập {} dòng đúng / \
                 {count} lines are wrong, nothing was entered: mend them, or --skip-refused enters the others",
                added + changed + unchanged
            )));
        }
        println!(
            "Đã nhập: {added} đơn vị mới, {changed} thay đổi, {unchanged} giữ nguyên, {} dòng bỏ qua. / \
             {added} new, {changed} changed, {unchanged} unchanged, {} lines skipped.",
            refused.len(),
            refused.len()
        );
        Ok(())
    })
}

fn text(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    }
    .map_err(|error| told(file, &error))
}

fn told(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::configuration(format!("{}: {error}", file.display()))
}
