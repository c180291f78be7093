//! `legation status publish` and `legation revoke`.

use crate::{
    args::{Format, PublishArgs, Purpose, RevokeArgs},
    files,
    output::{Failure, Output},
};
use legation_credential::{
    Delegation, Securing,
    status::{SignedStatusList, StatusEntry, StatusList, StatusListCredential, StatusPurpose, is_list_url},
};
use legation_did::{key, method_id};
use legation_keys::{SecretKey, Signer, data_integrity::AddProofError, time};
use legation_keystore::Access;
use serde_json::json;
use std::path::Path;

/// Most entries of a list that the command works on.
const MOST: usize = 1 << 28;

pub(crate) fn publish(args: &PublishArgs) -> Result<Output, Failure> {
    if !is_list_url(&args.url) {
        return Err(Failure::usage(format!("`{}` is no http(s) URL in normal form", args.url)));
    }
    if args.entries > MOST {
        return Err(Failure::usage(format!("a list has at most {MOST} entries")));
    }
    let signer = files::load_key(&args.key)?;
    let issuer = args.issuer.clone().unwrap_or_else(|| key::did(signer.public_key()));
    let purpose = match args.purpose {
        Purpose::Revocation => StatusPurpose::Revocation,
        Purpose::Suspension => StatusPurpose::Suspension,
    };
    files::make_folder(&args.out)?;
    let (list, signatures) = files::change(&args.out, Access::Public, |found| {
        let now = files::now();
        let mut list = StatusListCredential {
            id: args.url.clone(),
            issuer,
            valid_from: now,
            valid_until: Some(now.saturating_add(args.valid_for)),
            purposes: vec![purpose],
            list: StatusList::new(args.entries),
        };
        let (mut securing, mut signatures) = (Securing::default(), 0);
        if let Some(found) = found {
            let read = read(&args.out, found)?;
            let before = read.credential;
            if before.id != list.id || before.purposes != list.purposes {
                let message = format!(
                    "`{}` is the list {} for another URL or purpose; name another file",
                    args.out.display(),
                    before.id
                );
                return Err(Failure::file(message));
            }
            list.valid_from = now.max(before.valid_from.saturating_add(1));
            list.list = before.list;
            (securing, signatures) = (read.securing, read.seals.len());
        }
        securing = args.format.map_or(securing, Format::securing);
        Ok((sign(&list, securing, &signer)?, (list, signatures)))
    })?;
    let until = time::format(list.valid_until.unwrap_or_default());
    let mut output = Output::done(
        json!({
            "list": args.url, "file": args.out.display().to_string(), "issuer": list.issuer.as_str(),
            "entries": list.list.entries(), "validUntil": until,
        }),
        format!(
            "wrote {}\n{} entries for {}, valid until {until}",
            args.out.display(),
            list.list.entries(),
            args.url
        ),
    );
    output.notes.extend(lost(signatures));
    Ok(output)
}

pub(crate) fn revoke(args: &RevokeArgs) -> Result<Output, Failure> {
    let credential = Delegation::read_unverified(&files::read_text(&args.credential)?).map_err(|error| {
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
    let signatures = files::change(&args.list, Access::Public, |found| {
        let missing = || Failure::file(format!("`{}` can't be read: it is not there", args.list.display()));
        let SignedStatusList { credential: mut list, securing, seals, .. } =
            read(&args.list, found.ok_or_else(missing)?)?;
        set(&mut list, entry, value)?;
        renew(&mut list, files::now());
        Ok((sign(&list, securing, &signer)?, seals.len()))
    })?;
    let done = match (purpose, value) {
        (StatusPurpose::Revocation, _) => "revoked",
        (StatusPurpose::Suspension, true) => "suspended",
        (StatusPurpose::Suspension, false) => "reinstated",
    };
    let (list, index) = (&entry.list, entry.index);
    let mut output = Output::done(
        json!({"status": done, "list": list, "index": index, "subject": credential.terms.subject.as_str()}),
        format!("{done}: index {index} of {list}\npublish {} anew", args.list.display()),
    );
    output.notes.extend(lost(signatures));
    Ok(output)
}

/// Sets the bit of a delegation in the list that answers for it.
fn set(list: &mut StatusListCredential, entry: &StatusEntry, value: bool) -> Result<(), Failure> {
    let purpose = entry.purpose.name();
    if entry.list != list.id || !list.purposes.contains(&entry.purpose) {
        let message =
            format!("the delegation's {purpose} stands in {}, this file is {}", entry.list, list.id);
        return Err(Failure::invalid("status_invalid", message));
    }
    if !list.list.set(entry.index, value) {
        let entries = list.list.entries();
        let message = format!("the list has {entries} entries, the delegation's index is {}", entry.index);
        return Err(Failure::invalid("status_invalid", message));
    }
    Ok(())
}

/// Lets a list live from now on, as long as it did.
fn renew(list: &mut StatusListCredential, now: i64) {
    let lifetime = list.valid_until.map(|until| until.saturating_sub(list.valid_from));
    list.valid_from = now.max(list.valid_from.saturating_add(1));
    list.valid_until = lifetime.map(|lifetime| list.valid_from.saturating_add(lifetime));
}

/// What is said where a list had more signatures than the one that it gets.
fn lost(signatures: usize) -> Option<String> {
    (signatures > 1).then(|| format!("the {signatures} proofs of before are gone, there is one by this key"))
}

fn read(path: &Path, found: &[u8]) -> Result<SignedStatusList, Failure> {
    let no_list = |reason: String| Failure::file(format!("`{}` is no status list: {reason}", path.display()));
    let text = core::str::from_utf8(found).map_err(|error| no_list(error.to_string()))?;
    SignedStatusList::parse(text, MOST).map_err(|error| no_list(error.to_string()))
}

/// Signs a list and puts it into a file.
pub(crate) fn write(
    path: &Path,
    list: &StatusListCredential,
    securing: Securing,
    signer: &SecretKey,
) -> Result<(), Failure> {
    files::make_folder(path)?;
    files::write_public(path, &sign(list, securing, signer)?, true)
}

fn sign(list: &StatusListCredential, securing: Securing, signer: &SecretKey) -> Result<String, Failure> {
    if list.issuer.method() == "key" && list.issuer != key::did(signer.public_key()) {
        let message = format!("the list is issued by `{}`, whose key this is not", list.issuer);
        return Err(Failure::invalid("issuer_mismatch", message));
    }
    let key_id = method_id(&list.issuer, signer.public_key());
    list.secure(securing, &key_id, signer).map_err(|error| match error {
        AddProofError::Algorithm { .. } => {
            Failure::usage(format!("{error}; take `--format jwt`, or a list that was written so"))
        }
        error => Failure::network("sign", error.to_string()),
    })
}
