//! The arguments of an organization's commands: teams, agents, their keys, delegations and budgets.

use super::{
    ActivityArgs, AgentFileArgs, AgentProxyArgs, DataArgs, FolderArgs, NarrowArgs, PlaceArgs, ToFileArgs,
    duration, moment, until,
};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What a team or an agent is for, and what it may do.
#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// Its name: `a`-`z`, `0`-`9` and `-`, the first a letter.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it is for, in a few words.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) purpose: String,
    /// Who answers for it.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) owner: String,
    /// What it is found by; repeatable.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// What it can do, for those who look for one; repeatable. It grants nothing.
    #[arg(long, value_name = "TEXT")]
    pub(crate) capability: Vec<String>,
    /// A group of models that it may call; `*` for all. Repeat it, or separate them by commas.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub(crate) models: Vec<String>,
    /// What it may spend, such as `5USD/day`, `500EUR/month` or `20USD/24h`; repeatable.
    #[arg(long, value_name = "BUDGET")]
    pub(crate) budget: Vec<String>,
    /// A further action that it may do, such as `http:GET`, on each --resource; repeatable.
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Vec<String>,
    /// What the actions are on, such as `https://crm.acme.example/*`; repeatable.
    #[arg(long, value_name = "URL")]
    pub(crate) resource: Vec<String>,
    /// A constraint as JSON, such as `{"type":"rate","seconds":60,"max":10}`; repeatable.
    #[arg(long, value_name = "JSON")]
    pub(crate) constraint: Vec<String>,
    /// How many further links its holder may make of its delegation.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max_depth: u32,
}

