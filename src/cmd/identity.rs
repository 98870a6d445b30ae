//! A process's TLS identity behind the signer: fetched when the signer is there, proven, renewed without dropping connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::run::Failure;
use crate::clock::Chance;
use crate::config::Own;
use crate::journal;
use crate::pki::Keeper;
use crate::retry::Backoff;
use crate::signer::{Client, KeyInfo};
use crate::tls::{Credential, Current, SignerKey};

/// How often the signer is asked for a newer chain.
const RENEW: Duration = Duration::from_secs(60);

pub(super) fn signer(own: &Own) -> Result<Client, Failure> {
    Client::new(&own.signer).map_err(Failure::other)
}

/// Presents the TLS key's credential as soon as the signer gives it, and every newer one, with the newest OCSP answer about
/// it; asks anew at each reload. The status of all the signer's certificates is followed.
///
/// Returns when the signer has answered, refused or kept silent once: who is ready beside a signer that is there turns
/// nobody away for want of a certificate, and who is alone starts all the same.
pub(super) async fn present(
    own: &Own,
    signer: Client,
    chance: Chance,
    mut reload: watch::Receiver<u64>,
    keeper: Arc<Keeper>,
) -> Arc<Current> {
    let current = Current::empty();
    keeper.staple(&current);
    let (shown, name) = (current.clone(), own.tls_key.clone());
    let mut asked = newest(&signer, &name, &shown, &keeper).await;
    tokio::spawn(async move {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut told = None;
        loop {
            match asked {
                Ok(()) => {
                    backoff.reset();
                    if told.take().is_some() {
                        journal::line(&journal::ids::SIGNER_BACK)
                            .step("tls credential")
                            .notice("the signer tells its certificates again");
                    }
                    tokio::select! {
                        () = tokio::time::sleep(RENEW) => {}
                        changed = reload.changed() => if changed.is_err() { return },
                    }
                }
                Err(reason) => {
                    if told.as_ref() != Some(&reason) {
                        away(&reason, shown.get().is_some());
                        told = Some(reason);
                    }
                    tokio::time::sleep(backoff.next(&chance)).await;
                }
            }
            asked = newest(&signer, &name, &shown, &keeper).await;
        }
    });
    current
}

/// `shown` is whether there is a credential from before.
fn away(reason: &str, shown: bool) {
    journal::line(&journal::ids::SIGNER_AWAY)
        .step("tls credential")
        .reason(reason)
        .next("check the signer's unit and its token; TLS goes on by itself when it is back")
        .warning(if shown {
            "newer TLS certificates can't be asked for; the one in use stays"
        } else {
            "no TLS credential yet"
        });
}

async fn newest(
    signer: &Client,
    name: &str,
    current: &Current,
    keeper: &Keeper,
) -> Result<(), String> {
    let keys = signer.keys().await.map_err(|error| error.to_string())?;
    let chains: Vec<_> = keys.iter().map(|key| key.chain.clone()).collect();
    present_newest(keys, signer, name, current)?;
    for chain in &chains {
        keeper.watch(chain);
    }
    Ok(())
}

fn present_newest(
    keys: Vec<KeyInfo>,
    signer: &Client,
    name: &str,
    current: &Current,
) -> Result<(), String> {
    let key = keys
        .into_iter()
        .find(|key| key.name == name)
        .ok_or_else(|| format!("the signer has no key {name} for this user"))?;
    if current
        .get()
        .is_some_and(|shown| shown.chain() == key.chain)
    {
        return Ok(());
    }
    let (client, name_of_key) = (signer.clone(), name.to_owned());
    let handle = Arc::new(SignerKey::new(client, name_of_key, &key.chain));
    let credential = Credential::new(key.chain, handle).map_err(|error| error.to_string())?;
    current.replace(credential);
    journal::line(&journal::ids::CERTIFICATE_RELOADED)
        .notice(format_args!("TLS presents key {name}"));
    Ok(())
}
