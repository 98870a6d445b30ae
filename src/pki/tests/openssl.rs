//! Our client asks a responder that is none of ours.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself, or it does now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_responder_of_openssl_answers_our_questions_over_http() {
    let clock = Clock::system();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::start(directory.path(), &clock).await;
    let leaf = authority.leaf();
    authority.files(directory.path(), &leaf);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut running = Running(
        Command::new("openssl")
            .args(["ocsp", "-index", "index.txt", "-CA", "issuing.pem"])
            .args([
                "-rsigner",
                "responder.pem",
                "-rkey",
                "responder.key",
                "-nmin",
                "5",
            ])
            .args(["-port", &port.to_string()])
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut told = String::new();
    BufReader::new(running.0.stderr.as_mut().unwrap())
        .read_line(&mut told)
        .unwrap();
    assert!(
        told.contains("waiting") || told.contains("ACCEPT"),
        "{told}"
    );
    let mut config = both(&[&authority], &[]);
    // The root's list of the intermediate; of the leaf only openssl tells.
    config.lists.truncate(1);
    config.responders = vec![ResponderSource {
        urls: vec![format!("http://127.0.0.1:{port}/ocsp")],
        issuer: Some(directory.path().join("issuing.pem")),
        nonce: true,
    }];
    config.fetch_seconds = 5;
    let kept = Kept::start(directory.path(), config, &clock);
    kept.until(&leaf, Ok(())).await;
    // One that is not in its index: unknown, and never gone on with.
    let stranger = authority.leaf();
    kept.until(&stranger, Err(Verdict::RevocationUnknown)).await;
    let told = async {
        loop {
            let refusal = kept.judge(&stranger).unwrap_err();
            if refusal.detail.contains("does not know it") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
}
