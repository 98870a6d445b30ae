//! The signer, its token, its keys and their certificates: by signatures that were really made, and by the verdict that
//! peers will come to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::certificate;
use crate::clock::Moment;
use crate::gauge::{Gauge, Kind, Lead, Level, Reading, Source, Text};
use crate::packet::MemberId;
use crate::signer::config::SUCCESSOR;
use crate::signer::{Client, KeyInfo, KeyStatus, KeyUse, Status, TokenState};
use crate::tls::{Current, Grounds};
use crate::trust::{Identity, Purpose, Refusal};

/// A signature older than this says too little: one is made, so that a token that went away unused is noticed.
const FRESH: Duration = Duration::from_secs(10);

/// Reads them.
#[derive(Debug)]
pub struct Keys {
    client: Client,
    current: Arc<Current>,
    grounds: watch::Receiver<Grounds>,
    tls: Purpose,
    lead: Lead,
    /// As the signer named them last, since certificates end while it is away, too.
    known: Mutex<Vec<KeyInfo>>,
}

impl Keys {
    /// Of the signer behind `client`; `tls` is what the TLS key is mainly shown for.
    #[must_use]
    pub fn new(
        client: Client,
        current: Arc<Current>,
        grounds: watch::Receiver<Grounds>,
        tls: Purpose,
        lead: Lead,
    ) -> Self {
        Self {
            client,
            current,
            grounds,
            tls,
            lead,
            known: Mutex::default(),
        }
    }

    async fn known(&self) -> Vec<KeyInfo> {
        let asked = self.client.keys().await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(keys) = asked {
            *known = keys;
        }
        known.clone()
    }

    /// How the token stands now, by a signature that is made where the last one is old.
    async fn status(&self) -> (Gauge, Option<Status>) {
        let gauge = |vi: String, en: String| Gauge::good(Kind::Signer, "", Text::new(vi, en));
        let status = match self.client.status().await {
            Ok(status) => status,
            Err(error) => {
                let mend = Text::new(
                    "bật lại dịch vụ trucgate-signer và xem nhật ký của nó",
                    "start the unit trucgate-signer again and read its journal",
                );
                return (
                    gauge(format!("bộ ký không trả lời: {error}"), error.to_string())
                        .at(Level::Stops, mend),
                    None,
                );
            }
        };
        let age = status.keys.iter().filter_map(|key| key.signed_ms).min();
        let mut age = age.map(Duration::from_millis);
        let reason = status.reason.clone().unwrap_or_default();
        let gauge = match status.token {
            TokenState::Halted => gauge(
                format!("token từ chối mã PIN: {reason}"),
                format!("the token refuses the PIN: {reason}"),
            )
            .at(
                Level::Stops,
                Text::new(
                    "đặt đúng mã PIN rồi khởi động lại bộ ký; nó không tự thử lại để token không bị khoá",
                    "put the right PIN in place and restart the signer; it tries nothing again, lest the token locks",
                ),
            ),
            TokenState::Standby => gauge(
                format!("token thứ hai đang ký thay: {reason}"),
                format!("the second token stands in for the first: {reason}"),
            )
            .at(
                Level::Warning,
                Text::new(
                    "xem token thứ nhất; không có token thứ ba",
                    "look at the first token; there is no third",
                ),
            ),
            TokenState::Away | TokenState::Connecting => gauge(
                format!("không thấy token: {reason}"),
                format!("the token is away: {reason}"),
            )
            .at(Level::Stops, look_at_token()),
            TokenState::Ready if age.is_some_and(|age| age < FRESH) => {
                gauge("đang ký".to_owned(), "signing".to_owned())
            }
            TokenState::Ready => match self.sign() {
                Ok(()) => {
                    age = Some(Duration::ZERO);
                    gauge("đang ký".to_owned(), "signing".to_owned())
                }
                Err(why) => gauge(
                    format!("token không ký được: {why}"),
                    format!("the token does not sign: {why}"),
                )
                .at(Level::Stops, look_at_token()),
            },
        };
        (gauge.aged(age), Some(status))
    }

    fn sign(&self) -> Result<(), String> {
        let credential = self
            .current
            .get()
            .ok_or_else(|| "no TLS key is presented yet".to_owned())?;
        credential.prove().map_err(|error| error.to_string())
    }

