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
        Self::another(town, "box-1")
    }

    /// A machine of that name, with a medium of its own.
    fn another(town: &Town, name: &str) -> Self {
        let own = Machine::new(&town.directory, name);
        let office = Machine::new(&town.directory, &format!("{name}-office"));
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
            medium: town.directory.path().join(format!("{name}-medium")),
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

    /// What the authority issues for its requests.
    fn certified(&self, town: &Town) {
        let requests = self.medium.join("requests");
        assert_eq!(files(&requests).len(), 2);
        town.ca.good(&format!(
            "trucgate provision ca issue --dir {} --out {} {}/*.csr",
            town.ca.at().display(),
            self.medium.join("certificates").display(),
            requests.display()
        ));
    }

    /// The hub's single-use code.
    fn invited(&self, town: &Town) {
        let said = admin(town, &format!("invite --box {CODE} --member {MEMBER}"));
        self.bring("invitation", format!("{}\n", code_in(&said)).as_bytes());
    }

    /// The hub's operator says yes.
    fn approved(&self, town: &Town, flags: &str) {
        let (code, said, _) = self.plug();
        assert_eq!(code, WAITS, "{said}");
        admin(town, &format!("approve {CODE} {flags}"));
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

    carried.certified(&town);
    let checklist = carried.plug_without_trouble();
    assert!(checklist.contains("[>]  8."), "{checklist}");

    carried.invited(&town);
    for _ in 0..2 {
        let (code, said, checklist) = carried.plug();
        assert_eq!(code, WAITS, "{said}");
        assert!(checklist.contains("chờ duyệt"), "{checklist}");
    }
    carried.approved(&town, "");
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

/// The box is lost, and another machine becomes it: the last backup and its key come along on the medium.
#[test]
fn a_lost_box_comes_back_by_a_medium() {
    let town = Town::open();
    let lost = Carried::with_plan(&town);
    let agency = Machine::new(&town.directory, "agency");
    let (key, certificate) = (
        agency.directory.join("key.pem"),
        agency.directory.join("backup.pem"),
    );
    agency.good(&format!(
        "openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=TEST backup' -days 10 \
         -keyout {} -out {}",
        key.display(),
        certificate.display()
    ));
    let certificate = std::fs::read(certificate).unwrap();
    lost.bring("trust/backup.pem", &certificate);
    lost.plug_without_trouble();
    lost.certified(&town);
    lost.invited(&town);
    lost.approved(&town, "");
    lost.plug_without_trouble();
    let running = lost.own.services();
    let backups = agency.directory.join("backups");
    let carried = agency.directory.join("TRUC-BAK");
    for directory in [&backups, &carried] {
        Disk::real().make_dir(directory).unwrap();
    }
    let carry = format!(
        "trucgate backup carry --from {} --to {}",
        backups.display(),
        carried.display()
    );
    let said = lost.own.bad(&carry);
    assert!(said.contains("no backup is there yet"), "{said}");
    lost.own.good(&format!(
        "trucgate backup --config {}/relay.toml --out {}",
        lost.own.at().display(),
        backups.display()
    ));
    for _ in 0..2 {
        lost.own.good(&carry);
    }
    let [backup] = &files(&carried)[..] else {
        panic!("one backup lies on the medium")
    };
    let name = backup.file_name().unwrap().to_str().unwrap();
    let bytes = std::fs::read(backup).unwrap();
    assert_eq!(bytes, std::fs::read(backups.join(name)).unwrap());
    drop(running);

    let new = Carried::another(&town, "box-2");
    new.bring("trust/backup.pem", &certificate);
    new.plug_without_trouble();
    new.certified(&town);
    new.invited(&town);
    new.bring(&format!("restore/{name}"), &bytes);
    new.approved(&town, "--replace");
    let (code, said, checklist) = new.plug();
    assert_eq!(code, 1, "{said}");
    assert!(checklist.contains("content.key"), "{checklist}");
    new.bring("restore/key.pem", &std::fs::read(key).unwrap());
    let (code, said, checklist) = new.plug();
    assert_eq!(code, 0, "{said}\n{checklist}");
    assert!(said.contains("restore: xong"), "{said}");
    assert!(checklist.contains("[x]  9."), "{checklist}");
    // Its software goes on with the secrets that it has.
    let secrets = |of: &Carried| read(&of.own.at().join("systems.toml"));
    assert_eq!(secrets(&new), secrets(&lost));
    let again = new.plug_without_trouble();
    assert!(again.contains("[>] 10."), "{again}");
}

fn admin(town: &Town, words: &str) -> String {
    town.hub.good(&format!(
        "trucgate hub --config {} admin {words}",
        town.hub_config().display()
    ))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
