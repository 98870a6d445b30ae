//! `trucgate install`: from the installer's medium onto a disk that a person chooses, and names a second time.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use super::run::{self, Failure};
use crate::appliance::disks::{Disk, disks};
use crate::appliance::{copy, copy::Step};

/// The partition that tells the installer's own medium.
const PAYLOAD: &str = "trucgate-payload";
/// The partition in which a box keeps all that is its own.
const KEPT: &str = "trucgate-var";

/// Ghi thiết bị lên ổ đĩa / writes the appliance onto a disk.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Ảnh hệ thống / the image
    #[arg(long)]
    image: PathBuf,
    /// Tệp có SHA-256 của ảnh / file with the image's SHA-256
    #[arg(long)]
    sha256: PathBuf,
    /// Gốc hệ thống / root of the system
    #[arg(long, value_name = "DIR", default_value = "/")]
    system: PathBuf,
    /// Chỉ một màn hình được cài / file that only one line at a time may hold
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/run/trucgate-install.lock"
    )]
    lock: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (stdin, mut out) = (io::stdin().lock(), io::stdout());
    let done = dialogue(arguments, stdin, &mut out);
    // Whoever has gone away from the line has nothing to read.
    let _ = out.flush();
    done
}

fn dialogue(
    arguments: &Arguments,
    mut heard: impl BufRead,
    out: &mut impl Write,
) -> Result<(), Failure> {
    say(
        out,
        "\nCÀI ĐẶT MÁY CHỦ BẢO MẬT / SECURITY SERVER: INSTALLATION",
    )?;
    let (mut image, sha256) = judged(arguments, out)?;
    let bytes = image.metadata().map_err(Failure::other)?.len();
    let disk = loop {
        let found = candidates(arguments, bytes, out)?;
        let number = ask(
            &mut heard,
            out,
            "Số của ổ đĩa, Enter để xem lại / number of the disk, Enter looks again: ",
        )?;
        let chosen = number
            .parse::<usize>()
            .ok()
            .and_then(|number| found.get(number.checked_sub(1)?));
        let Some(disk) = chosen else {
            continue;
        };
        warn(disk, out)?;
        let word = ask(
            &mut heard,
            out,
            &format!(
                "Gõ {} để đồng ý / type {} to agree: ",
                disk.word(),
                disk.word()
            ),
        )?;
        if word == disk.word() {
            break disk.clone();
        }
        say(
            out,
            "Không khớp, chưa ghi gì / it does not match, nothing was written",
        )?;
    };
    let _alone = run::lock(
        &arguments.lock,
        "đang cài ở màn hình khác / another console is at it",
    )?;
    let mut progress = Progress::default();
    copy::copy(&mut image, &sha256, &disk.device, |step| progress.show(out, step)).map_err(|error| {
        Failure::other(format!(
            "{}: {error}\nỔ này chưa dùng được: chọn ổ khác hoặc cài lại / this disk can't be used: take another, or install again",
            disk.device.display()
        ))
    })?;
    say(
        out,
        "Đã ghi và đọc lại, đúng từng byte. Rút đĩa cài đặt rồi nhấn Enter để khởi động lại.\nWritten and read back, the same to the last byte. Take the installer's medium out, then Enter restarts the machine.",
    )?;
    heard
        .read_line(&mut String::new())
        .map_err(Failure::other)?;
    Ok(())
}

/// The image and its digest, which is compared before any disk is touched.
fn judged(arguments: &Arguments, out: &mut impl Write) -> Result<(File, String), Failure> {
    let told =
        |path: &PathBuf, error: io::Error| Failure::other(format!("{}: {error}", path.display()));
    let wanted =
        fs::read_to_string(&arguments.sha256).map_err(|error| told(&arguments.sha256, error))?;
    let wanted = wanted
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut image = File::open(&arguments.image).map_err(|error| told(&arguments.image, error))?;
    let bytes = image.metadata().map_err(Failure::other)?.len();
    let mut progress = Progress::default();
    let read = copy::digest(&mut image, bytes, |read| {
        progress.show(out, Step::Check(read, bytes));
    })
    .map_err(|error| told(&arguments.image, error))?;
    if read != wanted {
        return Err(Failure::other(
            "ảnh trên đĩa cài đặt đã hỏng hoặc bị sửa: làm lại đĩa / the image on this medium is damaged or was changed: make the medium anew",
        ));
    }
    Ok((image, wanted))
}

