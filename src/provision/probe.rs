//! Inspects a token that nobody knows yet with test objects of its own, and writes the profile that a signer needs for it.
//!
//! Each finding is told at once: should a module take the process down, the last line names what it could not bear. The
//! test keys have fixed labels, so that the next probe removes what a killed one left.

mod trials;

use std::fmt::Write as _;
use std::path::PathBuf;

use hsm::{Pin, Profile, TokenDescription, TokenName, Workbench};

/// What is inspected.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The token; none where the module has only one.
    pub token: Option<TokenName>,
    /// File with the user's PIN, which is tried once.
    pub pin: PathBuf,
    /// Whether several threads may try it at the same time.
    pub threads: bool,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it went.
    pub verdict: Verdict,
    /// Vietnamese, then English.
    pub text: String,
}

/// How a trial went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Good,
    /// Worth knowing.
    Note,
    /// The token can't do it or does it wrong.
    Bad,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self.verdict {
            Verdict::Good => "[đạt / ok]     ",
            Verdict::Note => "[lưu ý / note] ",
            Verdict::Bad => "[hỏng / bad]   ",
        };
        write!(f, "{sign} {}", self.text)
    }
}

/// Who hears the findings, one after the other.
pub type Listener<'a> = dyn FnMut(Finding) + 'a;

/// What a probe comes to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the token does well.
    pub profile: Profile,
    /// Whether a signer could seal with it at all.
    pub fit: bool,
}

impl Outcome {
    /// The profile as the signer's configuration reads it.
    #[must_use]
    pub fn toml(&self) -> String {
        let Profile {
            mechanisms,
            threads,
            max_sessions,
            login,
        } = &self.profile;
        let named = mechanisms.iter().map(|one| format!("\"{}\"", one.as_str()));
        let mut text = format!(
            "[profile]\nmechanisms = [{}]\nthreads = {threads}\n",
            named.collect::<Vec<_>>().join(", ")
        );
        if let Some(most) = max_sessions {
            // Writing to a String never fails.
            let _ = writeln!(text, "max_sessions = {most}");
        }
        let _ = writeln!(text, "login = \"{}\"", login.as_str());
        text
    }
}

/// Inspects the token and removes its test objects.
///
/// # Errors
/// When there is no module, not the one token, or no way in; and when test objects can't be removed.
pub fn probe(wanted: &Wanted, tell: &mut Listener<'_>) -> Result<Outcome, String> {
    let pin = Pin::read(&wanted.pin)
        .map_err(|error| format!("tệp PIN / PIN file {}: {error}", wanted.pin.display()))?;
    let mut bench = Workbench::open(&wanted.module).map_err(told)?;
    let module = bench.module().map_err(told)?;
    note(
        tell,
        format!(
            "mô-đun / module {}: {} {}, {}, PKCS#11 {}",
            wanted.module.display(),
            module.library,
            module.version,
            module.manufacturer,
            module.cryptoki
        ),
    );
    let token = choose(&bench.tokens().map_err(told)?, wanted.token.as_ref())?;
    let (known, _) = Profile::of(&token.manufacturer, &token.model);
    note(
        tell,
        format!(
            "token «{}», số sê-ri / serial {}: {}, {}, firmware {}; hồ sơ có sẵn / known as: {known}",
            token.label, token.serial, token.manufacturer, token.model, token.firmware
        ),
    );
    if token.pin_at_reader {
        return Err("token đòi gõ PIN trên đầu đọc, tệp PIN không dùng được; chọn token hoặc chế độ nhận PIN từ phần mềm / \
                    the token wants its PIN typed at a reader: choose a token or mode that takes it from software"
            .to_owned());
    }
    bench
        .login(&name_of(&token), &pin)
        .map_err(|error| format!("đăng nhập, chỉ thử một lần / login, tried once: {error}"))?;
    good(tell, "đăng nhập / login");
    let swept = trials::sweep(&bench)?;
    if swept > 0 {
        note(
            tell,
            format!(
                "đã xoá {swept} đối tượng thử của lần trước / {swept} test objects of an earlier probe removed"
            ),
        );
    }
    let outcome = trials::all(&bench, &token, &pin, wanted.threads, tell);
    let swept = trials::sweep(&bench)?;
    good(
        tell,
        format!("đã xoá các đối tượng thử / test objects removed: {swept}"),
    );
    Ok(outcome)
}

