//! The trials themselves, each on a key made for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hsm::{
    Hash, KeyKind, KeyName, Login, Mechanism, Pin, Profile, Scheme, TokenDescription, Workbench,
};
use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::SubjectPublicKeyInfoRef;

use super::{Listener, Outcome, bad, good, note};

/// The test keys; no key of a box has such a label.
const KEYS: [(&str, &str, KeyKind); 2] = [
    (
        "RSA-2048",
        "trucgate-probe-rsa-2048",
        KeyKind::Rsa { bits: 2048 },
    ),
    ("P-256", "trucgate-probe-p-256", KeyKind::P256),
];
const MESSAGE: &[u8] = b"trucgate provision probe";
/// Sessions that are tried; no signer opens more.
const SESSIONS: usize = 64;
const THREADS: usize = 4;
/// Signatures of each thread.
const EACH: usize = 25;
/// ECDSA signatures whose halves begin with a zero byte are one in 128: enough to meet some.
const MANY: usize = 200;
const SPEED: Duration = Duration::from_secs(1);

/// Removes all test objects, whoever left them; gives their number.
pub(super) fn sweep(bench: &Workbench) -> Result<usize, String> {
    let mut swept = 0;
    for (_, label, _) in KEYS {
        swept += bench.destroy(&named(label)).map_err(|error| {
            format!("đối tượng thử «{label}» còn lại trong token / the test object is still there: {error}")
        })?;
    }
    Ok(swept)
}

/// A key that served its trials: what further ones sign with.
struct Served {
    called: &'static str,
    label: &'static str,
    scheme: Scheme,
    spki: Vec<u8>,
}

pub(super) fn all(
    bench: &Workbench,
    token: &TokenDescription,
    pin: &Pin,
    threads: bool,
    tell: &mut Listener<'_>,
) -> Outcome {
    let mut works = BTreeMap::new();
    let mut served = Vec::new();
    for (called, label, kind) in KEYS {
        if let Some(spki) = made(bench, called, label, kind, tell) {
            served.extend(signs(bench, (called, label), spki, &mut works, tell));
        }
    }
    let does = |one: &Mechanism| works.get(one.as_str()).copied().unwrap_or(false);
    let mut profile = Profile {
        mechanisms: Mechanism::ALL.into_iter().filter(does).collect(),
        threads: false,
        max_sessions: token.max_sessions,
        login: Login::Process,
    };
    let Some(key) = served.last() else {
        bad(
            tell,
            "không loại khoá nào dùng được: token này không ký thay cho cơ quan được / no kind of key serves: this token can't seal",
        );
        return Outcome {
            profile,
            fit: false,
        };
    };
    served.iter().for_each(|key| speed(bench, key, tell));
    profile.login = login_reach(bench, key, pin, tell);
    let sessions = sessions(bench, tell);
    if sessions < SESSIONS {
        profile.max_sessions = Some(sessions);
    }
    let own = (profile.login == Login::Session).then_some(pin);
    profile.threads = threads && together(bench, key, sessions, own, tell);
    if !threads {
        note(
            tell,
            "không thử nhiều luồng / threads were not tried (--no-threads)",
        );
    }
    Outcome { profile, fit: true }
}

/// A new pair whose private half can't leave; gives its public half.
fn made(
    bench: &Workbench,
    called: &str,
    label: &str,
    kind: KeyKind,
    tell: &mut Listener<'_>,
) -> Option<Vec<u8>> {
    let key = match bench.generate(label, label.as_bytes(), kind) {
        Ok(key) => key,
        Err(error) => {
            bad(
                tell,
                format!("{called}: không tạo được khoá / no key can be made: {error}"),
            );
            return None;
        }
    };
    if !(key.always_sensitive && key.never_extractable && key.local) {
        bad(
            tell,
            format!(
                "{called}: thuộc tính đọc lại không đảm bảo / attributes read back: always sensitive {}, never extractable {}, local {}",
                key.always_sensitive, key.never_extractable, key.local
            ),
        );
        return None;
    }
    good(
        tell,
        format!(
            "{called}: đã tạo khoá, luôn bí mật, không bao giờ xuất được / made, always sensitive, never extractable"
        ),
    );
    match bench.always_authenticates(&named(label)) {
        Ok(true) => {
            bad(
                tell,
                format!(
                    "{called}: khoá đòi PIN cho từng chữ ký (CKA_ALWAYS_AUTHENTICATE); tắt chế độ này trong token / \
                         asks for the PIN at each signature; switch that off in the token"
                ),
            );
            None
        }
        // A token that does not know the attribute does not ask either.
        Ok(false) | Err(_) => Some(key.public.spki),
    }
}

/// Tries every scheme of the key; gives the key if its first one serves.
fn signs(
    bench: &Workbench,
    (called, label): (&'static str, &'static str),
    spki: Vec<u8>,
    works: &mut BTreeMap<&'static str, bool>,
    tell: &mut Listener<'_>,
) -> Option<Served> {
    let schemes = if label == KEYS[0].1 {
        let hashes = [Hash::Sha256, Hash::Sha384, Hash::Sha512];
        let pkcs1 = hashes.map(Scheme::RsaPkcs1);
        [&pkcs1[..], &hashes.map(Scheme::RsaPss)].concat()
    } else {
        vec![Scheme::EcdsaP256]
    };
    let mut served = None;
    for scheme in schemes {
        let mechanism = scheme.mechanism();
        let what = format!("{called}, {} {}", mechanism.as_str(), hash_of(scheme));
        let fault = try_scheme(bench, label, scheme, &spki).err();
        let fine = works.entry(mechanism.as_str()).or_insert(true);
        *fine &= fault.is_none();
        match fault {
            None => good(tell, format!("{what}: chữ ký đúng / signatures verify")),
            Some(fault) => bad(tell, format!("{what}: {fault}")),
        }
        if *fine && served.is_none() && mechanism != Mechanism::RsaPkcsPss {
            served = Some(scheme);
        }
    }
    served.map(|scheme| Served {
        called,
        label,
        scheme,
        spki,
    })
}

