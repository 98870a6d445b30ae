//! A bundle over HTTPS, from a server that is none of ours.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use trucgate::clock::Chance;
use trucgate::journal::ids;
use trucgate::provision::lab::free_address;

use super::world::{Builder, Machine};

/// `openssl s_server` over the files of a directory, under a certificate of its own for `localhost`.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn over(directory: &Path) -> Self {
        let made = Command::new("openssl")
            .args("req -x509 -newkey rsa:2048 -noenc -days 2 -subj /CN=localhost -keyout server.key -out server.pem".split(' '))
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(directory)
            .output()
            .unwrap();
        assert!(made.status.success());
        let port = free_address(&Chance::system()).unwrap().port();
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-WWW",
                "-quiet",
                "-key",
                "server.key",
                "-cert",
                "server.pem",
            ])
            .args(["-accept", &format!("127.0.0.1:{port}")])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the server does not start");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_bundle_is_fetched_and_kept_only_when_server_and_builder_are_known() {
    let (builder, stranger) = (Builder::new(), Builder::new());
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    builder.bundle("trucgate", "0.2.0", "0.1.0");
    stranger.bundle("trucgate", "0.3.0", "0.1.0");
    let kept = machine.directory.path().join("fetched.update");
    let fetch = |server: &Server, name: &str, anchors: &Path| {
        let url = format!("https://localhost:{}/{name}", server.port);
        let anchors = anchors.to_str().unwrap();
        machine.told(&[
            "fetch",
            &url,
            "--anchors",
            anchors,
            "--to",
            kept.to_str().unwrap(),
        ])
    };
    let served = Server::over(builder.directory.path());
    let anchor = builder.directory.path().join("server.pem");
    let (good, told) = fetch(&served, "trucgate_0.2.0.update", &anchor);
    assert!(good, "{told}");
    let bundle = builder.directory.path().join("trucgate_0.2.0.update");
    assert!(std::fs::read(&kept).unwrap() == std::fs::read(bundle).unwrap());
    let (good, told) = machine.told(&["check", kept.to_str().unwrap()]);
    assert!(good, "{told}");

    // What was kept goes with the next try, so that nobody takes it for the new one.
    let (good, told) = fetch(&served, "nothing.update", &anchor);
    assert!(!good && !kept.exists(), "{told}");
    let (good, told) = fetch(
        &served,
        "trucgate_0.2.0.update",
        &stranger.keys().join("update.crt"),
    );
    assert!(
        !good && told.contains(ids::UPDATE_NOT_WRITTEN.message_id),
        "{told}"
    );
    let others = Server::over(stranger.directory.path());
    let (good, told) = fetch(
        &others,
        "trucgate_0.3.0.update",
        &stranger.directory.path().join("server.pem"),
    );
    assert!(
        !good && told.contains(ids::UPDATE_REFUSED.message_id),
        "{told}"
    );
    assert!(!kept.exists() && !kept.with_extension("fetched").exists());
}
