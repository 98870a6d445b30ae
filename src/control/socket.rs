//! The local way in: a Unix socket whose peers the kernel names.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};

use super::LONGEST;
use super::desk::{Asker, Desk};
use super::message::{Answer, Ask};
use crate::durable::Disk;
use crate::gauge::Text;
use crate::journal::{self, ids};
use crate::signer::wire;

/// Questions at a time.
const CONNECTIONS: usize = 16;
/// How long a peer may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket that listens.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    allow: Vec<u32>,
}

impl Socket {
    /// Listens at `path` for the users `allow`; root is always among them.
    ///
    /// # Errors
    /// When the place can't be had.
    pub fn bind(disk: &Disk, path: &Path, mut allow: Vec<u32>) -> io::Result<Self> {
        // Left behind by a process that was killed.
        disk.remove(path)?;
        let listener = UnixListener::bind(path)?;
        // Whoever connects is known by the kernel.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        allow.push(0);
        Ok(Self { listener, allow })
    }

    /// Answers until `stop` turns true or its sender is gone.
    pub async fn serve(self, desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
        let (allow, room) = (Arc::new(self.allow), Arc::new(Semaphore::new(CONNECTIONS)));
        loop {
            let Ok(place) = room.clone().acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of descriptors, most likely: a connection that ends gives one back.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (desk, allow) = (desk.clone(), allow.clone());
            tokio::spawn(async move {
                // A peer that has gone needs no answer.
                let _ = tokio::time::timeout(PATIENCE * 3, one(stream, &desk, &allow)).await;
                drop(place);
            });
        }
    }
}

async fn one(mut stream: UnixStream, desk: &Desk, allow: &[u32]) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let answer = if allow.contains(&uid) {
        let longest = usize::try_from(LONGEST).unwrap_or(usize::MAX);
        let asked = tokio::time::timeout(PATIENCE, wire::read(&mut stream, longest)).await??;
        match serde_json::from_slice::<Ask>(&asked.unwrap_or_default()) {
            Ok(ask) => desk.answer(&Asker::Local(uid), ask).await,
            Err(error) => not_understood(&error),
        }
    } else {
        journal::line(&ids::OPERATOR_REFUSED)
            .peer(format_args!("uid {uid}"))
            .reason("this user is not allowed at the control socket")
            .next("name the user under [control] allow, if it is to ask")
            .say("a stranger at the control socket was refused");
        Answer::Refused(Text::new(
            format!("người dùng {uid} không được hỏi ở đây; khai báo trong [control] allow"),
            format!("user {uid} may not ask here; name it under [control] allow"),
        ))
    };
    stream.write_all(&wire::frame(&answer)?).await?;
    stream.shutdown().await
}

/// A newer client's question, perhaps: it is told what is not known here.
pub(super) fn not_understood(error: &serde_json::Error) -> Answer {
    Answer::Refused(Text::new(
        format!("không hiểu câu hỏi: {error}"),
        format!("not understood: {error}"),
    ))
}
