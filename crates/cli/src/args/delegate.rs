//! The arguments of `legation delegate`.

use super::{Format, KeyArgs, LimitFlags, duration, moment, read_did, url};
use clap::Args;
use legation_did::Did;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct DelegateArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The DID that receives the authority.
    #[arg(long, value_name = "DID", value_parser = read_did, required_unless_present = "batch")]
    pub(crate) to: Option<Did>,
    /// The DID that issues; by default the key's did:key, or the parent's subject.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) issuer: Option<Did>,
    /// A folder with the issuer's DID document: the key is looked up in it, since verifiers find no other.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    /// The delegation to pass on; give the whole chain, root first, by repeating it.
    #[arg(long, value_name = "FILE")]
    pub(crate) parent: Vec<PathBuf>,
    /// An action, such as `a2a:skill:book` or `mcp:tools/call:payments.*`.
    #[arg(long, value_name = "ACTION", required_unless_present = "batch")]
    pub(crate) action: Vec<String>,
    /// A resource, such as `https://shop.example/api/*`.
    #[arg(long, value_name = "URL", required_unless_present = "batch")]
    pub(crate) resource: Vec<String>,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    /// An id for the credential, such as `urn:uuid:…`; none by default: its digest names it.
    #[arg(long, value_name = "URL", value_parser = url)]
    pub(crate) id: Option<String>,
    /// How long it is valid: a number with s, m, h or d. One that is passed on ends with its parent at the latest, and
    /// by default.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "valid_until")]
    pub(crate) valid_for: Option<i64>,
    /// Until when it is valid.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) valid_until: Option<i64>,
    /// From when on it is valid; now by default.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) valid_from: Option<i64>,
    /// How many further links may follow.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max_depth: u32,
    /// What its totals are counted on, such as `team-sales`: delegations of one issuer that name the same share them, and a
    /// renewed one goes on where the old one was.
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Where its revocation is published: the URL of a status list and an index. With --status-list, the URL alone takes an
    /// index that is free.
    #[arg(long, value_name = "URL[#INDEX]")]
    pub(crate) status: Option<String>,
    /// The file of that list, as `status publish` wrote it: an index beyond its end, one that is set and one that was given
    /// before are refused. Which were given is kept in FILE.given beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) status_list: Option<PathBuf>,
    /// Where its suspension is published.
    #[arg(long, value_name = "URL#INDEX")]
    pub(crate) suspension: Option<String>,
    /// How it is secured.
    #[arg(long, value_enum, default_value = "jwt")]
    pub(crate) format: Format,
    /// Issue one delegation for each line of a file, such as `{"to":"did:key:…","out":"a.jwt"}`; `-` for standard input. A line
    /// may say `action`, `resource`, `constraint`, `id`, `validFor`, `validUntil`, `maxDepth`, `account`, `status` and
    /// `suspension`, too; what it leaves out is as the options say. All of them are issued, or none.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "out", "id"])]
    pub(crate) batch: Option<PathBuf>,
    /// The file to write; `-` for standard output.
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}
