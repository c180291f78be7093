//! Who may use a proxy. Whoever does acts as the agent: neither another user of the machine may, nor a page in a browser.

use super::told::Refused;
use core::fmt;
use http::{HeaderMap, header};
use legation_keys::{base64url, secret::random};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Who may use it.
#[derive(Debug)]
pub enum Door {
    /// Whoever reaches its unix socket ([`super::OwnSocket`]), which is its owner alone.
    Socket,
    /// Whoever shows the token of this run, at this very host: a page that had a name point here would name another one.
    Loopback {
        /// What `Host` has to be: `127.0.0.1:41234`.
        host: String,
        /// The token.
        token: Token,
    },
}

/// What a program shows to a proxy that listens on loopback, in place of an API key. It means nothing to anybody else, and
/// ends with the run.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new one, of 256 random bits.
    ///
    /// # Errors
    /// [`crate::CallError::Random`].
    pub fn new() -> Result<Self, crate::CallError> {
        let random = Zeroizing::new(random::<32>().map_err(|_| crate::CallError::Random)?);
        Ok(Self(Zeroizing::new(format!("run-{}", base64url::encode(random.as_slice())))))
    }

    /// The token, for the environment of a program.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a text is it. How long that takes says nothing of where they differ.
    fn is(&self, text: &str) -> bool {
        Sha256::digest(text) == Sha256::digest(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token")
    }
}

impl Door {
    /// Whether a request may pass, by its headers alone.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        if let Self::Loopback { host, .. } = self {
            let mut named = headers.get_all(header::HOST).iter();
            let fits = named.next().is_some_and(|named| named.as_bytes() == host.as_bytes());
            if !fits || named.next().is_some() {
                return Err(Refused::new(403, "host_refused", format!("expected the host `{host}`, once")));
            }
        }
        let of_a_browser =
            |name: &header::HeaderName| *name == header::ORIGIN || name.as_str().starts_with("sec-fetch-");
        if headers.keys().any(of_a_browser) {
            let message = "a page in a browser may not act as the agent; send no `Origin`";
            return Err(Refused::new(403, "browser_refused", message));
        }
        match self {
            Self::Socket => Ok(()),
            Self::Loopback { token, .. } if shown(headers).is_some_and(|text| token.is(text)) => Ok(()),
            Self::Loopback { .. } => {
                let message = "expected the token of this run as the API key, as `Authorization: Bearer …` or `x-api-key`";
                Err(Refused::new(401, "token_missing", message))
            }
        }
    }
}

/// What a request shows as an API key, where it shows one and not two.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let mut keys = headers.get_all("x-api-key").iter();
    let mut bearers = headers.get_all(header::AUTHORIZATION).iter();
    match (keys.next(), keys.next(), bearers.next(), bearers.next()) {
        (Some(key), None, None, None) => key.to_str().ok(),
        (None, None, Some(bearer), None) => {
            let (scheme, token) = bearer.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_the_token_at_the_very_host_and_no_page_passes() {
        let (token, other) = (Token::new().unwrap(), Token::new().unwrap());
        let (right, wrong) = (format!("Bearer {}", token.reveal()), format!("Bearer {}", other.reveal()));
        let (key, at) = (token.reveal().to_owned(), ("host", "127.0.0.1:4000"));
        assert_eq!(format!("{token:?}"), "Token");
        let door = Door::Loopback { host: "127.0.0.1:4000".to_owned(), token };
        let code =
            |lines: &[(&'static str, &str)]| door.check(&headers(lines)).err().map(|refused| refused.code);
        assert_eq!(code(&[at, ("authorization", &right)]), None);
        assert_eq!(code(&[at, ("x-api-key", &key)]), None);
        for lines in [
            vec![at],
            vec![at, ("authorization", &wrong)],
            vec![at, ("authorization", &key)],
            vec![at, ("authorization", &right), ("authorization", &right)],
            vec![at, ("authorization", &right), ("x-api-key", &key)],
            vec![at, ("x-api-key", &right)],
        ] {
            assert_eq!(code(&lines), Some("token_missing"), "{lines:?}");
        }
        for name in [
            "localhost:4000",
            "127.0.0.1",
            "127.0.0.1:4001",
            "evil.example:4000",
            "127.0.0.1:4000.evil.example",
        ] {
            assert_eq!(code(&[("host", name), ("authorization", &right)]), Some("host_refused"), "{name}");
        }
        assert_eq!(code(&[("authorization", &right)]), Some("host_refused"));
        assert_eq!(code(&[at, at, ("authorization", &right)]), Some("host_refused"));
        for (name, value) in
            [("origin", "null"), ("origin", "http://127.0.0.1:4000"), ("sec-fetch-site", "none")]
        {
            assert_eq!(
                code(&[at, ("authorization", &right), (name, value)]),
                Some("browser_refused"),
                "{name}"
            );
            let code = Door::Socket.check(&headers(&[(name, value)])).err().map(|refused| refused.code);
            assert_eq!(code, Some("browser_refused"), "{name}");
        }
        assert_eq!(Door::Socket.check(&headers(&[])), Ok(()));
    }
}
