//! Bars of text: one line a value, or one value as a part of a whole. Pure; what it is drawn on is said.

use crate::screen::Screen;

/// Eighths of a column, the smallest first.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/// Bars shorter than this say nothing, so none are drawn.
const BAR_COLUMNS_MIN: usize = 8;
/// Columns of a bar in a table.
const METER_COLUMNS: usize = 20;

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// What stands before it.
    pub(crate) label: String,
    /// How long it is, zero or more.
    pub(crate) value: f64,
    /// The value in words, behind it.
    pub(crate) shown: String,
}

/// A chart that fits the screen: the longest bar has all the room there is. Without a screen, or where there is no
/// room for bars, labels and values alone.
pub(crate) fn bars(bars: &[Bar], screen: Option<Screen>) -> String {
    let width = |text: fn(&Bar) -> &str| {
        let texts = bars.iter().map(|bar| text(bar).chars().count());
        texts.max().unwrap_or(0)
    };
    let (labels, values) = (width(|bar| &bar.label), width(|bar| &bar.shown));
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let room = screen.map_or(0, |screen| {
        screen.columns.saturating_sub(labels + values + 4)
    });
    let mut text = String::new();
    for bar in bars {
        let (label, shown) = (&bar.label, &bar.shown);
        let line = match screen {
            Some(screen) if room >= BAR_COLUMNS_MIN => {
                let drawn = drawn(share(bar.value, most), room, screen.is_utf8);
                format!("{label:<labels$}  {drawn:<room$}  {shown:>values$}")
            }
            _ => format!("{label:<labels$}  {shown:>values$}"),
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A part of a whole as a bar of fixed length; more than the whole is the whole.
pub(crate) fn meter(part: f64, screen: Screen) -> String {
    let filled = drawn(part, METER_COLUMNS, screen.is_utf8);
    if screen.is_utf8 {
        format!("▕{filled:<METER_COLUMNS$}▏")
    } else {
        format!("[{filled:<METER_COLUMNS$}]")
    }
}

/// The part that a value is of the greatest.
fn share(value: f64, most: f64) -> f64 {
    if most > 0.0 { value / most } else { 0.0 }
}

/// A bar of this part of the room; what is more than nothing is seen.
fn drawn(share: f64, room: usize, is_utf8: bool) -> String {
    let steps = if is_utf8 { EIGHTHS.len() + 1 } else { 1 };
    let all = room * steps;
    let filled = (0..=all)
        .rev()
        .find(|count| reaches(*count, all, share))
        .unwrap_or(0)
        .max(usize::from(share > 0.0));
    let whole = if is_utf8 { '█' } else { '#' };
    let mut bar: String = std::iter::repeat_n(whole, filled / steps).collect();
    if let Some(part) = (filled % steps).checked_sub(1) {
        bar.extend(EIGHTHS.get(part));
    }
    bar
}

/// Whether so many of all steps are no more than the share, to the nearest.
fn reaches(count: usize, all: usize, share: f64) -> bool {
    let as_f64 = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
    as_f64(count) <= share.min(1.0) * as_f64(all) + 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days() -> Vec<Bar> {
        [
            ("Nov 21", 0.0),
            ("Nov 22", 0.001),
            ("Nov 23", 4.0),
            ("Nov 24", 1.0),
        ]
        .map(|(label, value)| Bar {
            label: label.to_owned(),
            value,
            shown: format!("${value}"),
        })
        .to_vec()
    }

    const fn screen(columns: usize, is_utf8: bool) -> Option<Screen> {
        Some(Screen { columns, is_utf8 })
    }

    #[test]
    fn the_longest_bar_has_all_the_room_and_what_is_more_than_nothing_is_seen() {
        insta::assert_snapshot!(bars(&days(), screen(40, true)), @r"
        Nov 21                                $0
        Nov 22  ▏                         $0.001
        Nov 23  ████████████████████████      $4
        Nov 24  ██████                        $1
        ");
    }

    #[test]
    fn without_utf8_bars_are_ascii() {
        let drawn = bars(&days(), screen(40, false));
        assert!(drawn.is_ascii(), "{drawn}");
        insta::assert_snapshot!(drawn, @r"
        Nov 21                                $0
        Nov 22  #                         $0.001
        Nov 23  ########################      $4
        Nov 24  ######                        $1
        ");
    }

    #[test]
    fn without_a_terminal_or_room_there_are_plain_rows() {
        let plain = bars(&days(), None);
        insta::assert_snapshot!(plain, @r"
        Nov 21      $0
        Nov 22  $0.001
        Nov 23      $4
        Nov 24      $1
        ");
        assert_eq!(bars(&days(), screen(20, true)), plain);
        assert_eq!(bars(&[], None), "");
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        for columns in 0..130 {
            for is_utf8 in [false, true] {
                let drawn = bars(&days(), screen(columns, is_utf8));
                let widest = drawn.lines().map(|line| line.chars().count()).max();
                // The plain rows are as narrow as it gets.
                assert!(widest.unwrap() <= columns.max(14), "{columns}: {drawn}");
            }
        }
    }

    #[test]
    fn a_meter_is_always_as_long() {
        let said = |part, is_utf8| {
            meter(
                part,
                Screen {
                    columns: 80,
                    is_utf8,
                },
            )
        };
        assert_eq!(said(0.5, false), "[##########          ]");
        assert_eq!(said(0.0, false), "[                    ]");
        assert_eq!(said(3.0, false), "[####################]");
        assert_eq!(said(0.0001, false), "[#                   ]");
        for part in [0.0, 0.01, 0.33, 0.5, 0.999, 1.0, 2.0] {
            assert_eq!(said(part, true).chars().count(), METER_COLUMNS + 2);
        }
    }
}
