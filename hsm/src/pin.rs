//! The PIN: wiped when dropped, shown nowhere.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

const LONGEST: u64 = 256;

/// A token's PIN. It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Takes over a PIN.
    #[must_use]
    pub fn new(pin: String) -> Self {
        Self(Zeroizing::new(pin))
    }

    /// Reads a PIN of at most 256 bytes from a credential file; one line end behind it is not part of it.
    ///
    /// # Errors
    /// When the file can't be read, is too long, empty or not UTF-8.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
        std::fs::File::open(path)?
            .take(LONGEST + 1)
            .read_to_string(&mut text)?;
        let pin = text.strip_suffix('\n').unwrap_or(&text);
        let pin = pin.strip_suffix('\r').unwrap_or(pin);
        if pin.is_empty() || text.len() as u64 > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a PIN has 1 to 256 bytes",
            ));
        }
        Ok(Self::new(pin.to_owned()))
    }

    pub(crate) fn auth(&self) -> AuthPin {
        AuthPin::new(self.0.as_str().into())
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_line_end_is_not_part_of_the_pin_and_debug_hides_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"12 34\r\n").unwrap();
        let pin = Pin::read(file.path()).unwrap();
        assert_eq!(pin.0.as_str(), "12 34");
        assert_eq!(format!("{pin:?}"), "Pin(..)");
        assert!(Pin::read(tempfile::NamedTempFile::new().unwrap().path()).is_err());
    }
}
