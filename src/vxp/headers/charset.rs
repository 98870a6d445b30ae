//! Vietnamese text in HTTP headers: UTF-8 from some software, ISO-8859-1 from Java, mangled by what lies between.

use std::borrow::Cow;

/// The byte strings that the signer may have hashed where these stand on the wire, likeliest first.
pub(super) fn readings(wire: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![wire.to_vec()];
    if !wire.is_ascii() {
        all.push(latin1(wire).into_bytes());
        all.extend(narrowed(wire));
    }
    all
}

/// A proven reading as text.
pub(super) fn text(reading: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(reading) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(latin1(reading)),
    }
}

/// Whether a header's bytes are what `signed` becomes on one of the ways to the wire. This compares only; the
/// value that counts is the signed one.
pub(super) fn same(bytes: &[u8], signed: &str) -> bool {
    let (bytes, signed) = (bytes.trim_ascii(), signed.trim());
    if bytes == signed.as_bytes() {
        return true;
    }
    if bytes.is_ascii() && signed.is_ascii() {
        return false;
    }
    latin1(bytes) == signed
        || narrowed(bytes).is_some_and(|narrow| narrow == signed.as_bytes())
        || wire(signed) == bytes
        || lossy(signed, |code| code.to_le_bytes()[0]) == bytes
}

/// What Java writes for a text: ISO-8859-1, with `?` for what has no place there.
pub(in crate::vxp) fn wire(text: &str) -> Vec<u8> {
    lossy(text, |_| b'?')
}

fn lossy(text: &str, other: impl Fn(u32) -> u8) -> Vec<u8> {
    let narrow = |c: char| u8::try_from(u32::from(c)).unwrap_or_else(|_| other(u32::from(c)));
    text.chars().map(narrow).collect()
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Undoes a second UTF-8 encoding by something on the way that took the bytes for ISO-8859-1.
fn narrowed(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect()
}
