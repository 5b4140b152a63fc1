//! Colours, line styles and marks: one set for light paper, one for dark, and shapes for whoever sees neither.
//!
//! A chart is drawn in the light set's colours. The page's style then finds each of them by its value and replaces it by a variable, so
//! one drawing serves both sets; cut out of the page it still shows the light one.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// What something is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Words.
    Text,
    /// Words that stand back: ticks, captions.
    Muted,
    /// Grid lines.
    Grid,
    /// Grid lines between grid lines.
    Faint,
    /// Words on a series' colour.
    Paper,
    /// What is shaded: warm-up.
    Shade,
    /// One of several: variants, percentiles, stages. More than [`SERIES`] begin again.
    Series(usize),
}

/// Series that can be told apart.
pub(super) const SERIES: usize = 6;

struct Colour {
    name: &'static str,
    light: (u8, u8, u8),
    dark: (u8, u8, u8),
}

const fn colour(name: &'static str, light: (u8, u8, u8), dark: (u8, u8, u8)) -> Colour {
    Colour { name, light, dark }
}

// Of each pair the contrast with its paper is at least 4.5, grids excepted. The light ones differ from each other in every value that the
// style looks for.
const TEXT: Colour = colour("text", (0x1a, 0x1d, 0x21), (0xe6, 0xe8, 0xeb));
const MUTED: Colour = colour("muted", (0x5a, 0x62, 0x6c), (0xa3, 0xab, 0xb5));
const GRID: Colour = colour("grid", (0xd4, 0xd8, 0xdd), (0x3d, 0x43, 0x4b));
const FAINT: Colour = colour("faint", (0xec, 0xee, 0xf1), (0x29, 0x2e, 0x34));
const PAPER: Colour = colour("paper", (0xfe, 0xfe, 0xfe), (0x14, 0x17, 0x1b));
const SHADE: Colour = colour("shade", (0xe3, 0xe7, 0xec), (0x2b, 0x31, 0x39));
const IN_TURN: [Colour; SERIES] = [
    colour("s0", (0x0b, 0x5c, 0xb8), (0x6c, 0xb2, 0xff)),
    colour("s1", (0xb3, 0x46, 0x08), (0xff, 0xa1, 0x5e)),
    colour("s2", (0x0a, 0x73, 0x47), (0x4f, 0xd1, 0x9b)),
    colour("s3", (0x78, 0x34, 0xa6), (0xcf, 0xa2, 0xff)),
    colour("s4", (0x6b, 0x5b, 0x00), (0xe0, 0xc8, 0x4a)),
    colour("s5", (0xa6, 0x12, 0x4e), (0xff, 0x86, 0xb8)),
];
/// Dashes and the room between them, tenths of a pixel; none: a whole line.
const DASHES: [&str; SERIES] = ["", "80 40", "20 35", "140 35 20 35", "50 25 20 25", "200 50"];

impl Ink {
    fn colour(self) -> &'static Colour {
        match self {
            Self::Text => &TEXT,
            Self::Muted => &MUTED,
            Self::Grid => &GRID,
            Self::Faint => &FAINT,
            Self::Paper => &PAPER,
            Self::Shade => &SHADE,
            Self::Series(nth) => &IN_TURN[nth % SERIES],
        }
    }

    /// What it is drawn in.
    pub(super) fn rgb(self) -> RGBColor {
        let (red, green, blue) = self.colour().light;
        RGBColor(red, green, blue)
    }

    /// The name of its variable in the style.
    pub(super) fn variable(self) -> &'static str {
        self.colour().name
    }

    /// The dashes of a series' lines, as SVG has them.
    pub(super) fn dashes(self) -> &'static str {
        match self {
            Self::Series(nth) => DASHES[nth % SERIES],
            _ => "",
        }
    }
}

/// The part of the style that is made of the table above.
pub(super) fn style() -> String {
    let single = [Ink::Text, Ink::Muted, Ink::Grid, Ink::Faint, Ink::Paper, Ink::Shade];
    let inks = || single.into_iter().chain((0..SERIES).map(Ink::Series));
    let hex = |(red, green, blue): (u8, u8, u8)| format!("#{red:02X}{green:02X}{blue:02X}");
    let variables = |dark: bool| {
        let value = |colour: &Colour| hex(if dark { colour.dark } else { colour.light });
        inks().map(|ink| format!("--{}:{}", ink.variable(), value(ink.colour()))).collect::<Vec<_>>().join(";")
    };
    let mut style = format!(":root{{{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n", variables(false), variables(true));
    // Paper is paper, also where the screen is dark.
    let _ = writeln!(style, "@media print{{:root{{{}}}}}", variables(false));
    for ink in inks() {
        let (hex, variable) = (hex(ink.colour().light), ink.variable());
        let _ = writeln!(style, ".chart [fill=\"{hex}\"]{{fill:var(--{variable})}}.chart [stroke=\"{hex}\"]{{stroke:var(--{variable})}}");
        if !ink.dashes().is_empty() {
            let _ = writeln!(style, ".chart polyline[stroke=\"{hex}\"]{{stroke-dasharray:{}}}", ink.dashes());
        }
    }
    style
}
