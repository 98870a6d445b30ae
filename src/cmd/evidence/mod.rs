//! `trucgate evidence`: proofs for strangers, exported and verified with public material only, no network and no key.

mod gather;
mod judge;
mod pieces;
mod report;
mod unpack;

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use crate::clock::parse_rfc3339;
use crate::durable::Disk;
use crate::packet::{Digest, MemberId, PacketId};
use crate::seal::Bundle;
use crate::trust::{CodeSource, Profile};
use judge::Grounds;
use pieces::Proof;

/// All holds, or all was written.
pub const HOLDS: u8 = 0;
/// Something does not hold; it is named.
pub const FAILS: u8 = 1;
/// Wrong usage, or a file that can't be read or written.
pub const UNREADABLE: u8 = 2;

/// What `trucgate evidence verify` is told.
#[derive(Clone, Debug, clap::Args)]
pub struct VerifyArgs {
    /// Tệp chứng cứ .json hoặc thư mục đã xuất / the proof: a .json bundle or an exported directory
    #[arg(long)]
    pub proof: PathBuf,
    /// Văn bản cần đối chiếu / the document that the proof is about
    #[arg(long)]
    pub document: Option<PathBuf>,
    /// Chứng thư gốc được tin cậy, PEM hoặc DER / trust anchors, PEM or DER
    #[arg(long, required = true, num_args = 1..)]
    pub anchors: Vec<PathBuf>,
    /// Chứng thư CA trung gian, nếu chữ ký không mang theo / authorities between, where the signature lacks them
    #[arg(long, num_args = 1..)]
    pub intermediates: Vec<PathBuf>,
    /// Danh sách thu hồi ngoài những danh sách đã có trong tệp / revocation lists beside those in the proof
    #[arg(long, num_args = 1..)]
    pub crl: Vec<PathBuf>,
    /// Thời điểm xác minh, RFC 3339 / time of verification; else the hub's receipt, else the signing time
    #[arg(long)]
    pub at: Option<String>,
    /// Mã định danh bên gửi phải có / the sender that it must be
    #[arg(long)]
    pub member: Option<MemberId>,
    /// Mã của Trục làm chứng về thời gian / the hub whose receipt may witness the time; else any other member's
    #[arg(long)]
    pub hub: Option<MemberId>,
    /// Vị trí mã định danh trong chứng thư / where a certificate carries its member's code
    #[arg(long, value_enum, default_value = "san-uri")]
    pub code_in: CodeIn,
    /// Coi điều chưa chắc chắn là không đạt / what is unsure counts as failed
    #[arg(long)]
    pub strict: bool,
    /// Kết quả dạng JSON / the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// What `trucgate evidence export` is told.
#[derive(Clone, Debug, clap::Args)]
pub struct ExportArgs {
    /// Tệp chứng cứ .json: nguồn, hoặc đích nếu có --store / the .json bundle: read, or written with --store
    #[arg(long)]
    pub proof: Option<PathBuf>,
    /// Cơ sở dữ liệu của máy chủ bảo mật / a box's store
    #[arg(long, requires = "member", requires = "packet")]
    pub store: Option<PathBuf>,
    /// Đơn vị gửi hoặc nhận / the member that sent or received it
    #[arg(long, requires = "store")]
    pub member: Option<MemberId>,
    /// Mã gói / packet id
    #[arg(long, requires = "store")]
    pub packet: Option<PacketId>,
    /// Danh sách thu hồi đi kèm / revocation lists to go with it
    #[arg(long, num_args = 1..)]
    pub crl: Vec<PathBuf>,
    /// Thư mục để xuất ra, chưa có hoặc trống / directory to unpack to, missing or empty
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// Where a certificate carries its member's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum CodeIn {
    /// A URI among the subject's alternative names.
    #[default]
    SanUri,
    /// The subject's serialNumber.
    SubjectSerialNumber,
    /// The subject's organizationIdentifier.
    OrganizationIdentifier,
}

impl CodeIn {
    /// As certificates are judged.
    pub(super) fn source(self) -> CodeSource {
        match self {
            Self::SanUri => CodeSource::SanUri,
            Self::SubjectSerialNumber => CodeSource::SubjectSerialNumber,
            Self::OrganizationIdentifier => CodeSource::OrganizationIdentifier,
        }
    }
}

/// What a command could not do, and its exit code.
struct Stopped(u8, String);

impl Stopped {
    fn unreadable(what: impl Display) -> Self {
        Self(UNREADABLE, what.to_string())
    }