fn try_scheme(bench: &Workbench, label: &str, scheme: Scheme, spki: &[u8]) -> Result<(), String> {
    let mechanism = scheme.mechanism();
    if !bench.lists(mechanism).map_err(super::told)? {
        return Err("token không có cơ chế này / the token does not list it".to_owned());
    }
    let times = if scheme == Scheme::EcdsaP256 { MANY } else { 1 };
    for _ in 0..times {
        let signed = bench
            .sign(&named(label), scheme, &digest_of(scheme))
            .map_err(super::told)?;
        if !verifies(scheme, spki, &signed) {
            return Err(
                "có trong danh sách nhưng chữ ký sai / listed, but the signature is wrong"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

fn login_reach(bench: &Workbench, key: &Served, pin: &Pin, tell: &mut Listener<'_>) -> Login {
    let name = named(key.label);
    let digest = digest_of(key.scheme);
    let Err(error) = bench.sign_in_another_session(&name, key.scheme, &digest) else {
        good(
            tell,
            "một lần đăng nhập đủ cho mọi phiên / one login serves all sessions",
        );
        return Login::Process;
    };
    match bench.sign_on_threads(&name, key.scheme, &digest, (1, 1), Some(pin)) {
        Ok(_) => {
            note(
                tell,
                format!("mỗi phiên phải tự đăng nhập / each session needs its own login ({error})"),
            );
            Login::Session
        }
        Err(again) => {
            bad(
                tell,
                format!("phiên thứ hai không ký được / a second session can't sign: {again}"),
            );
            Login::Process
        }
    }
}

fn sessions(bench: &Workbench, tell: &mut Listener<'_>) -> usize {
    let open = bench.count_sessions(SESSIONS).unwrap_or(1);
    let text = format!("phiên mở được cùng lúc / sessions at the same time: {open}");
    match open {
        SESSIONS.. => good(tell, format!("{text} (không thử hơn / no more were tried)")),
        2.. => note(tell, text),
        _ => note(
            tell,
            format!("{text}; niêm phong và TLS phải dùng chung / seals and TLS share it"),
        ),
    }
    open
}

fn speed(bench: &Workbench, key: &Served, tell: &mut Listener<'_>) {
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < SPEED {
        if bench
            .sign(&named(key.label), key.scheme, &digest_of(key.scheme))
            .is_err()
        {
            break;
        }
        count += 1;
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    note(
        tell,
        format!(
            "{}: {rate:.0} chữ ký mỗi giây trên một phiên / signatures a second in one session",
            key.called
        ),
    );
}

/// Several threads at once, each in its own session.
fn together(
    bench: &Workbench,
    key: &Served,
    sessions: usize,
    pin: Option<&Pin>,
    tell: &mut Listener<'_>,
) -> bool {
    let threads = THREADS.min(sessions.saturating_sub(1));
    if threads < 2 {
        note(
            tell,
            "quá ít phiên để thử nhiều luồng / too few sessions to try threads",
        );
        return false;
    }
    note(
        tell,
        format!(
            "thử {threads} luồng cùng lúc; nếu chương trình chết ở đây, chạy lại với --no-threads / \
             trying {threads} threads at once; should it end here, run it again with --no-threads"
        ),
    );
    let load = (threads, EACH);
    match bench.sign_on_threads(
        &named(key.label),
        key.scheme,
        &digest_of(key.scheme),
        load,
        pin,
    ) {
        Ok(all) if all.iter().all(|one| verifies(key.scheme, &key.spki, one)) => {
            good(
                tell,
                format!(
                    "{threads} luồng / threads: {} chữ ký đúng / signatures verify",
                    all.len()
                ),
            );
            true
        }
        Ok(_) => {
            bad(
                tell,
                "nhiều luồng: có chữ ký sai, sẽ gọi lần lượt / threads: wrong signatures, calls will take turns",
            );
            false
        }
        Err(error) => {
            bad(
                tell,
                format!("nhiều luồng, sẽ gọi lần lượt / threads, calls will take turns: {error}"),
            );
            false
        }
    }
}

fn named(label: &str) -> KeyName {
    KeyName::Label(label.to_owned())
}

fn hash_of(scheme: Scheme) -> &'static str {
    match scheme.hash() {
        Hash::Sha256 => "SHA-256",
        Hash::Sha384 => "SHA-384",
        Hash::Sha512 => "SHA-512",
    }
}

fn digest_of(scheme: Scheme) -> Vec<u8> {
    let algorithm = match scheme.hash() {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, MESSAGE).as_ref().to_vec()
}

fn verifies(scheme: Scheme, spki: &[u8], signed: &[u8]) -> bool {
    let algorithm: &dyn VerificationAlgorithm = match scheme {
        Scheme::RsaPkcs1(Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        Scheme::RsaPkcs1(Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        Scheme::RsaPkcs1(Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        Scheme::RsaPss(Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        Scheme::RsaPss(Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        Scheme::RsaPss(Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        Scheme::EcdsaP256 => &signature::ECDSA_P256_SHA256_ASN1,
    };
    SubjectPublicKeyInfoRef::try_from(spki).is_ok_and(|info| {
        UnparsedPublicKey::new(algorithm, info.subject_public_key.raw_bytes())
            .verify(MESSAGE, signed)
            .is_ok()
    })
}
