//! PEM (RFC 7468), read leniently in its lines, strictly in its base64.

use data_encoding::BASE64;

/// The DER values in `bytes`: itself when it is DER, else every block labelled `label`.
/// Empty when there is none; a block that is not base64 gives `None`.
pub(crate) fn blocks(bytes: &[u8], label: &str) -> Option<Vec<Vec<u8>>> {
    if bytes.first() == Some(&0x30) {
        return Some(vec![bytes.to_vec()]);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let mut found = Vec::new();
    for part in text.split(begin.as_str()).skip(1) {
        let body: String = part
            .split(end.as_str())
            .next()?
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .collect();
        found.push(BASE64.decode(body.as_bytes()).ok()?);
    }
    Some(found)
}

/// The certificates in `bytes`, which is one DER certificate or PEM with any number of them.
#[must_use]
pub fn certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    blocks(bytes, "CERTIFICATE")
}

/// Writes one block.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let base64 = BASE64.encode(der);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text += line;
        text.push('\n');
        rest = more;
    }
    text + &format!("-----END {label}-----\n")
}
