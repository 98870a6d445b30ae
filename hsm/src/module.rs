//! PKCS#11 modules: each loaded once, initialised and finalised as often as a token of it is lost.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, RvError};

use crate::error::{Error, Failure};

/// The modules in use, each with its one context of this process.
static LOADED: Mutex<Vec<Weak<Loaded>>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Loaded {
    path: PathBuf,
    /// A workbench shares its context with nobody.
    alone: bool,
    context: Pkcs11,
    lives: Mutex<Lives>,
}

/// Who is between initialise and finalise.
#[derive(Debug, Default)]
struct Lives {
    count: usize,
    /// Whether several threads may call the module at the same time.
    locks: bool,
}

/// One user's hold on a module. Two pools may hold the same one, for two tokens behind it.
#[derive(Debug)]
pub(crate) struct Module {
    loaded: Arc<Loaded>,
    /// Whether this user is between initialise and finalise.
    inside: Mutex<bool>,
}

impl Module {
    /// A hold that may be shared with other pools.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        Self::hold(path, false)
    }

    /// A hold that nobody else has.
    pub(crate) fn load_alone(path: &Path) -> Result<Self, Error> {
        Self::hold(path, true)
    }

    fn hold(path: &Path, alone: bool) -> Result<Self, Error> {
        let mut all = lock(&LOADED);
        all.retain(|one| one.strong_count() > 0);
        // The loader knows a file by where it really lies; a bare name is left to its search path.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let known = all
            .iter()
            .filter_map(Weak::upgrade)
            .find(|one| one.path == path);
        let loaded = match known {
            Some(known) if alone || known.alone => return Err(Error::InUse),
            Some(known) => known,
            None => {
                let context = Pkcs11::new(&path).map_err(|error| Error::Module {
                    path: path.clone(),
                    detail: error.to_string(),
                })?;
                // Modules register exit handlers and threads of their own; unmapping them crashes the process.
                std::mem::forget(context.clone());
                let lives = Mutex::default();
                let loaded = Arc::new(Loaded {
                    path,
                    alone,
                    context,
                    lives,
                });
                all.push(Arc::downgrade(&loaded));
                loaded
            }
        };
        Ok(Self {
            loaded,
            inside: Mutex::new(false),
        })
    }

    /// Initialises the module unless another user has; whether several threads may call it at the same time.
    pub(crate) fn initialize(&self) -> Result<bool, Failure> {
        let mut lives = lock(&self.loaded.lives);
        if lives.count == 0 {
            lives.locks = self.initialize_first()?;
        }
        lives.count += 1;
        *lock(&self.inside) = true;
        Ok(lives.locks)
    }

    fn initialize_first(&self) -> Result<bool, Failure> {
        let with = |flags| self.context().initialize(CInitializeArgs::new(flags));
        let (done, locks) = match with(CInitializeFlags::OS_LOCKING_OK) {
            Err(Pkcs11Error::Pkcs11(RvError::CantLock, _)) => {
                (with(CInitializeFlags::empty()), false)
            }
            done => (done, true),
        };
        match done {
            Ok(()) | Err(Pkcs11Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(locks),
            Err(error) => Err(error.into()),
        }
    }

    /// Finalises the module when its last user leaves. Every session of this user must be gone before: a handle dropped
    /// later could close a session of the next life.
    pub(crate) fn finalize(&self) {
        if !std::mem::take(&mut *lock(&self.inside)) {
            return;
        }
        let mut lives = lock(&self.loaded.lives);
        lives.count -= 1;
        if lives.count == 0 {
            // A module that lost its token often fails here, and is initialised anew all the same.
            let _ = self.context().clone().finalize();
        }
    }

    pub(crate) fn context(&self) -> &Pkcs11 {
        &self.loaded.context
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        self.finalize();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
