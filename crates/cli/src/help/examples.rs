//! An example of each command, which a test reads as the command would.

/// How wide an example may be, so that no terminal breaks it where a shell would not go on.
const WIDTH: usize = 96;

/// The examples of a command, as they can be typed.
pub(super) fn of(path: &str) -> Option<String> {
    let (_, lines) = EXAMPLES.iter().find(|(name, _)| *name == path)?;
    Some(lines.iter().map(|line| broken(line)).collect::<Vec<_>>().join("\n"))
}

/// An example over as many lines as it takes, broken before options.
fn broken(line: &str) -> String {
    let (mut text, mut width) = ("  legation".to_owned(), 10);
    let mut parts = line.split(" --");
    let first = parts.next().unwrap_or_default();
    for part in core::iter::once(format!(" {first}")).chain(parts.map(|part| format!(" --{part}"))) {
        if width + part.len() > WIDTH {
            text.push_str(" \\\n     ");
            width = 5;
        }
        width += part.len();
        text.push_str(&part);
    }
    text
}

/// The same, a line each.
#[cfg(test)]
pub(super) fn lines(path: &str) -> Vec<String> {
    let all = EXAMPLES.iter().filter(|(name, _)| *name == path).flat_map(|(_, lines)| *lines);
    all.map(|line| format!("legation {line}")).collect()
}

/// The commands that have one.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    EXAMPLES.iter().map(|(name, _)| *name)
}

