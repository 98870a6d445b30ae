//! TLS keys while they are renewed.

use hsm::KeyKind;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use tokio::sync::watch;
use trucgate::clock::Clock;
use trucgate::durable::Disk;
use trucgate::packet::Digest;
use trucgate::retry::Class;
use trucgate::signer::{Client, KeyUse, server::Server};

use crate::authority::Authority;
use crate::process::{certified, configuration, handshake, tls_showing};
use crate::token;

/// Whoever shows the old certificate, until it has asked for the new one, gets signatures of the old key; never of another
/// than the certificate's.
#[test]
fn a_handshake_that_began_before_a_renewal_ends_with_its_key() {
    token::alone(
        "overlap::a_handshake_that_began_before_a_renewal_ends_with_its_key",
        |dir| {
            let halves = token::furnish_with([("old", KeyKind::P256), ("new", KeyKind::P256)]);
            let authority = Authority::new();
            let key = certified(dir, &authority, "tls", KeyUse::Tls, "old", &halves[0].spki);
            let mut config = configuration(dir, token::module(), vec![key]);
            let client = Client::new(&config.socket).unwrap();
            let (stop, stopped) = watch::channel(false);
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let server = Server::bind(config.clone(), Disk::real(), Clock::system()).await;
                let server = server.unwrap();
                let reload = server.reload();
                let serving = tokio::spawn(server.serve(stopped));
                let shown = async || Digest::of(&client.keys().await.unwrap()[0].chain[0]);
                let holds = async |certificate, half: usize| {
                    let signed = tls_showing(&client, "tls", certificate, handshake()).await;
                    let point = &halves[half].spki[26..];
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                        .verify(&handshake(), &signed.unwrap())
                        .unwrap();
                };
                let old = shown().await;
                holds(old, 0).await;

                config.keys[0] =
                    certified(dir, &authority, "tls", KeyUse::Tls, "new", &halves[1].spki);
                reload.keys(&config).await.unwrap();
                let new = shown().await;
                assert_ne!(old, new);
                holds(new, 1).await;
                holds(old, 0).await;
                // Read again without a change, the overlap goes on.
                reload.keys(&config).await.unwrap();
                holds(old, 0).await;

                let stranger = tls_showing(&client, "tls", Digest::of(b"none"), handshake()).await;
                let refused = stranger.unwrap_err();
                assert_eq!(refused.class(), Class::Refuse);
                assert!(refused.to_string().contains("no longer"), "{refused}");

                // A key that is taken out of the configuration signs no more.
                let other = certified(
                    dir,
                    &authority,
                    "other",
                    KeyUse::Tls,
                    "new",
                    &halves[1].spki,
                );
                config.keys = vec![other];
                reload.keys(&config).await.unwrap();
                let gone = tls_showing(&client, "tls", new, handshake()).await;
                assert_eq!(gone.unwrap_err().class(), Class::Refuse);

                stop.send(true).unwrap();
                serving.await.unwrap().unwrap();
            });
        },
    );
}
