//! From shared keys and from LiteLLM: what is carried over, what is told, and that no secret is.

use crate::{common::Play, organization, refused, told, with_bot};
use serde_json::{Value, json};
use std::path::Path;

/// Secrets that stand in files, and are to be found nowhere else.
const CANARIES: [&str; 9] = [
    "sk-canary0Q2mXoR5tYbN1zLw8uPg",
    "sk-canary1Vb3nKd9sHj7fGt2wEzA",
    "canary2-master-key-7Yt5Rw3Qp1",
    "canary3-of-the-database-Zx9Cv",
    "canary4-azure-key-Lk8Jh6Gf4Ds",
    "canary5-langfuse-Po0Iu8Yt6Re4",
    "sk-canary6Nb7Vc5Xz3Lk1Jh9Gf8",
    "canary7-in-a-url-Mn2Bv4Cx6Za",
    "sk-canary8-as-a-name-Aq1Sw2De",
];

/// All files below a folder hold no canary, nor does a text.
fn holds_none(folder: &Path, but: &[&str], text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            holds_none(&path, but, "");
        } else if !but.contains(&name.as_str()) && path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            for canary in CANARIES {
                assert!(!text.contains(canary), "{canary} in {}", path.display());
            }
        }
    }
}

#[test]
fn each_shared_key_becomes_an_agent_and_is_kept_as_its_digest_alone() {
    let play = organization();
    let [one, two, ..] = CANARIES;
    let lines = [
        json!({"name": "mail", "key": one, "models": ["standard"], "budget": "5USD/day"}),
        json!({"name": "crm", "key": two, "owner": "ada"}),
        json!({"name": "again", "key": one}),
        json!({"name": "weak", "key": "sk-1234"}),
        json!({"name": "same", "key": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}),
        json!({"name": "neither"}),
        json!({"name": "both", "key": one, "sha256": "ab".repeat(32)}),
        json!({"name": "short", "sha256": "ab"}),
        json!({"name": "Not A Name", "sha256": "ab".repeat(32)}),
        json!({"name": "lost", "sha256": "cd".repeat(32), "team": "nowhere"}),
        json!({"name": "odd", "sha256": "ef".repeat(32), "sk-canary8-as-a-name-Aq1Sw2De": 1}),
    ];
    play.write("keys.ndjson", lines.map(|line| line.to_string()).join("\n"));
    let ran = play.run("migrate keys keys.ndjson --shadow 1d --json");
    assert_eq!(ran.status, 1, "{ran:?}");
    let json = ran.json();
    let names: Vec<&str> =
        json["agents"].as_array().unwrap().iter().map(|one| one["agent"].as_str().unwrap()).collect();
    assert_eq!(names, ["mail", "crm"]);
    let why: Vec<(i64, String)> = json["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["row"].as_i64().unwrap(), one["message"].as_str().unwrap().to_owned()))
        .collect();
    for (row, words) in [
        (3, "that of row 1"),
        (4, "fewer than 20 characters"),
        (5, "fewer than 10 of its characters differ"),
        (6, "give `key` or `sha256`"),
        (7, "give `key` or `sha256`"),
        (8, "64 hexadecimal digits"),
        (9, "name"),
        (10, "nowhere"),
        (11, "means nothing here"),
    ] {
        assert!(why.iter().any(|(at, text)| *at == row && text.contains(words)), "{row} {words}: {why:?}");
    }
    let shown = play.json("agent show mail");
    assert_eq!(
        (&shown["models"], &shown["budgets"][0]["budget"]),
        (&json!(["standard"]), &json!("5.00 USD/day"))
    );
    let hint = shown["keys"][0]["hint"].as_str().unwrap().to_owned();
    assert!(hint.starts_with("sha256:") && shown["shadow"].is_string(), "{shown}");
    let people = play.run("agent show mail").stdout;
    assert!(people.contains("in shadow") && people.contains(&hint), "{people}");
    // The same file once more changes nothing.
    assert_eq!(play.run("migrate keys keys.ndjson --shadow 1d --json").json()["agents"], json["agents"]);
    assert_eq!(play.json("api-key list")["keys"].as_array().unwrap().len(), 2);
    let doctor = play.run("doctor").stdout;
    assert!(
        doctor.contains("`mail` is in shadow until")
            && doctor.contains("2 agents go on with keys of another gateway"),
        "{doctor}"
    );
    holds_none(play.folder.path(), &["keys.ndjson"], &format!("{}{}{doctor}", ran.stdout, ran.stderr));
}

#[test]
fn csv_and_lists_are_read_and_what_can_not_be_is_told_without_what_stands_there() {
    let play = organization();
    let [one, two, ..] = CANARIES;
    let csv = format!("name,key,models,budget\nmail,{one},standard;cheap,5USD/day\n\"crm\",\"{two}\",,\n");
    let ran = told(&play, "migrate keys - --budget 1USD/day", &csv);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(play.json("agent show mail")["models"], json!(["standard", "cheap"]));
    let crm = play.json("agent show crm");
    assert_eq!((&crm["models"], &crm["budgets"][0]["budget"]), (&json!(["*"]), &json!("1.00 USD/day")));
    for (text, words) in [
        (format!("{one}\n"), "names no column `name`"),
        (format!("name,key\nmail,{one},more\n"), "it has 3 cells, the header 2"),
        (format!("name,key\nmail,\"{one}\n"), "a quote does not end"),
        (format!("{{\"name\":\"mail\",\"key\":\"{one}\""), "line 1 is no JSON"),
        (format!("[{{\"name\":\"mail\",\"key\":\"{one}\",\"key\":\"{one}\"}}]"), "says a member twice"),
        (format!("[\"{one}\"]"), "key 1 is no object"),
        (String::new(), "the file is empty"),
    ] {
        let ran = told(&play, "migrate keys - --json", &text);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.json()["message"].as_str().unwrap().contains(words), "{words}: {ran:?}");
        holds_none(play.folder.path(), &[], &format!("{}{}", ran.stdout, ran.stderr));
    }
    let too_long =
        told(&play, "migrate keys - --until 400d --json", &format!("name,key\nlate,{}\n", CANARIES[6]));
    assert!(too_long.stdout.contains("within the next 365 days"), "{too_long:?}");
    refused(&play, "migrate keys nowhere.csv", (2, "file"), &["can't be read"]);
}

