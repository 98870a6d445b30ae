//! Ready means ready: whoever connects then is shown a certificate, however slow the signer was.

use std::path::Path;
use std::time::Duration;

use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use trucgate::cmd::demo::exchange::is;
use trucgate::journal::ids;

use crate::world::machines::Who::{self, Hub, Sender};
use crate::world::{PATIENCE, World};

/// What the signer takes to answer here; a start without it is a small part of that.
const SLOW: Duration = Duration::from_secs(1);

/// A signer at `there` that is as slow as [`SLOW`], with `signer` behind it.
fn slow_signer(there: &Path, signer: &Path) {
    let (listener, signer) = (UnixListener::bind(there).unwrap(), signer.to_owned());
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (asks, answered) = near.into_split();
            let (answers, asked) = UnixStream::connect(&signer).await.unwrap().into_split();
            tokio::spawn(pass(asks, asked, Duration::ZERO));
            tokio::spawn(pass(answers, answered, SLOW));
        }
    });
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, after: Duration) {
    tokio::time::sleep(after).await;
    // Whoever is killed in the middle of it is no matter here.
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

/// Starts `who` beside a slow signer and sees in which order it says things.
fn certificate_first(world: &mut World, who: Who) {
    let machine = world.machine(who);
    let (slow, signer) = (machine.directory.join("slow.sock"), machine.signer_socket());
    let config = machine.config();
    slow_signer(&slow, &signer);
    world.rewrite(&config, &signer.to_string_lossy(), &slow.to_string_lossy());
    world.kill(who);
    world.again(who);
    let process = world.process(who);
    let at = |id| process.line(0, PATIENCE, |line| is(line, id));
    let (certificate, _) = at(&ids::CERTIFICATE_RELOADED).unwrap();
    let (ready, _) = at(&ids::READY).unwrap();
    assert!(
        certificate < ready,
        "line {certificate}, and ready in {ready}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_slow_signer_ready_comes_after_the_certificate() {
    let mut world = World::start();
    certificate_first(&mut world, Sender);
    certificate_first(&mut world, Hub);
}
