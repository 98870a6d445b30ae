//! The configuration files of a lab's machines.

use std::fmt::Write as _;

use super::machine::{TOKEN, module, seal_key};
use super::{Laying, Machine, registry as changes, told};

pub(super) fn hub(lab: &Laying<'_>, machine: &Machine) -> Result<(), String> {
    let text = format!(
        "listen = \"{}\"\nseal_key = \"seal\"\n\n{}\n{}\n{}",
        machine.address,
        own(machine),
        trust(lab),
        test(lab)
    );
    write(lab, machine, "trucgate.toml", &text)?;
    signer(lab, machine, None)
}

pub(super) fn relay(lab: &Laying<'_>, machine: &Machine, hub_port: u16) -> Result<(), String> {
    let mut text = format!(
        "{}\n[hub]\naddress = \"127.0.0.1:{hub_port}\"\ncode = \"{}\"\nname = \"localhost\"\n\n\
         [software]\nlisten = \"{}\"\nplain = {{ listen = \"{}\", from = [\"127.0.0.1\"] }}\n\n{}\n\
         [vxp]\nsystems = \"{}\"\n\n[relay]\nreserve_bytes = 1048576\n",
        own(machine),
        lab.plan.hub,
        machine.address,
        machine.plain,
        trust(lab),
        machine.directory.join("systems.toml").display(),
    );
    let mut systems = String::new();
    for tenant in &machine.tenants {
        let code = &tenant.code;
        // Writing to a String never fails.
        let _ = write!(
            text,
            "[[relay.members]]\ncode = \"{code}\"\nseal_key = \"{}\"\n",
            seal_key(code)
        );
        let _ = write!(
            systems,
            "[[system]]\nsystemid = \"{}\"\nsecret = \"{}\"\nmember = \"{code}\"\n\n",
            tenant.systemid, tenant.secret
        );
    }
    text.push_str(&test(lab));
    write(lab, machine, "trucgate.toml", &text)?;
    write(lab, machine, "systems.toml", &systems)?;
    signer(lab, machine, lab.plan.slow_token_ms)
}

/// The changes that `trucgate hub admin apply` enters.
pub(super) fn registry(lab: &Laying<'_>, hub: &Machine, boxes: &[Machine]) -> Result<(), String> {
    let changes = serde_json::to_vec_pretty(&changes(lab.plan, hub, boxes)).map_err(told)?;
    lab.disk
        .replace(&hub.directory.join("registry.json"), &changes)
        .map_err(told)
}

fn signer(lab: &Laying<'_>, machine: &Machine, slow_ms: Option<u64>) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata(&machine.directory).map_err(told)?.uid();
    let mut text = format!(
        "socket = \"{}\"\nheads = \"{}\"\nmodule = \"{}\"\ntoken_label = \"{TOKEN}\"\npin_file = \"{}\"\n",
        machine.signer_socket().display(),
        machine.directory.join("heads").display(),
        module().display(),
        machine.pin().display(),
    );
    if let Some(slow_ms) = slow_ms {
        let _ = writeln!(text, "min_sign_time_ms = {slow_ms}");
    }
    let mut key = |name: &str, member: &str, usage: &str| {
        let _ = write!(
            text,
            "\n[[keys]]\nname = \"{name}\"\nmember = \"{member}\"\nuse = \"{usage}\"\nlabel = \"{name}\"\n\
             certificates = \"{}\"\nallow = [{uid}]\n",
            machine.chain(name).display()
        );
    };
    key("tls", machine.code.as_str(), "tls");
    if machine.tenants.is_empty() {
        key("seal", machine.code.as_str(), "seal");
    }
    for tenant in &machine.tenants {
        key(&seal_key(&tenant.code), tenant.code.as_str(), "seal");
    }
    write(lab, machine, "signer.toml", &text)
}

fn own(machine: &Machine) -> String {
    format!(
        "[box]\ncode = \"{}\"\nstate = \"{}\"\nsigner = \"{}\"\ntls_key = \"tls\"\n",
        machine.code,
        machine.state().display(),
        machine.signer_socket().display()
    )
}

fn trust(lab: &Laying<'_>) -> String {
    format!(
        "[trust]\nanchors = [\"{}\"]\nintermediates = [\"{}\"]\nrevocation_lists = [\"{}\", \"{}\"]\n",
        lab.trust.anchors.display(),
        lab.trust.intermediates.display(),
        lab.trust.root_list.display(),
        lab.trust.list.display()
    )
}

fn test(lab: &Laying<'_>) -> String {
    lab.plan.clock.as_ref().map_or_else(String::new, |file| {
        format!("\n[test]\nclock = \"{}\"\n", file.display())
    })
}

fn write(lab: &Laying<'_>, machine: &Machine, name: &str, text: &str) -> Result<(), String> {
    lab.disk
        .replace(&machine.directory.join(name), text.as_bytes())
        .map_err(told)
}
