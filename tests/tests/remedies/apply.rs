//! Makes a change, by what it says and nothing else.

use crate::{
    actors,
    scene::{Jws, Scene},
};
use legation_credential::{
    Authority, Pattern,
    limit::{Bound, LimitKey, LimitKind},
    status::{StatusList, StatusListCredential, StatusPurpose},
};
use legation_keys::{
    jws,
    time::{self, Round},
};
use legation_verifier::{
    Need,
    remedy::{Change, To, What},
};
use serde_json::{Value, json};

pub(crate) fn apply(scene: &mut Scene, change: &Change) {
    let (link, to) = (change.link, &change.to);
    match &change.what {
        // The objects around the links, and base64url, are always written as they should be.
        What::Envelope(_) | What::Padding => drop(jws_of(scene, link).open()),
        What::Bytes | What::Depth => trim(jws_of(scene, link).open()),
        What::Links => fewer_links(scene, to),
        What::Header(name) => header(scene, link, name, to),
        What::Member(name) => member(scene, link, name, to),
        What::Time(name) => moment(jws_of(scene, link).open(), name, to),
        What::Grant { action, resource } => {
            regrant(delegation(&mut scene.links[link.unwrap()]), (action, resource), to);
        }
        What::Constraint(key) => constrain(delegation(&mut scene.links[link.unwrap()]), key, to),
        What::Asked => ask(scene, to),
        What::Fact(name) | What::Amount(name, _) => fact(scene, name, to),
        What::Root(did) => {
            scene.vector.trust.roots.insert(did.clone(), Authority::everything());
        }
        What::Relationship(did, purpose) => {
            let To::Include(kid) = to else { panic!("{to:?}") };
            for entry in scene.evidence["didDocuments"].as_array_mut().unwrap() {
                if entry["did"] == did.as_str() {
                    let list = &mut entry["document"][purpose.member()];
                    let mut all = list.as_array().cloned().unwrap_or_default();
                    all.push(kid.to_json());
                    *list = all.into();
                }
            }
        }
        What::Evidence(need) => evidence(scene, need, to),
        What::List(url, name) => scene.list(url, name, edge(to)),
        What::Now => scene.at(edge(to)),
    }
}

/// The number of a bound.
fn edge(to: &To) -> i64 {
    match to {
        To::Bound(Bound::Most(number) | Bound::Least(number)) => *number,
        other => panic!("{other:?} has no edge"),
    }
}

/// A number within a bound, as near as can be.
fn clamp(number: i64, to: &To) -> i64 {
    match to {
        To::Bound(Bound::Most(most)) => number.min(*most),
        To::Bound(Bound::Least(least)) => number.max(*least),
        other => panic!("{other:?} is no bound of a number"),
    }
}

/// A text that a bound admits.
fn text_of(to: &To) -> String {
    match to {
        To::Bound(Bound::OneOf(values)) => values.first().unwrap().to_json().as_str().unwrap().to_owned(),
        To::Bound(Bound::Prefix(prefix)) => format!("{prefix}key-1"),
        other => panic!("{other:?} admits no text"),
    }
}

fn jws_of(scene: &mut Scene, link: Option<usize>) -> &mut Jws {
    match link {
        Some(link) => &mut scene.links[link],
        None => &mut scene.presentation,
    }
}

fn delegation(link: &mut Jws) -> &mut Value {
    &mut link.open().claims["credentialSubject"]["delegation"]
}

/// Leaves out what nobody reads.
fn trim(jws: &mut Jws) {
    let read = [
        "@context",
        "id",
        "type",
        "issuer",
        "validFrom",
        "validUntil",
        "credentialStatus",
        "credentialSubject",
        "holder",
        "aud",
        "nonce",
        "iat",
        "exp",
        "verifiableCredential",
    ];
    jws.claims.as_object_mut().unwrap().retain(|name, _| read.contains(&name.as_str()));
    jws.header.as_object_mut().unwrap().retain(|name, _| ["alg", "typ", "kid"].contains(&name.as_str()));
}

fn fewer_links(scene: &mut Scene, to: &To) {
    let most = usize::try_from(edge(to)).unwrap();
    let subject = scene.links[most - 1].claims["credentialSubject"]["id"].as_str().unwrap().to_owned();
    scene.links.truncate(most);
    let holder = scene.signer(&subject, "");
    scene.presented_by(&holder);
}

