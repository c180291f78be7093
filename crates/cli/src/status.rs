//! `legation status publish` and `legation revoke`.

use crate::{
    args::{Format, PublishArgs, Purpose, RevokeArgs},
    files,
    list_file::{MOST, believed, renew, sign},
    output::{Failure, Output},
    renewal::usual_age,
    signed_by::AtHand,
};
use legation_credential::{
    Delegation, Securing,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose, is_list_url},
};
use legation_did::{Did, key};
use legation_keys::{Signer, time};
use legation_keystore::Access;
use serde_json::json;

pub(crate) fn publish(args: &PublishArgs) -> Result<Output, Failure> {
    if !is_list_url(&args.url) {
        return Err(Failure::usage(format!("`{}` is no http(s) URL in normal form", args.url)));
    }
    if args.entries > MOST {
        return Err(Failure::usage(format!("a list has at most {MOST} entries")));
    }
    let signer = files::load_key(&args.key)?;
    let hand = AtHand { signer: &signer, documents: args.did_documents.as_deref() };
    let issuer = args.issuer.clone().unwrap_or_else(|| key::did(signer.public_key()));
    hand.check_signer(&issuer)?;
    files::make_folder(&args.out)?;
    let (list, signatures) = files::change(&args.out, Access::Public, |found| {
        let mut list = new_list(args, issuer);
        let (mut securing, mut signatures) = (Securing::default(), 0);
        if let Some(found) = found {
            let read = believed(&args.out, found, hand)?;
            go_on(&mut list, read.credential, args)?;
            (securing, signatures) = (read.securing, read.seals.len());
        }
        securing = args.format.map_or(securing, Format::securing);
        Ok((sign(&list, securing, &signer)?, (list, signatures)))
    })?;
    let until = time::format(list.valid_until.unwrap_or_default());
    let (file, entries) = (args.out.display().to_string(), list.list.entries());
    let mut output = Output::done(
        json!({
            "list": args.url, "file": file, "issuer": list.issuer.as_str(),
            "entries": entries, "validUntil": until,
        }),
        format!(
            "wrote {file}\n{entries} entries for {}, valid until {until}; `legation serve --status-key` signs it anew in time",
            args.url
        ),
    );
    if args.valid_for > usual_age() {
        output.notes.push(format!(
            "verifiers call a list stale {} min after it was signed, unless their trust says otherwise (`maxStatusAge`); \
             sign it anew before then, as `legation serve --status-key` does",
            usual_age() / 60
        ));
    }
    output.notes.extend(lost(signatures));
    Ok(output)
}

/// The list that is asked for, with no bit set.
fn new_list(args: &PublishArgs, issuer: Did) -> StatusListCredential {
    let now = files::now();
    let purpose = match args.purpose {
        Purpose::Revocation => StatusPurpose::Revocation,
        Purpose::Suspension => StatusPurpose::Suspension,
    };
    StatusListCredential {
        id: Some(args.url.clone()),
        issuer,
        valid_from: now,
        valid_until: Some(now.saturating_add(args.valid_for)),
        purposes: vec![purpose],
        list: StatusList::new(args.entries),
    }
}

/// Lets a list go on where the one before it was: one of the same URL, purpose and issuer.
fn go_on(
    list: &mut StatusListCredential,
    before: StatusListCredential,
    args: &PublishArgs,
) -> Result<(), Failure> {
    let file = args.out.display();
    if before.id.is_some() && before.id != list.id || before.purposes != list.purposes {
        let id = before.id.unwrap_or_default();
        let message = format!("`{file}` is the list {id} for another URL or purpose; name another file");
        return Err(Failure::file(message));
    }
    if before.issuer != list.issuer {
        let (found, asked) = (before.issuer, &list.issuer);
        let message =
            format!("`{file}` is a list of `{found}`, not of `{asked}`; give --issuer, or name another file");
        return Err(Failure::invalid("issuer_mismatch", message));
    }
    list.valid_from = list.valid_from.max(before.valid_from.saturating_add(1));
    list.list = before.list;
    Ok(())
}

