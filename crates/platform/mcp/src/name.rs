//! Names of tools, prompts and methods: which of them can stand in an action.

/// Most bytes of a name. The specification asks tools to have 128 at most (2025-11-25, server/tools, Tool Names).
pub const MAX_NAME: usize = 128;

/// Whether a name can stand in an action: parts of ASCII letters, digits, `_` and `-`, with one `.`, `/` or `:` between two
/// of them.
///
/// A name of another kind could be read as another one by the server that gets it (`files/../admin`), or by a person (`раy`
/// in Cyrillic letters). A grant of `files.*` means what has a part behind the point.
///
/// ```
/// use legation_mcp::name::fits;
/// assert!(fits("payments.refund") && fits("get_weather") && fits("tools/list"));
/// assert!(!fits("files/../admin") && !fits("a b") && !fits("pay*") && !fits(""));
/// ```
#[must_use]
pub fn fits(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name.len() <= MAX_NAME
        && name.split(['.', '/', ':']).all(|part| !part.is_empty() && part.bytes().all(fits))
}

/// A name as a careless reader sees it: in small letters, without what stands between its parts. Two tools of one server that
/// are equal so can be taken for one another.
///
/// ```
/// use legation_mcp::name::seen;
/// assert_eq!(seen("Delete_File"), seen("delete-file"));
/// assert_ne!(seen("delete"), seen("delete2"));
/// ```
#[must_use]
pub fn seen(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|one| one.to_ascii_lowercase()).collect()
}
