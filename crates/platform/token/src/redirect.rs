//! Where an answer may go: addresses are compared character by character, but for the port of a program on the person's own machine
//! (RFC 8252 §7.3), which it can't know beforehand.

/// Most bytes of one.
const MAX: usize = 2048;
/// Hosts that are the person's own machine.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// An address of the person's own machine, without its port.
fn loopback(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let host = LOOPBACK.into_iter().find(|host| {
        authority.strip_prefix(host).is_some_and(|port| {
            port.is_empty()
                || port.strip_prefix(':').is_some_and(|port| {
                    (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
                })
        })
    })?;
    Some((host, path))
}

/// Holds that an address is one that answers may go to: `https`, `http` on the person's own machine, or a scheme that a program owns by
/// a domain name (RFC 8252 §7.1). What a browser would run is none.
///
/// # Errors
/// What is wrong.
pub fn check(url: &str) -> Result<(), &'static str> {
    if url.is_empty() || url.len() > MAX {
        return Err("it has 1 to 2048 bytes");
    }
    if !url.bytes().all(
        |byte| matches!(byte, b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~'),
    ) {
        return Err("it has characters that no URL has");
    }
    if url.contains('#') {
        return Err("it has a fragment, which no server sees");
    }
    if loopback(url).is_some() {
        return Ok(());
    }
    if let Some(rest) = url.strip_prefix("https://") {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.is_empty() || authority.contains('@') || authority.starts_with(':') {
            return Err("it has no host, or a user name");
        }
        return Ok(());
    }
    let (scheme, _) = url.split_once(':').ok_or("it is no URL")?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-+".contains(&byte);
    let is_own = scheme.contains('.')
        && scheme.bytes().all(fits)
        && scheme.starts_with(|one: char| one.is_ascii_lowercase());
    if is_own {
        Ok(())
    } else {
        Err("write `https`, `http` on the person's own machine, or a scheme such as `com.example.app`")
    }
}

/// Whether an answer may go to an address that is asked for, where another one is known.
///
/// ```
/// use legation_token::redirect::fits;
/// assert!(fits("https://app.example/cb", "https://app.example/cb"));
/// assert!(!fits("https://app.example/cb", "https://app.example/cb/"));
/// assert!(fits("http://127.0.0.1/cb", "http://127.0.0.1:53124/cb"));
/// assert!(!fits("http://127.0.0.1/cb", "http://127.0.0.1:53124/other"));
/// assert!(!fits("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb"));
/// ```
#[must_use]
pub fn fits(known: &str, asked: &str) -> bool {
    if check(asked).is_err() {
        return false;
    }
    known == asked || loopback(known).is_some_and(|own| loopback(asked) == Some(own))
}

/// What a browser may send a form on to, so that it may be sent on to this address: a source of a Content Security Policy.
#[must_use]
pub fn source(url: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if let Some((scheme, rest)) = url.split_once("://")
        && matches!(scheme, "https" | "http")
    {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        // What can't stand there is sent nowhere.
        return if authority.bytes().all(fits) { format!("{scheme}://{authority}") } else { String::new() };
    }
    url.split_once(':').map_or_else(String::new, |(scheme, _)| format!("{scheme}:"))
}

/// An address with members of a query added to its own.
#[must_use]
pub fn with(url: &str, members: &[(&str, &str)]) -> String {
    let mut whole = url.to_owned();
    for (name, value) in members {
        whole.push(if whole.contains('?') { '&' } else { '?' });
        whole.push_str(name);
        whole.push('=');
        whole.push_str(&crate::request::escaped(value));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_run_or_nobody_owns_is_no_address_of_an_answer() {
        for good in
            ["https://app.example/cb?x=1", "http://localhost:7/", "http://[::1]/cb", "com.example.app:/cb"]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "http://app.example/cb",
            "https://app.example/cb#x",
            "https://user@app.example/",
            "https:///cb",
            "http://localhost.evil.example/",
            "http://127.0.0.1:80@evil.example/",
            "https://app.example/a b",
            "https://app.example/\n",
            "app:/cb",
            "",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_policy_names_no_more_than_the_origin_of_an_address() {
        assert_eq!(source("https://app.example:8443/cb;x"), "https://app.example:8443");
        assert_eq!(source("com.example.app:/cb"), "com.example.app:");
        assert_eq!(source("https://a;script-src/"), "");
    }
}
