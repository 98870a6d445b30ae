//! Certificates that are refused, each with its own words; certificates in every form that are taken.

use std::path::Path;

use trucgate::clock::{Chance, Clock, Moment};
use trucgate::durable::Disk;
use trucgate::packet::MemberId;
use trucgate::trust::issue::{TestCa, TestKey, Use, Wanted};
use trucgate::trust::pem;

use crate::bench::{Machine, module};

const BOX: &str = "00.02.W00";
const MEMBERS: [&str; 2] = ["000.00.00.H41", "000.00.00.H14"];

/// A box that waits for its certificates, and a CA whose officer makes mistakes.
struct Office {
    own: Machine,
    ca: TestCa,
    chance: Chance,
    now: Moment,
}

impl Office {
    fn open(directory: &tempfile::TempDir) -> Self {
        let (chance, now, disk) = (Chance::system(), Clock::system().now(), Disk::real());
        let ca = TestCa::new(&chance, now - time::Duration::days(60)).unwrap();
        let own = Machine::new(directory, "box");
        let at = own.directory.display().to_string();
        let write =
            |name: &str, bytes: &[u8]| disk.replace(&own.directory.join(name), bytes).unwrap();
        write(
            "root.pem",
            pem::encode("CERTIFICATE", &ca.root_der()).as_bytes(),
        );
        write(
            "below.pem",
            pem::encode("CERTIFICATE", &ca.intermediate_der()).as_bytes(),
        );
        let next = now + time::Duration::days(7);
        write(
            "root.crl",
            &ca.root_revocation_list(&[], now, next).unwrap(),
        );
        write("below.crl", &ca.revocation_list(&[], now, next).unwrap());
        own.good(&format!(
            "trucgate provision plan --dir {0} --box {BOX} --name localhost --member {1}=A --member {2}=B \
             --hub localhost:1 --hub-code 00.01.W00 --enrolment localhost:1 --module {3} --anchors {at}/root.pem \
             --crl {at}/root.crl --crl {at}/below.crl --seal-key p-256 --intermediates {at}/below.pem",
            own.at().display(),
            MEMBERS[0],
            MEMBERS[1],
            module().display()
        ));
        for step in ["init-token", "pin --pin-plain", "keys", "request"] {
            let (verb, flags) = step.split_once(' ').unwrap_or((step, ""));
            own.good(&format!(
                "trucgate provision {verb} --dir {} {flags}",
                own.at().display()
            ));
        }
        Self {
            own,
            ca,
            chance,
            now,
        }
    }

    /// The public key of a request.
    fn spki(&self, label: &str) -> Vec<u8> {
        let request = self
            .own
            .at()
            .join(format!("provision/requests/{label}.csr"));
        let text = self.own.good(&format!(
            "openssl req -in {} -noout -pubkey",
            request.display()
        ));
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        data_encoding::BASE64.decode(body.as_bytes()).unwrap()
    }

    fn issue(&self, spki: &[u8], usage: Use<'_>, code: &str, until: i64) -> Vec<u8> {
        Self::issue_by(&self.ca, self, spki, usage, code, until)
    }

