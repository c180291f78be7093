//! The commands of an organization that runs Legation.

pub(crate) mod admin;
pub(crate) mod agent;
mod agent_file;
pub(crate) mod api_key;
pub(crate) mod apply;
pub(crate) mod budget;
mod cards;
pub(crate) mod data_dir;
pub(crate) mod delegation;
pub(crate) mod doctor;
mod first_admin;
mod graph;
mod holder;
pub(crate) mod host;
mod import;
pub(crate) mod init;
pub(crate) mod model;
mod place;
pub(crate) mod publish;
pub(crate) mod receipts;
pub(crate) mod rotation;
pub(crate) mod secret;
pub(crate) mod signer;
pub(crate) mod spend;
mod table;
pub(crate) mod team;
pub(crate) mod up;
