//! A restored box comes to terms with the hub. In this order, and again from the beginning after a power cut:
//!
//! 1. what was restored is in place whole, and no other box is registered under this code;
//! 2. each member's log is the one that the hub has seen, or the hub's operators let it go on behind its older head;
//! 3. new places in the orders come behind those that the hub knows;
//! 4. what software has collected since is offered no more, what was delivered since is fetched again;
//! 5. each log says that it was restored, and places that nobody holds any more are given up by a sealed void;
//! 6. the fence goes down.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use tokio::sync::watch;

use super::fence::{Restored, Waits};
use super::{Error, Relay, inbound};
use crate::clock::rfc3339;
use crate::evidence::{Addressee, Entry, Record, RecordKind};
use crate::gauge::Text;
use crate::journal::{self, ids};
use crate::merkle::Hash;
use crate::packet::{Digest, MemberId};
use crate::retry::Backoff;
use crate::seal::Seal;
use crate::trust::directory::Fingerprint;
use crate::uplink::{EpochAsk, LogState, MailboxEntry};

/// Receipts this long before the backup are looked at again: clocks differ.
const MARGIN: time::Duration = time::Duration::days(1);

/// Comes to terms, however long that takes, and lets the box work.
pub(super) async fn come_to(
    relay: Arc<Relay>,
    restored: Arc<Restored>,
    stop: watch::Receiver<bool>,
) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    while let Err(waits) = all(&relay, &restored).await {
        if relay.fence.waits_for(waits.clone()) {
            journal::line(&ids::BOX_FENCED)
                .step("restore")
                .reason(&waits.reason.en)
                .next(&waits.next.en)
                .say(
                    "the restored box waits behind its fence: nothing is sent, fetched or offered",
                );
        }
        tokio::time::sleep(backoff.next(&relay.chance)).await;
    }
    journal::line(&ids::FENCE_LIFTED)
        .step("restore")
        .reason(format_args!(
            "backup {} of {}",
            restored.backup,
            rfc3339(restored.made)
        ))
        .say("the restored box has come to terms with the hub and works");
    if let Err(error) = relay.work(stop).await {
        journal::line(&ids::DISK_FAULT)
            .step("restore")
            .reason(error)
            .next("start the unit again; the box is restored")
            .error("the walks could not be started");
    }
}

async fn all(relay: &Arc<Relay>, restored: &Restored) -> Result<(), Waits> {
    in_place(relay, restored).await?;
    alone(relay)?;
    let mut lost = Vec::new();
    let mut members: Vec<MemberId> = relay.logs.keys().cloned().collect();
    members.sort();
    for member in &members {
        let state = relay
            .hub
            .log(member)
            .await
            .map_err(|error| tried(&error.into()))?;
        same_log(relay, member, &state).await?;
    }
    for member in members {
        let state = relay
            .hub
            .log(&member)
            .await
            .map_err(|error| tried(&error.into()))?;
        let places = state
            .pairs
            .iter()
            .map(|p| (p.to.clone(), p.last, p.missing.clone()));
        let places = relay.spool.take_places(&member, places.collect()).await;
        let places = places.map_err(|error| tried(&error.into()))?;
        inbox(relay, &member, restored)
            .await
            .map_err(|error| tried(&error))?;
        lost.push((member, state, places));
    }
    relay.fence.let_seal();
    for (member, state, places) in lost {
        say_so(relay, &member, restored, &state)
            .await
            .map_err(|error| tried(&error))?;
        give_up(relay, &member, restored, places)
            .await
            .map_err(|error| tried(&error))?;
    }
    relay
        .fence
        .take_down()
        .map_err(|error| tried(&error.into()))
}

