//! What other organizations told: each token once, for each of them; whom it shuts out of whose chains.

use crate::engines::{ACME, blocking, both};
use legation_store::foreign::{self, Lent, ShutOut};

const NOW: i64 = 1_795_255_200;
const GLOBEX: &str = "did:web:globex.example";
const SHOP: &str = "did:web:shop.example";

#[test]
fn a_token_is_heard_once_in_whatever_process_and_who_is_shut_out_is_so_of_one_root() {
    for engine in both() {
        let (name, other) = (engine.name, engine.again());
        blocking(|| {
            let hear = |store: &legation_store::Store, issuer: &str, jti: u8, at: i64| {
                store.write(|tx| foreign::hear(tx, ACME, (issuer, [jti; 32]), at)).unwrap()
            };
            assert!(hear(&engine.store, GLOBEX, 1, NOW - 100), "{name}");
            assert!(!hear(&other, GLOBEX, 1, NOW), "{name}: another process knows it");
            assert!(hear(&other, SHOP, 1, NOW), "{name}: another's token of that name");
            assert!(hear(&other, GLOBEX, 2, NOW), "{name}");
            let heard = |before: i64, most: i64| {
                other.write(|tx| foreign::heard(tx, ACME, GLOBEX, (before, most))).unwrap()
            };
            assert_eq!((heard(0, 10), heard(0, 1)), (2, 1), "{name}");
            assert_eq!(heard(NOW, 10), 1, "{name}: what is old is forgotten");

            let one = |id: &str, root: &str, subject: &str| ShutOut {
                id: id.to_owned(),
                root: root.to_owned(),
                subject: subject.to_owned(),
                rule: "told".to_owned(),
                reason: "why".to_owned(),
                at: NOW,
            };
            let add = |one: &ShutOut| other.write(|tx| foreign::shut_out(tx, ACME, one)).unwrap();
            assert!(
                add(&one("1", GLOBEX, "x")) && !add(&one("2", GLOBEX, "x")) && add(&one("3", SHOP, "y")),
                "{name}"
            );
            let is_out = |root: &str, subjects: &[&str]| {
                let subjects: Vec<String> = subjects.iter().map(|one| (*one).to_owned()).collect();
                engine.store.read(|tx| foreign::is_shut_out(tx, ACME, root, &subjects)).unwrap()
            };
            assert!(is_out(GLOBEX, &["a", "x"]) && is_out(SHOP, &["y"]), "{name}");
            assert!(!is_out(GLOBEX, &["y", "a"]) && !is_out(SHOP, &["x"]), "{name}: of another root");
            let count = |root: &str, rule: Option<&str>, after: i64| {
                engine.store.read(|tx| foreign::count(tx, ACME, (root, rule), (after, 10))).unwrap()
            };
            assert_eq!((count(GLOBEX, Some("told"), 0), count(GLOBEX, None, 0)), (1, 1), "{name}");
            assert_eq!((count(GLOBEX, Some("other"), 0), count(GLOBEX, None, NOW)), (0, 0), "{name}");
            assert_eq!(
                engine.store.read(|tx| foreign::list(tx, ACME, "1", 10)).unwrap(),
                [one("3", SHOP, "y")],
                "{name}"
            );
            engine.store.write(|tx| foreign::let_in(tx, ACME, "1")).unwrap();
            assert!(!is_out(GLOBEX, &["x"]), "{name}");
            assert_eq!(
                engine.store.read(|tx| foreign::get(tx, ACME, "1")).unwrap_err().code(),
                "not_found",
                "{name}"
            );
        });
    }
}

#[test]
fn what_was_lent_is_found_by_its_digest_and_its_issuer_and_is_bounded() {
    for engine in both() {
        let name = engine.name;
        blocking(|| {
            let one = |agent: &str, digest: &str, until: i64| Lent {
                agent: agent.to_owned(),
                digest: digest.to_owned(),
                issuer: format!("{GLOBEX}:buyer"),
                root: GLOBEX.to_owned(),
                until,
            };
            let lend = |all: &[Lent], now: i64| {
                engine.store.write(|tx| foreign::lend(tx, ACME, all, (2, now))).unwrap()
            };
            lend(&[one("mail", "a", NOW + 10), one("mail", "a", NOW + 10), one("clerk", "a", NOW + 10)], NOW);
            lend(&[one("mail", "b", NOW + 99), one("mail", "c", NOW + 99)], NOW);
            let to = |root: &str, subject: &str, now: i64| {
                engine.store.read(|tx| foreign::lent_to(tx, ACME, (root, subject), (now, 10))).unwrap()
            };
            assert_eq!(to(GLOBEX, "a", NOW), ["clerk", "mail"], "{name}");
            lend(&[one("clerk", "a", NOW + 20), one("clerk", "a", NOW + 5)], NOW);
            assert_eq!(to(GLOBEX, "a", NOW + 15), ["clerk"], "{name}: the longer of both");
            assert_eq!(to(GLOBEX, &format!("{GLOBEX}:buyer"), NOW), ["clerk", "mail"], "{name}");
            assert_eq!(
                (to(GLOBEX, "b", NOW), to(GLOBEX, "c", NOW)),
                (vec!["mail".to_owned()], vec![]),
                "{name}: two at most"
            );
            assert!(to(SHOP, "a", NOW).is_empty() && to(GLOBEX, "a", NOW + 20).is_empty(), "{name}");
            lend(&[one("mail", "c", NOW + 99)], NOW + 50);
            assert_eq!(to(GLOBEX, "c", NOW + 50), ["mail"], "{name}: what has ended makes room");
        });
    }
}
