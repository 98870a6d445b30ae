//! The door behind a real socket, over a desk in memory.

mod calls;
mod fake;
mod hostile;
mod sending;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Door;
use crate::clock::{Clock, parse_rfc3339};
use crate::https::{Server, ServerConfig, StatusCode};
use crate::vxp::captures;
use crate::vxp::client::{Reply, Software};
use crate::vxp::{Config, System, SystemEntry, Systems};

use self::fake::Fake;

/// A box whose door is open, with a desk to look at.
struct House {
    desk: Arc<Fake>,
    address: SocketAddr,
    clock: Clock,
    systems: watch::Sender<Arc<Systems>>,
    _stop: watch::Sender<bool>,
}

impl House {
    fn open() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("systems.toml".into());
        change(&mut config);
        let clock = Clock::manual(parse_rfc3339(captures::NOW).unwrap());
        let other = SystemEntry {
            systemid: "vxp.h41.qlvb".to_owned(),
            secret: crate::vxp::Secret::new("h41"),
            member: "000.00.00.H41".parse().unwrap(),
            ..captures::entry("")
        };
        let all = Systems::new(vec![captures::entry(captures::SECRET), other]).unwrap();
        let (systems, watched) = watch::channel(Arc::new(all));
        let desk = Arc::new(Fake::default());
        let door = Door::new(Arc::clone(&desk), watched, &config, clock.clone());
        let server = Server::bind(ServerConfig {
            limits: config.limits(),
            ..ServerConfig::plain(([127, 0, 0, 1], 0).into())
        })
        .unwrap();
        let address = server.local_addr();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server.serve(Arc::new(door), stopped));
        Self {
            desk,
            address,
            clock,
            systems,
            _stop: stop,
        }
    }

    fn software(&self, systemid: &str, secret: &str) -> Software {
        let endpoint = format!("http://{}/XrdAdapter/adapter", self.address);
        Software::new(&endpoint, systemid, secret, None, &self.clock).unwrap()
    }

    /// The software of the captures.
    fn g22(&self) -> Software {
        self.software(captures::SYSTEMID, captures::SECRET)
    }

    fn h41(&self) -> Software {
        self.software("vxp.h41.qlvb", "h41")
    }

    /// Writes bytes to the door and reads the one answer: head, and body by its length or chunks.
    async fn raw(&self, request: &[u8]) -> (StatusCode, String, Vec<u8>) {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        let text = String::from_utf8_lossy(request).replacen("Keep-Alive", "close", 1);
        let request = if text.contains('\u{fffd}') {
            let at = request
                .windows(10)
                .position(|ten| ten == b"Keep-Alive")
                .unwrap();
            [&request[..at], b"close", &request[at + 10..]].concat()
        } else {
            text.into_bytes()
        };
        tcp.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).await.unwrap();
        if answer.starts_with(b"HTTP/1.1 100") {
            answer.drain(..answer.windows(4).position(|f| f == b"\r\n\r\n").unwrap() + 4);
        }
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head[9..12].parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }

    async fn replay(&self, name: &str) -> Reply {
        let (status, head, body) = self.raw(&captures::load(name).raw).await;
        assert!(head.contains("application/json"), "{head}");
        Reply::read(status, &body).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Waits until something has happened, five seconds at most.
    async fn until(&self, happened: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !happened(self) {
                tokio::task::yield_now().await;
            }
        };
        let limit = std::time::Duration::from_secs(5);
        tokio::time::timeout(limit, waiting).await.unwrap();
    }

    fn last_asked(&self) -> String {
        self.desk
            .asked
            .lock()
            .unwrap()
            .last()
            .cloned()
            .unwrap_or_default()
    }

    fn asked(&self) -> usize {
        self.desk.asked.lock().unwrap().len()
    }
}
