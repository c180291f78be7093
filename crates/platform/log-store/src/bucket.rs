//! A place in an S3-compatible store: read, write under a condition, remove.

use core::{fmt, time::Duration};
use legation_resolver::{
    Call, FetchError, Fetcher,
    call::{
        Method, Reply,
        header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH},
    },
};
use rusty_s3::{Bucket as Signed, Credentials, S3Action, UrlStyle};
use url::Url;

/// For how long the signature of one request holds.
const SIGNED_FOR: Duration = Duration::from_secs(120);
/// An object by which it is found out whether writes are conditional here.
const PROBE: &str = "writes-are-conditional";

/// Where a store is, and by which key it is asked, as the variables `AWS_…` have it.
#[derive(Clone, Default)]
pub struct Settings {
    /// The store's own URL, where it is not AWS.
    pub endpoint: Option<String>,
    /// The region; `us-east-1` where none is given.
    pub region: Option<String>,
    /// The access key with its secret, and the token of a session; none for a store that asks for none.
    pub key: Option<(String, String, Option<String>)>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, region, .. } = self;
        out.debug_struct("Settings")
            .field("endpoint", endpoint)
            .field("region", region)
            .finish_non_exhaustive()
    }
}

/// A place below a prefix of a bucket.
pub struct Bucket {
    fetcher: Fetcher,
    signed: Signed,
    credentials: Option<Credentials>,
    prefix: String,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bucket")
            .field("name", &self.signed.name())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Why nothing can be done with a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// The URL names no place.
    #[error("`{found}` names no place in a store: {reason}; write `s3://BUCKET/PREFIX`")]
    Url {
        /// What was given.
        found: String,
        /// What is wrong.
        reason: String,
    },
    /// No answer, or one that says that it is the store's fault.
    #[error("the store does not answer for `{object}`: {reason}; it is tried again")]
    Unavailable {
        /// The object.
        object: String,
        /// What is wrong, without the signature that the request bore.
        reason: String,
    },
    /// The store refuses.
    #[error(
        "the store refuses `{object}` with status {status}: look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and the bucket"
    )]
    Refused {
        /// The object.
        object: String,
        /// The status.
        status: u16,
    },
    /// What was just written is not there.
    #[error(
        "the store has no bucket `{bucket}`, or keeps nothing in it: make it, or look at AWS_ENDPOINT_URL and AWS_REGION"
    )]
    NoBucket {
        /// The bucket.
        bucket: String,
    },
    /// The store writes whatever condition it was given.
    #[error(
        "the store ignores `If-None-Match` or `If-Match`: two machines could overwrite each other's log; use one with conditional writes"
    )]
    Unconditional,
}

impl BucketError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "store_url",
            Self::Unavailable { .. } => "store_unavailable",
            Self::Refused { .. } => "store_refused",
            Self::NoBucket { .. } => "store_no_bucket",
            Self::Unconditional => "store_unconditional",
        }
    }
}

/// Under which condition an object is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// There is none.
    New,
    /// It is the one of this tag.
    Is(String),
    /// None.
    Any,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The store says that it was written.
    Done,
    /// The condition does not hold.
    Refused,
}

/// An object, and the tag by which this version of it is named.
pub(crate) type Object = (Vec<u8>, String);

impl Bucket {
    /// The place that a URL such as `s3://bucket/logs/acme` names. Every request is within the fetcher's limits, which have to
    /// let the largest object of a log through (16 MiB).
    ///
    /// # Errors
    /// [`BucketError::Url`].
    pub fn new(at: &str, settings: &Settings, fetcher: Fetcher) -> Result<Self, BucketError> {
        let wrong = |reason: &str| BucketError::Url { found: at.to_owned(), reason: reason.to_owned() };
        let rest = at.strip_prefix("s3://").ok_or_else(|| wrong("it does not begin with `s3://`"))?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        let is_plain = name.bytes().chain(prefix.bytes()).all(plain);
        if name.is_empty() || name.contains('/') || !is_plain || prefix.split('/').any(|part| part == "..") {
            return Err(wrong("bucket and prefix are letters, digits, `.`, `_`, `-` and `/`"));
        }
        let region = settings.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
        // A bucket's own host is how AWS has it; any other store is asked by the path.
        let (endpoint, style) = match &settings.endpoint {
            Some(endpoint) => (endpoint.clone(), UrlStyle::Path),
            None => (format!("https://s3.{region}.amazonaws.com"), UrlStyle::VirtualHost),
        };
        let endpoint: Url = endpoint.parse().map_err(|_| wrong("AWS_ENDPOINT_URL is no URL"))?;
        let signed = Signed::new(endpoint, style, name.to_owned(), region);
        let signed = signed.map_err(|error| wrong(&error.to_string()))?;
        let credentials = settings.key.as_ref().map(|(key, secret, token)| match token {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        });
        Ok(Self { fetcher, signed, credentials, prefix: prefix.to_owned() })
    }