/// The words of a line as a shell gives them: what stands between apostrophes is one.
#[cfg(test)]
pub(super) fn words(line: &str) -> Vec<String> {
    let parts = line.trim().split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

type Example = (&'static str, &'static [&'static str]);

const EXAMPLES: &[Example] = &[
    ("demo", &["demo"]),
    (
        "key generate",
        &[
            "key generate --passphrase-file passphrase.txt --out agent.key",
            "key generate --passphrase-file passphrase.txt --count 50 --out agent-{}.key",
        ],
    ),
    ("key directory", &["key directory --key agent.key --out site"]),
    ("did create key", &["did create key --key agent.key"]),
    ("did create web", &["did create web acme.example --key acme.key --out site"]),
    (
        "did create webvh",
        &["did create webvh acme.example --key acme.key --update-key update.key --out site"],
    ),
    (
        "did update",
        &["did update did:webvh:QmExample:acme.example --key new.key --update-key update.key --out site"],
    ),
    ("did resolve", &["did resolve did:web:acme.example"]),
    (
        "delegate",
        &[
            "delegate --key acme.key --issuer did:web:acme.example --to did:web:agent.example --action pay.* --resource https://shop.example/api/* --spend 50.00USD --spend-window 500USD/month --audience did:web:shop.example --status https://acme.example/status/1 --status-list site/status/1 --valid-for 30d --out agent.jwt",
            "delegate --key agent.key --parent agent.jwt --to did:web:helper.example --action pay.order --resource https://shop.example/api/* --spend 5.00USD --out helper.jwt",
            "delegate --key acme.key --action pay.* --resource https://shop.example/api/* --valid-for 30d --batch agents.jsonl",
        ],
    ),
    (
        "present",
        &[
            "present --key helper.key --audience did:web:shop.example --nonce 7f3a --out presentation.jwt agent.jwt helper.jwt",
        ],
    ),
    ("approve", &["approve answer.json --key anna.key --out approval.jwt"]),
    (
        "verify",
        &[
            "verify presentation.jwt --trust trust.json --audience did:web:shop.example --nonce 7f3a --action pay.order --resource https://shop.example/api/orders --fact amount=1800 --fact currency=USD --explain",
            "verify presentation.jwt --principal did:web:acme.example --audience did:web:shop.example --nonce 7f3a",
        ],
    ),
    ("inspect", &["inspect agent.jwt", "inspect presentation.jwt --json"]),
    ("revoke", &["revoke agent.jwt --list site/status/1 --key acme.key"]),
    (
        "status publish",
        &["status publish --key acme.key --url https://acme.example/status/1 --out site/status/1"],
    ),
    (
        "card sign",
        &["card sign agent-card.json --key agent.key --did did:web:agent.example --out signed.json"],
    ),
    ("card verify", &["card verify https://agent.example"]),
    ("card fetch", &["card fetch https://agent.example --out agent-card.json"]),
    ("credential issue", &["credential issue credential.json --key acme.key --out credential.jwt"]),
    ("credential verify", &["credential verify credential.jwt"]),
    ("receipt verify", &["receipt verify receipt.jwt --signer did:web:shop.example"]),
    ("receipt list", &["receipt list mail"]),
    ("receipt show", &["receipt show 17 --out receipt.jwt"]),
    ("log verify", &["log verify export.tar"]),
    ("log prove", &["log prove 17 --out proof"]),
    ("log export", &["log export --out export.tar"]),
    ("log search", &["log search --agent mail"]),
    ("log spend", &["log spend export.tar"]),
    ("log replay", &["log replay export.tar"]),
    ("log erase", &["log erase --agent mail --reason 'asked for by whom it is about'"]),
    ("log push", &["log push s3://logs/acme"]),
    ("log pull", &["log pull s3://logs/acme --out copy"]),
    ("log witness key", &["log witness key --name witness.example --key witness.key"]),
    (
        "log witness serve",
        &[
            "log witness serve --name witness.example --key witness.key --log acme.example/log+1a2b3c4d+AAAA --state state",
        ],
    ),
    ("log witness ask", &["log witness ask https://witness.example --key witness.example+1a2b3c4d+AAAA"]),
    ("evidence", &["evidence export.tar --framework eu-ai-act --out evidence.html"]),
    ("code list", &["code list"]),
    ("code show", &["code show constraint_widened"]),
    ("serve", &["serve site --listen 127.0.0.1:8080"]),
    ("init", &["init acme.example"]),
    ("organization show", &["organization show"]),
    ("organization rotate", &["organization rotate"]),
    ("organization card set", &["organization card set agent-card.json"]),
    ("organization card show", &["organization card show"]),
    ("organization card remove", &["organization card remove"]),
    ("team add", &["team add sales --budget 500USD/month"]),
    ("team list", &["team list"]),
    ("team show", &["team show sales"]),
    ("team suspend", &["team suspend sales"]),
    ("team resume", &["team resume sales"]),
    ("team retire", &["team retire sales"]),
    ("team rotate", &["team rotate sales"]),
    ("agent add", &["agent add mail --team sales --models standard --budget 5USD/day"]),
    ("agent list", &["agent list"]),
    ("agent show", &["agent show mail"]),
    ("agent activity", &["agent activity mail"]),
    ("agent suspend", &["agent suspend mail"]),
    ("agent resume", &["agent resume mail"]),
    ("agent retire", &["agent retire mail"]),
    ("agent rotate", &["agent rotate mail"]),
    ("agent card set", &["agent card mail set agent-card.json"]),
    ("agent card show", &["agent card mail show"]),
    ("agent card remove", &["agent card mail remove"]),
    ("agent import", &["agent import agents.jsonl"]),
    ("agent export", &["agent export"]),
    ("agent file", &["agent file mail --own-key mail.key --out mail.agent"]),
    ("agent narrow", &["agent narrow --from mail.agent --budget 1USD/day --out helper.agent"]),
    ("agent proxy", &["agent proxy --key mail.agent --gateway http://127.0.0.1:8181"]),
    ("api-key create", &["api-key create mail"]),
    ("api-key list", &["api-key list mail"]),
    ("api-key rotate", &["api-key rotate 01J8ZQ4V7N"]),
    ("api-key block", &["api-key block 01J8ZQ4V7N"]),
    ("delegation list", &["delegation list mail"]),
    ("delegation graph", &["delegation graph"]),
    ("delegation show", &["delegation show 01J8ZQ4V7N"]),
    ("delegation chain", &["delegation chain mail --out mail.chain"]),
    ("delegation revoke", &["delegation revoke 01J8ZQ4V7N"]),
    ("delegation renew", &["delegation renew 01J8ZQ4V7N"]),
    ("delegation issue", &["delegation issue mail"]),
    ("delegation block", &["delegation block 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"]),
    ("delegation blocks", &["delegation blocks"]),
    ("admin add", &["admin add did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"]),
    ("admin claim", &["admin claim K7QF-2M4T --host https://acme.example"]),
    ("admin login", &["admin login --host https://acme.example --id-token token.txt"]),
    ("admin list", &["admin list"]),
    ("admin show", &["admin show 01J8ZQ4V7N"]),
    ("admin remove", &["admin remove 01J8ZQ4V7N"]),
    ("admin recover", &["admin recover"]),
    (
        "token get",
        &["token get --key mail.agent --gateway http://127.0.0.1:8181 --audience https://crm.example"],
    ),
    ("token proof", &["token proof --key mail.agent --token token.txt --url https://crm.example/contacts"]),
    (
        "svid get",
        &["svid get --key mail.agent --gateway http://127.0.0.1:8181 --audience https://crm.example"],
    ),
    ("trust-domain set", &["trust-domain set trust-domain.json"]),
    ("trust-domain list", &["trust-domain list"]),
    ("trust-domain remove", &["trust-domain remove partner.example"]),
    ("signals receiver add", &["signals receiver add shop"]),
    ("signals receiver list", &["signals receiver list"]),
    ("signals receiver remove", &["signals receiver remove 01J8ZQ4V7N"]),
    ("signals streams", &["signals streams"]),
    ("domain add", &["domain add acme.org"]),
    ("domain check", &["domain check acme.org"]),
    ("domain list", &["domain list"]),
    ("domain remove", &["domain remove acme.org"]),
    ("person add", &["person add anna --action http:GET --resource https://crm.acme.example/*"]),
    ("person list", &["person list"]),
    ("person ceiling", &["person ceiling anna --action http:GET --resource https://crm.acme.example/*"]),
    ("person code", &["person code anna"]),
    ("person remove", &["person remove anna"]),
    ("consent list", &["consent list", "consent list --person anna"]),
    ("consent revoke", &["consent revoke consent-019aaf5c8b7c7f3fa7c0b6b1b8c1d2e3"]),
    ("client add", &["client add Notes --redirect https://notes.example/callback"]),
    ("client list", &["client list"]),
    ("client remove", &["client remove client-Zm9vYmFyYmF6"]),
    ("identity-provider set", &["identity-provider set provider.json"]),
    ("identity-provider list", &["identity-provider list"]),
    ("identity-provider remove", &["identity-provider remove 01J8ZQ4V7N"]),
    ("alert add", &["alert add --url https://hooks.example/legation"]),
    ("alert list", &["alert list"]),
    ("alert remove", &["alert remove 01J8ZQ4V7N"]),
    ("budget show", &["budget show mail"]),
    ("budget set", &["budget set mail 5USD/day"]),
    ("budget raise", &["budget raise mail 20USD/day --until 2h"]),
    ("secret set", &["secret set openai --origin https://api.openai.com"]),
    ("secret list", &["secret list"]),
    ("secret remove", &["secret remove openai"]),
    ("approval list", &["approval list"]),
    ("approval show", &["approval show 01J8ZQ4V7N"]),
    ("approval grant", &["approval grant 01J8ZQ4V7N --own-key anna.key"]),
    ("approval refuse", &["approval refuse 01J8ZQ4V7N"]),
    ("console", &["console"]),
    ("a2a card", &["a2a card helpdesk agent-card.json"]),
    ("migrate keys", &["migrate keys keys.csv"]),
    ("migrate litellm", &["migrate litellm config.yaml --out migrated"]),
    ("migrate shadow", &["migrate shadow mail"]),
    ("migrate report", &["migrate report"]),
    ("migrate enforce", &["migrate enforce mail"]),
    ("mcp tools", &["mcp tools files"]),
    ("mcp approve", &["mcp approve files read_file"]),
    (
        "mcp wrap",
        &["mcp wrap --key mail.agent --gateway http://127.0.0.1:8181 -- mcp-server-files /srv/files"],
    ),
    ("model set", &["model set model.json"]),
    ("model list", &["model list"]),
    ("model remove", &["model remove standard"]),
    ("partner set", &["partner set partner.json"]),
    ("partner list", &["partner list"]),
    ("partner remove", &["partner remove shop"]),
    ("policy check", &["policy check policy.cedar"]),
    ("policy schema", &["policy schema"]),
    ("policy put", &["policy put policy.cedar"]),
    ("policy bind", &["policy bind office-hours --to team:sales"]),
    ("policy unbind", &["policy unbind office-hours --all"]),
    ("policy list", &["policy list"]),
    ("policy show", &["policy show office-hours"]),
    ("policy history", &["policy history office-hours"]),
    ("policy test", &["policy test policy.cedar"]),
    ("quarantine set", &["quarantine set denied-often --denials 20"]),
    ("quarantine list", &["quarantine list"]),
    ("quarantine lift", &["quarantine lift 01J8ZQ4V7N"]),
    ("quarantine rules", &["quarantine rules"]),
    ("quarantine show", &["quarantine show denied-often"]),
    ("quarantine remove", &["quarantine remove denied-often"]),
    ("spend", &["spend"]),
    ("doctor", &["doctor"]),
    ("master-key rotate", &["master-key rotate"]),
    ("master-key lost", &["master-key lost --make-keys-anew"]),
    ("retention show", &["retention show"]),
    ("retention set", &["retention set receipts=365d"]),
    ("backup", &["backup acme.backup"]),
    ("restore", &["restore acme.backup"]),
    ("confirm organization", &["confirm organization"]),
    ("confirm team", &["confirm team sales"]),
    ("confirm agent", &["confirm agent mail"]),
    ("confirm admin", &["confirm admin 01J8ZQ4V7N"]),
    ("confirm api-key", &["confirm api-key 01J8ZQ4V7N"]),
    ("confirm all", &["confirm all"]),
    ("publish", &["publish --out site"]),
    ("plan", &["plan --files organization"]),
    ("apply", &["apply --files organization"]),
    ("up", &["up"]),
    ("signer", &["signer"]),
    ("run", &["run --key mail.agent --gateway http://127.0.0.1:8181 -- python agent.py"]),
    ("completions", &["completions bash"]),
    ("man", &["man --out man"]),
];
