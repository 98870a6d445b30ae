//! The hub's own head, for the boxes that witness it.

use data_encoding::BASE64;

use super::{Error, Hub};
use crate::https::{Response, StatusCode};
use crate::uplink::HubHead;

/// Gives the newest head of the hub's log, shown to continue the one of `from` records.
///
/// # Errors
/// [`Error::Missing`] while there is none, [`Error::Call`] when the log was never that long.
pub(super) async fn get(hub: &Hub, from: u64) -> Result<Response, Error> {
    let newest = hub.log.heads().borrow().clone();
    let head = newest.ok_or(Error::Missing)?;
    if from > head.size {
        return Err(Error::Call(format!(
            "the hub's log has {} records, not {from}",
            head.size
        )));
    }
    // Everything continues the empty log, and that log may be long.
    let proof = if from == 0 || from == head.size {
        Vec::new()
    } else {
        let archive = hub.log.archive();
        archive
            .consistency(hub.log.member(), from, head.size)
            .await?
    };
    let head = HubHead {
        checkpoint: BASE64.encode(&head.body),
        cms: BASE64.encode(&head.cms),
        proof: proof.iter().map(|hash| BASE64.encode(hash)).collect(),
    };
    Ok(Response::json(StatusCode::OK, &head))
}
