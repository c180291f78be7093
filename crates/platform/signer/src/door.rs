//! The doors: the sockets of a signer, and what is done at each.

use crate::ask::Request;
use std::path::{Path, PathBuf};

/// A socket of the signer. Who holds budgets and answers requests does not get at what makes delegations, and who
/// registers agents does not get at secrets for upstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// `registry.sock`: makes keys, signs delegations, status lists, receipts, cards, domain linkages and what was seen of domains, checkpoints of logs,
    /// entries of did:webvh logs, Security Event Tokens and alerts, seals secrets.
    Registry,
    /// `gateway.sock`: signs receipts, identity tokens and JWT-SVIDs of agents, opens secrets.
    Gateway,
    /// Where processes of agents may knock, whoever they run as: signs requests, by keys that were sealed for the user that asks. It is
    /// in no signer's folder, which others do not get into.
    Agents,
}

impl Door {
    /// Those of a signer's folder, which only its own user gets into.
    pub const ALL: [Self; 2] = [Self::Registry, Self::Gateway];

    /// Its socket in a signer's folder.
    ///
    /// ```
    /// use legation_signer::Door;
    /// let socket = Door::Gateway.socket("/run/legation".as_ref());
    /// assert_eq!(socket.to_str(), Some("/run/legation/gateway.sock"));
    /// ```
    #[must_use]
    pub fn socket(self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.sock", self.name()))
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Gateway => "gateway",
            Self::Agents => "agents",
        }
    }

    /// Whether that is done here.
    pub(crate) fn does(self, request: &Request) -> bool {
        match request {
            Request::Ping {} => true,
            Request::Receipt(_) => self != Self::Agents,
            Request::SignRequest(_) => self == Self::Agents,
            Request::OpenSecret(_) | Request::AccessToken(_) | Request::JwtSvid(_) => self == Self::Gateway,
            Request::Generate(_)
            | Request::GenerateAll(_)
            | Request::Delegate(_)
            | Request::DelegateAll(_)
            | Request::StatusList(_)
            | Request::Card(_)
            | Request::DomainLinkage(_)
            | Request::DomainControl(_)
            | Request::SecurityEvent(_)
            | Request::Alert(_)
            | Request::Checkpoint(_)
            | Request::WebvhEntry(_)
            | Request::SealSecret(_)
            | Request::ProcessKey(_)
            | Request::ResealKey(_)
            | Request::ResealSecret(_) => self == Self::Registry,
        }
    }
}
