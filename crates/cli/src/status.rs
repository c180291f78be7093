//! `legation status publish` and `legation revoke`.

use crate::{
    args::{Format, PublishArgs, Purpose, RevokeArgs},
    files,
    output::{Failure, Output},
};
use legation_credential::{
    Delegation, Securing,
    status::{SignedStatusList, StatusList, StatusListCredential, StatusPurpose, is_list_url},
};
use legation_did::{key, method_id};
use legation_keys::{SecretKey, Signer, data_integrity::AddProofError, time};
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
    if args.out.exists() {
        let read = read(&args.out)?;
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
    write(&args.out, &list, securing, &signer)?;
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
    let SignedStatusList { credential: mut list, securing, seals, .. } = read(&args.list)?;
    let (purpose, value) = match (args.suspend, args.reinstate) {
        (false, false) => (StatusPurpose::Revocation, true),
        (suspend, _) => (StatusPurpose::Suspension, suspend),
    };
    let entry = credential.terms.status.iter().find(|entry| entry.purpose == purpose).ok_or_else(|| {
        let message = format!("`{}` has no status for {}", args.credential.display(), purpose.name());
        Failure::invalid("status_missing", message)
    })?;
    if entry.list != list.id || !list.purposes.contains(&purpose) {
        let message =
            format!("the delegation's {} stands in {}, this file is {}", purpose.name(), entry.list, list.id);
        return Err(Failure::invalid("status_invalid", message));
    }
    if !list.list.set(entry.index, value) {
        let message = format!(
            "the list has {} entries, the delegation's index is {}",
            list.list.entries(),
            entry.index
        );
        return Err(Failure::invalid("status_invalid", message));
    }
    let signer = files::load_key(&args.key)?;
    let lifetime = list.valid_until.map(|until| until.saturating_sub(list.valid_from));
    list.valid_from = files::now().max(list.valid_from.saturating_add(1));
    list.valid_until = lifetime.map(|lifetime| list.valid_from.saturating_add(lifetime));
    write(&args.list, &list, securing, &signer)?;
    let done = match (purpose, value) {
        (StatusPurpose::Revocation, _) => "revoked",
        (StatusPurpose::Suspension, true) => "suspended",
        (StatusPurpose::Suspension, false) => "reinstated",
    };
    let mut output = Output::done(
        json!({"status": done, "list": list.id, "index": entry.index, "subject": credential.terms.subject.as_str()}),
        format!("{done}: index {} of {}\npublish {} anew", entry.index, list.id, args.list.display()),
    );
    output.notes.extend(lost(seals.len()));
    Ok(output)
}

/// What is said where a list had more signatures than the one that it gets.
fn lost(signatures: usize) -> Option<String> {
    (signatures > 1).then(|| format!("the {signatures} proofs of before are gone, there is one by this key"))
}

fn read(path: &Path) -> Result<SignedStatusList, Failure> {
    SignedStatusList::parse(&files::read_text(path)?, MOST)
        .map_err(|error| Failure::file(format!("`{}` is no status list: {error}", path.display())))
}

/// Signs the list and puts it in place of the one before.
pub(crate) fn write(
    path: &Path,
    list: &StatusListCredential,
    securing: Securing,
    signer: &SecretKey,
) -> Result<(), Failure> {
    if list.issuer.method() == "key" && list.issuer != key::did(signer.public_key()) {
        let message = format!("the list is issued by `{}`, whose key this is not", list.issuer);
        return Err(Failure::invalid("issuer_mismatch", message));
    }
    let key_id = method_id(&list.issuer, signer.public_key());
    let secured = list.secure(securing, &key_id, signer).map_err(|error| match error {
        AddProofError::Algorithm { .. } => {
            Failure::usage(format!("{error}; take `--format jwt`, or a list that was written so"))
        }
        error => Failure::network("sign", error.to_string()),
    })?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::file(format!("`{}` can't be made: {error}", folder.display())))?;
    }
    files::write_public(path, &secured, true)
}
