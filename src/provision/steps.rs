//! The checklist: what is done, what comes next, and how each step is undone.

use std::fmt::Write as _;
use std::path::Path;

use super::bench::{Bench, plan_file};
use super::configure;
use super::state::Protection;

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The plan.
    Plan,
    /// The token.
    Token,
    /// The PIN at rest.
    Pin,
    /// Key pairs.
    Keys,
    /// Requests.
    Requests,
    /// Certificates.
    Certificates,
    /// Configuration files.
    Configuration,
    /// Enrolment at the hub.
    Enrolment,
    /// A document to itself.
    SelfTest,
    /// The end.
    Close,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Plan,
        Self::Token,
        Self::Pin,
        Self::Keys,
        Self::Requests,
        Self::Certificates,
        Self::Configuration,
        Self::Enrolment,
        Self::SelfTest,
        Self::Close,
    ];

    /// The verb that does it.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Token => "init-token",
            Self::Pin => "pin",
            Self::Keys => "keys",
            Self::Requests => "request",
            Self::Certificates => "import",
            Self::Configuration => "configure",
            Self::Enrolment => "enrol",
            Self::SelfTest => "self-test",
            Self::Close => "close",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Plan => "kế hoạch / plan",
            Self::Token => "token",
            Self::Pin => "cất PIN / PIN at rest",
            Self::Keys => "cặp khoá / key pairs",
            Self::Requests => "yêu cầu cấp chứng thư / certificate requests",
            Self::Certificates => "chứng thư / certificates",
            Self::Configuration => "tệp cấu hình / configuration files",
            Self::Enrolment => "đăng ký với Trục / enrolment at the hub",
            Self::SelfTest => "tự kiểm tra / self-test",
            Self::Close => "niêm / close",
        }
    }

    /// The step that a verb does.
    #[must_use]
    pub fn of_verb(verb: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.verb() == verb)
    }
}

impl Bench {
    /// Whether a step is done.
    #[must_use]
    pub fn is_done(&self, step: Step) -> bool {
        match step {
            Step::Plan => true,
            Step::Token => self.state.token.is_some(),
            Step::Pin => self.state.pin.is_some(),
            Step::Keys => self.has_keys(),
            Step::Requests => self.has_requests(),
            Step::Certificates => self.has_certificates(),
            Step::Configuration => self.is_configured(),
            Step::Enrolment => matches!(&self.state.enrolment, Some(done)
                if done.approved && self.tls_fingerprint().is_ok_and(|tls| tls == done.tls)),
            Step::SelfTest => self.state.tested.is_some(),
            Step::Close => self.state.closed.is_some(),
        }
    }

    pub(super) fn is_configured(&self) -> bool {
        self.state.configured.is_some()
            && self.state.configured == self.plan_digest().ok()
            && configure::files(&self.directory)
                .iter()
                .all(|file| file.exists())
    }

    /// The first step that is not done.
    #[must_use]
    pub fn next(&self) -> Option<Step> {
        // Certificates may have come without a request of ours having been kept.
        let needed = |step: &Step| *step != Step::Requests || !self.is_done(Step::Certificates);
        Step::ALL
            .into_iter()
            .filter(needed)
            .find(|step| !self.is_done(*step))
    }

    /// The checklist with the exact next commands.
    #[must_use]
    pub fn checklist(&self) -> String {
        let mut text = format!(
            "Máy chủ bảo mật / box {}, {}\n\n",
            self.plan.own.code,
            self.directory.display()
        );
        let next = self.next();
        for (at, step) in Step::ALL.into_iter().enumerate() {
            let mark = match () {
                () if self.is_done(step) => 'x',
                () if next == Some(step) => '>',
                () => ' ',
            };
            let detail = self.detail(step);
            let _ = writeln!(text, " [{mark}] {:>2}. {}{detail}", at + 1, step.title());
        }
        text + "\n" + &self.next_commands(next)
    }