    fn fails(what: impl Display) -> Self {
        Self(FAILS, what.to_string())
    }
}

/// Verifies a proof and writes a line for each check to `out`; gives the exit code.
pub fn verify(args: &VerifyArgs, out: &mut dyn Write) -> u8 {
    ended(try_verify(args, out), out)
}

/// Unpacks a proof for strangers, or takes one out of a box's store; gives the exit code.
pub fn export(args: &ExportArgs, disk: &Disk, out: &mut dyn Write) -> u8 {
    ended(try_export(args, disk, out), out)
}

fn ended(done: Result<u8, Stopped>, out: &mut dyn Write) -> u8 {
    done.unwrap_or_else(|Stopped(code, why)| {
        // Nobody is left to be told when the output is gone.
        let _ = writeln!(out, "✗ {why}");
        code
    })
}

fn try_verify(args: &VerifyArgs, out: &mut dyn Write) -> Result<u8, Stopped> {
    let at = args.at.as_deref().map(|text| {
        parse_rfc3339(text).ok_or_else(|| {
            Stopped::unreadable(format!("--at {text}: không đúng RFC 3339 / not RFC 3339"))
        })
    });
    let grounds = Grounds {
        anchors: read_all(&args.anchors)?,
        intermediates: read_all(&args.intermediates)?,
        lists: read_all(&args.crl)?,
        profile: Profile {
            code: args.code_in.source(),
            ..Profile::default()
        },
        at: at.transpose()?,
        member: args.member.clone(),
        hub: args.hub.clone(),
        document: args.document.as_deref().map(digest_of).transpose()?,
    };
    let proof = if args.proof.is_dir() {
        Proof::of_directory(&args.proof)?
    } else {
        Proof::of_bundle(&read(&args.proof)?)?
    };
    let report = judge::judge(&proof, &grounds).map_err(Stopped::unreadable)?;
    let holds = report.holds(args.strict);
    let text = if args.json {
        report.json(holds)
    } else {
        report.text(holds)
    };
    out.write_all(text.as_bytes())
        .map_err(Stopped::unreadable)?;
    Ok(if holds { HOLDS } else { FAILS })
}

fn try_export(args: &ExportArgs, disk: &Disk, out: &mut dyn Write) -> Result<u8, Stopped> {
    let lists = read_all(&args.crl)?;
    let bundle = match (&args.store, &args.member, &args.packet, &args.proof) {
        (Some(store), Some(member), Some(packet), _) => {
            gather::bundle(store, disk, member, *packet, &lists)?
        }
        (None, _, _, Some(proof)) => gather::with_lists(
            Bundle::from_json(&read(proof)?).map_err(Stopped::fails)?,
            &lists,
        )?,
        _ => {
            return Err(Stopped::unreadable(
                "cần --proof, hoặc --store cùng --member và --packet / give --proof, or --store with --member and --packet",
            ));
        }
    };
    if args.out.is_none() && (args.store.is_none() || args.proof.is_none()) {
        return Err(Stopped::unreadable(
            "không rõ xuất đi đâu: cần --out / nowhere to export to: give --out",
        ));
    }
    let mut told = String::new();
    if let (Some(_), Some(file)) = (&args.store, &args.proof) {
        disk.replace(file, &bundle.to_json())
            .map_err(|error| Stopped::unreadable(format!("{}: {error}", file.display())))?;
        told += &format!("✓ {}\n", file.display());
    }
    if let Some(directory) = &args.out {
        for file in unpack::unpack(&bundle, directory, disk)? {
            told += &format!("✓ {}\n", file.display());
        }
    }
    out.write_all(told.as_bytes())
        .map_err(Stopped::unreadable)?;
    Ok(HOLDS)
}

fn read(path: &Path) -> Result<Vec<u8>, Stopped> {
    std::fs::read(path).map_err(|error| Stopped::unreadable(format!("{}: {error}", path.display())))
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Stopped> {
    paths.iter().map(|path| read(path)).collect()
}

/// Digest and size of a file of any size.
fn digest_of(path: &Path) -> Result<(Digest, u64), Stopped> {
    let digest = || -> io::Result<(Digest, u64)> {
        let (mut file, mut hash, mut size) = (std::fs::File::open(path)?, Context::new(&SHA256), 0);
        let mut piece = vec![0; 64 * 1024];
        loop {
            match file.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => {
                    hash.update(&piece[..length]);
                    size += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut raw = [0; 32];
        raw.copy_from_slice(hash.finish().as_ref());
        Ok((Digest::from_bytes(raw), size))
    };
    digest().map_err(|error| Stopped::unreadable(format!("{}: {error}", path.display())))
}
