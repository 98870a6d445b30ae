//! Configuration as it may be shown to those who help: what is not known to be harmless is left out.

use toml::{Table, Value};

/// What stands in the place of what was left out.
const REMOVED: &str = "(removed)";
/// Keys whose values are let through: names, addresses, paths, numbers. A secret never bears one of them, and a key that
/// is not here is one that nobody has looked at.
const KNOWN: &str = "\
    box code name names organization members member units systemid system state signer tls_key seal_key token module \
    label serial keys tls seal use heads token_label token_serial profile rsa_bits p384 seal_sessions tls_sessions \
    queue deadline_ms min_sign_time_ms standby after_ms same none sister run user allow \
    hub address enrolment listen software plain from control socket operators roles lead_days warning_days \
    agree_minutes clock_skew_minutes calls_per_minute max_packet_bytes max_recipients lease_seconds longest_poll_ms \
    polls_per_box directory_days silent_days cost \
    trust anchors intermediates revocation_lists stale_hours stale_then certificate certificates revocation lists \
    responders urls issuer ours nonce from_certificates answer_stale_hours refresh_hours longest_list_mib \
    fetch_seconds time_stamps every_seconds policy \
    relay same_submission_hours keep_days longest_document directory_hours directory_then reserve_bytes vxp systems \
    prefixes max_age_seconds ahead_seconds utc_offset_minutes max_document_bytes quota in_flight \
    in_flight_beside_quiet waiting wait_seconds per_second burst sources backup keep test \
    hostname network mac addresses gateway resolvers hosts clock servers ports peers to update url journal upload";
/// Tables whose keys are names that a person chose, with addresses behind them.
const NAMED: &[&str] = &["hosts"];
/// Shorter ones would be found in every text.
const SHORTEST: usize = 8;

/// Configuration without what is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// What may be shown; comments are not among it.
    pub text: String,
    /// What was left out: it may stand nowhere else either.
    pub removed: Vec<String>,
}

/// Leaves out of a TOML text what is not known to be harmless.
///
/// # Errors
/// That it is no TOML, without a word of what stands in it.
pub fn redact(text: &str) -> Result<Redacted, String> {
    let mut table: Table =
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())?;
    let mut removed = Vec::new();
    known(&mut table, false, &mut removed);
    let text = toml::to_string(&table).map_err(|error| error.to_string())?;
    removed.retain(|one| one.len() >= SHORTEST && one != REMOVED);
    Ok(Redacted { text, removed })
}

fn known(table: &mut Table, named: bool, removed: &mut Vec<String>) {
    for (key, value) in table.iter_mut() {
        if named || KNOWN.split_whitespace().any(|known| known == key) {
            shown(value, NAMED.contains(&key.as_str()), removed);
        } else {
            left_out(value, removed);
            *value = Value::String(REMOVED.to_owned());
        }
    }
}

fn shown(value: &mut Value, named: bool, removed: &mut Vec<String>) {
    match value {
        Value::Table(table) => known(table, named, removed),
        Value::Array(all) => all.iter_mut().for_each(|one| shown(one, named, removed)),
        Value::String(text) if text.contains("PRIVATE KEY") => {
            removed.push(std::mem::replace(text, REMOVED.to_owned()));
        }
        Value::String(text) => {
            if let Some(plain) = without_credentials(text, removed) {
                *text = plain;
            }
        }
        _ => {}
    }
}

/// A URL without who signs in there and without what is asked; nothing where there is neither.
fn without_credentials(text: &str, removed: &mut Vec<String>) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (who, host) = authority.rsplit_once('@').unzip();
    let (path, asked) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    if who.is_none() && asked.is_empty() {
        return None;
    }
    let whole = who
        .into_iter()
        .chain([asked.trim_start_matches(['?', '#'])]);
    for secret in whole {
        removed.push(secret.to_owned());
        removed.extend(secret.split([':', '=', '&']).map(str::to_owned));
    }
    let who = who.map_or(String::new(), |_| format!("{REMOVED}@"));
    let host = host.unwrap_or(authority);
    let asked = if asked.is_empty() { "" } else { "?(removed)" };
    Some(format!("{scheme}://{who}{host}{path}{asked}"))
}

fn left_out(value: &Value, removed: &mut Vec<String>) {
    match value {
        Value::String(text) => removed.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| left_out(one, removed)),
        Value::Table(table) => table.values().for_each(|one| left_out(one, removed)),
        _ => {}
    }
}

/// The bytes of another entry without what was left out of the configuration, should it stand there, too.
#[must_use]
pub fn without(bytes: Vec<u8>, removed: &[String]) -> Vec<u8> {
    let Ok(mut text) = String::from_utf8(bytes) else {
        return format!("{REMOVED}: not UTF-8\n").into_bytes();
    };
    for secret in removed {
        let escaped = serde_json::Value::from(secret.as_str()).to_string();
        let escaped = &escaped[1..escaped.len() - 1];
        for form in [secret.as_str(), escaped] {
            if text.contains(form) {
                text = text.replace(form, REMOVED);
            }
        }
    }
    text.into_bytes()
}
