//! A wrapping key that never leaves a hardware module.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;

use async_trait::async_trait;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use futures_channel::oneshot;

use super::unreadable;
use crate::{KeyWrap, Secret, SecretError};

/// Where a key is that a module keeps.
#[allow(clippy::exhaustive_structs, reason = "a key is found by nothing else")]
pub struct Pkcs11Place {
    /// The library that speaks to the module.
    pub module: PathBuf,
    /// The label of the key.
    pub object: String,
    /// The PIN of the token's user.
    pub pin: Secret,
    /// The label of the token.
    pub token: String,
}

impl fmt::Debug for Pkcs11Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pkcs11Place").field(&self.key_id()).finish()
    }
}

impl Pkcs11Place {
    fn key_id(&self) -> String {
        format!("pkcs11:{}/{}", self.token, self.object)
    }
}

/// A 256-bit AES key in a module that speaks
/// [PKCS #11](https://docs.oasis-open.org/pkcs11/pkcs11-spec/v3.1/pkcs11-spec-v3.1.html); it wraps
/// with AES-GCM.
///
/// Its id is made of the two labels: another key needs another label. The module is talked to by a
/// thread of its own, and once more from the start when it has failed.
pub struct Pkcs11Key {
    id: String,
    jobs: Sender<Job>,
}

type Job = Box<dyn FnOnce(&mut Token) + Send>;

/// Why a key in a module is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// The library cannot be loaded.
    #[error("the PKCS #11 module {path} cannot be loaded")]
    Module {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is none or more than one.
    #[error(
        "the token `{token}` has {count} AES keys with the label `{object}`, and one was expected"
    )]
    Objects {
        /// How many there are.
        count: usize,
        /// The label.
        object: String,
        /// The token.
        token: String,
    },
    /// The module refused something.
    #[error("the token `{token}` refuses to {what}")]
    Refused {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// The token.
        token: String,
        /// What was asked of it.
        what: &'static str,
    },
    /// No slot has this token.
    #[error("no token with the label `{0}` is there")]
    Token(String),
}

impl Pkcs11Key {
    /// The key at this place, found once so that a mistake shows at the start.
    ///
    /// # Errors
    /// [`Pkcs11Error`].
    pub fn open(place: Pkcs11Place) -> Result<Self, Pkcs11Error> {
        let (id, context) = (place.key_id(), loaded(&place.module)?);
        let mut token = Token {
            context,
            place,
            session: None,
        };
        token.key()?;
        let (jobs, waiting) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for job in waiting {
                job(&mut token);
            }
        });
        Ok(Self { id, jobs })
    }

    async fn ask<T: Send + 'static>(
        &self,
        key_id: &str,
        work: impl FnOnce(&mut Token) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        if key_id != self.id {
            return Err(SecretError::UnknownKey(key_id.to_owned()));
        }
        let (answer, answered) = oneshot::channel();
        let job = move |token: &mut Token| {
            let outcome = work(token);
            if matches!(outcome, Err(SecretError::Wrap(_))) {
                token.session = None;
            }
            // Whoever asked may have gone.
            let _ = answer.send(outcome);
        };
        let ended = |_| SecretError::Wrap("the thread of the module has ended".into());
        self.jobs.send(Box::new(job)).map_err(|_| ended(()))?;
        answered.await.map_err(|_| ended(()))?
    }
}

/// What the thread of a module has.
struct Token {
    context: Pkcs11,
    place: Pkcs11Place,
    session: Option<(Session, ObjectHandle)>,
}

/// The length of a nonce of AES-GCM.
const NONCE: usize = 12;
const TAG_BITS: u64 = 128;

impl Token {
    fn wrap(&mut self, key: &Secret, context: &[u8]) -> Result<Vec<u8>, SecretError> {
        let failed = |error: Error| SecretError::Wrap(error.into());
        let (session, handle) = self
            .key()
            .map_err(|error| SecretError::Wrap(error.into()))?;
        let mut nonce = [0; NONCE];
        session.generate_random_slice(&mut nonce).map_err(failed)?;
        let mut used = nonce;
        let mechanism = gcm(&mut used, context).map_err(failed)?;
        let wrapped = session.encrypt(&mechanism, *handle, key.expose());
        Ok([&nonce[..], &wrapped.map_err(failed)?].concat())
    }

