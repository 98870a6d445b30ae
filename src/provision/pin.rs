//! The PIN at rest: sealed by `systemd-creds` (TPM2 where there is one, else the host key), or plain where that is declared.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hsm::Pin;
use zeroize::Zeroizing;

use super::state::Protection;
use crate::durable::Disk;

/// Name of the credential, as the signer's unit asks for it.
pub const NAME: &str = "pin";

/// Encrypts the PIN of `file` into the credential `sealed`; says what protects it.
///
/// # Errors
/// When `systemd-creds` is not there or can't work on this machine, in its words.
pub fn seal(file: &Path, sealed: &Path, disk: &Disk) -> Result<Protection, String> {
    let pin = Zeroizing::new(std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?);
    let (key, protection) = if has_tpm2() {
        ("host+tpm2", Protection::Tpm2)
    } else {
        ("host", Protection::HostKey)
    };
    let key = format!("--with-key={key}");
    let name = format!("--name={NAME}");
    let output = creds(&["encrypt", &key, &name, "-", "-"], &pin)?;
    if let Some(above) = sealed.parent() {
        disk.make_dir(above)
            .map_err(|error| format!("{}: {error}", above.display()))?;
    }
    disk.replace_secret(sealed, &output)
        .map_err(|error| format!("{}: {error}", sealed.display()))?;
    // Read back before the plain one goes.
    if unseal(sealed)?.as_slice() == pin.as_slice() {
        Ok(protection)
    } else {
        Err(format!(
            "{}: giải mã ra PIN khác / another PIN comes back",
            sealed.display()
        ))
    }
}

/// Decrypts the credential.
///
/// # Errors
/// When it can't be decrypted on this machine, in the words of `systemd-creds`.
pub fn unseal(sealed: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = std::fs::read(sealed).map_err(|e| format!("{}: {e}", sealed.display()))?;
    creds(&["decrypt", &format!("--name={NAME}"), "-", "-"], &bytes)
}

/// The PIN as it is kept.
///
/// # Errors
/// When it can't be read or decrypted.
pub fn read(how: Option<Protection>, plain: &Path, sealed: &Path) -> Result<Pin, String> {
    match how {
        None | Some(Protection::Plain) => super::token::read_pin(plain),
        Some(_) => {
            let pin = unseal(sealed)?;
            let text = std::str::from_utf8(&pin).map_err(|error| error.to_string())?;
            Ok(Pin::new(text.to_owned()))
        }
    }
}

fn has_tpm2() -> bool {
    let asked = Command::new("systemd-creds")
        .arg("has-tpm2")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

fn creds(arguments: &[&str], input: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    let cannot = |why: String| {
        format!(
            "systemd-creds không làm được việc trên máy này / systemd-creds can't work on this machine: {}",
            why.trim()
        )
    };
    let mut child = Command::new("systemd-creds")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends without reading says why on stderr.
        let _ = stdin.write_all(input);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = child
        .wait_with_output()
        .map_err(|error| cannot(error.to_string()))?;
    let stdout = Zeroizing::new(stdout);
    if status.success() && !stdout.is_empty() {
        Ok(stdout)
    } else {
        Err(cannot(String::from_utf8_lossy(&stderr).into_owned()))
    }
}
