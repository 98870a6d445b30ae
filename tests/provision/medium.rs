//! A box without a shell: a medium goes to and fro between it, the CA and the hub, and brings it to its first document.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use trucgate::config::{self, RelayConfig};
use trucgate::durable::Disk;
use trucgate::trust::operators::Role;

use crate::bench::{Machine, code_in, words};
use crate::town::Town;

const CODE: &str = "00.02.W00";
const MEMBER: &str = "000.00.00.H41";
const OPERATOR: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// The hub's operator has not approved yet.
const WAITS: i32 = 75;

struct Carried {
    own: Machine,
    medium: PathBuf,
}

impl Carried {
    /// A medium with a plan whose trust files come along.
    fn with_plan(town: &Town) -> Self {
        let own = Machine::new(&town.directory, "box-1");
        let office = Machine::new(&town.directory, "office");
        office.good(&town.plan(&office, CODE, &[MEMBER]));
        let plan = read(&office.at().join("plan.toml"));
        let (there, here) = (office.at(), own.at());
        let plan = plan
            .replace(there.to_str().unwrap(), here.to_str().unwrap())
            .replace(
                town.ca.at().to_str().unwrap(),
                here.join("trust").to_str().unwrap(),
            );
        let plan = plan
            + &format!(
                "\n[control]\nlisten = \"127.0.0.1:0\"\n\
                 [[control.operators]]\nname = \"an\"\ncertificate = \"{OPERATOR}\"\nroles = [\"view\", \"approve\"]\n\
                 [backup]\ncertificates = [\"{}\"]\n",
                here.join("trust/backup.pem").display()
            );
        let carried = Self {
            own,
            medium: town.directory.path().join("medium"),
        };
        carried.bring("plan.toml", plan.as_bytes());
        for file in files(&town.ca.at()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".pem") || name.ends_with(".crl") {
                carried.bring(&format!("trust/{name}"), &std::fs::read(&file).unwrap());
            }
        }
        carried
    }

    fn bring(&self, name: &str, bytes: &[u8]) {
        let path = self.medium.join(name);
        Disk::real().make_dir(path.parent().unwrap()).unwrap();
        Disk::real().replace(&path, bytes).unwrap();
    }

    /// Plugs it in: how that ended, what was said, and what the checklist on the medium says.
    fn plug(&self) -> (i32, String, String) {
        let output = self.own.run(&format!(
            "trucgate provision medium --dir {} --from {}",
            self.own.at().display(),
            self.medium.display()
        ));
        let checklist = read(&self.medium.join("checklist.txt"));
        (output.status.code().unwrap(), words(&output), checklist)
    }

    /// Plugs it in, and declares the risk of a plain PIN where this machine can't seal one.
    fn plug_without_trouble(&self) -> String {
        let (mut code, mut said, mut checklist) = self.plug();
        if said.contains("--pin-plain") {
            let dir = self.own.at();
            self.own.good(&format!(
                "trucgate provision pin --dir {} --pin-plain",
                dir.display()
            ));
            (code, said, checklist) = self.plug();
        }
        assert_eq!(code, 0, "{said}");
        checklist
    }
}

#[test]
fn a_medium_brings_a_box_from_an_empty_token_to_its_first_document() {
    let town = Town::open();
    let carried = Carried::with_plan(&town);
    let checklist = carried.plug_without_trouble();
    assert!(
        checklist.contains("[x]  5.") && checklist.contains("[>]  6."),
        "{checklist}"
    );
    assert!(carried.medium.join("so-pin").exists());
    // The services read there as users of their own.
    let trust = std::fs::metadata(carried.own.at().join("trust")).unwrap();
    assert_eq!(trust.permissions().mode() & 0o777, 0o755);

    let requests = carried.medium.join("requests");
    assert_eq!(files(&requests).len(), 2);
    town.ca.good(&format!(
        "trucgate provision ca issue --dir {} --out {} {}/*.csr",
        town.ca.at().display(),
        carried.medium.join("certificates").display(),
        requests.display()
    ));
    let checklist = carried.plug_without_trouble();
    assert!(checklist.contains("[>]  8."), "{checklist}");

    let admin = format!(
        "trucgate hub --config {} admin",
        town.hub_config().display()
    );
    let said = town
        .hub
        .good(&format!("{admin} invite --box {CODE} --member {MEMBER}"));
    carried.bring("invitation", format!("{}\n", code_in(&said)).as_bytes());
    for _ in 0..2 {
        let (code, said, checklist) = carried.plug();
        assert_eq!(code, WAITS, "{said}");
        assert!(checklist.contains("chờ duyệt"), "{checklist}");
    }
    town.hub.good(&format!("{admin} approve {CODE}"));
    let checklist = carried.plug_without_trouble();
    assert!(checklist.contains("[x]  9."), "{checklist}");
    assert!(read(&carried.medium.join("systems.toml")).contains("secret"));

    let relay: RelayConfig = config::load(&carried.own.at().join("relay.toml")).unwrap();
    assert!(relay.control.listen.unwrap().ip().is_loopback());
    let operator = relay.control.operators.iter().next().unwrap();
    assert_eq!(operator.certificate.to_string(), OPERATOR);
    assert!(operator.may(Role::Approve) && !operator.may(Role::Operate));
    let backup = relay.backup.unwrap();
    assert!(backup.certificates[0].ends_with("trust/backup.pem"));

    carried.bring("so-pin-kept", b"");
    let checklist = carried.plug_without_trouble();
    assert!(checklist.contains("[x] 10."), "{checklist}");
    assert!(!carried.own.at().join("provision/so-pin").exists());
    only_lists_from_now_on(&carried);
}

/// Whom a closed box trusts is changed by two operators; a list is its authority's own word.
fn only_lists_from_now_on(carried: &Carried) {
    let trust = carried.own.at().join("trust");
    let (list, anchor) = ("root.crl", "root.pem");
    let before = read(&trust.join(anchor));
    let newer = std::fs::read(trust.join(list)).unwrap();
    Disk::real().remove(&trust.join(list)).unwrap();
    carried.bring(&format!("trust/{list}"), &newer);
    carried.plug_without_trouble();
    assert_eq!(std::fs::read(trust.join(list)).unwrap(), newer);

    carried.bring(&format!("trust/{anchor}"), b"another root");
    let (code, said, checklist) = carried.plug();
    assert_ne!(code, 0);
    for told in [said, checklist] {
        assert!(told.contains("change-anchors"), "{told}");
    }
    assert_eq!(read(&trust.join(anchor)), before);
}

#[test]
fn another_plan_is_taken_until_there_are_keys() {
    let town = Town::open();
    let carried = Carried::with_plan(&town);
    let plan = read(&carried.medium.join("plan.toml"));
    carried.bring("plan.toml", b"[box]\ncode = \"00.02.W00\"\n");
    let (code, said, checklist) = carried.plug();
    assert_ne!(code, 0);
    assert!(said.contains("plan.toml: "), "{said}");
    assert!(checklist.contains("plan.toml: "), "{checklist}");

    carried.bring("plan.toml", plan.as_bytes());
    carried.plug_without_trouble();
    let other = plan.replace(&format!("Cơ quan {MEMBER}"), "Cơ quan khác");
    assert_ne!(other, plan);
    carried.bring("plan.toml", other.as_bytes());
    let (code, said, _) = carried.plug();
    assert_ne!(code, 0);
    assert!(said.contains("another plan"), "{said}");
    assert_eq!(read(&carried.own.at().join("plan.toml")), plan);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
