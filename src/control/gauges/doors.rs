//! Doors that protect nothing, a risk that somebody has declared.

use std::net::{IpAddr, SocketAddr};

use crate::clock::Moment;
use crate::gauge::{Gauge, Kind, Level, Reading, Source, Text};

/// Plain HTTP towards software.
#[derive(Clone, Debug)]
pub struct Plain {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who may use it.
    pub from: Vec<IpAddr>,
}

impl Source for Plain {
    fn read(&self, _: Moment) -> Reading<'_> {
        let from: Vec<String> = self.from.iter().map(ToString::to_string).collect();
        let from = from.join(", ");
        let gauge = Gauge::good(
            Kind::Door,
            self.listen.to_string(),
            Text::new(
                format!("mở cho {from}: ai nghe được mạng này đọc được văn bản"),
                format!("open for {from}: whoever listens on that network reads the documents"),
            ),
        )
        .at(
            Level::Risk,
            Text::new(
                "chuyển phần mềm sang HTTPS rồi bỏ mục software.plain",
                "move the software to HTTPS, then take software.plain out",
            ),
        );
        Box::pin(std::future::ready(vec![gauge]))
    }
}
