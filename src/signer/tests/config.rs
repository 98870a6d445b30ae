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
fn a_second_token_has_names_of_its_own() {
    let second = "[standby]\nmodule = \"/usr/lib/kryoptic.so\"\ntoken_serial = \"42\"\npin_credential = \"pin-2\"\n\
                  after_ms = 500\n[standby.profile]\nmechanisms = [\"CKM_ECDSA\"]\nthreads = false\nlogin = \"process\"\n";
    let sister =
        "label = \"dấu\"\nstandby = { sister = { label = \"dấu 2\", certificates = \"2.pem\" } }";
    let text = GOOD.replace("[[keys]]", &format!("{second}\n[[keys]]"));
    let text = text.replace("label = \"dấu\"", sister);
    let config: Config = toml::from_str(&text).unwrap();
    config.check().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let credentials = Credentials::at(dir.path().to_owned());
    super::put(&dir.path().join("pin"), b"4711\n");
    let missing = config.standby_pool(&credentials).unwrap_err().to_string();
    assert!(
        missing.contains("[standby]") && missing.contains("pin-2"),
        "{missing}"
    );
    super::put(&dir.path().join("pin-2"), b"0815\n");
    let (pool, after) = config.standby_pool(&credentials).unwrap().unwrap();
    assert_eq!(
        (after.as_millis(), pool.module.to_str()),
        (500, Some("/usr/lib/kryoptic.so"))
    );
    assert!(!pool.profile.unwrap().threads);
    assert_eq!(pool.token, hsm::TokenName::Serial("42".into()));
}

#[test]
fn what_is_unknown_unused_or_twice_is_refused() {
    for (good, bad) in [
        ("token_label", "token_lable"),
        ("use = \"seal\"", "use = \"decrypt\""),
        ("member = \"000.00.00.G22\"", "member = \"../x\""),
        ("label = \"dấu\"", "label = \"dấu\"\nslot = 0"),
        ("label = \"dấu\"", "label = \"dấu\"\nstandby = \"other\""),
        ("[[keys]]", "[standby]\nmodule = \"m\"\nslot = 0\n[[keys]]"),
    ] {
        assert!(
            toml::from_str::<Config>(&GOOD.replace(good, bad)).is_err(),
            "{bad}"
        );
    }
    for (good, bad) in [
        ("allow = [\"trucgate\", 1000]", "allow = []"),
        ("socket =", "queue = 0\nsocket ="),
        ("label = \"dấu\"", "label = \"dấu\"\nstandby = \"same\""),
        (
            "[[keys]]",
            "[standby]\nmodule = \"m\"\n[[keys]]\nname = \"tls\"\nmember = \"H41\"\nuse = \"tls\"\nlabel = \"l\"\n\
             certificates = \"c\"\nallow = [0]\nstandby = { sister = { label = \"l\", certificates = \"c\" } }\n[[keys]]",
        ),
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
