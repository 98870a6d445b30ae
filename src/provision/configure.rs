//! The files with which signer and relay start.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::bench::Bench;
use super::plan::{Plan, list, path, quoted};
use super::state::Protection;
use crate::packet::MemberId;

/// Configuration of the signer.
#[must_use]
pub fn signer_file(directory: &Path) -> PathBuf {
    directory.join("signer.toml")
}

/// Configuration of the relay.
#[must_use]
pub fn relay_file(directory: &Path) -> PathBuf {
    directory.join("relay.toml")
}

/// The software that may connect, with its secrets.
#[must_use]
pub fn systems_file(directory: &Path) -> PathBuf {
    directory.join("systems.toml")
}

/// All three.
#[must_use]
pub fn files(directory: &Path) -> [PathBuf; 3] {
    [
        signer_file(directory),
        relay_file(directory),
        systems_file(directory),
    ]
}

pub(super) fn write(bench: &Bench, owner: Option<(u32, u32)>) -> Result<(), String> {
    let directory = &bench.directory;
    let at = |file: &Path, error: std::io::Error| format!("{}: {error}", file.display());
    let file = signer_file(directory);
    bench
        .disk
        .replace(&file, signer(bench).as_bytes())
        .map_err(|error| at(&file, error))?;
    let file = systems_file(directory);
    // Secrets that software may know already stay as they are.
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    let text = systems(bench, &known)?;
    bench
        .disk
        .replace_secret(&file, text.as_bytes())
        .map_err(|error| at(&file, error))?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(&file, Some(user), Some(group)).map_err(|e| at(&file, e))?;
    }
    let file = relay_file(directory);
    bench
        .disk
        .replace(&file, relay(bench).as_bytes())
        .map_err(|error| at(&file, error))
}

fn signer(bench: &Bench) -> String {
    let plan = &bench.plan;
    let serial = bench.state.token.as_ref().map(|done| done.serial.as_str());
    let token = match serial {
        Some(serial) if !serial.is_empty() => format!("token_serial = {}", quoted(serial)),
        _ => format!("token_label = {}", quoted(&plan.token.label)),
    };
    let how = bench.state.pin.as_ref().map(|done| done.how);
    // An installed signer has the credential from its unit either way; a plain one by a drop-in.
    let pin = if how == Some(Protection::Plain) && plan.run.user.is_none() {
        format!("pin_file = {}", path(&bench.pin_file()))
    } else {
        format!("pin_credential = {}", quoted(super::pin::NAME))
    };
    let user = match &plan.run.user {
        Some(name) => quoted(name),
        None => own_uid(bench).to_string(),
    };
    let mut text = format!(
        "# trucgate provision configure\nsocket = {}\nheads = {}\nmodule = {}\n{token}\n{pin}\n",
        path(&plan.run.socket),
        path(&plan.run.heads),
        path(&plan.token.module),
    );
    for key in plan.planned_keys() {
        // Writing to a String never fails.
        let _ = write!(
            text,
            "\n[[keys]]\nname = {0}\nmember = {1}\nuse = \"{2}\"\nlabel = {0}\ncertificates = {3}\nallow = [{user}]\n",
            quoted(&key.label),
            quoted(key.code.as_str()),
            key.use_.as_str(),
            path(&bench.chain_file(&key.label)),
        );
    }
    text
}

fn own_uid(bench: &Bench) -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(&bench.directory).map_or(0, |found| found.uid())
}

