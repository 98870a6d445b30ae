//! How a token wants to be treated, where PKCS#11's own words are not enough: one small file per known token.

use std::sync::LazyLock;

use cryptoki::mechanism::MechanismType;
use serde::Deserialize;

/// What a token is believed to do well. A configuration that has one is believed rather than the files here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Mechanisms that may be used; those that a token only lists are not.
    pub mechanisms: Vec<Mechanism>,
    /// Whether several threads may call at the same time; else one call follows the other.
    pub threads: bool,
    /// Sessions that this process may open; no bound but the token's own if none is given.
    #[serde(default)]
    pub max_sessions: Option<usize>,
    /// How far a login reaches.
    pub login: Login,
}

/// A mechanism that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Mechanism {
    /// RSASSA-PKCS1-v1_5 over a DigestInfo.
    #[serde(rename = "CKM_RSA_PKCS")]
    RsaPkcs,
    /// RSASSA-PSS over a digest.
    #[serde(rename = "CKM_RSA_PKCS_PSS")]
    RsaPkcsPss,
    /// ECDSA over a digest.
    #[serde(rename = "CKM_ECDSA")]
    Ecdsa,
}

/// How far a login reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// To all sessions of the process, as PKCS#11 has it.
    Process,
    /// To its own session only.
    Session,
}

impl Mechanism {
    /// All that keys of this exchange sign with.
    pub const ALL: [Self; 3] = [Self::RsaPkcs, Self::RsaPkcsPss, Self::Ecdsa];

    /// PKCS#11's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaPkcs => "CKM_RSA_PKCS",
            Self::RsaPkcsPss => "CKM_RSA_PKCS_PSS",
            Self::Ecdsa => "CKM_ECDSA",
        }
    }

    pub(crate) fn of_token(self) -> MechanismType {
        match self {
            Self::RsaPkcs => MechanismType::RSA_PKCS,
            Self::RsaPkcsPss => MechanismType::RSA_PKCS_PSS,
            Self::Ecdsa => MechanismType::ECDSA,
        }
    }
}

impl Login {
    /// The word for it in a profile.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Session => "session",
        }
    }
}

/// A file of `profiles/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(skip)]
    name: &'static str,
    recognise: Option<Words>,
    profile: Profile,
}

/// What a token says of itself (CK_TOKEN_INFO), behind whatever module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    manufacturer: String,
    /// Any model if none is given.
    model: Option<String>,
}

/// The default stands last: it recognises every token.
static KNOWN: LazyLock<[Known; 3]> = LazyLock::new(|| {
    [
        ("softhsm2", include_str!("../profiles/softhsm2.toml")),
        ("kryoptic", include_str!("../profiles/kryoptic.toml")),
        ("default", include_str!("../profiles/default.toml")),
    ]
    .map(|(name, text)| {
        let known: Known = toml::from_str(text).expect("a file of the release, read by its tests");
        Known { name, ..known }
    })
});

impl Profile {
    /// The profile of a token by its manufacturer and model, and the name of the file that it is from.
    #[must_use]
    pub fn of(manufacturer: &str, model: &str) -> (&'static str, Self) {
        let fits = |known: &&Known| {
            known.recognise.as_ref().is_none_or(|words| {
                words.manufacturer == manufacturer
                    && words.model.as_ref().is_none_or(|named| named == model)
            })
        };
        let known = KNOWN.iter().find(fits).unwrap_or(&KNOWN[KNOWN.len() - 1]);
        (known.name, known.profile.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_own_words_and_any_other_is_believed() {
        let name = |manufacturer, model| Profile::of(manufacturer, model).0;
        assert_eq!(name("SoftHSM project", "SoftHSM v2"), "softhsm2");
        assert_eq!(name("SoftHSM project", "SoftHSM v3"), "default");
        assert_eq!(name("Kryoptic Project", "v1"), "kryoptic");
        assert_eq!(name("", ""), "default");
        let (_, default) = Profile::of("", "");
        assert!(default.threads && default.mechanisms.len() == 3);
    }

    #[test]
    fn what_no_pool_heeds_is_refused() {
        let good = "mechanisms = [\"CKM_ECDSA\"]\nthreads = false\nlogin = \"session\"\nmax_sessions = 2\n";
        let read: Profile = toml::from_str(good).unwrap();
        assert_eq!((read.max_sessions, read.login), (Some(2), Login::Session));
        for (from, to) in [
            ("CKM_ECDSA", "CKM_DES"),
            ("login", "logon"),
            ("session\"", "none\""),
        ] {
            assert!(toml::from_str::<Profile>(&good.replace(from, to)).is_err());
        }
    }
}