/// The one token that is meant.
fn choose(
    tokens: &[TokenDescription],
    wanted: Option<&TokenName>,
) -> Result<TokenDescription, String> {
    let fits = |token: &&TokenDescription| match wanted {
        Some(TokenName::Label(label)) => token.label == *label,
        Some(TokenName::Serial(serial)) => token.serial == *serial,
        None => token.initialised,
    };
    let found: Vec<_> = tokens.iter().filter(fits).collect();
    if let [one] = found[..] {
        return Ok(one.clone());
    }
    let mut text = format!(
        "{} token phù hợp; nêu --label hoặc --serial / {} tokens fit, give --label or --serial of one:",
        found.len(),
        found.len()
    );
    for token in tokens {
        let state = if token.initialised {
            ""
        } else {
            ", chưa khởi tạo / not initialised"
        };
        // Writing to a String never fails.
        let _ = write!(
            text,
            "\n  «{}», số sê-ri / serial {}{state}",
            token.label, token.serial
        );
    }
    Err(text)
}

/// By serial number where there is one: labels may be there twice.
fn name_of(token: &TokenDescription) -> TokenName {
    if token.serial.is_empty() {
        TokenName::Label(token.label.clone())
    } else {
        TokenName::Serial(token.serial.clone())
    }
}

fn tell(listener: &mut Listener<'_>, verdict: Verdict, text: impl Into<String>) {
    let text = text.into();
    listener(Finding { verdict, text });
}

fn good(listener: &mut Listener<'_>, text: impl Into<String>) {
    tell(listener, Verdict::Good, text);
}

fn note(listener: &mut Listener<'_>, text: impl Into<String>) {
    tell(listener, Verdict::Note, text);
}

fn bad(listener: &mut Listener<'_>, text: impl Into<String>) {
    tell(listener, Verdict::Bad, text);
}

fn told(error: hsm::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use hsm::{Login, Mechanism};

    use super::*;
    use crate::signer::Config;

    /// Whatever a probe can come to, the signer's configuration takes as it is.
    #[test]
    fn every_profile_is_read_back() {
        let empty = "socket = \"s\"\nheads = \"h\"\nmodule = \"m\"\nkeys = []\n";
        for mechanisms in [vec![], vec![Mechanism::Ecdsa], Mechanism::ALL.to_vec()] {
            for (threads, max_sessions) in [(true, None), (false, Some(3))] {
                for login in [Login::Process, Login::Session] {
                    let profile = Profile {
                        mechanisms: mechanisms.clone(),
                        threads,
                        max_sessions,
                        login,
                    };
                    let toml = Outcome {
                        profile: profile.clone(),
                        fit: true,
                    }
                    .toml();
                    let config: Config = toml::from_str(&format!("{empty}\n{toml}")).unwrap();
                    assert_eq!(config.profile, Some(profile));
                }
            }
        }
    }

    #[test]
    fn a_token_is_chosen_only_where_one_fits() {
        let token = |label: &str, serial: &str| TokenDescription {
            label: label.into(),
            serial: serial.into(),
            manufacturer: String::new(),
            model: String::new(),
            firmware: String::new(),
            pin_at_reader: false,
            max_sessions: None,
            initialised: !label.is_empty(),
            pin_set: true,
        };
        let [one, two, fresh] = [token("hộp", "1"), token("hộp", "2"), token("", "3")];
        let both = [one.clone(), two, fresh.clone()];
        assert_eq!(choose(&[one.clone(), fresh], None), Ok(one.clone()));
        assert_eq!(choose(&both, Some(&TokenName::Serial("1".into()))), Ok(one));
        for wanted in [
            None,
            Some(TokenName::Label("hộp".into())),
            Some(TokenName::Label("x".into())),
        ] {
            let refused = choose(&both, wanted.as_ref()).unwrap_err();
            assert!(refused.contains("«hộp», số sê-ri / serial 2"), "{refused}");
        }
    }
}