    fn certificate(&self, key: &KeyInfo, now: Moment) -> Gauge {
        let name = match key.use_ {
            KeyUse::Tls => format!("TLS {} ({})", key.member, key.name),
            KeyUse::Seal => format!("con dấu/seal {} ({})", key.member, key.name),
        };
        let leaf = key.chain.first().map_or(&[][..], Vec::as_slice);
        let mut gauge = certificate(name.clone(), leaf, self.lead, now)
            .unwrap_or_else(|_| Gauge::good(Kind::Certificate, name, Text::new("", "")));
        if let Err(refusal) = self.judge(key, now) {
            gauge.state = Text::new(refusal.reason_vi(), refusal.to_string());
            gauge.level = Level::Stops;
            gauge.stops_at = None;
            gauge.unless = Some(Text::new(refusal.next_vi(), refusal.next()));
        }
        gauge
    }

    /// What the other side finds: chain, use, revocation, registration.
    fn judge(&self, key: &KeyInfo, now: Moment) -> Result<(), Refusal> {
        let grounds = self.grounds.borrow().clone();
        let purpose = match key.use_ {
            KeyUse::Tls => self.tls,
            KeyUse::Seal => Purpose::Seal,
        };
        let identity = grounds.trust.judge(&key.chain, purpose, now)?;
        let Some(directory) = &grounds.directory else {
            return Ok(());
        };
        let at_hub = self.tls == Purpose::TlsServer;
        registered(directory, &identity, key.use_, at_hub)
    }
}

pub(in crate::control) fn registered(
    directory: &crate::trust::directory::Directory,
    identity: &Identity,
    use_: KeyUse,
    at_hub: bool,
) -> Result<(), Refusal> {
    match (use_, at_hub) {
        (KeyUse::Tls, true) => directory.registered_hub(identity).map(drop),
        (KeyUse::Seal, true) => directory.registered_hub_seal(identity).map(drop),
        (KeyUse::Tls, false) => directory.registered_box(identity).map(drop),
        (KeyUse::Seal, false) => directory.open_seal(identity).map(drop),
    }
}

impl Source for Keys {
    fn read(&self, now: Moment) -> Reading<'_> {
        Box::pin(async move {
            let known = self.known().await;
            let (signer, status) = self.status().await;
            let away = signer.level == Level::Stops;
            let mut all = vec![signer];
            // A successor is judged by its rehearsal; nothing depends on it yet.
            for key in known.iter().filter(|key| !key.name.ends_with(SUCCESSOR)) {
                if key.use_ == KeyUse::Seal {
                    let status = status
                        .as_ref()
                        .and_then(|status| status.keys.iter().find(|one| one.name == key.name));
                    all.push(seal(&key.member, &key.name, status, away));
                }
                all.push(self.certificate(key, now));
            }
            all
        })
    }
}

fn seal(member: &MemberId, name: &str, status: Option<&KeyStatus>, away: bool) -> Gauge {
    let gauge = |vi: &str, en: &str| {
        Gauge::good(Kind::Seal, format!("{member} ({name})"), Text::new(vi, en))
    };
    let age = status
        .and_then(|status| status.signed_ms)
        .map(Duration::from_millis);
    match status {
        Some(status) if !away => match (&status.failing, age) {
            (Some(why), _) => gauge(
                &format!("không ký được: {why}"),
                &format!("does not sign: {why}"),
            )
            .at(Level::Stops, look_at_token()),
            (None, Some(_)) => gauge("đã ký", "signed"),
            (None, None) if status.proven => gauge(
                "chưa ký lần nào từ khi bộ ký chạy; cặp khoá đã thử đúng",
                "no signature since the signer started; the pair is proven",
            ),
            (None, None) => gauge("chưa thử được cặp khoá", "the pair is not proven yet")
                .at(Level::Warning, look_at_token()),
        },
        _ => gauge("chờ bộ ký và token", "waits for signer and token")
            .at(Level::Stops, look_at_token()),
    }
    .aged(age)
}

fn look_at_token() -> Text {
    Text::new(
        "xem token, đường nối và dịch vụ của nó; văn bản vẫn được nhận và tự ký khi token trở lại",
        "look at the token, its line and its service; documents are taken and sealed when it is back",
    )
}
