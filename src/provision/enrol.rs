//! The box's side of its enrolment: the message that every key signs.

use data_encoding::BASE64;
use hsm::Workbench;

use super::bench::Bench;
use super::plan::TLS_KEY;
use super::state::EnrolmentDone;
use crate::trust::directory::Fingerprint;
use crate::uplink::enrolment::{Enrolled, Enrolment, MemberShown, Shown};

/// Writes the enrolment of the box and its members under the hub's code, signed by each of their keys.
///
/// # Errors
/// When a certificate is missing or the token does not sign.
pub fn enrolment(bench: &Bench, token: &Workbench, code: &str) -> Result<Enrolment, String> {
    let shown = |label: &str| {
        let chain = bench.chain(label)?;
        Ok::<_, String>(Shown {
            chain: chain.iter().map(|der| BASE64.encode(der)).collect(),
            signature: String::new(),
        })
    };
    let mut members = Vec::new();
    for member in &bench.plan.members {
        members.push(MemberShown {
            code: member.code.clone(),
            name: member.name.clone(),
            seal: shown(&member.seal_key())?,
        });
    }
    let mut message = Enrolment {
        hub: bench.plan.hub.code.clone(),
        box_code: bench.plan.own.code.clone(),
        // As people read it aloud: without the dashes, in capitals.
        code: code
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect(),
        tls: shown(TLS_KEY)?,
        members,
    };
    let statement = message.statement().map_err(|refusal| refusal.to_string())?;
    let sign = |label: &str| {
        let key = bench.key(token, label)?;
        let signature = key
            .sign_message(statement.as_bytes())
            .map_err(|error| error.to_string())?;
        Ok::<_, String>(BASE64.encode(&signature))
    };
    message.tls.signature = sign(TLS_KEY)?;
    for (member, planned) in message.members.iter_mut().zip(&bench.plan.members) {
        member.seal.signature = sign(&planned.seal_key())?;
    }
    Ok(message)
}

impl Bench {
    /// What is to be done before an enrolment.
    ///
    /// # Errors
    /// Names the step.
    pub fn ready_to_enrol(&self) -> Result<(), String> {
        self.open_to_change()?;
        self.ready_to_test()
    }

    /// What is to be done before a self-test, which a closed box may repeat.
    ///
    /// # Errors
    /// Names the step.
    pub fn ready_to_test(&self) -> Result<(), String> {
        self.after(self.is_configured(), "configure")
    }

    /// Writes down what the hub has said.
    ///
    /// # Errors
    /// When the state can't be written.
    pub fn enrolled(&mut self, said: &Enrolled) -> Result<(), String> {
        let tls = self.tls_fingerprint()?;
        self.state.enrolment = match said {
            Enrolled::Refused(_) => None,
            _ => Some(EnrolmentDone {
                approved: *said == Enrolled::Approved,
                tls,
                at: self.now(),
            }),
        };
        self.save()
    }

    /// The TLS certificate's fingerprint.
    ///
    /// # Errors
    /// When there is none.
    pub fn tls_fingerprint(&self) -> Result<Fingerprint, String> {
        Ok(Fingerprint::of(&self.chain(TLS_KEY)?[0]))
    }

    /// Writes down that every member's document came back to it.
    ///
    /// # Errors
    /// When the state can't be written.
    pub fn tested(&mut self, docs: Vec<String>) -> Result<(), String> {
        self.state.tested = Some(super::state::TestDone {
            docs,
            at: self.now(),
        });
        self.save()
    }

    /// Ends the provisioning: nothing is undone from here on, and the security officer's PIN leaves the box.
    ///
    /// # Errors
    /// When a step is missing.
    pub fn close(&mut self) -> Result<(), String> {
        self.open_to_change()
            .or_else(|_| self.remove(&self.so_pin_file()))?;
        self.after(self.state.tested.is_some(), "self-test")?;
        if self.state.closed.is_none() {
            self.state.closed = Some(self.now());
            self.save()?;
        }
        self.remove(&self.so_pin_file())
    }
}
