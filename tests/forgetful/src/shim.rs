//! Where the shim lies.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The shim for `LD_PRELOAD`, built where this program was built. Built by a cargo of its own: a test that had it among
/// its dependencies would be watched itself.
///
/// # Errors
/// What cargo says.
pub fn shim() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    // target/PROFILE/deps/PROGRAM
    let profile = program
        .ancestors()
        .nth(2)
        .ok_or("a program without a profile")?;
    let target = profile.parent().ok_or("a profile without a target")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--locked",
            "--quiet",
            "--package",
            "forgetful-shim",
        ])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/shim/Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(profile.join("libforgetful_shim.so"))
}
