//! The `legation` command: keys, DIDs, delegations, presentations, verification, revocation, agent cards.
//!
//! Exit status: 0 done, valid or permitted; 1 denied or invalid; 2 wrong arguments or a file that
//! can't be opened; 3 network or storage.

mod a2a;
mod agent;
mod approve;
mod args;
mod card;
mod code;
mod credential;
mod delegate;
mod demo;
mod did;
mod evidence;
mod explain;
mod files;
mod folder;
mod help;
mod inspect;
mod key_directory;
mod keygen;
mod ledger_file;
mod list_file;
mod log;
mod mcp;
mod network;
mod organization;
mod output;
mod passphrase;
mod present;
mod receipt;
mod renewal;
mod serve;
mod signed_by;
mod status;
mod stream;
mod token;
mod usage;
mod verify;
mod warnings;
mod webvh;
mod words;

use args::{Cli, Command, DidCommand, KeyCommand, ReceiptCommand, StatusCommand};
use clap::{FromArgMatches, error::ErrorKind};
use output::{Failure, Output};
use std::process::ExitCode;

/// A gateway allocates some hundred times for a call, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    let read = help::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match read {
        Ok(cli) => cli,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return output::ended(0, &output::print(&format!("{}\n", error.to_string().trim_end())));
        }
        Err(error) => return output::fail(&Failure::usage(usage::one_line(&error)), wants_json),
    };
    stream::answer_is_json(cli.json);
    match run(cli.command, cli.json) {
        Ok(output) => output.show(cli.json),
        Err(failure) => output::fail(&failure, cli.json),
    }
}

fn run(command: Command, as_json: bool) -> Result<Output, Failure> {
    match command {
        Command::Demo => demo::run(),
        Command::Key { command: KeyCommand::Generate(args) } => keygen::generate(&args),
        Command::Key { command: KeyCommand::Directory(args) } => key_directory::write(&args),
        Command::Did { command: DidCommand::Create { command } } => did::create(&command),
        Command::Did { command: DidCommand::Resolve(args) } => did::resolve(&args),
        Command::Did { command: DidCommand::Update(args) } => webvh::update(&args),
        Command::Delegate(args) => delegate::run(&args),
        Command::Present(args) => present::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Revoke(args) => status::revoke(&args),
        Command::Status { command: StatusCommand::Publish(args) } => status::publish(&args),
        Command::Card { command } => card::run(&command),
        Command::Credential { command } => credential::run(&command),
        Command::Receipt { command: ReceiptCommand::Verify(args) } => receipt::verify(&args),
        Command::Receipt { command: ReceiptCommand::List(args) } => organization::receipts::list(&args),
        Command::Receipt { command: ReceiptCommand::Show(args) } => organization::receipts::show(&args),
        Command::Log { command } => log::run(&command),
        Command::Evidence(args) => evidence::run(&args),
        Command::Code { command } => code::run(&command),
        Command::Serve(args) => serve::run(&args),
        Command::Init(args) => organization::init::run(&args),
        Command::Organization { command } => organization::rotation::run(&command),
        Command::Team { command } => organization::team::run(&command),
        Command::Agent { command } => organization::agent::run(&command, as_json),
        Command::ApiKey { command } => organization::api_key::run(&command),
        Command::Delegation { command } => organization::delegation::run(&command),
        Command::Admin { command } => organization::admin::run(&command),
        Command::Domain { command } => organization::domain::run(&command),
        Command::Person { command } => organization::people::person(&command),
        Command::Consent { command } => organization::people::consent(&command),
        Command::Client { command } => organization::people::client(&command),
        Command::IdentityProvider { command } => organization::identity_provider::run(&command),
        Command::Alert { command } => organization::alert::run(&command),
        Command::Token { command } => token::run(&command, as_json),
        Command::Svid { command } => token::svid(command, as_json),
        Command::TrustDomain { command } => organization::trust_domain::run(&command),
        Command::Signals { command } => organization::signals::run(&command),
        Command::Budget { command } => organization::budget::run(&command),
        Command::Secret { command } => organization::secret::run(&command),
        Command::Approval { command } => organization::approval::run(&command),
        Command::Console(args) => organization::console::run(&args),
        Command::A2a { command } => a2a::run(&command),
        Command::Migrate { command } => organization::migrate::run(&command),
        Command::Mcp { command } => mcp::run(&command),
        Command::Model { command } => organization::model::run(&command),
        Command::Partner { command } => organization::partner::run(&command),
        Command::Policy { command } => organization::policy::run(&command),
        Command::Quarantine { command } => organization::quarantine::run(&command),
        Command::Spend(args) => organization::spend::run(&args),
        Command::Doctor(args) => organization::doctor::run(&args),
        Command::MasterKey { command } => organization::master_key::run(&command),
        Command::Retention { command } => organization::retention::run(&command),
        Command::Backup(args) => organization::backup::run(&args),
        Command::Restore(args) => organization::restore::run(&args),
        Command::Confirm(args) => organization::confirm::run(&args),
        Command::Publish(args) => organization::publish::run(&args),
        Command::Plan(args) => organization::apply::plan(&args),
        Command::Apply(args) => organization::apply::apply(&args),
        Command::Up(args) => organization::up::run(&args, as_json),
        Command::Signer(args) => organization::signer::run(&args),
        Command::Run(args) => agent::run::run(&args),
        Command::Completions(args) => help::pages::completions(&args, as_json),
        Command::Man(args) => help::pages::man(&args),
    }
}
