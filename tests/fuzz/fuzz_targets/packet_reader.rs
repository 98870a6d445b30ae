//! The packet reader: no bytes make it panic, and the pieces they come in change nothing.
//!
//! The last byte chooses the size of the pieces; the rest is the document, so that documents serve as seeds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trucgate::packet::{Envelope, Invalid, Limits, Reader};

fn read(bytes: &[u8], piece: usize, limits: &Limits) -> Result<Envelope, Invalid> {
    let mut reader = Reader::new(limits.clone());
    for piece in bytes.chunks(piece) {
        reader.feed(piece)?;
    }
    reader.finish()
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_last() else {
        return;
    };
    // Small limits, so that a small input reaches them.
    let small = Limits {
        depth: 12,
        elements: 150,
        attributes: 6,
        text: 600,
        recipients: 4,
        attachments: 3,
        header: 9_000,
    };
    for limits in [Limits::default(), small] {
        let whole = read(bytes, bytes.len().max(1), &limits);
        assert_eq!(read(bytes, 1, &limits), whole);
        assert_eq!(read(bytes, usize::from(size).max(2), &limits), whole);
        match whole {
            Ok(envelope) => {
                assert!(!envelope.to.is_empty());
                assert!(envelope.to.len() <= limits.recipients);
            }
            Err(invalid) => {
                assert!(invalid.line >= 1);
                assert!(invalid.reason_vi().contains("Quy tắc"));
            }
        }
    }
});
