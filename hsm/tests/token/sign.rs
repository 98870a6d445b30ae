//! What a real token signs, ring verifies.

use crate::world;

use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use hsm::{Class, Error, Hash, KeyName, Lane, Pool, Scheme, State, Workbench};
use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

fn label(name: &str) -> KeyName {
    KeyName::Label(name.into())
}

fn hash(hash: Hash, message: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, message).as_ref().to_vec()
}

/// ring takes the bare key: what follows SubjectPublicKeyInfo's algorithm and the count of unused bits.
fn verify(alg: &'static dyn VerificationAlgorithm, spki: &[u8], message: &[u8], sig: &[u8]) {
    let bare = if spki.len() == 91 {
        &spki[26..]
    } else {
        &spki[24..]
    };
    UnparsedPublicKey::new(alg, bare)
        .verify(message, sig)
        .unwrap_or_else(|_| panic!("{alg:?} {sig:02x?}"));
}

#[test]
fn every_scheme_is_verified_by_another_library() {
    world::alone("sign::every_scheme_is_verified_by_another_library", |_| {
        let [rsa, ec] = world::furnish();
        let pool = Pool::start(world::config(world::module())).unwrap();
        assert!(matches!(
            Workbench::open(&world::module()),
            Err(Error::InUse)
        ));
        let cases: [(&str, Scheme, &'static dyn VerificationAlgorithm); 6] = [
            (
                "rsa",
                Scheme::RsaPkcs1(Hash::Sha256),
                &signature::RSA_PKCS1_2048_8192_SHA256,
            ),
            (
                "rsa",
                Scheme::RsaPkcs1(Hash::Sha384),
                &signature::RSA_PKCS1_2048_8192_SHA384,
            ),
            (
                "rsa",
                Scheme::RsaPkcs1(Hash::Sha512),
                &signature::RSA_PKCS1_2048_8192_SHA512,
            ),
            (
                "rsa",
                Scheme::RsaPss(Hash::Sha256),
                &signature::RSA_PSS_2048_8192_SHA256,
            ),
            (
                "rsa",
                Scheme::RsaPss(Hash::Sha384),
                &signature::RSA_PSS_2048_8192_SHA384,
            ),
            (
                "rsa",
                Scheme::RsaPss(Hash::Sha512),
                &signature::RSA_PSS_2048_8192_SHA512,
            ),
        ];
        for (key, scheme, alg) in cases {
            let digest = hash(scheme.hash(), b"message");
            let sig = pool
                .sign_blocking(Lane::Tls, label(key), scheme, digest)
                .unwrap();
            verify(alg, &rsa.spki, b"message", &sig);
        }
        // One in two halves begins with a set bit; one signature in 512 is short since a half begins with a zero byte and
        // the other with none set: 2,000 meet the first for certain, and the second all but always.
        let mut short = 0;
        for round in 0..20_000_u32 {
            if round >= 2_000 && short > 0 {
                break;
            }
            let message = round.to_be_bytes();
            let digest = hash(Hash::Sha256, &message);
            let name = KeyName::Id(b"ec".to_vec());
            let sig = pool
                .sign_blocking(Lane::Seal, name, Scheme::EcdsaP256, digest)
                .unwrap();
            short += u32::from(sig.len() < 70);
            verify(&signature::ECDSA_P256_SHA256_ASN1, &ec.spki, &message, &sig);
        }
        assert!(short > 0, "no half with a leading zero was met");

        let read = world::runtime()
            .block_on(pool.public_key(label("rsa")))
            .unwrap();
        assert_eq!(read, rsa);
        for (name, scheme, digest) in [
            ("none", Scheme::EcdsaP256, 32),
            ("ec", Scheme::RsaPkcs1(Hash::Sha256), 32),
            ("rsa", Scheme::EcdsaP256, 32),
            ("rsa", Scheme::RsaPss(Hash::Sha256), 31),
        ] {
            let refused = pool
                .sign_blocking(Lane::Seal, label(name), scheme, vec![0; digest])
                .unwrap_err();
            assert_eq!(refused.class(), Class::Refuse, "{refused}");
        }
        pool.stop();
        assert_eq!(*pool.watch().borrow(), State::Stopped);
    });
}

#[test]
fn a_slowed_token_gives_fifty_a_second_and_strangers_do_not_starve_seals() {
    world::alone(
        "sign::a_slowed_token_gives_fifty_a_second_and_strangers_do_not_starve_seals",
        |_| {
            world::furnish();
            let mut config = world::config(world::module());
            config.min_sign_time = Some(Duration::from_millis(20));
            config.queue = 100;
            let pool = Pool::start(config).unwrap();
            world::wait_for(&pool, Duration::from_secs(5), |s| {
                matches!(s, State::Ready(_))
            });
            let digest = hash(Hash::Sha256, b"x");
            let sign = |lane| pool.sign(lane, label("ec"), Scheme::EcdsaP256, digest.clone());
            world::runtime().block_on(async {
                let start = Instant::now();
                // Strangers come until the lane is full; polled once, each stands in its queue.
                let mut strangers = Vec::new();
                loop {
                    let mut stranger = Box::pin(sign(Lane::Tls));
                    match poll_once(stranger.as_mut()).await {
                        Poll::Pending => strangers.push(stranger),
                        Poll::Ready(refused) => break assert_eq!(refused, Err(Error::Busy)),
                    }
                }
                assert!(strangers.len() >= 100, "{}", strangers.len());
                for _ in 0..10 {
                    sign(Lane::Seal).await.unwrap();
                }
                let ten = start.elapsed();
                assert!(ten > Duration::from_millis(200), "{ten:?}");
                assert!(ten < Duration::from_millis(1_000), "seals starved: {ten:?}");
                for stranger in strangers {
                    stranger.await.unwrap();
                }
                assert!(start.elapsed() >= Duration::from_millis(20 * 100));
            });
        },
    );
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}