/// A team or an agent by its name.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// Whose key is replaced.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) of: NameArgs,
    #[command(flatten)]
    pub(crate) how: RotateHowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RotateOwnArgs {
    #[command(flatten)]
    pub(crate) how: RotateHowArgs,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// How a key is replaced.
#[derive(Debug, Args)]
pub(crate) struct RotateHowArgs {
    /// Others may have the key: it is taken out of the DID document at once, and nothing that it signed holds any more.
    #[arg(long)]
    pub(crate) compromised: bool,
    /// Have it replaced by itself again and again while `up` runs, such as `90d`; `never` for not any more. The old key stays
    /// published while something holds that was signed by it.
    #[arg(long, value_name = "TIME", value_parser = every, conflicts_with = "compromised")]
    pub(crate) every: Option<i64>,
}

/// A length of time, or `never`, which is 0.
fn every(text: &str) -> Result<i64, String> {
    if text == "never" { Ok(0) } else { duration(text) }
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Its DID, and the number of its last change that decisions depend on.
    Show(ListArgs),
    /// Replace its key, which signs what its teams and admins may do, and receipts.
    Rotate(RotateOwnArgs),
    /// Its A2A Agent Card, at `/.well-known/agent-card.json`.
    #[command(subcommand)]
    Card(CardOfCommand),
}

/// The card of an agent.
#[derive(Debug, Args)]
pub(crate) struct CardOfAgentArgs {
    /// The agent.
    #[arg(value_name = "AGENT")]
    pub(crate) name: String,
    #[command(subcommand)]
    pub(crate) command: CardOfCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CardOfCommand {
    /// Sign a card by the key in custody and publish it, in place of the one before. The DID is added where it declares none.
    Set(FileArgs),
    /// The card as it is published, with its signatures.
    Show(ShowCardArgs),
    /// Publish none any more.
    Remove(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowCardArgs {
    /// As it was at this time, such as 2026-03-03T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<i64>,
    #[command(flatten)]
    pub(crate) to: ToFileArgs,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// A team or an agent by its name, now or as it was.
#[derive(Debug, Args)]
pub(crate) struct ShowHolderArgs {
    #[command(flatten)]
    pub(crate) of: NameArgs,
    /// As it was at this time, such as 2026-03-03T12:00:00Z: what it could do then, and by which delegation.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<i64>,
}

/// All of a kind.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// Add a team. Without models and actions it may call all models.
    Add(Box<AddTeamArgs>),
    /// All teams.
    List(ListArgs),
    /// One team: its DID, state, authority, budgets, until when its delegation is valid.
    Show(ShowHolderArgs),
    /// Refuse all its agents from their next call on, until it is resumed.
    Suspend(NameArgs),
    /// End a suspension.
    Resume(NameArgs),
    /// End a team for good, and all authority of its agents with it.
    Retire(NameArgs),
    /// Replace its key, which signs what its agents may do. The old one is published until what it signed has ended.
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddTeamArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArgs,
    /// How long each of its delegations lives; they are renewed in time.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "365d")]
    pub(crate) valid_for: i64,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Add an agent, with a delegation of its team. The signer keeps its key, unless it brings one by --own-key.
    Add(Box<AddAgentArgs>),
    /// All agents, or those of a team.
    List(ListAgentsArgs),
    /// One agent: its DID, state, authority, budgets, keys, until when its delegation is valid.
    Show(ShowHolderArgs),
    /// What it did in the last 24 hours, beside the days before.
    Activity(ActivityArgs),
    /// Refuse it from its next call on, until it is resumed.
    Suspend(NameArgs),
    /// End a suspension.
    Resume(NameArgs),
    /// End an agent for good.
    Retire(NameArgs),
    /// Replace its key in custody. The old one is published a while longer.
    Rotate(RotateArgs),
    /// Its A2A Agent Card, at `/AGENT/agent-card.json`.
    Card(CardOfAgentArgs),
    /// Add many agents from a file, a line of JSON for each. Bad lines are told by number, and the good ones are kept.
    /// What broke off is begun again from the start.
    Import(ImportArgs),
    /// Write all agents as such lines, without their keys.
    Export(ExportArgs),
    /// Write the file that an agent with its own key acts by: the key, and its delegations as they hold now.
    File(AgentFileArgs),
    /// Make a narrower agent file of one, with a key of its own for a child, offline. Its parent's end is its end.
    Narrow(Box<NarrowArgs>),
    /// Sign what programs send that can't: it listens on this machine, and passes on to a gateway.
    Proxy(AgentProxyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file, each line such as `{"name":"bot","models":["standard"],"budgets":["5USD/day"]}`; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) to: ToFileArgs,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AddAgentArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArgs,
    /// Its team, which can give no more than it has.
    #[arg(long, value_name = "TEAM", default_value = legation_registry::FIRST_TEAM)]
    pub(crate) team: String,
    /// How long each of its delegations lives; they are renewed in time.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30d")]
    pub(crate) valid_for: i64,
    /// The key file of an agent that keeps its own key and signs by it. What is sent is its public part and a proof.
    #[arg(long, value_name = "FILE")]
    pub(crate) own_key: Option<PathBuf>,
    /// A file that holds that key's passphrase.
    #[arg(long, value_name = "FILE", requires = "own_key")]
    pub(crate) own_key_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListAgentsArgs {
    /// Those of this team only.
    #[arg(long, value_name = "TEAM")]
    pub(crate) team: Option<String>,
    /// Those with this tag.
    #[arg(long, value_name = "TAG", conflicts_with = "team")]
    pub(crate) tag: Option<String>,
    /// Those with this capability.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["team", "tag"])]
    pub(crate) capability: Option<String>,
    /// Those whose names begin so.
    #[arg(long, value_name = "TEXT", conflicts_with = "team")]
    pub(crate) begins: Option<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Make a key of an agent that can't sign. It is printed once, alone on standard output.
    Create(CreateKeyArgs),
    /// The keys of an agent, or all.
    List(OfAgentArgs),
    /// Make a new key in place of one, which is accepted a while longer.
    Rotate(RotateKeyArgs),
    /// Block a key from the next call on, for good.
    Block(IdArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateKeyArgs {
    /// The agent.
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,
    /// What the key is called, such as where it is used.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) name: String,
    /// When it ends by itself; never by default.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) expires: Option<i64>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeyArgs {
    /// The key's id, as `api-key list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// How much longer the old key is accepted.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "24h")]
    pub(crate) grace: i64,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// Something by its id.
#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// The id, as `list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// What is an agent's, or all.
#[derive(Debug, Args)]
pub(crate) struct OfAgentArgs {
    /// The agent.
    #[arg(value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DelegationCommand {
    /// All delegations of an agent or a team; else the current one of each.
    List(ListDelegationsArgs),
    /// Who delegates to whom: as text, as a picture, as JSON.
    Graph(GraphArgs),
    /// One delegation: what it says, and whether it holds. With --out it is written as it is, for an agent that keeps its own key.
    Show(ShowDelegationArgs),
    /// All delegations from the organization to an agent, in one file: what an agent that keeps its own key presents.
    Chain(ChainArgs),
    /// Revoke a delegation and all that descends from it, from the next call on.
    Revoke(RevokeDelegationArgs),
    /// Renew a delegation before it ends, which `up` does by itself. No budget is refilled.
    Renew(IdArgs),
    /// Delegate again to an agent or a team whose delegation was revoked.
    Issue(OfHolderArgs),
    /// Block a delegation that an agent made itself, by its digest, from the next call on and for good.
    Block(BlockArgs),
    /// The delegations that are blocked.
    Blocks(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BlockArgs {
    /// Its digest, as `agent narrow` prints it and receipts show it.
    #[arg(value_name = "DIGEST")]
    pub(crate) digest: String,
    /// Why, for those who look later.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListDelegationsArgs {
    /// The agent.
    #[arg(value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// The team's own.
    #[arg(long, value_name = "TEAM", conflicts_with = "agent")]
    pub(crate) team: Option<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// How it is drawn.
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(crate) format: GraphFormat,
    #[command(flatten)]
    pub(crate) to: ToFileArgs,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphFormat {
    /// A tree of lines.
    Text,
    /// A picture for browsers and documents.
    Svg,
    /// All that `team list` and `agent list` say.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ShowDelegationArgs {
    #[command(flatten)]
    pub(crate) of: IdArgs,
    /// Its state at this time, such as 2026-03-03T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<i64>,
    #[command(flatten)]
    pub(crate) to: ToFileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ChainArgs {
    /// The agent.
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,
    #[command(flatten)]
    pub(crate) to: ToFileArgs,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeDelegationArgs {
    /// The delegation's id, as `delegation list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Why, for those who look later.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// An agent, or a team.
#[derive(Debug, Args)]
pub(crate) struct OfHolderArgs {
    /// The agent's name, or with --team the team's.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The name is a team's.
    #[arg(long)]
    pub(crate) team: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// The budgets of an agent and of the team above it, and what of each is taken.
    Show(OfHolderArgs),
    /// Set a budget in place of the one of the same currency and window; `none` takes all away.
    Set(SetBudgetArgs),
    /// Set a budget that is more than the one of the same currency and window, with --until for a while.
    Raise(RaiseBudgetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetBudgetArgs {
    /// The agent's name, or with --team the team's.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The budget, such as `5USD/day`, `500EUR/month` or `20USD/24h`.
    #[arg(value_name = "BUDGET")]
    pub(crate) budget: String,
    /// The name is a team's.
    #[arg(long)]
    pub(crate) team: bool,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RaiseBudgetArgs {
    #[command(flatten)]
    pub(crate) budget: SetBudgetArgs,
    /// Until when it stands in place of the one before: a time such as 2026-11-21T10:00:00Z, or how long from now.
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub(crate) until: Option<i64>,
}

/// A file of the caller's.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Make somebody an admin, by the did:key that `legation key generate` prints. The delegation is printed, which is no
    /// secret: it goes to the admin, who gives it as --delegation.
    Add(AddAdminArgs),
    /// Become the first admin of an organization that has none, at its host, by the code that `legation up` printed there. Key and
    /// delegation are where other commands look for them.
    Claim(ClaimArgs),
    /// Become an admin for some hours, as an identity provider of the organization says who you are.
    Login(LoginArgs),
    /// All admins.
    List(ListArgs),
    /// One admin by its DID; its delegation, as it holds now, is printed alone.
    Show(IdArgs),
    /// Take an admin's authority away, from its next request on.
    Remove(IdArgs),
    /// On the machine with the data folder: make a new first admin where the key of the one there was is lost, whose authority
    /// ends. Its key and delegation take the place of `admin.key` and `admin.jwt`.
    Recover(RecoverAdminArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ClaimArgs {
    /// The code, such as `7K3M-0QVX-9TBD`. It is good once, for an hour.
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    #[command(flatten)]
    pub(crate) own: OwnAdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// A file that holds the ID token, `-` for standard input. It has to be asked for with the `nonce` that --nonce prints, at the
    /// provider, for the client id of this organization there.
    #[arg(long, value_name = "FILE", required_unless_present = "nonce", conflicts_with = "nonce")]
    pub(crate) id_token: Option<PathBuf>,
    /// Print the `nonce` to ask for an ID token with: it is made of the key, so that the token is of use to nobody else.
    #[arg(long)]
    pub(crate) nonce: bool,
    #[command(flatten)]
    pub(crate) own: OwnAdminArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Add a domain, such as acme.com, and say what has to be found there.
    Add(IdArgs),
    /// Look at a domain now. `up` does so by itself once a day.
    Check(IdArgs),
    /// The domains, and whether each was seen.
    List(ListArgs),
    /// Remove a domain.
    Remove(IdArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityProviderCommand {
    /// Write the OpenID providers of a JSON file, one or a list: each has `name`, `issuer`, `audience` and `roles`, and keys in `jwks`
    /// where they are not to be fetched.
    Set(FileArgs),
    /// The OpenID providers whose groups stand for roles.
    List(ListArgs),
    /// Remove one by its name. Sessions that it gave end when they end.
    Remove(IdArgs),
}

/// Where a host is, and where key and delegation of whoever becomes an admin there are kept.
#[derive(Debug, Args)]
pub(crate) struct OwnAdminArgs {
    /// The URL of the host's --admin-listen address.
    #[arg(long, value_name = "URL")]
    pub(crate) host: String,
    /// The key file, which is made where there is none; by default `admin.key` in the data folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// A file that holds the key's passphrase; without, whoever reads the key file that is made has the key.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The file that the delegation is written to; by default `admin.jwt` in the data folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) delegation: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverAdminArgs {
    /// The admin whose key is lost, by its DID; by default the one that `admin.jwt` in the folder is of.
    #[arg(long, value_name = "DID")]
    pub(crate) lost: Option<String>,
    /// A file that holds a passphrase for the new key; without, whoever reads the key file has the key.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// For how long receipts and events are kept.
    Show(ListArgs),
    /// Keep them for so long, and forget what is older.
    Set(SetRetentionArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetRetentionArgs {
    /// What for how long, such as `receipts=365d,events=730d`; `forever` for no end. What is not named stays as it is.
    #[arg(value_name = "WHAT=TIME", required = true, value_delimiter = ',', value_parser = kept)]
    pub(crate) kept: Vec<(Kept, i64)>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

/// What is kept for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Receipts,
    Events,
}

/// `receipts=365d`; 0 is for ever.
fn kept(text: &str) -> Result<(Kept, i64), String> {
    let wrong =
        || "expected `receipts=TIME` or `events=TIME`, such as `receipts=365d`, or `forever`".to_owned();
    let (what, time) = text.split_once('=').ok_or_else(wrong)?;
    let what = match what {
        "receipts" => Kept::Receipts,
        "events" => Kept::Events,
        _ => return Err(wrong()),
    };
    if time == "forever" {
        return Ok((what, 0));
    }
    Ok((what, duration(time).map_err(|_| wrong())?))
}

#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Replace the master key: all keys and secrets are sealed anew by the next one, while `up` runs. What breaks off is gone on with.
    Rotate(RotateMasterArgs),
    /// Where the master key is lost: make a new one, and all keys of organization, teams and agents anew.
    Lost(LostMasterArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RotateMasterArgs {
    /// Only make `master.key.new`: copy it to each other machine of the organization, then go on without this.
    #[arg(long)]
    pub(crate) prepare: bool,
    /// Have a token hold the key of the next one, from now on: the library of an HSM by PKCS #11, such as
    /// `/usr/lib/softhsm/libsofthsm2.so`.
    #[arg(long, value_name = "FILE", requires_all = ["token", "pin_file"])]
    pub(crate) pkcs11_module: Option<PathBuf>,
    /// The label of the token.
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    pub(crate) token: Option<String>,
    /// The label of its AES key, which is made where there is none.
    #[arg(long, value_name = "LABEL", default_value = "legation")]
    pub(crate) token_key: String,
    /// A file that holds the PIN of the token's user. It is read whenever a signer begins.
    #[arg(long, value_name = "FILE", requires = "pkcs11_module")]
    pub(crate) pin_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: FolderArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LostMasterArgs {
    /// Yes: nobody has a copy of it. What signed until now holds no more, and secrets of upstreams have to be set again.
    #[arg(long, required = true)]
    pub(crate) make_keys_anew: bool,
    #[command(flatten)]
    pub(crate) data: FolderArgs,
}

/// What people do who administer an organization.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    /// Everything.
    Owner,
    /// All but who is an admin, and the organization's own key.
    Operator,
    /// Decides on what waits for an approval.
    Approver,
    /// Looks, and changes nothing.
    Auditor,
}

#[derive(Debug, Args)]
pub(crate) struct ConsoleArgs {
    /// What whoever types the code becomes, for eight hours at most.
    #[arg(long, value_enum, default_value = "operator")]
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AddAdminArgs {
    /// The admin's did:key.
    #[arg(value_name = "DID")]
    pub(crate) did: String,
    /// What it may do, in a word; an owner where nothing is said.
    #[arg(long, value_name = "ROLE", value_enum, conflicts_with = "action")]
    pub(crate) role: Option<Role>,
    /// What it may do, one by one, such as `admin:agents.add` (`/openapi.json` of a host names all); repeatable.
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Vec<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