    fn object(&self, path: &str) -> String {
        if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Reply, BucketError> {
        let object = self.object(path);
        let (signed, by) = (&self.signed, self.credentials.as_ref());
        let url = match method {
            Method::PUT => signed.put_object(by, &object).sign(SIGNED_FOR),
            Method::DELETE => signed.delete_object(by, &object).sign(SIGNED_FOR),
            _ => signed.get_object(by, &object).sign(SIGNED_FOR),
        };
        let call = Call { method, url: url.as_str(), headers, body };
        let reply = self.fetcher.call(call).await.map_err(|error| unavailable(&object, &error))?;
        match reply.status {
            // 409 is what S3 answers while another write of the object is under way.
            409 | 429 | 500.. => {
                Err(BucketError::Unavailable { object, reason: format!("status {}", reply.status) })
            }
            200..300 | 404 | 412 | 304 => Ok(reply),
            status => Err(BucketError::Refused { object, status }),
        }
    }

    /// An object; `None` where there is none.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Object>, BucketError> {
        let reply = self.call(Method::GET, path, HeaderMap::new(), Vec::new()).await?;
        if !(200..300).contains(&reply.status) {
            return Ok(None);
        }
        let tag = reply.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        Ok(Some((reply.body, tag.to_owned())))
    }

    /// Writes an object under a condition.
    pub(crate) async fn put(
        &self,
        path: &str,
        bytes: &[u8],
        condition: &Condition,
    ) -> Result<Written, BucketError> {
        let mut headers = HeaderMap::new();
        let (name, value): (HeaderName, &str) = match condition {
            Condition::New => (IF_NONE_MATCH, "*"),
            Condition::Is(tag) => (IF_MATCH, tag),
            Condition::Any => (HeaderName::from_static("content-type"), "application/octet-stream"),
        };
        let value = HeaderValue::from_str(value).map_err(|_| BucketError::Unavailable {
            object: self.object(path),
            reason: "its tag is no text".to_owned(),
        })?;
        headers.insert(name, value);
        let reply = self.call(Method::PUT, path, headers, bytes.to_vec()).await?;
        // An object that is to be the one of a tag, and is not there, answers 404.
        Ok(if (200..300).contains(&reply.status) { Written::Done } else { Written::Refused })
    }

    /// Removes an object; nothing where there is none.
    pub(crate) async fn remove(&self, path: &str) -> Result<(), BucketError> {
        self.call(Method::DELETE, path, HeaderMap::new(), Vec::new()).await.map(drop)
    }

    /// Finds out whether the store heeds conditions: nothing is written to one that does not.
    pub(crate) async fn check(&self) -> Result<(), BucketError> {
        self.put(PROBE, b"yes\n", &Condition::New).await?;
        // A bucket that is not there refuses each write, too.
        if self.get(PROBE).await?.is_none() {
            return Err(BucketError::NoBucket { bucket: self.signed.name().to_owned() });
        }
        let other = Condition::Is(format!("\"{:032}\"", 0));
        for condition in [Condition::New, other] {
            if self.put(PROBE, b"no\n", &condition).await? == Written::Done {
                return Err(BucketError::Unconditional);
            }
        }
        Ok(())
    }
}

/// What failed, without the URL, which bears a signature.
fn unavailable(object: &str, error: &FetchError) -> BucketError {
    BucketError::Unavailable { object: object.to_owned(), reason: error.code().to_owned() }
}
