//! A member's key used for another: requests forged by hand and sent straight to the signer's socket.
//!
//! On a shared box one relay serves all members, so that the kernel can't tell the askers apart: what keeps the members
//! apart is what the signer itself checks.

use std::path::Path;

use data_encoding::BASE64;
use hsm::KeyKind;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use trucgate::merkle::{leaf_hash, node_hash};
use trucgate::packet::Digest;
use trucgate::signer::config::{Config, Who};
use trucgate::signer::{KeyUse, SealAnswer, wire};

use crate::authority::{Authority, openssl_accepts};
use crate::process::{certified, configuration, leaf, request, with_signer};
use crate::token;

const OWN: &str = "000.00.00.H41";
const OTHER: &str = "000.00.00.H14";

/// Two members of one box, and the box's TLS key; the second member's key is for another user, too, if `guarded`.
fn shared_box(dir: &Path, guarded: bool) -> (Config, Authority) {
    let labels = ["seal-own", "seal-other", "tls"];
    let halves = token::furnish_with(labels.map(|label| (label, KeyKind::P256)));
    let authority = Authority::new();
    let uses = [KeyUse::Seal, KeyUse::Seal, KeyUse::Tls];
    let members = [OWN, OTHER, "00.03.W00"];
    let mut keys = Vec::new();
    for (((label, half), use_), member) in labels.into_iter().zip(halves).zip(uses).zip(members) {
        let mut key = certified(dir, &authority, label, use_, label, &half.spki);
        key.member = member.parse().unwrap();
        if guarded && member == OTHER {
            key.allow = vec![Who::Uid(4_000_000_000)];
        }
        keys.push(key);
    }
    (configuration(dir, token::module(), keys), authority)
}

/// Sends one frame as it stands and gives the answer's reply.
async fn raw(socket: &Path, text: &str) -> Value {
    use tokio::io::AsyncWriteExt;
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    stream
        .write_all(&[&length, text.as_bytes()].concat())
        .await
        .unwrap();
    let answer = wire::read(&mut stream, wire::LONGEST)
        .await
        .unwrap()
        .unwrap();
    serde_json::from_slice::<Value>(&answer).unwrap()["reply"].clone()
}

fn checkpoint(origin: &str, size: u64, root: &[u8]) -> String {
    format!("{origin}\n{size}\n{}\n", BASE64.encode(root))
}

fn seal(key: &str, checkpoint: &str, proof: &[&[u8]], from_size: u64) -> String {
    let proof: Vec<String> = proof.iter().map(|hash| BASE64.encode(hash)).collect();
    let seal = json!({
        "key": key, "checkpoint": BASE64.encode(checkpoint.as_bytes()), "proof": proof, "from_size": from_size,
    });
    json!({ "id": 1, "ask": { "seal": seal } }).to_string()
}

