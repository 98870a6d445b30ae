//! A key whose sister lies in a second token is renewed like any other, and the sister goes on to stand in for it.

use std::time::Duration;

use super::{
    BOX_SEAL, Change, Fingerprint, Output, RECEIVERS, Transport, Who, World, document, enter,
    first_certificate, ids, key_of, pem, received, send, sent_as, status, succeeded, write,
};
use crate::world::token::Network;
use crate::world::{SENDER, sending};
use trucgate::vxp::MessageType;

/// After which the second token serves.
const AFTER: Duration = Duration::from_millis(500);

fn step(world: &World, network: &Network, words: &[&str]) -> Output {
    let mut command = BOX_SEAL.command(world, words);
    command.env("P11_KIT_SERVER_ADDRESS", network.address());
    command.output().unwrap()
}

/// The whole way; gives the new certificate.
fn renewed(world: &World, network: &Network) -> Vec<u8> {
    let key = BOX_SEAL;
    succeeded(&step(world, network, &["begin"]));
    let request = key.file(world).with_extension("next.csr");
    let spki = key_of(&std::fs::read_to_string(request).unwrap());
    let new = key.issued(world, &spki, key.use_);
    let file = world.directory.path().join("issued.pem");
    write(&file, pem::encode("CERTIFICATE", &new));
    let file = file.to_string_lossy();
    succeeded(&step(world, network, &["import", &file]));
    let added = Change::AddCertificate(key.at_hub(&new));
    enter(&world.exchange, &[added]);
    succeeded(&step(world, network, &["rehearse"]));
    succeeded(&step(world, network, &["switch", "--watch", "2"]));
    assert_eq!(first_certificate(&key.file(world)), new);
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_sister_is_renewed_and_the_sister_stands_in_as_before() {
    let mut world = World::start();
    let mut network = world.network_token(Who::SenderSigner);
    let sister = world.sister(Who::SenderSigner, &mut network, AFTER);
    let old = first_certificate(&BOX_SEAL.file(&world));
    let registered = Change::AddCertificate(BOX_SEAL.at_hub(&sister));
    enter(&world.exchange, &[registered]);
    let new = tokio::task::block_in_place(|| renewed(&world, &network));
    let gone = Change::RemoveCertificate(BOX_SEAL.at_hub(&old));
    enter(&world.exchange, &[gone]);

    // The new certificate seals.
    let said = status(world.machine(Who::Sender));
    let shown = &said.gauge("certificate", "(seal")["end"]["id"];
    assert_eq!(*shown, format!("certificate {}", Fingerprint::of(&new)));
    let software = world.plain_software(SENDER);
    let receiver = world.software(RECEIVERS[0]);
    let doc = send(&software, document(&RECEIVERS[..1], 1).edxml().unwrap()).await;
    sent_as(&software, &doc, Transport::Processing).await;
    received(&receiver, 1).await;

    // The token is away: the sister, which was not renewed, seals as before.
    let from = world.process(Who::SenderSigner).lines();
    network.kill();
    let edxml = document(&RECEIVERS[..1], 2).edxml().unwrap();
    let reply = software
        .send(&sending(MessageType::Edoc), edxml.into())
        .await;
    assert!(reply.unwrap().doc_id().is_some());
    world.said(Who::SenderSigner, from, &ids::STANDBY_SERVES, 0, |_| true);
    received(&receiver, 2).await;

    // And back again.
    let from = world.process(Who::SenderSigner).lines();
    network.start();
    world.said(Who::SenderSigner, from, &ids::TOKEN_BACK, 0, |_| true);
    let doc = send(&software, document(&RECEIVERS[..1], 3).edxml().unwrap()).await;
    sent_as(&software, &doc, Transport::Processing).await;
    received(&receiver, 3).await;
}
