//! Which file a request path means. What is not named here is not public.

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A DID document.
    Document,
    /// An A2A agent card.
    AgentCard,
    /// A status list credential.
    StatusList,
    /// The log of a did:webvh.
    Log,
    /// The proofs of its witnesses.
    Witnesses,
    /// What ties DIDs to the domain.
    Configuration,
    /// The keys of an agent, for Web Bot Auth.
    KeyDirectory,
}

/// A file that may be served: its names, from the folder down.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// What it holds.
    pub(crate) kind: Kind,
    /// None of them is empty, starts with a dot (but for the one `.well-known`), or holds a
    /// separator.
    pub(crate) names: Vec<String>,
}

/// Most bytes of the name of a status list.
const MAX_STATUS_NAME: usize = 64;

/// Reads the path of a request, still percent-encoded. `None` for everything that is not served.
pub(crate) fn locate(path: &str) -> Option<Location> {
    let names: Vec<String> = path.strip_prefix('/')?.split('/').map(decode).collect::<Option<_>>()?;
    let kind = match names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // did:web method specification §2.5.2: a domain's own document stands under
        // `.well-known`, every other one under its path.
        [".well-known", "did.json"] => Kind::Document,
        [path @ .., "did.json"] if is_plain_path(path) => Kind::Document,
        // did:webvh 1.0, "The DID to HTTPS Transformation": the log stands beside the document of a did:web of the same place.
        [".well-known", "did.jsonl"] => Kind::Log,
        [path @ .., "did.jsonl"] if is_plain_path(path) => Kind::Log,
        [".well-known", "did-witness.json"] => Kind::Witnesses,
        [path @ .., "did-witness.json"] if is_plain_path(path) => Kind::Witnesses,
        // A2A §14.3: a domain's own card stands under `.well-known`. Those of further agents
        // stand beside the documents of their did:web; callers are given the URL.
        [".well-known", "agent-card.json"] => Kind::AgentCard,
        [path @ .., "agent-card.json"] if is_plain_path(path) => Kind::AgentCard,
        // DIF Well Known DID Configuration 1.0.
        [".well-known", "did-configuration.json"] => Kind::Configuration,
        // Web Bot Auth: the keys of whoever signs requests from this origin.
        [".well-known", "http-message-signatures-directory"] => Kind::KeyDirectory,
        ["status", name] if is_status_name(name) => Kind::StatusList,
        _ => return None,
    };
    Some(Location { kind, names })
}

fn is_plain_path(names: &[&str]) -> bool {
    !names.is_empty() && names.iter().all(|name| is_plain(name))
}

/// A name that means a file of that name on every system: no dot file, no separator, no drive
/// or stream (`:`), nothing that a second decoding would turn into one of these (`%`).
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '%'))
}

fn is_status_name(name: &str) -> bool {
    is_plain(name)
        && name.len() <= MAX_STATUS_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Decodes the percent escapes of one segment, once. `None` where one is malformed, hides a dot
/// or a separator, or the result is not UTF-8.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let byte = u8::try_from(digit()? * 16 + digit()?).ok()?;
        if matches!(byte, b'.' | b'/' | b'\\') {
            return None;
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Option<(Kind, String)> {
        locate(path).map(|location| (location.kind, location.names.join("/")))
    }

    #[test]
    fn documents_cards_and_status_lists_are_found_under_their_paths() {
        for (path, kind, name) in [
            ("/.well-known/did.json", Kind::Document, ".well-known/did.json"),
            ("/agents/mail/did.json", Kind::Document, "agents/mail/did.json"),
            ("/some+subpath/a@b/did.json", Kind::Document, "some+subpath/a@b/did.json"),
            ("/some%2Bsubpath/did.json", Kind::Document, "some+subpath/did.json"),
            ("/caf%C3%A9/did.json", Kind::Document, "café/did.json"),
            ("/status/did.json", Kind::Document, "status/did.json"),
            ("/.well-known/did.jsonl", Kind::Log, ".well-known/did.jsonl"),
            ("/agents/mail/did.jsonl", Kind::Log, "agents/mail/did.jsonl"),
            ("/agents/mail/did-witness.json", Kind::Witnesses, "agents/mail/did-witness.json"),
            (
                "/.well-known/did-configuration.json",
                Kind::Configuration,
                ".well-known/did-configuration.json",
            ),
            ("/.well-known/agent-card.json", Kind::AgentCard, ".well-known/agent-card.json"),
            ("/agents/mail/agent-card.json", Kind::AgentCard, "agents/mail/agent-card.json"),
            ("/caf%C3%A9/agent-card.json", Kind::AgentCard, "café/agent-card.json"),
            ("/status/1", Kind::StatusList, "status/1"),
            ("/status/2026-11_a.jwt", Kind::StatusList, "status/2026-11_a.jwt"),
        ] {
            assert_eq!(file(path), Some((kind, name.to_owned())), "{path}");
        }
        assert!(locate(&format!("/status/{}", "a".repeat(64))).is_some());
    }

    #[test]
    fn nothing_else_is_public_and_no_path_leaves_the_folder() {
        for path in [
            "",
            "/",
            "did.json",
            "/did.json",
            "//did.json",
            "/agent-card.json",
            "//agent-card.json",
            "/agent.json",
            "/.well-known/agent.json",
            "/.git/agent-card.json",
            "/agents/.well-known/agent-card.json",
            "/.well-known/agents/agent-card.json",
            "/%2ewell-known/agent-card.json",
            "/%2e%2e/agent-card.json",
            "/..%2fagents/agent-card.json",
            "/agents%2fmail/agent-card.json",
            "/a/../agent-card.json",
            "/agents/agent-card%2ejson",
            "/agents/Agent-Card.json",
            "/agents/agent-card.json/",
            "/agents/agent-card.json~",
            "/key.json",
            "/agents/mail.key",
            "/agents//did.json",
            "/agents/did.json/",
            "/../did.json",
            "/a/../did.json",
            "/./did.json",
            "/.git/did.json",
            "/agents/.well-known/did.json",
            "/.well-known/agents/did.json",
            "/.well-known/key.json",
            "/%2e%2e/did.json",
            "/%2E%2E/x/did.json",
            "/%2ewell-known/did.json",
            "/a%2Fb/did.json",
            "/a%5cb/did.json",
            "/a\\b/did.json",
            "/..%2f..%2fetc/did.json",
            "/%252e%252e/did.json",
            "/a%00/did.json",
            "/a%0a/did.json",
            "/C:/did.json",
            "/a./did.json",
            "/a%/did.json",
            "/a%4/did.json",
            "/a%zz/did.json",
            "/a%+1/did.json",
            "/a%ff/did.json",
            "/did%2ejson",
            "/status",
            "/status/",
            "/status/.1",
            "/status/..",
            "/status/../key.json",
            "/status/a/b",
            "/status/a%20b",
            "/status/a%2fb",
            "/status/é",
            "/status/%C3%A9",
            "/Status/1",
        ] {
            assert_eq!(file(path), None, "{path}");
        }
        assert!(locate(&format!("/status/{}", "a".repeat(65))).is_none());
    }
}
