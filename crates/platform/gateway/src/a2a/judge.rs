//! What an agent answers, message by message: the tasks and contexts that it tells of are its caller's from then on.

use super::{asked::Wire, forward::Going, told};
use crate::{
    access,
    refused::Refused,
    rpc::{Judges, failed},
};
use legation_mcp::{
    a2a::{Message, Operation, reply},
    reply::ReplyError,
};
use legation_registry::a2a::Named;
use std::sync::Arc;

/// Most tasks and contexts that one answer may tell of: each is kept.
const MOST: usize = 256;

/// Judges the messages of one answer.
pub(super) struct Judge {
    going: Going,
    message: Message,
    /// What is known to be the caller's.
    known: Vec<(Named, String)>,
}

impl Judge {
    pub(super) fn new(going: Going, message: Message) -> Self {
        let tasks = message.tasks.iter().map(|id| (Named::Task, id.clone()));
        let context = message.context.iter().filter(|_| message.operation.is_message());
        let known = tasks.chain(context.map(|id| (Named::Context, id.clone()))).collect();
        Self { going, message, known }
    }

    /// The tasks of a list that are the caller's, and no trace of others (A2A 1.0 §13.1).
    async fn own_tasks(&self, text: &str) -> Result<String, Refused> {
        let Some(listed) = reply::listed(&self.message.binding, text).map_err(wrong)? else {
            return Ok(text.to_owned());
        };
        let named = listed.into_iter().map(|id| (Named::Task, id)).collect::<Vec<_>>();
        let (gateway, route) = (Arc::clone(&self.going.gateway), self.going.route.name.clone());
        let owners = move || gateway.registry.a2a_owners(&route, &named);
        let owners = self.going.gateway.blocking(owners).await.and_then(|owners| owners);
        let owners = owners.map_err(|error| Refused::of_registry(&error))?;
        let caller = self.going.caller.chain.agent().as_str();
        let kept: Vec<bool> = owners.iter().map(|owner| owner.as_deref() == Some(caller)).collect();
        reply::filtered(&self.message.binding, text, &kept).map_err(wrong)
    }

    /// Keeps what an answer tells of before anybody hears of it.
    async fn keep(&mut self, tells: reply::Tells) -> Result<(), Refused> {
        let tasks = tells.tasks.into_iter().map(|id| (Named::Task, id));
        let all = tasks.chain(tells.contexts.into_iter().map(|id| (Named::Context, id)));
        let new: Vec<_> = all.filter(|one| !self.known.contains(one)).collect();
        if self.known.len().saturating_add(new.len()) > MOST {
            return Err(failed("it tells of too many tasks"));
        }
        let Going { gateway, route, caller, .. } = &self.going;
        if !gateway.keep(route, new.clone(), caller.chain.agent()).await? {
            return Err(failed("it tells of a task or context that is another caller's"));
        }
        self.known.extend(new);
        Ok(())
    }
}

impl Judges for Judge {
    async fn judged(&mut self, text: &str) -> Result<Option<String>, Refused> {
        let tells = reply::read(&self.message.binding, text.as_bytes()).map_err(wrong)?;
        let Some(tells) = tells else { return Ok(None) };
        match self.message.operation {
            Operation::List => self.own_tasks(text).await.map(Some),
            Operation::Send
            | Operation::Stream
            | Operation::Get
            | Operation::Cancel
            | Operation::Subscribe => {
                self.keep(tells).await?;
                Ok(Some(text.to_owned()))
            }
            Operation::SetPush
            | Operation::GetPush
            | Operation::ListPush
            | Operation::DeletePush
            | Operation::ExtendedCard => Ok(Some(text.to_owned())),
        }
    }

    fn ended(&self, refused: &Refused) -> String {
        self.going.gateway.count(&refused.code);
        access::code(&refused.code);
        let wire = told::wire(&self.message);
        // What is told in a stream of HTTP+JSON is known by its name: there is nothing else around it.
        let name = if wire == Wire::HttpJson { "event: error\n" } else { "" };
        format!("{name}data: {}\n\n", told::error_body(wire, Some(&self.message), refused))
    }
}

fn wrong(error: ReplyError) -> Refused {
    failed(&error.to_string())
}
