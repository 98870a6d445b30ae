//! Bundles that a machine takes and those that it refuses, and what it remembers of a version on trial: as a library reads
//! them byte by byte, and as `trucgate update` meets a person. How a slot is written: `image/tests/84-sysupdate`, and in a
//! virtual machine `85-update`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

#[path = "update/archive.rs"]
mod archive;
#[path = "update/network.rs"]
mod network;
#[path = "update/trials.rs"]
mod trials;
#[path = "update/world.rs"]
mod world;

use std::path::Path;

use archive::{File, archive, file, files};
use trucgate::journal::ids;
use trucgate::update::{Bundle, Error, Manifest, Refused, System, Version};
use world::{Builder, Machine, ROOT_HASH};

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Reads a bundle to its end as a machine does before it writes anything.
fn judged(bundle: &[u8], system: &System) -> Result<Manifest, Error> {
    let bundle = Bundle::open(bundle, system)?;
    bundle.judge(system, system.floor)?;
    Ok(bundle.check(&mut |_, _| {})?.manifest)
}

fn refused(bundle: &[u8], system: &System) -> Refused {
    match judged(bundle, system) {
        Err(Error::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bundle_of_the_builder_is_good_and_names_what_it_brings() {
    let builder = Builder::new();
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    let bundle = builder.bundle("trucgate", "0.2.0", "0.1.0");
    let (good, told) = machine.told(&["check", bundle.to_str().unwrap()]);
    assert!(good && told.contains("trucgate 0.2.0"), "{told}");
    let system = System::read(&machine.system()).unwrap();
    let manifest = judged(&std::fs::read(&bundle).unwrap(), &system).unwrap();
    assert_eq!(manifest.root_hash, ROOT_HASH);
    assert_eq!(
        (manifest.root.size, manifest.root.filled),
        (70_003, Some(131_072))
    );
    // A directory stands for the one bundle in it, as a medium does.
    let (good, told) = machine.told(&["check", builder.directory.path().to_str().unwrap()]);
    assert!(good, "{told}");
}

#[test]
fn any_changed_byte_and_any_early_end_is_found() {
    let builder = Builder::new();
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    let system = System::read(&machine.system()).unwrap();
    let bundle = std::fs::read(builder.bundle("trucgate", "0.2.0", "0.1.0")).unwrap();
    assert!(judged(&bundle, &system).is_ok());
    // Every byte of heads, manifest and signature; every so often one of the parts.
    let parts = files(&bundle)[..2]
        .iter()
        .map(|(_, content)| 512 + content.len().next_multiple_of(512))
        .sum::<usize>();
    let end = files(&bundle)
        .iter()
        .map(|(_, content)| 512 + content.len().next_multiple_of(512))
        .sum::<usize>()
        + 1_024;
    let places = (0..parts + 512).chain((parts..bundle.len()).step_by(211));
    for at in places {
        let mut changed = bundle.clone();
        changed[at] ^= 1 << (at % 8);
        let refused = judged(&changed, &system);
        assert!(
            matches!(refused, Err(Error::Refused(_))),
            "byte {at}: {refused:?}"
        );
    }
    for length in (0..end).step_by(509).chain([end - 1, parts - 1, parts]) {
        let refused = refused(&bundle[..length], &system);
        assert!(
            matches!(refused, Refused::Cut(_)),
            "{length} bytes: {refused:?}"
        );
    }
    let more = [&bundle[..], b"more"].concat();
    assert!(matches!(refused(&more, &system), Refused::NotABundle(_)));
}

#[test]
fn strangers_other_machines_and_versions_out_of_bounds_are_refused_with_words() {
    let (builder, stranger) = (Builder::new(), Builder::new());
    let machine = Machine::of(&builder, "1.5.0", "1.2.0");
    let cases = [
        (
            stranger.bundle("trucgate", "2.0.0", "1.0.0"),
            "signature",
            "another key",
        ),
        (
            builder.bundle("other", "2.0.0", "1.0.0"),
            "product",
            "other x86-64",
        ),
        (
            builder.bundle("trucgate", "1.1.9", "1.0.0"),
            "floor",
            "older than the floor 1.2.0",
        ),
        (
            builder.bundle("trucgate", "9.0.0", "1.5.1"),
            "floor",
            "at least 1.5.1 is needed",
        ),
        (
            builder.bundle("trucgate", "1.5.0", "1.0.0"),
            "version",
            "runs already",
        ),
        (
            builder.bundle("trucgate", "2.1.0", "2.2.0"),
            "manifest",
            "lies above",
        ),
    ];
    for (bundle, step, words) in cases {
        for verb in ["check", "install"] {
            let (good, told) = machine.told(&[verb, bundle.to_str().unwrap()]);
            assert!(!good && told.contains(words), "{told}");
            // Both languages, what to do, and a line of the journal.
            assert!(told.contains(" / "), "{told}");
            let line = told
                .lines()
                .find(|line| line.contains(ids::UPDATE_REFUSED.message_id))
                .unwrap_or_else(|| panic!("no line of the journal: {told}"));
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["STEP"], step, "{line}");
            assert!(line["NEXT"].as_str().is_some_and(|next| !next.is_empty()));
        }
        assert!(nothing_is_left(&machine), "{step}");
    }
    // Going back is allowed down to the floor.
    let older = builder.bundle("trucgate", "1.2.0", "1.0.0");
    let (good, told) = machine.told(&["check", older.to_str().unwrap()]);
    assert!(good, "{told}");
}

fn nothing_is_left(machine: &Machine) -> bool {
    let spool = std::fs::read_dir(machine.state().join("spool"));
    let empty = spool.is_ok_and(|mut files| files.next().is_some());
    !empty && !machine.state().join("state.json").exists()
}

#[test]
fn a_certificate_that_the_builder_vouches_for_is_a_strangers() {
    let (builder, stranger) = (Builder::new(), Builder::new());
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    let system = System::read(&machine.system()).unwrap();
    let good = std::fs::read(builder.bundle("trucgate", "0.2.0", "0.1.0")).unwrap();
    let text = files(&good)[0].1.clone();
    let foreign = stranger.sign(std::str::from_utf8(&text).unwrap());
    let parts = files(&good);
    let other: Vec<File<'_>> = parts
        .iter()
        .map(|(name, content)| match name.as_str() {
            "manifest.p7s" => file(name, &foreign),
            _ => file(name, content),
        })
        .collect();
    assert!(matches!(
        refused(&archive(&other), &system),
        Refused::Stranger(_)
    ));
    // Both are known while a key is being replaced.
    let both = [&builder, &stranger]
        .map(|one| std::fs::read_to_string(one.keys().join("update.crt")).unwrap());
    world::write(
        &machine.system().join("usr/lib/trucgate/update.crt"),
        both.concat(),
    );
    let system = System::read(&machine.system()).unwrap();
    assert!(judged(&archive(&other), &system).is_ok());
    assert!(judged(&good, &system).is_ok());
}

#[test]
fn hostile_archives_are_refused_and_write_nothing() {
    let builder = Builder::new();
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    let system = System::read(&machine.system()).unwrap();
    let good = std::fs::read(builder.bundle("trucgate", "0.2.0", "0.1.0")).unwrap();
    let parts = files(&good);
    let plain = || -> Vec<File<'_>> {
        parts
            .iter()
            .map(|(name, content)| file(name, content))
            .collect()
    };
    assert!(judged(&archive(&plain()), &system).is_ok());
    let mut hostile: Vec<(String, Vec<u8>)> = Vec::new();
    for at in 0..parts.len() {
        for name in [
            "../../../etc/passwd",
            "/etc/passwd",
            "./manifest.toml",
            "manifest.toml/",
            "",
            "root.raw\u{1}",
            "MANIFEST.TOML",
        ] {
            let mut all = plain();
            all[at].name = name;
            hostile.push((format!("{at}: {name:?}"), archive(&all)));
        }
        type Twist = fn(&mut [u8; 512]);
        let twists: [(&str, Twist); 8] = [
            ("a symbolic link", |head| head[156] = b'2'),
            ("a hard link", |head| head[156] = b'1'),
            ("a directory", |head| head[156] = b'5'),
            ("a device", |head| head[156] = b'4'),
            ("extended names", |head| head[156] = b'x'),
            ("a prefix", |head| head[345] = b'a'),
            ("a link's name", |head| head[157] = b'a'),
            ("a length beyond octal", |head| head[124..136].fill(0xff)),
        ];
        for (what, twist) in twists {
            let mut all = plain();
            all[at].twist = twist;
            hostile.push((format!("{at}: {what}"), archive(&all)));
        }
        let mut without = plain();
        without.remove(at);
        hostile.push((format!("{at}: missing"), archive(&without)));
        let mut twice = plain();
        twice.insert(at, file(&parts[at].0, &parts[at].1));
        hostile.push((format!("{at}: twice"), archive(&twice)));
        if at > 0 {
            let mut swapped = plain();
            swapped.swap(at - 1, at);
            hostile.push((format!("{at}: out of order"), archive(&swapped)));
        }
    }
    let mut longer = plain();
    longer.push(file("more", b"more"));
    hostile.push(("a file more".to_owned(), archive(&longer)));
    let long = vec![b'#'; 70_000];
    let mut endless = plain();
    endless[0].content = &long;
    hostile.push(("an endless manifest".to_owned(), archive(&endless)));
    hostile.push(("zeros without end".to_owned(), vec![0; 1 << 20]));
    hostile.push(("nothing".to_owned(), Vec::new()));
    for (what, bundle) in hostile {
        let told = judged(&bundle, &system);
        assert!(
            matches!(
                told,
                Err(Error::Refused(Refused::NotABundle(_) | Refused::Cut(_)))
            ),
            "{what}: {told:?}"
        );
    }
    // Signed, and yet impossible.
    let manifest = String::from_utf8(parts[0].1.clone()).unwrap();
    for (from, to) in [
        ("format = 1", "format = 2"),
        ("format = 1", "format = 1\nmore = 1"),
        ("size = 70003", "size = 0"),
        ("size = 70003", "size = 999999999999"),
        ("filled = 131072", "filled = 70002"),
        ("filled = 131072", "filled = 99999999999999"),
        ("version = \"0.2.0\"", "version = \"0.2\""),
        ("version = \"0.2.0\"", "version = \"0.2.0/../../x\""),
        (ROOT_HASH, "00"),
    ] {
        assert!(manifest.contains(from), "{from}");
        let text = manifest.replacen(from, to, 1);
        let signature = builder.sign(&text);
        let mut all = plain();
        all[0].content = text.as_bytes();
        all[1].content = &signature;
        let told = refused(&archive(&all), &system);
        assert!(matches!(told, Refused::Manifest(_)), "{to}: {told:?}");
    }
}

#[test]
fn versions_are_three_plain_numbers_in_order() {
    let order = ["0.0.9", "0.1.0", "0.9.0", "0.10.0", "1.0.0"].map(version);
    assert!(order.is_sorted());
    for wrong in [
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "1.2.03",
        "1.2.x",
        "1.2.-3",
        "1..2",
        " 1.2.3",
        "1.2.99999999999",
    ] {
        assert!(wrong.parse::<Version>().is_err(), "{wrong:?}");
    }
}

/// What every release adds to a store is additive, or says that it is not (`store::BREAKS`): the version before has to live
/// with it.
#[test]
fn schemas_only_add() {
    for batch in trucgate::relay::SCHEMAS
        .iter()
        .chain(trucgate::hub::SCHEMAS)
    {
        if batch.trim_start().starts_with(trucgate::store::BREAKS) {
            continue;
        }
        let text: String = batch.to_uppercase();
        for statement in text.split(';').map(str::trim).filter(|one| !one.is_empty()) {
            let adds = [
                "CREATE TABLE",
                "CREATE INDEX",
                "CREATE UNIQUE INDEX",
                "INSERT INTO",
            ];
            let column = statement.starts_with("ALTER TABLE") && statement.contains(" ADD COLUMN ");
            let fills = !statement.contains("NOT NULL") || statement.contains("DEFAULT");
            assert!(
                adds.iter().any(|word| statement.starts_with(word)) || (column && fills),
                "this breaks older releases: {statement}"
            );
        }
    }
    // A column that is added later must not break what wrote rows before.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut places = vec![source];
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| line.contains(" INTO ")) {
                let named = line.split(" INTO ").nth(1).unwrap_or_default();
                let mut words = named.split_whitespace().skip(1);
                assert_ne!(
                    words.next(),
                    Some("VALUES"),
                    "{}: name the columns: {line}",
                    path.display()
                );
            }
        }
    }
}
