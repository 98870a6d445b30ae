//! What was checked, in words: Vietnamese first, then English, a line a check.

use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cmd::evidence) enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// Nothing speaks against it, but what would settle it is missing.
    Unsure,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cmd::evidence) struct Line {
    /// Of what: `packet`, `receipt-1`, `crl-1`.
    pub(in crate::cmd::evidence) part: String,
    /// Its name, for programs.
    pub(in crate::cmd::evidence) check: &'static str,
    /// How it came out.
    pub(in crate::cmd::evidence) outcome: Outcome,
    /// In Vietnamese.
    pub(in crate::cmd::evidence) vi: String,
    /// In English.
    pub(in crate::cmd::evidence) en: String,
}

/// All checks of one proof.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::cmd::evidence) struct Report {
    /// What the packet's record says, a value a line.
    pub(in crate::cmd::evidence) about: Vec<String>,
    /// In the order in which they are told.
    pub(in crate::cmd::evidence) checks: Vec<Line>,
}

impl Report {
    /// Whether nothing failed, and with `strict` nothing stayed unsure.
    pub(in crate::cmd::evidence) fn holds(&self, strict: bool) -> bool {
        self.checks.iter().all(|line| match line.outcome {
            Outcome::Holds => true,
            Outcome::Unsure => !strict,
            Outcome::Fails => false,
        })
    }

    /// For people.
    pub(in crate::cmd::evidence) fn text(&self, holds: bool) -> String {
        let mut text = String::new();
        for line in &self.about {
            text += &format!("  {line}\n");
        }
        for line in &self.checks {
            let mark = match line.outcome {
                Outcome::Holds => '✓',
                Outcome::Fails => '✗',
                Outcome::Unsure => '!',
            };
            text += &format!("{mark} [{}] {} / {}\n", line.part, line.vi, line.en);
        }
        text + if holds {
            "✓ KẾT LUẬN: chứng cứ đứng vững / CONCLUSION: the proof holds\n"
        } else {
            "✗ KẾT LUẬN: chứng cứ KHÔNG đứng vững / CONCLUSION: the proof does NOT hold\n"
        }
    }

    /// For programs.
    pub(in crate::cmd::evidence) fn json(&self, holds: bool) -> String {
        #[derive(Serialize)]
        struct Told<'a> {
            holds: bool,
            #[serde(flatten)]
            report: &'a Report,
        }
        let told = Told {
            holds,
            report: self,
        };
        // A structure of strings always serialises.
        serde_json::to_string_pretty(&told).unwrap_or_default() + "\n"
    }
}

/// Collects the lines about one part.
pub(in crate::cmd::evidence) struct Teller {
    part: String,
    pub(in crate::cmd::evidence) lines: Vec<Line>,
}

impl Teller {
    pub(in crate::cmd::evidence) fn new(part: &str) -> Self {
        Self {
            part: part.to_owned(),
            lines: Vec::new(),
        }
    }

    /// A check that holds.
    pub(in crate::cmd::evidence) fn holds(
        &mut self,
        check: &'static str,
        vi: impl Into<String>,
        en: impl Into<String>,
    ) {
        self.add(check, Outcome::Holds, vi.into(), en.into());
    }

    /// A check that stays open.
    pub(in crate::cmd::evidence) fn unsure(
        &mut self,
        check: &'static str,
        vi: impl Into<String>,
        en: impl Into<String>,
    ) {
        self.add(check, Outcome::Unsure, vi.into(), en.into());
    }

    /// A check that fails; `None`, so that it ends what can't go on.
    pub(in crate::cmd::evidence) fn fails<T>(
        &mut self,
        check: &'static str,
        vi: impl Into<String>,
        en: impl Into<String>,
    ) -> Option<T> {
        self.add(check, Outcome::Fails, vi.into(), en.into());
        None
    }

    fn add(&mut self, check: &'static str, outcome: Outcome, vi: String, en: String) {
        self.lines.push(Line {
            part: self.part.clone(),
            check,
            outcome,
            vi,
            en,
        });
    }
}
