//! Headers that a request has once, or not at all. Of several what stands in front of a service may have
//! judged one, and the service reads another.

use http::{
    HeaderMap,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName},
    uri::Authority,
};

/// `Host` (RFC 9112 §3.2), and what says what a body is and who asks (RFC 9110 §8.3, §11.6.2).
const SINGLE: [HeaderName; 3] = [HOST, CONTENT_TYPE, AUTHORIZATION];

/// The header that stands there more than once, although it may not.
pub(crate) fn repeated(headers: &HeaderMap) -> Option<&'static str> {
    let several = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
    let found = SINGLE.into_iter().find(several)?;
    Some(match found {
        HOST => "Host",
        CONTENT_TYPE => "Content-Type",
        _ => "Authorization",
    })
}

/// As [`repeated`]; `Host` also counts as there twice where the target names another host: `:authority`
/// (RFC 9113 §8.3.1), or a target that is a whole URL (RFC 9112 §3.2.2).
pub(crate) fn ambiguous(headers: &HeaderMap, target: Option<&Authority>) -> Option<&'static str> {
    let differs = |target: &Authority| {
        let host = headers.get(HOST).map(|host| host.as_bytes());
        host.is_some_and(|host| !host.eq_ignore_ascii_case(target.as_str().as_bytes()))
    };
    repeated(headers).or_else(|| target.is_some_and(differs).then_some("Host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_header_that_there_is_one_of_is_there_once() {
        for name in ["host", "content-type", "authorization"] {
            let twice = headers(&[(name, "a"), (name, "a")]);
            assert!(repeated(&twice).is_some_and(|found| found.eq_ignore_ascii_case(name)));
            assert_eq!(repeated(&headers(&[(name, "a"), ("accept", "a"), ("accept", "b")])), None);
        }
    }

    #[test]
    fn a_target_that_names_a_host_names_that_of_the_header() {
        let target: Authority = "a.example:8443".parse().unwrap();
        assert_eq!(ambiguous(&headers(&[("host", "A.example:8443")]), Some(&target)), None);
        assert_eq!(ambiguous(&headers(&[]), Some(&target)), None, "HTTP/2 needs no `Host`");
        for host in ["a.example", "b.example:8443", ""] {
            assert_eq!(ambiguous(&headers(&[("host", host)]), Some(&target)), Some("Host"), "{host}");
        }
    }
}