fn header(scene: &mut Scene, link: Option<usize>, name: &str, to: &To) {
    let issuer =
        ["issuer", "holder"].map(|name| jws_of(scene, link).claims[name].as_str().map(str::to_owned));
    let did = issuer.into_iter().flatten().next().unwrap_or_default();
    let jws = jws_of(scene, link).open();
    match to {
        To::Once => {}
        To::Absent => drop(jws.header.as_object_mut().unwrap().remove(name)),
        // The key decides which of those it can be.
        To::Bound(Bound::OneOf(all)) if name == "alg" => {
            let kid = jws.header["kid"].as_str().unwrap_or_default().to_owned();
            let signer = scene.signer(&did, &kid);
            let own =
                signer.jwk()["crv"].as_str().map(|curve| if curve == "P-256" { "ES256" } else { "EdDSA" });
            assert!(all.contains(&own.unwrap().into()));
            jws_of(scene, link).header["alg"] = own.into();
        }
        _ if name == "kid" => {
            let kid = text_of(to);
            let signer = scene.signer(&did, &kid).named(&did, &kid);
            jws_of(scene, link).signed_by(&signer);
        }
        _ => jws.header[name] = text_of(to).into(),
    }
}

/// What a member of a proof is called in the JWS that says the same.
fn as_in_a_jws(name: &str) -> &str {
    match name {
        "proof.domain" => "aud",
        "proof.challenge" => "nonce",
        "proof.created" => "iat",
        "proof.expires" => "exp",
        name => name,
    }
}

fn member(scene: &mut Scene, link: Option<usize>, name: &str, to: &To) {
    // A link has no audience, so that there is no such claim either.
    let name = if link.is_some() { name } else { as_in_a_jws(name) };
    if name == "proof.verificationMethod" {
        return header(scene, link, "kid", to);
    }
    if let Some(name) = name.strip_prefix("proof.") {
        let proof = jws_of(scene, link).open().proof.as_mut().unwrap();
        match to {
            To::Absent => drop(proof.as_object_mut().unwrap().remove(name)),
            to => proof[name] = text_of(to).into(),
        }
        return;
    }
    match (name, to) {
        ("issuer" | "holder", _) => {
            let signer = scene.signer(&text_of(to), "");
            let jws = jws_of(scene, link);
            jws.signed_by(&signer);
            jws.claims[name] = signer.did.as_str().into();
            jws.claims.as_object_mut().unwrap().remove("iss");
        }
        ("credentialSubject.id", _) => scene.cast(link.unwrap(), &actors::agent("fresh")),
        ("nonce", To::Bound(Bound::NotOneOf(_))) => {
            scene.step.nonce = "n-fresh".to_owned();
            scene.presentation.open().claims["nonce"] = "n-fresh".into();
        }
        ("credentialStatus", _) => {
            let url = scene.evidence["statusLists"][0]["url"].clone();
            jws_of(scene, link).open().claims[name] = json!({
                "type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "99",
                "statusListCredential": url,
            });
        }
        ("credentialStatus.type", _) => {
            jws_of(scene, link).open().claims["credentialStatus"]["type"] = text_of(to).into();
        }
        ("maxDepth", _) => {
            let own = &mut delegation(&mut scene.links[link.unwrap()])[name];
            *own = clamp(own.as_i64().unwrap_or(0), to).into();
        }
        ("principal" | "parent", To::Bound(_)) => {
            delegation(&mut scene.links[link.unwrap()])[name] = text_of(to).into();
        }
        (_, To::Once) => drop(jws_of(scene, link).open()),
        (_, To::Absent) => {
            let claims = &mut jws_of(scene, link).open().claims;
            claims.as_object_mut().unwrap().remove(name);
            remove(&mut claims["credentialSubject"], name);
        }
        (_, To::Texts(texts)) => jws_of(scene, link).open().claims[name] = texts.as_slice().into(),
        (_, To::Include(value)) => {
            let list = &mut jws_of(scene, link).open().claims[name];
            let mut all = list.as_array().cloned().unwrap_or_default();
            all.push(value.to_json());
            *list = all.into();
        }
        _ => jws_of(scene, link).open().claims[name] = text_of(to).into(),
    }
}

