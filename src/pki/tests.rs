//! The keeper against sources of this process that lie, drip and go away, and against the responder of openssl.

mod authority;
mod openssl;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use self::authority::{Authority, Manner};
use super::{Config, Keeper, ListSource, Material, ResponderSource};
use crate::clock::{Chance, Clock};
use crate::durable::Disk;
use crate::tls::{Grounds, TrustFiles};
use crate::trust::{Profile, Purpose, Refusal, Stale, Verdict};

/// How long an event is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

fn files(directory: &Path, then: Stale) -> TrustFiles {
    TrustFiles {
        anchors: vec![directory.join("root.pem")],
        intermediates: vec![directory.join("issuing.pem")],
        revocation_lists: Vec::new(),
        stale_hours: 1,
        stale_then: then,
        profile: Profile::default(),
    }
}

/// A keeper at work, and the grounds that it publishes.
struct Kept {
    keeper: Arc<Keeper>,
    seen: watch::Receiver<Grounds>,
    clock: Clock,
}

impl Kept {
    fn start(directory: &Path, config: Config, clock: &Clock) -> Self {
        let files = files(directory, Stale::Queue);
        let cache = directory.join("pki");
        let material = Material::open(files, config, Disk::real(), cache).unwrap();
        let trust = material.first_trust(clock).unwrap();
        let (publish, seen) = watch::channel(Grounds::new(Arc::new(trust), None));
        let keeper = Keeper::new(material, publish, clock.clone(), Chance::system());
        keeper.follow();
        Self {
            keeper,
            seen,
            clock: clock.clone(),
        }
    }

    fn judge(&self, leaf: &[u8]) -> Result<(), Refusal> {
        let trust = self.seen.borrow().trust.clone();
        trust
            .judge(&[leaf.to_vec()], Purpose::TlsClient, self.clock.now())
            .map(|_| ())
    }