#[test]
fn agents_are_put_in_shadow_reported_and_enforced_one_by_one_and_all_at_once() {
    let play = with_bot();
    play.json("agent add crm --models standard");
    let begun = play.json("migrate shadow bot crm");
    assert_eq!(begun["shadows"].as_array().unwrap().len(), 2);
    let report = play.json("migrate report");
    let modes: Vec<(&Value, &Value)> =
        report["agents"].as_array().unwrap().iter().map(|one| (&one["agent"], &one["mode"])).collect();
    assert_eq!(modes, [(&json!("bot"), &json!("shadow")), (&json!("crm"), &json!("shadow"))]);
    assert_eq!(report["agents"][0]["fitting"], Value::Null, "nothing was seen");
    let people = play.run("migrate report bot").stdout;
    assert!(people.contains("no call was seen"), "{people}");
    assert_eq!(play.json("migrate enforce bot")["enforced"], json!([{"agent": "bot", "ended": true}]));
    assert_eq!(play.json("migrate enforce --all")["enforced"], json!([{"agent": "crm", "ended": true}]));
    assert_eq!(play.json("migrate report")["agents"], json!([]));
    play.json("migrate shadow --all");
    assert_eq!(play.json("migrate report")["agents"].as_array().unwrap().len(), 2);
    refused(&play, "migrate shadow nobody", (1, "not_found"), &["`nobody`"]);
    refused(&play, "migrate shadow bot --until 2020-01-01T00:00:00Z", (2, "value_invalid"), &["30 days"]);
    refused(&play, "migrate shadow", (2, "usage"), &["AGENT"]);
    refused(&play, "migrate enforce bot --all", (2, "usage"), &["--all"]);
    refused(&play, "migrate report nobody", (1, "not_found"), &["`nobody`"]);
    play.json("migrate report --out fit");
    refused(&play, "migrate report --out fit", (2, "file"), &["is there already"]);
    let events = play.json("agent show bot");
    assert!(events["shadow"].is_string());
}

