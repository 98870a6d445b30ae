//! One connection: many requests under way, answered as they are done.

use std::sync::Arc;

use serde::Deserialize;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Semaphore, mpsc, watch};

use super::answer::Desk;
use crate::journal::{self, ids};
use crate::signer::wire::{self, Answer, Reply, Request};

/// Requests of one connection under way; more are not read yet.
const UNDER_WAY: usize = 256;

/// Serves a connection until it ends or the signer stops; requests that were read are answered.
pub(super) async fn serve(
    mut stream: UnixStream,
    desk: Arc<Desk>,
    mut stop: watch::Receiver<bool>,
) {
    let uid = match stream.peer_cred() {
        Ok(peer) if desk.knows(peer.uid()) => peer.uid(),
        Ok(peer) => {
            let why = format!("user {} may use no key", peer.uid());
            refuse(peer.uid(), &why);
            let answer = Answer {
                id: wire::EVERY,
                reply: Reply::Refused(why),
            };
            if let Ok(frame) = wire::frame(&answer) {
                // Told once, read or not.
                let _ = stream.write_all(&frame).await;
            }
            return;
        }
        Err(_) => return,
    };
    let (read, write) = stream.into_split();
    let mut read = BufReader::new(read);
    let (answers, ready) = mpsc::channel::<Answer>(UNDER_WAY);
    let writer = tokio::spawn(send(write, ready));
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let bytes = tokio::select! {
            read = wire::read(&mut read, wire::LONGEST_REQUEST) => match read {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(error) => {
                    refuse(uid, &error.to_string());
                    break;
                }
            },
            () = super::told_to(&mut stop) => break,
        };
        let request = match wire::content::<Request>(&bytes) {
            Ok(request) => request,
            Err(error) => {
                refuse(uid, &error.to_string());
                // It may be a newer client's: it is told what is not known here.
                let Some(answer) = not_understood(&bytes, &error) else {
                    break;
                };
                if answers.send(answer).await.is_err() {
                    break;
                }
                continue;
            }
        };
        let (desk, answers) = (Arc::clone(&desk), answers.clone());
        tokio::spawn(async move {
            let reply = desk.answer(uid, request.ask).await;
            // A peer that has gone misses its answer; the ledger knows what was signed.
            let _ = answers
                .send(Answer {
                    id: request.id,
                    reply,
                })
                .await;
            drop(place);
        });
    }
    drop(answers);
    let _ = writer.await;
}

async fn send(mut stream: OwnedWriteHalf, mut ready: mpsc::Receiver<Answer>) {
    while let Some(answer) = ready.recv().await {
        let id = answer.id;
        let frame = wire::frame(&answer).or_else(|error| {
            wire::frame(&Answer {
                id,
                reply: Reply::Halted(error.to_string()),
            })
        });
        match frame {
            Ok(frame) if stream.write_all(&frame).await.is_ok() => {}
            _ => break,
        }
    }
}

fn not_understood(bytes: &[u8], error: &serde_json::Error) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    let Numbered { id } = wire::content(bytes).ok()?;
    Some(Answer {
        id,
        reply: Reply::Refused(format!("not understood: {error}")),
    })
}

fn refuse(uid: u32, why: &str) {
    journal::line(&ids::SIGNER_REFUSED)
        .peer(format_args!("uid {uid}"))
        .reason(why)
        .next("look at who connects to the signer's socket")
        .say("a connection to the signer was refused");
}