pub(crate) fn revoke(args: &RevokeArgs) -> Result<Output, Failure> {
    let secured = files::read_text(&args.credential)?;
    let credential = Delegation::read_unverified(&secured).map_err(|error| {
        Failure::invalid(error.code(), format!("`{}` is no delegation: {error}", args.credential.display()))
    })?;
    let (purpose, value) = match (args.suspend, args.reinstate) {
        (false, false) => (StatusPurpose::Revocation, true),
        (suspend, _) => (StatusPurpose::Suspension, suspend),
    };
    let entry = credential.terms.status.iter().find(|entry| entry.purpose == purpose).ok_or_else(|| {
        let message = format!("`{}` has no status for {}", args.credential.display(), purpose.name());
        Failure::invalid("status_missing", message)
    })?;
    let signer = files::load_key(&args.key)?;
    let hand = AtHand { signer: &signer, documents: args.did_documents.as_deref() };
    let unknown = known(args, &secured, &credential, hand)?;
    let signatures = files::change(&args.list, Access::Public, |found| {
        let missing = || Failure::file(format!("`{}` can't be read: it is not there", args.list.display()));
        let read = believed(&args.list, found.ok_or_else(missing)?, hand)?;
        let mut list = read.credential;
        check_issuers(args, &credential, &list)?;
        set(&mut list, entry, value)?;
        renew(&mut list, files::now());
        Ok((sign(&list, read.securing, &signer)?, read.seals.len()))
    })?;
    let done = match (purpose, value) {
        (StatusPurpose::Suspension, true) => "suspended",
        (StatusPurpose::Suspension, false) => "reinstated",
        _ => "revoked",
    };
    let (list, index) = (&entry.list, entry.index);
    let mut output = Output::done(
        json!({"status": done, "list": list, "index": index, "subject": credential.terms.subject.as_str()}),
        format!("{done}: index {index} of {list}\npublish {} anew", args.list.display()),
    );
    output.notes.extend(unknown);
    output.notes.extend(lost(signatures));
    Ok(output)
}

/// Holds the delegation to its signature, as far as its key is at hand; otherwise that is said. To take a
/// suspension back it has to be: with a delegation made up, anybody could ask for somebody else's end.
fn known(
    args: &RevokeArgs,
    secured: &str,
    credential: &Delegation,
    hand: AtHand<'_>,
) -> Result<Option<String>, Failure> {
    let Some(key_id) = hand.check_delegation(secured, credential)? else { return Ok(None) };
    let file = args.credential.display();
    let issuer = &credential.issuer;
    let unknown = format!(
        "nothing here says that `{key_id}`, which signed `{file}`, is a key of `{issuer}`; name a folder of your own by \
         --did-documents, whose document of `{issuer}` has it"
    );
    if args.reinstate { Err(Failure::invalid("key_not_found", unknown)) } else { Ok(Some(unknown)) }
}

/// Verifiers ask a delegation's own issuer, unless their trust takes the lists of another for it.
fn check_issuers(
    args: &RevokeArgs,
    credential: &Delegation,
    list: &StatusListCredential,
) -> Result<(), Failure> {
    let (found, wanted) = (&credential.issuer, args.issuer.as_ref().unwrap_or(&list.issuer));
    if found == wanted {
        return Ok(());
    }
    let message = format!(
        "the delegation is of `{found}`, the list of `{}`; if that keeps the status of delegations of `{found}`, \
         which trust settings say by `statusIssuers`, give --issuer {found}",
        list.issuer
    );
    Err(Failure::invalid("issuer_mismatch", message))
}

/// Sets the bit of a delegation in the list that answers for it.
fn set(list: &mut StatusListCredential, entry: &StatusEntry, value: bool) -> Result<(), Failure> {
    let purpose = entry.purpose.name();
    // A list without an `id` is the one that its file is taken for (VCDM 2.0 §4.4).
    let id = list.id.as_ref().unwrap_or(&entry.list);
    if entry.list != *id || !list.purposes.contains(&entry.purpose) {
        let message = format!("the delegation's {purpose} stands in {}, this file is {id}", entry.list);
        return Err(Failure::invalid("status_invalid", message));
    }
    if !list.list.set(entry.index, value) {
        let entries = list.list.entries();
        let message = format!("the list has {entries} entries, the delegation's index is {}", entry.index);
        return Err(Failure::invalid("status_invalid", message));
    }
    Ok(())
}

/// What is said where a list had more signatures than the one that it gets.
fn lost(signatures: usize) -> Option<String> {
    (signatures > 1).then(|| format!("the {signatures} proofs of before are gone, there is one by this key"))
}
