//! What every client does before it calls anything: nothing of it changes or shows what is not granted.

/// The actions that connect a client to a server and tell it what is there. Lists are filtered by what the caller may use.
/// Whoever is granted anything of a server is granted these, too, by [`with_connecting`].
pub const CONNECTING: [&str; 9] = [
    "mcp:initialize",
    "mcp:notifications/*",
    "mcp:ping",
    "mcp:prompts/list",
    "mcp:resources/list",
    "mcp:resources/templates/list",
    "mcp:server/discover",
    "mcp:session/*",
    "mcp:tools/list",
];

/// What whoever sends a message to an A2A agent does besides: it reads the card, and follows the tasks that it began, which are the only
/// ones that there are for it.
pub const FOLLOWING: [&str; 5] =
    ["a2a:agent/card", "a2a:tasks/cancel", "a2a:tasks/get", "a2a:tasks/list", "a2a:tasks/resubscribe"];

/// Adds [`CONNECTING`] to actions where one of them is of MCP, and [`FOLLOWING`] where one is of A2A. Those that are there, or covered by
/// `mcp:*` or `a2a:*`, are not added again.
///
/// ```
/// let mut actions = vec!["mcp:tools/call:search".to_owned()];
/// legation_mcp::connecting::with_connecting(&mut actions);
/// assert!(actions.contains(&"mcp:initialize".to_owned()));
/// let mut actions = vec!["http:GET".to_owned()];
/// legation_mcp::connecting::with_connecting(&mut actions);
/// assert_eq!(actions, ["http:GET"]);
/// ```
pub fn with_connecting(actions: &mut Vec<String>) {
    add(actions, "mcp:", &CONNECTING);
    add(actions, "a2a:", &FOLLOWING);
}

fn add(actions: &mut Vec<String>, family: &str, added: &[&str]) {
    let is_all = |action: &String| action.strip_prefix(family) == Some("*");
    if !actions.iter().any(|action| action.starts_with(family)) || actions.iter().any(is_all) {
        return;
    }
    for action in added {
        if !actions.iter().any(|there| there == action) {
            actions.push((*action).to_owned());
        }
    }
}

/// What servers ask their clients for, and the client answers: none of it has arguments of its own.
const ASKED_OF_CLIENTS: [&str; 3] =
    ["mcp:elicitation/create", "mcp:roots/list", "mcp:sampling/createMessage"];

/// Of A2A what has arguments beside messages: where to be told of a task.
const SET_PUSH: &str = "a2a:tasks/pushNotificationConfig/set";
/// What has none, and is not of [`FOLLOWING`].
const OF_A2A: [&str; 5] = [
    "a2a:agent/*",
    "a2a:agent/getAuthenticatedExtendedCard",
    "a2a:tasks/pushNotificationConfig/delete",
    "a2a:tasks/pushNotificationConfig/get",
    "a2a:tasks/pushNotificationConfig/list",
];

/// Of some actions those whose messages have arguments: what a constraint on an argument can be held against.
///
/// ```
/// use legation_mcp::connecting::with_arguments;
/// let actions = ["mcp:*", "mcp:ping", "http:GET"].map(str::to_owned);
/// let bound = ["mcp:tools/call:*", "mcp:prompts/get:*", "mcp:resources/read", "http:GET"];
/// assert_eq!(with_arguments(&actions).collect::<Vec<_>>(), bound);
/// ```
pub fn with_arguments(actions: &[String]) -> impl Iterator<Item = String> + '_ {
    actions.iter().flat_map(|action| {
        let bound: &[&str] = match action.as_str() {
            "mcp:*" => &["mcp:tools/call:*", "mcp:prompts/get:*", "mcp:resources/read"],
            "mcp:tools/*" => &["mcp:tools/call:*"],
            "mcp:prompts/*" => &["mcp:prompts/get:*"],
            "mcp:resources/*" => &["mcp:resources/read"],
            "a2a:*" => &["a2a:skill:*", "a2a:message/*", SET_PUSH],
            "a2a:tasks/*" | "a2a:tasks/pushNotificationConfig/*" => &[SET_PUSH],
            action if OF_A2A.contains(&action) || FOLLOWING.contains(&action) => &[],
            action if CONNECTING.contains(&action) || ASKED_OF_CLIENTS.contains(&action) => &[],
            action => &[action],
        };
        bound.iter().map(|action| (*action).to_owned()).collect::<Vec<_>>()
    })
}
