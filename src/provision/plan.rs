//! Which box it is, with which members: one TOML file, or flags that write it. Unknown keys are errors.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::token::Kind;
use crate::packet::MemberId;
use crate::signer::KeyUse;
use crate::tls::TrustFiles;
use crate::trust::operators::Operators;

/// Label of the box's TLS key.
pub const TLS_KEY: &str = "tls";

/// The plan of one box.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The box.
    #[serde(rename = "box")]
    pub own: Own,
    /// Its token.
    pub token: Token,
    /// Kinds of its keys.
    #[serde(default)]
    pub keys: Keys,
    /// The hub.
    pub hub: Hub,
    /// Where software connects.
    pub software: Software,
    /// What it trusts.
    pub trust: TrustFiles,
    /// Where processes find each other and keep their state.
    pub run: Run,
    /// Its operators, and where they reach it.
    #[serde(default)]
    pub control: Management,
    /// For whom its backups are.
    pub backup: Option<Backup>,
    /// Its members, one or many.
    pub members: Vec<Member>,
}

/// Who operates the box.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Management {
    /// The management address.
    pub listen: Option<SocketAddr>,
    /// Persons, by their certificates.
    pub operators: Operators,
}

/// For whom backups are encrypted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Certificates of the agency, whose keys are kept elsewhere.
    pub certificates: Vec<PathBuf>,
}

/// The box.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// The code in its TLS certificate.
    pub code: MemberId,
    /// Organization in its requests.
    pub organization: String,
    /// Host names and addresses in its TLS certificate, the one that software dials first.
    pub names: Vec<String>,
}

/// The token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// Its label: found by it, or given it.
    pub label: String,
    /// Serial number of the token to be initialised, where several are in reach.
    pub serial: Option<String>,
    /// Where the sealed PIN lies.
    pub pin_credential: PathBuf,
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Of TLS.
    pub tls: Kind,
    /// Of seals.
    pub seal: Kind,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            tls: Kind::P256,
            seal: Kind::Rsa2048,
        }
    }
}

/// The hub.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// Its code.
    pub code: MemberId,
    /// `host:port` of the exchange.
    pub address: String,
    /// The host name in its certificate.
    pub name: String,
    /// `host:port` where boxes that are not registered yet enrol.
    pub enrolment: String,
}

/// Where software connects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Software {
    /// HTTPS.
    pub listen: SocketAddr,
    /// Plain HTTP for software that knows no TLS: a risk that is declared.
    pub plain: Option<Plain>,
}

/// Plain HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plain {
    /// Where.
    pub listen: SocketAddr,
    /// The only addresses that may use it.
    pub from: Vec<IpAddr>,
}

/// Where processes find each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What the relay keeps.
    pub state: PathBuf,
    /// What the signer keeps: the last head of each log.
    pub heads: PathBuf,
    /// The signer's socket.
    pub socket: PathBuf,
    /// The user of the relay, by name; without it whoever provisions.
    pub user: Option<String>,
}

/// A member.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its code.
    pub code: MemberId,
    /// Its name.
    pub name: String,
    /// Organization in its request, where the name is longer than 64 characters.
    pub organization: Option<String>,
    /// Its software's systemid; `QLVB-CODE` unless said.
    pub systemid: Option<String>,
}

impl Member {
    /// Label of its seal key.
    #[must_use]
    pub fn seal_key(&self) -> String {
        format!("seal-{}", self.code)
    }

    fn organization(&self) -> &str {
        self.organization.as_deref().unwrap_or(&self.name)
    }

    /// The systemid of its software.
    #[must_use]
    pub fn systemid(&self) -> String {
        let usual = || format!("QLVB-{}", self.code);
        self.systemid.clone().unwrap_or_else(usual)
    }
}

