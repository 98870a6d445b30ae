use crate::packet::Digest;
use crate::signer::TlsScheme;
use crate::signer::wire::{
    Answer, Ask, Bytes, LONGEST, Reply, Request, content, frame, read_blocking,
};

#[test]
fn frames_come_back_as_they_went() {
    let request = Request {
        id: 7,
        ask: Ask::Tls {
            key: "tls".into(),
            certificate: Digest::of(b"certificate"),
            scheme: TlsScheme::EcdsaP256Sha256,
            message: Bytes((0..=255).collect()),
        },
    };
    let answer = Answer {
        id: 7,
        reply: Reply::Behind(u64::MAX),
    };
    let stream = [frame(&request).unwrap(), frame(&answer).unwrap()].concat();
    let mut rest = &stream[..];
    let first = read_blocking(&mut rest).unwrap().unwrap();
    assert_eq!(content::<Request>(&first).unwrap(), request);
    let second = read_blocking(&mut rest).unwrap().unwrap();
    assert_eq!(content::<Answer>(&second).unwrap(), answer);
    assert!(read_blocking(&mut rest).unwrap().is_none());
    for cut in 1..stream.len() {
        let mut cut = &stream[..cut];
        while let Ok(Some(_)) = read_blocking(&mut cut) {}
    }
}

#[test]
fn long_broken_and_unknown_frames_are_refused_by_name() {
    let long = (LONGEST as u32 + 1).to_be_bytes();
    assert!(read_blocking(&mut &long[..]).is_err());
    assert!(read_blocking(&mut &[0, 0, 0, 9, 1][..]).is_err());
    assert!(frame(&Bytes(vec![0; LONGEST])).is_err());
    for (text, named) in [
        (r#"{"id":1,"ask":{"decrypt":{}}}"#, "decrypt"),
        (r#"{"id":1,"ask":"keys","extra":1}"#, "extra"),
        (
            r#"{"id":1,"ask":{"tls":{"key":"k","certificate":"sha256:0000000000000000000000000000000000000000000000000000000000000000","scheme":"rsa_pkcs1_md5","message":""}}}"#,
            "md5",
        ),
        (
            r#"{"id":1,"ask":{"tls":{"key":"k","certificate":"sha256:0000000000000000000000000000000000000000000000000000000000000000","scheme":"rsa_pss_sha256","message":"????"}}}"#,
            "symbol",
        ),
        (r#"{"ask":"keys"}"#, "id"),
    ] {
        let refused = content::<Request>(text.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(named), "{refused}");
    }
}
