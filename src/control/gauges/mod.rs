//! Gauges of what no walk owns: the signer and its keys, certificates, revocation material, time, open doors.

mod clock;
mod doors;
mod keys;
mod material;

pub use clock::Time;
pub use doors::Plain;
pub use keys::Keys;
pub(super) use keys::registered;
pub use material::Material;

use crate::clock::{Moment, local};
use crate::gauge::{End, Gauge, Kind, Lead, Level, Text};
use crate::trust::{Refusal, Summary, fingerprint, summary};

/// A certificate by its validity alone.
fn certificate(subject: String, der: &[u8], lead: Lead, now: Moment) -> Result<Gauge, Refusal> {
    let print = fingerprint(der);
    Ok(validity(subject, &summary(der)?, print, lead, now))
}

fn validity(
    subject: String,
    validity: &Summary,
    print: [u8; 32],
    lead: Lead,
    now: Moment,
) -> Gauge {
    let until = local(validity.not_after);
    let print = data_encoding::HEXLOWER.encode(&print);
    let mut gauge = Gauge::good(
        Kind::Certificate,
        subject,
        Text::new(
            format!("{}, có hiệu lực đến {until}", validity.subject),
            format!("serial {}, valid until {until}", validity.serial),
        ),
    );
    gauge.end = Some(End {
        id: format!("certificate {print}"),
        begun: validity.not_before,
        at: validity.not_after,
    });
    gauge.stops_at = Some(validity.not_after);
    let left = validity.not_after - now;
    let (level, days) = (lead.level(left), lead.authority.whole_days());
    if level == Level::Good {
        gauge.stops_at = None;
        return gauge;
    }
    let ask = validity.not_after - lead.authority;
    let unless = if now < ask {
        Text::new(
            format!(
                "xin chứng thư mới trước {} (cơ quan chứng thực cần {days} ngày), rồi `trucgate provision renew`",
                ask.date()
            ),
            format!(
                "a new certificate is asked for before {} (the authority takes {days} days), then `trucgate provision renew`",
                ask.date()
            ),
        )
    } else {
        Text::new(
            format!("xin chứng thư mới NGAY HÔM NAY: cơ quan chứng thực cần {days} ngày"),
            format!("a new certificate is asked for TODAY: the authority takes {days} days"),
        )
    };
    gauge.at(level, unless)
}