    fn unwrap(&mut self, wrapped: &[u8], context: &[u8]) -> Result<Secret, SecretError> {
        let cut_short = || unreadable("its wrapped key is cut short");
        let (nonce, wrapped) = wrapped.split_first_chunk::<NONCE>().ok_or_else(cut_short)?;
        let (session, handle) = self
            .key()
            .map_err(|error| SecretError::Wrap(error.into()))?;
        let mut nonce = *nonce;
        let mechanism =
            gcm(&mut nonce, context).map_err(|error| SecretError::Wrap(error.into()))?;
        match session.decrypt(&mechanism, *handle, wrapped) {
            Ok(key) => Ok(Secret::new(key)),
            Err(error) if is_about_bytes(&error) => Err(unreadable(
                "its wrapped key was changed, or sealed under another id or purpose",
            )),
            Err(error) => Err(SecretError::Wrap(error.into())),
        }
    }

    /// The session and the key in it.
    fn key(&mut self) -> Result<&(Session, ObjectHandle), Pkcs11Error> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.log_in()?,
        };
        Ok(self.session.insert(session))
    }

    fn log_in(&self) -> Result<(Session, ObjectHandle), Pkcs11Error> {
        let (token, object) = (&self.place.token, &self.place.object);
        let refused = |what| {
            move |error: Error| Pkcs11Error::Refused {
                source: error.into(),
                token: token.clone(),
                what,
            }
        };
        let slots = self
            .context
            .get_slots_with_token()
            .map_err(refused("list its slots"))?;
        let mut slots = slots.into_iter();
        let is_it = |slot| {
            self.context
                .get_token_info(slot)
                .is_ok_and(|info| info.label() == token)
        };
        let slot = slots
            .find(|slot| is_it(*slot))
            .ok_or_else(|| Pkcs11Error::Token(token.clone()))?;
        let session = self
            .context
            .open_ro_session(slot)
            .map_err(refused("open a session"))?;
        let pin = String::from_utf8_lossy(self.place.pin.expose()).into_owned();
        match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            logged_in => logged_in.map_err(refused("take the PIN"))?,
        }
        let wanted = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Label(object.clone().into_bytes()),
        ];
        let found = session
            .find_objects(&wanted)
            .map_err(refused("list its keys"))?;
        let [handle] = found[..] else {
            return Err(Pkcs11Error::Objects {
                count: found.len(),
                object: object.clone(),
                token: token.clone(),
            });
        };
        Ok((session, handle))
    }
}

fn loaded(path: &Path) -> Result<Pkcs11, Pkcs11Error> {
    let failed = |error: Error| Pkcs11Error::Module {
        path: path.to_owned(),
        source: error.into(),
    };
    let context = Pkcs11::new(path).map_err(failed)?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another key of this process is in the same module.
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        initialized => initialized.map(|()| context).map_err(failed),
    }
}

fn gcm<'a>(nonce: &'a mut [u8], context: &'a [u8]) -> Result<Mechanism<'a>, Error> {
    let params = GcmParams::new(nonce, context, TAG_BITS.into())?;
    Ok(Mechanism::AesGcm(params))
}

/// Modules disagree on which error it is that a tag does not fit.
fn is_about_bytes(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::DataInvalid
                | RvError::GeneralError,
            _
        )
    )
}

#[async_trait]
impl KeyWrap for Pkcs11Key {
    fn key_id(&self) -> String {
        self.id.clone()
    }

    async fn wrap_key(
        &self,
        key_id: &str,
        key: &Secret,
        context: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        let (key, context) = (Secret::new(key.expose().to_vec()), context.to_vec());
        self.ask(key_id, move |token| token.wrap(&key, &context))
            .await
    }

    async fn unwrap_key(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Secret, SecretError> {
        let (wrapped, context) = (wrapped.to_vec(), context.to_vec());
        self.ask(key_id, move |token| token.unwrap(&wrapped, &context))
            .await
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pkcs11Key").field(&self.id).finish()
    }
}
