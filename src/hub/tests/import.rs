use std::fmt::Write;

use super::World;
use super::world::*;
use crate::hub::admin::{self, Imported};
use crate::trust::directory::Member;

async fn member(world: &World, name: &str) -> Member {
    world.hub.refresh_directory().await.unwrap();
    let grounds = world.grounds.borrow().clone();
    let found = grounds.directory.unwrap().find(&code(name)).unwrap();
    Member::clone(&found)
}

async fn import(world: &World, table: &str, skip: bool) -> Imported {
    admin::import(&world.store, &world.order(), table, skip)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_line_is_named_and_nothing_is_entered_unless_asked_for() {
    let world = World::new().await;
    let table = "\u{feff}code,id,name,box_code\r\n\
        E,20,\"Sở, \"\"Một\"\"\",000.00.01.W00\r\n\
        F,x,Sở Hai,\r\n\
        G,22\r\n\
        \"H\",23,\"Sở\nBa\",NOWHERE\r\n\
        ,24,Sở Bốn,\r\n\r\n\
        E,25,Sở Năm,\r\n\
        I,26,,\r\n";
    let report = import(&world, table, false).await;
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|line| (line.line, line.why.en.as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            (3, "id can't be read: \"x\""),
            (4, "has 2 columns, the header line 4"),
            (5, "NOWHERE is no registered box"),
            (7, "code is missing"),
            (9, "E stands in line 2 already"),
            (10, "name is missing"),
        ]
    );
    assert!(!report.entered);
    assert!(
        report.refused[0]
            .to_string()
            .starts_with("dòng / line 3: id không đọc được")
    );
    assert_eq!(
        world.hub.refresh_directory().await.unwrap(),
        1,
        "nothing was entered"
    );

    let report = import(&world, table, true).await;
    assert!(report.entered);
    assert_eq!((report.added, report.refused.len()), (1, 6));
    assert_eq!(member(&world, "E").await.name, "Sở, \"Một\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_column_stays_as_it_is() {
    let world = World::new().await;
    let before = member(&world, "B").await;
    assert!(!before.seal.is_empty() && before.box_code.is_some());
    let report = import(&world, "code;name;mail\nB;Sở Nội vụ;a@b.vn\nC;\n", true).await;
    assert_eq!((report.changed, report.refused.len()), (1, 1), "{report:?}");
    let after = member(&world, "B").await;
    assert_eq!(
        (after.name.as_str(), after.mail.as_str()),
        ("Sở Nội vụ", "a@b.vn")
    );
    assert_eq!((after.seal, after.box_code), (before.seal, before.box_code));
    let version = world.hub.refresh_directory().await.unwrap();
    let again = import(&world, "code,name\nB,Sở Nội vụ\n", false).await;
    assert_eq!((again.unchanged, again.changed), (1, 0));
    assert_eq!(
        world.hub.refresh_directory().await.unwrap(),
        version,
        "nothing new to publish"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_usable_header_line_is_refused_whole() {
    let world = World::new().await;
    for (table, words) in [
        ("", "no column code"),
        ("id,name\n1,n\n", "no column code"),
        ("code,what\nE,1\n", "\"what\""),
        ("code,id,code\nE,1,E\n", "twice"),
    ] {
        let error = admin::import(&world.store, &world.order(), table, true)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(words), "{table:?}: {error}");
    }
    // One certificate for two members is found when the whole register is looked at.
    let print = member(&world, "B").await.seal[0];
    let twice = format!("code,id,name,seal\nE,20,Sở,{print}\n");
    let error = admin::import(&world.store, &world.order(), &twice, false)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("registered for"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_twenty_thousand_members_come_in_at_once() {
    const MANY: usize = 120_000;
    let world = World::new().await;
    let mut table = "code,id,name,level,parent\n".to_owned();
    for number in 0..MANY {
        let (province, unit) = (number % 63, number / 63);
        writeln!(
            table,
            "{unit:03}.{:02}.{:02}.H{province:02},{},Ủy ban nhân dân xã số {unit},3,B",
            number / 7 % 100,
            number / 700 % 100,
            1_000 + number
        )
        .unwrap();
    }
    let report = import(&world, &table, false).await;
    assert!(report.entered);
    assert_eq!(report.added, MANY);
    let last = table.lines().last().unwrap().split(',').next().unwrap();
    assert_eq!(member(&world, last).await.level, 3);
}
