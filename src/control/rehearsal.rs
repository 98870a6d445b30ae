//! A rehearsal of a renewed key before anything depends on it: its pair is proven, its certificate is judged as peers will
//! judge it, and the live hub is asked on a side connection.

use std::sync::Arc;

use tokio::sync::watch;

use super::agreed::Acting;
use crate::clock::Clock;
use crate::evidence::{self, Head, SealKey};
use crate::gauge::Text;
use crate::hub::Hub;
use crate::packet::MemberId;
use crate::relay::Relay;
use crate::signer::config::SUCCESSOR;
use crate::signer::{Client, KeyInfo, KeyUse};
use crate::tls::{Credential, Grounds, SignerKey};
use crate::trust::{Identity, Purpose, Refusal};
use crate::uplink;

/// Gives the hub over a connection that shows this credential.
pub type Dial = Box<dyn Fn(Credential) -> Result<uplink::Hub, String> + Send + Sync>;

/// What a new key is tried against.
pub trait Stage: Send + Sync {
    /// The newest head of that log, signed by the new key; `None` while there is none.
    fn sign<'a>(
        &'a self,
        member: &'a MemberId,
        key: Arc<dyn SealKey>,
    ) -> Acting<'a, Option<Head>, String>;

    /// A TLS connection with the new pair.
    fn connect(&self, credential: Credential) -> Acting<'_, (), String>;

    /// A head that the new key signed, judged by who will get such heads and not entered there.
    fn judge(&self, head: Head) -> Acting<'_, (), String>;
}

/// A box rehearses with the live hub.
pub struct BoxStage {
    /// Its walks.
    pub relay: Arc<Relay>,
    /// The line to the hub as it is.
    pub hub: uplink::Hub,
    /// The side connection.
    pub dial: Dial,
}

impl Stage for BoxStage {
    fn sign<'a>(
        &'a self,
        member: &'a MemberId,
        key: Arc<dyn SealKey>,
    ) -> Acting<'a, Option<Head>, String> {
        Box::pin(async move {
            let head = self.relay.try_key(member, key).await;
            head.map_err(|error| error.to_string())
        })
    }

    fn connect(&self, credential: Credential) -> Acting<'_, (), String> {
        Box::pin(async move {
            let side = (self.dial)(credential)?;
            let answer = side
                .directory(u64::MAX, std::time::Duration::ZERO, false)
                .await;
            answer.map(drop).map_err(|error| error.to_string())
        })
    }

    fn judge(&self, head: Head) -> Acting<'_, (), String> {
        Box::pin(async move { self.hub.rehearse(&head).await.map_err(|e| e.to_string()) })
    }
}

/// The hub is its own judge: boxes judge by the directory that it publishes.
pub struct HubStage(pub Hub);

impl Stage for HubStage {
    fn sign<'a>(
        &'a self,
        _: &'a MemberId,
        key: Arc<dyn SealKey>,
    ) -> Acting<'a, Option<Head>, String> {
        Box::pin(async move { self.0.try_key(key).await.map_err(|error| error.to_string()) })
    }

    fn connect(&self, _: Credential) -> Acting<'_, (), String> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn judge(&self, head: Head) -> Acting<'_, (), String> {
        let judged = self.0.judge_own(&head).map_err(|error| error.to_string());
        Box::pin(std::future::ready(judged))
    }
}

/// Rehearses successors of keys.
pub struct Rehearsal {
    /// The signer.
    pub signer: Client,
    /// What peers judge by.
    pub grounds: watch::Receiver<Grounds>,
    /// Time.
    pub clock: Clock,
    /// Whether this is the hub, whose certificates the directory lists elsewhere.
    pub at_hub: bool,
    /// Whom the new key is tried with.
    pub stage: Box<dyn Stage>,
}

