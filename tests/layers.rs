//! Holds the house rules that no lint knows: floors only downwards, foreign crates behind their doors, short files.

#[path = "layers/rules.rs"]
mod rules;
#[path = "layers/tokens.rs"]
mod tokens;

use std::path::{Path, PathBuf};

use rules::{Plan, breaches};

/// Lines of a file at most.
const LONGEST: usize = 500;

#[test]
fn rooms_use_only_lower_floors_and_crates_pass_their_doors() {
    let plan = Plan::read(&read(&house().join("src/lib.rs")));
    let mut found = Vec::new();
    for (place, room) in [("src", None), ("hsm/src", Some("hsm"))] {
        let place = house().join(place);
        for file in rust_files(&place) {
            let inside = file.strip_prefix(&place).unwrap().with_extension("");
            let mut modules: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
            match (room, modules.as_slice()) {
                (None, ["lib"]) => continue,
                (None, ["main"]) => modules.clear(),
                (None, _) => {}
                (Some(room), _) => modules.insert(0, room),
            }
            if modules.last() == Some(&"mod") {
                modules.pop();
            }
            for (line, breach) in breaches(&plan, &modules, &read(&file)) {
                found.push(format!("{}:{line}: {breach}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_room_is_in_the_floor_plan_and_the_plan_has_no_other_road() {
    let lib = read(&house().join("src/lib.rs"));
    let plan = Plan::read(&lib);
    let planned: Vec<_> = plan.rooms().map(str::to_owned).collect();
    let mut built: Vec<_> = std::fs::read_dir(house().join("src"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path().with_extension("");
            path.file_name().unwrap().to_str().unwrap().to_owned()
        })
        .filter(|name| name != "lib" && name != "main")
        .collect();
    built.sort();
    assert_eq!(built, planned);
    assert!(
        tokens::tokens(&lib)
            .iter()
            .all(|t| t.text != "use" && t.text != "macro_use"),
        "lib.rs only lists the rooms: a re-export would be a road around the floors"
    );
}

#[test]
fn the_formatter_leaves_the_order_of_the_floor_plan_alone() {
    let settings = read(&house().join("rustfmt.toml"));
    assert!(
        settings.contains("reorder_modules = false"),
        "sorted by name, lib.rs would be another floor plan"
    );
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for place in ["src", "hsm", "tests"] {
        for file in rust_files(&house().join(place)) {
            let lines = read(&file).lines().count();
            if lines > LONGEST {
                long.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    assert!(
        long.is_empty(),
        "more than {LONGEST} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn planted_breaches_are_caught() {
    let plan = Plan::read(
        "// Floor 0, ground.\npub mod clock;\npub mod store;\n// Floor 1.\npub mod packet;\npub mod merkle;\n\
         // Floor 4.\npub mod https;\n// Floor 7.\npub mod control;\npub mod web;\n",
    );
    let caught = [
        ("clock", "use crate::store::Store;"),
        ("packet", "use crate::merkle;"),
        (
            "packet",
            "use crate::{clock::Clock, https::{Body, Server}};",
        ),
        (
            "packet",
            "use crate::{\n    clock, // ok\n    merkle as m,\n};",
        ),
        ("packet", "fn f() { crate::https::serve() }"),
        (
            "packet",
            "macro_rules! m { () => { $crate::https::serve() } }",
        ),
        ("packet", "use super::merkle::Hash;"),
        ("packet/reader", "use super::super::merkle::Hash;"),
        ("packet/reader", "use super::super::{clock, https};"),
        ("packet", "mod tests { use super::super::merkle; }"),
        ("packet", "mod a { } use super::merkle;"),
        ("packet", "use self::super::merkle;"),
        ("store", "fn f() -> ::nix::Result { use ::hyper_; }"),
        ("packet", "use crate::*;"),
        ("packet", "use crate::{self as house};"),
        ("packet", "use crate as house;"),
        ("packet", "extern crate self as house;"),
        ("packet", "use trucgate::https;"),
        ("packet", "#[path = \"../https/mod.rs\"] mod stolen;"),
        ("packet", "include!(\"../https/mod.rs\");"),
        ("packet", "use crate::nowhere;"),
        ("control", "use crate::web;"),
        ("clock", "fn f() { unsafe { g() } }"),
        ("packet", "async fn f() { tokio::select! {} }"),
        ("packet", "#[tokio::test] async fn f() {}"),
        ("packet", "use rusqlite as database;"),
        ("packet", "use {hyper::Request, rxml::Reader};"),
        ("store", "extern crate nix;"),
        ("https", "fn f(c: ::rusqlite::Connection) {}"),
        ("web", "use cryptoki;"),
        ("hsm", "use nix::unistd;"),
        ("main", "use tokio_rustls::TlsAcceptor;"),
    ];
    for (file, source) in caught {
        assert_eq!(
            breaches(&plan, &modules(file), source).len(),
            1,
            "in {file}: {source}"
        );
    }
    let fine = [
        (
            "store",
            "use crate::clock::Clock; use crate::store::Tx; use rusqlite::Row;",
        ),
        (
            "packet",
            "// use crate::https;\n/* use /* crate::https */ hyper:: */ fn f() {}",
        ),
        (
            "packet",
            "const A: &str = \"crate::https::x \\\" hyper::y\"; const B: char = '\"';",
        ),
        (
            "packet",
            "const A: &[u8] = br#\"crate::https \" hyper::\"#; fn f<'a>(x: &'a str) {}",
        ),
        (
            "packet/reader",
            "use super::Envelope; mod tests { use super::super::Limits; }",
        ),
        (
            "packet",
            "pub(crate) fn f() {} pub(super) fn g() { self.tokio.hyper(); a::nix::b() }",
        ),
        ("web", "use crate::control;"),
        (
            "hsm",
            "use crate::token; use cryptoki::session::Session; unsafe fn f() {}",
        ),
        ("main", "use trucgate::web;"),
    ];
    for (file, source) in fine {
        assert_eq!(breaches(&plan, &modules(file), source), [], "in {file}");
    }
}

fn modules(file: &str) -> Vec<&str> {
    file.split('/').filter(|part| *part != "main").collect()
}

fn house() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All Rust sources below a directory, build output left out.
fn rust_files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
