//! Two operators with certificates of the lab's authority, and what they type.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

use trucgate::clock::Chance;
use trucgate::durable::Disk;
use trucgate::provision::lab::{free_address, module};
use trucgate::provision::token::PublicHalf;
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
    /// What the module of its token reads, where the key lies in one.
    token: Vec<(&'static str, PathBuf)>,
}

/// Makes an operator whose key lies in a file, listed nowhere yet.
pub fn operator(world: &World, name: &'static str) -> Operator {
    let key = TestKey::new().unwrap();
    let file = world.directory.path().join(format!("{name}.key"));
    write(&file, pem::encode("PRIVATE KEY", &key.pkcs8_der()));
    certified(
        world,
        name,
        &key.spki_der(),
        &format!("{file:?}"),
        Vec::new(),
    )
}

/// Makes an operator whose key never leaves a token of its own, listed nowhere yet.
pub fn operator_with_token(world: &World, name: &'static str) -> Operator {
    let directory = world.directory.path().join(format!("{name}-token"));
    let (tokens, config, pin) = (
        directory.join("tokens"),
        directory.join("softhsm2.conf"),
        directory.join("pin"),
    );
    Disk::real().make_dir(&tokens).unwrap();
    write(
        &config,
        format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        ),
    );
    let kryoptic = directory.join("kryoptic.conf");
    let store = tokens.join("kryoptic.sql");
    write(
        &kryoptic,
        format!("[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = {store:?}\n"),
    );
    write(&pin, "246810");
    let token = vec![("SOFTHSM2_CONF", config), ("KRYOPTIC_CONF", kryoptic)];
    let made = Command::new(executable())
        .args([
            "provision",
            "token",
            "--label",
            name,
            "--key",
            "operator=p-256",
            "--module",
        ])
        .arg(module())
        .args([
            OsStr::new("--so-pin"),
            pin.as_ref(),
            "--pin".as_ref(),
            pin.as_ref(),
        ])
        .envs(token.clone())
        .output()
        .unwrap();
    let halves: Vec<PublicHalf> = serde_json::from_str(&succeeded(&made)).unwrap();
    let place = format!(
        "{{ module = {:?}, label = \"{name}\", pin_file = {pin:?}, key = \"operator\" }}",
        module()
    );
    certified(world, name, &halves[0].spki_der().unwrap(), &place, token)
}

fn certified(
    world: &World,
    name: &'static str,
    spki_der: &[u8],
    key: &str,
    token: Vec<(&'static str, PathBuf)>,
) -> Operator {
    let lab = &world.exchange.lab;
    let der = lab
        .issue(&Wanted {
            spki_der,
            usage: Use::Tls { names: &[] },
            code: None,
            name,
            not_before: now() - time::Duration::days(1),
            not_after: now() + time::Duration::days(365),
        })
        .unwrap();
    let place = |end: &str| world.directory.path().join(format!("{name}.{end}"));
    write(&place("pem"), pem::encode("CERTIFICATE", &der));
    let file = place("toml");
    write(
        &file,
        format!(
            "name = \"{name}\"\ncertificate = {:?}\nkey = {key}\nanchors = [{:?}]\nintermediates = [{:?}]\nserver_name = \"localhost\"\n",
            place("pem"),
            lab.anchors(),
            lab.intermediates(),
        ),
    );
    Operator {
        file,
        print: Fingerprint::of(&der),
        name,
        token,
    }
}

/// Lists operators at a machine, with a management address, and starts it anew. A role is a word, or `view of CODE` where
/// it reaches no further than one member.
pub fn employ(world: &mut World, who: Who, operators: &[(&Operator, &str)]) -> String {
    let address = free_address(&Chance::system()).unwrap().to_string();
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
            .envs(self.token.clone())
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
            .envs(self.token.clone())
            .output()
            .unwrap()
    }
}

/// What the hub's operator types beside the hub, and what it prints.
pub fn admin<A: AsRef<OsStr>>(world: &World, arguments: &[A]) -> String {
    let done = Command::new(executable())
        .args(["hub", "--config"])
        .arg(world.machine(Who::Hub).config())
        .arg("admin")
        .args(arguments)
        .output()
        .unwrap();
    succeeded(&done)
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