impl Rehearsal {
    /// Rehearses the successor of the key `name`; tells what passed.
    ///
    /// # Errors
    /// What would go wrong after the switch, each in words of its own.
    pub async fn of(&self, name: &str) -> Result<Text, Text> {
        let keys = self.signer.keys().await.map_err(|error| {
            Text::new(
                format!("bộ ký không trả lời: {error}"),
                format!("the signer does not answer: {error}"),
            )
        })?;
        let wanted = format!("{name}{SUCCESSOR}");
        let next = keys.iter().find(|key| key.name == wanted).ok_or_else(|| {
            Text::new(
                format!("bộ ký chưa phục vụ khoá {wanted}"),
                format!("{NOT_SERVED} {wanted}"),
            )
        })?;
        let old = keys.iter().find(|key| key.name == name);
        self.judged(next, old).map_err(|refusal| {
            let (vi, en) = (
                refusal.reason_vi(),
                format!("{refusal}; {}", refusal.next()),
            );
            Text::new(vi, en)
        })?;
        match next.use_ {
            KeyUse::Tls => self.tls(next).await,
            KeyUse::Seal => self.seal(next).await,
        }
    }

    /// As peers judge it: chain, use, revocation, the owner's code, registration beside the old one.
    fn judged(&self, next: &KeyInfo, old: Option<&KeyInfo>) -> Result<(), Refusal> {
        let grounds = self.grounds.borrow().clone();
        let (trust, now) = (&grounds.trust, self.clock.now());
        let purposes: &[Purpose] = match next.use_ {
            KeyUse::Tls => &[Purpose::TlsServer, Purpose::TlsClient],
            KeyUse::Seal => &[Purpose::Seal],
        };
        for purpose in purposes {
            let identity = trust.judge(&next.chain, *purpose, now)?;
            if identity.code != next.member {
                let detail = format!("it says {}, the key is {}'s", identity.code, next.member);
                return Err(identity.refuse(crate::trust::Verdict::AnotherMember, detail));
            }
            self.registered(&grounds, &identity, next.use_)?;
            if old.is_some_and(|old| old.chain == next.chain) {
                let detail = "it is the certificate that is in force already";
                return Err(identity.refuse(crate::trust::Verdict::WrongUsage, detail));
            }
        }
        Ok(())
    }

    fn registered(
        &self,
        grounds: &Grounds,
        identity: &Identity,
        use_: KeyUse,
    ) -> Result<(), Refusal> {
        let Some(directory) = &grounds.directory else {
            return Ok(());
        };
        super::gauges::registered(directory, identity, use_, self.at_hub)
    }

    async fn tls(&self, next: &KeyInfo) -> Result<Text, Text> {
        let (signer, name) = (self.signer.clone(), next.name.clone());
        let handle = Arc::new(SignerKey::new(signer, name, &next.chain));
        let credential = Credential::new(next.chain.clone(), handle).map_err(|e| pair(&e))?;
        self.stage.connect(credential).await.map_err(|error| {
            Text::new(
                format!("kết nối thử tới Trục không được: {error}"),
                format!("the side connection to the hub failed: {error}"),
            )
        })?;
        Ok(Text::new(
            "diễn tập TLS đạt: cặp khoá đúng, chứng thư đúng, Trục nhận kết nối",
            "the rehearsal of TLS passed: pair proven, certificate good, the hub takes the connection",
        ))
    }

    async fn seal(&self, next: &KeyInfo) -> Result<Text, Text> {
        let key = evidence::SignerKey::new(self.signer.clone(), next.name.clone());
        let signed = self.stage.sign(&next.member, Arc::new(key)).await;
        let Some(head) = signed.map_err(|error| pair(&error))? else {
            return Ok(Text::new(
                "diễn tập con dấu đạt: chứng thư đúng; chưa có gì để ký thử",
                "the rehearsal of the seal passed: certificate good; there is nothing to sign yet",
            ));
        };
        self.stage.judge(head).await.map_err(|error| {
            Text::new(
                format!("Trục không nhận con dấu thử: {error}"),
                format!("the hub does not take the rehearsal's seal: {error}"),
            )
        })?;
        Ok(Text::new(
            "diễn tập con dấu đạt: cặp khoá đúng, chứng thư đúng, Trục nhận con dấu thử",
            "the rehearsal of the seal passed: pair proven, certificate good, the hub takes the seal",
        ))
    }
}

/// How it begins that a successor is not served yet: the signer may be about to read it.
pub const NOT_SERVED: &str = "the signer does not serve the key";

fn pair(error: &dyn std::fmt::Display) -> Text {
    Text::new(
        format!("khoá mới không ký đúng theo chứng thư mới: {error}"),
        format!("the new key does not sign by its certificate: {error}"),
    )
}
