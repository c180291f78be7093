//! Whether folder, store and signer are all right.

use super::Findings;
use crate::organization::data_dir::{DataDir, Signer};
use legation_registry::Registry;
use legation_signer::{Door, Master};
use legation_store::Location;
use std::{os::unix::fs::PermissionsExt, path::Path};

/// Looks at the modes of what is in the folder.
pub(super) fn look(folder: &DataDir, location: &Location, found: &mut Findings) {
    mode("data folder", folder.path(), 0o700, found);
    mode("sockets", &folder.run(), 0o700, found);
    match Master::load(&folder.master()) {
        // It says itself what to do about its mode.
        Ok(_) => found.ok("master key", folder.master().display().to_string()),
        Err(error) => found.wrong("master key", error.to_string()),
    }
    if legation_signer::rotation::beside(&folder.master(), legation_signer::rotation::NEXT).exists() {
        let text =
            "it is being replaced, and not all is sealed anew yet: go on with `legation master-key rotate`";
        found.note("master key", text);
    }
    if let Location::Sqlite(path) = location {
        mode("database", path, 0o600, found);
    }
}

/// Looks at the key of an organization's first admin.
pub(super) fn admin(folder: &DataDir, registry: &Registry, found: &mut Findings) {
    let admin = folder.of_organization(registry.did()).join("admin.key");
    // It may be kept elsewhere.
    if admin.exists() {
        mode("admin key", &admin, 0o600, found);
    }
}

/// A file or a folder that nobody but its owner may get at.
fn mode(check: &'static str, path: &Path, wanted: u32, found: &mut Findings) {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => {
            found.wrong(check, format!("`{shown}` can't be looked at: {error}; restore it from a backup"))
        }
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 == 0 {
                found.ok(check, format!("{shown} (mode {mode:03o})"));
            } else {
                found.wrong(
                    check,
                    format!("`{shown}` is open to others (mode {mode:03o}): `chmod {wanted:03o} {shown}`"),
                );
            }
        }
    }
}

/// Opens the organizations that are looked at, as far as that goes.
pub(super) fn open(
    folder: &DataDir,
    location: &Location,
    found: &mut Findings,
) -> Option<(Vec<Registry>, Signer)> {
    let kind = match location {
        // It would be made anew, and empty.
        Location::Sqlite(path) if !path.exists() => return None,
        Location::Sqlite(_) => "SQLite",
        Location::Postgres(_) => "PostgreSQL",
    };
    match folder.store() {
        Ok(_) => found.ok("store", format!("{kind}, its tables are of this version")),
        Err(failure) => {
            found.wrong("store", failure.message);
            return None;
        }
    }
    let signer = match folder.signer() {
        Ok(signer) => signer,
        Err(failure) => {
            found.wrong("signer", failure.message);
            return None;
        }
    };
    let how = if signer.was_there() { "runs" } else { "does not run; whoever needs it starts one" };
    found.ok("signer", how);
    if let Err(failure) = signer.client(Door::Gateway) {
        found.wrong("signer", failure.message);
    }
    match folder.open_all(&signer) {
        Ok(all) => Some((all, signer)),
        Err(failure) => {
            found.wrong("organization", failure.message);
            None
        }
    }
}
