//! A card as it was received: read, projected, not yet believed.

use crate::{
    error::{CardError, LIMITS},
    extension,
    form::{self, Form},
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
        Self::project(json)
    }

    /// Takes the signatures out, which no form has, and projects the rest.
    pub(crate) fn project(json: Json<'a>) -> Result<Self, CardError> {
        let mut signatures = Json::Null;
        let rest = match json {
            Json::Object(object) => {
                let rest = object.try_filter_map(|name, value| {
                    if name == "signatures" {
                        signatures = value;
                        return Ok::<_, Infallible>(None);
                    }
                    Ok(Some(value))
                });
                rest.map(Json::Object).unwrap_or(Json::Null)
            }
            other => other,
        };
        let spec = form::spec(rest, &schema::AGENT_CARD)?;
        let signatures = match signatures {
            Json::Null => Vec::new(),
            Json::Array(signatures) => signatures,
            other => {
                let error = CardError::Kind { at: String::new(), expected: "an array", found: other.kind() };
                return Err(error.within("signatures"));
            }
        };
        Ok(Self { spec, signatures })
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
            Form::Sdk => form::text(&form::sdk(&self.spec)),
        }
    }
}
