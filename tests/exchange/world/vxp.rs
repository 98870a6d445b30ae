//! A VXP client written from the description of the SDK's wire alone, with none of the program's own code: what it
//! sends is what an agency's software sends, byte for byte, quirks included.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use ring::{digest, hmac};
use serde_json::Value;
use time::macros::{format_description, offset};
use trucgate::clock::Moment;
use trucgate::provision::lab::{Machine, Tenant};

use super::{PATIENCE, now};

/// An SDK object: it is stamped when it is made, and never forgets a header.
pub struct Vxp {
    address: SocketAddr,
    endpoint: String,
    secret: String,
    headers: Vec<(String, String)>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Raw {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What may be done to a request before it goes.
#[derive(Default)]
pub struct Twist<'a> {
    pub content_type: Option<&'a str>,
    /// Lines of the head beside the SDK's.
    pub extra: &'a [(&'a str, &'a str)],
    /// The body waits for `100 Continue`.
    pub expect: bool,
    /// A signed header that is changed on the way.
    pub forged: Option<(&'a str, &'a str)>,
}

impl Vxp {
    /// A software of a tenant, over plain HTTP.
    pub fn new(machine: &Machine, tenant: &Tenant, endpoint: &str) -> Self {
        Self::stamped(machine, tenant, endpoint, now())
    }

    /// As if the object had been made at that time.
    pub fn stamped(machine: &Machine, tenant: &Tenant, endpoint: &str, at: Moment) -> Self {
        let format = format_description!("[day][month][year]T[hour][minute][second]+0");
        let mut stamp = at.to_offset(offset!(+7)).format(format).unwrap();
        let _ = write!(stamp, "{:03}", at.millisecond());
        Self {
            address: machine.plain,
            endpoint: endpoint.to_owned(),
            secret: tenant.secret.clone(),
            headers: vec![
                ("systemid".to_owned(), tenant.systemid.clone()),
                ("timestamp".to_owned(), stamp),
                (
                    "Content-Type".to_owned(),
                    "application/octet-stream".to_owned(),
                ),
            ],
        }
    }

    pub fn with_secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    pub fn with_systemid(mut self, systemid: &str) -> Self {
        systemid.clone_into(&mut self.headers[0].1);
        self
    }

    /// A call as the SDK makes it.
    pub fn call(&mut self, method: &str, call: &str, given: &[(&str, &str)], body: &[u8]) -> Raw {
        self.twisted(method, call, given, body, &Twist::default())
    }

    /// A POST, its answer read as JSON, which has the three standing members always.
    pub fn post(&mut self, call: &str, given: &[(&str, &str)], body: &[u8]) -> Value {
        self.call("POST", call, given, body).json()
    }

    pub fn twisted(
        &mut self,
        method: &str,
        call: &str,
        given: &[(&str, &str)],
        body: &[u8],
        twist: &Twist<'_>,
    ) -> Raw {
        for (name, value) in given {
            match self.headers.iter_mut().find(|(own, _)| own == name) {
                Some((_, old)) => (*value).clone_into(old),
                None => self.headers.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        let mut head = format!("{method} {} HTTP/1.1\r\n", self.target(call));
        for (name, value) in &self.headers {
            let value = match twist.forged {
                Some((forged, other)) if forged == name => other,
                _ => value,
            };
            let _ = write!(head, "XroadVnpt-{name}: {value}\r\n");
        }
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let signed = self.sign_header();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let mac = padded(hmac::sign(&key, signed.as_bytes()).as_ref());
        let kind = twist.content_type.unwrap_or("application/octet-stream");
        let _ = write!(
            head,
            "XroadVnpt-sign-header-key: {}\r\nXroadVnpt-sign-header: {signed}\r\nXroadVnpt-hash-header: {mac}\r\n\
             User-Agent: JAVASDKAgent/1.0.0 XRoad/VPCP\r\nXroadVnpt-version: 3.0.201608\r\nContent-Type: {kind}\r\n\
             Host: {}\r\nConnection: Keep-Alive\r\n",
            names.join(";"),
            self.address
        );
        for (name, value) in twist.extra {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if method != "GET" {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        if twist.expect {
            head.push_str("Expect: 100-continue\r\n");
        }
        head.push_str("\r\n");
        exchange(self.address, &head, body, twist.expect)
    }

    /// Calls hang below the endpoint; a query behind it stays behind.
    fn target(&self, call: &str) -> String {
        match self.endpoint.split_once('?') {
            Some((path, query)) => format!("{path}/{call}?{query}"),
            None => format!("{}/{call}", self.endpoint),
        }
    }

    /// The JSON that is signed, as Gson writes it.
    fn sign_header(&self) -> String {
        let mut text = String::from("{");
        for (name, value) in &self.headers {
            if text.len() > 1 {
                text.push(',');
            }
            let _ = write!(text, "\"XroadVnpt-{name}\":\"");
            for letter in value.chars() {
                match letter {
                    '"' | '\\' => text.extend(['\\', letter]),
                    '<' | '>' | '&' | '=' | '\'' => {
                        let _ = write!(text, "\\u{:04x}", u32::from(letter));
                    }
                    other => text.push(other),
                }
            }
            text.push('"');
        }
        text.push('}');
        text
    }
}

fn exchange(address: SocketAddr, head: &str, body: &[u8], expect: bool) -> Raw {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    if expect {
        let (status, _) = read_head(&mut reader);
        assert_eq!(status, 100, "the box asks for the body");
    }
    stream.write_all(body).unwrap();
    let (status, headers) = read_head(&mut reader);
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map(|(_, length)| length.parse().unwrap());
    let mut content = vec![0; length.expect("answers of this size have a length")];
    reader.read_exact(&mut content).unwrap();
    Raw {
        status,
        headers,
        body: content,
    }
}

fn read_head(reader: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let line = line();
        let Some((name, value)) = line.split_once(':') else {
            return (status, headers);
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

impl Raw {
    /// The answer as the SDK reads it, without asking whether the three members are there.
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        let json: Value = serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {text}", self.status));
        for name in ["status", "ErrorCode", "ErrorDesc"] {
            assert!(json[name].is_string(), "no {name}: {text}");
        }
        json
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn padded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in proper hexadecimal.
pub fn hash(document: &[u8]) -> String {
    padded(digest::digest(&digest::SHA256, document).as_ref())
}

/// SHA-256 as the SDK writes it: `0b` becomes `b`.
pub fn hash_file(document: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, document);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:x}"))
        .collect()
}

/// A refusal with that code, its reason in Vietnamese.
#[track_caller]
pub fn refused(answer: &Value, code: &str) -> String {
    assert_eq!(answer["status"], "FAIL", "{answer}");
    assert_eq!(answer["ErrorCode"], code, "{answer}");
    let reason = answer["ErrorDesc"].as_str().unwrap().to_owned();
    let toned = |letter: char| matches!(letter, 'đ' | 'ơ' | 'ư' | 'ă' | '\u{1ea0}'..='\u{1ef9}');
    assert!(reason.chars().any(toned), "not Vietnamese: {reason}");
    reason
}

#[track_caller]
pub fn succeeded(answer: &Value) -> &Value {
    assert_eq!(answer["status"], "OK", "{answer}");
    assert_eq!(answer["ErrorCode"], "0", "{answer}");
    answer
}
