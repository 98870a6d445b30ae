//! Why an update is not taken, in words for the person who brought it.

use std::fmt;
use std::io;

use super::Version;

/// Why a bundle is refused. Nothing was written to a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no bundle, or not one of this form.
    NotABundle(String),
    /// It ends too early.
    Cut(String),
    /// None of the builder's keys has signed it.
    Stranger(String),
    /// It is signed, but its manifest says what can't be.
    Manifest(String),
    /// It is for another product or another kind of machine.
    OtherMachine {
        /// What it is for.
        found: String,
        /// What this machine is.
        wanted: String,
    },
    /// It is older than the machine may go back to.
    BelowFloor {
        /// What it brings.
        version: Version,
        /// What the machine may go back to.
        floor: Version,
    },
    /// What runs could not live with what it leaves behind, should it fail.
    TooFar {
        /// What runs.
        running: Version,
        /// The oldest version from which the step can be made.
        floor: Version,
    },
    /// This version runs already.
    Runs(Version),
    /// A part is not what the manifest names.
    Changed(String),
    /// There is no room for its parts.
    NoRoom {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

impl Refused {
    /// A word for the journal's `STEP`.
    #[must_use]
    pub fn step(&self) -> &'static str {
        match self {
            Self::NotABundle(_) | Self::Cut(_) => "container",
            Self::Stranger(_) => "signature",
            Self::Manifest(_) => "manifest",
            Self::OtherMachine { .. } => "product",
            Self::BelowFloor { .. } | Self::TooFar { .. } => "floor",
            Self::Runs(_) => "version",
            Self::Changed(_) => "part",
            Self::NoRoom { .. } => "room",
        }
    }

    /// What a person can do about it, in English, for the journal.
    #[must_use]
    pub fn next(&self) -> String {
        self.advice().1
    }

    fn advice(&self) -> (String, String) {
        let (vi, en) = match self {
            Self::NotABundle(_) | Self::Cut(_) | Self::Changed(_) => (
                "chép lại tệp từ nơi phát hành, so mã băm rồi thử lại",
                "copy the file again from where it was published, compare its digest, then try again",
            ),
            Self::Stranger(_) => (
                "không dùng tệp này; hỏi nơi phát hành xem tệp từ đâu ra",
                "do not use this file; ask the builder where it comes from",
            ),
            Self::Manifest(_) => (
                "báo cho nơi phát hành: gói được ký nhưng bản kê sai",
                "tell the builder: it is signed, but its manifest is wrong",
            ),
            Self::OtherMachine { .. } => (
                "lấy gói dành cho loại máy này",
                "get the bundle for this kind of machine",
            ),
            Self::BelowFloor { .. } => (
                "lấy phiên bản mới hơn; không hạ được mức này",
                "get a newer version; the floor can't be lowered",
            ),
            Self::TooFar { floor, .. } => {
                return (
                    format!("cập nhật lên {floor} trước, rồi mới dùng gói này"),
                    format!("update to {floor} first, then take this bundle"),
                );
            }
            Self::Runs(_) => ("không cần làm gì", "nothing needs to be done"),
            Self::NoRoom { .. } => (
                "giải phóng chỗ trên /var rồi thử lại",
                "make room on /var, then try again",
            ),
        };
        (vi.to_owned(), en.to_owned())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABundle(why) => {
                write!(f, "không phải gói cập nhật / no update bundle: {why}")
            }
            Self::Cut(at) => write!(f, "gói bị cụt / the bundle is cut off: {at}"),
            Self::Stranger(why) => write!(
                f,
                "chữ ký không phải của nơi phát hành / not signed by the builder of this machine: {why}"
            ),
            Self::Manifest(why) => write!(f, "bản kê sai / the manifest is wrong: {why}"),
            Self::OtherMachine { found, wanted } => write!(
                f,
                "gói dành cho máy khác / the bundle is for another machine: {found}, máy này là / this one is {wanted}"
            ),
            Self::BelowFloor { version, floor } => write!(
                f,
                "phiên bản {version} cũ hơn mức thấp nhất {floor} / version {version} is older than the floor {floor}"
            ),
            Self::TooFar { running, floor } => write!(
                f,
                "không lên thẳng từ {running} được, cần ít nhất {floor} / no direct step from {running}, at least {floor} is needed"
            ),
            Self::Runs(version) => write!(
                f,
                "phiên bản {version} đang chạy rồi / version {version} runs already"
            ),
            Self::Changed(why) => write!(
                f,
                "nội dung khác bản kê đã ký / the content differs from the signed manifest: {why}"
            ),
            Self::NoRoom { needed, free } => write!(
                f,
                "không đủ chỗ: cần {} MiB, còn {} MiB / no room: {} MiB needed, {} MiB free",
                needed >> 20,
                free >> 20,
                needed >> 20,
                free >> 20
            ),
        }?;
        let (vi, en) = self.advice();
        write!(f, "\n{vi} / {en}")
    }
}

/// Why an update was not carried out.
#[derive(Debug)]
pub enum Error {
    /// The bundle is no good.
    Refused(Refused),
    /// The machine could not do it.
    Machine(String),
}

impl Error {
    pub(super) fn at(what: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::Machine(format!("{what}: {error}"))
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Machine(error.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Machine(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}
