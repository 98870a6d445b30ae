//! Ready means ready: whoever connects then is shown a certificate, however slow the signer was.

use std::io::copy;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use trucgate::cmd::demo::exchange::is;
use trucgate::journal::ids;

use crate::world::machines::Who::{self, Hub, Sender};
use crate::world::{PATIENCE, World};

/// What the signer takes to answer here; a start without it is a small part of that.
const SLOW: Duration = Duration::from_secs(1);

/// A signer at `there` that is as slow as [`SLOW`], with `signer` behind it.
fn slow_signer(there: &Path, signer: &Path) {
    let (listener, signer) = (UnixListener::bind(there).unwrap(), signer.to_owned());
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), UnixStream::connect(&signer).unwrap());
            let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
            std::thread::spawn(move || pass(&near, &far));
            std::thread::spawn(move || {
                std::thread::sleep(SLOW);
                pass(&back.0, &back.1);
            });
        }
    });
}

fn pass(mut from: &UnixStream, mut to: &UnixStream) {
    let _ = copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
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
