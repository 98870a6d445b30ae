//! Requests made so cheaply that making them takes nothing from what is measured: everything stands ready but the
//! few bytes in which one request differs from the next.

use std::sync::Arc;

use ring::digest::{Context, SHA256};
use ring::hmac;
use trucgate::clock::Clock;
use trucgate::cmd::demo::documents::Draft;
use trucgate::https::{Content, Method};
use trucgate::packet::MemberId;
use trucgate::vxp::client::Software;

use crate::wire::find;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The document number that stands in the template; all numbers have as many digits.
const NUMBER: u32 = 70_000_000;
/// First number given out.
const FIRST: u32 = 10_000_000;

/// A call's head, signed anew for each value of its one parameter.
pub(crate) struct Call {
    pieces: Vec<Piece>,
    text: (Vec<u8>, Vec<u8>),
    key: hmac::Key,
}

enum Piece {
    Fixed(Vec<u8>),
    Value,
    Tag,
}

impl Call {
    /// As the SDK writes `call`, with `value` as placeholder of what varies.
    pub(crate) fn new(
        software: &Software,
        secret: &str,
        method: Method,
        call: &str,
        params: &[(&str, &str)],
        value: &str,
        length: usize,
    ) -> Result<Self, Failure> {
        let request = software.prepare(method, call, params, Content::new())?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\n",
            request.method, request.path
        )
        .into_bytes();
        let (mut text, mut tag) = (Vec::new(), Vec::new());
        for (name, header) in &request.headers {
            if name.as_str() == "expect" {
                continue;
            }
            match name.as_str() {
                "xroadvnpt-sign-header" => text = header.as_bytes().to_vec(),
                "xroadvnpt-hash-header" => tag = header.as_bytes().to_vec(),
                _ => {}
            }
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(header.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = data_encoding::HEXLOWER.encode(hmac::sign(&key, &text).as_ref());
        if signed.as_bytes() != tag {
            return Err("the template's signature is not what was expected".into());
        }
        let split = find(&text, value.as_bytes()).unwrap_or(text.len());
        let behind = text.get(split + value.len()..).unwrap_or(&[]).to_vec();
        text.truncate(split);
        Ok(Self {
            pieces: cut(&head, value.as_bytes(), &tag),
            text: (text, behind),
            key,
        })
    }

    pub(crate) fn head(&self, value: &str) -> Vec<u8> {
        let mut sign = hmac::Context::with_key(&self.key);
        sign.update(&self.text.0);
        if !self.text.1.is_empty() {
            sign.update(value.as_bytes());
            sign.update(&self.text.1);
        }
        let tag = data_encoding::HEXLOWER.encode(sign.sign().as_ref());
        let mut head = Vec::with_capacity(2_048);
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(bytes) => head.extend_from_slice(bytes),
                Piece::Value => head.extend_from_slice(value.as_bytes()),
                Piece::Tag => head.extend_from_slice(tag.as_bytes()),
            }
        }
        head
    }
}

fn cut(mut head: &[u8], value: &[u8], tag: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    loop {
        let next = [(value, Piece::Value), (tag, Piece::Tag)]
            .into_iter()
            .filter_map(|(what, piece)| Some((find(head, what)?, what.len(), piece)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, length, piece)) = next else {
            pieces.push(Piece::Fixed(head.to_vec()));
            return pieces;
        };
        pieces.push(Piece::Fixed(head[..at].to_vec()));
        pieces.push(piece);
        head = &head[at + length..];
    }
}

/// Documents that differ in their number alone, and the requests that send them.
pub(crate) struct Documents {
    call: Call,
    start: Vec<u8>,
    places: Vec<usize>,
    rest: Arc<[u8]>,
}

/// A request in its parts; the document's larger part is shared by all.
pub(crate) struct Sending {
    pub(crate) number: u32,
    pub(crate) head: Vec<u8>,
    pub(crate) start: Vec<u8>,
    pub(crate) rest: Arc<[u8]>,
}

impl Documents {
    /// Documents of about `size` bytes from the member whose software it is.
    pub(crate) fn new(
        software: &Software,
        secret: &str,
        from: &MemberId,
        to: &[MemberId],
        size: u64,
    ) -> Result<Self, Failure> {
        let mut draft = Draft::new(from, to, NUMBER, Clock::system().now());
        draft.attachment = 9;
        let least = draft.edxml()?.len() as u64;
        draft.attachment = 9 + size.saturating_sub(least) * 3 / 4;
        let document = draft.edxml()?;
        let digits = NUMBER.to_string();
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(at) = find(
            &document[from..document.len().min(16_384)],
            digits.as_bytes(),
        ) {
            places.push(from + at);
            from += at + digits.len();
        }
        let start = document[..from].to_vec();
        let rest: Arc<[u8]> = document[from..].into();
        let hash = "0123456789abcdef".repeat(4);
        let params = [
            ("servicetype", "eDoc"),
            ("messagetype", "edoc"),
            ("hash-file", hash.as_str()),
        ];
        let length = document.len() + 2;
        let call = Call::new(
            software,
            secret,
            Method::POST,
            "sendEdoc",
            &params,
            &hash,
            length,
        )?;
        Ok(Self {
            call,
            start,
            places,
            rest,
        })
    }

    /// The request that sends document `index`.
    pub(crate) fn sending(&self, index: u32) -> Sending {
        let number = FIRST + index;
        let digits = number.to_string();
        let mut start = self.start.clone();
        for place in &self.places {
            start[*place..place + digits.len()].copy_from_slice(digits.as_bytes());
        }
        let mut hash = Context::new(&SHA256);
        hash.update(&start);
        hash.update(&self.rest);
        Sending {
            number: index,
            head: self.call.head(&unpadded(hash.finish().as_ref())),
            start,
            rest: self.rest.clone(),
        }
    }

    /// Bytes of a document.
    pub(crate) fn size(&self) -> usize {
        self.start.len() + self.rest.len()
    }

    /// The index of the document that came, from its first bytes.
    pub(crate) fn index_of(&self, document: &[u8]) -> Option<u32> {
        let at = *self.places.first()?;
        let digits = std::str::from_utf8(document.get(at..at + 8)?).ok()?;
        digits.parse::<u32>().ok()?.checked_sub(FIRST)
    }

    /// Bytes of a document that [`Documents::index_of`] needs.
    pub(crate) fn index_ends(&self) -> usize {
        self.places.first().map_or(0, |at| at + 8)
    }
}

impl Sending {
    /// What goes over the wire.
    pub(crate) fn parts(&self) -> [&[u8]; 4] {
        [&self.head, &self.start, &self.rest, b"\r\n"]
    }
}

/// Hexadecimal without leading zeros of each byte, as the SDK writes it.
fn unpadded(hash: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    let mut text = String::with_capacity(64);
    for byte in hash {
        if byte >> 4 > 0 {
            text.push(char::from(digits[usize::from(byte >> 4)]));
        }
        text.push(char::from(digits[usize::from(byte & 15)]));
    }
    text
}
