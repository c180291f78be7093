//! Whose requests are decided. Scheme and host of a request are taken from what whoever runs this has named, and not from what the
//! client says or how the proxy was reached: TLS may end before it.

use legation_credential::resource;

/// Most origins.
const MOST: usize = 256;

/// The origins of services whose proxies may ask, such as `https://shop.example`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    /// As it stands in URLs.
    text: String,
    /// What requests call it: its host, with the port where it is not the usual one.
    host: String,
    /// The port that is left out.
    usual: &'static str,
}

/// Why an origin can't be one of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It is no origin.
    #[error("`{found}` is no origin: {reason}; write `https://shop.example`")]
    Form {
        /// What was given.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody could tell which of two a request is for.
    #[error("two origins have the host `{host}`; requests to it would have two URLs: name one of them")]
    Twice {
        /// The host.
        host: String,
    },
    /// Too many.
    #[error("{found} origins; name {MOST} at most")]
    Many {
        /// How many.
        found: usize,
    },
}

impl Origins {
    /// The origins of these texts.
    ///
    /// # Errors
    /// [`OriginError`].
    ///
    /// ```
    /// use legation_gateway::Origins;
    /// assert!(Origins::new(&["https://shop.example", "http://localhost:8322"]).is_ok());
    /// for wrong in ["shop.example", "https://shop.example/api", "https://SHOP.example", "ftp://shop.example"] {
    ///     assert!(Origins::new(&[wrong]).is_err());
    /// }
    /// assert!(Origins::new(&["https://shop.example", "http://shop.example"]).is_err());
    /// ```
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Result<Self, OriginError> {
        if texts.len() > MOST {
            return Err(OriginError::Many { found: texts.len() });
        }
        let mut origins: Vec<Origin> = Vec::new();
        for text in texts {
            let origin = origin(text.as_ref())?;
            if origins.iter().any(|other| other.host == origin.host) {
                return Err(OriginError::Twice { host: origin.host });
            }
            origins.push(origin);
        }
        Ok(Self(origins))
    }

    /// The origin that a request to a host is for.
    pub(super) fn of(&self, host: &str) -> Option<&str> {
        let host = host.to_ascii_lowercase();
        let is_meant =
            |origin: &&Origin| origin.host == host || host.strip_suffix(origin.usual) == Some(&origin.host);
        self.0.iter().find(is_meant).map(|origin| origin.text.as_str())
    }
}

fn origin(text: &str) -> Result<Origin, OriginError> {
    let wrong = |reason| OriginError::Form { found: text.chars().take(256).collect(), reason };
    let (host, usual) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(host), _) => (host, ":443"),
        (_, Some(host)) => (host, ":80"),
        (None, None) => return Err(wrong("it begins neither with `https://` nor with `http://`")),
    };
    if host.contains(['/', '?', '#']) {
        return Err(wrong("something follows its host"));
    }
    resource::check(&format!("{text}/")).map_err(wrong)?;
    Ok(Origin { text: text.to_owned(), host: host.to_owned(), usual })
}
