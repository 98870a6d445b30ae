//! The hub's door of enrolments: what a certificate outside the directory may do there, and nowhere else.

use std::path::Path;

use crate::bench::{Machine, code_in, words};
use crate::town::Town;

const MEMBER: &str = "000.00.00.H41";
const BOX: &str = "00.02.W00";

/// A box that has all but its enrolment.
fn configured(town: &Town, name: &str, code: &str, member: &str) -> Machine {
    let own = Machine::new(&town.directory, name);
    own.good(&town.plan(&own, code, &[member]));
    let at = own.at().display().to_string();
    for step in ["init-token", "pin --pin-plain", "keys", "request"] {
        let (verb, flags) = step.split_once(' ').unwrap_or((step, ""));
        own.good(&format!("trucgate provision {verb} --dir {at} {flags}"));
    }
    town.ca.good(&format!(
        "trucgate provision ca issue --dir {} {at}/provision/requests/*.csr",
        town.ca.at().display()
    ));
    own.good(&format!(
        "trucgate provision import --dir {at} {at}/provision/requests/*.pem"
    ));
    own.good(&format!("trucgate provision configure --dir {at}"));
    own
}

fn enrol(own: &Machine, code: &str) -> String {
    format!(
        "trucgate provision enrol --dir {} --code {code}",
        own.at().display()
    )
}

fn admin(town: &Town, rest: &str) -> String {
    format!(
        "trucgate hub --config {} admin {rest}",
        town.hub_config().display()
    )
}

#[test]
fn a_code_binds_one_enrolment_to_one_box_and_its_members() {
    let town = Town::open();
    let own = configured(&town, "box-1", BOX, MEMBER);
    let at = own.at().display().to_string();

    let said = own.bad(&enrol(&own, "AAAAA-BBBBB-CCCCC-DDDDD"));
    assert!(said.contains("mã đăng ký"), "no invitation: {said}");
    let invite = |members: &str, hours: &str| {
        code_in(&town.hub.good(&admin(
            &town,
            &format!("invite --box {BOX} --member {members} {hours}"),
        )))
    };
    let code = invite("000.00.00.H14", "");
    let said = own.bad(&enrol(&own, &code));
    assert!(
        said.contains("does not name 000.00.00.H41"),
        "another member: {said}"
    );
    let code = invite(MEMBER, "--hours 0");
    let said = own.bad(&enrol(&own, &code));
    assert!(said.contains("hết hạn"), "over: {said}");
    let code = invite(MEMBER, "");
    let said = own.bad(&enrol(&own, "AAAAA-BBBBB-CCCCC-DDDDD"));
    assert!(said.contains("no invitation"), "a wrong code: {said}");

    // In small letters and without dashes, as it was written down from the telephone.
    let spoken = code.to_lowercase().replace('-', "");
    let said = own.good(&enrol(&own, &spoken));
    assert!(said.contains("chờ"), "{said}");
    let own_print = said
        .lines()
        .find_map(|l| l.trim().strip_prefix("TLS "))
        .unwrap()
        .trim()
        .to_owned();
    let said = town.hub.good(&admin(&town, "pending"));
    assert!(said.contains(&own_print) && said.contains(MEMBER), "{said}");
    assert!(
        own.good(&enrol(&own, &code)).contains("chờ"),
        "the same again is the same"
    );

    let said = own.bad(&format!("trucgate provision self-test --dir {at}"));
    assert!(said.contains("admin approve"), "not approved yet: {said}");
    town.hub.good(&admin(
        &town,
        &format!("refuse {BOX} --reason 'sai vân tay'"),
    ));
    let said = own.bad(&format!("trucgate provision enrol --dir {at}"));
    assert!(said.contains("sai vân tay"), "{said}");
    let said = own.bad(&enrol(&own, &code));
    assert!(
        said.contains("sai vân tay"),
        "a refused code stays refused: {said}"
    );
    assert!(
        town.hub
            .bad(&admin(&town, &format!("approve {BOX}")))
            .contains("no enrolment")
    );

    let code = invite(MEMBER, "");
    own.good(&enrol(&own, &code));
    town.hub.good(&admin(&town, &format!("approve {BOX}")));
    town.hub.good(&admin(&town, &format!("approve {BOX}")));
    let said = own.good(&format!("trucgate provision enrol --dir {at}"));
    assert!(said.contains("đã được duyệt"), "{said}");

    // A second box may not take the member away unasked.
    let other = configured(&town, "box-2", "00.04.W00", MEMBER);
    let code = code_in(&town.hub.good(&admin(
        &town,
        &format!("invite --box 00.04.W00 --member {MEMBER}"),
    )));
    // By hand, in a file.
    let file = other.directory.join("enrolment.json");
    other.good(&format!(
        "{} --file {}",
        enrol(&other, &code),
        file.display()
    ));
    tampered(&town, &file);
    town.hub
        .good(&admin(&town, &format!("enrol {}", file.display())));
    let said = town.hub.good(&admin(&town, "pending"));
    assert!(said.contains(&format!("today behind {BOX}")), "{said}");
    let said = town.hub.bad(&admin(&town, "approve 00.04.W00"));
    assert!(said.contains("--move"), "{said}");
    town.hub.good(&admin(&town, "approve 00.04.W00 --move"));
}

