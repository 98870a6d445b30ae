use super::checkpoint::Checkpoint;
use super::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

/// The definition of RFC 9162 section 2.1.1, written as it stands there.
fn reference_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        many => {
            let mut k = 1;
            while k * 2 < many.len() {
                k *= 2;
            }
            node_hash(&reference_root(&many[..k]), &reference_root(&many[k..]))
        }
    }
}

fn edge(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::empty();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier
}

#[test]
fn roots_equal_the_definition() {
    for size in 0..130 {
        let all = leaves(size);
        assert_eq!(edge(&all).root(), reference_root(&all), "size {size}");
    }
}

#[test]
fn every_batch_proves_its_entries_and_its_consistency_from_the_edge_alone() {
    for new in 1..70_u64 {
        let all = leaves(new);
        for old in 0..=new {
            let (before, added) = all.split_at(usize::try_from(old).unwrap());
            let batch = Batch::new(edge(before), added);
            let root = reference_root(&all);
            assert_eq!(batch.root(), root, "{old}..{new}");
            assert_eq!(batch.after(), edge(&all));
            for index in old..new {
                let path = batch.inclusion(index).unwrap();
                let leaf = all[usize::try_from(index).unwrap()];
                assert!(verify_inclusion(&leaf, index, new, &path, &root));
                assert!(!verify_inclusion(&leaf, index + 1, new, &path, &root));
                assert!(!verify_inclusion(&[7; 32], index, new, &path, &root));
            }
            let old_root = reference_root(before);
            let proof = batch.consistency().unwrap();
            assert!(
                verify_consistency(old, &old_root, new, &root, &proof),
                "{old}..{new}"
            );
            if old > 0 && old < new {
                assert!(!verify_consistency(old, &[7; 32], new, &root, &proof));
                assert!(!verify_consistency(old, &old_root, new, &[7; 32], &proof));
            }
            let mut longer = proof.clone();
            longer.push([9; 32]);
            assert!(!verify_consistency(old, &old_root, new, &root, &longer));
        }
    }
}

#[test]
fn an_edge_is_restored_only_when_it_fits_its_size() {
    let frontier = edge(&leaves(13));
    let restored = Frontier::from_parts(13, frontier.peaks().to_vec());
    assert_eq!(restored, Some(frontier));
    assert_eq!(Frontier::from_parts(13, vec![[0; 32]]), None);
}

#[test]
fn checkpoints_read_back_byte_for_byte_and_refuse_the_rest() {
    let checkpoint = Checkpoint {
        origin: "000.00.00.G22".to_owned(),
        size: 17,
        root: [5; 32],
        extensions: vec!["hub 3 AAAA".to_owned()],
    };
    let body = checkpoint.body();
    assert_eq!(Checkpoint::parse(body.as_bytes()), Ok(checkpoint));
    let hostile = [
        "",
        "x",
        "x\n",
        "\n1\nAAAA\n",
        "x\n01\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n",
        "x\n1\nBQUF\n",
        "x\n1\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n\n",
        "x\n1\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=",
    ];
    for text in hostile {
        assert!(Checkpoint::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}
