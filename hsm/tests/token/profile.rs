//! A profile is heeded: what it excludes is not used, and no more is asked of the token than it bears.

use crate::world;

use hsm::{Class, Hash, KeyName, Lane, Login, Mechanism, Pool, Profile, Scheme};

/// Requests of several threads in both lanes, all of them answered.
fn load(pool: &Pool) {
    std::thread::scope(|scope| {
        for lane in [Lane::Seal, Lane::Tls, Lane::Seal, Lane::Tls] {
            scope.spawn(move || {
                for _ in 0..25 {
                    let name = KeyName::Label("ec".into());
                    pool.sign_blocking(lane, name, Scheme::EcdsaP256, vec![7; 32])
                        .unwrap();
                }
            });
        }
    });
}

#[test]
fn a_configured_profile_is_heeded() {
    world::alone("profile::a_configured_profile_is_heeded", |dir| {
        world::furnish();
        for (most, login, sessions, logins) in [
            (Some(1), Login::Session, 1, 1),
            (Some(2), Login::Session, 2, 2),
            (None, Login::Session, 3, 3),
            (None, Login::Process, 3, 1),
        ] {
            let spied = world::Server::spied(dir);
            let mut config = world::config(world::client_module());
            config.profile = Some(Profile {
                mechanisms: vec![Mechanism::RsaPkcs, Mechanism::Ecdsa],
                threads: false,
                max_sessions: most,
                login,
            });
            let pool = Pool::start(config).unwrap();
            load(&pool);
            let rsa = |scheme| {
                let name = KeyName::Label("rsa".into());
                pool.sign_blocking(Lane::Seal, name, scheme, vec![7; 32])
            };
            rsa(Scheme::RsaPkcs1(Hash::Sha256)).unwrap();
            let refused = rsa(Scheme::RsaPss(Hash::Sha256)).unwrap_err();
            assert_eq!(refused.class(), Class::Refuse);
            assert!(
                refused.to_string().contains("CKM_RSA_PKCS_PSS"),
                "{refused}"
            );
            drop(pool);
            // Sessions before that are p11-kit's own, which looks at each token.
            let calls = std::fs::read_to_string(dir.join("spy")).unwrap();
            let own = calls.rsplit(": C_GetMechanismList\n").next().unwrap();
            let seen = ["OpenSession", "Login"].map(|c| own.matches(&format!(": C_{c}\n")).count());
            assert_eq!(seen, [sessions, logins], "{most:?} {login:?}");
            spied.forget(dir);
        }
    });
}

#[test]
fn a_known_token_needs_no_configured_profile() {
    world::alone("profile::a_known_token_needs_no_configured_profile", |_| {
        world::furnish();
        let pool = Pool::start(world::config(world::module())).unwrap();
        load(&pool);
        let name = KeyName::Label("rsa".into());
        pool.sign_blocking(Lane::Tls, name, Scheme::RsaPss(Hash::Sha256), vec![7; 32])
            .unwrap();
    });
}
