//! Frames on the signer's socket: no bytes make a reader panic, nothing longer than allowed is held, and what is read
//! once is read again after it was written.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trucgate::signer::policy::handshake;
use trucgate::signer::wire::{Answer, Ask, LONGEST, Request, content, frame, read_blocking};

fn message<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let message: T = content(bytes).ok()?;
    let framed = frame(&message).ok()?;
    let body = read_blocking(&mut framed.as_slice()).unwrap().unwrap();
    assert_eq!(content::<T>(&body).unwrap(), message);
    Some(message)
}

fn ask(bytes: &[u8]) {
    let Some(request) = message::<Request>(bytes) else {
        return;
    };
    if let Ask::Tls {
        scheme, message, ..
    } = request.ask
    {
        let _ = handshake(&message.0, scheme);
    }
}

fuzz_target!(|input: &[u8]| {
    ask(input);
    message::<Answer>(input);
    let mut stream = input;
    // Each frame takes at least its length, so this ends.
    while let Ok(Some(body)) = read_blocking(&mut stream) {
        assert!(body.len() <= LONGEST);
        ask(&body);
        message::<Answer>(&body);
    }
});
