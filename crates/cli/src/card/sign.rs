//! `legation card sign`.

use super::earlier;
use crate::{
    args::SignCardArgs,
    files,
    output::{Failure, Output},
};
use legation_agent_card::{
    BindingError, CardError, Form, Keys, UnverifiedCard, check_binding_with, extension, sign, verify,
};
use legation_did::{Document, key, method_id, web};
use legation_keys::{SecretKey, Signer};
use legation_keystore::Access;
use legation_resolver::card::loopback_origin;
use serde_json::{Value, json};

/// The members that every card must have (A2A 1.0 §4.4.1).
const REQUIRED: [&str; 8] = [
    "name",
    "description",
    "supportedInterfaces",
    "version",
    "capabilities",
    "defaultInputModes",
    "defaultOutputModes",
    "skills",
];

pub(crate) fn run(args: &SignCardArgs) -> Result<Output, Failure> {
    let signer = files::load_key(&args.key)?;
    if !args.out.force {
        let (signed, output) = signed(args, &files::read(&args.file)?, &signer)?;
        files::write_public(&args.out.out, &signed, false)?;
        return Ok(output);
    }
    files::change(&args.out.out, Access::Public, |found| match found {
        // The file that is signed anew is read while nobody else can change it.
        Some(found) if files::is_same(&args.file, &args.out.out) => signed(args, found, &signer),
        _ => signed(args, &files::read(&args.file)?, &signer),
    })
}

/// The signed card, and what there is to tell of it.
fn signed(args: &SignCardArgs, bytes: &[u8], signer: &SecretKey) -> Result<(String, Output), Failure> {
    let refused = |error: CardError| {
        let hint = match error {
            CardError::Legacy => "; write it as one of A2A 1.0",
            _ => "",
        };
        Failure::invalid(error.code(), format!("`{}` can't be signed: {error}{hint}", args.file.display()))
    };
    let before = UnverifiedCard::parse(bytes).map_err(refused)?;
    let document = document(args, signer)?;
    let text = declared(args, bytes, &before).map_err(refused)?;
    let mut card = UnverifiedCard::parse(text.as_bytes()).map_err(refused)?;
    let mut notes: Vec<String> = earlier::check(args, &before, &document)?.into_iter().collect();
    let others = before.signature_count();
    if args.only || args.changed {
        card = card.without_signatures();
    } else if others > 0 && before.canonical(Form::Spec) != card.canonical(Form::Spec) {
        // They covered a text that is no more.
        card = card.without_signatures();
        notes.push(format!("the {others} signatures of before are gone: the declarations changed the card"));
    }
    let key_id = method_id(&args.did, signer.public_key());
    let failed = |code: &str, error: String| {
        Failure::invalid(code, format!("`{}` can't be signed: {error}", args.file.display()))
    };
    let signed = sign(&card, &key_id, signer).map_err(|error| failed(error.code(), error.to_string()))?;
    let received = UnverifiedCard::parse(signed.as_bytes()).map_err(refused)?;
    let own = if card.canonical(Form::Spec) == card.canonical(Form::Sdk) { 1 } else { 2 };
    let kept = received.signature_count().saturating_sub(own);
    if kept > 0 {
        notes.push(format!(
            "{kept} signatures of other keys are kept; they hold if the card is as it was, and --only drops them"
        ));
    }
    if !before.dropped().is_empty() {
        notes.push(format!("A2A 1.0 does not know these members, which are left out: {}", before.dropped()));
    }
    notes.extend(surprises(&received, &document, args)?);
    let out = args.out.out.display().to_string();
    let mut output = Output::done(
        json!({
            "card": out, "did": args.did.as_str(), "keyId": key_id,
            "signatures": received.signature_count(), "kept": kept, "dropped": before.dropped().paths(),
        }),
        format!("wrote {out}\n{} signs the card with {key_id}", args.did),
    );
    output.notes = notes;
    Ok((signed, output))
}

/// The document that the DID has, or must have for others to verify the card: with this key.
fn document(args: &SignCardArgs, signer: &SecretKey) -> Result<Document, Failure> {
    match args.did.method() {
        "web" => Ok(web::document(&args.did, &[signer.public_key().clone()])),
        "key" => {
            let own = key::did(signer.public_key());
            if own != args.did {
                let message = format!("the key is that of `{own}`, not of `{}`", args.did);
                return Err(Failure::invalid("issuer_mismatch", message));
            }
            key::document(&own).map_err(|error| Failure::invalid("malformed", error.to_string()))
        }
        other => {
            let message = format!("cards are verified with did:web and did:key only, not with did:{other}");
            Err(Failure::usage(message))
        }
    }
}

/// The card with what the arguments declare. What it declares already stays as it stands, so that the
/// signatures of other keys hold.
fn declared(args: &SignCardArgs, bytes: &[u8], before: &UnverifiedCard<'_>) -> Result<String, CardError> {
    // Read strictly before; this reading is for writing.
    let mut card: Value = serde_json::from_slice(bytes).unwrap_or_default();
    if before.claimed_did().ok().flatten().as_ref() != Some(&args.did) {
        extension::declare_identity(&mut card, &args.did)?;
    }
    if args.handshake.is_some() || args.require_delegation {
        let extensions = card.pointer("/capabilities/extensions").and_then(Value::as_array);
        let is_delegation = |one: &&Value| one.get("uri").is_some_and(|uri| uri == extension::DELEGATION);
        let earlier = extensions.and_then(|all| all.iter().find(is_delegation)).cloned().unwrap_or_default();
        let required = args.require_delegation || earlier.get("required") == Some(&Value::Bool(true));
        let handshake = earlier.pointer("/params/handshake").and_then(Value::as_str);
        let handshake = args.handshake.as_deref().or(handshake);
        extension::declare_delegation(&mut card, required, handshake)?;
    }
    Ok(card.to_string())
}

/// What holds of the signed card and its author may not expect.
fn surprises(
    received: &UnverifiedCard<'_>,
    document: &Document,
    args: &SignCardArgs,
) -> Result<Vec<String>, Failure> {
    // The clock is not asked: a fresh key has no end.
    let card = verify(received, Keys::Document { document, now: 0 }, &Form::ALL).map_err(|error| {
        Failure::invalid(error.code(), format!("the signed card does not verify: {error}"))
    })?;
    let mut notes = Vec::new();
    let missing: Vec<_> = REQUIRED.into_iter().filter(|name| card.card().get(name).is_none()).collect();
    if !missing.is_empty() {
        notes.push(format!("A2A requires members that the card lacks: {}", missing.join(", ")));
    }
    let plain: Vec<String> = loopback_origin(&args.did).into_iter().collect();
    match check_binding_with(&card, document, &plain) {
        Ok(legation_agent_card::Binding::KeyOnly) => {
            notes.push("a did:key binds the card to its key only; no domain vouches for it".to_owned());
        }
        Ok(_) => {}
        Err(error @ (BindingError::Origin { .. } | BindingError::Handshake { .. })) => notes.push(format!(
            "{error}; it is refused unless the DID's document names it: `legation did create web … --service a2a=URL`"
        )),
        Err(error) => notes.push(format!("{error}; it is refused")),
    }
    Ok(notes)
}
