//! The words that come with a bundle, for whoever opens it without having read anything.

use super::{Entry, SIGNATURE};
use crate::clock::{Moment, rfc3339};

/// What is said of an entry, by the beginning of its name.
const ABOUT: [(&str, &str, &str); 9] = [
    (
        "about.json",
        "phiên bản, ảnh hệ thống, khe, nhân, đồng hồ, cập nhật",
        "version, image, slot, kernel, clock, updates",
    ),
    (
        "status.json",
        "tình trạng, như trucgate status --json",
        "how all stands, as trucgate status --json",
    ),
    (
        "certificates.json",
        "chủ thể, dấu vân tay, hạn của chứng thư",
        "subjects, fingerprints, ends of certificates",
    ),
    (
        "units.txt",
        "trạng thái dịch vụ, dịch vụ lỗi",
        "states of units, failed units",
    ),
    (
        "network.txt",
        "địa chỉ, tuyến, tường lửa",
        "addresses, routes, wall",
    ),
    ("disks.txt", "ổ đĩa, phân vùng", "disks, partitions"),
    (
        "config/",
        "cấu hình, chỉ các khoá đã biết; phần bị bỏ ghi là (removed)",
        "configuration, known keys only; the rest reads (removed)",
    ),
    (
        "journal.json",
        "nhật ký 7 ngày của các dịch vụ trucgate và dịch vụ lỗi, tối đa 20 MiB",
        "7 days of journal of trucgate's units and of failed ones, at most 20 MiB",
    ),
    (
        SIGNATURE,
        "chữ ký của máy trên mọi byte đứng trước nó",
        "the box's signature over every byte before it",
    ),
];

/// The text; `unsigned` says why there is no signature.
pub(super) fn text(entries: &[Entry], made: Moment, unsigned: Option<&str>) -> String {
    let mut text = format!(
        "GÓI HỖ TRỢ / SUPPORT BUNDLE\n\nLập lúc / made: {}\n\n",
        rfc3339(made)
    );
    if let Some(why) = unsigned {
        text += &format!(
            "KHÔNG CÓ CHỮ KÝ. Máy không ký được lúc lập gói, nên không chứng minh được gói này từ máy nào.\n\
             UNSIGNED. The box could not sign when this was made: nothing proves from which box it is.\n    {why}\n\n"
        );
    }
    text += "Có gì / what is in it\n";
    let names = entries.iter().map(|entry| entry.name.as_str());
    let signature = unsigned.is_none().then_some(SIGNATURE);
    let names: Vec<&str> = names.chain(signature).collect();
    for (begin, vi, en) in ABOUT {
        if names.iter().any(|name| name.starts_with(begin)) {
            text += &format!("  {begin:18} {vi}\n{:21}{en}\n", "");
        }
    }
    text += "\nKhông có gì / what is not in it\n  \
        khoá, mã PIN, mã bí mật của phần mềm, mã đăng ký; gói tin, nội dung, trích yếu và tệp kèm của văn bản; \
        những gì hiện ra trong phiên bảo trì\n  \
        keys, PINs, secrets of software, invitation codes; packets, documents, their subjects and attachments; \
        what a maintenance session has shown\n";
    if unsigned.is_none() {
        text += "\nKiểm tra / how to verify\n  \
            trucgate support verify FILE --anchors root.pem\n\n\
            Không có trucgate / without trucgate\n  \
            tar -xOf FILE signature.json                 # bytes, digest, checkpoint, cms\n  \
            head -c BYTES FILE | sha256sum               # = digest\n  \
            echo CHECKPOINT | base64 -d >checkpoint      # its last lines: support sha256:DIGEST\n  \
            echo CMS | base64 -d >checkpoint.p7s\n  \
            openssl cms -verify -cades -purpose any -binary -inform DER -in checkpoint.p7s \\\n    \
              -content checkpoint -CAfile root.pem -out /dev/null\n";
    }
    text
}
