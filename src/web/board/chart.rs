//! Documents by day, drawn twice: once for a wide page, once for a phone.

use super::super::html::{esc, put};
use super::super::language::Language;
use crate::hub::statistics::{Daily, Day, Picture};

/// One drawing's measures.
struct Canvas {
    class: &'static str,
    width: u32,
    height: u32,
    /// Room for the scale.
    left: u32,
    /// Bars at most: more days than that are joined.
    bars: usize,
    /// Dates along the bottom.
    dates: usize,
}

const WIDE: Canvas = Canvas {
    class: "wide",
    width: 1_080,
    height: 300,
    left: 64,
    bars: 370,
    dates: 8,
};
const NARROW: Canvas = Canvas {
    class: "narrow",
    width: 380,
    height: 260,
    left: 52,
    bars: 62,
    dates: 3,
};
const TOP: u32 = 14;
const BOTTOM: u32 = 30;

/// Some days together.
struct Bar {
    first: Day,
    sent: u64,
    received: u64,
}

pub(super) fn days(out: &mut String, picture: &Picture, l: Language) {
    put!(*out, "<figure class=\"chart\">");
    for canvas in [WIDE, NARROW] {
        draw(out, &canvas, picture, l);
    }
    put!(
        *out,
        "<figcaption><span><span class=\"key received\"></span>{}</span><span><span class=\"key sent\"></span>{}</span></figcaption></figure>\n",
        l.say("nhận", "received"),
        l.say("gửi", "sent"),
    );
}

fn joined(days: &[Daily], bars: usize) -> (usize, Vec<Bar>) {
    let each = days.len().div_ceil(bars).max(1);
    let all = days
        .chunks(each)
        .map(|chunk| Bar {
            first: chunk[0].day,
            sent: chunk.iter().map(|day| day.documents.sent).sum(),
            received: chunk.iter().map(|day| day.documents.delivered).sum(),
        })
        .collect();
    (each, all)
}

/// Steps of the scale at most.
const STEPS: u64 = 5;

/// The smallest round number, 1, 2 or 5 with zeros, so few of whose steps hold the highest bar.
fn step(highest: u64) -> u64 {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if step * factor * STEPS >= highest {
                return step * factor;
            }
        }
        step *= 10;
    }
}

fn draw(out: &mut String, canvas: &Canvas, picture: &Picture, l: Language) {
    let (each, bars) = joined(&picture.days, canvas.bars);
    let highest = bars
        .iter()
        .map(|bar| bar.received.max(bar.sent))
        .max()
        .unwrap_or(0);
    let step = step(highest);
    let lines = u32::try_from(highest.div_ceil(step)).unwrap_or(1).max(2);
    let (floor, tall) = (canvas.height - BOTTOM, canvas.height - BOTTOM - TOP);
    let (width, height, class) = (canvas.width, canvas.height, canvas.class);
    let title = l.say(
        "Số văn bản gửi và nhận theo ngày",
        "Documents sent and received by day",
    );
    let peak = bars.iter().max_by_key(|bar| bar.received);
    let described = peak.map_or_else(String::new, |bar| match l {
        Language::Vi => format!(
            "Nhiều nhất: {} văn bản nhận, {}.",
            l.number(bar.received),
            bar.first.vi()
        ),
        Language::En => format!(
            "The most: {} received, {}.",
            l.number(bar.received),
            bar.first.en()
        ),
    });
    put!(
        *out,
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{} {}\">",
        esc(title),
        esc(&described),
    );
    for line in 0..=lines {
        let y = floor - tall * line / lines;
        put!(
            *out,
            "<line x1=\"{}\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\" class=\"grid\"/><text x=\"{}\" y=\"{}\" class=\"scale\">{}</text>",
            canvas.left,
            canvas.left - 8,
            y + 4,
            l.number(step * u64::from(line)),
        );
    }
    bars_of(
        out,
        canvas,
        &bars,
        (step * u64::from(lines), floor, tall),
        l,
    );
    if each > 1 {
        let note = match l {
            Language::Vi => format!("mỗi cột {each} ngày"),
            Language::En => format!("{each} days a bar"),
        };
        put!(
            *out,
            "<text x=\"{width}\" y=\"{}\" class=\"edge\">{note}</text>",
            TOP - 3
        );
    }
    put!(*out, "</svg>\n");
}

#[expect(clippy::cast_precision_loss, reason = "pixels")]
fn bars_of(
    out: &mut String,
    canvas: &Canvas,
    bars: &[Bar],
    (top, floor, tall): (u64, u32, u32),
    l: Language,
) {
    let slot = f64::from(canvas.width - canvas.left) / bars.len().max(1) as f64;
    let wide = (slot * 0.76).min(26.0);
    let high = |count: u64| count as f64 / top.max(1) as f64 * f64::from(tall);
    let every = bars.len().div_ceil(canvas.dates).max(1);
    for (at, bar) in bars.iter().enumerate() {
        let x = f64::from(canvas.left) + slot * at as f64 + (slot - wide) / 2.0;
        put!(
            *out,
            "<g><title>{}: {} {}, {} {}</title>",
            l.day(bar.first),
            l.number(bar.sent),
            l.say("gửi", "sent"),
            l.number(bar.received),
            l.say("nhận", "received"),
        );
        for (class, count) in [("received", bar.received), ("sent", bar.sent)] {
            if count > 0 {
                let tall = high(count).max(1.0);
                let y = f64::from(floor) - tall;
                put!(
                    *out,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\" class=\"{class}\"/>"
                );
            }
        }
        put!(*out, "</g>");
        if at % every == 0 && bars.len() - at > every / 2 {
            let date = bar.first.date();
            let text = format!("{:02}/{:02}", date.day(), u8::from(date.month()));
            let text = if l == Language::En {
                let month = date.month().to_string();
                format!("{} {}", date.day(), &month[..3])
            } else {
                text
            };
            put!(
                *out,
                "<text x=\"{:.1}\" y=\"{}\" class=\"date\">{text}</text>",
                x + wide / 2.0,
                canvas.height - 10,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn the_scale_is_round_and_holds_the_highest() {
        for (highest, wanted) in [
            (0, 1),
            (5, 1),
            (6, 2),
            (25, 5),
            (26, 10),
            (8_670, 2_000),
            (12_257, 5_000),
        ] {
            assert_eq!(step(highest), wanted, "{highest}");
        }
    }
}
