//! What comes from the other side of the uplink: no bytes make a reader panic, and the pieces they come in change nothing.
//!
//! The last byte chooses the size of the pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trucgate::uplink::consignment;
use trucgate::uplink::wire::{Malformed, SealFirst, framed, positioned, put, put_at, seals};
use trucgate::uplink::{Announced, Announcement, Ask, HubHead, Mailbox, Taken};

/// The seal and all that follows it, or why there is none; `None` when the stream ends inside the seal.
fn split(bytes: &[u8], piece: usize) -> Result<Option<(Vec<u8>, Vec<u8>)>, Malformed> {
    let mut first = SealFirst::default();
    let mut pieces = bytes.chunks(piece);
    while let Some(piece) = pieces.next() {
        if let Some((seal, rest)) = first.feed(piece)? {
            let mut rest = rest.to_vec();
            pieces.for_each(|piece| rest.extend_from_slice(piece));
            return Ok(Some((seal.to_vec(), rest)));
        }
    }
    Ok(None)
}

/// What is read once is read again after it was written.
fn json<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    if let Ok(message) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&message).unwrap();
        let again: T = serde_json::from_slice(&written).unwrap();
        assert_eq!(serde_json::to_vec(&again).unwrap(), written);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_last() else {
        return;
    };
    let whole = split(bytes, bytes.len().max(1));
    assert_eq!(split(bytes, 1), whole);
    assert_eq!(split(bytes, usize::from(size).max(2)), whole);
    if let Ok(Some((seal, rest))) = whole {
        let mut again = framed(&seal);
        again.extend_from_slice(&rest);
        assert_eq!(again, bytes);
    }
    if let Ok(list) = seals(bytes) {
        let mut again = Vec::new();
        list.iter().for_each(|seal| put(&mut again, seal));
        assert_eq!(again, bytes);
    }
    if let Ok(list) = positioned(bytes) {
        let mut again = Vec::new();
        list.iter()
            .for_each(|(at, seal)| put_at(&mut again, *at, seal));
        assert_eq!(again, bytes);
    }
    if let Ok(outcomes) = consignment::outcomes(bytes.to_vec().into()) {
        // Heads may come in another order or number than ours.
        let again = consignment::answer(&outcomes);
        assert_eq!(consignment::outcomes(again.into()), Ok(outcomes));
    }
    if let Ok(came) = consignment::read(bytes.to_vec().into()) {
        assert!(came.packets.iter().all(|one| one.head < came.heads.len()));
    }
    json::<Announcement>(bytes);
    json::<Announced>(bytes);
    json::<Ask>(bytes);
    json::<Mailbox>(bytes);
    json::<Taken>(bytes);
    json::<HubHead>(bytes);
});