    fn issue_by(
        ca: &TestCa,
        office: &Self,
        spki: &[u8],
        usage: Use<'_>,
        code: &str,
        until: i64,
    ) -> Vec<u8> {
        let code: MemberId = code.parse().unwrap();
        let wanted = Wanted {
            spki_der: spki,
            usage,
            code: Some(&code),
            name: "TEST",
            not_before: office.now - time::Duration::days(30),
            not_after: office.now + time::Duration::days(until),
        };
        ca.issue(&wanted, &office.chance).unwrap()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.own.directory.join(name);
        Disk::real().replace(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn import(&self, flags: &str, file: &str) -> String {
        format!(
            "trucgate provision import --dir {} {flags} {file}",
            self.own.at().display()
        )
    }

    fn refused(&self, flags: &str, certificate: &[u8], words: [&str; 2]) {
        let file = self.file("bad.der", certificate);
        let said = self.own.bad(&self.import(flags, &file));
        for word in words {
            assert!(said.contains(word), "{word:?} is not in\n{said}");
        }
        let kept = std::fs::read_dir(self.own.at().join("certificates")).unwrap();
        assert_eq!(kept.count(), 0, "{said}");
    }
}

#[test]
fn each_wrong_certificate_is_refused_in_its_own_words() {
    let directory = tempfile::tempdir().unwrap();
    let office = Office::open(&directory);
    let (tls, seal) = (
        office.spki("tls"),
        office.spki(&format!("seal-{}", MEMBERS[0])),
    );
    let names = ["localhost".to_owned()];
    let for_tls = Use::Tls { names: &names };

    let stranger = TestKey::new().unwrap().spki_der();
    office.refused(
        "",
        &office.issue(&stranger, Use::Seal, MEMBERS[0], 30),
        [
            "không thuộc khoá nào trong token",
            "belongs to no key of this token",
        ],
    );
    office.refused(
        "",
        &office.issue(&seal, Use::Seal, MEMBERS[1], 30),
        [
            &format!("mang mã {}", MEMBERS[1]),
            &format!("key seal-{0} is {0}'s", MEMBERS[0]),
        ],
    );
    office.refused(
        "",
        &office.issue(&seal, for_tls, MEMBERS[0], 30),
        [
            "là chứng thư TLS",
            "is a TLS certificate, key seal-000.00.00.H41 needs a seal one",
        ],
    );
    office.refused(
        "",
        &office.issue(&tls, Use::Seal, BOX, 30),
        [
            "là chứng thư con dấu",
            "is a seal certificate, key tls needs a TLS one",
        ],
    );
    office.refused(
        "",
        &office.issue(&tls, for_tls, BOX, -1),
        ["chứng thư đã hết hạn", "it has expired"],
    );
    office.refused(
        "",
        &office.issue(&tls, Use::TimeStamping, BOX, 30),
        [
            "không được cấp cho mục đích",
            "extendedKeyUsage lacks clientAuth",
        ],
    );
    let elsewhere = ["elsewhere.gov.vn".to_owned()];
    office.refused(
        "",
        &office.issue(&tls, Use::Tls { names: &elsewhere }, BOX, 30),
        ["thiếu tên máy localhost", "lacks the host names localhost"],
    );
    let other = TestCa::new(&office.chance, office.now - time::Duration::days(60)).unwrap();
    let foreign = Office::issue_by(&other, &office, &seal, Use::Seal, MEMBERS[0], 30);
    office.refused(
        "",
        &foreign,
        [
            "không do cơ quan chứng thực đã cấu hình cấp",
            "no configured certification authority issued it",
        ],
    );
    office.refused("", &weak(&office), ["không đủ mạnh", "RSA 1024"]);
    office.refused(
        &format!("--for seal-{}", MEMBERS[1]),
        &office.issue(&seal, Use::Seal, MEMBERS[0], 30),
        [
            "là của khoá",
            "is that of key seal-000.00.00.H41, not of seal-000.00.00.H14",
        ],
    );
    office.refused(
        "",
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        ["PEM", "its base64 is broken"],
    );
    office.refused(
        "",
        b"hello",
        [
            "không có chứng thư nào",
            "no certificate in PEM, DER or PKCS#7",
        ],
    );
    let half = office.issue(&seal, Use::Seal, MEMBERS[0], 30);
    office.refused(
        "",
        &half[..half.len() / 2],
        ["không đọc được chứng thư", "it cannot be read"],
    );
}

/// A certificate of a key that is too short, made by openssl since nothing of ours would.
fn weak(office: &Office) -> Vec<u8> {
    let at = office.own.directory.display().to_string();
    let saved: serde_json::Value = serde_json::from_str(&office.ca.save().unwrap()).unwrap();
    let key = saved["intermediate"]["key"].as_str().unwrap();
    office.file("below.key", key.as_bytes());
    office.file(
        "weak.ext",
        format!("keyUsage=critical,digitalSignature,nonRepudiation\nsubjectAltName=URI:urn:trucgate:member:{}\n", MEMBERS[0]).as_bytes(),
    );
    office
        .own
        .good(&format!("openssl genrsa -out {at}/weak.key 1024"));
    office.own.good(&format!(
        "openssl req -new -key {at}/weak.key -subj /CN=weak -out {at}/weak.csr"
    ));
    office.own.good(&format!(
        "openssl x509 -req -in {at}/weak.csr -CA {at}/below.pem -CAkey {at}/below.key -set_serial 77 -days 30 \
         -extfile {at}/weak.ext -outform DER -out {at}/weak.der"
    ));
    std::fs::read(Path::new(&at).join("weak.der")).unwrap()
}

#[test]
fn certificates_are_taken_in_every_form_and_order_and_good_ones_beside_bad_ones() {
    let directory = tempfile::tempdir().unwrap();
    let office = Office::open(&directory);
    let names = ["localhost".to_owned()];
    let labels = MEMBERS.map(|code| format!("seal-{code}"));
    let tls = office.issue(&office.spki("tls"), Use::Tls { names: &names }, BOX, 30);
    let seals =
        [0, 1].map(|at| office.issue(&office.spki(&labels[at]), Use::Seal, MEMBERS[at], 30));
    let text = |der: &[u8]| pem::encode("CERTIFICATE", der);

    // PKCS#7 in DER, the authority first; then PEM with root and intermediate around; then bare DER beside a bad one.
    let all = text(&office.ca.intermediate_der()) + &text(&tls);
    let source = office.file("all.pem", all.as_bytes());
    let p7b = office.own.directory.join("tls.p7b").display().to_string();
    office.own.good(&format!(
        "openssl crl2pkcs7 -nocrl -certfile {source} -outform DER -out {p7b}"
    ));
    office.own.good(&office.import("", &p7b));
    let around =
        text(&office.ca.root_der()) + &text(&seals[0]) + &text(&office.ca.intermediate_der());
    let around = office.file("around.pem", around.as_bytes());
    office.own.good(&office.import("", &around));
    let (good, bad) = (
        office.file("good.der", &seals[1]),
        office.file("bad.pem", b"nothing"),
    );
    let said = office.own.bad(&office.import("", &format!("{good} {bad}")));
    assert!(said.contains("không có chứng thư nào"), "{said}");
    for label in ["tls", &labels[0], &labels[1]] {
        let chain = office.own.at().join(format!("certificates/{label}.pem"));
        let chain = chain.display();
        let at = office.own.directory.display();
        let said = office.own.good(&format!(
            "openssl verify -CAfile {at}/root.pem -untrusted {chain} {chain}"
        ));
        assert!(said.contains(": OK"), "{said}");
    }
    // PEM PKCS#7 again changes nothing.
    office.own.good(&format!(
        "openssl crl2pkcs7 -nocrl -certfile {source} -out {p7b}"
    ));
    let said = office.own.good(&office.import("", &p7b));
    assert!(said.contains("3/3"), "{said}");
}
