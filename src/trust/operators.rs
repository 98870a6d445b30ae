//! Who operates a box or the hub: persons with certificates, and what each may do.

use serde::Deserialize;

use super::Error;
use super::directory::Fingerprint;
use crate::packet::MemberId;

/// What an operator may do; nobody may what is not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Ask how all stands.
    View,
    /// Hold, retry and cancel what is on its way.
    Operate,
    /// Propose and approve what needs two persons.
    Approve,
}

impl Role {
    /// Its word in a configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Approve => "approve",
        }
    }
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The name that stands in journal and evidence.
    pub name: String,
    /// The certificate that proves it.
    pub certificate: Fingerprint,
    /// What this person may do.
    pub roles: Vec<Role>,
    /// The only members whose documents this person may trace; all that are at home here unless said.
    #[serde(default)]
    pub members: Option<Vec<MemberId>>,
}

impl Operator {
    /// Whether this person may do that.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// All operators of one box or hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Operator>")]
pub struct Operators(Vec<Operator>);

impl TryFrom<Vec<Operator>> for Operators {
    type Error = Error;

    /// A certificate or a name that stands twice would let one person pass for two.
    fn try_from(all: Vec<Operator>) -> Result<Self, Error> {
        for (place, one) in all.iter().enumerate() {
            if one.name.trim().is_empty() || one.roles.is_empty() {
                return Err(Error::Operators(format!(
                    "operator {:?} needs a name and a role",
                    one.name
                )));
            }
            if all[..place]
                .iter()
                .any(|other| other.name == one.name || other.certificate == one.certificate)
            {
                return Err(Error::Operators(format!(
                    "{:?} is listed twice, by name or certificate",
                    one.name
                )));
            }
        }
        Ok(Self(all))
    }
}

impl Operators {
    /// The operator whose certificate this is.
    #[must_use]
    pub fn find(&self, certificate: &Fingerprint) -> Option<&Operator> {
        self.0.iter().find(|one| one.certificate == *certificate)
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Operator> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
