//! Arguments of people who let programs act for them, of their consents, and of programs.

use super::PlaceArgs;
use super::organization::{AddTeamArgs, IdArgs, ListArgs, NameArgs};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Add a person, with what it can hand on at most to programs. Without models and actions that is nothing.
    Add(Box<AddTeamArgs>),
    /// All people, and what each can hand on at most.
    List(ListArgs),
    /// Set what a person can hand on at most.
    Ceiling(Box<AddTeamArgs>),
    /// Make a code by which a person signs in where a program asks it, once and within ten minutes.
    Code(NameArgs),
    /// Remove a person: what it let programs do ends with the next call.
    Remove(NameArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsentCommand {
    /// What people have let programs do.
    List(ListConsentsArgs),
    /// Take a consent back, from the next call on.
    Revoke(IdArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListConsentsArgs {
    /// Those of this person.
    #[arg(long, value_name = "NAME")]
    pub(crate) person: Option<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Add a program that may ask people, and print its `client_id`. It gets no secret.
    Add(AddClientArgs),
    /// The programs that were added.
    List(ListArgs),
    /// Remove a program: it can ask nobody any more.
    Remove(IdArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddClientArgs {
    /// What people are told that it is called.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Where answers go, such as `https://app.example/callback` or `http://127.0.0.1/callback`; repeatable.
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) redirect: Vec<String>,
    #[command(flatten)]
    pub(crate) data: PlaceArgs,
}
