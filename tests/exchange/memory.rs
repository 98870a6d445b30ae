//! Memory is flat: whatever a document's size, however many packets wait.

use std::path::Path;
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use trucgate::cmd::demo::documents::Draft;
use trucgate::durable::Disk;
use trucgate::https::Content;
use trucgate::packet::Digest;
use trucgate::vxp::{MessageType, Transport};

use crate::world::desks::persist;
use crate::world::machines::Who::{Hub, Receiver, Sender};
use crate::world::{RECEIVERS, SENDER, World, document, received, sending, sent_as, until};

/// What a process may have used at its worst, beside what was read of its executable.
const PEAK: u64 = 40 << 20;

fn soaking() -> bool {
    std::env::var_os("TRUCGATE_SEEDS").is_some()
}

/// Writes the document into a file in flat memory, hashing it on the way.
fn write(draft: &Draft, path: &Path) -> (Digest, u64) {
    struct Hashed(trucgate::durable::Draft, Context, u64);
    impl std::io::Write for Hashed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.append(bytes)?;
            self.1.update(bytes);
            self.2 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let file = Disk::real().draft(path).unwrap();
    let out = std::io::BufWriter::with_capacity(1 << 20, Hashed(file, Context::new(&SHA256), 0));
    let hashed = draft.write(out).unwrap().into_inner().ok().unwrap();
    hashed.0.finish().unwrap();
    (digest(hashed.1), hashed.2)
}

fn digest(hash: Context) -> Digest {
    Digest::from_bytes(hash.finish().as_ref().try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_document_passes_in_flat_memory() {
    let world = World::start();
    let (sender, receiver) = (world.software(SENDER), world.software(RECEIVERS[0]));
    let draft = Draft {
        // Written as base64, a third more.
        attachment: if soaking() { 780 << 20 } else { 150 << 20 },
        ..document(&RECEIVERS[..1], 1)
    };
    let path = world.directory.path().join("huge.edxml");
    let (sent, size) = write(&draft, &path);
    let content = Content::new().then_file(&path, None).await.unwrap();
    let edoc = sending(MessageType::Edoc);
    let reply = sender.send_content(&edoc, content, &sent).await.unwrap();
    let doc = reply.doc_id().unwrap().to_owned();
    let rows = received(&receiver, 1).await;
    let id = rows[0]["docId"].as_str().unwrap();
    let mut answer = receiver.download(id, None).await.unwrap();
    let (mut hash, mut length) = (Context::new(&SHA256), 0);
    while let Some(piece) = answer.body.next().await {
        let piece = piece.unwrap();
        hash.update(&piece);
        length += piece.len() as u64;
    }
    assert_eq!((digest(hash), length), (sent, size));
    let confirmed = receiver.update_status(id, Transport::Done, None).await;
    assert!(confirmed.unwrap().is_ok());
    sent_as(&sender, &doc, Transport::Done).await;
    for who in [Sender, Receiver, Hub] {
        let peak = world.process(who).peak_data().unwrap();
        assert!(peak < PEAK, "{who:?} used {} MiB", peak >> 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_packets_wait_in_flat_memory() {
    let many: u32 = 10_000;
    let mut world = World::start();
    world.kill(Hub);
    let lines: u32 = 16;
    let sending = (0..lines).map(|line| {
        let software = Arc::new(world.plain_software(SENDER));
        tokio::spawn(async move {
            for number in (line..many).step_by(lines as usize) {
                let edxml = document(&RECEIVERS[..1], number).edxml().unwrap();
                persist(software.clone(), edxml).await;
            }
        })
    });
    for sending in sending.collect::<Vec<_>>() {
        sending.await.unwrap();
    }
    let flat = |world: &World| {
        let peak = world.process(Sender).peak_data().unwrap();
        assert!(peak < PEAK, "{} MiB", peak >> 20);
    };
    flat(&world);
    // Nor does it grow when all of them may go, or are found at a start.
    world.kill(Sender);
    world.again(Sender);
    world.again(Hub);
    let receiver = world.software(RECEIVERS[0]);
    for tenth in 1..=10 {
        until(async || {
            let reply = receiver.count(MessageType::Edoc).await.ok()?;
            (reply.count()? >= u64::from(many) * tenth / 10).then_some(())
        })
        .await;
    }
    flat(&world);
}
