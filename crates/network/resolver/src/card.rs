//! An agent card from its domain, and what ties card, DID and domain together.

use crate::{CardFetchError, FetchError, Fetcher, fetch::is_local};
use legation_agent_card::{
    Binding, Form, Keys, UnverifiedCard, VerifiedCard, check_binding_with, error::LIMITS, verify,
};
use legation_did::{Did, Document, web};
use reqwest::Url;

/// Content types of a card: A2A 1.0 §14.1.1, and what web servers make of `.json`.
const CARD_TYPES: [&str; 2] = ["application/a2a+json", "application/json"];

/// Where a domain's own card stands (A2A 1.0 §14.3).
const WELL_KNOWN: &str = "/.well-known/agent-card.json";

/// A card that is believed, with what it was believed on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FetchedCard {
    /// The card, rebuilt from what its signature covers.
    pub card: VerifiedCard,
    /// The document of its DID.
    pub document: Document,
    /// What ties the card to a domain.
    pub binding: Binding,
    /// The bytes as they were published, and the moment they were judged by.
    published: (Vec<u8>, i64),
}

impl FetchedCard {
    /// The card as a text that may be kept: what was verified, with the signatures that cover it. What
    /// else stood in the published text is no part of it.
    #[must_use]
    pub fn signed_text(&self) -> String {
        let (bytes, now) = &self.published;
        let keys = Keys::Document { document: &self.document, now: *now };
        // They were read before, so that they are read again.
        UnverifiedCard::parse(bytes)
            .map_or_else(|_| self.card.canonical().to_owned(), |one| self.card.signed_text(&one, keys))
    }
}

impl Fetcher {
    /// Fetches a card and believes it, or says why not.
    ///
    /// `url` is that of the card; a domain alone, such as `shop.example` or `https://shop.example`,
    /// stands for its well-known path. `now` is Unix seconds, against the end of a key.
    ///
    /// A card says by itself whose it is, so nothing is fetched on its word: for a did:web, card and DID
    /// must be of one origin before the document is fetched. Then one signature must be by a key of that
    /// document, and [the binding](legation_agent_card::check_binding) must hold. With
    /// [`http_on_loopback`](crate::Options::http_on_loopback), `http://localhost:8080` counts as the
    /// `https` origin of `did:web:localhost%3A8080`, and for that DID only.
    ///
    /// # Errors
    /// [`CardFetchError`].
    pub async fn card(&self, url: &str, now: i64) -> Result<FetchedCard, CardFetchError> {
        let url = self.card_url(url).map_err(CardFetchError::Fetch)?;
        let bytes = self.card_at(&url).await.map_err(CardFetchError::Fetch)?;
        self.believe(bytes, Some(&url), now).await
    }

    /// As [`card`](Self::card), for a card that came in another way than from its domain: in a file, by
    /// a registry. Its own word decides whose document is fetched, within the limits of the options.
    ///
    /// # Errors
    /// [`CardFetchError`], other than [`CardFetchError::Domain`].
    pub async fn card_at_hand(&self, bytes: Vec<u8>, now: i64) -> Result<FetchedCard, CardFetchError> {
        self.believe(bytes, None, now).await
    }

    /// The bytes of a card that nobody has looked at, for whoever has a key set of its signer.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn card_bytes(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let url = self.card_url(url)?;
        self.card_at(&url).await
    }

    async fn card_at(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        self.get(url, &CARD_TYPES, self.options.max_bytes.min(LIMITS.bytes)).await
    }

    async fn believe(
        &self,
        bytes: Vec<u8>,
        from: Option<&Url>,
        now: i64,
    ) -> Result<FetchedCard, CardFetchError> {
        let received = UnverifiedCard::parse(&bytes)?;
        if received.signature_count() == 0 {
            return Err(CardFetchError::Unsigned);
        }
        let did = received.claimed_did()?.ok_or(CardFetchError::NoDid)?;
        // Plain `http` is spoken with this machine only, and only where the options say so.
        let plain = loopback_origin(&did).filter(|_| self.options.http_on_loopback);
        if let (Some(url), Some(home)) = (from, web::origin(&did)) {
            let origin = url.origin().ascii_serialization();
            if origin != home && plain.as_ref() != Some(&origin) {
                return Err(CardFetchError::Domain { origin, did });
            }
        }
        let document = self.document(&did).await.map_err(|error| CardFetchError::Document { did, error })?;
        let card = verify(&received, Keys::Document { document: &document, now }, &Form::ALL)?;
        let binding = check_binding_with(&card, &document, plain.as_slice())?;
        Ok(FetchedCard { card, document, binding, published: (bytes, now) })
    }

    /// The URL of a card, from what people type.
    fn card_url(&self, text: &str) -> Result<Url, FetchError> {
        let bare = match text.split_once(':') {
            None => true,
            // `shop.example:8443` has a port, `file:/etc` a scheme.
            Some((_, rest)) => rest.starts_with(|first: char| first.is_ascii_digit()),
        };
        let mut url = if bare { self.parse(&format!("https://{text}"))? } else { self.parse(text)? };
        if bare && self.is_plain(&url) {
            let _ = url.set_scheme("http");
        }
        if url.path() == "/" && url.query().is_none() {
            url.set_path(WELL_KNOWN);
        }
        url.set_fragment(None);
        Ok(url)
    }
}

/// What `http` calls the origin of a did:web on this very machine: `http://localhost:8080` for
/// `did:web:localhost%3A8080`. `None` for every other DID.
///
/// For [`check_binding_with`], while things are tried out on one machine.
///
/// ```
/// use legation_resolver::card::loopback_origin;
/// let origin = loopback_origin(&"did:web:localhost%3A8080".parse()?);
/// assert_eq!(origin.as_deref(), Some("http://localhost:8080"));
/// assert_eq!(loopback_origin(&"did:web:shop.example".parse()?), None);
/// # Ok::<(), legation_did::DidError>(())
/// ```
#[must_use]
pub fn loopback_origin(did: &Did) -> Option<String> {
    let mut url = Url::parse(&web::origin(did)?).ok().filter(is_local)?;
    url.set_scheme("http").ok()?;
    Some(url.origin().ascii_serialization())
}
