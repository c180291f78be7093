//! The arguments of every command.

mod a2a;
mod agent;
mod approval;
mod card;
mod configured;
mod credential;
mod delegate;
mod did;
mod did_text;
mod inspect;
mod key;
mod limits;
mod log;
mod mcp;
mod migrate;
mod organization;
mod pages;
mod people;
mod policy;
mod quarantine;
mod signals;
mod spiffe;
mod token;
mod up;

pub(crate) use a2a::{A2aCommand, OverlayArgs};
pub(crate) use agent::{AgentFileArgs, AgentProxyArgs, NarrowArgs, RunArgs, SignsArgs};
pub(crate) use approval::{ApprovalCommand, GrantApprovalArgs, ListApprovalsArgs, RefuseApprovalArgs};
pub(crate) use card::{CardCommand, FetchCardArgs, SignCardArgs, VerifyCardArgs};
pub(crate) use configured::{
    ListReceiptsArgs, ModelCommand, SecretCommand, SetSecretArgs, ShowReceiptArgs, SpendArgs, SpendBy,
};
pub(crate) use credential::CredentialCommand;
#[cfg(feature = "vc-api")]
pub(crate) use credential::{CredentialFormat, IssueArgs, VerifyCredentialArgs};
pub(crate) use delegate::DelegateArgs;
pub(crate) use did::{
    CreateCommand, CreateWebArgs, CreateWebvhArgs, DidCommand, DocumentArgs, ResolveArgs, UpdateArgs,
};
pub(crate) use inspect::InspectArgs;
pub(crate) use key::{DirectoryArgs, GenerateArgs, KeyCommand};
pub(crate) use limits::LimitFlags;
pub(crate) use log::{
    AnchorArgs, EraseArgs, EvidenceArgs, ExportLogArgs, Framework, LogArgs, LogCommand, ProveArgs, PullArgs,
    PushArgs, ReplayArgs, SearchLogArgs, SpendLogArgs, VerifyLogArgs, WitnessAskArgs, WitnessCommand,
    WitnessKeyArgs, WitnessServeArgs,
};
pub(crate) use mcp::{ApproveToolsArgs, McpCommand, ToolsArgs, WrapArgs};
pub(crate) use migrate::{EnforceArgs, LitellmArgs, MigrateCommand, MigrateKeysArgs, ReportArgs, ShadowArgs};
pub(crate) use organization::{
    AddAdminArgs, AddAgentArgs, AddTeamArgs, AdminCommand, AgentCommand, ApiKeyCommand, BlockArgs,
    BudgetCommand, CardOfCommand, ChainArgs, ClaimArgs, ConsoleArgs, CreateKeyArgs, DelegationCommand,
    DomainCommand, ExportArgs, FileArgs, GraphArgs, GraphFormat, IdArgs, IdentityProviderCommand, ImportArgs,
    Kept, ListAgentsArgs, ListArgs, ListDelegationsArgs, LoginArgs, LostMasterArgs, MasterKeyCommand,
    NameArgs, OfAgentArgs, OfHolderArgs, OrganizationCommand, OwnAdminArgs, ProfileArgs, RaiseBudgetArgs,
    RecoverAdminArgs, RetentionCommand, RevokeDelegationArgs, Role, RotateArgs, RotateKeyArgs,
    RotateMasterArgs, SetBudgetArgs, ShowDelegationArgs, ShowHolderArgs, TeamCommand,
};
pub(crate) use pages::{CompletionsArgs, ManArgs};
pub(crate) use people::{AddClientArgs, ClientCommand, ConsentCommand, ListConsentsArgs, PersonCommand};
pub(crate) use policy::{
    BindPolicyArgs, CheckPolicyArgs, PartnerCommand, PolicyCommand, PutPolicyArgs, ShowPolicyArgs,
    TestPolicyArgs, UnbindPolicyArgs,
};
pub(crate) use quarantine::{ActivityArgs, QuarantineCommand, SetRuleArgs};
pub(crate) use signals::{AddAlertArgs, AddReceiverArgs, AlertCommand, ReceiverCommand, SignalsCommand};
pub(crate) use spiffe::{SvidCommand, TrustDomainCommand};
pub(crate) use token::{GetTokenArgs, TokenAlg, TokenCommand, TokenProofArgs};
pub(crate) use up::{
    BackupArgs, ConfirmArgs, ConfirmCommand, DataArgs, DoctorArgs, FolderArgs, InitArgs, LimitArgs,
    PlaceArgs, PlanArgs, PublishSiteArgs, RestoreArgs, SignerArgs, TellArgs, UpArgs,
};