#[test]
fn no_forged_request_has_one_member_seal_for_another() {
    token::alone(
        "forged::no_forged_request_has_one_member_seal_for_another",
        |dir| {
            let (config, authority) = shared_box(dir, false);
            let (socket, heads) = (config.socket.clone(), config.heads.clone());
            with_signer(config, |client| async move {
                for (key, member) in [("seal-own", OWN), ("seal-other", OTHER)] {
                    let first = request(member, 1, leaf(1), 0, &[]);
                    let answer = client.seal(key, first.clone()).await.unwrap();
                    let SealAnswer::Signed { cms } = answer else {
                        panic!("{answer:?}")
                    };
                    assert!(openssl_accepts(&cms, &first.checkpoint, &authority.pem));
                }
                let keys = client.keys().await.unwrap();
                let certificate = Digest::of(&keys[2].chain[0]);
                let before = std::fs::read(heads.join(format!("{OTHER}.head"))).unwrap();
                let (two, grown) = (node_hash(&leaf(1), &leaf(2)), leaf(2));
                let of = |origin: &str| checkpoint(origin, 2, &two);
                let good = seal("seal-own", &of(OWN), &[&grown], 1);
                let mut named = serde_json::from_str::<Value>(&good).unwrap();
                named["ask"]["seal"]["member"] = json!(OTHER);
                let forged = [
                ("another's log under one's own key", seal("seal-own", &of(OTHER), &[&grown], 1)),
                ("one's own log under another's key", seal("seal-other", &of(OWN), &[&grown], 1)),
                ("a log of nobody", seal("seal-own", &of("000.00.00.H99"), &[&grown], 1)),
                ("the box's own log", seal("seal-own", &of("00.03.W00"), &[&grown], 1)),
                ("both in one line", seal("seal-own", &of(&format!("{OWN} {OTHER}")), &[&grown], 1)),
                ("a code that only looks the same", seal("seal-own", &of("000.00.00.Н41"), &[&grown], 1)),
                ("lower case", seal("seal-own", &of("000.00.00.h41"), &[&grown], 1)),
                ("a space behind", seal("seal-own", &of(&format!("{OWN} ")), &[&grown], 1)),
                ("a NUL behind", seal("seal-own", &of(&format!("{OWN}\0")), &[&grown], 1)),
                ("another's log behind one's own line", seal("seal-own", &format!("{OWN}\n{}", of(OTHER)), &[&grown], 1)),
                ("a carriage return", seal("seal-own", &of(OWN).replace('\n', "\r\n"), &[&grown], 1)),
                ("an empty origin", seal("seal-own", &of(""), &[&grown], 1)),
                ("a size with a sign", seal("seal-own", &of(OWN).replace("\n2\n", "\n+2\n"), &[&grown], 1)),
                ("the TLS key", seal("tls", &of("00.03.W00"), &[], 0)),
                ("a path as a key's name", seal("../seal-other", &of(OTHER), &[&grown], 1)),
                ("a PKCS#11 URI as a key's name", seal("pkcs11:object=seal-other", &of(OTHER), &[&grown], 1)),
                ("a rollback", seal("seal-own", &checkpoint(OWN, 0, &leaf(1)), &[], 0)),
                ("a fork", seal("seal-own", &checkpoint(OWN, 1, &grown), &[], 1)),
                ("a proof that proves nothing", seal("seal-own", &of(OWN), &[&[0; 32]], 1)),
                ("a proof of odd length", seal("seal-own", &of(OWN), &[b"short"], 1)),
                ("a member of one's own choice", named.to_string()),
                ("a second key in the frame", good.replace(r#""key":"seal-own""#, r#""key":"seal-own","key":"seal-other""#)),
                ("a checkpoint as a TLS message", json!({ "id": 1, "ask": { "tls": {
                    "key": "seal-other", "certificate": certificate, "scheme": "ecdsa_p256_sha256", "message": BASE64.encode(of(OTHER).as_bytes()),
                } } }).to_string()),
                ("a checkpoint under the TLS key", json!({ "id": 1, "ask": { "tls": {
                    "key": "tls", "certificate": certificate, "scheme": "ecdsa_p256_sha256", "message": BASE64.encode(of(OTHER).as_bytes()),
                } } }).to_string()),
            ];
                for (what, text) in &forged {
                    let reply = raw(&socket, text).await;
                    assert!(reply["refused"].is_string(), "{what}: {reply}");
                }
                // Nothing of it moved a ledger: the true next heads are signed from where both stood.
                assert_eq!(
                    std::fs::read(heads.join(format!("{OTHER}.head"))).unwrap(),
                    before
                );
                assert!(raw(&socket, &good).await["sealed"].is_string());
                let next = seal("seal-other", &of(OTHER), &[&grown], 1);
                assert!(raw(&socket, &next).await["sealed"].is_string());
            });
        },
    );
}

#[test]
fn a_user_has_no_way_to_a_key_of_another_user() {
    token::alone(
        "forged::a_user_has_no_way_to_a_key_of_another_user",
        |dir| {
            let (config, _) = shared_box(dir, true);
            let socket = config.socket.clone();
            with_signer(config, |client| async move {
                let keys = client.keys().await.unwrap();
                assert!(keys.iter().all(|key| key.name != "seal-other"), "{keys:?}");
                let root = leaf_hash(&[1]);
                let there = raw(
                    &socket,
                    &seal("seal-other", &checkpoint(OTHER, 1, &root), &[], 0),
                )
                .await;
                let not_there = raw(
                    &socket,
                    &seal("seal-nobody", &checkpoint(OTHER, 1, &root), &[], 0),
                )
                .await;
                // Whether there is such a key is not told.
                let [there, not_there] =
                    [there, not_there].map(|reply| reply["refused"].as_str().unwrap().to_owned());
                assert_eq!(
                    there.replace("seal-other", "KEY"),
                    not_there.replace("seal-nobody", "KEY")
                );
            });
        },
    );
}
