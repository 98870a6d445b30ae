//! The settings in the languages of those who carry them out: systemd-networkd, nftables, chrony, libc.

use std::fmt::{Display, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::log_server::LogServer;
use super::settings::{Network, Opened, Settings};

/// What systemd-journal-upload(8) reads; it is started only where this is there.
const UPLOAD: &str = "systemd/journal-upload.conf.d/50-trucgate.conf";
/// Where the URL of updates stands.
const UPDATES: &str = "trucgate/update.url";
/// Files that only some settings ask for.
const OPTIONAL: [&str; 2] = [UPDATES, UPLOAD];
/// Whom the box trusts: the log server's certificate comes from there, too.
const ANCHORS: &str = "/etc/trucgate/trust/root.pem";

/// A file below the runtime directory, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where, relative to the runtime directory.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Every file that the settings ask for, in a fixed order.
#[must_use]
pub fn files(settings: &Settings) -> Vec<File> {
    let mut files = vec![
        file("trucgate/hostname", format!("{}\n", settings.hostname)),
        file("trucgate/hosts", hosts(settings)),
        file(
            "trucgate/resolv.conf",
            lines(&settings.names.resolvers, |at| format!("nameserver {at}")),
        ),
        file(
            "trucgate/chrony.d/settings.sources",
            lines(&settings.clock.servers, |at| format!("server {at} iburst")),
        ),
        file("trucgate/doors.nft", doors(settings)),
    ];
    if let Some(url) = &settings.update.url {
        files.push(file(UPDATES, format!("{url}\n")));
    }
    if let Some(server) = &settings.journal.upload {
        files.push(file(UPLOAD, upload(server)));
    }
    for (at, card) in settings.network.iter().enumerate() {
        files.push(file(&of_card(at), network(card)));
    }
    files
}

/// Files below the runtime directory that earlier settings asked for and that are not among the wanted ones.
#[must_use]
pub fn left_over(wanted: &[File], runtime: &Path) -> Vec<PathBuf> {
    let cards = (0..).map(of_card);
    let cards = cards.take_while(|path| runtime.join(path).exists());
    let optional = OPTIONAL.map(str::to_owned).into_iter();
    optional
        .chain(cards)
        .filter(|path| wanted.iter().all(|file| file.path != *path))
        .map(|path| runtime.join(path))
        .filter(|path| path.exists())
        .collect()
}

fn of_card(at: usize) -> String {
    format!("systemd/network/10-card-{at}.network")
}

fn file(path: &str, text: String) -> File {
    File {
        path: path.to_owned(),
        text,
    }
}

fn lines<T>(all: &[T], line: impl Fn(&T) -> String) -> String {
    all.iter().map(|one| line(one) + "\n").collect()
}

fn hosts(settings: &Settings) -> String {
    let mut text = format!(
        "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {}\n",
        settings.hostname
    );
    for (name, address) in &settings.names.hosts {
        // Writing to a String never fails.
        let _ = writeln!(text, "{address} {name}");
    }
    text
}

fn network(card: &Network) -> String {
    let mut text = format!(
        "[Match]\nMACAddress={}\n\n[Network]\nDHCP=no\nIPv6AcceptRA=no\nLLMNR=no\nMulticastDNS=no\n",
        card.mac
    );
    text += &lines(&card.addresses, |address| format!("Address={address}"));
    if let Some(gateway) = card.gateway {
        let _ = writeln!(text, "Gateway={gateway}");
    }
    text
}

/// The box shows no certificate of its own: its keys are the token's, where that program can't reach them.
fn upload(server: &LogServer) -> String {
    format!(
        "[Upload]\nURL={server}\nServerKeyFile=-\nServerCertificateFile=-\nTrustedCertificateFile={ANCHORS}\n"
    )
}

/// Elements of the sets that the rules of the appliance name; a set that gets none stays empty, and its door shut.
fn doors(settings: &Settings) -> String {
    let mut text = String::new();
    opened(&mut text, "software", "software", &settings.software);
    opened(&mut text, "operators", "operator", &settings.operators);
    by_family(&mut text, "peers", &settings.peers.to, |to| {
        (to.ip(), format!("{} . {}", to.ip(), to.port()))
    });
    let server = settings.journal.upload.as_ref();
    let server = server.and_then(|server| server.address(&settings.names).ok());
    by_family(&mut text, "log_servers", server.as_slice(), |to| {
        (to.ip(), format!("{} . {}", to.ip(), to.port()))
    });
    for (set, all) in [
        ("resolvers", &settings.names.resolvers),
        ("clocks", &settings.clock.servers),
    ] {
        by_family(&mut text, set, all, |at| (*at, at.to_string()));
    }
    text
}

fn opened(text: &mut String, set: &str, ports: &str, door: &Opened) {
    by_family(text, set, &door.from, |from| {
        (from.address, from.to_string())
    });
    elements(text, &format!("{ports}_ports"), &door.ports);
}

fn by_family<T>(text: &mut String, set: &str, all: &[T], element: impl Fn(&T) -> (IpAddr, String)) {
    for (family, is_4) in [("4", true), ("6", false)] {
        let of_family: Vec<_> = all
            .iter()
            .map(&element)
            .filter(|(address, _)| address.is_ipv4() == is_4)
            .map(|(_, element)| element)
            .collect();
        elements(text, &format!("{set}{family}"), &of_family);
    }
}

fn elements<T: Display>(text: &mut String, set: &str, all: &[T]) {
    if all.is_empty() {
        return;
    }
    let listed: Vec<_> = all.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        text,
        "add element inet trucgate {set} {{ {} }}",
        listed.join(", ")
    );
}