fn config() -> String {
    let [one, _, master, database, azure, langfuse, _, url, name] = CANARIES;
    format!(
        r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      rpm: 480
    model_info:
      input_cost_per_token: 2.5e-06
      output_cost_per_token: 0.00001
      max_input_tokens: 128000
      max_output_tokens: 16384
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://acme.openai.azure.com/
      api_key: {azure}
      weight: 3
    model_info: {{max_input_tokens: 128000, max_output_tokens: 16384}}
  - model_name: claude
    litellm_params: {{model: claude-sonnet-4-5, api_key: "{one}"}}
  - model_name: bedrock
    litellm_params: {{model: bedrock/anthropic.claude-v2, aws_secret_access_key: "{langfuse}"}}
  - model_name: "openai/*"
    litellm_params: {{model: "openai/*", api_key: os.environ/OPENAI_API_KEY}}
  - model_name: "{name}"
    litellm_params: {{model: openai/gpt-4o}}
  - model_name: local
    litellm_params: {{model: hosted_vllm/qwen, api_base: "https://user:{url}@vllm.example/v1"}}
litellm_settings:
  fallbacks: [{{"gpt-4o": ["claude"]}}]
  success_callback: ["langfuse"]
  "{name}": true
general_settings:
  master_key: {master}
  database_url: "postgresql://litellm:{database}@db/litellm"
router_settings:
  routing_strategy: latency-based-routing
environment_variables:
  LANGFUSE_SECRET_KEY: {langfuse}
guardrails:
  - guardrail_name: pii
"#
    )
}

fn tables(play: &Play) {
    let token = |number: u8| format!("{number:02x}").repeat(32);
    let keys = json!({"keys": [
        {"token": token(1), "key_name": "sk-...r8Pg", "key_alias": "Mail Bot", "models": ["gpt-4o"], "max_budget": 10.5,
         "budget_duration": "30d", "team_id": "t-1", "expires": "2099-01-02T03:04:05.678000Z", "spend": 1.25, "rpm_limit": 60},
        {"token": token(2), "models": [], "team_id": null, "expires": null, "blocked": null, "tpm_limit": 1000},
        {"token": CANARIES[6], "key_alias": "plain", "models": ["all-team-models"], "team_id": "t-1"},
        {"token": token(4), "key_alias": "blocked", "blocked": true},
        {"token": token(5), "key_alias": "of-nowhere", "team_id": "t-9"},
        {"token": token(6), "key_alias": "patterns", "models": ["openai/*"]},
        {"token": token(7), "key_alias": "odd", "max_budget": 1, "budget_duration": "sometimes"},
        {"token": "sk-1234", "key_alias": "weak"},
        {"token": token(1), "key_alias": CANARIES[8]},
        {"token": token(9), "key_alias": "of-blocked", "team_id": "t-2"},
    ], "total_count": 10});
    play.write("keys.json", keys.to_string());
    let teams = json!([
        {"team_id": "t-1", "team_alias": "Sales & Mail", "max_budget": 100, "budget_duration": "7d", "models": []},
        {"team_id": "t-2", "team_alias": "old", "blocked": true},
    ]);
    play.write("teams.json", teams.to_string());
}