/// The last thing that a restore puts in place is the store.
async fn in_place(relay: &Relay, restored: &Restored) -> Result<(), Waits> {
    for log in &restored.logs {
        let Ok(own) = relay.log_of(&log.member) else {
            continue;
        };
        let newest = own.archive().newest(&log.member).await;
        let newest = newest.map_err(|error| tried(&error.into()))?;
        if newest.is_none_or(|head| head.size < log.size) {
            return Err(Waits {
                reason: Text::new(
                    format!(
                        "lần khôi phục bị cắt ngang: nhật ký của {} chưa có",
                        log.member
                    ),
                    format!(
                        "the restore was cut off: the log of {} is not in place",
                        log.member
                    ),
                ),
                next: Text::new(
                    "dừng máy rồi chạy lại đúng lệnh trucgate restore",
                    "stop the relay and run the same trucgate restore again",
                ),
            });
        }
    }
    Ok(())
}

/// No other box gets in under this code: whoever is registered is this one.
fn alone(relay: &Relay) -> Result<(), Waits> {
    let own = relay
        .current
        .get()
        .and_then(|shown| shown.chain().first().map(|der| Fingerprint::of(der)));
    let own = own.ok_or_else(|| Waits {
        reason: Text::new("chưa có chứng thư TLS", "there is no TLS certificate yet"),
        next: Text::new("xem bộ ký và token", "look at the signer and its token"),
    })?;
    let directory = relay.directory().map_err(|error| tried(&error))?;
    let code = &relay.code;
    let registered = directory
        .find_box(code)
        .map(|entry| entry.tls.clone())
        .unwrap_or_default();
    if registered == [own] {
        return Ok(());
    }
    let waits = |vi: &str, en: &str| Waits {
        reason: Text::new(vi, en),
        next: Text::new(
            format!("người vận hành Trục chạy: trucgate hub admin approve {code} --replace"),
            format!("the hub's operator runs: trucgate hub admin approve {code} --replace"),
        ),
    };
    Err(if registered.contains(&own) {
        waits(
            "máy cũ vẫn còn được đăng ký ở Trục cạnh máy này",
            "the old box is still registered at the hub beside this one",
        )
    } else {
        waits(
            "Trục chưa đăng ký chứng thư TLS của máy này",
            "the hub has not registered this box's TLS certificate",
        )
    })
}

/// Goes on when the hub has seen nothing that this log does not have; else asks for a new epoch.
async fn same_log(relay: &Relay, member: &MemberId, state: &LogState) -> Result<(), Waits> {
    let failed = |error: Error| tried(&error);
    let log = relay.log_of(member).map_err(failed)?;
    let (archive, hub_root) = (log.archive(), decoded(&state.root)?);
    let there = archive.root_at(member, state.size).await;
    if there.map_err(|error| failed(error.into()))? == Some(hub_root) {
        return Ok(());
    }
    let newest = archive
        .newest(member)
        .await
        .map_err(|error| failed(error.into()))?;
    let (size, root) = newest.map_or((0, crate::merkle::empty_root()), |head| {
        (head.size, head.root)
    });
    let ask = EpochAsk {
        member: member.clone(),
        size,
        root: BASE64.encode(&root),
    };
    let now = relay
        .hub
        .ask_epoch(&ask)
        .await
        .map_err(|error| failed(error.into()))?;
    if (now.size, decoded(&now.root)?) == (size, root) {
        return Ok(());
    }
    let command = format!(
        "trucgate agree propose open-epoch {member} --behind {size}:{} --after {}:{}",
        ask.root, now.size, now.root
    );
    Err(Waits {
        reason: Text::new(
            format!(
                "Trục đã thấy {} bản ghi của {member}, bản sao lưu chỉ có {size}",
                now.size
            ),
            format!(
                "the hub has seen {} records of {member}, the backup has {size}",
                now.size
            ),
        ),
        next: Text::new(
            format!(
                "gọi đơn vị vận hành Trục: hai người vận hành Trục đồng ý mở kỳ mới cho nhật ký này: {command}"
            ),
            format!(
                "call the hub's operators: two of them let this log go on behind its older head: {command}"
            ),
        ),
    })
}

