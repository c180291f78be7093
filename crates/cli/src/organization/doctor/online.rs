//! Whether what stands at the organization's domain is what has to be published.

use super::Findings;
use crate::{args::DoctorArgs, network};
use legation_credential::status::SignedStatusList;
use legation_registry::Registry;

/// Status lists that are asked for.
const LISTS: i64 = 16;
/// Most entries of a list.
const ENTRIES: usize = 1 << 20;

pub(super) fn look(registry: &Registry, args: &DoctorArgs, now: i64, found: &mut Findings) {
    let fetcher = match network::fetcher(&args.network) {
        Ok(fetcher) => fetcher,
        Err(failure) => return found.wrong("domain", failure.message),
    };
    let did = registry.did();
    let own = match registry.document(did.as_str()) {
        Ok(own) => own,
        Err(error) => return found.wrong("domain", error.to_string()),
    };
    let origin = registry.origin();
    let fetched = network::wait("asking the domain", fetcher.document(did));
    match fetched {
        Err(failure) => return found.wrong("domain", failure.message),
        Ok(Err(error)) => {
            let text = format!(
                "{origin} does not give the organization's document ({}): point the domain at where `legation up` or a copy \
                 by `legation publish` is served",
                network::failed(&error).message
            );
            return found.wrong("domain", text);
        }
        Ok(Ok(there)) if there.to_json() == own.to_json() => {
            found.ok("domain", format!("{origin} gives the organization's document as it is"));
        }
        Ok(Ok(_)) => found.wrong(
            "domain",
            format!("{origin} gives another document than the one there is: publish anew with `legation publish`, or point the domain here"),
        ),
    }
    let lists = match registry.lists(0, LISTS) {
        Ok(lists) => lists,
        Err(error) => return found.wrong("published", error.to_string()),
    };
    let (mut good, count) = (0, lists.len());
    for list in lists {
        let there = network::wait("asking for status lists", fetcher.status_list(&list.url));
        let text = match there {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                found.wrong("published", format!("{}: {}", list.url, network::failed(&error).message));
                continue;
            }
            Err(failure) => {
                found.wrong("published", failure.message);
                continue;
            }
        };
        let Ok(there) = SignedStatusList::parse(&text, ENTRIES) else {
            found.wrong("published", format!("what stands at {} is no status list", list.url));
            continue;
        };
        let mut own = legation_credential::status::StatusList::new(list.bits.len() * 8);
        for index in 0..own.entries() {
            let set = list.bits.get(index / 8).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0);
            own.set(index, set);
        }
        if own != there.credential.list {
            found.wrong(
                "published",
                format!("{} does not say what was revoked or suspended last: publish anew", list.url),
            );
        } else if there.credential.valid_until.is_some_and(|until| until <= now) {
            found.wrong("published", format!("{} has ended: publish anew, every half hour", list.url));
        } else {
            good += 1;
        }
    }
    if good == count {
        found.ok("published", format!("{good} status lists stand there as they are here"));
    }
}