#[test]
fn a_litellm_configuration_becomes_files_and_what_has_no_counterpart_is_told_with_the_reason() {
    let play = organization();
    play.write("config.yaml", config());
    tables(&play);
    let ran = play.run("migrate litellm config.yaml --keys keys.json --teams teams.json --out moved --json");
    assert_eq!(ran.status, 0, "{ran:?}");
    let json = ran.json();
    assert_eq!([&json["models"], &json["teams"], &json["agents"], &json["keys"]], [2, 1, 3, 3], "{json}");
    let left: Vec<String> = json["left"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}: {}", one["what"].as_str().unwrap(), one["why"].as_str().unwrap()))
        .collect();
    for words in [
        "model 1 (`gpt-4o`), `rpm`: a target has no such member",
        "model 3 (`claude`): it names no price",
        "model 3 (`claude`): nothing is translated",
        "model 4 (`bedrock`): its provider speaks neither",
        "model 5: its name is none",
        "model 6: its name is none",
        "model 7 (`local`): its `api_base` has more than an origin and a path",
        "litellm_settings.fallbacks: one model never stands for another one",
        "general_settings.master_key: no key is everybody's here",
        "general_settings.database_url: what was spent before is not counted here",
        "router_settings.routing_strategy: targets are drawn by their weights",
        "environment_variables: 1 of them",
        "guardrails: prompts are not looked into",
        "key 1 (`mail-bot`), `spend`: what was spent before",
        "key 2 (`key-2`), `tpm_limit`: tokens are bounded by what they cost",
        "key 4 (`blocked`): it is blocked",
        "key 5 (`of-nowhere`): its team is not in the export",
        "key 6 (`patterns`): its models are patterns",
        "key 7 (`odd`): nobody can read its budget",
        "key 8 (`weak`): its `token` is no SHA-256",
        "key 9 (`key-9`): its key is in the export before",
        "key 10 (`of-blocked`): its team is not carried over",
    ] {
        assert!(left.iter().any(|one| one.starts_with(words)), "`{words}` is missing in {left:#?}");
    }
    let secrets: Vec<(&Value, &Value)> =
        json["secrets"].as_array().unwrap().iter().map(|one| (&one["name"], &one["origin"])).collect();
    assert_eq!(
        secrets,
        [
            (&json!("anthropic"), &json!("https://api.anthropic.com")),
            (&json!("azure"), &json!("https://acme.openai.azure.com")),
            (&json!("openai-api-key"), &json!("https://api.openai.com")),
        ]
    );
    let people = play.run("migrate litellm config.yaml --out told").stdout;
    assert!(people.contains("legation secret set azure --origin https://acme.openai.azure.com"), "{people}");
    // What was written is what `apply` takes, and the keys go on.
    play.json("apply -f moved");
    let models = play.json("model list");
    let model = models["models"].as_array().unwrap().iter().find(|one| one["name"] == "gpt-4o").unwrap();
    assert_eq!(model["price"], json!({"currency": "USD", "input": 250, "output": 1000}), "{model}");
    assert_eq!(model["targets"][1]["baseUrl"], "https://acme.openai.azure.com/openai/v1");
    let agent = play.json("agent show mail-bot");
    assert_eq!(
        (&agent["team"], &agent["budgets"][0]["budget"]),
        (&json!("sales-mail"), &json!("10.50 USD/month"))
    );
    assert!(agent["constraints"].to_string().contains(r#""oneOf":["gpt-4o"]"#), "{agent}");
    let gone = play.json("migrate keys moved/keys.ndjson");
    assert_eq!(gone["agents"].as_array().unwrap().len(), 3);
    assert_eq!(
        play.json("agent show mail-bot")["budgets"][0]["budget"],
        "10.50 USD/month",
        "as the files say"
    );
    let lines = format!("{}{}{people}", ran.stdout, ran.stderr);
    holds_none(play.folder.path(), &["config.yaml", "keys.json"], &lines);
}

#[test]
fn what_is_no_configuration_of_litellm_is_refused_without_what_stands_there() {
    let play = organization();
    let bomb = (0..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, number| {
        format!("{text}a{}: &a{} [*a{number}, *a{number}]\n", number + 1, number + 1)
    });
    let [one, ..] = CANARIES;
    for (text, words) in [
        (format!("model_list: [{one}"), "is no YAML"),
        (one.to_owned(), "is no configuration of LiteLLM"),
        (format!("a: {one}\na: {one}\n"), "says a member twice"),
        (bomb, "is no YAML"),
        (format!("- {one}"), "is no configuration of LiteLLM"),
    ] {
        play.write("config.yaml", &text);
        let ran = play.run("migrate litellm config.yaml --out moved --json");
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.json()["message"].as_str().unwrap().contains(words), "{words}: {ran:?}");
        holds_none(play.folder.path(), &["config.yaml"], &format!("{}{}", ran.stdout, ran.stderr));
        assert!(!play.path("moved").exists());
    }
    play.write("config.yaml", "model_list: []\n");
    play.write("keys.json", format!("{{\"keys\":\"{one}\"}}"));
    let ran = play.run("migrate litellm config.yaml --keys keys.json --out moved --json");
    assert!(ran.json()["message"].as_str().unwrap().contains("has no list `keys`"), "{ran:?}");
    play.json("migrate litellm config.yaml --out moved");
    refused(&play, "migrate litellm config.yaml --out moved", (2, "file"), &["is there already"]);
}
