//! `Agent-Approval`: approvals that come with a request.
//!
//! The signature of the request need not cover it. An approval is signed by itself, over the digest of this very
//! request of this agent by this chain at this verifier: whoever adds one in transit adds one that its approver
//! meant for this request, and whoever takes one away could as well have taken the request.

use crate::error::HeaderError;
use http::{HeaderMap, HeaderValue};
use legation_credential::{
    approval::MAX_BYTES,
    secured::{canonical, to_token},
};

/// The header's name.
pub const AGENT_APPROVAL: &str = "agent-approval";
/// Most approvals of one request.
pub const MAX_APPROVALS: usize = legation_verifier::MAX_APPROVALS;

/// Writes approvals as a structured field List of Strings (RFC 9651 §3.1): compact JWS as they are, documents with
/// proofs as base64url.
///
/// # Errors
/// [`HeaderError`]: more than [`MAX_APPROVALS`], or one that is neither or too long.
///
/// ```
/// use http::HeaderMap;
/// use legation_http_signature::approval_header::{AGENT_APPROVAL, read_approvals, write_approvals};
/// let mut headers = HeaderMap::new();
/// assert!(read_approvals(&headers)?.is_empty());
/// headers.insert(AGENT_APPROVAL, write_approvals(&["eyJh.eyJp.c2ln", "eyJh.eyJx.c2lo"])?);
/// assert_eq!(headers[AGENT_APPROVAL], r#""eyJh.eyJp.c2ln", "eyJh.eyJx.c2lo""#);
/// assert_eq!(read_approvals(&headers)?, ["eyJh.eyJp.c2ln", "eyJh.eyJx.c2lo"]);
/// # Ok::<(), legation_http_signature::HeaderError>(())
/// ```
pub fn write_approvals(approvals: &[&str]) -> Result<HeaderValue, HeaderError> {
    check_count(approvals.len())?;
    let write = |(index, approval): (usize, &&str)| {
        let text = canonical(approval).map_err(|_| HeaderError::Approval { index })?;
        let token = to_token(&text);
        if is_token(&token) { Ok(format!("\"{token}\"")) } else { Err(HeaderError::Approval { index }) }
    };
    let all: Result<Vec<String>, HeaderError> = approvals.iter().enumerate().map(write).collect();
    HeaderValue::try_from(all?.join(", ")).map_err(|_| HeaderError::Approval { index: 0 })
}

/// Reads the approvals of a request: a structured field List of Strings, in one line or several, each a compact JWS
/// or the base64url of a document, without parameters. No header is no approval. What they hold is the verifier's to
/// judge.
///
/// # Errors
/// [`HeaderError`].
pub fn read_approvals(headers: &HeaderMap) -> Result<Vec<&str>, HeaderError> {
    let mut all = Vec::new();
    for line in headers.get_all(AGENT_APPROVAL) {
        let text = line.to_str().map_err(|_| HeaderError::Approval { index: all.len() })?;
        for member in text.split(',') {
            let member = member.trim_matches([' ', '\t']);
            let inner = member.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            all.push(
                inner.filter(|inner| is_token(inner)).ok_or(HeaderError::Approval { index: all.len() })?,
            );
            check_count(all.len())?;
        }
    }
    Ok(all)
}

fn check_count(found: usize) -> Result<(), HeaderError> {
    if found > MAX_APPROVALS { Err(HeaderError::TooManyApprovals { found }) } else { Ok(()) }
}

/// Characters of base64url and dots only, of which no String has to escape one; as long as an approval may be. A document
/// takes a third more.
fn is_token(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=2 * MAX_BYTES).contains(&text.len()) && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(lines: &[&str]) -> Result<Vec<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AGENT_APPROVAL, HeaderValue::from_str(line).unwrap());
        }
        let all = read_approvals(&headers).map_err(|error| error.code())?;
        Ok(all.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn lines_are_one_list() {
        assert_eq!(read(&[]).unwrap().len(), 0);
        assert_eq!(read(&["\"a.b.c\" ,\t\"d\"", "\"e\""]).unwrap(), ["a.b.c", "d", "e"]);
    }

    #[test]
    fn what_is_no_such_list_is_refused() {
        for line in [
            "",
            "a.b.c",
            "\"a\",",
            ",\"a\"",
            "\"a\" \"b\"",
            "\"a\";x=1",
            "\"a\\\"b\"",
            "\"\"",
            "(\"a\")",
            "\"é\"",
        ] {
            assert_eq!(read(&[line]), Err("malformed"), "{line}");
        }
    }

    #[test]
    fn many_and_long_ones_are_refused() {
        let many = |count: usize| vec!["\"a\""; count].join(",");
        assert_eq!(read(&[&many(MAX_APPROVALS)]).unwrap().len(), MAX_APPROVALS);
        assert_eq!(read(&[&many(MAX_APPROVALS), "\"a\""]), Err("input_too_large"));
        assert!(read(&[&format!("\"{}\"", "a".repeat(2 * MAX_BYTES))]).is_ok());
        assert_eq!(read(&[&format!("\"{}\"", "a".repeat(2 * MAX_BYTES + 1))]), Err("malformed"));
        assert!(write_approvals(&vec!["a.b.c"; MAX_APPROVALS + 1]).is_err());
        assert!(write_approvals(&["a b"]).is_err());
    }
}
