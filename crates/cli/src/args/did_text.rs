//! DIDs as people type them.

use crate::output::notice;
use legation_did::{Did, DidError};

/// A DID. One that is probably not the one that is meant is told.
pub(crate) fn read_did(text: &str) -> Result<Did, String> {
    let did: Did = text.parse().map_err(|error: DidError| error.to_string())?;
    if let Some(note) = port_as_path(&did) {
        notice(note);
    }
    Ok(did)
}

/// What is to be said of a did:web whose path begins with what looks like a port: `:` separates parts of the path, and
/// stands before no port (did:web method specification §2.4.1).
fn port_as_path(did: &Did) -> Option<String> {
    if did.method() != "web" {
        return None;
    }
    let (domain, path) = did.method_specific_id().split_once(':')?;
    let (port, rest) = path.split_once(':').map_or((path, ""), |(port, rest)| (port, rest));
    let is_port =
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if !is_port || domain.contains('%') {
        return None;
    }
    let rest = if rest.is_empty() { String::new() } else { format!(":{rest}") };
    Some(format!(
        "`{did}` is at `https://{domain}` on port 443, in the folder `{port}`; if {port} is the port, write \
         `did:web:{domain}%3A{port}{rest}`"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test's helpers may stop it
    use super::*;

    #[test]
    fn a_port_that_is_a_folder_is_told() {
        for (did, meant) in [
            ("did:web:localhost:8443:x", "`did:web:localhost%3A8443:x`"),
            ("did:web:localhost:8443", "`did:web:localhost%3A8443`"),
        ] {
            let note = port_as_path(&did.parse().unwrap()).unwrap();
            assert!(note.ends_with(meant) && note.contains("port 443"), "{note}");
        }
        for did in [
            "did:web:localhost%3A8443:x",
            "did:web:localhost%3A8443:8443",
            "did:web:a.example:2026x:y",
            "did:web:a.example:users:8443",
            "did:web:a.example:70000",
            "did:web:a.example",
            "did:ex:a:8443",
        ] {
            assert_eq!(port_as_path(&did.parse().unwrap()), None, "{did}");
        }
    }
}
