//! Who carries out what was agreed: a box or the hub.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use super::Action;
use crate::clock::Clock;
use crate::durable::Disk;
use crate::evidence::{Record, RecordKind};
use crate::gauge::Text;
use crate::hub::Hub;
use crate::packet::{Digest, MemberId, PacketId};
use crate::relay::Relay;
use crate::signer::Client;
use crate::tls::{Current, TrustFiles};
use crate::trust::Purpose;

/// An outcome on its way.
pub type Acting<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// What can check, record and do the actions.
pub trait Act: Send + Sync {
    /// Whether it could be done as things stand.
    fn check<'a>(&'a self, action: &'a Action, content: Option<&'a str>) -> Acting<'a, (), Text>;

    /// Puts the agreement into the evidence log.
    fn record<'a>(
        &'a self,
        action: &'a Action,
        id: PacketId,
        proposal: (Digest, u64),
        what: String,
    ) -> Acting<'a, (), String>;

    /// Does it for those whom `by` names; tells what was done.
    fn act<'a>(
        &'a self,
        action: &'a Action,
        content: Option<&'a str>,
        by: &'a str,
    ) -> Acting<'a, Text, Text>;
}

/// The anchors of a process, and how it takes other ones.
pub struct Anchors {
    /// The files that it trusts by.
    pub files: TrustFiles,
    /// The disk.
    pub disk: Disk,
    /// Where a draft of new anchors is tried.
    pub draft: PathBuf,
    /// Its own certificate, which new anchors must still lead to.
    pub current: Arc<Current>,
    /// Time.
    pub clock: Clock,
    /// What its own certificate is shown for.
    pub purpose: Purpose,
    /// Reads the trust files again.
    pub reload: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Anchors {
    fn place(&self) -> Result<&PathBuf, Text> {
        match self.files.anchors.as_slice() {
            [one] => Ok(one),
            _ => Err(Text::new(
                "cấu hình có nhiều tệp anchors; gộp thành một tệp rồi làm lại",
                "the configuration names several anchor files; make them one, then try again",
            )),
        }
    }

    /// Tries what is to become the anchors with all else that is configured.
    fn check(&self, pem: &str) -> Result<(), Text> {
        self.place()?;
        let told = |error: &dyn std::fmt::Display| {
            Text::new(
                format!("CA gốc mới không dùng được: {error}"),
                format!("the new anchors can't be used: {error}"),
            )
        };
        self.disk
            .replace(&self.draft, pem.as_bytes())
            .map_err(|error| told(&error))?;
        let mut files = self.files.clone();
        files.anchors = vec![self.draft.clone()];
        let loaded = files.load();
        // It was only a trial.
        let _ = self.disk.remove(&self.draft);
        let trust = loaded.map_err(|error| told(&error))?;
        if let Some(own) = self.current.get() {
            trust
                .judge(&own.chain(), self.purpose, self.clock.now())
                .map_err(|refusal| told(&refusal))?;
        }
        Ok(())
    }

    fn change(&self, pem: &str) -> Result<Text, Text> {
        let place = self.place()?;
        self.disk.replace(place, pem.as_bytes()).map_err(|error| {
            Text::new(
                format!("không ghi được {}: {error}", place.display()),
                format!("{} can't be written: {error}", place.display()),
            )
        })?;
        (self.reload)().map_err(Text::same)?;
        Ok(Text::new(
            "đã thay CA gốc và nạp lại",
            "the anchors are changed and in force",
        ))
    }
}

/// A box.
pub struct AtBox {
    /// Its walks.
    pub relay: Arc<Relay>,
    /// Its signer, which says what keys are in use.
    pub signer: Client,
    /// Its anchors.
    pub anchors: Anchors,
}

impl Act for AtBox {
    fn check<'a>(&'a self, action: &'a Action, content: Option<&'a str>) -> Acting<'a, (), Text> {
        Box::pin(async move {
            match action {
                Action::RemoveMember(_) => Err(elsewhere(
                    "chỉ Trục mới xoá được đơn vị",
                    "only the hub removes members",
                )),
                Action::OpenEpoch(_) => Err(elsewhere(
                    "chỉ Trục mới cho nhật ký đi tiếp từ điểm cũ",
                    "only the hub lets a log go on behind an older head",
                )),
                Action::ChangeAnchors(_) => self.anchors.check(content.unwrap_or_default()),
                Action::DeleteKey(label) => unused(&self.signer, label).await,
                Action::PurgeBodies { member, .. } => {
                    if self.relay.members().any(|own| own == member) {
                        Ok(())
                    } else {
                        Err(elsewhere(
                            &format!("{member} không thuộc máy này"),
                            &format!("{member} is no member of this box"),
                        ))
                    }
                }
            }
        })
    }

    fn record<'a>(
        &'a self,
        action: &'a Action,
        id: PacketId,
        proposal: (Digest, u64),
        what: String,
    ) -> Acting<'a, (), String> {
        Box::pin(async move {
            let concerned: Vec<MemberId> = match action {
                Action::PurgeBodies { member, .. } => vec![member.clone()],
                _ => self.relay.members().cloned().collect(),
            };
            let now = self.anchors.clock.now();
            for member in concerned {
                let record = agreement(action, id, proposal, member, &what, now);
                let key = format!("agreement:{id}");
                self.relay
                    .put_on_record(key, record)
                    .await
                    .map_err(|error| error.to_string())?;
            }
            Ok(())
        })
    }

    fn act<'a>(
        &'a self,
        action: &'a Action,
        content: Option<&'a str>,
        _: &'a str,
    ) -> Acting<'a, Text, Text> {
        Box::pin(async move {
            match action {
                Action::ChangeAnchors(_) => self.anchors.change(content.unwrap_or_default()),
                Action::PurgeBodies { member, before } => {
                    let purged = self.relay.purge_bodies(member, *before).await;
                    let count = purged.map_err(Text::same)?;
                    Ok(Text::new(
                        format!("đã xoá nội dung của {count} văn bản; chứng cứ còn nguyên"),
                        format!("the bodies of {count} documents are gone; the evidence stays"),
                    ))
                }
                Action::RemoveMember(_) | Action::DeleteKey(_) | Action::OpenEpoch(_) => {
                    Err(elsewhere("không làm ở đây", "not done here"))
                }
            }
        })
    }
}

