//! The PKCS#11 module: loaded once, initialised and finalised as often as the token is lost.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, RvError};

use crate::error::{Error, Failure};

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The one PKCS#11 context of this process.
#[derive(Debug)]
pub(crate) struct Module {
    context: Pkcs11,
}

impl Module {
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        if TAKEN.swap(true, Ordering::AcqRel) {
            return Err(Error::InUse);
        }
        match Pkcs11::new(path) {
            Ok(context) => {
                // Modules register exit handlers and threads of their own; unmapping them crashes the process.
                std::mem::forget(context.clone());
                Ok(Self { context })
            }
            Err(error) => {
                TAKEN.store(false, Ordering::Release);
                Err(Error::Module {
                    path: path.to_owned(),
                    detail: error.to_string(),
                })
            }
        }
    }

    /// Initialises the module; whether several threads may call it at the same time.
    pub(crate) fn initialize(&self) -> Result<bool, Failure> {
        let with = |flags| self.context.initialize(CInitializeArgs::new(flags));
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

    /// Every session must be gone before: a handle dropped later could close a session of the next life.
    pub(crate) fn finalize(&self) {
        // A module that lost its token often fails here, and is initialised anew all the same.
        let _ = self.context.clone().finalize();
    }

    pub(crate) fn context(&self) -> &Pkcs11 {
        &self.context
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}
