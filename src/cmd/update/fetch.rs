//! Brings a bundle over HTTPS and keeps it only when it is good: a process of its own, which has the network and no disk.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::durable::{self, Disk};
use crate::https::{Client, ClientConfig, ClientTls, HeaderMap, Method, Outgoing, StatusCode};
use crate::tls;
use crate::trust::pem;
use crate::update::{Bundle, Error, System, Version};

/// Longest bundle.
const LONGEST: u64 = 2 << 30;
/// Bytes that stay free.
const SPARE: u64 = 256 << 20;
/// How long a server may take until it begins to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An `https://` URL in pieces.
#[derive(Debug)]
struct Place<'u> {
    address: String,
    host: &'u str,
    path: &'u str,
}

impl<'u> Place<'u> {
    fn of(url: &'u str) -> Result<Self, Error> {
        let wrong = || {
            Error::Machine(format!(
                "{url:?}: cần dạng / wanted like https://HOST[:PORT]/PATH"
            ))
        };
        let rest = url.strip_prefix("https://").ok_or_else(wrong)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok()),
            _ => (authority, Some(443)),
        };
        let visible = rest.bytes().all(|byte| byte.is_ascii_graphic());
        let port = port.filter(|_| !host.is_empty() && !host.contains('@') && visible);
        Ok(Self {
            address: format!("{host}:{}", port.ok_or_else(wrong)?),
            host: host.trim_matches(['[', ']']),
            path,
        })
    }
}

/// Fetches `url`, whose server is judged by `anchors` (PEM), and keeps a bundle that the machine may take as `to`.
pub(super) fn fetch(
    url: &str,
    anchors: &[u8],
    (system, floor): (&System, Version),
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
    let place = Place::of(url)?;
    let at = |error: &dyn std::fmt::Display| Error::Machine(format!("{url}: {error}"));
    let anchors = pem::certificates(anchors).unwrap_or_default();
    let config = tls::web_client_config(&anchors, Clock::system()).map_err(|error| at(&error))?;
    let disk = Disk::real();
    let whole = to.with_extension("fetched");
    disk.remove(to)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let fetched = runtime.block_on(async {
        let (_open, config) = watch::channel(config);
        let tls = ClientTls {
            config,
            server_name: place.host.to_owned(),
            judge: None,
        };
        let client = Client::http1(ClientConfig::new(place.address.clone(), Some(tls)));
        let asked = client.request(
            Method::GET,
            place.path,
            HeaderMap::new(),
            Outgoing::default(),
            PATIENCE,
        );
        let mut answer = asked.await.map_err(|error| at(&error))?;
        if answer.status != StatusCode::OK {
            return Err(at(&format!("trả lời / it answers {}", answer.status)));
        }
        let free = durable::free_bytes(to.parent().unwrap_or(to))?;
        answer.body.limit(LONGEST.min(free.saturating_sub(SPARE)));
        let all = answer.body.left();
        let mut draft = disk.draft(&whole)?;
        let mut read = 0;
        while let Some(piece) = answer.body.next().await {
            let piece = piece.map_err(|error| at(&error))?;
            read += piece.len() as u64;
            draft.append(&piece)?;
            progress(read, all.unwrap_or(read));
        }
        draft.finish().map_err(Error::from)
    });
    let kept = fetched.and_then(|()| {
        let bundle = Bundle::open(BufReader::new(File::open(&whole)?), system)?;
        bundle.judge(system, floor)?;
        bundle.check(&mut |_, _| {})?;
        disk.rename(&whole, to).map_err(Error::from)
    });
    kept.inspect_err(|_| drop(disk.remove(&whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_https_with_a_host() {
        let place = Place::of("https://updates.example/a/b.update").unwrap();
        assert_eq!(
            (place.address.as_str(), place.host, place.path),
            ("updates.example:443", "updates.example", "/a/b.update")
        );
        let place = Place::of("https://[2001:db8::1]:8443").unwrap();
        assert_eq!(
            (place.address.as_str(), place.host, place.path),
            ("[2001:db8::1]:8443", "2001:db8::1", "/")
        );
        for wrong in [
            "http://updates.example/x",
            "https:///x",
            "https://a:b/x",
            "https://user@host/x",
            "https://host:99999/x",
            "https://ho st/x",
            "updates.example",
            "",
        ] {
            assert!(Place::of(wrong).is_err(), "{wrong}");
        }
    }
}
