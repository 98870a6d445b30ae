//! The register at boxes: changes travel as differences, a directory of a whole state costs little memory, and what was changed
//! on the disk is noticed.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{Seek, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use serde_json::Value;
use trucgate::clock::Clock;
use trucgate::config::{self, RelayConfig};
use trucgate::durable::Disk;
use trucgate::hub::SCHEMAS;
use trucgate::hub::admin::Change;
use trucgate::journal::ids;
use trucgate::relay::Directories;
use trucgate::store::Store;
use trucgate::trust::directory::{Directory, Fingerprint};
use trucgate::uplink;

use crate::world::boxes::{box_with, enter, stolen, to_hub};
use crate::world::machines::Who::{self, Hub, Receiver, Sender};
use crate::world::operators::admin;
use crate::world::{PATIENCE, RECEIVERS, SENDER, World, collect, document, member, send, write};

/// Enters a table at the hub; gives how long that took.
fn import(world: &World, table: &str) -> Duration {
    let file = world.directory.path().join("members.csv");
    write(&file, table);
    let begun = Instant::now();
    admin(world, &[OsStr::new("import"), file.as_os_str()]);
    begun.elapsed()
}

fn described(code: &str, contact: &str) -> Change {
    let text = format!(r#"{{"describe-member":{{"code":"{code}","contact":"{contact}"}}}}"#);
    serde_json::from_str(&text).unwrap()
}

/// Waits until a box has a newer directory; gives the way in which it came.
fn updated(world: &World, who: Who, from: usize, patience: Duration) -> String {
    let line = world.process(who).line(from, patience, is_updated);
    line.unwrap().1["STEP"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn is_updated(line: &Value) -> bool {
    line["MESSAGE_ID"] == ids::DIRECTORY_UPDATED.message_id
}

/// The directory as it lies at a box.
fn kept(world: &World, who: Who) -> Option<std::sync::Arc<Directory>> {
    let config: RelayConfig = config::load(&world.machine(who).config()).unwrap();
    let file = config.own.state.join("directory");
    let directories = Directories::new(Disk::real(), file, config.hub.code);
    let trust = config.trust.load().unwrap();
    directories.grounds(trust, &Clock::system()).directory
}

fn units(count: u32) -> String {
    let mut table = "code,id,name,contact\n".to_owned();
    for id in 0..count {
        writeln!(table, "U{id:06},{},Đơn vị {id},", 1_000 + id).unwrap();
    }
    table
}

/// What the hub answers a box that has version `have`: the media type and how many bytes.
async fn answered(world: &World, have: u64, differences: &str) -> (String, usize) {
    let client = to_hub(
        &world.exchange.lab,
        Some(stolen(world.machine(Sender)).await),
    );
    let path = format!("{}?have={have}&wait=0{differences}", uplink::DIRECTORY);
    let mut answer = client.get(&path, Duration::from_secs(30)).await.unwrap();
    let kind = answer.headers["content-type"].to_str().unwrap().to_owned();
    let body = answer.body.read_all(64 << 20).await.unwrap();
    (kind, body.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_register_travels_as_a_difference() {
    let mut world = World::start();
    let lines = [Sender, Receiver].map(|who| (who, world.process(who).lines()));
    import(&world, &units(2_000));
    for (who, from) in lines {
        assert_eq!(updated(&world, who, from, PATIENCE), "whole", "{who:?}");
    }
    let before = kept(&world, Sender).unwrap();
    let lines = [Sender, Receiver].map(|who| (who, world.process(who).lines()));
    enter(&world.exchange, &[described("U000700", "Bà Mai")]);
    for (who, from) in lines {
        assert_eq!(
            updated(&world, who, from, PATIENCE),
            "difference",
            "{who:?}"
        );
        let listed = kept(&world, who).unwrap();
        assert_eq!(listed.version, before.version + 1);
        assert_eq!(listed.find(&member("U000700")).unwrap().contact, "Bà Mai");
        assert_eq!(listed.count(), before.count());
    }
    let (kind, small) = answered(&world, before.version, "&differences=1").await;
    assert_eq!(kind, uplink::DIFFERENCE);
    // A box of an earlier release does not ask for differences and gets none.
    let (kind, whole) = answered(&world, before.version, "").await;
    assert_eq!(kind, "application/octet-stream");
    let seal = usize::try_from(whole as u64 - before.length()).unwrap();
    assert!(
        small < seal + 1_500 && small * 10 < whole,
        "{small} of {whole} bytes"
    );

    // A difference that lies: it does not make what the hub sealed, so the box asks for the whole.
    world.kill(Receiver);
    enter(&world.exchange, &[described("U000800", "Ông Ba")]);
    let database = world.machine(Hub).state().join("hub.db");
    let store = Store::open(database, Disk::real(), SCHEMAS).unwrap();
    let silenced = store.write(|tx| {
        let nothing = r#"{"members":[],"boxes":[]}"#;
        let newest = "UPDATE hub_directory_step SET touched = ?1
                      WHERE version = (SELECT max(version) FROM hub_directory_step)";
        Ok::<_, trucgate::store::Error>(tx.execute(newest, [nothing])?)
    });
    assert_eq!(silenced.await.unwrap(), 1);
    world.again(Receiver);
    assert_eq!(updated(&world, Receiver, 0, PATIENCE), "whole");
    let listed = kept(&world, Receiver).unwrap();
    assert_eq!(listed.find(&member("U000800")).unwrap().contact, "Ông Ba");
    send_one(&world).await;
}

async fn send_one(world: &World) {
    let (sender, receiver) = (world.software(SENDER), world.software(RECEIVERS[0]));
    send(&sender, document(&RECEIVERS[..1], 1).edxml().unwrap()).await;
    collect(&receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_changed_on_the_disk_ends_the_box_and_is_fetched_anew() {
    let mut world = World::start();
    let from = world.process(Sender).lines();
    import(&world, &units(500));
    updated(&world, Sender, from, PATIENCE);
    let path = world.machine(Sender).state().join("directory");
    let bytes = std::fs::read(&path).unwrap();
    let name = "Đơn vị 300".as_bytes();
    let at = bytes.windows(name.len()).position(|part| part == name);
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(at.unwrap() as u64)).unwrap();
    file.write_all("Đơn vị 999".as_bytes()).unwrap();
    // Whoever asks for the list gets no wrong name: the box ends instead.
    let software = world.software(SENDER);
    let from = world.process(Sender).lines();
    assert!(software.agencies().await.is_err());
    let refused = |line: &Value| line["MESSAGE_ID"] == ids::DIRECTORY_REFUSED.message_id;
    let line = world
        .process(Sender)
        .line(from, PATIENCE, refused)
        .unwrap()
        .1;
    assert_eq!(line["REASON"], "it was changed in its place");
    drop(world.slot(Sender).take());
    world.again(Sender);
    world.process(Sender).line(0, PATIENCE, refused).unwrap();
    assert_eq!(updated(&world, Sender, 0, PATIENCE), "whole");
    let listed = kept(&world, Sender).unwrap();
    assert_eq!(listed.find(&member("U000300")).unwrap().name, "Đơn vị 300");
    send_one(&world).await;
}

/// Members of a whole state.
const STATE: u32 = 120_000;
/// What they may cost a box.
const GROWTH: u64 = 16 << 20;
/// How long a directory of a state may take to every box.
const LONG: Duration = Duration::from_secs(300);

/// Each with all codes, a certificate, and one of sixty boxes.
fn state() -> String {
    let mut table =
        "code,code102,old_code,id,pid,name,mail,level,parent,box_code,seal,contact\n".to_owned();
    for id in 0..STATE {
        let (province, unit) = (id / 2_000, id % 2_000);
        let print = ring::digest::digest(&ring::digest::SHA256, &id.to_be_bytes());
        let print: [u8; 32] = print.as_ref().try_into().unwrap();
        writeln!(
            table,
            "P{province:02}.{unit:04},{:03}.{:02}.{province:02}.P09,{unit:04}.{province:02}.OLD,{},{province},\
             Ủy ban nhân dân xã số {unit} tỉnh {province},vanthu.{unit}@tinh{province}.gov.vn,3,P{province:02},\
             {},{},Ông Nguyễn Văn {unit}",
            unit / 100, unit % 100, 10_000 + id, box_of(province), Fingerprint(print),
        )
        .unwrap();
    }
    table
}

fn box_of(province: u32) -> String {
    format!("10.{province:02}.W00")
}

/// Memory now and at its worst.
fn memory(world: &World, who: Who) -> (u64, u64) {
    let status = format!("/proc/{}/status", world.process(who).id());
    let status = std::fs::read_to_string(status).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes << 10
    };
    (of("VmRSS:"), of("VmHWM:"))
}

fn grown(what: &str, (few, few_peak): (u64, u64), (many, many_peak): (u64, u64)) {
    let [by, peak_by] = [many.saturating_sub(few), many_peak.saturating_sub(few_peak)];
    println!(
        "{what}: {} KiB, by {} KiB; at its worst {} KiB, by {} KiB",
        many >> 10,
        by >> 10,
        many_peak >> 10,
        peak_by >> 10
    );
    assert!(by <= GROWTH && peak_by <= GROWTH, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; `make test-register` runs it"]
async fn a_directory_of_120_000_costs_a_box_less_than_16_mib() {
    let mut world = World::start();
    let boxes: Vec<Change> = (0..STATE / 2_000)
        .map(|province| {
            let print = Fingerprint::of(box_of(province).as_bytes());
            box_with(&box_of(province), vec![print])
        })
        .collect();
    enter(&world.exchange, &boxes);
    // A start that finds a directory, as it will be with the great one.
    world.kill(Receiver);
    world.again(Receiver);
    send_one(&world).await;
    let few = [Sender, Receiver].map(|who| memory(&world, who));

    let lines = [Sender, Receiver].map(|who| (who, world.process(who).lines()));
    let took = import(&world, &state());
    println!("imported in {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    for (who, from) in lines {
        assert_eq!(updated(&world, who, from, LONG), "whole");
    }
    send_one(&world).await;
    grown("whole, sender", few[0], memory(&world, Sender));
    grown("whole, receiver", few[1], memory(&world, Receiver));

    for round in 0..3 {
        let lines = [Sender, Receiver].map(|who| (who, world.process(who).lines()));
        let begun = Instant::now();
        let change = described(&format!("P07.{round:04}"), "Bà Trần Thị B");
        enter(&world.exchange, &[change]);
        for (who, from) in lines {
            assert_eq!(updated(&world, who, from, LONG), "difference");
        }
        println!("a change at both boxes after {:?}", begun.elapsed());
    }
    send_one(&world).await;
    grown("differences, sender", few[0], memory(&world, Sender));
    let version = kept(&world, Sender).unwrap().version;
    let (kind, length) = answered(&world, version - 3, "&differences=1").await;
    println!("three changes on the wire: {length} bytes");
    assert_eq!(kind, uplink::DIFFERENCE);
    assert!(length < 16 << 10, "{length}");

    world.kill(Receiver);
    world.again(Receiver);
    send_one(&world).await;
    grown("start, receiver", few[1], memory(&world, Receiver));
    looked_up(&kept(&world, Receiver).unwrap());
}

/// Look-ups in the box's own file, each of another member.
fn looked_up(directory: &Directory) {
    assert!(directory.count() > STATE as usize);
    let mut times: Vec<Duration> = (0..20_000_u32)
        .map(|at| {
            let id = at.wrapping_mul(7_919) % STATE;
            let (province, unit) = (id / 2_000, id % 2_000);
            let code = match at % 3 {
                0 => format!("P{province:02}.{unit:04}"),
                1 => format!("{:03}.{:02}.{province:02}.P09", unit / 100, unit % 100),
                _ => format!("{unit:04}.{province:02}.OLD"),
            };
            let code = member(&code);
            let begun = Instant::now();
            let found = directory.find(&code);
            let took = begun.elapsed();
            assert_eq!(found.unwrap().id, u64::from(10_000 + id));
            took
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100];
    println!(
        "look-ups: median {:?}, 99 of 100 within {:?}",
        at(50),
        at(99)
    );
    // Built for tests it takes three to five times as long as released.
    assert!(at(50) < Duration::from_micros(200), "{:?}", at(50));
}
