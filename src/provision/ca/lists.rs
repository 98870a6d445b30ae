//! Revocation, and the lists that tell of it.

use super::index::Index;
use super::{Ca, Which, told};
use crate::trust::issue::Reason;

impl Ca {
    /// Revokes a certificate by its serial number (hex) and makes the lists anew; repeated it changes nothing more.
    ///
    /// # Errors
    /// When no certificate of that serial was issued here.
    pub fn revoke(&self, serial: &str, reason: Reason) -> Result<(), String> {
        let serial = serial.replace(':', "").to_ascii_lowercase();
        let mut index = Index::read(&self.layout)?;
        if !index.revoke(&serial, self.clock.now(), reason) {
            return Err(format!(
                "CA này không cấp chứng thư số sê-ri {serial} / no certificate of serial {serial} was issued here; see {}",
                self.layout.index().display()
            ));
        }
        index.write(&self.layout.index(), &self.disk)?;
        self.renew_lists(self.settings.list_days)
    }

    /// Makes all three lists anew, good for `days` from now.
    ///
    /// # Errors
    /// What the token or the disk refuses.
    pub fn renew_lists(&self, days: u16) -> Result<(), String> {
        let index = Index::read(&self.layout)?;
        let now = self.clock.now();
        for which in Which::ALL {
            let list = self
                .authority(which)?
                .revocation_list(
                    &index.revoked_by(which),
                    now,
                    now + time::Duration::days(i64::from(days)),
                )
                .map_err(told)?;
            let path = self.layout.list(which);
            self.disk
                .replace(&path, &list)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }
}