/// A key that the plan asks for. Checkpoints of the evidence log are signed by the seal key: there is no third kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedKey {
    /// Its label in the token, its name at the signer, the name of its files.
    pub label: String,
    /// What it is for.
    pub use_: KeyUse,
    /// The code in its certificate.
    pub code: MemberId,
    /// Its kind.
    pub kind: Kind,
    /// Organization in its request.
    pub organization: String,
}

impl Plan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// Names the file and the key that is unknown, missing or wrong.
    pub fn read(path: &Path) -> Result<Self, String> {
        let at = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
        Self::parse(&text).map_err(at)
    }

    /// Reads and checks a plan's text.
    ///
    /// # Errors
    /// Names the key that is unknown, missing or wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plan: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        if self.members.is_empty() {
            return Err("chưa có đơn vị nào / [[members]] is empty".to_owned());
        }
        if self.own.names.is_empty() {
            return Err("chưa có tên máy / box.names is empty".to_owned());
        }
        if self.token.label.is_empty() || self.token.label.len() > 32 {
            return Err("nhãn token có 1 đến 32 byte / token.label has 1 to 32 bytes".to_owned());
        }
        self.check_paths()?;
        let members = self.members.iter().map(Member::organization);
        for organization in members.chain([self.own.organization.as_str()]) {
            // ub-organization-name (RFC 5280 appendix A.1): certification authorities hold to it.
            if organization.is_empty() || organization.chars().count() > 64 {
                return Err(format!(
                    "tên tổ chức có 1 đến 64 ký tự, hãy viết gọn ở organization / an organization has 1 to 64 characters, write a shorter one under organization: {organization:?}"
                ));
            }
        }
        for (at, member) in self.members.iter().enumerate() {
            let before = &self.members[..at];
            if before.iter().any(|known| known.code == member.code) {
                return Err(format!(
                    "đơn vị lặp lại / member {} stands twice",
                    member.code
                ));
            }
            if before
                .iter()
                .any(|known| known.systemid() == member.systemid())
            {
                return Err(format!(
                    "systemid {} lặp lại / stands twice",
                    member.systemid()
                ));
            }
        }
        Ok(())
    }

    /// Commands are typed anywhere, and services start elsewhere: a relative path would be another one each time.
    fn check_paths(&self) -> Result<(), String> {
        let trust = &self.trust;
        let listed = [
            &trust.anchors,
            &trust.intermediates,
            &trust.revocation_lists,
        ];
        let own = [
            &self.token.module,
            &self.token.pin_credential,
            &self.run.state,
            &self.run.heads,
            &self.run.socket,
        ];
        let backup = self.backup.iter().flat_map(|backup| &backup.certificates);
        match listed
            .into_iter()
            .flatten()
            .chain(own)
            .chain(backup)
            .find(|path| path.is_relative())
        {
            Some(path) => Err(format!(
                "đường dẫn phải bắt đầu bằng / — a path begins with /: {}",
                path.display()
            )),
            None => Ok(()),
        }
    }

    /// The keys of this box: one for TLS, one a member.
    #[must_use]
    pub fn planned_keys(&self) -> Vec<PlannedKey> {
        let tls = PlannedKey {
            label: TLS_KEY.to_owned(),
            use_: KeyUse::Tls,
            code: self.own.code.clone(),
            kind: self.keys.tls,
            organization: self.own.organization.clone(),
        };
        let seals = self.members.iter().map(|member| PlannedKey {
            label: member.seal_key(),
            use_: KeyUse::Seal,
            code: member.code.clone(),
            kind: self.keys.seal,
            organization: member.organization().to_owned(),
        });
        std::iter::once(tls).chain(seals).collect()
    }
}

