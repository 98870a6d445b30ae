//! HTTP with limits, deadlines, drain and problem answers. The only room that names hyper.
//!
//! A `Server` answers HTTP/1.1 and HTTP/2 for a `Handler`; a `Client` keeps one connection to one peer.
//! Both carry bodies as chunks in flat memory, both judge a TLS peer at every accepted connection, and none of
//! them trusts the other side to send, to read or to finish.

mod body;
mod budget;
mod client;
mod content;
mod error;
mod limits;
mod outgoing;
mod problem;
mod pulse;
mod range;
mod request;
mod response;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use body::Body;
pub use bytes::Bytes;
pub use client::{Answer, Client, ClientConfig, ClientLimits, ClientTls, ServerJudge};
pub use content::Content;
pub use error::{Cause, Error, Phase, find_cause};
pub use hyper::header;
pub use hyper::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
pub use limits::{Limits, Protocols};
pub use outgoing::Outgoing;
pub use problem::Problem;
pub use request::{Handler, Peer, Request};
pub use response::Response;
pub use server::{
    Admit, Drained, Judge, OnRefused, Recheck, Refusal, Server, ServerConfig, ServerTls,
};
