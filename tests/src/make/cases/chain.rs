//! What a chain means: length, root, parties, parents, depth.

use super::Book;
use crate::make::{
    actors::{agent, company, p256},
    draft::{ACME, BOOK, Draft, document, link},
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    lengths(book);
    roots(book);
    roots_that_pass(book);
    principals(book);
    issuers(book);
    parents(book);
    cycles(book);
    depths(book);
}

/// A chain of so many links, Acme first, each agent passing on what it was given.
fn long(count: usize) -> impl Fn(&mut Draft) {
    move |d| {
        let acme = company("acme");
        let time = ("2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z");
        let name = |index: usize| agent(&format!("agent {index}"));
        d.links = (0..count)
            .map(|index| {
                let issuer = if index == 0 { acme.clone() } else { name(index) };
                let delegation = json!({
                    "principal": ACME, "maxDepth": count - index,
                    "grants": [{"actions": [BOOK], "resources": ["https://shop.example/*"]}],
                });
                link(index, &issuer, &name(index + 1).did, time, delegation)
            })
            .collect();
        d.presented_by(&name(count));
        d.book(json!({}));
    }
}

fn lengths(book: &mut Book) {
    let code = "chain_too_long";
    book.permit("chain-of-sixteen-links", "The longest chain that is read by default.", long(16));
    book.deny("chain-of-seventeen-links", "One link more than is read.", code, None, long(17));
    book.deny(
        "chain-longer-than-the-verifier-wants",
        "Three links where the verifier reads two.",
        code,
        None,
        |d| d.trust["limits"] = json!({"chainLinks": 2}),
    );
    book.permit("chain-as-long-as-the-verifier-wants", "Three links where the verifier reads three.", |d| {
        d.trust["limits"] = json!({"chainLinks": 3})
    });
    book.deny(
        "chain-with-more-limits-than-the-verifier-wants",
        "Each link may have some, and the whole chain too many.",
        "input_too_large",
        Some(2),
        |d| {
            d.trust["limits"] = json!({"chainConstraints": 3});
            d.limits(
                0,
                json!([{"type": "rate", "seconds": 60, "max": 9}, {"type": "rate", "seconds": 99, "max": 9}]),
            );
            d.limits(1, json!([{"type": "rate", "seconds": 60, "max": 8}]));
            d.limits(2, json!([{"type": "rate", "seconds": 60, "max": 7}]));
        },
    );
    let granted = |actions: i32| {
        let actions: Vec<String> = (0..actions).map(|index| format!("a2a:skill:{index}")).collect();
        json!([{"actions": actions, "resources": ["https://shop.example/api/rooms"]}])
    };
    book.deny(
        "chain-with-more-grants-than-the-verifier-wants",
        "Each link may grant some pairs of action and resource, and the whole chain too many: it is not read further.",
        "input_too_large",
        Some(1),
        move |d| {
            d.trust["limits"] = json!({"chainPairs": 8});
            (0..2).for_each(|link| d.delegation(link)["grants"] = granted(5));
        },
    );
    book.deny(
        "chain-whose-many-grants-one-covers",
        "Of the pairs that a link writes one covers all others. They are compared to find that, and so they count.",
        "input_too_large",
        Some(1),
        move |d| {
            d.trust["limits"] = json!({"chainPairs": 8});
            (0..2).for_each(|link| {
                let mut grants = granted(5);
                grants[0]["actions"][0] = "a2a:skill:*".into();
                d.delegation(link)["grants"] = grants;
            });
        },
    );
    let times = |count: usize, tiny: bool| {
        move |d: &mut Draft| {
            d.solo();
            d.envelopes(move |all| {
                if tiny {
                    all[0]["id"] = "data:application/vc+jwt,a.b.c".into();
                }
                *all = vec![all[0].clone(); count];
            });
        }
    };
    book.deny(
        "chain-of-two-hundred-tiny-links",
        "200 links, tiny so that the bytes suffice: none of them is looked at.",
        code,
        None,
        times(200, true),
    );
    book.deny(
        "chain-of-a-thousand-links",
        "1,000 links of ordinary size: more bytes than are read.",
        "input_too_large",
        None,
        times(1000, false),
    );
}

