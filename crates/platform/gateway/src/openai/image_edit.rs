//! Images that are made of images: a form with pictures, which cost tokens that nobody knows before. As many are reserved as the model
//! reads at most.

use super::{
    AtMost, ChatError, Images, Usage, UsageError,
    images::{MAX_IMAGES, MAX_KIND},
    refusal::shorten,
};
use crate::form::{self, Part};
use core::fmt;
use legation_credential::Facts;
use legation_registry::model::{Model, Price, Target};

/// Most bytes of a request.
pub const MAX_BYTES: usize = 26 << 20;
/// Most pictures that an image is made of, as OpenAI has it.
const MAX_PICTURES: usize = 16;
/// Fields that pass as they came, once each.
const PASSED: [&str; 9] = [
    "background",
    "input_fidelity",
    "output_compression",
    "output_format",
    "prompt",
    "quality",
    "response_format",
    "size",
    "user",
];
/// Longest text of a field: OpenAI reads prompts of 32,000 characters.
const MAX_TEXT: usize = 128 << 10;

/// A request that passes. It holds prompt and pictures, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageEdit {
    asked: Images,
    /// The fields that are forwarded as they came.
    fields: Vec<(String, String)>,
    files: Vec<Picture>,
}

#[derive(Clone, PartialEq, Eq)]
struct Picture {
    /// `image`, `image[]` or `mask`.
    field: String,
    called: String,
    kind: Option<String>,
    bytes: Vec<u8>,
}

impl fmt::Debug for ImageEdit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("ImageEdit");
        out.field("asked", &self.asked).field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl ImageEdit {
    /// Reads a request as an SDK sends it: a form, whose content type says its boundary.
    ///
    /// # Errors
    /// [`ChatError`].
    pub fn read(content_type: &str, body: &[u8]) -> Result<Self, ChatError> {
        if body.len() > MAX_BYTES {
            let found = body.len();
            return Err(legation_keys::json::JsonError::TooLarge { limit: MAX_BYTES, found }.into());
        }
        let (mut model, mut count) = (None, None);
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut files: Vec<Picture> = Vec::new();
        for part in form::read(content_type, body)? {
            let name = part.name.as_str();
            let wrong = |found, expected| ChatError::Wrong { member: shorten(name), found, expected };
            let twice = || wrong("there more than once", "one of it");
            match name {
                "image" | "image[]" | "mask" => {
                    let picture = picture(&part)?;
                    if name != "image[]" && files.iter().any(|file| file.field == name) {
                        return Err(twice());
                    }
                    files.push(picture);
                }
                "model" if model.replace(part.text()?.to_owned()).is_some() => return Err(twice()),
                "n" if count.replace(number(&part)?).is_some() => return Err(twice()),
                "model" | "n" => {}
                "stream" if part.text()? == "false" => {}
                "partial_images" if part.text()? == "0" => {}
                "stream" | "partial_images" => {
                    let reason = "each partial image costs tokens that nothing bounds";
                    return Err(ChatError::Unsupported { member: shorten(name), reason });
                }
                _ if PASSED.contains(&name) => {
                    let text = part.text()?;
                    if text.len() > MAX_TEXT {
                        return Err(wrong("too long", "a shorter text"));
                    }
                    if fields.iter().any(|(known, _)| known == name) {
                        return Err(twice());
                    }
                    fields.push((part.name.clone(), text.to_owned()));
                }
                _ => return Err(ChatError::Unknown { member: shorten(name) }),
            }
        }
        let missing = |member: &str, expected| ChatError::Missing { member: member.to_owned(), expected };
        let pictures = files.iter().filter(|file| file.field != "mask").count();
        if !(1..=MAX_PICTURES).contains(&pictures) {
            return Err(missing("image", "1 to 16 files of pictures"));
        }
        let said = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
        said("prompt").ok_or_else(|| missing("prompt", "a text"))?;
        let model = model.filter(|model| (1..=256).contains(&model.len()));
        let model = model.ok_or_else(|| missing("model", "the name of a model"))?;
        let kind = |name: &str| match said(name) {
            Some(text) if !(1..=MAX_KIND).contains(&text.len()) => Err(ChatError::Wrong {
                member: name.to_owned(),
                found: "a long text, or none",
                expected: "a short text",
            }),
            other => Ok(other.filter(|text| *text != "auto").map(str::to_owned)),
        };
        let (size, quality) = (kind("size")?, kind("quality")?);
        let user = said("user").map(str::to_owned);
        Ok(Self { asked: Images::of_form(model, count.unwrap_or(1), (size, quality), user), fields, files })
    }

    /// The organization's name of the model that is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        self.asked.model()
    }

    /// Who asks at the caller's, as it says.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.asked.user()
    }

    /// What this request takes at most: its images as [`Images::at_most`] has them, and all that the model reads.
    ///
    /// # Errors
    /// As [`Images::at_most`].
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        self.asked.at_most(model)
    }

    /// The facts that constraints of a grant are held against: those of [`Images::facts`], and how many `pictures` there are.
    ///
    /// # Errors
    /// As [`Images::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        let mut facts = self.asked.facts(model)?;
        let pictures = i64::try_from(self.files.len()).unwrap_or(i64::MAX);
        facts.insert("pictures".to_owned(), pictures.into());
        Ok(facts)
    }

    /// The request as a target gets it, with the target's name of the model: its content type, and its bytes. `None` where there is
    /// no randomness.
    #[must_use]
    pub fn forward(&self, target: &Target) -> Option<(String, Vec<u8>)> {
        let mut texts = vec![
            ("model".to_owned(), target.model.clone()),
            ("n".to_owned(), self.asked.count().to_string()),
        ];
        texts.extend(self.fields.iter().cloned());
        let texts = texts.iter().map(|(name, text)| Part {
            name: name.clone(),
            file: None,
            kind: None,
            data: text.as_bytes(),
        });
        let files = self.files.iter().map(|file| Part {
            name: file.field.clone(),
            file: Some(file.called.clone()),
            kind: file.kind.clone(),
            data: &file.bytes,
        });
        form::write(&texts.chain(files).collect::<Vec<_>>())
    }

    /// What an answer took, as [`Images::of_answer`].
    ///
    /// # Errors
    /// As [`Images::of_answer`]; [`UsageError::Missing`] where it does not say how many tokens the pictures were.
    pub fn of_answer(&self, body: &[u8], price: &Price) -> Result<Usage, UsageError> {
        let usage = self.asked.of_answer(body, price)?;
        // What it does not say stays as it was reserved.
        if usage.input == u64::MAX { Err(UsageError::Missing) } else { Ok(usage) }
    }
}

fn picture(part: &Part<'_>) -> Result<Picture, ChatError> {
    let called = part
        .file
        .clone()
        .ok_or_else(|| ChatError::Missing { member: part.name.clone(), expected: "a file of a picture" })?;
    Ok(Picture { field: part.name.clone(), called, kind: part.kind.clone(), bytes: part.data.to_vec() })
}

fn number(part: &Part<'_>) -> Result<u64, ChatError> {
    let text = part.text()?;
    let plain = !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| plain && (1..=MAX_IMAGES).contains(number));
    number.ok_or(ChatError::Wrong {
        member: "n".to_owned(),
        found: "something else",
        expected: "a number from 1 to 10",
    })
}
