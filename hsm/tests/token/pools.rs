//! Two pools in one process: of two modules, and of one module with two tokens.

use crate::world;

use std::time::{Duration, Instant};

use hsm::{Config, Error, KeyKind, KeyName, Lane, Pool, Scheme, State, TokenName, Workbench};

fn sign(pool: &Pool) -> Result<Vec<u8>, Error> {
    let name = KeyName::Label("ec".into());
    pool.sign_blocking(Lane::Seal, name, Scheme::EcdsaP256, vec![7; 32])
}

#[test]
fn a_lost_token_is_none_of_another_modules_business() {
    world::alone(
        "pools::a_lost_token_is_none_of_another_modules_business",
        |dir| {
            world::furnish();
            let first = world::Server::of_copy(dir);
            let far = Pool::start(world::config(world::client_module())).unwrap();
            let near = Pool::start(world::config(world::module())).unwrap();
            sign(&far).unwrap();
            sign(&near).unwrap();
            first.kill();
            assert!(sign(&far).is_err());
            let State::Ready(life) = *near.watch().borrow() else {
                panic!("{near:?}")
            };
            for _ in 0..100 {
                sign(&near).unwrap();
            }
            let _first = world::Server::of_copy(dir);
            let back = Instant::now();
            while sign(&far).is_err() {
                assert!(back.elapsed() < Duration::from_secs(1));
            }
            assert_eq!(*near.watch().borrow(), State::Ready(life));
        },
    );
}

#[test]
fn two_tokens_of_a_module_come_and_go_apart() {
    world::alone("pools::two_tokens_of_a_module_come_and_go_apart", |_| {
        world::furnish();
        world::furnish_another("hộp 2", [("ec", KeyKind::P256)]);
        let of = |label: &str| Config {
            token: TokenName::Label(label.into()),
            ..world::config(world::module())
        };
        let stays = Pool::start(of(world::LABEL)).unwrap();
        sign(&stays).unwrap();
        // Looked for again and again while the other serves, and then one that comes and goes.
        let missing = Pool::start(of("hộp 3")).unwrap();
        for _ in 0..3 {
            let goes = Pool::start(of("hộp 2")).unwrap();
            sign(&goes).unwrap();
            sign(&stays).unwrap();
            drop(goes);
            sign(&stays).unwrap();
        }
        world::wait_for(&missing, Duration::from_secs(5), |state| {
            matches!(state, State::Away(_))
        });
        assert_eq!(*stays.watch().borrow(), State::Ready(1));
        assert!(matches!(
            Workbench::open(&world::module()),
            Err(Error::InUse)
        ));
        drop((stays, missing));
        let bench = Workbench::open(&world::module()).unwrap();
        assert!(matches!(Pool::start(of(world::LABEL)), Err(Error::InUse)));
        drop(bench);
        sign(&Pool::start(of(world::LABEL)).unwrap()).unwrap();
    });
}
