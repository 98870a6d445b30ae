//! What verdicts rest on: revocation lists by their age, authorities by their validity.

use tokio::sync::watch;

use super::certificate;
use crate::clock::{Moment, local, rfc3339};
use crate::gauge::{End, Gauge, Kind, Lead, Level, Reading, Source, Text};
use crate::tls::Grounds;
use crate::trust::{ListState, Trust, summary};

/// Reads them.
#[derive(Debug)]
pub struct Material {
    grounds: watch::Receiver<Grounds>,
    lead: Lead,
}

impl Material {
    /// Of what `grounds` holds at the time of each reading.
    #[must_use]
    pub fn new(grounds: watch::Receiver<Grounds>, lead: Lead) -> Self {
        Self { grounds, lead }
    }
}

impl Source for Material {
    fn read(&self, now: Moment) -> Reading<'_> {
        let trust = self.grounds.borrow().trust.clone();
        let lists = trust.lists();
        let mut all: Vec<Gauge> = lists.iter().map(|state| list(state, now)).collect();
        all.extend(answers(&trust, now));
        for (der, what) in trust
            .anchors()
            .into_iter()
            .map(|der| (der, "CA gốc/anchor"))
            .chain(
                trust
                    .intermediates()
                    .into_iter()
                    .map(|der| (der, "CA trung gian/intermediate")),
            )
        {
            // What was loaded could be read.
            let serial = summary(&der).map(|one| one.serial).unwrap_or_default();
            all.extend(certificate(
                format!("{what} {serial}"),
                &der,
                self.lead,
                now,
            ));
        }
        Box::pin(std::future::ready(all))
    }
}

/// All OCSP answers as one: an exchange has thousands. The oldest one says when traffic stops for somebody.
fn answers(trust: &Trust, now: Moment) -> Option<Gauge> {
    let (states, missing) = (trust.answers(), trust.unanswered());
    let oldest = states.iter().min_by_key(|state| state.next_update);
    if oldest.is_none() && missing == 0 {
        return None;
    }
    let count = |fits: fn(&crate::trust::AnswerState) -> bool| {
        states.iter().filter(|state| fits(state)).count()
    };
    let (all, revoked) = (states.len(), count(|state| state.revoked));
    let unknown = count(|state| !state.known);
    let gauge = Gauge::good(
        Kind::Revocation,
        "OCSP",
        Text::new(
            format!(
                "{all} câu trả lời, {revoked} bị thu hồi, {unknown} không biết, {missing} chưa có"
            ),
            format!("{all} answers, {revoked} revoked, {unknown} unknown, {missing} still missing"),
        ),
    );
    let mend = Text::new(
        "kiểm tra máy trả lời OCSP và đường tới nó; câu trả lời mới được tự lấy",
        "check the OCSP responder and the line to it; newer answers are fetched by themselves",
    );
    let Some(oldest) = oldest else {
        return Some(gauge.at(Level::Warning, mend));
    };
    let mut gauge = gauge.aged((now - oldest.this_update).try_into().ok());
    if now <= oldest.next_update && missing == 0 {
        return Some(gauge);
    }
    if now > oldest.next_update {
        gauge.stops_at = trust.answers_stop_at(oldest.next_update);
    }
    let over = gauge.stops_at.is_some_and(|stops| now > stops);
    let level = if over { Level::Stops } else { Level::Warning };
    Some(gauge.at(level, mend))
}

fn list(state: &ListState, now: Moment) -> Gauge {
    let until = state.next_update.map_or_else(String::new, local);
    let mut gauge = Gauge::good(
        Kind::Revocation,
        state.issuer.clone(),
        Text::new(
            format!("{} số bị thu hồi, bản kế tiếp trước {until}", state.revoked),
            format!("{} revoked, next list before {until}", state.revoked),
        ),
    )
    .aged((now - state.this_update).try_into().ok());
    let Some(at) = state.stops_at.or(state.next_update) else {
        return gauge;
    };
    gauge.end = Some(End {
        id: format!(
            "revocation list of {} made {}",
            state.issuer,
            rfc3339(state.this_update)
        ),
        begun: state.this_update,
        at,
    });
    if state.next_update.is_none_or(|due| now <= due) {
        return gauge;
    }
    gauge.stops_at = state.stops_at;
    let level = if state.stops_at.is_some_and(|stops| now > stops) {
        Level::Stops
    } else {
        Level::Warning
    };
    gauge.at(
        level,
        Text::new(
            "có danh sách thu hồi mới: kiểm tra nguồn tải hoặc chép tệp mới rồi nạp lại cấu hình",
            "a newer list is at hand: check its source, or put the file in place and reload",
        ),
    )
}
