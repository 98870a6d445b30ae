//! Contradictions that real documents carry: kept, shown, never refused, for no routing rests on them.

use super::collected::Collected;
use crate::packet::invalid::excerpt;
use crate::packet::{Kind, MemberId};

/// Notes what does not fit together in a header.
pub(super) fn judge(read: &mut Collected, from: &MemberId, kind: Kind) {
    let mut notes = Vec::new();
    for (what, date) in [
        ("PromulgationDate", &read.promulgated),
        ("DueDate", &read.due),
    ] {
        if let Some(date) = date.as_deref().filter(|date| !is_date(date)) {
            notes.push(format!("{what} {} is no date", excerpt(date)));
        }
    }
    if let Some(number) = &read.number
        && !number.bytes().all(|byte| byte.is_ascii_digit())
    {
        notes.push(format!("CodeNumber {} is no number", excerpt(number)));
    }
    if kind != Kind::Status {
        if read.number.is_none() && read.notation.is_none() {
            notes.push("no Code: the document has no number and notation".to_owned());
        }
        if let Some(document) = &read.document {
            judge_document(document, read, from, &mut notes);
        }
    }
    for note in notes {
        read.note(note);
    }
}

/// DocumentId is `CODE,YYYY/MM/DD,NUMBER/NOTATION`, or in newer software a UUID.
fn judge_document(document: &str, read: &Collected, from: &MemberId, notes: &mut Vec<String>) {
    let mut parts = document.splitn(3, ',').map(str::trim);
    let (Some(organ), Some(date), Some(code)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    if organ != from.as_str() {
        notes.push(format!(
            "DocumentId names {}, not the sender {from}",
            excerpt(organ)
        ));
    }
    if !is_date(date) {
        notes.push(format!(
            "the date {} in DocumentId is no date",
            excerpt(date)
        ));
    } else if read
        .promulgated
        .as_deref()
        .is_some_and(|other| other != date)
    {
        notes.push("DocumentId and PromulgationDate differ".to_owned());
    }
    if let (Some(number), Some(notation)) = (&read.number, &read.notation)
        && code != format!("{number}/{notation}")
    {
        notes.push("DocumentId and Code differ".to_owned());
    }
}

/// Whether a text is a day of the calendar as `YYYY/MM/DD`.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '/');
    let mut part = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else {
        return false;
    };
    let month = u8::try_from(month)
        .ok()
        .and_then(|month| time::Month::try_from(month).ok());
    match (month, u8::try_from(day)) {
        (Some(month), Ok(day)) => {
            time::Date::from_calendar_date(i32::from(year), month, day).is_ok()
        }
        _ => false,
    }
}
