//! One document from software to software and its receipts back.

use trucgate::vxp::Transport;

use crate::world::{RECEIVERS, SENDER, World, document, received, send, sent_as};

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_to_three_and_their_receipts_come_back() {
    let world = World::start();
    let sender = world.software(SENDER);
    let edxml = document(&RECEIVERS, 1).edxml().unwrap();
    let doc = send(&sender, edxml.clone()).await;
    for receiver in RECEIVERS {
        let software = world.software(receiver);
        let rows = received(&software, 1).await;
        assert_eq!(rows[0]["from"], SENDER);
        let id = rows[0]["docId"].as_str().unwrap();
        let taken = software.get(id).await.unwrap().document().unwrap();
        assert_eq!(taken, edxml, "the bytes verified are the bytes passed on");
        assert!(
            software
                .update_status(id, Transport::Done, None)
                .await
                .unwrap()
                .is_ok()
        );
        received(&software, 0).await;
    }
    let rows = sent_as(&sender, &doc, Transport::Done).await;
    assert_eq!(rows.len(), RECEIVERS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_document_twice_is_one_document() {
    let world = World::start();
    let sender = world.software(SENDER);
    let edxml = document(&RECEIVERS[..1], 1).edxml().unwrap();
    let first = send(&sender, edxml.clone()).await;
    assert_eq!(send(&sender, edxml).await, first);
    let receiver = world.software(RECEIVERS[0]);
    received(&receiver, 1).await;
    sent_as(&sender, &first, Transport::Processing).await;
    received(&receiver, 1).await;
}
