//! An MCP server of standard input and output, whose messages the gateway decides on.

use crate::world::World;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A server in a few lines: it lists two tools, echoes what it is called with into a file, and asks its client to sample.
const SERVER: &str = r#"
while IFS= read -r line; do
  printf '%s\n' "$line" >>seen
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case $line in
    *tools/list*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"book"},{"name":"refund"}]}}\n' "$id" ;;
    *ask-me*) printf '{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage"}\n{"jsonrpc":"2.0","id":%s,"result":{}}\n' "$id" ;;
    *tools/call*) printf 'this is no message\n{"jsonrpc":"2.0","id":99,"result":{}}\n{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}\n' "$id" ;;
  esac
done
"#;

struct Wrapped {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Wrapped {
    fn new(world: &World) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(["mcp", "wrap", "--key", "travel.agent", "--gateway", &world.gateway()])
            .args(["--server", "mcp://hotel/", "--", "sh", "-c", SERVER])
            .current_dir(world.play.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    }

    fn book(&mut self, nights: i64) -> Value {
        self.ask("tools/call", &json!({"name": "book", "arguments": {"nights": nights}}))
    }
}

#[test]
fn a_server_of_standard_input_sees_only_what_is_granted() {
    let world = World::new(&[]);
    let play = &world.play;
    play.json("team add travel --action mcp:* --resource mcp://hotel/ --max-depth 1");
    play.key("travel.key");
    play.json(
        "agent add travel --team travel --own-key travel.key --action mcp:tools/call:book --resource mcp://hotel/ \
         --constraint {\"type\":\"argument\",\"name\":\"nights\",\"max\":3}",
    );
    play.json("agent file travel --own-key travel.key --out travel.agent");
    let mut wrapped = Wrapped::new(&world);
    let listed = wrapped.ask("tools/list", &json!({}));
    assert_eq!(listed["result"]["tools"], json!([{"name": "book"}]), "{listed}");
    assert_eq!(wrapped.book(3)["result"]["content"], json!([]));
    let denied = wrapped.book(4);
    assert_eq!(
        denied["result"]["_meta"]["org.w3id.legation/denial"]["code"], "constraint_violated",
        "{denied}"
    );
    let other = wrapped.ask("tools/call", &json!({"name": "refund"}));
    assert_eq!(other["result"]["isError"], true, "{other}");
    // What the server asks for reaches a client that was not granted to answer as little.
    let asked =
        wrapped.ask("tools/call", &json!({"name": "book", "arguments": {"nights": 1, "why": "ask-me"}}));
    assert_eq!(asked, json!({"jsonrpc": "2.0", "id": 7, "result": {}}));
    play.json("agent suspend travel");
    assert_eq!(wrapped.book(1)["result"]["isError"], true, "stopped on the next call");
    let seen = play.read("seen");
    assert_eq!(seen.matches("tools/call").count(), 2, "{seen}");
    assert!(seen.contains("-32601"), "the server is told: {seen}");
    let receipts = play.json("receipt list --last 100");
    let kinds: Vec<&str> =
        receipts["receipts"].as_array().unwrap().iter().filter_map(|one| one["decision"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "permit").count(), 3, "{kinds:?}");
    drop(wrapped.input.take());
    assert!(wrapped.child.wait().unwrap().success());
}
