//! The signatures that a card has before it is signed: what they covered must not have been changed unseen.

use crate::{args::SignCardArgs, files, folder::document_in, output::Failure};
use legation_agent_card::{Form, Keys, UnverifiedCard, verify};
use legation_did::Document;

/// Holds a card to the signatures that it has: by the key that signs it now, which `own` names, and by the DID's
/// document where it is at hand. Gives what there is to tell where none of them could be checked.
///
/// That a card is unsigned proves nothing: whoever can write the file can take its signatures off.
pub(super) fn check(
    args: &SignCardArgs,
    card: &UnverifiedCard<'_>,
    own: &Document,
) -> Result<Option<String>, Failure> {
    if args.changed || card.signature_count() == 0 {
        return Ok(None);
    }
    let given = match &args.did_documents {
        Some(folder) if args.did.method() != "key" => Some(document_in(folder, &args.did)?),
        _ => None,
    };
    let mut last = None;
    for document in [Some(own), given.as_ref()].into_iter().flatten() {
        match verify(card, Keys::Document { document, now: files::now() }, &Form::ALL) {
            Ok(_) => return Ok(None),
            Err(error) => last = Some(error),
        }
    }
    let Some(error) = last else { return Ok(None) };
    let (file, code) = (args.file.display(), error.code());
    if code == "signature_invalid" {
        let message = format!(
            "`{file}` was changed since it was signed: {error}; restore it, or give --changed if that was you"
        );
        return Err(Failure::invalid(code, message));
    }
    if given.is_some() {
        let message = format!(
            "no signature of `{file}` is by a key of `{}`: {error}; give --changed if the card is as you want it",
            args.did
        );
        return Err(Failure::invalid(code, message));
    }
    Ok(Some(format!(
        "whether `{file}` is as it was signed before was not checked, since nothing here has those keys ({error}); look \
         at what it says, or name a folder of your own by --did-documents, whose document of `{}` has them",
        args.did
    )))
}
