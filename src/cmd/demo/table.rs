//! A table in plain text, its columns aligned by characters and not by bytes.

/// One line of a table, or a remark below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A cell for each column.
    Cells(Vec<String>),
    /// Belongs to the line above.
    Remark(String),
    /// A rule.
    Rule,
}

/// Which side of its column a cell stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

const GAP: &str = "  ";

/// Lays lines out below each other; lines have no blanks at their ends.
pub(super) fn lay_out(sides: &[Side], lines: &[Line]) -> Vec<String> {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| match line {
            Line::Cells(cells) => cells.get(column),
            Line::Remark(_) | Line::Rule => None,
        });
        cells.map(|cell| columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let whole = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
    lines
        .iter()
        .map(|line| match line {
            Line::Rule => "─".repeat(whole),
            Line::Remark(text) => format!("  └ {text}"),
            Line::Cells(cells) => {
                let cells = cells.iter().zip(sides).zip(&widths);
                let padded: Vec<String> = cells
                    .map(|((cell, side), width)| pad(cell, *side, *width))
                    .collect();
                padded.join(GAP).trim_end().to_owned()
            }
        })
        .collect()
}

fn pad(cell: &str, side: Side, width: usize) -> String {
    let blanks = " ".repeat(width.saturating_sub(columns(cell)));
    match side {
        Side::Left => format!("{cell}{blanks}"),
        Side::Right => format!("{blanks}{cell}"),
    }
}

/// Columns that a text takes on a terminal: its characters, without marks that stand on the one before (U+0300 to U+036F,
/// as decomposed Vietnamese has them).
pub(super) fn columns(text: &str) -> usize {
    let stands = |c: &char| !('\u{300}'..='\u{36f}').contains(c);
    text.chars().filter(stands).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(cells: &[&str]) -> Line {
        Line::Cells(cells.iter().map(|&cell| cell.to_owned()).collect())
    }

    #[test]
    fn columns_are_characters_not_bytes() {
        assert_eq!(columns("Đà Nẵng"), 7);
        assert_eq!(columns("Nẵng"), columns("Na\u{306}\u{303}ng"));
        assert_eq!(columns("✓"), 1);
        assert_eq!(columns(""), 0);
    }

    #[test]
    fn cells_stand_below_each_other() {
        let lines = [
            cells(&["Văn bản", "Cỡ", "Đã lấy"]),
            Line::Rule,
            cells(&["1/VPCP-KSTT", "2,9 KB", "1/1"]),
            Line::Remark("một lời".to_owned()),
            cells(&["Thông tư", "60,0 MB", "3/3"]),
        ];
        let laid = lay_out(&[Side::Left, Side::Right, Side::Right], &lines);
        assert_eq!(
            laid,
            [
                "Văn bản           Cỡ  Đã lấy",
                "────────────────────────────",
                "1/VPCP-KSTT   2,9 KB     1/1",
                "  └ một lời",
                "Thông tư     60,0 MB     3/3",
            ]
        );
        let whole = columns(&laid[0]);
        for line in [1, 2, 4] {
            assert_eq!(columns(&laid[line]), whole, "{}", laid[line]);
        }
    }

    #[test]
    fn a_line_has_no_blanks_at_its_end() {
        let lines = [cells(&["a", "bbb"]), cells(&["a", ""])];
        assert_eq!(lay_out(&[Side::Left, Side::Left], &lines), ["a  bbb", "a"]);
    }

    #[test]
    fn nothing_is_laid_out_as_nothing() {
        assert!(lay_out(&[], &[]).is_empty());
    }
}
