//! A card as it was received: read, projected, not yet believed.

use crate::{
    dropped::{Dropped, Path},
    error::{CardError, LIMITS},
    extension,
    form::{self, Form, Lost, Projection},
    legacy, schema,
};
use core::convert::Infallible;
use legation_did::Did;
use legation_keys::{Json, json};

/// A card whose signatures nobody has looked at. It gives nothing away but the DID that it claims,
/// which tells whose document to fetch; what it says comes out of [`crate::verify()`].
#[derive(Clone, Debug)]
pub struct UnverifiedCard<'a> {
    /// The spec form.
    pub(crate) spec: Json<'a>,
    /// The elements of `signatures`, as they stand.
    pub(crate) signatures: Vec<Json<'a>>,
    /// What the schema does not know.
    pub(crate) dropped: Dropped,
    /// What of it may not be left out of what is signed.
    pub(crate) lost: Option<Lost>,
    /// The text, to see what a signature may cover that the schema does not know.
    text: &'a [u8],
}

impl<'a> UnverifiedCard<'a> {
    /// Reads an A2A 1.0 card: strictly, within [`LIMITS`], and only what the schema knows.
    ///
    /// # Errors
    /// [`CardError`]; a card of A2A 0.3 is [`CardError::Legacy`].
    ///
    /// ```
    /// use legation_agent_card::{CardError, UnverifiedCard};
    /// assert!(UnverifiedCard::parse(br#"{"name":"A","unknown":1}"#).is_ok());
    /// let error = UnverifiedCard::parse(br#"{"name":"A","name":"B"}"#).err();
    /// assert_eq!(error.map(|error| error.code()), Some("duplicate_member"));
    /// ```
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CardError> {
        let json = json::parse(bytes, LIMITS)?;
        if legacy::is_legacy(&json) {
            return Err(CardError::Legacy);
        }
        let (rest, signatures) = apart(json);
        let mut projection = Projection::default();
        let spec = projection.message(rest, &schema::AGENT_CARD, Path::Root)?;
        let signatures = match signatures {
            Json::Null => Vec::new(),
            Json::Array(signatures) => signatures,
            other => {
                let error = CardError::Kind { at: String::new(), expected: "an array", found: other.kind() };
                return Err(error.within("signatures"));
            }
        };
        Ok(Self { spec, signatures, dropped: projection.dropped, lost: projection.lost, text: bytes })
    }

    /// The DID that the card claims in its identity extension, without any proof.
    ///
    /// # Errors
    /// [`CardError::Did`] and [`CardError::TwoDids`].
    pub fn claimed_did(&self) -> Result<Option<Did>, CardError> {
        extension::did(&self.spec)
    }

    /// How many signatures the card brings, valid or not.
    #[must_use]
    pub fn signature_count(&self) -> usize {
        self.signatures.len()
    }

    /// The members that the schema does not know, at every depth: they are in no form, so that nothing
    /// vouches for them.
    #[must_use]
    pub fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    /// The card without its signatures, to be signed anew after a change.
    #[must_use]
    pub fn without_signatures(self) -> Self {
        Self { signatures: Vec::new(), ..self }
    }

    /// The canonical text of a form: what a signature covers.
    #[must_use]
    pub fn canonical(&self, form: Form) -> String {
        match form {
            Form::Spec => form::text(&self.spec),
            Form::Sdk => form::text(&form::sdk(&self.spec, &mut Dropped::default())),
        }
    }

    /// What a signature may cover that covers the members which the schema does not know: the two forms
    /// with these members, and the card as it stands, with and without what is empty. Nothing where
    /// there are no such members.
    pub(crate) fn with_dropped(&self) -> Vec<String> {
        let mut texts = Vec::new();
        if self.dropped.is_empty() {
            return texts;
        }
        // It was read before; reading it again costs nobody whose card verifies.
        let Ok(json) = json::parse(self.text, LIMITS) else { return texts };
        let whole = apart(json).0;
        let mut projection = Projection { keep_unknown: true, ..Projection::default() };
        let spec = projection.message(whole.clone(), &schema::AGENT_CARD, Path::Root).ok();
        for json in spec.into_iter().chain([whole]) {
            for text in [form::text(&json), form::text(&form::sdk(&json, &mut Dropped::default()))] {
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
        texts
    }
}

/// A card without its signatures, and these.
fn apart(json: Json<'_>) -> (Json<'_>, Json<'_>) {
    let mut signatures = Json::Null;
    let Json::Object(object) = json else { return (json, signatures) };
    let rest = object.try_filter_map(|name, value| {
        if name == "signatures" {
            signatures = value;
            return Ok::<_, Infallible>(None);
        }
        Ok(Some(value))
    });
    (rest.map(Json::Object).unwrap_or(Json::Null), signatures)
}
