//! Who may have something signed: what is looked at of a request before any of its body.

use crate::problem::{BLANK, Problem};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use axum::http::{HeaderMap, HeaderName, Method, header};
use core::fmt;
use url::Url;

/// Fewest bytes of a token: sixteen random ones take 22 characters of base64url.
pub const MIN_TOKEN: usize = 22;
/// Most bytes of a token.
pub const MAX_TOKEN: usize = 1024;

/// A token that whoever has something signed shows as `Authorization: Bearer …` (RFC 6750 §2.1). Its digest is held, so that
/// it shows nowhere, and comparing takes the same time whatever is guessed.
#[derive(Clone)]
pub struct BearerToken([u8; 32]);

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too few or too many characters.
    #[error(
        "a token has {MIN_TOKEN} to {MAX_TOKEN} characters, this one {found}; make one by `openssl rand -hex 32`"
    )]
    Length {
        /// How many there are.
        found: usize,
    },
    /// Characters that a header can't hold (RFC 6750 §2.1).
    #[error("a token has letters, digits and `-._~+/=` only, and no white space within")]
    Character,
}

impl BearerToken {
    /// Reads a token; white space around it is none of it.
    ///
    /// # Errors
    /// [`TokenError`], which never holds the token.
    ///
    /// ```
    /// use legation_vc_api::access::{BearerToken, TokenError};
    /// assert!(BearerToken::parse("Zm9vYmFyYmF6cXV4Zm9vYmFy\n").is_ok());
    /// assert_eq!(BearerToken::parse("secret").err(), Some(TokenError::Length { found: 6 }));
    /// ```
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let token = text.trim();
        if !(MIN_TOKEN..=MAX_TOKEN).contains(&token.len()) {
            return Err(TokenError::Length { found: token.len() });
        }
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)) {
            return Err(TokenError::Character);
        }
        Ok(Self(sha256(token.as_bytes())))
    }

    fn is(&self, shown: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, &sha256(shown)).is_ok()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("BearerToken(…)")
    }
}

/// For whom the service issues and changes a status.
#[derive(Clone, Debug)]
pub enum Issuing {
    /// For nobody.
    Off,
    /// For whoever shows the token.
    Token(BearerToken),
    /// For whoever reaches it, as the W3C's suites need it. What its keys sign then says nothing.
    Open,
}

/// Which requests are answered at all.
#[derive(Clone, Debug)]
pub struct Access {
    issuing: Issuing,
    origin: Option<Url>,
    /// Further hosts that requests may name, beside that of the origin.
    hosts: Vec<String>,
}

/// The names of this very machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Access {
    /// Requests to `origin`, such as `https://vc.acme.example`. A site that a browser shows can have its own name lead to
    /// this machine (DNS rebinding), and can send requests elsewhere: so the host that a request names has to be that of the
    /// origin, and an `Origin` that it has the origin itself. An origin on this machine has all names of this machine.
    #[must_use]
    pub fn new(origin: &str, issuing: Issuing) -> Self {
        let origin = Url::parse(origin).ok();
        let host = origin.as_ref().and_then(Url::host_str).unwrap_or_default();
        let hosts = match LOOPBACK.contains(&host) {
            true => LOOPBACK.map(str::to_owned).into(),
            false => vec![host.to_owned()],
        };
        Self { issuing, origin, hosts }
    }

    /// Looks at what holds for every request: its host, where it came from, and that a body is JSON by its type, which a
    /// browser sends nowhere unasked.
    pub(crate) fn admit(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let refused = |status, code, detail: String| Problem { status, ..Problem::new(BLANK, code, detail) };
        let host = one(headers, &header::HOST).map_err(|found| {
            refused(400, "host_missing", format!("{found} `Host` headers, expected one (RFC 9112 §3.2)"))
        })?;
        // A port may follow, which a proxy may have changed; names are what a rebinding can't choose.
        let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
        if !self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let detail = format!("`Host` is no name of this service; expected `{}`", self.hosts.join("`, `"));
            return Err(refused(421, "host_not_allowed", detail));
        }
        if headers.contains_key(header::ORIGIN) {
            let from = one(headers, &header::ORIGIN).ok().and_then(|text| Url::parse(text).ok());
            let same = |own: &Url| from.as_ref().is_some_and(|from| from.origin() == own.origin());
            if !self.origin.as_ref().is_some_and(same) {
                let detail = "`Origin` is that of another site, for which nothing is done".to_owned();
                return Err(refused(403, "origin_not_allowed", detail));
            }
        }
        if method == Method::POST && !is_json(headers) {
            let detail = "`Content-Type`: expected `application/json`".to_owned();
            return Err(refused(415, "content_type", detail));
        }
        Ok(())
    }

    /// Whether something may be signed for this request.
    pub(crate) fn sign(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let refused = |status, code, detail| Err(Problem { status, ..Problem::new(BLANK, code, detail) });
        let token = match &self.issuing {
            Issuing::Open => return Ok(()),
            Issuing::Off => {
                let detail = "this service issues nothing: it was started without a token for that";
                return refused(403, "issuing_off", detail);
            }
            Issuing::Token(token) => token,
        };
        let Ok(shown) = one(headers, &header::AUTHORIZATION) else {
            return refused(401, "token_missing", "expected one header `Authorization: Bearer …`");
        };
        match shown.split_once(' ') {
            Some((scheme, shown))
                if scheme.eq_ignore_ascii_case("bearer") && token.is(shown.trim().as_bytes()) =>
            {
                Ok(())
            }
            _ => refused(401, "token_wrong", "the token in `Authorization` is not that of this service"),
        }
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The one header of a name; how many there are, if that is not one.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, usize> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().map_err(|_| 0),
        _ => Err(headers.get_all(name).iter().count()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let found = one(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = found.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