use crate::files;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use did_text::read_did;
use legation_credential::Securing;
use legation_did::Did;
use legation_keys::time::{self, Round};
use std::{net::SocketAddr, path::PathBuf};

/// Identity and delegated authority for AI agents, verifiable by anyone.
#[derive(Debug, Parser)]
#[command(name = "legation", version, propagate_version = true)]
pub(crate) struct Cli {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole story on this machine: two organizations, four agents that meet, attacks, a revocation.
    Demo,
    /// Secret keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// DIDs and their documents.
    Did {
        #[command(subcommand)]
        command: DidCommand,
    },
    /// Issue a delegation, or pass one on narrower.
    Delegate(DelegateArgs),
    /// Sign a presentation of a chain for one verifier.
    Present(PresentArgs),
    /// Approve a request of an agent that needs it, once.
    Approve(ApproveArgs),
    /// Verify a presentation, and decide on a request.
    Verify(VerifyArgs),
    /// Say what a file says, in sentences, without verifying it: a delegation, a presentation, a list, a card, a key, a receipt.
    Inspect(InspectArgs),
    /// Revoke or suspend a delegation in its status list.
    Revoke(RevokeArgs),
    /// Status lists.
    Status {
        #[command(subcommand)]
        command: StatusCommand,
    },
    /// Signed A2A agent cards.
    Card {
        #[command(subcommand)]
        command: CardCommand,
    },
    /// Credentials of any kind, beside delegations.
    Credential {
        #[command(subcommand)]
        command: CredentialCommand,
    },
    /// Receipts of decisions.
    Receipt {
        #[command(subcommand)]
        command: ReceiptCommand,
    },
    /// The log of what was decided and changed: verified, proved, found, exported.
    Log {
        #[command(subcommand)]
        command: LogCommand,
    },
    /// What an export of the log proves for people who must show it, point by point, and what it can't: a page of HTML, and JSON.
    Evidence(EvidenceArgs),
    /// What the codes of denials mean, and who can mend what.
    Code {
        #[command(subcommand)]
        command: CodeCommand,
    },
    /// Serve a folder of did:web documents, agent cards and status lists.
    Serve(ServeArgs),
    /// Make an organization: its keys, its first team, what it publishes.
    Init(InitArgs),
    /// The organization itself: its DID and its key.
    Organization {
        #[command(subcommand)]
        command: OrganizationCommand,
    },
    /// Teams: what their agents have is part of what they have.
    Team {
        #[command(subcommand)]
        command: TeamCommand,
    },
    /// Agents.
    Agent {
        #[command(subcommand)]
        command: AgentCommand,
    },
    /// Keys for agents that can't sign. What one may do is what its agent may.
    ApiKey {
        #[command(subcommand)]
        command: ApiKeyCommand,
    },
    /// Delegations to teams and agents.
    Delegation {
        #[command(subcommand)]
        command: DelegationCommand,
    },
    /// Admins: who may act on the organization's running host, by a delegation.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Identity tokens of an agent, for services that know OAuth.
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// JWT-SVIDs of an agent, for services that know SPIFFE.
    Svid {
        #[command(subcommand)]
        command: SvidCommand,
    },
    /// SPIFFE trust domains of others, whose workloads may call as agents of the organization.
    TrustDomain {
        #[command(subcommand)]
        command: TrustDomainCommand,
    },
    /// Who is told what happens to delegations, while it happens (Shared Signals).
    Signals {
        #[command(subcommand)]
        command: SignalsCommand,
    },
    /// Further domains of the organization: each shows by a file or a DNS record that it is.
    Domain {
        #[command(subcommand)]
        command: DomainCommand,
    },
    /// People who may let programs act for them, and what each can hand on at most.
    Person {
        #[command(subcommand)]
        command: PersonCommand,
    },
    /// What people have let programs do.
    Consent {
        #[command(subcommand)]
        command: ConsentCommand,
    },
    /// Programs that may ask people for their consent.
    Client {
        #[command(subcommand)]
        command: ClientCommand,
    },
    /// OpenID providers whose groups stand for admins' roles.
    IdentityProvider {
        #[command(subcommand)]
        command: IdentityProviderCommand,
    },
    /// Webhooks that are told what an operator has to know: budgets near their end, what expires, what is closed.
    Alert {
        #[command(subcommand)]
        command: AlertCommand,
    },
    /// What teams and agents may spend.
    Budget {
        #[command(subcommand)]
        command: BudgetCommand,
    },
    /// Secrets of upstreams.
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// Requests that wait for somebody's approval.
    Approval {
        #[command(subcommand)]
        command: ApprovalCommand,
    },
    /// Make a code by which somebody signs in to the console, at `/console` of the --admin-listen address.
    Console(ConsoleArgs),
    /// A2A agents behind routes: cards for those who call them through the gateway.
    A2a {
        #[command(subcommand)]
        command: A2aCommand,
    },
    /// Move programs here: from shared keys, and from LiteLLM. They are watched first, then enforced.
    Migrate {
        #[command(subcommand)]
        command: MigrateCommand,
    },
    /// MCP servers: their tools, and servers of standard input and output.
    Mcp {
        #[command(subcommand)]
        command: McpCommand,
    },
    /// Models: their names here, where they run, what they cost.
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Partners: other organizations whose agents may call here, on which routes and models, under which ceiling.
    Partner {
        #[command(subcommand)]
        command: PartnerCommand,
    },
    /// Policies: what is forbidden whatever delegations permit, for the organization, a team, a tag or an agent.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Quarantine: rules that suspend agents by what they did, and whom they have suspended.
    Quarantine {
        #[command(subcommand)]
        command: QuarantineCommand,
    },
    /// What was spent, by agent and model.
    Spend(SpendArgs),
    /// Look whether all is well with an organization, and say what to do where it is not.
    Doctor(DoctorArgs),
    /// The master key, which opens all private keys and secrets that are kept.
    MasterKey {
        #[command(subcommand)]
        command: MasterKeyCommand,
    },
    /// For how long receipts and events are kept.
    Retention {
        #[command(subcommand)]
        command: RetentionCommand,
    },
    /// Write all of an organization's data into one file, while it runs. Private keys in it open by the master key alone.
    Backup(BackupArgs),
    /// Put a backup back, into a new data folder; then open it.
    Restore(RestoreArgs),
    /// Say what still holds after a restore.
    Confirm(ConfirmArgs),
    /// Write what an organization publishes (DID documents, status lists) as files for any static host.
    Publish(PublishSiteArgs),
    /// What `apply` would do: the difference between files and what there is.
    Plan(PlanArgs),
    /// Make teams, agents, models and routes what files say.
    Apply(PlanArgs),
    /// Run an organization: its signer, what it publishes, its gateway.
    Up(UpArgs),
    /// Run the process that holds an organization's keys; `up` starts one by itself.
    Signer(SignerArgs),
    /// Run a program whose calls of models leave signed by an agent's key: it gets a base URL and a token of this run.
    Run(RunArgs),
    /// Write the completions of a shell to standard output.
    Completions(CompletionsArgs),
    /// Write a manual page for each command.
    Man(ManArgs),
}