/// A plan as flags give it.
#[derive(Clone, Debug)]
pub struct Flags {
    /// Directory of the box's files.
    pub directory: PathBuf,
    /// The box's code.
    pub code: MemberId,
    /// Organization; the first member's name unless said.
    pub organization: Option<String>,
    /// Host names.
    pub names: Vec<String>,
    /// Members: code and name.
    pub members: Vec<(MemberId, String)>,
    /// The hub.
    pub hub: Hub,
    /// PKCS#11 module.
    pub module: PathBuf,
    /// Token label.
    pub label: String,
    /// Token serial number.
    pub serial: Option<String>,
    /// Kinds of keys.
    pub keys: Keys,
    /// HTTPS for software.
    pub listen: SocketAddr,
    /// Plain HTTP for software, and who may use it.
    pub plain: Option<Plain>,
    /// Anchors.
    pub anchors: Vec<PathBuf>,
    /// Intermediates.
    pub intermediates: Vec<PathBuf>,
    /// Revocation lists.
    pub lists: Vec<PathBuf>,
    /// Whether the box's paths are those of the installed units.
    pub installed: bool,
}

impl Flags {
    /// The plan's text.
    #[must_use]
    pub fn text(&self) -> String {
        let (dir, hub) = (&self.directory, &self.hub);
        let organization = self.organization.clone().unwrap_or_else(|| {
            let first = self.members.first();
            first.map_or_else(|| self.code.to_string(), |(_, name)| name.clone())
        });
        let mut text = format!(
            "# Kế hoạch của một máy chủ bảo mật / the plan of a box. Sửa được trước khi tạo khoá / may be edited before keys are made.\n\
             [box]\ncode = {}\norganization = {}\nnames = {}\n\n\
             [token]\nmodule = {}\nlabel = {}\npin_credential = {}\n",
            quoted(self.code.as_str()),
            quoted(&organization),
            list(self.names.iter().map(String::as_str)),
            path(&self.module),
            quoted(&self.label),
            path(&if self.installed {
                PathBuf::from("/etc/credstore.encrypted/trucgate.pin")
            } else {
                dir.join("trucgate.pin")
            }),
        );
        // Writing to a String never fails.
        if let Some(serial) = &self.serial {
            let _ = writeln!(text, "serial = {}", quoted(serial));
        }
        let _ = write!(
            text,
            "\n[keys]\ntls = \"{}\"\nseal = \"{}\"\n\n\
             [hub]\ncode = {}\naddress = {}\nname = {}\nenrolment = {}\n\n[software]\nlisten = \"{}\"\n",
            self.keys.tls,
            self.keys.seal,
            quoted(hub.code.as_str()),
            quoted(&hub.address),
            quoted(&hub.name),
            quoted(&hub.enrolment),
            self.listen,
        );
        if let Some(plain) = &self.plain {
            let from: Vec<String> = plain.from.iter().map(IpAddr::to_string).collect();
            let _ = writeln!(
                text,
                "plain = {{ listen = \"{}\", from = {} }}",
                plain.listen,
                list(from.iter().map(String::as_str))
            );
        }
        let files = |paths: &[PathBuf]| {
            let shown: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
            list(shown.iter().map(AsRef::as_ref))
        };
        let _ = write!(
            text,
            "\n[trust]\nanchors = {}\nintermediates = {}\nrevocation_lists = {}\n\n[run]\n",
            files(&self.anchors),
            files(&self.intermediates),
            files(&self.lists),
        );
        text += &if self.installed {
            "state = \"/var/lib/trucgate-relay\"\nheads = \"/var/lib/trucgate-signer/heads\"\n\
             socket = \"/run/trucgate-signer/signer.sock\"\nuser = \"trucgate-relay\"\n"
                .to_owned()
        } else {
            format!(
                "state = {}\nheads = {}\nsocket = {}\n",
                path(&dir.join("state")),
                path(&dir.join("heads")),
                path(&dir.join("signer.sock"))
            )
        };
        for (code, name) in &self.members {
            let _ = write!(
                text,
                "\n[[members]]\ncode = {}\nname = {}\n",
                quoted(code.as_str()),
                quoted(name)
            );
        }
        text
    }
}

/// A TOML string; JSON's strings are TOML's basic strings.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

pub(super) fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<String> = texts.map(quoted).collect();
    format!("[{}]", all.join(", "))
}
