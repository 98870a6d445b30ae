//! Readers of evidence: no bytes make them panic, and what they accept they write back byte for byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trucgate::evidence::Record;
use trucgate::merkle::checkpoint::Checkpoint;
use trucgate::merkle::{leaf_hash, verify_inclusion};
use trucgate::seal::{Bundle, LONGEST, Seal};
use trucgate::trust::cms;

fn record(bytes: &[u8]) {
    match Record::parse(bytes) {
        Ok(record) => assert_eq!(record.encode(), bytes),
        Err(malformed) => assert!(!malformed.to_string().is_empty()),
    }
}

fn checkpoint(bytes: &[u8]) -> Option<Checkpoint> {
    let checkpoint = Checkpoint::parse(bytes).ok()?;
    assert_eq!(checkpoint.body().as_bytes(), bytes);
    Some(checkpoint)
}

fn seal(bytes: &[u8]) {
    let Ok(seal) = Seal::decode(bytes) else {
        return;
    };
    assert!(bytes.len() <= LONGEST);
    assert_eq!(seal.encode(), bytes);
    record(&seal.record);
    if let Some(head) = checkpoint(&seal.checkpoint) {
        let leaf = leaf_hash(&seal.record);
        // Whatever it says, it comes to an end.
        let _ = verify_inclusion(&leaf, seal.index, head.size, &seal.path, &head.root);
    }
    let _ = cms::verify(&seal.cms, &seal.checkpoint);
}

fuzz_target!(|input: &[u8]| {
    record(input);
    checkpoint(input);
    seal(input);
    let _ = cms::verify(input, b"");
    if let Ok(bundle) = Bundle::from_json(input) {
        assert_eq!(bundle.to_json(), input);
        let seals = bundle.seal().into_iter();
        for one in seals.chain(bundle.receipts().into_iter().flatten()) {
            seal(&one);
        }
    }
});
