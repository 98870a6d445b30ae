//! The token goes and comes back.

use crate::world;

use std::time::{Duration, Instant};

use hsm::{Class, Error, Hash, KeyName, Lane, Pin, Pool, Scheme, State};

fn sign(pool: &Pool) -> Result<Vec<u8>, Error> {
    pool.sign_blocking(
        Lane::Seal,
        KeyName::Label("rsa".into()),
        Scheme::RsaPkcs1(Hash::Sha256),
        vec![7; 32],
    )
}

#[test]
fn a_lost_token_serves_again_within_a_second_of_its_return() {
    world::alone(
        "recovery::a_lost_token_serves_again_within_a_second_of_its_return",
        |dir| {
            world::furnish();
            // It starts without a token and says so.
            let pool = Pool::start(world::config(world::client_module())).unwrap();
            world::wait_for(&pool, Duration::from_secs(5), |s| {
                matches!(s, State::Away(_))
            });
            assert_eq!(sign(&pool).unwrap_err().class(), Class::Retry);
            for _ in 0..3 {
                let server = world::Server::start(dir);
                let start = Instant::now();
                world::wait_for(&pool, Duration::from_secs(1), |s| {
                    matches!(s, State::Ready(_))
                });
                sign(&pool).unwrap();
                assert!(
                    start.elapsed() < Duration::from_secs(1),
                    "{:?}",
                    start.elapsed()
                );
                server.kill();
                let lost = sign(&pool).unwrap_err();
                assert_eq!(lost.class(), Class::Retry, "{lost}");
                world::wait_for(&pool, Duration::from_secs(1), |s| {
                    matches!(s, State::Away(_))
                });
            }

            // Gone and back while nobody asked: the first request does not notice.
            let server = world::Server::start(dir);
            world::wait_for(&pool, Duration::from_secs(1), |s| {
                matches!(s, State::Ready(_))
            });
            server.kill();
            let _server = world::Server::start(dir);
            sign(&pool).unwrap();
        },
    );
}

#[test]
fn a_token_that_hangs_is_waited_for_no_longer_than_told() {
    world::alone(
        "recovery::a_token_that_hangs_is_waited_for_no_longer_than_told",
        |dir| {
            world::furnish();
            let server = world::Server::start(dir);
            let mut config = world::config(world::client_module());
            config.deadline = Duration::from_millis(300);
            let pool = Pool::start(config).unwrap();
            sign(&pool).unwrap();
            server.hang(true);
            for _ in 0..5 {
                assert_eq!(sign(&pool), Err(Error::Late));
            }
            server.hang(false);
            let back = Instant::now();
            while sign(&pool).is_err() {
                assert!(back.elapsed() < Duration::from_secs(1));
            }
        },
    );
}

#[test]
fn a_wrong_pin_is_tried_once() {
    world::alone("recovery::a_wrong_pin_is_tried_once", |dir| {
        world::furnish();
        let _spied = world::Server::spied(dir);
        let mut config = world::config(world::client_module());
        config.pin = Pin::new("0000".into());
        let pool = Pool::start(config).unwrap();
        let state = world::wait_for(&pool, Duration::from_secs(5), |s| {
            matches!(s, State::Halted(_))
        });
        let State::Halted(Error::Pin(why)) = state else {
            panic!("{state:?}")
        };
        assert_eq!(why, "PinIncorrect");
        for _ in 0..100 {
            assert_eq!(sign(&pool).unwrap_err().class(), Class::Fatal);
        }
        drop(pool);
        assert_eq!(world::calls(dir, "C_Login"), 1);
    });
}

#[test]
fn a_process_ends_well_however_often() {
    const NAME: &str = "recovery::a_process_ends_well_however_often";
    if std::env::var_os("HSM_TEST_EXIT").is_some() {
        // Ends with requests under way and the last handle dropped.
        let pool = Pool::start(world::config(world::module())).unwrap();
        sign(&pool).unwrap();
        let askers: Vec<_> = (0..4)
            .map(|_| {
                let pool = pool.clone();
                std::thread::spawn(move || while sign(&pool).is_ok() {})
            })
            .collect();
        sign(&pool).unwrap();
        pool.stop();
        assert_eq!(sign(&pool), Err(Error::Stopped));
        return askers.into_iter().for_each(|asker| asker.join().unwrap());
    }
    world::alone(NAME, |_| {
        world::furnish();
        // One after the other: SoftHSM2 shows a torn token to processes that open it at the same moment.
        for round in 0..30 {
            let end = std::process::Command::new(std::env::current_exe().unwrap())
                .args([NAME, "--exact", "--nocapture"])
                .env("HSM_TEST_EXIT", "1")
                .stdout(std::process::Stdio::null())
                .status()
                .unwrap();
            assert!(end.success(), "round {round}: {end}");
        }
    });
}
