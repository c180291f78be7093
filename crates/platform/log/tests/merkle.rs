//! The tree and its proofs, held to the vectors of transparency-dev/merkle (Apache-2.0) and to their definition.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use data_encoding::BASE64;
use legation_log::{
    proof::{consistency, inclusion, subtrees, verify_consistency, verify_inclusion},
    tree::{Compact, Hash, leaf_hash, node_hash},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("data/rfc6962-merkle.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

/// Some vectors have roots of another length, which are here what they hash to: another root than any other.
fn hash(value: &Value) -> Hash {
    let bytes = BASE64.decode(value.as_str().unwrap_or_default().as_bytes()).unwrap();
    bytes
        .as_slice()
        .try_into()
        .unwrap_or_else(|_| Sha256::new_with_prefix("no hash").chain_update(&bytes).finalize().into())
}

fn proof(vector: &Value) -> Vec<Hash> {
    vector["proof"].as_array().map(|all| all.iter().map(hash).collect()).unwrap_or_default()
}

fn number(vector: &Value, name: &str) -> u64 {
    vector[name].as_u64().unwrap()
}

#[test]
fn inclusion_proofs_are_judged_as_the_vectors_say() {
    let mut counted = (0, 0);
    for vector in vectors("inclusion") {
        let place = (number(&vector, "leafIdx"), number(&vector, "treeSize"));
        let (leaf, root) = (hash(&vector["leafHash"]), hash(&vector["root"]));
        let is_hash = !vector["leafHash"].as_str().unwrap().is_empty();
        let checked = verify_inclusion(&leaf, place, &proof(&vector), &root);
        assert_eq!(!is_hash || checked.is_err(), vector["wantErr"] == true, "{vector}");
        if vector["wantErr"] == true { counted.1 += 1 } else { counted.0 += 1 }
    }
    assert_eq!(counted, (6, 92));
}

#[test]
fn consistency_proofs_are_judged_as_the_vectors_say() {
    let mut counted = (0, 0);
    for vector in vectors("consistency") {
        let old = (number(&vector, "size1"), &hash(&vector["root1"]));
        let new = (number(&vector, "size2"), &hash(&vector["root2"]));
        let checked = verify_consistency(old, new, &proof(&vector));
        assert_eq!(checked.is_err(), vector["wantErr"] == true, "{vector}");
        if vector["wantErr"] == true { counted.1 += 1 } else { counted.0 += 1 }
    }
    assert_eq!(counted, (6, 92));
}

/// By the definition of RFC 9162 §2.1.1, to the letter.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        many => {
            let split = many.len().next_power_of_two() / 2;
            node_hash(&root(&many[..split]), &root(&many[split..]))
        }
    }
}

#[test]
fn every_proof_of_every_tree_up_to_seventy_leaves_holds_and_no_other_place_size_or_leaf_fits_it() {
    let leaves: Vec<Hash> = (0..70_u8).map(|number| leaf_hash(&[number])).collect();
    let mut node = |level: u32, index: u64| -> Result<Hash, ()> {
        let from = usize::try_from(index << level).unwrap();
        Ok(root(&leaves[from..from + (1 << level)]))
    };
    let mut tree = Compact::default();
    for size in 0..=70_u64 {
        let all = &leaves[..usize::try_from(size).unwrap()];
        assert_eq!(tree.root(), root(all), "{size}");
        assert_eq!(Compact::of(size, &tree.hashes()), Some(tree.clone()));
        for index in 0..size {
            let (path, leaf) =
                (inclusion(index, size, &mut node).unwrap(), all[usize::try_from(index).unwrap()]);
            assert_eq!(verify_inclusion(&leaf, (index, size), &path, &root(all)), Ok(()));
            for other in (0..size).filter(|other| *other != index) {
                assert!(
                    verify_inclusion(&leaf, (other, size), &path, &root(all)).is_err(),
                    "{other} of {size}"
                );
            }
            for cut in 0..path.len() {
                assert!(verify_inclusion(&leaf, (index, size), &path[..cut], &root(all)).is_err());
            }
        }
        for old in 0..=size {
            let path = consistency(old, size, &mut node).unwrap();
            let was = root(&leaves[..usize::try_from(old).unwrap()]);
            let holds = verify_consistency((old, &was), (size, &root(all)), &path).is_ok();
            assert_eq!(holds, old > 0, "{old} of {size}: nothing is proved of a tree without entries");
            if old > 0 && old < size {
                assert!(verify_consistency((old, &root(all)), (size, &root(all)), &path).is_err());
                assert!(verify_consistency((old, &was), (size, &was), &path).is_err());
                assert!(verify_consistency((old, &was), (size, &root(all)), &path[1..]).is_err());
            }
            // A range between its neighbours' subtrees.
            let left: Vec<Hash> =
                subtrees(0, old).map(|(level, index)| node(level, index).unwrap()).collect();
            let mut within = Compact::of(old, &left).unwrap();
            for (level, index) in subtrees(old, size) {
                assert!(within.push_subtree(level, node(level, index).unwrap()));
            }
            assert_eq!(within, tree, "{old} of {size}");
        }
        if let Some(leaf) = leaves.get(usize::try_from(size).unwrap()) {
            tree.push(*leaf);
        }
    }
    assert!(!Compact::default().push_subtree(64, [0; 32]));
    assert_eq!(Compact::of(3, &[[0; 32]]), None);
}