/// Removes a member wherever it stands.
fn remove(json: &mut Value, name: &str) {
    match json {
        Value::Object(members) => {
            members.remove(name);
            members.values_mut().for_each(|value| remove(value, name));
        }
        Value::Array(all) => all.iter_mut().for_each(|value| remove(value, name)),
        _ => {}
    }
}

/// A time of a link or a presentation, with the claim that says the same.
fn moment(jws: &mut Jws, name: &str, to: &To) {
    let name = as_in_a_jws(name);
    // The end that counted may be the proof's.
    if let (Some(Value::Object(proof)), "validUntil") = (&mut jws.proof, name) {
        proof.remove("expires");
    }
    let read =
        |value: &Value| value.as_str().map(|text| time::parse(text, Round::Down).unwrap()).or(value.as_i64());
    let found = read(&jws.claims[name]).unwrap_or(0);
    let changed = clamp(found, to);
    jws.claims[name] =
        if jws.claims[name].is_string() { time::format(changed).into() } else { changed.into() };
    let claim = match name {
        "validUntil" => "exp",
        "validFrom" => "nbf",
        _ => return,
    };
    // A claim with a fraction counts by its second.
    if let Some(value) = jws.claims[claim].as_f64() {
        jws.claims[claim] = clamp(value.floor() as i64, to).into();
    }
    jws.claims.as_object_mut().unwrap().retain(|name, value| name != claim || !value.is_null());
}

fn regrant(delegation: &mut Value, widened: (&Pattern, &Pattern), to: &To) {
    let To::Pairs(fits) = to else { panic!("{to:?}") };
    let own = Authority::parse(&json!({"grants": delegation["grants"]}).to_string()).unwrap();
    let kept = own.pairs().unwrap().iter().filter(|(action, resource)| (action, resource) != widened);
    let grant = |(action, resource): &(Pattern, Pattern)| json!({"actions": [action.to_string()], "resources": [resource.to_string()]});
    delegation["grants"] = kept.chain(fits).map(grant).collect();
}

/// Sets the bound of one limit in the constraint that has it.
fn constrain(delegation: &mut Value, key: &LimitKey, to: &To) {
    let mut all = delegation["constraints"].as_array().cloned().unwrap_or_default();
    let has = |constraint: &Value| {
        let alone = json!({"grants": [], "constraints": [constraint]}).to_string();
        Authority::parse(&alone).unwrap().limits().any(|(own, _)| own == key)
    };
    let listed = |json: &Value, values: &std::collections::BTreeSet<legation_credential::Value>| {
        values.iter().any(|value| value.to_json() == *json)
    };
    all.retain(|one| match (&key.kind, to) {
        (LimitKind::SpendCurrency | LimitKind::ApprovalCurrency { .. }, To::Bound(Bound::OneOf(values))) => {
            !has(one) || listed(&one["currency"], values)
        }
        _ => true,
    });
    for one in all.iter_mut().filter(|one| has(one)) {
        match (&key.kind, to) {
            (_, To::Include(value)) => one["allow"].as_array_mut().unwrap().push(value.to_json()),
            (LimitKind::SpendPerAction { .. } | LimitKind::TotalPerAction { .. }, _) => {
                one["perAction"] = edge(to).into()
            }
            (LimitKind::SpendWindow { .. }, _) => one["window"]["amount"] = edge(to).into(),
            (LimitKind::TotalWindow { .. }, _) => one["window"]["sum"] = edge(to).into(),
            (LimitKind::Rate { .. }, _) => one["max"] = edge(to).into(),
            (LimitKind::Approval { .. }, _) => one["above"] = edge(to).into(),
            (LimitKind::Rank { order, .. }, _) => {
                // One behind the last has no value; then there is nothing to set.
                if let Some(value) = order.get(usize::try_from(edge(to)).unwrap()) {
                    one["rank"] = value.to_json();
                }
            }
            (LimitKind::Argument { operator, .. }, To::Bound(bound)) => {
                let list = |values: &std::collections::BTreeSet<legation_credential::Value>| {
                    values.iter().map(legation_credential::Value::to_json).collect::<Vec<_>>()
                };
                one[operator.member()] = match bound {
                    Bound::OneOf(values) if operator.member() == "equals" => list(values)[0].clone(),
                    Bound::OneOf(values) | Bound::NotOneOf(values) => list(values).into(),
                    Bound::Most(number) | Bound::Least(number) => (*number).into(),
                    Bound::Prefix(prefix) => prefix.as_str().into(),
                };
            }
            (LimitKind::Audience, To::Bound(Bound::OneOf(values))) => {
                one["allow"] = values.iter().map(legation_credential::Value::to_json).collect();
            }
            _ => {}
        }
    }
    delegation["constraints"] = all.into();
}