    /// What is worth knowing of a step.
    fn detail(&self, step: Step) -> String {
        let state = &self.state;
        let planned = self.plan.planned_keys().len();
        let count = |done: usize| format!(": {done}/{planned}");
        match step {
            Step::Token => state.token.as_ref().map(|done| {
                format!(
                    ": nhãn / label {}, số sê-ri / serial {}",
                    done.label, done.serial
                )
            }),
            Step::Pin => state
                .pin
                .as_ref()
                .map(|done| format!(": {}", done.how.words())),
            Step::Keys => Some(count(state.keys.len())),
            Step::Requests => Some(count(state.requests.len())),
            Step::Certificates => Some(count(planned - self.without_certificate().len())),
            Step::Enrolment => state.enrolment.as_ref().map(|done| {
                if done.approved {
                    String::new()
                } else {
                    ": chờ duyệt / waits for approval".to_owned()
                }
            }),
            Step::SelfTest => state
                .tested
                .as_ref()
                .map(|done| format!(": {}", done.docs.join(", "))),
            Step::Close => state.closed.as_ref().map(|at| format!(": {at}")),
            Step::Plan | Step::Configuration => None,
        }
        .unwrap_or_default()
    }

    fn next_commands(&self, next: Option<Step>) -> String {
        let dir = shell(&self.directory);
        let Some(step) = next else {
            return self.start_commands();
        };
        let own = |rest: &str| {
            format!(
                "Tiếp theo / next:\n  trucgate provision {} --dir {dir}{rest}\n",
                step.verb()
            )
        };
        match step {
            Step::Certificates => {
                let requests = shell(&self.requests());
                let issued = |key: &super::plan::PlannedKey| {
                    self.request_file(&key.label).with_extension("pem").exists()
                };
                let import = own(&format!(" {requests}/*.pem"));
                if self.without_certificate().iter().all(issued) {
                    return import;
                }
                format!(
                    "Tiếp theo, ở CA / next, at the CA (with the TEST CA; the Government CA has its own way):\n  \
                     trucgate provision ca issue --dir CA-DIR {requests}/*.csr\n{import}"
                )
            }
            Step::Enrolment if self.state.enrolment.is_some() => format!(
                "Tiếp theo, ở Trục / next, at the hub:\n  trucgate hub --config HUB-CONFIG admin approve {}\n\
                 Tiếp theo / next:\n  trucgate provision self-test --dir {dir}\n",
                self.plan.own.code
            ),
            Step::Enrolment => {
                let members = self.plan.members.iter();
                let members: String = members.map(|m| format!(" --member {}", m.code)).collect();
                format!(
                    "Tiếp theo, ở Trục / next, at the hub:\n  trucgate hub --config HUB-CONFIG admin invite --box {}{members}\n{}",
                    self.plan.own.code,
                    own(" --code CODE")
                )
            }
            Step::Close => format!(
                "Chép {so} vào két, rồi / copy {so} to the safe, then:\n{}",
                own(" --so-pin-kept"),
                so = self.so_pin_file().display()
            ),
            _ => own(""),
        }
    }

    /// How the box starts, when all is done.
    fn start_commands(&self) -> String {
        let done = "Xong. Khởi động / done. Start it:\n";
        if self.plan.run.user.is_none() {
            return format!(
                "{done}  trucgate signer --config {}\n  trucgate relay --config {}\n",
                shell(&configure::signer_file(&self.directory)),
                shell(&configure::relay_file(&self.directory))
            );
        }
        let plain = matches!(&self.state.pin, Some(done) if done.how == Protection::Plain);
        let drop_in = if plain {
            "  install -D -m 644 /usr/share/doc/trucgate/systemd/drop-ins/signer-plain-pin.conf \
             /etc/systemd/system/trucgate-signer.service.d/plain-pin.conf\n  systemctl daemon-reload\n"
        } else {
            ""
        };
        format!("{done}{drop_in}  systemctl enable --now trucgate-signer trucgate-relay\n")
    }