/// The key that signs.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The key file.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// A file that holds the key's passphrase. Else LEGATION_PASSPHRASE_FILE names it, or it is asked for.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// A file that is written.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
    /// The file to write; `-` for standard output, where it is a text.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}

/// A file that may be written.
#[derive(Debug, Args)]
pub(crate) struct ToFileArgs {
    /// Write it to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

/// How far the network is trusted.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Connect to private, loopback and link-local addresses too.
    #[arg(long)]
    pub(crate) allow_private: bool,
    /// Fetch from `localhost` by plain http, for trying things out on one machine.
    #[arg(long)]
    pub(crate) http_on_loopback: bool,
    /// A certificate authority (PEM) to trust beside the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// A compact JWS: vc+jwt, vp+jwt (VC-JOSE-COSE).
    Jwt,
    /// JSON with a Data Integrity proof by eddsa-jcs-2022; for Ed25519 keys.
    DiJcs,
}

impl Format {
    /// How what is written is secured.
    pub(crate) fn securing(self) -> Securing {
        match self {
            Self::Jwt => Securing::Jwt,
            Self::DiJcs => Securing::EddsaJcs2022,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PresentArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The verifier's identity.
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: String,
    /// The verifier's challenge.
    #[arg(long, value_name = "NONCE")]
    pub(crate) nonce: String,
    /// How long the presentation lives, at most 5m.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m")]
    pub(crate) valid_for: i64,
    /// The moment of signing; now by default.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) now: Option<i64>,
    /// How the presentation is secured, whichever way its delegations are.
    #[arg(long, value_enum, default_value = "jwt")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) out: OutArgs,
    /// A folder with the holder's DID document: the key is looked up in it, since verifiers find no other.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    /// The delegations, root first. A file may hold several, joined by `~`, as `delegation chain` writes them.
    #[arg(required = true, value_name = "CREDENTIAL")]
    pub(crate) credentials: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// What is to be approved: what `verify --json` or a service answered with `approval_required`.
    pub(crate) request: PathBuf,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The DID that approves; by default the key's did:key.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) issuer: Option<Did>,
    /// How long it may be used, once; verifiers take an hour at most by default.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m")]
    pub(crate) valid_for: i64,
    /// The moment of signing; now by default.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) now: Option<i64>,
    /// How the approval is secured.
    #[arg(long, value_enum, default_value = "jwt")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("whom").required(true).args(["principal", "trust"])))]
pub(crate) struct VerifyArgs {
    /// The presentation; with --vouched, the chain in compact form, its links joined by `~`.
    pub(crate) file: PathBuf,
    /// Trust this root without a ceiling and without revocation: for trying things out.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) principal: Option<Did>,
    /// The trust settings.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// Who the verifier is.
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: String,
    /// The challenge that the verifier gave.
    #[arg(long, value_name = "NONCE", required_unless_present = "vouched")]
    pub(crate) nonce: Option<String>,
    /// Vouch for this agent, which then signs nothing; the trust has to allow it.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) vouched: Option<Did>,
    /// The action that is asked for.
    #[arg(long, value_name = "ACTION", requires = "resource")]
    pub(crate) action: Option<String>,
    /// The resource that is asked for; a query string becomes facts.
    #[arg(long, value_name = "URL", requires = "action")]
    pub(crate) resource: Option<String>,
    /// A fact about the request; the value is JSON, or else a text.
    #[arg(long, value_name = "NAME=VALUE", requires = "action")]
    pub(crate) fact: Vec<String>,
    /// The body that the request comes with; an approval is of it, too.
    #[arg(long, value_name = "FILE", requires = "action")]
    pub(crate) body: Option<PathBuf>,
    /// An approval of the request; repeat it for several.
    #[arg(long, value_name = "FILE", requires = "action")]
    pub(crate) approval: Vec<PathBuf>,
    /// The moment to judge by; now by default.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) now: Option<i64>,
    /// DID documents and status lists in one file; nothing is fetched.
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
    /// A folder of DID documents and status lists, as `serve` takes it; nothing is fetched.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    /// Show every check, its cost and its outcome.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Commit a permit to this ledger file: nonces are used once, totals add up.
    #[arg(long, value_name = "FILE", requires = "action")]
    pub(crate) ledger: Option<PathBuf>,
    /// Write a signed receipt of the decision.
    #[arg(long, value_name = "FILE", requires = "receipt_key")]
    pub(crate) receipt: Option<PathBuf>,
    /// The key that signs the receipt.
    #[arg(long, value_name = "FILE", requires = "receipt")]
    pub(crate) receipt_key: Option<PathBuf>,
    /// A file that holds the receipt key's passphrase.
    #[arg(long, value_name = "FILE", requires = "receipt_key")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The delegation.
    pub(crate) credential: PathBuf,
    /// The status list file that answers for it; it is signed anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) list: PathBuf,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Suspend instead of revoking.
    #[arg(long)]
    pub(crate) suspend: bool,
    /// End a suspension. A revocation can't be undone.
    #[arg(long, conflicts_with = "suspend")]
    pub(crate) reinstate: bool,
    /// Who issued the delegation, where the list is another's whose status lists verifiers take for it.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) issuer: Option<Did>,
    /// A folder with the issuer's DID document, as you wrote it yourself: what any key of it signed is believed,
    /// and not only what this key did.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StatusCommand {
    /// Make a status list, or sign an existing one anew.
    Publish(PublishArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Who issues it; the key's did:key by default.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) issuer: Option<Did>,
    /// The URL that it will be published at.
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// What its bits mean.
    #[arg(long, value_enum, default_value = "revocation")]
    pub(crate) purpose: Purpose,
    /// How many entries it has, at least 131072.
    #[arg(long, value_name = "N", default_value_t = 131_072)]
    pub(crate) entries: usize,
    /// How long it is valid: a number with s, m, h or d. Verifiers take a list for an hour unless their trust says
    /// otherwise (`maxStatusAge`), however long it is valid.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    pub(crate) valid_for: i64,
    /// How it is secured; jwt, or as the file that is there.
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// The file to write; where it exists its bits are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A folder with the issuer's DID document, as you wrote it yourself: the list that is there may be signed by any
    /// key of it, as while keys are rotated, and not only by this one.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Purpose {
    /// For good.
    Revocation,
    /// For now.
    Suspension,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Check a signed receipt and show what was decided.
    Verify(ReceiptArgs),
    /// The latest receipts of an organization.
    List(ListReceiptsArgs),
    /// One receipt of an organization. With --out it is written signed, as `receipt verify` takes it, or as JSON until it is signed.
    Show(ShowReceiptArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CodeCommand {
    /// All codes, in the order of the checks.
    List,
    /// One code: cause, cure, place in the order, who can mend it.
    Show {
        /// The code, such as `constraint_widened`.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReceiptArgs {
    /// The receipt.
    pub(crate) file: PathBuf,
    /// Who should have signed it.
    #[arg(long, value_name = "DID", value_parser = read_did)]
    pub(crate) signer: Did,
    /// A folder of DID documents; nothing is fetched.
    #[arg(long, value_name = "DIR")]
    pub(crate) did_documents: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The folder: `.well-known/did.json`, `PATH/did.json`, `agent-card.json` beside them, `status/NAME`, a key directory.
    pub(crate) folder: PathBuf,
    /// The address to listen at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "LEGATION_LISTEN")]
    pub(crate) listen: SocketAddr,
    /// The TLS certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "LEGATION_TLS_CERT")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The TLS key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "LEGATION_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Sign the status lists of the folder anew before they are stale: the key file of their issuer; repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) status_key: Vec<PathBuf>,
    /// The file with the passphrase of these keys; repeat it to give one for each, in their order.
    #[arg(long, value_name = "FILE", requires = "status_key")]
    pub(crate) status_passphrase_file: Vec<PathBuf>,
    /// Offer the VC API too: issue, verify and resolve, signing with this key; once for each algorithm.
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) vc_api: Vec<PathBuf>,
    /// The file with the passphrase of these keys.
    #[arg(long, value_name = "FILE", requires = "vc_api")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Where the VC API is reached from outside, such as https://vc.acme.example; its address by default.
    #[arg(long, value_name = "URL", requires = "vc_api")]
    pub(crate) origin: Option<String>,
    /// The address at which the VC API listens; that of --listen for both at one.
    #[arg(long, value_name = "ADDRESS", requires = "vc_api", default_value = "127.0.0.1:8081")]
    pub(crate) vc_api_listen: SocketAddr,
    /// The file with the bearer token of those for whom the VC API issues and revokes. Without it, it does so for nobody.
    #[arg(long, value_name = "FILE", requires = "vc_api")]
    pub(crate) vc_api_token: Option<PathBuf>,
    /// Issue and revoke for whoever reaches the VC API, as test suites need it. What its keys sign then says nothing.
    #[arg(long, requires = "vc_api", conflicts_with = "vc_api_token")]
    pub(crate) vc_api_open: bool,
    /// A JSON-LD context that credentials may name beside those that are compiled in: its URL, and the file that is published
    /// there; repeatable. No context is ever fetched.
    #[arg(long, value_name = "URL=FILE", requires = "vc_api", value_parser = credential::context)]
    pub(crate) context: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

pub(crate) fn moment(text: &str) -> Result<i64, String> {
    time::parse(text, Round::Down)
        .ok_or_else(|| "expected a time with zone, such as 2026-11-21T10:00:00Z".to_owned())
}

/// A time to come: a moment, or how long from now.
fn until(text: &str) -> Result<i64, String> {
    let later = |seconds: i64| files::now().saturating_add(seconds);
    moment(text).or_else(|_| duration(text).map(later)).map_err(|_| {
        "expected a time such as 2026-11-21T10:00:00Z, or how long from now, such as 2h".to_owned()
    })
}

/// A URL, by its scheme.
pub(crate) fn url(text: &str) -> Result<String, String> {
    let scheme = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).map_or("", |(scheme, _)| scheme);
    let fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("expected a URL, such as urn:uuid:…".to_owned()) }
}

/// A number with a unit, in seconds; ten years at most.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    const UNITS: [(&str, i64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let wrong = || "expected a number with s, m, h or d, such as 7d".to_owned();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, *seconds)))
        .ok_or_else(wrong)?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse::<i64>().ok().filter(|_| digits).and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| (1..=315_576_000).contains(seconds)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_unit_or_beyond_reason_is_refused() {
        assert_eq!(duration("7d"), Ok(604_800));
        assert_eq!(duration("90s"), Ok(90));
        for text in ["", "d", "7", "7w", "-1d", "+1d", "1.5h", "0s", "99999999999d", "9223372036854775807d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_arguments_fit_together() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