fn roots(book: &mut Book) {
    let code = "root_untrusted";
    book.deny("root-issued-by-itself", "An unknown key grants itself everything, correctly signed: SDKs that only checked signatures let it in.", code, Some(0), |d| {
        let mallory = agent("mallory");
        d.only(1);
        d.links[0].signed_by(&mallory);
        d.claims(0)["issuer"] = mallory.did.as_str().into();
        d.delegation(0)["principal"] = mallory.did.as_str().into();
    });
    book.deny(
        "root-of-another-organization",
        "An organization that exists and is not trusted here.",
        code,
        Some(0),
        |d| {
            let other = company("other");
            d.documents.push(document(&other));
            let roots = d.trust["roots"].clone();
            d.root(&other);
            d.trust["roots"] = roots;
        },
    );
    book.deny(
        "root-of-a-path-of-the-trusted-domain",
        "did:web:acme.example:sales is another DID than did:web:acme.example.",
        code,
        Some(0),
        |d| {
            d.trust["roots"][0]["did"] = "did:web:acme.example:sales".into();
        },
    );
    book.deny("roots-none", "A verifier that trusts nobody.", code, Some(0), |d| {
        d.trust["roots"] = json!([])
    });
    book.deny(
        "root-left-out",
        "The chain without its first link: an agent is no root, though the organization is.",
        code,
        Some(0),
        |d| {
            d.envelopes(|all| drop(all.remove(0)));
        },
    );
    book.deny(
        "links-in-the-wrong-order",
        "Leaf first: nothing sorts a chain for its sender.",
        code,
        Some(0),
        |d| d.envelopes(|all| all.reverse()),
    );
    book.deny(
        "links-after-the-root-in-the-wrong-order",
        "Root first, the other two exchanged.",
        "issuer_mismatch",
        Some(1),
        |d| d.envelopes(|all| all.swap(1, 2)),
    );
}

fn roots_that_pass(book: &mut Book) {
    book.permit(
        "root-that-is-a-key",
        "A person's device is the principal, by did:key: no document is needed.",
        |d| d.root(&agent("rosa")),
    );
    book.permit(
        "root-that-is-a-p256-key",
        "A principal with a P-256 key, as phones and smart cards hold it.",
        |d| d.root(&p256("pascal")),
    );
    book.permit("root-without-a-ceiling", "The verifier says that this root may confer everything.", |d| {
        d.trust["roots"][0]["ceiling"] = "everything".into()
    });
    book.permit("root-among-others", "Two roots are trusted; each has a ceiling of its own.", |d| {
        let other = json!({"did": "did:web:other.example", "ceiling": {"grants": []}});
        d.trust["roots"] = json!([other, d.trust["roots"][0]]);
    });
}

fn principals(book: &mut Book) {
    let code = "principal_mismatch";
    for (name, index) in [("root", 0), ("middle", 1), ("leaf", 2)] {
        book.deny(
            &format!("principal-of-the-{name}-is-another"),
            "A link that names another principal: the wrong one would answer for the chain.",
            code,
            Some(index),
            |d| {
                d.delegation(index)["principal"] = "did:web:other.example".into();
            },
        );
    }
}

fn issuers(book: &mut Book) {
    let code = "issuer_mismatch";
    book.deny(
        "issuer-is-not-the-subject-before",
        "A link issued and signed by somebody whom nobody delegated to, appended to a real chain.",
        code,
        Some(2),
        |d| {
            let mallory = agent("mallory");
            d.claims(2)["issuer"] = mallory.did.as_str().into();
            d.links[2].signed_by(&mallory);
        },
    );
    book.deny("kid-of-another-did", "An intruder signs under the issuer's name, with the key id of its own DID: verifiers that resolved the `kid` alone took it.", code, Some(1), |d| d.links[1].signed_by(&agent("mallory")));
    book.deny("kid-without-did", "A relative key id.", code, Some(1), |d| {
        d.links[1].header["kid"] = "#key-1".into()
    });
    book.deny("kid-without-fragment", "A DID is no key.", code, Some(0), |d| {
        d.links[0].header["kid"] = ACME.into()
    });
    book.deny(
        "kid-of-a-longer-did",
        "did:web:acme.example.evil.example starts like the issuer.",
        code,
        Some(0),
        |d| d.links[0].header["kid"] = "did:web:acme.example.evil.example#key-1".into(),
    );
    book.deny("kid-with-a-path", "A path between DID and fragment.", code, Some(0), |d| {
        d.links[0].header["kid"] = "did:web:acme.example/keys#key-1".into()
    });
    book.deny(
        "iss-of-another",
        "`iss` and `issuer` differ: one reader believes the first, another the second.",
        code,
        Some(1),
        |d| d.claims(1)["iss"] = "did:web:other.example".into(),
    );
    book.permit("iss-of-the-issuer", "`iss` where it stands is the issuer.", |d| {
        d.claims(0)["iss"] = ACME.into()
    });
    book.deny(
        "links-of-two-chains",
        "The leaf of another chain of the same principal: its issuer stands nowhere in this one.",
        code,
        Some(1),
        |d| {
            let claims = d.claims(2).clone();
            d.links[1].claims = claims;
            let bob = d.links[2].signer.clone();
            d.links[1].signed_by(&bob);
            d.only(2);
            d.presented_by(&agent("carol"));
        },
    );
}