/// Shows the disks; gives those that may be chosen, as they are numbered.
fn candidates(
    arguments: &Arguments,
    bytes: u64,
    out: &mut impl Write,
) -> Result<Vec<Disk>, Failure> {
    let all = disks(&arguments.system).map_err(Failure::other)?;
    let mut found = Vec::new();
    say(out, "")?;
    for disk in all.into_iter().filter(|disk| !disk.has(PAYLOAD)) {
        let why = if disk.used {
            Some("đang dùng / in use")
        } else if disk.bytes < bytes {
            Some("quá nhỏ / too small")
        } else {
            None
        };
        let number = match why {
            Some(_) => " ".to_owned(),
            None => {
                found.push(disk.clone());
                found.len().to_string()
            }
        };
        say(
            out,
            &format!(
                "  {number}  {}{}",
                described(&disk),
                why.map(|why| format!("  ({why})")).unwrap_or_default()
            ),
        )?;
    }
    if found.is_empty() {
        say(
            out,
            "Không có ổ nào cài được / there is no disk to install on",
        )?;
    }
    Ok(found)
}

fn described(disk: &Disk) -> String {
    let mut text = format!(
        "{:8} {:>6} GB  {}",
        disk.name,
        disk.bytes / 1_000_000_000,
        disk.model
    );
    if !disk.serial.is_empty() {
        text += &format!("  S/N {}", disk.serial);
    }
    if !disk.partitions.is_empty() {
        text += &format!("  [{}]", disk.partitions.join(" "));
    }
    text
}

fn warn(disk: &Disk, out: &mut impl Write) -> Result<(), Failure> {
    say(out, &format!("\n{}", described(disk)))?;
    if disk.has(KEPT) {
        say(
            out,
            "TRÊN Ổ NÀY CÓ DỮ LIỆU CỦA MỘT MÁY CHỦ BẢO MẬT: văn bản, chứng cứ, cấu hình.\nTHIS DISK HOLDS A SECURITY SERVER'S DATA: documents, evidence, configuration.",
        )?;
    }
    say(
        out,
        "MỌI DỮ LIỆU TRÊN Ổ NÀY SẼ MẤT / ALL THAT IS ON IT WILL BE LOST",
    )
}

fn ask(heard: &mut impl BufRead, out: &mut impl Write, question: &str) -> Result<String, Failure> {
    let told = |error: io::Error| Failure::other(error);
    write!(out, "{question}")
        .and_then(|()| out.flush())
        .map_err(told)?;
    let mut line = String::new();
    if heard.read_line(&mut line).map_err(told)? == 0 {
        return Err(Failure::other(
            "không còn ai ở màn hình / nobody is at the line any more",
        ));
    }
    Ok(line.trim().to_owned())
}

fn say(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    writeln!(out, "{text}").map_err(Failure::other)
}

/// Tells each step by tenths, which a serial line carries too.
#[derive(Default)]
struct Progress(Option<(&'static str, u64)>);

impl Progress {
    fn show(&mut self, out: &mut impl Write, step: Step) {
        let (name, done, all) = match step {
            Step::Check(done, all) => ("Kiểm tra ảnh / checking the image", done, all),
            Step::Write(done, all) => ("Ghi / writing", done, all),
            Step::ReadBack(done, all) => ("Đọc lại / reading back", done, all),
        };
        let tenths = done.saturating_mul(10) / all.max(1);
        if self.0 != Some((name, tenths)) {
            self.0 = Some((name, tenths));
            let _ = writeln!(out, "{name}: {tenths}0 %");
        }
    }
}