/// The hub.
pub struct AtHub {
    /// The exchange.
    pub hub: Hub,
    /// Its signer.
    pub signer: Client,
    /// Its anchors.
    pub anchors: Anchors,
}

impl Act for AtHub {
    fn check<'a>(&'a self, action: &'a Action, content: Option<&'a str>) -> Acting<'a, (), Text> {
        Box::pin(async move {
            match action {
                Action::OpenEpoch(epoch) => {
                    self.hub.may_open_epoch(epoch).await.map_err(Text::same)
                }
                Action::RemoveMember(member) => {
                    self.hub.may_remove(member).await.map_err(Text::same)
                }
                Action::ChangeAnchors(_) => self.anchors.check(content.unwrap_or_default()),
                Action::DeleteKey(label) => unused(&self.signer, label).await,
                Action::PurgeBodies { .. } => Err(elsewhere(
                    "Trục tự xoá nội dung theo keep_days; việc này làm ở máy chủ bảo mật",
                    "the hub lets go of bodies by keep_days; this is done at a box",
                )),
            }
        })
    }

    fn record<'a>(
        &'a self,
        action: &'a Action,
        id: PacketId,
        proposal: (Digest, u64),
        what: String,
    ) -> Acting<'a, (), String> {
        Box::pin(async move {
            let (now, own) = (self.anchors.clock.now(), self.hub.code().clone());
            let record = agreement(action, id, proposal, own, &what, now);
            self.hub
                .put_on_record(format!("agreement:{id}"), record)
                .await
                .map_err(|error| error.to_string())
        })
    }

    fn act<'a>(
        &'a self,
        action: &'a Action,
        content: Option<&'a str>,
        by: &'a str,
    ) -> Acting<'a, Text, Text> {
        Box::pin(async move {
            match action {
                Action::ChangeAnchors(_) => self.anchors.change(content.unwrap_or_default()),
                Action::RemoveMember(member) => {
                    let removed = self.hub.remove_member(member, by).await;
                    removed.map_err(Text::same)?;
                    Ok(Text::new(
                        format!("đã xoá {member} khỏi danh bạ"),
                        format!("{member} is out of the directory"),
                    ))
                }
                Action::OpenEpoch(epoch) => {
                    let opened = self.hub.open_epoch(epoch).await;
                    opened.map_err(Text::same)?;
                    let (member, size) = (&epoch.member, epoch.size);
                    Ok(Text::new(
                        format!(
                            "nhật ký của {member} đi tiếp từ {size} bản ghi; phần đã chứng kiến sau đó vẫn được giữ"
                        ),
                        format!(
                            "the log of {member} goes on behind {size} records; what was witnessed beyond is kept"
                        ),
                    ))
                }
                Action::PurgeBodies { .. } | Action::DeleteKey(_) => {
                    Err(elsewhere("không làm ở đây", "not done here"))
                }
            }
        })
    }
}

fn elsewhere(vi: &str, en: &str) -> Text {
    Text::new(vi, en)
}

/// A key that the signer serves is not deleted: first its successor takes over.
async fn unused(signer: &Client, label: &str) -> Result<(), Text> {
    let status = signer.status().await.map_err(|error| {
        Text::new(
            format!("không hỏi được bộ ký khoá nào đang dùng: {error}"),
            format!("the signer can't be asked what is in use: {error}"),
        )
    })?;
    if status.keys.iter().any(|key| key.label == label) {
        return Err(Text::new(
            format!(
                "khoá {label} đang được dùng; bỏ khỏi cấu hình bộ ký rồi nạp lại trước khi xoá"
            ),
            format!(
                "key {label} is in use: take it out of the signer's configuration and reload first"
            ),
        ));
    }
    Ok(())
}

fn agreement(
    action: &Action,
    id: PacketId,
    proposal: (Digest, u64),
    log: MemberId,
    what: &str,
    now: crate::clock::Moment,
) -> Record {
    let mut record = Record::new(RecordKind::Agreement, id, proposal, log, now);
    record.status = Some(action.name().to_owned());
    record.reason = Some(what.to_owned());
    record
}
