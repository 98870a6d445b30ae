//! `trucgate support verify`: from which box a bundle is, with public material only.

use std::path::PathBuf;

use crate::clock::rfc3339;
use crate::cmd::evidence::CodeIn;
use crate::cmd::run::Failure;
use crate::support;
use crate::trust::{Profile, Revocation, Trust};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Gói hỗ trợ / the bundle
    file: PathBuf,
    /// Chứng thư gốc được tin cậy, PEM hoặc DER / trust anchors, PEM or DER
    #[arg(long, required = true, num_args = 1..)]
    anchors: Vec<PathBuf>,
    /// Chứng thư CA trung gian, nếu chữ ký không mang theo / authorities between, where the signature lacks them
    #[arg(long, num_args = 1..)]
    intermediates: Vec<PathBuf>,
    /// Vị trí mã định danh trong chứng thư / where a certificate carries its member's code
    #[arg(long, value_enum, default_value = "san-uri")]
    code_in: CodeIn,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let read = |paths: &[PathBuf]| -> Result<Vec<Vec<u8>>, Failure> {
        let all = paths.iter().map(|path| {
            std::fs::read(path)
                .map_err(|error| Failure::other(format!("{}: {error}", path.display())))
        });
        all.collect()
    };
    let profile = Profile {
        code: arguments.code_in.source(),
        ..Profile::default()
    };
    let trust = Trust::new(
        read(&arguments.anchors)?,
        read(&arguments.intermediates)?,
        profile,
        // What counts is that the key was good when the bundle was made.
        Revocation::none(),
    )
    .map_err(Failure::other)?;
    let file = &arguments.file;
    let verified = support::verify(file, &trust)
        .map_err(|error| Failure::other(format!("{}: {error}", file.display())))?;
    println!(
        "Gói nguyên vẹn / the bundle holds: đơn vị ký / signed by {}, máy / box {}, lập lúc / made {}",
        verified.member,
        verified.code.as_deref().unwrap_or("?"),
        rfc3339(verified.made)
    );
    for name in verified.entries {
        println!("  {name}");
    }
    Ok(())
}