/// A file whose text was touched proves nothing.
fn tampered(town: &Town, file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let mut message: serde_json::Value = serde_json::from_str(&text).unwrap();
    message["code"] = "AAAAABBBBBCCCCCDDDDD".into();
    let touched = file.with_extension("touched");
    trucgate::durable::Disk::real()
        .replace(&touched, message.to_string().as_bytes())
        .unwrap();
    let said = town
        .hub
        .bad(&admin(town, &format!("enrol {}", touched.display())));
    assert!(said.contains("has not signed this enrolment"), "{said}");
}

#[test]
fn a_certificate_outside_the_directory_opens_nothing_else() {
    let town = Town::open();
    let ca = town.ca.at().display().to_string();
    let at = town.directory.path().display().to_string();
    // A valid TLS certificate of the CA whose key lies in a file, so that curl can present it.
    let own = Machine::new(&town.directory, "curl");
    own.good(&format!(
        "openssl ecparam -genkey -name prime256v1 -noout -out {at}/key.pem"
    ));
    own.good(&format!(
        "openssl req -new -key {at}/key.pem -subj /CN=stranger -addext subjectAltName=URI:urn:trucgate:member:00.09.W00 \
         -addext extendedKeyUsage=serverAuth,clientAuth -out {at}/stranger.csr"
    ));
    town.ca.good(&format!(
        "trucgate provision ca issue --dir {ca} {at}/stranger.csr"
    ));
    let curl = |port: u16, path: &str, more: &str| {
        String::from_utf8(own.run(&format!(
            "curl --silent --show-error --http2 --cacert {ca}/root.pem --cert {at}/stranger.pem --key {at}/key.pem \
             --write-out ' %{{http_code}}' https://localhost:{port}{path} {more}"
        )).stdout).unwrap()
    };
    let door = town.enrolment_port();
    assert!(
        curl(door, "/v1/enrolment", "").ends_with(" 404"),
        "nothing known of it"
    );
    assert!(curl(door, "/v1/enrolment", "--data '{}'").ends_with(" 400"));
    assert!(curl(door, "/v1/enrolment", "--request DELETE").ends_with(" 403"));
    for path in [
        "/v1/directory?have=0&wait=0",
        "/v1/head?from=0",
        "/v1/receipts?after=0&wait=0",
        "/",
        "/v1/enrolment/x",
    ] {
        assert!(curl(door, path, "").ends_with(" 403"), "{path}");
    }
    for path in ["/v1/mailbox", "/v1/checkpoints", "/v1/receipts"] {
        assert!(
            curl(door, path, "--request POST").ends_with(" 403"),
            "{path}"
        );
    }
    // The exchange itself ends the handshake, for enrolments too.
    for path in ["/v1/enrolment", "/v1/directory?have=0&wait=0"] {
        assert!(
            curl(town.exchange_port(), path, "").ends_with(" 000"),
            "{path}"
        );
    }
    // And who shows nothing gets nowhere at either.
    for port in [door, town.exchange_port()] {
        let said = words(&own.run(&format!(
            "curl --silent --http2 --cacert {ca}/root.pem --write-out ' %{{http_code}}' https://localhost:{port}/v1/enrolment"
        )));
        assert!(said.ends_with(" 000"), "{said}");
    }
    // It does not go on for ever.
    let codes: Vec<String> = (0..40).map(|_| curl(door, "/v1/enrolment", "")).collect();
    assert!(codes.iter().any(|code| code.ends_with(" 429")), "{codes:?}");
}
