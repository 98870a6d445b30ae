//! A software as the box sees one: the requests of the Java SDK, for the demo, the bench and tests.
//!
//! Its header texts, JSON escapes, unpadded hash, trailing CR LF and `Expect` are those of SDK 2.0.1.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::UtcOffset;

use super::desk::MessageType;
use super::headers::{gson_object, wire_value};
use super::stamp;
use super::systems::Secret;
use crate::clock::{Clock, Moment};
use crate::https::{
    Answer, Client, ClientConfig, ClientTls, Content, HeaderMap, HeaderName, HeaderValue, Method,
    header,
};

mod calls;
mod error;
mod reply;

pub use error::Error;
pub use reply::Reply;

/// Largest JSON answer that is read, in bytes.
const LARGEST: u64 = 1 << 30;
const AGENT: &str = "JAVASDKAgent/1.0.0 XRoad/VPCP";
const VERSION: &str = "3.0.201608";
const HANOI: UtcOffset = time::macros::offset!(+7);

/// One SDK object: an endpoint, a systemid and a secret, stamped once when it is made.
pub struct Software {
    client: Client,
    base: String,
    systemid: String,
    secret: Secret,
    stamp: String,
    deadline: Duration,
    /// Headers of earlier calls that come along, in a long-lived object.
    leaked: Option<Mutex<Vec<(String, String)>>>,
}

/// What `sendEdoc` says beside the document.
#[derive(Clone, Debug)]
pub struct Sending {
    /// `from`.
    pub from: Option<String>,
    /// `to`; `None` leaves it to the packet.
    pub to: Option<Vec<String>>,
    /// `messagetype`.
    pub message_type: MessageType,
}

/// A request ready to go, so that a test may change it first.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Content,
}

impl Software {
    /// An SDK object for an endpoint such as `http://box:8080/XrdAdapter/adapter`; `tls` is for `https://` alone.
    ///
    /// # Errors
    /// [`Error::Endpoint`] when the endpoint is no URL of that kind or `tls` does not go with it.
    pub fn new(
        endpoint: &str,
        systemid: &str,
        secret: &str,
        tls: Option<ClientTls>,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let bad = || Error::Endpoint(endpoint.to_owned());
        let (scheme, rest) = endpoint.split_once("://").ok_or_else(bad)?;
        let port = match (scheme, &tls) {
            ("http", None) => 80,
            ("https", Some(_)) => 443,
            _ => return Err(bad()),
        };
        let split = rest.find('/').unwrap_or(rest.len());
        let (authority, base) = rest.split_at(split);
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:{port}")
        };
        Ok(Self {
            client: Client::http1(ClientConfig::new(address, tls)),
            base: base.to_owned(),
            systemid: systemid.to_owned(),
            secret: Secret::new(secret),
            stamp: stamp::write(clock.now(), HANOI),
            deadline: Duration::from_secs(60),
            leaked: None,
        })
    }

    /// Keeps its header map between calls as the SDK does, so that headers of earlier calls come along, signed.
    #[must_use]
    pub fn long_lived(self) -> Self {
        Self {
            leaked: Some(Mutex::default()),
            ..self
        }
    }

    /// As if the object had been made at another moment.
    #[must_use]
    pub fn made_at(self, at: Moment) -> Self {
        Self {
            stamp: stamp::write(at, HANOI),
            ..self
        }
    }

    /// Waits so long for the head of an answer; 60 s unless said.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The signed header set of a call with these parameters.
    ///
    /// # Errors
    /// [`Error::Header`] when a value can't stand in a header.
    pub fn signed(&self, params: &[(&str, &str)]) -> Result<HeaderMap, Error> {
        let pairs = self.pairs(params);
        let named: Vec<(String, &str)> = pairs
            .iter()
            .map(|(name, value)| (format!("XroadVnpt-{name}"), value.as_str()))
            .collect();
        let text = gson_object(named.iter().map(|(name, value)| (name.as_str(), *value)));
        let keys: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        let hash = data_encoding::HEXLOWER.encode(self.secret.sign(text.as_bytes()).as_ref());
        let mut headers = HeaderMap::new();
        for (name, value) in &named {
            put(&mut headers, name, &wire_value(value))?;
        }
        put(
            &mut headers,
            "XroadVnpt-sign-header-key",
            keys.join(";").as_bytes(),
        )?;
        // Beyond ISO-8859-1 Java would ruin the signed text itself; UTF-8 is what reaches boxes that work.
        put(&mut headers, "XroadVnpt-sign-header", text.as_bytes())?;
        put(&mut headers, "XroadVnpt-hash-header", hash.as_bytes())?;
        put(&mut headers, "XroadVnpt-version", VERSION.as_bytes())?;
        put(&mut headers, "User-Agent", AGENT.as_bytes())?;
        Ok(headers)
    }

    /// The standing headers, those that leak in, and the call's own.
    fn pairs(&self, params: &[(&str, &str)]) -> Vec<(String, String)> {
        let standing = [
            ("systemid", self.systemid.as_str()),
            ("timestamp", self.stamp.as_str()),
            ("Content-Type", "application/octet-stream"),
        ];
        let mut fresh = Vec::new();
        let mut held = self
            .leaked
            .as_ref()
            .map(|leaked| leaked.lock().unwrap_or_else(PoisonError::into_inner));
        let map = held.as_deref_mut().unwrap_or(&mut fresh);
        for (name, value) in standing.iter().chain(params) {
            match map.iter_mut().find(|(own, _)| own == name) {
                Some((_, old)) => (*value).clone_into(old),
                None => map.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        map.clone()
    }

    /// A request as the SDK would make it.
    ///
    /// # Errors
    /// As [`Software::signed`].
    pub fn prepare(
        &self,
        method: Method,
        call: &str,
        params: &[(&str, &str)],
        body: Content,
    ) -> Result<Prepared, Error> {
        let mut headers = self.signed(params)?;
        put(&mut headers, "Content-Type", b"application/octet-stream")?;
        if call == "getEdoc" {
            headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        }
        Ok(Prepared {
            method,
            path: format!("{}/{call}", self.base),
            headers,
            body,
        })
    }

    /// Sends a prepared request and gives the head of the answer, its body still on the way.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub async fn go(&self, request: Prepared) -> Result<Answer, Error> {
        let Prepared {
            method,
            path,
            headers,
            body,
        } = request;
        self.client
            .request(method, &path, headers, body, self.deadline)
            .await
            .map_err(Error::Wire)
    }

    /// Sends a prepared request and reads the SDK's JSON.
    ///
    /// # Errors
    /// [`Error::Wire`], or [`Error::NotAnswer`] for anything but JSON with the three standing members.
    pub async fn ask(&self, request: Prepared) -> Result<Reply, Error> {
        let mut answer = self.go(request).await?;
        let text = answer.body.read_all(LARGEST).await.map_err(Error::Wire)?;
        Reply::read(answer.status, &text)
    }
}

impl fmt::Debug for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Software({})", self.systemid)
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), Error> {
    let bad = || Error::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    let value = HeaderValue::from_bytes(value).map_err(|_| bad())?;
    // Two spellings of one name are two headers on the wire.
    headers.append(key, value);
    Ok(())
}
