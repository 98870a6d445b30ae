//! A proof out of a box's store, without the box.

use std::path::Path;

use super::Stopped;
use crate::durable::Disk;
use crate::evidence::{self, Archive};
use crate::packet::{MemberId, PacketId};
use crate::relay::SCHEMAS;
use crate::seal::{Bundle, Known, Seal};
use crate::spool::Proofs;
use crate::store::Store;
use crate::trust::pem;

/// The seal of a packet that `member` sent or received, with the receipts that lie with it.
pub(super) fn bundle(
    store: &Path,
    disk: &Disk,
    member: &MemberId,
    packet: PacketId,
    lists: &[Vec<u8>],
) -> Result<Bundle, Stopped> {
    // Opening would make an empty one.
    if !store.is_file() {
        let store = store.display();
        return Err(Stopped::unreadable(format!(
            "{store}: không có cơ sở dữ liệu này / there is no such store"
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(Stopped::unreadable)?;
    let store = Store::open(store, disk.clone(), SCHEMAS).map_err(Stopped::unreadable)?;
    runtime.block_on(async {
        let proofs = Proofs::new(store.clone());
        let received = proofs.received(member, packet).await;
        let seal = match received.map_err(Stopped::unreadable)? {
            Some(seal) => seal,
            None => sent(store.clone(), member, packet).await?,
        };
        let receipts = proofs.receipts(packet).await.map_err(Stopped::unreadable)?;
        let receipts: Vec<&[u8]> = receipts
            .iter()
            .map(|(_, _, seal)| seal.as_slice())
            .collect();
        let archive = Archive::new(store);
        let known = Known::of(&archive, &seal, &receipts)
            .await
            .map_err(Stopped::unreadable)?;
        let stamped = archive.stamped(member, &format!("packet:{packet}")).await;
        let stamps: Vec<_> = stamped
            .map_err(Stopped::unreadable)?
            .iter()
            .map(|one| (Seal::from(&one.proof).encode(), one.token.clone()))
            .collect();
        let mut all = ders(lists)?;
        all.extend(
            known
                .lists
                .into_iter()
                .filter(|list| !all.contains(list))
                .collect::<Vec<_>>(),
        );
        let bundle = Bundle::new(&seal, receipts.into_iter(), &all);
        Ok(bundle.with(&known.answers, &stamps))
    })
}

async fn sent(store: Store, member: &MemberId, packet: PacketId) -> Result<Vec<u8>, Stopped> {
    let proof = Archive::new(store)
        .proof(member, &format!("packet:{packet}"))
        .await;
    match proof {
        Ok(proof) => Ok(Seal::from(&proof).encode()),
        Err(evidence::Error::Missing(what)) => Err(Stopped::fails(format!(
            "{member} không gửi hay nhận gói {packet} ở máy chủ này / not here: {what}"
        ))),
        Err(error) => Err(Stopped::unreadable(error)),
    }
}

/// The same proof with more revocation lists, each once.
pub(super) fn with_lists(bundle: Bundle, lists: &[Vec<u8>]) -> Result<Bundle, Stopped> {
    let mut all = bundle.revocation().map_err(Stopped::fails)?;
    for list in ders(lists)? {
        if !all.contains(&list) {
            all.push(list);
        }
    }
    let more = Bundle::new(&[], std::iter::empty(), &all);
    Ok(Bundle {
        revocation: more.revocation,
        ..bundle
    })
}

fn ders(lists: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Stopped> {
    let mut all = Vec::new();
    for list in lists {
        let found = pem::blocks(list, "X509 CRL").filter(|ders| !ders.is_empty());
        all.extend(found.ok_or_else(|| {
            Stopped::unreadable("--crl: không phải danh sách thu hồi / not a revocation list")
        })?);
    }
    Ok(all)
}
