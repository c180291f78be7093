//! What can be asked of an A2A agent (A2A 1.0 §5.3; 0.3 §3.5.6).

/// By which version a method is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Up to 0.3: `message/send`.
    Old,
    /// From 1.0 on: `SendMessage`.
    New,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A message.
    Send,
    /// A message whose answer is a stream.
    Stream,
    /// A task as it is.
    Get,
    /// The caller's tasks.
    List,
    /// The end of a task.
    Cancel,
    /// What happens to a task from now on.
    Subscribe,
    /// Where an agent tells of a task by itself.
    SetPush,
    /// One of those places.
    GetPush,
    /// All of those places.
    ListPush,
    /// The end of one of those places.
    DeletePush,
    /// The card as callers see it who are known.
    ExtendedCard,
}

use Operation::{
    Cancel, DeletePush, ExtendedCard, Get, GetPush, List, ListPush, Send, SetPush, Stream, Subscribe,
};

/// Each with its name before 1.0, which stands in actions, and its name since.
const NAMES: [(Operation, &str, &str); 11] = [
    (Send, "message/send", "SendMessage"),
    (Stream, "message/stream", "SendStreamingMessage"),
    (Get, "tasks/get", "GetTask"),
    (List, "tasks/list", "ListTasks"),
    (Cancel, "tasks/cancel", "CancelTask"),
    (Subscribe, "tasks/resubscribe", "SubscribeToTask"),
    (SetPush, "tasks/pushNotificationConfig/set", "CreateTaskPushNotificationConfig"),
    (GetPush, "tasks/pushNotificationConfig/get", "GetTaskPushNotificationConfig"),
    (ListPush, "tasks/pushNotificationConfig/list", "ListTaskPushNotificationConfigs"),
    (DeletePush, "tasks/pushNotificationConfig/delete", "DeleteTaskPushNotificationConfig"),
    (ExtendedCard, "agent/getAuthenticatedExtendedCard", "GetExtendedAgentCard"),
];

impl Operation {
    /// What a method does, and which generation names it so.
    #[must_use]
    pub fn of(method: &str) -> Option<(Self, Generation)> {
        NAMES.iter().find_map(|(operation, old, new)| {
            let generation = match method {
                method if method == *old => Generation::Old,
                method if method == *new => Generation::New,
                _ => return None,
            };
            Some((*operation, generation))
        })
    }

    /// Its name in actions: `message/send`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(operation, ..)| *operation == self).map_or("", |(_, old, _)| old)
    }

    /// The method that it is by a generation's name.
    pub(crate) fn method(self, generation: Generation) -> &'static str {
        let named = NAMES.iter().find(|(operation, ..)| *operation == self);
        named.map_or("", |(_, old, new)| if generation == Generation::Old { *old } else { *new })
    }

    /// Whether it sends a message.
    #[must_use]
    pub fn is_message(self) -> bool {
        matches!(self, Send | Stream)
    }

    /// The member of `params` that names the task, where there is one: in 1.0 `id` of a place for notifications is the place's.
    pub(crate) fn task_member(self, generation: Generation) -> Option<&'static str> {
        match (self, generation) {
            (Get | Cancel | Subscribe, _) | (GetPush | ListPush | DeletePush, Generation::Old) => Some("id"),
            (SetPush, _) | (GetPush | ListPush | DeletePush, Generation::New) => Some("taskId"),
            (Send | Stream | List | ExtendedCard, _) => None,
        }
    }

    /// Whether its answer may be a stream.
    #[must_use]
    pub fn is_streamed(self) -> bool {
        matches!(self, Stream | Subscribe)
    }

    /// The members that `params` may have: those of both generations.
    pub(crate) fn members(self) -> &'static [&'static str] {
        match self {
            Send | Stream => &["message", "configuration", "metadata", "tenant"],
            Get => &["id", "historyLength", "metadata", "tenant"],
            List => &[
                "tenant",
                "contextId",
                "status",
                "pageSize",
                "pageToken",
                "historyLength",
                "statusTimestampAfter",
                "includeArtifacts",
                "metadata",
            ],
            Cancel | Subscribe => &["id", "metadata", "tenant"],
            SetPush => &[
                "taskId",
                "pushNotificationConfig",
                "metadata",
                "tenant",
                "id",
                "url",
                "token",
                "authentication",
            ],
            GetPush | DeletePush => &["id", "taskId", "pushNotificationConfigId", "metadata", "tenant"],
            ListPush => &["id", "taskId", "pageSize", "pageToken", "metadata", "tenant"],
            ExtendedCard => &["tenant", "metadata"],
        }
    }
}