    /// Undoes a step, the last one that is done.
    ///
    /// # Errors
    /// When the box is closed, a later step stands on this one, or the disk or the token refuses.
    pub fn undo(&mut self, step: Step) -> Result<&'static str, String> {
        self.open_to_change()?;
        let later = Step::ALL
            .into_iter()
            .rev()
            .find(|one| *one > step && self.leaves_traces(*one));
        if let Some(later) = later {
            return Err(format!(
                "bước {0} dựa vào bước này, hãy hoàn lại bước đó trước / {0} stands on it; first: trucgate provision undo {0} --dir {1}",
                later.verb(),
                self.directory.display()
            ));
        }
        match step {
            Step::Plan => {
                self.remove(&plan_file(&self.directory))?;
                return Ok("đã xoá kế hoạch / the plan is gone");
            }
            Step::Token => self.state.token = None,
            Step::Pin => {
                self.unseal_pin()?;
                return Ok("PIN lại nằm trong tệp thường / the PIN lies in a plain file again");
            }
            Step::Keys => {
                // Said first: what is cut off here is made anew or destroyed again, never believed to be there.
                self.state.keys.clear();
                self.save()?;
                self.destroy_keys()?;
            }
            Step::Requests => {
                for planned in self.plan.planned_keys() {
                    let request = self.request_file(&planned.label);
                    self.remove(&request)?;
                    self.remove(&request.with_extension("pem"))?;
                }
                self.state.requests.clear();
            }
            Step::Certificates => {
                self.state.certificates.clear();
                self.save()?;
                for planned in self.plan.planned_keys() {
                    self.remove(&self.chain_file(&planned.label))?;
                }
            }
            Step::Configuration => {
                self.state.configured = None;
                self.save()?;
                for file in configure::files(&self.directory) {
                    self.remove(&file)?;
                }
            }
            Step::Enrolment => self.state.enrolment = None,
            Step::SelfTest => self.state.tested = None,
            Step::Close => {}
        }
        self.save()?;
        Ok(match step {
            Step::Token => {
                "token vẫn còn nhãn và PIN, bước này sẽ tìm lại nó / the token keeps its label and its PINs, the step finds it again"
            }
            Step::Keys => "đã huỷ cặp khoá trong token / the key pairs are destroyed",
            Step::Enrolment => {
                "phía Trục: từ chối hoặc gỡ đăng ký này / the hub's operator refuses or removes it there"
            }
            _ => "đã hoàn lại / undone",
        })
    }

    fn leaves_traces(&self, step: Step) -> bool {
        match step {
            Step::Plan => true,
            Step::Keys => !self.state.keys.is_empty(),
            Step::Requests => !self.state.requests.is_empty(),
            Step::Certificates => !self.state.certificates.is_empty(),
            Step::Configuration => self.state.configured.is_some(),
            Step::Enrolment => self.state.enrolment.is_some(),
            _ => self.is_done(step),
        }
    }

    /// What a person must know although every step is done.
    #[must_use]
    pub fn risks(&self) -> Vec<String> {
        let mut risks = Vec::new();
        if matches!(&self.state.pin, Some(done) if done.how == Protection::Plain) {
            risks.push(Protection::Plain.words().to_owned());
        }
        if let Some(plain) = &self.plan.software.plain {
            risks.push(format!(
                "RỦI RO: phần mềm nối qua HTTP không mã hoá ở {0} / RISK: software connects by plain HTTP at {0}",
                plain.listen
            ));
        }
        if self.plan.trust.revocation_lists.is_empty() {
            risks.push(
                "RỦI RO: không có danh sách thu hồi (CRL) / RISK: no revocation list is configured"
                    .to_owned(),
            );
        }
        risks
    }
}

/// A path as a shell takes it.
fn shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