    /// Judges again and again, as connections do.
    async fn until(&self, leaf: &[u8], wanted: Result<(), Verdict>) {
        let judged = async {
            loop {
                if self.judge(leaf).map_err(|refusal| refusal.verdict) == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let done = tokio::time::timeout(PATIENCE, judged).await;
        assert!(done.is_ok(), "{wanted:?} never, but {:?}", self.judge(leaf));
    }
}

fn both(lists: &[&Authority], responders: &[&Authority]) -> Config {
    let urls = |all: &[&Authority], path: &str| all.iter().map(|one| one.url(path)).collect();
    Config {
        lists: ["root.crl", "issuing.crl"]
            .iter()
            .filter(|_| !lists.is_empty())
            .map(|path| ListSource {
                urls: urls(lists, path),
            })
            .collect(),
        responders: if responders.is_empty() {
            Vec::new()
        } else {
            vec![ResponderSource {
                urls: urls(responders, "ocsp"),
                issuer: None,
                nonce: true,
            }]
        },
        fetch_seconds: 1,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_source_does_the_next_one_in_order_heals_it() {
    for manner in Manner::HOSTILE {
        let clock = Clock::system();
        let directory = tempfile::tempdir().unwrap();
        let first = Authority::start(directory.path(), &clock).await;
        let second = first.twin().await;
        first.behave(manner);
        let leaf = first.leaf();
        let kept = Kept::start(
            directory.path(),
            both(&[&first, &second], &[&first, &second]),
            &clock,
        );
        kept.until(&leaf, Ok(())).await;
        assert!(
            first.asked() > 0,
            "{manner:?}: the first in order is asked first"
        );
        let mut seen = kept.seen.clone();
        let young = |grounds: &Grounds| {
            let lists = grounds.trust.lists();
            lists.len() == 2
                && lists
                    .iter()
                    .all(|list| list.next_update > Some(clock.now()))
        };
        let both = tokio::time::timeout(PATIENCE, seen.wait_for(young)).await;
        assert!(
            both.is_ok(),
            "{manner:?}: {:?}",
            kept.keeper.trust().lists()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_refreshed_at_half_its_life_and_a_revocation_is_seen_by_the_next_verdict() {
    let clock = Clock::system();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::start(directory.path(), &clock).await;
    authority.live(time::Duration::seconds(4));
    let (leaf, other) = (authority.leaf(), authority.leaf());
    let kept = Kept::start(directory.path(), both(&[], &[&authority]), &clock);
    let first = kept.judge(&leaf).unwrap_err();
    assert_eq!(first.verdict, Verdict::RevocationUnknown);
    assert_eq!(
        first.class(),
        crate::retry::Class::Retry,
        "it was not asked for yet: {first}"
    );
    kept.until(&leaf, Ok(())).await;
    kept.until(&other, Ok(())).await;
    authority.revoke(&leaf);
    kept.until(&leaf, Err(Verdict::Revoked)).await;
    kept.judge(&other).unwrap();
    assert!(authority.asked() >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_all_sources_away_goes_on_with_what_was_fetched() {
    let clock = Clock::system();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::start(directory.path(), &clock).await;
    let (leaf, unmet) = (authority.leaf(), authority.leaf());
    for config in [both(&[&authority], &[]), both(&[], &[&authority])] {
        authority.begin().await;
        let kept = Kept::start(directory.path(), config.clone(), &clock);
        kept.until(&leaf, Ok(())).await;
        drop(kept);
        authority.end().await;
        let kept = Kept::start(directory.path(), config.clone(), &clock);
        kept.judge(&leaf).unwrap();
        if !config.responders.is_empty() {
            let refusal = kept.judge(&unmet).unwrap_err();
            assert_eq!(refusal.verdict, Verdict::RevocationUnknown);
        }
        // Somebody has been at the files.
        for folder in ["lists", "answers"] {
            let Ok(found) = std::fs::read_dir(directory.path().join("pki").join(folder)) else {
                continue;
            };
            for file in found {
                let file = file.unwrap().path();
                let bytes = std::fs::read(&file).unwrap();
                Disk::real()
                    .replace(&file, &bytes[..bytes.len() / 2])
                    .unwrap();
            }
        }
        let kept = Kept::start(directory.path(), config, &clock);
        assert_eq!(
            kept.judge(&leaf).unwrap_err().verdict,
            Verdict::RevocationUnknown
        );
        // Back again, it is whole again by itself.
        authority.begin().await;
        kept.until(&leaf, Ok(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_certificates_name_are_asked_only_where_that_is_declared() {
    let clock = Clock::system();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::start(directory.path(), &clock).await;
    let leaf = authority.leaf_that_names(&authority.url("ocsp"));
    let declared = |from_certificates| Config {
        from_certificates,
        lists: both(&[&authority], &[]).lists[..1].to_vec(),
        ..Config::default()
    };
    let kept = Kept::start(directory.path(), declared(true), &clock);
    kept.until(&leaf, Ok(())).await;
    let kept = Kept::start(directory.path(), declared(false), &clock);
    let refusal = kept
        .judge(&authority.leaf_that_names(&authority.url("ocsp")))
        .unwrap_err();
    assert_eq!(refusal.verdict, Verdict::RevocationUnknown);
    assert!(refusal.detail.contains("no revocation list"), "{refusal}");
}

#[test]
fn what_is_no_source_is_an_error_that_says_what_one_looks_like() {
    for url in [
        "https://ca/x",
        "ftp://ca",
        "http://",
        "http://u@ca/",
        "http://ca:port/",
        "http://c a/",
        "ca/x.crl",
    ] {
        let config = Config {
            lists: vec![ListSource {
                urls: vec![url.to_owned()],
            }],
            ..Config::default()
        };
        let files = files(Path::new("/nowhere"), Stale::Queue);
        let error = Material::open(files, config, Disk::real(), "/nowhere".into()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("[[revocation.lists]]") && error.contains("http://HOST"),
            "{error}"
        );
    }
}