/// Asks for something that is within one of the pairs.
fn ask(scene: &mut Scene, to: &To) {
    let To::Pairs(pairs) = to else { panic!("{to:?}") };
    let inside = |pattern: &Pattern| pattern.to_string().replace('*', "x");
    let request = scene.step.request.as_mut().unwrap();
    (request.action, request.resource) = (inside(&pairs[0].0), inside(&pairs[0].1));
}

fn fact(scene: &mut Scene, name: &str, to: &To) {
    let request = scene.step.request.as_mut().unwrap();
    let found = request.facts.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
    let number = || found.as_deref().and_then(|value| value.parse::<i64>().ok());
    let value = match to {
        To::Present if name == "amount" => "1".to_owned(),
        To::Present if name == "tokens" => "1".to_owned(),
        To::Present if name == "currency" => "\"USD\"".to_owned(),
        To::Present => "\"x\"".to_owned(),
        To::Bound(Bound::OneOf(values)) => values.last().unwrap().to_string(),
        To::Bound(Bound::NotOneOf(values)) => match values.last().unwrap() {
            legation_credential::Value::Text(text) => format!("\"{text}-\""),
            legation_credential::Value::Integer(number) => (number + 1).to_string(),
            legation_credential::Value::Bool(value) => (!value).to_string(),
        },
        To::Bound(Bound::Prefix(prefix)) => json!(prefix).to_string(),
        _ => number().map_or(edge(to), |number| clamp(number, to)).to_string(),
    };
    request.facts.retain(|(own, _)| own != name);
    request.facts.push((name.to_owned(), value));
}

/// Fetches something at the last moment that would do, or for the first time.
fn evidence(scene: &mut Scene, need: &Need, to: &To) {
    let (list, member, name) = match need {
        Need::Document(did) => ("didDocuments", "did", did.as_str()),
        Need::StatusList(url) => ("statusLists", "url", url.as_str()),
    };
    let mut all = scene.evidence[list].as_array().cloned().unwrap_or_default();
    match to {
        To::Bound(_) => {
            for entry in all.iter_mut().filter(|entry| entry[member] == name) {
                entry["fetchedAt"] = time::format(edge(to)).into();
            }
        }
        _ => {
            all.retain(|entry| entry[member] != name);
            let company = name.trim_start_matches("did:web:").trim_start_matches("https://");
            let company = actors::company(company.split('.').next().unwrap());
            let now = scene.step.now;
            all.push(match need {
                Need::Document(_) => document(&company, now),
                Need::StatusList(url) => status_list(&company, url, now),
            });
        }
    }
    scene.evidence[list] = all.into();
}

fn document(company: &actors::Actor, now: i64) -> Value {
    json!({"did": company.did, "fetchedAt": time::format(now), "document": {
        "id": company.did,
        "verificationMethod": [
            {"id": company.kid, "controller": company.did, "type": "JsonWebKey", "publicKeyJwk": company.jwk()},
        ],
        "assertionMethod": [company.kid],
    }})
}

fn status_list(company: &actors::Actor, url: &str, now: i64) -> Value {
    let list = StatusListCredential {
        id: Some(url.to_owned()),
        issuer: company.did.parse().unwrap(),
        valid_from: now,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(0),
    };
    let signed =
        jws::sign("vc+jwt", &company.kid, list.to_json().to_string().as_bytes(), &company.key).unwrap();
    json!({"url": url, "fetchedAt": time::format(now), "credential": signed})
}
