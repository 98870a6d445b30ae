//! A member's seal key behind the signer.

use std::pin::Pin;

use super::{Error, SealKey, Sealing, Signing, Turn};
use crate::merkle::Hash;
use crate::signer::{Client, SealAnswer, SealRequest};

/// A seal key by its name at the signer.
#[derive(Clone, Debug)]
pub struct SignerKey {
    client: Client,
    name: String,
}

impl SignerKey {
    /// The key that the signer knows as `name`.
    #[must_use]
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }
}

impl SealKey for SignerKey {
    fn turn(&self) -> Pin<Box<dyn Future<Output = Turn> + Send + '_>> {
        Box::pin(self.client.turn())
    }

    fn seal(&self, body: Vec<u8>, from: u64, proof: Vec<Hash>) -> Signing<'_> {
        Box::pin(async move {
            let request = SealRequest {
                checkpoint: body,
                proof,
                from_size: from,
            };
            match self.client.seal(&self.name, request).await {
                Ok(SealAnswer::Signed { cms }) => Ok(Sealing::Signed(cms)),
                Ok(SealAnswer::Behind { size }) => Ok(Sealing::Behind(size)),
                Err(error) => Err(Error::Signer(error.to_string(), error.class())),
            }
        })
    }
}