fn relay(bench: &Bench) -> String {
    let plan = &bench.plan;
    let files = |paths: &[PathBuf]| {
        let shown: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        list(shown.iter().map(AsRef::as_ref))
    };
    let mut text = format!(
        "# trucgate provision configure\n[box]\ncode = {}\nstate = {}\nsigner = {}\ntls_key = {}\n\n\
         [hub]\naddress = {}\ncode = {}\nname = {}\n\n[software]\nlisten = \"{}\"\n",
        quoted(plan.own.code.as_str()),
        path(&plan.run.state),
        path(&plan.run.socket),
        quoted(super::plan::TLS_KEY),
        quoted(&plan.hub.address),
        quoted(plan.hub.code.as_str()),
        quoted(&plan.hub.name),
        plan.software.listen,
    );
    if let Some(plain) = &plan.software.plain {
        let from: Vec<String> = plain.from.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "# RỦI RO / RISK: HTTP không mã hoá / plain HTTP\nplain = {{ listen = \"{}\", from = {} }}",
            plain.listen,
            list(from.iter().map(String::as_str))
        );
    }
    let _ = write!(
        text,
        "\n[trust]\nanchors = {}\nintermediates = {}\nrevocation_lists = {}\nstale_hours = {}\n{}\n\n[vxp]\nsystems = {}\n\n[relay]\n",
        files(&plan.trust.anchors),
        files(&plan.trust.intermediates),
        files(&plan.trust.revocation_lists),
        plan.trust.stale_hours,
        profile(bench),
        path(&systems_file(&bench.directory)),
    );
    for member in &plan.members {
        let _ = write!(
            text,
            "[[relay.members]]\ncode = {}\nseal_key = {}\n",
            quoted(member.code.as_str()),
            quoted(&member.seal_key()),
        );
    }
    text += &control(plan);
    if let Some(backup) = &plan.backup {
        // Writing to a String never fails.
        let _ = write!(
            text,
            "\n[backup]\ncertificates = {}\n",
            files(&backup.certificates)
        );
    }
    text
}

/// How the box is reached by those who operate it; nothing where the plan says nothing of them.
fn control(plan: &Plan) -> String {
    let mut text = String::new();
    if plan.run.user.is_some() {
        // Beside the state, which nobody else enters: the console asks there as one of the group.
        text += "socket = \"/run/trucgate-relay/control.sock\"\n";
    }
    if let Some(listen) = plan.control.listen {
        let _ = writeln!(text, "listen = \"{listen}\"");
    }
    for operator in plan.control.operators.iter() {
        let _ = write!(
            text,
            "[[control.operators]]\nname = {}\ncertificate = \"{}\"\nroles = {}\n",
            quoted(&operator.name),
            operator.certificate,
            list(operator.roles.iter().map(|role| role.word())),
        );
        if let Some(members) = &operator.members {
            let _ = writeln!(
                text,
                "members = {}",
                list(members.iter().map(MemberId::as_str))
            );
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("\n[control]\n{text}")
    }
}

/// What the plan says of stale lists and of the profile, where it is not the usual.
fn profile(bench: &Bench) -> String {
    use crate::trust::{CodeSource, Stale};
    let trust = &bench.plan.trust;
    let then = match trust.stale_then {
        Stale::Continue => "continue",
        Stale::Queue => "queue",
        Stale::Refuse => "refuse",
    };
    let code = match trust.profile.code {
        CodeSource::SubjectSerialNumber => "subject-serial-number",
        CodeSource::OrganizationIdentifier => "organization-identifier",
        CodeSource::SanUri => "san-uri",
    };
    format!(
        "stale_then = \"{then}\"\nprofile = {{ code = \"{code}\", rsa_bits = {}, p384 = {} }}",
        trust.profile.rsa_bits, trust.profile.p384
    )
}

/// One system a member; `known` is the file as it stands.
fn systems(bench: &Bench, known: &str) -> Result<String, String> {
    let known: toml::Table = toml::from_str(known).map_err(|error| error.to_string())?;
    let empty = Vec::new();
    let known = known
        .get("system")
        .and_then(toml::Value::as_array)
        .unwrap_or(&empty);
    let mut text = "# trucgate provision configure\n".to_owned();
    for member in &bench.plan.members {
        let systemid = member.systemid();
        let of = |key: &str| {
            let system = known
                .iter()
                .find(|one| one.get("systemid").and_then(toml::Value::as_str) == Some(&systemid))?;
            system.get(key)?.as_str().map(str::to_owned)
        };
        let fresh = || data_encoding::HEXLOWER.encode(&bench.chance.bytes::<24>());
        let secret = of("secret").unwrap_or_else(fresh);
        let _ = write!(
            text,
            "\n[[system]]\nsystemid = {}\nsecret = {}\nmember = {}\n",
            quoted(&systemid),
            quoted(&secret),
            quoted(member.code.as_str()),
        );
    }
    Ok(text)
}
