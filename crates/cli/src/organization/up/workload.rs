//! The SPIFFE Workload API: a socket where processes of agents of this machine ask for their SVIDs.

use crate::{
    args::UpArgs,
    output::{Failure, complain},
};
use legation_gateway::{Gateway, WorkloadSocket, Workloads};
use std::sync::Arc;

/// The socket, and which agent the processes of each user are.
#[derive(Debug)]
pub(super) struct Door {
    socket: WorkloadSocket,
    workloads: Workloads,
}

/// Listens, where it is asked for.
pub(super) fn open(args: &UpArgs) -> Result<Option<Door>, Failure> {
    let Some(path) = &args.workload_socket else { return Ok(None) };
    let mut users = Vec::new();
    for named in &args.workload {
        let read = named.split_once('=').and_then(|(user, agent)| Some((user.parse::<u32>().ok()?, agent)));
        let (user, agent) = read.filter(|(_, agent)| !agent.is_empty()).ok_or_else(|| {
            Failure::usage(format!("--workload is `{named}`; write UID=AGENT, such as `1001=crm`"))
        })?;
        if users.iter().any(|(other, _)| *other == user) {
            return Err(Failure::usage(format!(
                "--workload names the user {user} twice; a user is one agent"
            )));
        }
        users.push((user, agent.to_owned()));
    }
    let socket =
        WorkloadSocket::bind(path).map_err(|error| Failure::network("socket_not_made", error.to_string()))?;
    Ok(Some(Door { socket, workloads: Workloads::new(users) }))
}

/// Serves there, until the runtime ends.
pub(super) async fn serve(door: Door, path: String, gateway: Arc<Gateway>) {
    complain(&format!("processes of agents ask for SVIDs at SPIFFE_ENDPOINT_SOCKET=unix://{path}\n"));
    if let Err(error) = door.socket.serve(gateway, door.workloads).await {
        complain(&format!("processes can't ask for SVIDs: {error}\n"));
    }
}
