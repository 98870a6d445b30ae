//! What a box that was restored from a backup asks the hub before it works again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{EPOCHS, Error, GIVEN, Hub, LOG};
use crate::packet::{MemberId, PacketId};

/// What the hub has seen of a member's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    /// Records under the newest head.
    pub size: u64,
    /// Root over them, base64.
    pub root: String,
    /// Number of the log's epoch: 1 until a second one was opened.
    pub epoch: u64,
    /// Places in the order between the member and those that it wrote to.
    pub pairs: Vec<Pair>,
}

/// Places in the order between a member and one code that it wrote to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The code, as it was written.
    pub to: MemberId,
    /// The last place that is taken.
    pub last: u64,
    /// Places before it that are not.
    pub missing: Vec<u64>,
}

/// Asks for a new epoch of a log, behind an older head than the hub has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochAsk {
    /// Whose log.
    pub member: MemberId,
    /// Records that the restored log has.
    pub size: u64,
    /// Root over them, base64.
    pub root: String,
}

/// Packets of which a member gave receipts, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// One each; none at the end.
    pub packets: Vec<Said>,
}

/// What a member said last of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The packet.
    pub packet: PacketId,
    /// Bytes of its body.
    pub size: u64,
    /// `delivered`, `collected` or `failed`.
    pub status: String,
}

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(60);

impl Hub {
    /// What the hub has seen of a member's log.
    ///
    /// # Errors
    /// When the hub can't be asked, or the member is not this box's.
    pub async fn log(&self, member: &MemberId) -> Result<LogState, Error> {
        let path = format!("{LOG}?member={member}");
        super::client::json(self.get(&path, DEADLINE).await?).await
    }

    /// Asks for a new epoch of a log; the same again is the same question.
    ///
    /// # Errors
    /// Refuse when the hub knows another history up to that head.
    pub async fn ask_epoch(&self, ask: &EpochAsk) -> Result<LogState, Error> {
        self.post(EPOCHS, ask, DEADLINE).await
    }

    /// Packets of which a member gave receipts since `since` (milliseconds), behind packet `after`.
    ///
    /// # Errors
    /// When the hub can't be asked.
    pub async fn given(
        &self,
        member: &MemberId,
        since: i64,
        after: Option<PacketId>,
    ) -> Result<Given, Error> {
        let mut path = format!("{GIVEN}?member={member}&since={since}");
        if let Some(after) = after {
            path += &format!("&after={after}");
        }
        super::client::json(self.get(&path, DEADLINE).await?).await
    }
}
