use crate::retry::Class;
use crate::signer::config::{Config, Who};
use crate::systemd::Credentials;

const GOOD: &str = r#"
socket = "/run/trucgate/signer"
heads = "/var/lib/trucgate/heads"
module = "/usr/lib/softhsm/libsofthsm2.so"
token_label = "hộp 1"
pin_credential = "pin"

[[keys]]
name = "seal"
member = "000.00.00.G22"
use = "seal"
label = "dấu"
certificates = "/etc/trucgate/seal.pem"
allow = ["trucgate", 1000]
"#;

#[test]
fn a_good_configuration_is_read() {
    let config: Config = toml::from_str(GOOD).unwrap();
    config.check().unwrap();
    assert_eq!(
        config.keys[0].allow,
        [Who::Name("trucgate".into()), Who::Uid(1000)]
    );
    let dir = tempfile::tempdir().unwrap();
    let credentials = Credentials::at(dir.path().to_owned());
    assert_eq!(config.pool(&credentials).unwrap_err().class(), Class::Fatal);
    super::put(&dir.path().join("pin"), b"4711\n");
    let pool = config.pool(&credentials).unwrap();
    assert!(!format!("{pool:?}").contains("4711"));
}

#[test]
fn what_is_unknown_unused_or_twice_is_refused() {
    for (good, bad) in [
        ("token_label", "token_lable"),
        ("use = \"seal\"", "use = \"decrypt\""),
        ("member = \"000.00.00.G22\"", "member = \"../x\""),
        ("label = \"dấu\"", "label = \"dấu\"\nslot = 0"),
    ] {
        assert!(
            toml::from_str::<Config>(&GOOD.replace(good, bad)).is_err(),
            "{bad}"
        );
    }
    for (good, bad) in [
        ("allow = [\"trucgate\", 1000]", "allow = []"),
        ("socket =", "queue = 0\nsocket ="),
    ] {
        let config: Config = toml::from_str(&GOOD.replace(good, bad)).unwrap();
        assert_eq!(config.check().unwrap_err().class(), Class::Fatal, "{bad}");
    }
    for (good, bad) in [
        ("pin_credential", "pin_file = \"p\"\npin_credential"),
        ("token_label = \"hộp 1\"", ""),
    ] {
        let config: Config = toml::from_str(&GOOD.replace(good, bad)).unwrap();
        assert!(
            config.pool(&Credentials::from_environment()).is_err(),
            "{bad}"
        );
    }
}
