//! Teams, agents, models and routes from files.

use crate::{common::Play, organization, refused};
use serde_json::{Value, json};

const FILES: &str = r#"
[[model]]
name = "small"
group = "standard"
targets = [{ base-url = "http://localhost:9/v1", model = "m" }]
price = { currency = "USD", input = 100, output = 200 }
max-output-tokens = 1000
max-input-tokens = 100000

[[team]]
name = "sales"
budgets = ["500USD/month"]
purpose = "sells"

[[agent]]
name = "mail"
team = "sales"
models = ["standard"]
budgets = ["5USD/day"]
constraints = [{ type = "rate", seconds = 60, max = 10 }]
valid-for = "7d"

[[agent]]
name = "crm"
models = ["standard"]
"#;

fn written(play: &Play, text: &str) {
    std::fs::create_dir_all(play.path("files")).unwrap();
    play.write("files/all.toml", text);
}

fn does(json: &Value) -> Vec<String> {
    let one = |one: &Value| {
        format!(
            "{} {} {}",
            one["does"].as_str().unwrap(),
            one["kind"].as_str().unwrap(),
            one["name"].as_str().unwrap()
        )
    };
    json["changes"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn files_make_an_organization_and_what_is_as_they_say_stays() {
    let play = organization();
    written(&play, FILES);
    let all = ["add model small", "add team sales", "add agent crm", "add agent mail"];
    assert_eq!(does(&play.json("plan -f files")), all);
    assert_eq!(play.json("agent list")["agents"], json!([]), "a plan changes nothing");
    assert_eq!(does(&play.json("apply -f files")), all);
    let again = play.json("apply -f files");
    assert_eq!((does(&again), &again["same"]), (Vec::new(), &json!(4)));
    assert_eq!(play.json("agent show mail")["budgets"][0]["budget"], "5.00 USD/day");
    // What was done by hand since shows, and is put right.
    play.json("budget set mail 7USD/day");
    let told = play.run("plan -f files").stdout;
    assert!(told.contains(r#"~ agent mail: budgets ["7.00USD/day"] → ["5.00USD/day"]"#), "{told}");
    play.json("apply -f files");
    assert_eq!(play.json("agent show mail")["budgets"][0]["budget"], "5.00 USD/day");
}

const POLICY: &str = r#"
[[partner]]
name = "shop"
did = "did:web:shop.example"
models = ["standard"]
max-status-age = 60

[[policy]]
name = "no-large"
file = "no-large.cedar"
bind = ["tag:pii", "agent:crm"]
"#;

#[test]
fn policies_come_from_files_are_bound_as_they_say_and_unbound_where_none_names_them() {
    let play = organization();
    written(&play, &format!("{FILES}{POLICY}"));
    let text = "forbid (principal, action, resource == Model::\"large\");\n";
    play.write("files/no-large.cedar", text);
    let all = does(&play.json("apply -f files"));
    assert_eq!(all[all.len() - 2..], ["add partner shop", "add policy no-large"]);
    assert_eq!(play.json("partner list")["partners"][0]["maxStatusAge"], 60);
    assert_eq!(does(&play.json("plan -f files")), Vec::<String>::new());
    assert_eq!(play.json("policy show no-large")["text"], text);
    let bound = |play: &Play| -> Vec<String> {
        let shown = play.json("policy show no-large");
        let one = |one: &Value| format!("{}@{}", one["to"].as_str().unwrap(), one["version"]);
        shown["bound"].as_array().unwrap().iter().map(one).collect()
    };
    assert_eq!(bound(&play), ["agent:crm@1", "tag:pii@1"]);
    // Another text is another version, in the place of the one before; whom it is bound to follows the files.
    play.write("files/no-large.cedar", text.replace("large", "huge"));
    written(&play, &format!("{FILES}{}", POLICY.replace("agent:crm", "team:sales")));
    let told = play.run("plan -f files").stdout;
    assert!(told.contains("~ policy no-large: bound") && told.contains("digest"), "{told}");
    play.json("apply -f files");
    assert_eq!(bound(&play), ["tag:pii@2", "team:sales@2"]);
    // What was done by hand is put right.
    play.json("policy bind no-large@1 --to tag:pii");
    assert_eq!(does(&play.json("apply -f files")), ["change policy no-large"]);
    assert_eq!(bound(&play), ["tag:pii@2", "team:sales@2"]);
    written(&play, FILES);
    assert_eq!(does(&play.json("plan -f files")), Vec::<String>::new());
    assert_eq!(does(&play.json("apply -f files --prune")), ["unbind policy no-large", "remove partner shop"]);
    assert_eq!(bound(&play), Vec::<String>::new());
    assert_eq!(does(&play.json("plan -f files --prune")), Vec::<String>::new());
    for (policy, words) in [
        ("name = 'a'\nbind = []", "name its `file`"),
        ("name = 'a'\nfile = 'nowhere.cedar'\nbind = []", "nowhere.cedar"),
        ("name = 'a'\nfile = 'no-large.cedar'\ntext = 'x'\nbind = []", "not both"),
        ("name = 'a'\nfile = 'no-large.cedar'", "`bind` is no list"),
        ("name = 'a'\nfile = 'no-large.cedar'\nbind = ['everybody']", "`everybody` is nobody"),
        ("name = 'a'\ntext = 'forbid;'\nbind = []", "line 1, column 7"),
        ("name = 'a'\nfile = 'no-large.cedar'\nbind = []\nmood = 1", "`mood` means nothing here"),
    ] {
        written(&play, &format!("[[policy]]\n{policy}"));
        let ran = play.run("plan -f files");
        assert!(ran.status == 2 && ran.stderr.contains(words), "{policy}: {ran:?}");
    }
}

const RULES: &str = r#"
[[quarantine-rule]]
name = "nosy"
to = "team:sales"
denials = { most = 20, seconds = 300 }
most-agents = 5

[[quarantine-rule]]
name = "new"
to = "agent:mail"
new-tool = { days = 7 }
then = "alert"
"#;

#[test]
fn rules_of_quarantine_come_from_files_and_end_where_none_names_them() {
    let play = organization();
    written(&play, &format!("{FILES}{RULES}"));
    let all = does(&play.json("apply -f files"));
    assert_eq!(all[all.len() - 2..], ["add quarantine-rule new", "add quarantine-rule nosy"]);
    assert_eq!(does(&play.json("plan -f files")), Vec::<String>::new());
    let nosy = play.json("quarantine show nosy");
    assert_eq!(
        (&nosy["mostAgents"], &nosy["then"], &nosy["denials"]["most"]),
        (&json!(5), &json!("suspend"), &json!(20))
    );
    // What was done by hand shows, and is put right.
    play.json("quarantine set nosy --to team:sales --denials 30 --within 5m --most-agents 5");
    let told = play.run("plan -f files").stdout;
    assert!(told.contains("~ quarantine-rule nosy: denials"), "{told}");
    play.json("apply -f files");
    assert_eq!(play.json("quarantine show nosy")["denials"]["most"], 20);
    written(&play, FILES);
    assert_eq!(does(&play.json("plan -f files")), Vec::<String>::new());
    let ended = ["remove quarantine-rule nosy", "remove quarantine-rule new"];
    assert_eq!(does(&play.json("apply -f files --prune")), ended);
    assert_eq!(play.json("quarantine rules")["rules"], json!([]));
    for (rule, words) in [
        ("name = 'a'\nto = 'organization'", "say one thing that it counts"),
        ("name = 'a'\nto = 'everybody'\nspend = '5USD/1h'", "write `organization`"),
        ("name = 'a'\nto = 'organization'\nspend = '5USD/1h'\nmood = 1", "mood"),
    ] {
        written(&play, &format!("[[quarantine-rule]]\n{rule}"));
        let ran = play.run("plan -f files");
        assert!(ran.status == 2 && ran.stderr.contains(words), "{rule}: {ran:?}");
    }
}

#[test]
fn receipts_of_others_are_listed_beside_the_organizations_own() {
    let play = organization();
    assert_eq!(play.json("receipt list --theirs")["receipts"], json!([]));
    let told = play.run("receipt list --theirs").stdout;
    assert!(told.contains("no service has answered"), "{told}");
    refused(&play, "receipt show 1 --theirs", (1, "not_found"), &["receipt 1 of others"]);
}

#[test]
fn a_team_and_its_agents_are_widened_and_narrowed_whichever_comes_first() {
    let play = organization();
    written(&play, FILES);
    play.json("apply -f files");
    let wider = FILES.replace("5USD/day", "600USD/month").replace("500USD/month", "900USD/month");
    written(&play, &wider);
    assert_eq!(does(&play.json("apply -f files")), ["change team sales", "change agent mail"]);
    written(&play, FILES);
    assert_eq!(does(&play.json("apply -f files")), ["change team sales", "change agent mail"]);
    assert_eq!(play.json("plan -f files")["same"], 4);
}

#[test]
fn what_no_file_names_ends_only_where_that_is_asked_for() {
    let play = organization();
    written(&play, FILES);
    play.json("apply -f files");
    play.json("agent add extra --models standard");
    assert_eq!(does(&play.json("plan -f files")), Vec::<String>::new());
    let fewer = FILES.split("[[team]]").next().unwrap().to_owned();
    written(&play, &fewer);
    let ended = ["retire agent mail", "retire agent extra", "retire agent crm", "retire team sales"];
    assert_eq!(does(&play.json("plan -f files --prune")), ended);
    assert_eq!(does(&play.json("apply -f files --prune")), ended);
    assert_eq!(does(&play.json("plan -f files --prune")), Vec::<String>::new());
    written(&play, FILES);
    refused(&play, "plan -f files", (1, "wrong_state"), &["team `sales` is retired"]);
}

#[test]
fn what_files_say_wrong_is_told_with_file_and_name_and_changes_nothing() {
    let play = organization();
    for (text, words) in [
        ("[[agnt]]\nname = 'a'", "`agnt` means nothing here"),
        ("[[agent]]\nname = 'a'\nmodls = ['x']", "`modls` means nothing here"),
        ("[[agent]]\npurpose = 'a'", "has no `name`"),
        ("[[agent]]\nname = 'a'\n[[agent]]\nname = 'a'", "is said twice"),
        ("[[agent]]\nname = 'a'\nbudgets = ['5']", "`5` is no budget"),
        ("[[agent]]\nname = 'a'\nmodels = 'x'", "`models` is no list of texts"),
        ("[[agent]]\nname = 'a'\nvalid-for = 'long'", "`long` is no length of time"),
        ("[[agent]]\nname = 'a'\nmax-depth = 'deep'", "`maxDepth` is no whole number"),
        ("[[model]]\nname = 'm'", "missing field"),
        ("name = ", "all.toml"),
        ("agent = 1", "write `[[agent]]` for each agent"),
    ] {
        written(&play, text);
        let ran = play.run("apply -f files");
        assert!(ran.status == 2 && ran.stderr.contains(words), "{text}: {ran:?}");
    }
    std::fs::remove_file(play.path("files/all.toml")).unwrap();
    let none = play.run("plan -f files");
    assert!(none.status == 2 && none.stderr.contains("no `.toml` or `.json` file"), "{none:?}");
    written(&play, "[[agent]]\nname = 'good'\nmodels = ['a']\n[[agent]]\nname = 'BAD'\nmodels = ['a']");
    let some = play.run("apply -f files");
    assert!(some.status == 1 && some.stderr.contains("1 of 2 changes were made"), "{some:?}");
    assert!(some.stderr.contains("agent `BAD`: `BAD` can't be the name of an agent"), "{some:?}");
    let one = play.run("plan -f files");
    assert!(one.stdout.ends_with("1 change would be made; unchanged: 1\n"), "{one:?}");
}
