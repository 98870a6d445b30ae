//! Every command killed at a random moment and repeated: the state is right, no orphan key, no half-written certificate.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::bench::{Machine, words};
use crate::town::Town;

const MEMBERS: [&str; 2] = ["000.00.00.H41", "000.00.00.H14"];

/// Seeds of this run: `TRUCGATE_SEEDS`, 3 unless said.
fn seeds() -> u64 {
    std::env::var("TRUCGATE_SEEDS").map_or(3, |seeds| seeds.parse().expect("a number"))
}

/// A small generator: the same seed kills at the same moments (SplitMix64).
struct Dice(u64);

impl Dice {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn every_command_may_be_killed_and_repeated() {
    let town = Town::open_with(Machine::networked, 10_000);
    // How long each command takes, learnt while they are repeated.
    let mut usual: HashMap<String, Duration> = HashMap::new();
    let (mut kills, mut commands) = (0, 0);
    for seed in 0..seeds() {
        let own = Machine::networked(&town.directory, &format!("box-{seed}"));
        let code = format!("00.{:02}.W{:02}", 10 + seed / 90, 10 + seed % 90);
        let members: Vec<String> = MEMBERS.iter().map(|m| format!("{m}.{seed}")).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let plan = town.plan(&own, &code, &members);
        let mut dice = Dice(seed);
        town.follow(&own, &plan, |at, line| {
            commands += 1;
            let verb = verb_of(line);
            let usual_time = usual.get(&verb).copied();
            let longest = usual_time.unwrap_or(Duration::from_millis(400));
            if at.killed(line, longest.mul_f64(dice.fraction())) {
                kills += 1;
            }
            let started = Instant::now();
            let output = at.run(line);
            usual.insert(verb, started.elapsed());
            let said = words(&output);
            // A close that got through before the kill is told that it is closed, which is what was wanted.
            if output.status.success() {
                Ok(said)
            } else {
                Err(format!("seed {seed}: {said}"))
            }
        });
        right_state(&own, &members, seed);
    }
    assert!(
        kills * 4 > commands,
        "{kills} kills in {commands} commands are too few"
    );
    eprintln!("{kills} kills in {commands} commands");
}

/// The words that say what a command does.
fn verb_of(line: &str) -> String {
    let words = line.split(' ').filter(|word| {
        word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with("--")
    });
    words.collect::<Vec<_>>().join(" ")
}

fn right_state(own: &Machine, members: &[&str], seed: u64) {
    let mut labels: Vec<String> = members.iter().map(|code| format!("seal-{code}")).collect();
    labels.push("tls".to_owned());
    labels.sort();
    assert_eq!(
        own.labels("trucgate"),
        (labels.clone(), labels.clone()),
        "seed {seed}"
    );
    for label in &labels {
        let request = own.at().join(format!("provision/requests/{label}.csr"));
        let asked = own.good(&format!(
            "openssl req -in {} -noout -pubkey",
            request.display()
        ));
        let chain = own.at().join(format!("certificates/{label}.pem"));
        let got = own.good(&format!(
            "openssl x509 -in {} -noout -pubkey",
            chain.display()
        ));
        assert_eq!(asked, got, "seed {seed}: {label}");
    }
    let said = own.good(&format!(
        "trucgate provision status --dir {}",
        own.at().display()
    ));
    assert!(said.contains("Xong."), "seed {seed}: {said}");
    for directory in ["", "certificates", "provision", "provision/requests"] {
        for entry in std::fs::read_dir(own.at().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            assert!(
                path.extension().is_none_or(|e| e != "part"),
                "seed {seed}: {path:?}"
            );
        }
    }
    let state = std::fs::read_to_string(own.at().join("provision/state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(
        state["tested"]["docs"].as_array().unwrap().len(),
        members.len(),
        "seed {seed}"
    );
}