fn parents(book: &mut Book) {
    let code = "parent_mismatch";
    let parent = |index: usize, value: Option<Value>| {
        move |d: &mut Draft| {
            d.links[index].own_parent = true;
            if let Some(value) = value {
                d.delegation(index)["parent"] = value;
            }
        }
    };
    let digest = "6r5yIwh0nqkPvDmOYbw2p3DRAzJWSl4QqC0Y3DD1qNM";
    book.deny("parent-of-another-link", "A child moved under another parent of the same issuer, with more rights: the digest tells them apart.", code, Some(1), |d| {
        let child = { d.secured()[1].clone() };
        d.delegation(0)["constraints"][0]["perAction"] = 900_000.into();
        d.links[1].after(move |_| child.clone());
    });
    book.deny(
        "parent-digest-of-nothing",
        "A digest that no link has.",
        code,
        Some(2),
        parent(2, Some(digest.into())),
    );
    book.deny(
        "parent-left-out-in-a-child",
        "A child that names no parent would fit under any.",
        code,
        Some(1),
        parent(1, None),
    );
    book.deny(
        "parent-in-the-root",
        "A root that names a parent is no root: the links before it are hidden.",
        code,
        Some(0),
        parent(0, Some(digest.into())),
    );
    book.deny(
        "parent-of-the-signing-input",
        "The digest is of the whole compact form, signature included.",
        code,
        Some(1),
        |d| {
            let root = d.secured()[0].clone();
            let input = root.rsplit_once('.').unwrap().0;
            let digest = legation_credential::delegation::link_digest(input);
            parent(1, Some(legation_keys::base64url::encode(&digest).into()))(d);
        },
    );
}

fn cycles(book: &mut Book) {
    let code = "cycle";
    book.deny("cycle-to-the-root", "The last link delegates back to the principal.", code, Some(2), |d| {
        d.cast(2, &company("acme"))
    });
    book.deny(
        "cycle-to-an-earlier-agent",
        "The last link delegates to the agent two before.",
        code,
        Some(2),
        |d| d.cast(2, &agent("ada")),
    );
    book.deny(
        "cycle-to-itself",
        "An agent delegates to itself, to have a fresh budget.",
        code,
        Some(2),
        |d| d.cast(2, &agent("bob")),
    );
    book.deny("cycle-of-the-root", "The principal delegates to itself.", code, Some(0), |d| {
        d.solo();
        d.cast(0, &company("acme"));
    });
    book.deny("link-twice", "The same link twice.", "issuer_mismatch", Some(2), |d| {
        d.envelopes(|all| all[2] = all[1].clone())
    });
}

fn depths(book: &mut Book) {
    let code = "redelegation_not_permitted";
    book.deny(
        "max-depth-zero-with-a-child",
        "A delegation that may not be passed on, passed on.",
        code,
        Some(1),
        |d| d.delegation(0)["maxDepth"] = 0.into(),
    );
    book.deny(
        "max-depth-absent-with-a-child",
        "Where `maxDepth` is absent nothing may be passed on.",
        code,
        Some(2),
        |d| drop(d.delegation(1).as_object_mut().unwrap().remove("maxDepth")),
    );
    book.deny(
        "max-depth-that-does-not-decrease",
        "A child with its parent's depth could go on for ever.",
        code,
        Some(1),
        |d| d.delegation(1)["maxDepth"] = 2.into(),
    );
    book.deny("max-depth-of-the-leaf-too-large", "The leaf may have 0 at most.", code, Some(2), |d| {
        d.delegation(2)["maxDepth"] = 1.into()
    });
    book.permit("max-depth-zero-in-the-leaf", "0 written out.", |d| d.delegation(2)["maxDepth"] = 0.into());
    book.permit("max-depth-larger-than-needed", "A depth that is not used up.", |d| {
        d.delegation(0)["maxDepth"] = 9.into()
    });
}
