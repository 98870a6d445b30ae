//! The signer's process: alone with the token, asked through a socket whose peers the kernel names.

mod answer;
mod connection;
mod keys;
mod tokens;

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hsm::State;
use nix::unistd::User;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::config::Who;
use super::{Config, Error};
use crate::clock::Clock;
use crate::durable::Disk;
use crate::journal::{self, ids};
use crate::systemd::Credentials;
use answer::Desk;
use tokens::{Tokens, Which};

/// Connections at a time: a handful of processes with one each is what is expected.
const CONNECTIONS: usize = 64;
/// How long the start waits for the token's first answer before it serves without.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// A signer that listens.
#[derive(Debug)]
pub struct Server {
    desk: Arc<Desk>,
    listener: UnixListener,
}

/// Binds and serves until `stop` turns true or its sender is gone.
///
/// # Errors
/// As [`Server::bind`] and [`Server::serve`].
pub async fn run(
    config: Config,
    disk: Disk,
    clock: Clock,
    stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    Server::bind(config, disk, clock).await?.serve(stop).await
}

impl Server {
    /// Opens the token pool, proves each key against its certificate if the token is there, and listens.
    ///
    /// A token that is away is no error: requests are told to come again, and keys are proven when it returns.
    ///
    /// # Errors
    /// When configuration, certificates, ledgers or module can't be used, or a key is not its certificate's.
    pub async fn bind(config: Config, disk: Disk, clock: Clock) -> Result<Self, Error> {
        let io = |what: &Path, error: std::io::Error| {
            Error::Broken(format!("{}: {error}", what.display()))
        };
        config.check()?;
        let keys = keys::load(&config)?;
        disk.make_dir(&config.heads)
            .map_err(|error| io(&config.heads, error))?;
        let credentials = Credentials::from_environment();
        let standby = config.standby_pool(&credentials)?;
        let tokens = Tokens::start(config.pool(&credentials)?, standby)?;
        let desk = Desk::new(&config, keys, tokens, disk.clone(), clock)?;
        desk.first_look(FIRST_LOOK).await?;
        // A socket left behind by a process that was killed.
        disk.remove(&config.socket)
            .map_err(|error| io(&config.socket, error))?;
        let listener =
            UnixListener::bind(&config.socket).map_err(|error| io(&config.socket, error))?;
        // Whoever connects is known by the kernel and judged key by key.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&config.socket, open)
            .map_err(|error| io(&config.socket, error))?;
        Ok(Self {
            desk: Arc::new(desk),
            listener,
        })
    }

    /// A handle that puts renewed certificates and other keys in force while the signer serves.
    #[must_use]
    pub fn reload(&self) -> Reload {
        Reload(Arc::downgrade(&self.desk))
    }

    /// Serves until `stop` turns true or its sender is gone, then finishes what is under way and gives the token up.
    ///
    /// # Errors
    /// When a key turns out not to be its certificate's once the token is there.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let Self { desk, listener } = self;
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        let stopping = stop.clone();
        let token = attend(Arc::clone(&desk), Which::First);
        tokio::pin!(token);
        let second = tokio::spawn(attend_standby(Arc::clone(&desk)));
        let outcome = loop {
            tokio::select! {
                () = told_to(&mut stop) => break Ok(()),
                broken = &mut token => break Err(broken),
                Some(_) = connections.join_next() => {}
                accepted = listener.accept(), if room.available_permits() > 0 => {
                    let Ok((stream, _)) = accepted else {
                        // Out of descriptors, most likely: the next connection that ends gives one back.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    };
                    let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                        continue;
                    };
                    let (desk, stop) = (Arc::clone(&desk), stopping.clone());
                    connections.spawn(async move {
                        connection::serve(stream, desk, stop).await;
                        drop(place);
                    });
                }
            }
        };
        drop(listener);
        second.abort();
        if outcome.is_ok() {
            while connections.join_next().await.is_some() {}
        } else {
            connections.shutdown().await;
        }
        // Joins the token's threads and finalises the module before the process ends.
        let _ = tokio::task::spawn_blocking(move || desk.stop()).await;
        outcome
    }
}

/// Puts renewed certificates in force; see [`Server::reload`].
#[derive(Clone, Debug)]
pub struct Reload(Weak<Desk>);

impl Reload {
    /// Reads `config.keys` and their certificates anew. They are in force when every pair is proven by a test
    /// signature; until then, and on any error, what was in force stays. Token, PIN and socket are not reread.
    ///
    /// # Errors
    /// When a certificate can't be read or is not its key's, the token is away, or the signer has ended.
    pub async fn keys(&self, config: &Config) -> Result<(), Error> {
        let desk = self
            .0
            .upgrade()
            .ok_or_else(|| Error::Broken("the signer has ended".into()))?;
        config.check()?;
        desk.replace_keys(keys::load(config)?).await?;
        journal::line(&ids::CERTIFICATE_RELOADED)
            .count(config.keys.len() as u64)
            .say("the signer's keys and certificates were read anew");
        Ok(())
    }
}

/// As [`attend`] for the second token, if there is one: what is wrong with it ends nothing, it only does not serve.
async fn attend_standby(desk: Arc<Desk>) {
    if desk.tokens().all().any(|which| which == Which::Standby) {
        let broken = attend(desk, Which::Standby).await;
        journal::line(&ids::TOKEN_AWAY)
            .reason(&broken)
            .next("mend what the reason names, then restart the signer")
            .say("the second token does not serve");
    }
}

/// Tells the journal how a token stands and proves keys when it comes; returns when a key is not its certificate's.
async fn attend(desk: Arc<Desk>, which: Which) -> Error {
    let named = match which {
        Which::First => "the token",
        Which::Standby => "the second token",
    };
    let mut states = desk.watch(which);
    let mut away = false;
    loop {
        let state = states.borrow_and_update().clone();
        match state {
            State::Ready(_) => {
                if away {
                    journal::line(&ids::TOKEN_BACK).say(format_args!("{named} answers again"));
                    away = false;
                }
                if let Err(error @ Error::Broken(_)) = desk.prove_all(which).await {
                    return error;
                }
            }
            State::Away(why) | State::LoginFailed(why) if !away => {
                away = true;
                journal::line(&ids::TOKEN_AWAY)
                    .reason(&why)
                    .next("look at the token, its network and its service; the signer goes on by itself")
                    .say(format_args!("{named} does not answer"));
            }
            State::Halted(why) => {
                journal::line(&ids::PIN_WRONG)
                    .reason(&why)
                    .next("put the right PIN in place, then restart the signer")
                    .say(format_args!(
                        "{named} refuses the signer; nothing is tried again"
                    ));
            }
            _ => {}
        }
        if states.changed().await.is_err() {
            return Error::Broken("the token pool has ended".into());
        }
    }
}

/// Waits until the signer is told to stop.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone can't tell any more: that is a stop, too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The numbers of users who may ask for something.
///
/// # Errors
/// When a name belongs to nobody.
pub fn users(allow: &[Who]) -> Result<Vec<u32>, Error> {
    allow
        .iter()
        .map(|who| match who {
            Who::Uid(uid) => Ok(*uid),
            Who::Name(name) => match User::from_name(name) {
                Ok(Some(user)) => Ok(user.uid.as_raw()),
                Ok(None) => Err(Error::Broken(format!("no user is called {name}"))),
                Err(error) => Err(Error::Broken(format!("user {name}: {error}"))),
            },
        })
        .collect()
}
