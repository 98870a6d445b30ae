//! Two operators with certificates of the lab's authority, and what they type.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

use trucgate::trust::directory::Fingerprint;
use trucgate::trust::issue::{TestKey, Use, Wanted};
use trucgate::trust::pem;

use super::machines::Who;
use super::{World, executable, now, write};

/// An operator's file.
pub struct Operator {
    pub file: PathBuf,
    pub print: Fingerprint,
    name: &'static str,
}

/// Makes an operator, listed nowhere yet.
pub fn operator(world: &World, name: &'static str) -> Operator {
    let (lab, key) = (&world.exchange.lab, TestKey::new().unwrap());
    let der = lab
        .issue(&Wanted {
            spki_der: &key.spki_der(),
            usage: Use::Tls { names: &[] },
            code: None,
            name,
            not_before: now() - time::Duration::days(1),
            not_after: now() + time::Duration::days(365),
        })
        .unwrap();
    let place = |end: &str| world.directory.path().join(format!("{name}.{end}"));
    write(&place("pem"), pem::encode("CERTIFICATE", &der));
    write(&place("key"), pem::encode("PRIVATE KEY", &key.pkcs8_der()));
    let file = place("toml");
    write(
        &file,
        format!(
            "name = \"{name}\"\ncertificate = {:?}\nkey = {:?}\nanchors = [{:?}]\nintermediates = [{:?}]\nserver_name = \"localhost\"\n",
            place("pem"),
            place("key"),
            lab.anchors(),
            lab.intermediates(),
        ),
    );
    Operator {
        file,
        print: Fingerprint::of(&der),
        name,
    }
}

/// Lists operators at a machine, with a management address, and starts it anew. A role is a word, or `view of CODE` where
/// it reaches no further than one member.
pub fn employ(world: &mut World, who: Who, operators: &[(&Operator, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let config = world.machine(who).config();
    let mut text = std::fs::read_to_string(&config).unwrap();
    text += &format!("\n[control]\nlisten = \"{address}\"\n");
    for (operator, role) in operators {
        let (role, only) = role.split_once(" of ").unwrap_or((role, ""));
        text += &format!(
            "[[control.operators]]\nname = \"{}\"\ncertificate = \"{}\"\nroles = [\"{role}\"]\n",
            operator.name, operator.print
        );
        if !only.is_empty() {
            text += &format!("members = [\"{only}\"]\n");
        }
    }
    write(&config, text);
    world.kill(who);
    world.again(who);
    address
}

impl Operator {
    /// Certificate and key, as a browser takes them.
    pub fn pair(&self) -> (PathBuf, PathBuf) {
        (
            self.file.with_extension("pem"),
            self.file.with_extension("key"),
        )
    }

    /// Runs a command at the local socket of `who`.
    pub fn types(&self, world: &World, who: Who, arguments: &[&str]) -> Output {
        let socket = world.machine(who).state().join("control.sock");
        Command::new(executable())
            .args(arguments)
            .arg("--socket")
            .arg(socket)
            .arg("--operator")
            .arg(&self.file)
            .output()
            .unwrap()
    }

    /// Runs a command from afar.
    pub fn types_from_afar(&self, address: &str, arguments: &[&str]) -> Output {
        Command::new(executable())
            .args(["--box", address])
            .arg("--operator")
            .arg(&self.file)
            .args(arguments)
            .output()
            .unwrap()
    }
}

/// What a command that had to succeed printed.
pub fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}{text}");
    text
}

/// What a command that had to fail said.
pub fn failed(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The id in what `agree propose` printed.
pub fn id_in(proposed: &str) -> String {
    let line = proposed.lines().find_map(|line| line.strip_prefix("id: "));
    line.unwrap().to_owned()
}
