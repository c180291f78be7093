//! The knobs of fetching.

use core::time::Duration;

/// How far a fetch may go. [`Options::default`] is for the open internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long one fetch may take, from looking up the name to the last byte. 10 seconds by
    /// default: somebody waits for the answer, and a server that sends a byte now and then must
    /// not hold them.
    pub timeout: Duration,
    /// How much of that may pass until the connection stands. 5 seconds by default: longer than
    /// two lost packets, and still leaving time for the answer.
    pub connect_timeout: Duration,
    /// Most bytes of an answer's body. 4 MiB by default: a status list of a million entries
    /// takes about 250 KiB. DID documents are bounded to 64 KiB besides.
    pub max_bytes: usize,
    /// Whether to connect to addresses that are not of the open internet ([`crate::guard`]).
    /// `false` by default: a stranger's DID must not reach services behind the firewall, nor
    /// the machine's own.
    pub allow_private: bool,
    /// Whether hosts named `localhost` or `….localhost` are fetched from by plain `http`, and
    /// only at loopback addresses. `false` by default; for trying things out on one machine.
    pub http_on_loopback: bool,
    /// Certificates (PEM, one or several in each) that are trusted beside the system's: an
    /// organization's own authority, or a test's. None by default.
    pub extra_root_certificates: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            max_bytes: 4 * 1024 * 1024,
            allow_private: false,
            http_on_loopback: false,
            extra_root_certificates: Vec::new(),
        }
    }
}
