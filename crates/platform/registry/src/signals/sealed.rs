//! What is sealed of streams: the header that goes with each delivery.

use super::streams::{KIND, Stream};
use crate::{error::RegistryError, registry::Registry, route::origin_of};
use legation_keys::base64url;
use legation_store::{Tx, subscription, subscription::Subscription};

/// Streams that are read at a time.
const PAGE: i64 = 1000;

impl Registry {
    /// Seals the headers anew by the master key that seals now. Gives how many.
    pub(crate) fn reseal_streams(&self, tx: &mut Tx<'_>) -> Result<u64, RegistryError> {
        self.each_header(tx, &mut |registry, kept, stream, sealed| {
            let url = kept.url.as_deref().unwrap_or_default();
            let origin = origin_of(url)?;
            let resealed = registry.signer().reseal_secret(&registry.id, &kept.id, &origin, sealed)?;
            Ok(match resealed {
                None => false,
                Some(sealed) => {
                    stream.authorization = Some(base64url::encode(&sealed));
                    true
                }
            })
        })
    }

    /// Takes the headers away that nobody can open any more. Nothing is sent to such a stream before its receiver says how anew.
    pub(crate) fn forget_headers(&self, tx: &mut Tx<'_>) -> Result<u64, RegistryError> {
        self.each_header(tx, &mut |_, kept, stream, _| {
            stream.authorization = None;
            "paused".clone_into(&mut kept.state);
            "the secret of its delivery was lost: say it again".clone_into(&mut kept.reason);
            Ok(true)
        })
    }

    fn each_header(&self, tx: &mut Tx<'_>, change: OnHeader<'_>) -> Result<u64, RegistryError> {
        let (mut after, mut changed) = (String::new(), 0);
        loop {
            let some = subscription::list(tx, &self.id, KIND, &after, PAGE)?;
            let Some(last) = some.last() else { return Ok(changed) };
            after.clone_from(&last.id);
            for mut kept in some {
                let mut stream = Stream::read(&kept)?;
                let Some(sealed) = stream.authorization() else { continue };
                if change(self, &mut kept, &mut stream, &sealed)? {
                    kept.body = stream.write()?;
                    subscription::change(tx, &self.id, &kept)?;
                    changed += 1;
                }
            }
        }
    }
}

/// What is done with a stream that has a header: whether it was changed.
type OnHeader<'a> =
    &'a mut dyn FnMut(&Registry, &mut Subscription, &mut Stream, &[u8]) -> Result<bool, RegistryError>;
