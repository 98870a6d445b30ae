//! The steps of `trucgate provision`: one verb each, the checklist after it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use nix::unistd::User;

use super::lock;
use crate::clock::{Chance, Clock};
use crate::cmd::run::Failure;
use crate::durable::Disk;
use crate::packet::MemberId;
use crate::provision::bench::{Bench, plan_file};
use crate::provision::plan::{Flags, Hub, Keys, Plain, Plan};
use crate::provision::steps::Step;
use crate::provision::token::Kind;

/// Where an installed box keeps its configuration.
pub(super) const INSTALLED: &str = "/etc/trucgate";

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct At {
    /// Thư mục của máy chủ bảo mật / directory of the box
    #[arg(long, default_value = INSTALLED)]
    pub(super) dir: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Status {
    #[command(flatten)]
    at: At,
    /// Không in gì, chỉ lỗi khi chưa tự kiểm tra / no list: fails unless all up to the self-test is done
    #[arg(long)]
    require_self_test: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct MakePlan {
    #[command(flatten)]
    at: At,
    /// Mã của máy chủ bảo mật / code in its TLS certificate
    #[arg(long = "box")]
    code: MemberId,
    /// Tên máy hoặc địa chỉ mà phần mềm gọi, lặp lại được / host name or address that software dials
    #[arg(long = "name", required = true)]
    names: Vec<String>,
    /// MÃ=TÊN của từng đơn vị / CODE=NAME of each member
    #[arg(long = "member", required = true, value_parser = member)]
    members: Vec<(MemberId, String)>,
    /// Tên tổ chức trong yêu cầu / organization in the TLS request
    #[arg(long)]
    organization: Option<String>,
    /// HOST:PORT của Trục / of the hub
    #[arg(long)]
    hub: String,
    /// Mã của Trục / code of the hub
    #[arg(long)]
    hub_code: MemberId,
    /// HOST:PORT nhận đăng ký của Trục / where the hub takes enrolments
    #[arg(long)]
    enrolment: String,
    /// Tên máy trong chứng thư của Trục, nếu khác / host name in the hub's certificate
    #[arg(long)]
    hub_name: Option<String>,
    /// Chứng thư gốc tin cậy / anchors
    #[arg(long, required = true)]
    anchors: Vec<PathBuf>,
    /// Chứng thư CA trung gian / intermediates
    #[arg(long)]
    intermediates: Vec<PathBuf>,
    /// Danh sách thu hồi / revocation lists
    #[arg(long = "crl")]
    lists: Vec<PathBuf>,
    /// Mô-đun PKCS#11 / PKCS#11 module
    #[arg(long, default_value = super::SOFT_TOKEN)]
    module: PathBuf,
    /// Nhãn của token / label of the token
    #[arg(long, default_value = "trucgate")]
    label: String,
    /// Số sê-ri của token cần khởi tạo / serial number of the token to be initialised
    #[arg(long)]
    serial: Option<String>,
    /// Loại khoá TLS / kind of the TLS key
    #[arg(long, default_value = "p-256")]
    tls_key: Kind,
    /// Loại khoá con dấu / kind of the seal keys
    #[arg(long, default_value = "rsa-2048")]
    seal_key: Kind,
    /// Cửa HTTPS cho phần mềm / HTTPS for software
    #[arg(long, default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// RỦI RO: cửa HTTP không mã hoá cho phần mềm cũ / RISK: plain HTTP for old software
    #[arg(long, requires = "plain_from")]
    plain: Option<SocketAddr>,
    /// Địa chỉ được dùng cửa đó / addresses that may use it
    #[arg(long, requires = "plain")]
    plain_from: Vec<IpAddr>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct InitToken {
    #[command(flatten)]
    at: At,
    /// Tệp PIN quản trị có sẵn; không có thì tự sinh / file with the SO PIN; drawn unless given
    #[arg(long)]
    so_pin: Option<PathBuf>,
    /// Tệp PIN người dùng có sẵn; không có thì tự sinh / file with the user's PIN; drawn unless given
    #[arg(long)]
    pin: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct SealPin {
    #[command(flatten)]
    at: At,
    /// RỦI RO, phải nói rõ: để PIN không mã hoá / RISK, declared: the PIN stays plain
    #[arg(long)]
    pin_plain: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Import {
    #[command(flatten)]
    at: At,
    /// Chỉ nhận cho khoá này / take it for this key and no other
    #[arg(long = "for")]
    label: Option<String>,
    /// Tệp PEM, DER hoặc PKCS#7, thứ tự bất kỳ / files in any order
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Undo {
    #[command(flatten)]
    at: At,
    /// Bước cần hoàn lại, gọi theo lệnh của nó / the step, named by its verb
    step: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Close {
    #[command(flatten)]
    at: At,
    /// PIN quản trị đã ở trong két, xoá khỏi máy này / the SO PIN is in the safe and goes from here
    #[arg(long, required = true)]
    so_pin_kept: bool,
}

pub(super) fn plan(arguments: MakePlan) -> Result<(), Failure> {
    let disk = Disk::real();
    let directory = std::path::absolute(&arguments.at.dir).map_err(Failure::other)?;
    disk.make_dir(&directory).map_err(Failure::other)?;
    if directory == Path::new(INSTALLED) {
        // Other users read their configuration here; what is secret has a mode of its own.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&directory, open).map_err(Failure::other)?;
    }
    let alone = lock(&directory)?;
    let file = plan_file(&directory);
    let host = |address: &str| {
        address
            .rsplit_once(':')
            .map_or(address, |(host, _)| host)
            .to_owned()
    };
    let absolute = |paths: Vec<PathBuf>| {
        let all = paths.iter().map(std::path::absolute);
        all.collect::<Result<Vec<_>, _>>().map_err(Failure::other)
    };
    let flags = Flags {
        installed: directory == Path::new(INSTALLED),
        code: arguments.code,
        organization: arguments.organization,
        names: arguments.names,
        members: arguments.members,
        hub: Hub {
            name: arguments.hub_name.unwrap_or_else(|| host(&arguments.hub)),
            code: arguments.hub_code,
            address: arguments.hub,
            enrolment: arguments.enrolment,
        },
        module: arguments.module,
        label: arguments.label,
        serial: arguments.serial,
        keys: Keys {
            tls: arguments.tls_key,
            seal: arguments.seal_key,
        },
        listen: arguments.listen,
        plain: arguments.plain.map(|listen| Plain {
            listen,
            from: arguments.plain_from,
        }),
        anchors: absolute(arguments.anchors)?,
        intermediates: absolute(arguments.intermediates)?,
        lists: absolute(arguments.lists)?,
        directory,
    };
    let text = flags.text();
    Plan::parse(&text).map_err(Failure::configuration)?;
    match std::fs::read_to_string(&file) {
        Ok(there) if there != text => {
            return Err(Failure::other(format!(
                "{0}: đã có kế hoạch khác, hãy sửa tệp đó / another plan is there: edit that file, or trucgate provision undo plan --dir {1}",
                file.display(),
                flags.directory.display()
            )));
        }
        Ok(_) => {}
        Err(_) => disk
            .replace(&file, text.as_bytes())
            .map_err(Failure::other)?,
    }
    drop(alone);
    with(&flags.directory, |_| Ok(()))
}

pub(super) fn status(arguments: &Status) -> Result<(), Failure> {
    let directory = &arguments.at.dir;
    if !arguments.require_self_test {
        let (bench, _alone) = open(directory)?;
        show(&bench);
        return Ok(());
    }
    // Another command may be at work, the self-test among them; what it has not written is not done.
    let bench = Bench::look(
        &planned(directory)?,
        Disk::real(),
        Clock::system(),
        Chance::system(),
    )
    .map_err(Failure::configuration)?;
    match bench.next() {
        None | Some(Step::Close) => Ok(()),
        Some(step) => Err(Failure::other(format!(
            "chưa sẵn sàng, việc tiếp theo / not ready, next comes: {}\n  trucgate provision status --dir {}",
            step.title(),
            directory.display()
        ))),
    }
}

pub(super) fn init_token(arguments: &InitToken) -> Result<(), Failure> {
    with(&arguments.at.dir, |bench| {
        bench.init_token(arguments.so_pin.as_deref(), arguments.pin.as_deref())
    })
}

pub(super) fn pin(arguments: &SealPin) -> Result<(), Failure> {
    with(&arguments.at.dir, |bench| {
        let dir = bench.directory.display().to_string();
        bench.seal_pin(arguments.pin_plain).map(drop).map_err(|error| {
            if arguments.pin_plain {
                error
            } else {
                format!(
                    "{error}\nSửa nguyên nhân rồi lặp lại, hoặc khai báo rủi ro / mend that and repeat, or declare the risk:\n  \
                     trucgate provision pin --dir {dir} --pin-plain"
                )
            }
        })
    })
}

pub(super) fn keys(at: &At) -> Result<(), Failure> {
    with(&at.dir, Bench::make_keys)
}

pub(super) fn request(at: &At) -> Result<(), Failure> {
    with(&at.dir, Bench::write_requests)
}

pub(super) fn import(arguments: &Import) -> Result<(), Failure> {
    let mut files = Vec::new();
    for file in &arguments.files {
        let read = std::fs::read(file)
            .map_err(|error| Failure::other(format!("{}: {error}", file.display())))?;
        files.push(read);
    }
    with(&arguments.at.dir, |bench| {
        let outcome = bench.import(&files, arguments.label.as_deref())?;
        for one in &outcome.matched {
            println!(
                "{}: {} (sê-ri / serial {})",
                one.label, one.identity.subject, one.identity.serial
            );
        }
        if outcome.refused.is_empty() {
            return Ok(());
        }
        let refused = outcome.refused.iter().map(ToString::to_string);
        Err(refused.collect::<Vec<_>>().join("\n"))
    })
}

pub(super) fn configure(at: &At) -> Result<(), Failure> {
    with(&at.dir, |bench| {
        let owner = match &bench.plan.run.user {
            None => None,
            Some(name) => Some(user(name)?),
        };
        bench.configure(owner)
    })
}

pub(super) fn undo(arguments: &Undo) -> Result<(), Failure> {
    let step = Step::of_verb(&arguments.step).ok_or_else(|| {
        let known: Vec<_> = Step::ALL.iter().map(|step| step.verb()).collect();
        Failure::configuration(format!(
            "không có bước / no step {:?}; {}",
            arguments.step,
            known.join(", ")
        ))
    })?;
    let (mut bench, _alone) = open(&arguments.at.dir)?;
    let said = bench.undo(step).map_err(Failure::other)?;
    println!("{said}\n");
    if step != Step::Plan {
        show(&bench);
    }
    Ok(())
}

pub(super) fn close(arguments: &Close) -> Result<(), Failure> {
    debug_assert!(arguments.so_pin_kept, "clap asks for it");
    with(&arguments.at.dir, Bench::close)
}

fn user(name: &str) -> Result<(u32, u32), String> {
    match User::from_name(name) {
        Ok(Some(user)) => Ok((user.uid.as_raw(), user.gid.as_raw())),
        Ok(None) => Err(format!(
            "máy này không có người dùng / no user is called {name}: install the package's sysusers.d, or change run.user in the plan"
        )),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// Opens the box, alone, does one thing and shows the checklist, also when it failed.
pub(super) fn with(
    directory: &Path,
    work: impl FnOnce(&mut Bench) -> Result<(), String>,
) -> Result<(), Failure> {
    let (mut bench, _alone) = open(directory)?;
    let done = work(&mut bench);
    if done.is_ok() {
        show(&bench);
    }
    done.map_err(Failure::other)
}

pub(super) fn open(directory: &Path) -> Result<(Bench, std::fs::File), Failure> {
    let directory = planned(directory)?;
    let alone = lock(&directory)?;
    let bench = Bench::open(&directory, Disk::real(), Clock::system(), Chance::system())
        .map_err(Failure::configuration)?;
    Ok((bench, alone))
}

fn planned(directory: &Path) -> Result<PathBuf, Failure> {
    let directory = std::path::absolute(directory).map_err(Failure::other)?;
    if plan_file(&directory).exists() {
        return Ok(directory);
    }
    Err(Failure::configuration(format!(
        "{}: chưa có kế hoạch / there is no plan yet: trucgate provision plan --help",
        directory.display()
    )))
}

pub(super) fn show(bench: &Bench) {
    print!("{}", bench.checklist());
    for risk in bench.risks() {
        println!("{risk}");
    }
}

fn member(text: &str) -> Result<(MemberId, String), String> {
    let (code, name) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not CODE=NAME"))?;
    let code = code.parse().map_err(|error| format!("{code:?}: {error}"))?;
    Ok((code, name.to_owned()))
}
