//! Frames between client and signer: a length in four bytes, big-endian, then JSON. Requests carry an id, answers
//! come in any order.

use std::io::{self, Read, Write};

use data_encoding::BASE64;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Algorithm, Error, KeyInfo, KeyUse, SealAnswer, SealRequest, Status, TlsScheme};
use crate::merkle::Hash;
use crate::packet::{Digest, MemberId};

/// Longest frame in bytes, the length not counted: the certificates of a shared box's keys fit.
pub const LONGEST: usize = 1024 * 1024;

/// Longest request in bytes: the messages of a TLS 1.2 handshake fit.
pub const LONGEST_REQUEST: usize = 128 * 1024;

/// The id of an answer to whatever is asked on this connection; requests count from 1.
pub const EVERY: u64 = 0;

/// Bytes, written in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&BASE64.encode_display(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        BASE64
            .decode(text.as_bytes())
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Comes back in the answer.
    pub id: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// The keys that the asker may use.
    Keys,
    /// How the token and those keys stand.
    Status,
    /// A signature over a checkpoint.
    Seal {
        /// Name of the key.
        key: String,
        /// The checkpoint's body.
        checkpoint: Bytes,
        /// Consistency proof, 32 bytes each.
        proof: Vec<Bytes>,
        /// Size that the proof starts from.
        from_size: u64,
    },
    /// A signature of a TLS handshake.
    Tls {
        /// Name of the key.
        key: String,
        /// SHA-256 of the certificate (DER) that the handshake shows: a handshake that began before a renewal ends with
        /// the key that it began with.
        certificate: Digest,
        /// How.
        scheme: TlsScheme,
        /// The message as TLS gives it, not hashed.
        message: Bytes,
    },
}

impl Ask {
    pub(super) fn seal(key: &str, request: SealRequest) -> Self {
        Self::Seal {
            key: key.to_owned(),
            checkpoint: Bytes(request.checkpoint),
            proof: request.proof.iter().map(|h| Bytes(h.to_vec())).collect(),
            from_size: request.from_size,
        }
    }
}

/// Tree hashes out of a request.
pub(super) fn hashes(proof: Vec<Bytes>) -> Option<Vec<Hash>> {
    proof
        .into_iter()
        .map(|bytes| Hash::try_from(bytes.0).ok())
        .collect()
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The request's.
    pub id: u64,
    /// What came of it.
    pub reply: Reply,
}

/// What can come of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// The keys.
    Keys(Vec<Key>),
    /// How all stands.
    Status(Status),
    /// A seal, as CMS SignedData in DER.
    Sealed(Bytes),
    /// The proof must start from this size.
    Behind(u64),
    /// A bare signature.
    Signature(Bytes),
    /// [`Error::Away`].
    Away(String),
    /// [`Error::Refused`].
    Refused(String),
    /// [`Error::Halted`].
    Halted(String),
}

/// A key, as [`KeyInfo`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    name: String,
    member: MemberId,
    #[serde(rename = "use")]
    use_: KeyUse,
    algorithm: Algorithm,
    sessions: usize,
    chain: Vec<Bytes>,
}

impl From<KeyInfo> for Key {
    fn from(info: KeyInfo) -> Self {
        Self {
            name: info.name,
            member: info.member,
            use_: info.use_,
            algorithm: info.algorithm,
            sessions: info.sessions,
            chain: info.chain.into_iter().map(Bytes).collect(),
        }
    }
}

impl From<Key> for KeyInfo {
    fn from(key: Key) -> Self {
        Self {
            name: key.name,
            member: key.member,
            use_: key.use_,
            algorithm: key.algorithm,
            sessions: key.sessions,
            chain: key.chain.into_iter().map(|bytes| bytes.0).collect(),
        }
    }
}

impl From<Result<Self, Error>> for Reply {
    fn from(outcome: Result<Self, Error>) -> Self {
        match outcome {
            Ok(reply) => reply,
            Err(Error::Away(why)) => Self::Away(why),
            Err(Error::Refused(why)) => Self::Refused(why),
            Err(Error::Halted(why) | Error::Broken(why)) => Self::Halted(why),
        }
    }
}

impl Reply {
    /// The failure apart from the success.
    pub(super) fn into_result(self) -> Result<Self, Error> {
        match self {
            Self::Away(why) => Err(Error::Away(why)),
            Self::Refused(why) => Err(Error::Refused(why)),
            Self::Halted(why) => Err(Error::Halted(why)),
            reply => Ok(reply),
        }
    }

    pub(super) fn into_keys(self) -> Result<Vec<KeyInfo>, Error> {
        match self.into_result()? {
            Self::Keys(keys) => Ok(keys.into_iter().map(KeyInfo::from).collect()),
            _ => Err(odd()),
        }
    }

    pub(super) fn into_status(self) -> Result<Status, Error> {
        match self.into_result()? {
            Self::Status(status) => Ok(status),
            _ => Err(odd()),
        }
    }

    pub(super) fn into_seal(self) -> Result<SealAnswer, Error> {
        match self.into_result()? {
            Self::Sealed(cms) => Ok(SealAnswer::Signed { cms: cms.0 }),
            Self::Behind(size) => Ok(SealAnswer::Behind { size }),
            _ => Err(odd()),
        }
    }

    pub(super) fn into_signature(self) -> Result<Vec<u8>, Error> {
        match self.into_result()? {
            Self::Signature(bytes) => Ok(bytes.0),
            _ => Err(odd()),
        }
    }
}

fn odd() -> Error {
    Error::Halted("its answer does not fit the question".into())
}

/// A whole frame, ready to be written.
///
/// # Errors
/// When it would be longer than [`LONGEST`].
pub fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    match u32::try_from(length) {
        Ok(announced) if length <= LONGEST => {
            frame[..4].copy_from_slice(&announced.to_be_bytes());
            Ok(frame)
        }
        _ => Err(too_long(length, LONGEST)),
    }
}

/// Reads a frame's content.
///
/// # Errors
/// When it is not what is expected, with the name of what is not known.
pub fn content<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// The content of the next frame of at most `longest` bytes; `None` at the end.
///
/// # Errors
/// When the frame is too long or breaks off.
pub async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    longest: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    if stream.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut head[1..]).await?;
    let length = announced(head, longest)?;
    // The buffer grows with what arrives, not with what is announced.
    let mut bytes = Vec::new();
    stream.take(length as u64).read_to_end(&mut bytes).await?;
    whole(bytes, length).map(Some)
}

/// As [`read`], up to [`LONGEST`], on the calling thread.
///
/// # Errors
/// As [`read`].
pub fn read_blocking(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    loop {
        match stream.read(&mut head[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.read_exact(&mut head[1..])?;
    let length = announced(head, LONGEST)?;
    let mut bytes = Vec::new();
    stream.take(length as u64).read_to_end(&mut bytes)?;
    whole(bytes, length).map(Some)
}

/// Writes a frame on the calling thread.
///
/// # Errors
/// When the message is too long or the stream is gone.
pub fn write_blocking(stream: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    stream.write_all(&frame(message)?)
}

fn announced(head: [u8; 4], longest: usize) -> io::Result<usize> {
    let length = u32::from_be_bytes(head) as usize;
    if length > longest {
        return Err(too_long(length, longest));
    }
    Ok(length)
}

fn whole(bytes: Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn too_long(length: usize, longest: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a frame of {length} bytes, {longest} are allowed"),
    )
}
