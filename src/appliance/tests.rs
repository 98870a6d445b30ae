//! Settings read, refused and carried out.

use super::{Settings, files, left_over};
use crate::durable::Disk;

const WHOLE: &str = r#"
hostname = "box-1"

[[network]]
mac = "52:54:00:12:34:56"
addresses = ["192.0.2.10/24", "2001:db8::10/64"]
gateway = "192.0.2.1"

[names]
resolvers = ["192.0.2.53"]
hosts = { "hub.example" = "192.0.2.20" }

[clock]
servers = ["192.0.2.123", "2001:db8::123"]

[software]
from = ["192.0.2.0/25"]
ports = [443]

[peers]
to = ["192.0.2.20:8443", "[2001:db8::20]:8443"]
"#;

fn text(settings: &str, path: &str) -> String {
    files(&Settings::read(settings).unwrap())
        .into_iter()
        .find(|file| file.path == path)
        .unwrap_or_else(|| panic!("no {path}"))
        .text
}

#[test]
fn what_is_named_is_opened_and_nothing_else() {
    assert_eq!(
        text(WHOLE, "trucgate/doors.nft"),
        "add element inet trucgate software4 { 192.0.2.0/25 }\n\
         add element inet trucgate software_ports { 443 }\n\
         add element inet trucgate peers4 { 192.0.2.20 . 8443 }\n\
         add element inet trucgate peers6 { 2001:db8::20 . 8443 }\n\
         add element inet trucgate resolvers4 { 192.0.2.53 }\n\
         add element inet trucgate clocks4 { 192.0.2.123 }\n\
         add element inet trucgate clocks6 { 2001:db8::123 }\n"
    );
    let bare = "hostname = \"a\"\n[[network]]\nmac = \"52:54:00:12:34:56\"\naddresses = [\"192.0.2.10/24\"]\n";
    assert_eq!(text(bare, "trucgate/doors.nft"), "");
}

#[test]
fn where_updates_come_from_is_a_url_or_nowhere() {
    let with = |url: &str| format!("{WHOLE}\n[update]\nurl = {url:?}\n");
    let url = "https://updates.example:8443/trucgate.update";
    assert_eq!(text(&with(url), "trucgate/update.url"), format!("{url}\n"));
    let settings = Settings::read(WHOLE).unwrap();
    assert!(
        files(&settings)
            .iter()
            .all(|file| file.path != "trucgate/update.url")
    );
    for wrong in [
        "http://updates.example/",
        "https://a b/",
        "https://a/\nb",
        "",
    ] {
        assert!(Settings::read(&with(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn the_journal_goes_to_one_log_server_or_nowhere() {
    const CONF: &str = "systemd/journal-upload.conf.d/50-trucgate.conf";
    let with = |url: &str| format!("{WHOLE}\n[journal]\nupload = {url:?}\n");
    for (url, shown, set) in [
        (
            "https://192.0.2.50",
            "https://192.0.2.50:19532",
            "log_servers4 { 192.0.2.50 . 19532 }",
        ),
        (
            "https://[2001:db8::50]:443/",
            "https://[2001:db8::50]:443",
            "log_servers6 { 2001:db8::50 . 443 }",
        ),
        (
            "https://hub.example:19533",
            "https://hub.example:19533",
            "log_servers4 { 192.0.2.20 . 19533 }",
        ),
    ] {
        let conf = text(&with(url), CONF);
        assert!(
            conf.starts_with(&format!("[Upload]\nURL={shown}\n")),
            "{conf}"
        );
        assert!(conf.ends_with("TrustedCertificateFile=/etc/trucgate/trust/root.pem\n"));
        let doors = text(&with(url), "trucgate/doors.nft");
        assert!(doors.contains(&format!("trucgate {set}\n")), "{doors}");
    }
    let settings = Settings::read(WHOLE).unwrap();
    assert!(files(&settings).iter().all(|file| file.path != CONF));
    assert!(!text(WHOLE, "trucgate/doors.nft").contains("log_servers"));
    for wrong in [
        "http://192.0.2.50",
        "192.0.2.50",
        "https://",
        "https://192.0.2.50:0x1",
        "https://192.0.2.50/logs",
        "https://an@192.0.2.50",
        "https://2001:db8::50",
        "https://[192.0.2.50]",
        "https://a b",
        "https://192.0.2.50\nURL=x",
        "https://192.0.2",
        "",
    ] {
        let error = Settings::read(&with(wrong)).unwrap_err();
        assert!(
            error.contains("https://192.0.2.50:19532"),
            "{wrong}: {error}"
        );
    }
    let error = Settings::read(&with("https://logs.example")).unwrap_err();
    assert!(
        error.contains("\"logs.example\" is not among [names] hosts"),
        "{error}"
    );
}

#[test]
fn every_set_is_one_of_the_rules() {
    let rules = include_str!("../../systemd/appliance/etc/nftables.conf");
    let whole = format!("{WHOLE}\n[journal]\nupload = \"https://192.0.2.50\"\n");
    for line in text(&whole, "trucgate/doors.nft").lines() {
        let set = line.split(' ').nth(4).unwrap();
        assert!(rules.contains(&format!("set {set} {{")), "{set}");
    }
}

#[test]
fn cards_clocks_and_names_get_their_files() {
    let network = text(WHOLE, "systemd/network/10-card-0.network");
    assert!(network.starts_with("[Match]\nMACAddress=52:54:00:12:34:56\n"));
    assert!(network.contains("Address=2001:db8::10/64\nGateway=192.0.2.1\n"));
    assert!(text(WHOLE, "trucgate/hosts").ends_with("192.0.2.20 hub.example\n"));
    assert_eq!(
        text(WHOLE, "trucgate/resolv.conf"),
        "nameserver 192.0.2.53\n"
    );
    assert!(
        text(WHOLE, "trucgate/chrony.d/settings.sources").contains("server 2001:db8::123 iburst\n")
    );
}

#[test]
fn what_earlier_settings_asked_for_is_found_and_nothing_else() {
    let more = format!(
        "{WHOLE}\n[update]\nurl = \"https://updates.example/x\"\n\n\
         [[network]]\nmac = \"52:54:00:12:34:57\"\naddresses = [\"198.51.100.1/24\"]\n"
    );
    let of = |text: &str| files(&Settings::read(text).unwrap());
    let runtime = tempfile::tempdir().unwrap();
    for file in of(&more) {
        let path = runtime.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        Disk::real().replace(&path, file.text.as_bytes()).unwrap();
    }
    assert!(left_over(&of(&more), runtime.path()).is_empty());
    assert_eq!(
        left_over(&of(WHOLE), runtime.path()),
        ["trucgate/update.url", "systemd/network/10-card-1.network"]
            .map(|path| runtime.path().join(path))
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (from, to, told) in [
        ("hostname = \"box-1\"", "hostname = \"box 1\"", "hostname"),
        ("hub.example", "hub\\nexample", "hosts"),
        ("52:54:00:12:34:56", "any", "52:54:00:12:34:56"),
        ("192.0.2.10/24", "192.0.2.10/33", "192.0.2.10/24"),
        ("192.0.2.0/25", "anywhere", "192.0.2.10/24"),
        ("ports = [443]", "", "ports"),
        ("ports = [443]", "ports = [0x1ffff]", "ports"),
        ("[clock]", "[clocks]", "clocks"),
        ("192.0.2.20:8443", "hub:8443", "to = "),
    ] {
        assert!(WHOLE.contains(from));
        let error = Settings::read(&WHOLE.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(told), "{to}: {error}");
    }
}
