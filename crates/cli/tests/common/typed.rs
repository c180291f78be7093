//! What the README and the pages of the guide have one type, and a shell that is typed it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A file of the repository.
pub fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The text of the README, or of a page of the guide.
pub fn text(page: &str) -> String {
    let folder = if page == "README.md" { "" } else { "crates/legation/guide/" };
    std::fs::read_to_string(root(&format!("{folder}{page}"))).unwrap()
}

/// What stands below a heading, up to the next one of its kind.
pub fn section(page: &str, heading: &str) -> String {
    let text = text(page);
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the page has this heading");
    section.split_once("\n## ").map_or(section, |(section, _)| section).to_owned()
}

/// The code of a text's blocks of a language.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks.map(|rest| rest.split_once("```").expect("the block ends").0.to_owned()).collect()
}

/// The commands of a text's `sh` blocks, each with the lines in which it goes on.
pub fn commands(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in blocks(text, "sh").iter().flat_map(|block| block.lines()) {
        match all.last_mut().filter(|last| goes_on(last)) {
            Some(last) => {
                last.push('\n');
                last.push_str(line);
            }
            None => all.push(line.to_owned()),
        }
    }
    all
}

/// What a text's blocks of output show, in parts: what stands beside a `…` and on a line of its own.
pub fn shown(text: &str) -> Vec<String> {
    let all = blocks(text, "text");
    let outputs = all.iter().filter(|block| !block.starts_with("legation "));
    let parts = outputs.flat_map(|block| block.lines()).flat_map(|line| line.split('…'));
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whether a command ends in a later line: behind a backslash, within what is handed in, in a function.
fn goes_on(command: &str) -> bool {
    let first = command.lines().next().unwrap_or_default();
    let is_open = |begins: bool, end: &str| begins && command.lines().last() != Some(end);
    command.ends_with('\\')
        || is_open(first.ends_with("<<'END'"), "END")
        || is_open(first.ends_with('{'), "}")
}

/// Where an organization runs here: the ports of the pages may be taken.
pub struct Place {
    pub port: u16,
    pub admin: u16,
}

impl Place {
    pub fn new() -> Self {
        Self { port: super::free_port(), admin: super::free_port() }
    }

    /// A command of a page as it is typed here.
    pub fn adapt(&self, command: &str) -> String {
        let Self { port, admin } = self;
        let listen = format!("legation up --listen 127.0.0.1:{port} --admin-listen 127.0.0.1:{admin} ");
        let command = command.replace("localhost:8080", &format!("localhost:{port}"));
        command.replace("localhost%3A8080", &format!("localhost%3A{port}")).replace("legation up ", &listen)
    }

    /// The commands of texts, without those that begin so: they prepare the shell, which the test does by itself.
    pub fn commands(&self, texts: &[String], without: &[&str]) -> Vec<String> {
        let all = texts.iter().flat_map(|text| commands(text));
        let own = all.filter(|line| !without.iter().any(|start| line.starts_with(start)));
        own.map(|line| self.adapt(&line)).collect()
    }
}

/// What a shell says that is typed these commands, and what it complains of. Each ends as `# exit` behind it says, else well.
pub fn typed(commands: &[String], folder: &Path) -> (String, String) {
    // Each is followed by its exit status; what goes on beside has none.
    let told = |line: &String| match line.ends_with('&') {
        true => line.clone(),
        false => format!("{line}\nprintf '\\nstatus %s\\n' $?"),
    };
    let script = commands.iter().map(told).collect::<Vec<_>>().join("\n");
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n{script}\n");
    let command = Path::new(env!("CARGO_BIN_EXE_legation"));
    let path = format!("{}:{}", command.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("timeout");
    shell.args(["120", "bash", "-c", &script]).current_dir(folder).env("PATH", path);
    shell.env("PYTHONPATH", root("target/sdks/python"));
    for name in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"] {
        shell.env_remove(name);
    }
    let output = shell.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("status ")).collect();
    let wanted: Vec<&str> = commands
        .iter()
        .filter(|line| !line.ends_with('&'))
        .map(|line| line.rsplit_once("# exit ").map_or("0", |(_, status)| status))
        .collect();
    assert_eq!(found, wanted, "{said}\n{complained}");
    (said, complained)
}
