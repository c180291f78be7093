//! An agent's process and its key, which stays in the signer.

use super::{Client, ClientError, SealedKey};
use crate::ask::{self, Answer, Request};
use legation_keys::{PublicKey, Signer, public::Signature, secret::SignError};
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

impl Client {
    /// Seals a key of an agent for the processes of one user of this machine (its number), who may have requests signed with it at
    /// the signer's door for agents, and nothing else. What comes out opens for nobody else.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn process_key(&mut self, key: SealedKey<'_>, user: u32) -> Result<Vec<u8>, ClientError> {
        match self.ask(&Request::ProcessKey(ask::ProcessKey { key: key.into(), user }))? {
            Answer::Sealed { sealed } => Ok(sealed.0),
            _ => Err(self.odd()),
        }
    }
}

/// A key that the signer keeps, as an agent's process has requests signed with it. Each time it asks at the signer's door for agents.
#[derive(Debug)]
pub struct ProcessKey {
    client: Mutex<Client>,
    organization: String,
    key_id: String,
    sealed: Vec<u8>,
    public: PublicKey,
}

impl ProcessKey {
    /// The key behind a socket, as [`Client::process_key`] sealed it for the user that this process runs as. Nothing is asked yet.
    #[must_use]
    pub fn new(socket: &Path, key: SealedKey<'_>, public: PublicKey) -> Self {
        let client = Client { socket: socket.to_owned(), kept: None, is_ours: false };
        let SealedKey { organization, key_id, sealed } = key;
        Self {
            client: Mutex::new(client),
            organization: organization.to_owned(),
            key_id: key_id.to_owned(),
            sealed: sealed.to_vec(),
            public,
        }
    }

    /// Whether a signer answers agents at a socket.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn knock(socket: &Path) -> Result<(), ClientError> {
        Client { socket: socket.to_owned(), kept: None, is_ours: false }.ping().map(drop)
    }

    /// Signs the signature base of a request.
    ///
    /// # Errors
    /// [`ClientError`]; `sealed_mismatch` where the key was sealed for another user, `malformed` for what is no signature base.
    pub fn sign_request(&self, base: &str) -> Result<Signature, ClientError> {
        let Self { organization, key_id, sealed, .. } = self;
        let key = SealedKey { organization, key_id, sealed }.into();
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = client.ask(&Request::SignRequest(ask::SignRequest { key, base: base.to_owned() }))?;
        let Answer::Signature { signature } = answer else { return Err(client.odd()) };
        // Whoever listens there may be another user: what it says is believed as far as it verifies.
        let signature = signature.0.as_slice().try_into().ok();
        let signature = signature.filter(|one| self.public.verify(base.as_bytes(), one).is_ok());
        signature.ok_or_else(|| client.odd())
    }
}

/// Signs what is the signature base of a request; the signer refuses all else.
impl Signer for ProcessKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let refused = |reason: String| SignError { reason };
        let base = core::str::from_utf8(message)
            .map_err(|_| refused("the signer keeps this key, and signs requests alone with it".to_owned()))?;
        self.sign_request(base).map_err(|error| refused(error.to_string()))
    }
}
