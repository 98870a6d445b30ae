//! The TEST CA's responder and time-stamp authority as real processes, asked by openssl and curl.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use trucgate::durable::Disk;

struct Ca {
    directory: TempDir,
}

/// A server of the CA, ended with the test.
struct Server {
    process: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself, or it does now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ca {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tokens = directory.path().join("tokens");
        Disk::real().make_dir(&tokens).unwrap();
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        put(&directory.path().join("softhsm2.conf"), &config);
        let ca = Self { directory };
        ca.provision(&["init", "--dir", "ca"]);
        ca
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.directory.path())
            .env("SOFTHSM2_CONF", self.directory.path().join("softhsm2.conf"));
        command
    }

    fn run(&self, mut command: Command) -> String {
        let done = command.output().unwrap();
        let told = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(done.status.success(), "{command:?}: {told}");
        told
    }

    fn provision(&self, arguments: &[&str]) -> String {
        let mut command = self.command(env!("CARGO_BIN_EXE_trucgate"));
        command.args(["provision", "ca"]).args(arguments);
        self.run(command)
    }

    fn openssl(&self, line: &str) -> String {
        let mut command = self.command("openssl");
        command.args(line.split_whitespace());
        self.run(command)
    }

    fn serve(&self, verb: &str) -> Server {
        let mut process = self
            .command(env!("CARGO_BIN_EXE_trucgate"))
            .args([
                "provision",
                "ca",
                verb,
                "--dir",
                "ca",
                "--listen",
                "127.0.0.1:0",
            ])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .find_map(|line| {
                let line: Value = serde_json::from_str(&line.ok()?).ok()?;
                let (_, address) = line["MESSAGE"].as_str()?.split_once(" answers at ")?;
                Some(address.to_owned())
            })
            .expect("it answers");
        // What it still says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Server {
            process,
            url: format!("http://{address}"),
        }
    }
}

fn put(path: &Path, text: &str) {
    Disk::real().replace(path, text.as_bytes()).unwrap();
}

#[test]
fn the_responder_answers_openssl_and_a_revocation_counts_at_once() {
    let ca = Ca::new();
    ca.openssl("ecparam -genkey -name prime256v1 -noout -out leaf.key");
    ca.openssl(
        "req -new -key leaf.key -subj /CN=leaf -addext extendedKeyUsage=serverAuth,clientAuth \
         -addext subjectAltName=DNS:localhost,URI:urn:trucgate:member:000.00.00.G22 -out leaf.csr",
    );
    // Beside the request, which has no directory in its name.
    ca.provision(&["issue", "--dir", "ca", "leaf.csr"]);
    let server = ca.serve("ocsp");
    let ask = |issuer: &str, certificate: &str, more: &str| {
        ca.openssl(&format!(
            "ocsp -issuer ca/{issuer}.pem {more}-cert {certificate} -url {}/ocsp -CAfile ca/root.pem \
             -verify_other ca/{issuer}.pem",
            server.url
        ))
    };
    // With a nonce, which openssl compares, and with either hash.
    for hash in ["", "-sha256 "] {
        let told = ask("server", "leaf.pem", hash);
        assert!(
            told.contains("Response verify OK") && told.contains("leaf.pem: good"),
            "{told}"
        );
        assert!(!told.contains("WARNING"), "{told}");
    }
    let told = ask("root", "ca/server.pem", "");
    assert!(told.contains("ca/server.pem: good"), "{told}");
    // A serial number that nobody has issued is not good.
    let told = ca.openssl(&format!(
        "ocsp -issuer ca/server.pem -serial 0x4711 -url {}/ocsp -CAfile ca/root.pem -verify_other ca/server.pem",
        server.url
    ));
    assert!(told.contains("0x4711: unknown"), "{told}");

    let serial = ca.openssl("x509 -in leaf.pem -noout -serial");
    let serial = serial.trim().strip_prefix("serial=").unwrap();
    ca.provision(&[
        "revoke",
        "--dir",
        "ca",
        "--serial",
        serial,
        "--reason",
        "keyCompromise",
    ]);
    let told = ask("server", "leaf.pem", "");
    assert!(told.contains("leaf.pem: revoked"), "{told}");
    // The list beside it says so, too.
    let mut curl = ca.command("curl");
    curl.args(["-sSf", "-o", "server.crl"])
        .arg(format!("{}/server.crl", server.url));
    ca.run(curl);
    let told = ca.openssl("crl -in server.crl -inform DER -CAfile ca/server.pem -text -noout");
    assert!(told.contains(serial), "{told}");
    // What is no question is answered so.
    put(&ca.directory.path().join("nonsense"), "nonsense");
    let mut curl = ca.command("curl");
    curl.args(["-sSf", "--data-binary", "@nonsense", "-o", "answer.der"])
        .arg(&server.url);
    ca.run(curl);
    let told = ca
        .command("openssl")
        .args(["ocsp", "-respin", "answer.der"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
    assert!(told.contains("malformedrequest"), "{told}");
}

#[test]
fn the_time_stamp_authority_is_verified_by_openssl() {
    let ca = Ca::new();
    let server = ca.serve("tsa");
    put(&ca.directory.path().join("data"), "checkpoint");
    for (query, more) in [
        ("-cert", ""),
        ("-cert -no_nonce", ""),
        ("", "-untrusted chain.pem"),
    ] {
        ca.openssl(&format!(
            "ts -query -data data -sha256 {query} -out query.tsq"
        ));
        let mut curl = ca.command("curl");
        curl.args(["-sSf", "-H", "Content-Type: application/timestamp-query"])
            .args(["--data-binary", "@query.tsq", "-o", "answer.tsr"])
            .arg(&server.url);
        ca.run(curl);
        let chain = ["tsa.pem", "agency.pem"].map(|name| {
            std::fs::read_to_string(ca.directory.path().join("ca").join(name)).unwrap()
        });
        put(&ca.directory.path().join("chain.pem"), &chain.concat());
        let told = ca.openssl(&format!(
            "ts -verify -in answer.tsr -queryfile query.tsq -CAfile ca/root.pem {more}"
        ));
        assert!(told.contains("Verification: OK"), "{told}");
    }
    // SHA-1 is not stamped.
    ca.openssl("ts -query -data data -sha1 -out query.tsq");
    let mut curl = ca.command("curl");
    curl.args(["-sSf", "--data-binary", "@query.tsq", "-o", "answer.tsr"])
        .arg(&server.url);
    ca.run(curl);
    let told = ca
        .command("openssl")
        .args(["ts", "-reply", "-in", "answer.tsr", "-text"])
        .output();
    let told = String::from_utf8_lossy(&told.unwrap().stdout).into_owned();
    assert!(told.contains("Status: Rejected"), "{told}");
}
