//! Heads of logs are stamped with the time by the TEST CA's authority, a real process, and nothing waits for it.

use std::process::Command;

use serde_json::Value;
use trucgate::clock::Chance;
use trucgate::cmd::demo::exchange::{Exchange, READY, is};
use trucgate::cmd::demo::process::Process;
use trucgate::journal::ids;
use trucgate::provision::lab::free_address;
use trucgate::seal::Bundle;
use trucgate::vxp::Transport;

use crate::world::{
    PATIENCE, RECEIVERS, SENDER, World, document, executable, plan, send, sent_as, until, write,
};

/// A TEST CA beside the exchange's own: its root is one more anchor, its authority stamps.
struct Stamping {
    directory: std::path::PathBuf,
    listen: String,
    process: Option<Process>,
}

impl Stamping {
    fn lay(world: &World) -> Self {
        let directory = world.directory.path().join("stamping");
        std::fs::create_dir_all(directory.join("tokens")).unwrap();
        write(
            &directory.join("softhsm2.conf"),
            format!(
                "directories.tokendir = {}/tokens\nlog.level = ERROR\n",
                directory.display()
            ),
        );
        let one = Self {
            listen: free_address(&Chance::system()).unwrap().to_string(),
            directory,
            process: None,
        };
        let done = Command::new(executable())
            .args(["provision", "ca", "init", "--dir"])
            .arg(one.ca())
            .env("SOFTHSM2_CONF", one.directory.join("softhsm2.conf"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        one
    }

    fn ca(&self) -> std::path::PathBuf {
        self.directory.join("ca")
    }

    fn begin(&mut self) {
        let ca = self.ca();
        let ca = ca.to_string_lossy();
        let arguments = [
            "provision",
            "ca",
            "tsa",
            "--dir",
            &ca,
            "--listen",
            &self.listen,
        ];
        let config = self.directory.join("softhsm2.conf");
        let environment = [("SOFTHSM2_CONF", config.as_path())];
        let mut process = Process::start(
            "tsa",
            executable(),
            &arguments,
            &environment,
            &self.directory,
        )
        .unwrap();
        process.ready(READY).unwrap();
        self.process = Some(process);
    }

    /// The sender's box asks it for a stamp each second, and trusts its root.
    fn configure(&self, world: &World) {
        let config = world.exchange.lab.boxes[0].config();
        let text = std::fs::read_to_string(&config).unwrap();
        let ca = self.ca();
        let root = format!("anchors = [\"{}\", ", ca.join("root.pem").display());
        let lists: Vec<String> = ["root.crl", "agency.crl"]
            .map(|name| format!("\"{}\"", ca.join(name).display()))
            .to_vec();
        let middle = format!("intermediates = [\"{}\", ", ca.join("agency.pem").display());
        let lists = format!("revocation_lists = [{}, ", lists.join(", "));
        let text = text
            .replace("anchors = [", &root)
            .replace("intermediates = [", &middle)
            .replace("revocation_lists = [", &lists);
        let stamps = format!(
            "\n[time_stamps]\nurls = [\"http://{}/\"]\nevery_seconds = 1\n",
            self.listen
        );
        write(&config, text + &stamps);
    }
}

/// The sender's proof, once it has that many stamps.
async fn proof(world: &World, doc: &str, stamps: usize) -> Vec<u8> {
    let software = world.software(SENDER);
    until(async || {
        let mut answer = software.proof(doc).await.ok()?;
        let bytes = answer.body.read_all(1 << 22).await.ok()?;
        let bundle = Bundle::from_json(&bytes).ok()?;
        (bundle.stamps.len() == stamps).then(|| bytes.to_vec())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_carries_a_stamp_that_strangers_verify_and_nothing_waits_for_one() {
    let directory = tempfile::tempdir().unwrap();
    let exchange = Exchange::lay(&plan(), directory.path(), executable()).unwrap();
    let mut world = World {
        exchange,
        directory,
    };
    let mut stamping = Stamping::lay(&world);
    stamping.configure(&world);
    world.exchange.start_all().unwrap();
    let sender = world.software(SENDER);

    // The authority is away: the document travels, and the journal says who is away.
    let doc = send(&sender, document(&RECEIVERS[..1], 1).edxml().unwrap()).await;
    sent_as(&sender, &doc, Transport::Processing).await;
    let relay = world.exchange.relay(0).unwrap();
    let away =
        |line: &Value| is(line, &ids::REVOCATION_SOURCE_AWAY) && line["STEP"] == "time stamp";
    let (_, line) = relay.line(0, PATIENCE, away).unwrap();
    assert!(
        line["PEER"].as_str().unwrap().contains(&stamping.listen),
        "{line}"
    );
    proof(&world, &doc, 0).await;

    // It comes, and the head that was there already is stamped.
    stamping.begin();
    let bytes = proof(&world, &doc, 1).await;
    let path = world.directory.path().join("proof.json");
    write(&path, &bytes);
    let lab = &world.exchange.lab;
    let verify = |more: &[&std::ffi::OsStr]| {
        let done = Command::new(executable())
            .args(["evidence", "verify", "--proof"])
            .arg(&path)
            .arg("--anchors")
            .arg(lab.anchors())
            .args(more)
            .output()
            .unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned(),
        )
    };
    let root = stamping.ca().join("root.pem");
    let (code, told) = verify(&[root.as_os_str()]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("(by a time stamp)") && told.contains("[stamp-1]"),
        "{told}"
    );
    // Who does not trust that authority is not told anything by it.
    let (code, told) = verify(&[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("✗ [stamp-1]"), "{told}");

    // A document after it has a stamp of its own later head.
    let doc = send(&sender, document(&RECEIVERS[..1], 2).edxml().unwrap()).await;
    proof(&world, &doc, 1).await;
}
