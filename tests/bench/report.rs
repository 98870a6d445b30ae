//! The table for people and `target/bench.json` for machines.

use std::path::Path;

use serde::Serialize;
use trucgate::durable::Disk;

/// One figure, and what it stands beside.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) peer: Option<f64>,
    pub(crate) ratio: Option<f64>,
    /// What the peer is, and the aim.
    #[serde(skip)]
    pub(crate) beside: &'static str,
}

impl Row {
    pub(crate) fn alone(name: &str, value: f64, unit: &'static str, beside: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            value: rounded(value),
            unit,
            peer: None,
            ratio: None,
            beside,
        }
    }

    pub(crate) fn beside(
        name: &str,
        value: f64,
        unit: &'static str,
        peer: Option<f64>,
        beside: &'static str,
    ) -> Self {
        Self {
            peer: peer.map(rounded),
            ratio: peer.map(|peer| rounded(value / peer)),
            ..Self::alone(name, value, unit, beside)
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Prints the table and writes the JSON, whatever came of the run.
pub(crate) fn write(
    rows: &[Row],
    steady: u64,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    println!("\n{}\n", machine(steady));
    println!(
        "{:<30} {:>12} {:<8} {:>12} {:>7}  beside",
        "name", "value", "unit", "peer", "ratio"
    );
    for row in rows {
        let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.2}"));
        println!(
            "{:<30} {:>12.2} {:<8} {:>12} {:>7}  {}",
            row.name,
            row.value,
            row.unit,
            number(row.peer),
            number(row.ratio),
            row.beside
        );
    }
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = house.join("target/bench.json");
    Disk::real().replace(&file, &serde_json::to_vec_pretty(rows)?)?;
    println!("\nwritten to target/bench.json");
    Ok(())
}

fn machine(steady: u64) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = read("/proc/loadavg");
    let before: Vec<&str> = load.split(' ').take(3).collect();
    let commit = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output()
        .ok()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    format!(
        "{model}, {cores} cores, Linux {}, load {} at the end, commit {commit}, {steady} s steady a row (median of five parts), \
         RSA-2048 seal keys in SoftHSM2, software over HTTPS with connections kept",
        read("/proc/sys/kernel/osrelease").trim(),
        before.join(" "),
    )
}