fn decoded(root: &str) -> Result<Hash, Waits> {
    let root = BASE64.decode(root.as_bytes()).ok();
    root.and_then(|root| root.try_into().ok())
        .ok_or_else(|| tried(&crate::uplink::Error::Malformed("a root that is none".into()).into()))
}

/// What was collected is offered no more; what was delivered and is not here comes again.
async fn inbox(relay: &Arc<Relay>, member: &MemberId, restored: &Restored) -> Result<(), Error> {
    let since = (restored.made - MARGIN).unix_timestamp() * 1_000;
    let mut after = None;
    loop {
        let given = relay.hub.given(member, since, after).await?;
        let Some(last) = given.packets.last().map(|said| said.packet) else {
            return Ok(());
        };
        let said = given
            .packets
            .iter()
            .map(|said| (said.packet, said.status.clone()));
        let missing = relay
            .spool
            .take_over(member, said.collect(), relay.clock.now())
            .await?;
        for packet in missing {
            let size = given
                .packets
                .iter()
                .find(|said| said.packet == packet)
                .map_or(0, |s| s.size);
            let entry = MailboxEntry {
                packet,
                to: member.clone(),
                size,
            };
            inbound::again(relay, &entry).await?;
        }
        after = Some(last);
    }
}

/// The first record behind a restore says so, and links to the head that the hub had seen.
async fn say_so(
    relay: &Relay,
    member: &MemberId,
    restored: &Restored,
    state: &LogState,
) -> Result<(), Error> {
    let text = format!(
        "restored from backup {} of {}; epoch {} of this log at the hub",
        restored.backup,
        rfc3339(restored.made),
        state.epoch
    );
    let digest = (Digest::of(text.as_bytes()), text.len() as u64);
    // The time of the restore, so that a repetition is the same record.
    let mut record = Record::new(
        RecordKind::Agreement,
        restored.backup,
        digest,
        member.clone(),
        restored.restored,
    );
    record.status = Some("restored".to_owned());
    let own = restored.logs.iter().find(|log| log.member == *member);
    record.reason = Some(match own {
        Some(log) => format!("{text}; behind {}:{}", log.size, log.root),
        None => text,
    });
    let entry = Entry {
        key: format!("restored:{}", restored.id),
        record,
    };
    relay.log_of(member)?.append(entry).await?;
    Ok(())
}

/// Places that the old box had given to packets which are lost: the hub must not wait for them.
async fn give_up(
    relay: &Relay,
    member: &MemberId,
    restored: &Restored,
    places: Vec<(MemberId, u64)>,
) -> Result<(), Error> {
    let own = restored.voids.iter().find(|(own, _)| own == member);
    let (Some((_, void)), false) = (own, places.is_empty()) else {
        return Ok(());
    };
    let mut record = Record::new(
        RecordKind::Void,
        *void,
        (Digest::of(&[]), 0),
        member.clone(),
        restored.restored,
    );
    record.status = Some("failed".to_owned());
    record.reason = Some("lost with the box that was restored".to_owned());
    record.to = places
        .into_iter()
        .map(|(member, sequence)| Addressee { member, sequence })
        .collect();
    let key = format!("void:{void}");
    let proof = relay.log_of(member)?.append(Entry { key, record }).await?;
    relay.announcer_of(member)?.known(&proof.head).await;
    let seal = Seal::from(&proof).encode();
    match relay.hub.put(*void, &seal, None).await {
        // Given up before a power cut.
        Err(error) if error.class() == crate::retry::Class::Refuse => Ok(()),
        other => other.map(drop).map_err(Error::from),
    }
}

fn tried(error: &Error) -> Waits {
    Waits {
        reason: Text::same(error),
        next: Text::new(
            "sửa điều mà lý do nêu (đường tới Trục, đăng ký, token); máy tự thử lại",
            "mend what the reason names (line to the hub, registration, token); it is tried again by itself",
        ),
    }
}
