//! Whether the machine is all right: its disk, its clock, its certificate.

use super::Findings;
use legation_keys::time;
use legation_registry::Registry;
use rustix::fs::statvfs;
use std::path::Path;
use x509_parser::pem::Pem;

/// Bytes free below which nothing may fit soon, and below which it is worth a look.
const FULL: u64 = 100 << 20;
const NEARLY_FULL: u64 = 1 << 30;
/// How long before its end a certificate is to be replaced, seconds: three weeks.
const SOON: i64 = 21 * 86_400;
/// By how many seconds clocks may differ before something is worth a look, and before it is wrong.
const APART: (i64, i64) = (5, 60);

/// How much room there is beside the data.
pub(super) fn space(folder: &Path, found: &mut Findings) {
    let shown = folder.display();
    let free = match statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            return found
                .note("storage", format!("how full the disk of `{shown}` is can't be told: {error}"));
        }
    };
    let told = format!("{} MiB are free for `{shown}`", free >> 20);
    match free {
        ..FULL => found.wrong(
            "storage",
            format!("{told}: where nothing more can be written nothing is decided; make room"),
        ),
        FULL..NEARLY_FULL => found.note(
            "storage",
            format!("{told}: make room, or forget old receipts by `legation retention set`"),
        ),
        _ => found.ok("storage", told),
    }
}

/// Whether the clock is that of the database, and not before what was written.
pub(super) fn clock(registry: &Registry, now: i64, found: &mut Findings) {
    let (database, last) = match registry.clocks() {
        Ok(clocks) => clocks,
        Err(error) => return found.wrong("clock", error.to_string()),
    };
    let apart = database.saturating_sub(now);
    let behind = last.saturating_sub(now);
    let (look, most) = APART;
    let synchronize = "synchronize the clocks, such as by `systemd-timesyncd` or `chrony`";
    if behind > most {
        let last = time::format(last);
        found.wrong("clock", format!("it is behind what was written last, at {last}: {synchronize}"));
    } else if apart.abs() > most {
        found.wrong("clock", format!("the database's is {apart} s ahead of this machine's: {synchronize}"));
    } else if apart.abs() >= look {
        found.note("clock", format!("the database's is {apart} s ahead of this machine's: {synchronize}"));
    } else {
        found.ok("clock", format!("{}, as the database's", time::format(now)));
    }
}

/// Whether a certificate is valid, and for how long.
pub(super) fn certificate(path: &Path, now: i64, found: &mut Findings) {
    let shown = path.display();
    let wrong = |reason: String| format!("`{shown}` is no certificate in PEM: {reason}");
    let bytes = match crate::files::read(path) {
        Ok(bytes) => bytes,
        Err(failure) => return found.wrong("certificate", failure.message),
    };
    // The first one is the server's own; those that follow vouch for it.
    let pem = Pem::iter_from_buffer(&bytes).next();
    let pem = match pem {
        Some(Ok(pem)) => pem,
        Some(Err(error)) => return found.wrong("certificate", wrong(error.to_string())),
        None => return found.wrong("certificate", wrong("it is empty".to_owned())),
    };
    let parsed = match pem.parse_x509() {
        Ok(parsed) => parsed,
        Err(error) => return found.wrong("certificate", wrong(error.to_string())),
    };
    let (begins, ends) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    let until = time::format(ends);
    let replace = "replace the file by a new one, which `up` reads by itself";
    if now < begins {
        found.wrong("certificate", format!("`{shown}` is valid from {} on", time::format(begins)));
    } else if ends <= now {
        found.wrong("certificate", format!("`{shown}` ended at {until}: {replace}"));
    } else if ends.saturating_sub(now) < SOON {
        found.note("certificate", format!("`{shown}` ends at {until}: {replace}"));
    } else {
        found.ok("certificate", format!("`{shown}`, until {until}"));
    }
}
