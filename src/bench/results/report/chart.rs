//! A chart as data, and its drawing.
//!
//! Each is drawn twice, for a page and for a phone: letters that shrink with the picture are not read. What is drawn with lines also stands
//! in a table beside it, so a chart has one sentence for whoever cannot see it.

use std::fmt::Write as _;
use std::io;

use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, ShapeStyle, TextStyle};

use super::axis::Axis;
use super::ink::{Ink, SERIES};
use super::page::Escaped;

/// A chart.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// What it shows, in a sentence, for whoever cannot see it.
    pub says: String,
    /// Along the bottom.
    pub x: Axis,
    /// Up the left.
    pub y: Axis,
    /// What is drawn, the lowest first.
    pub layers: Vec<Layer>,
    /// Height where there is room, pixels.
    pub height: u32,
    /// Room for words at the right, pixels.
    pub right: u32,
}

/// Something drawn.
#[derive(Clone, Debug)]
pub(super) enum Layer {
    /// A line through points; thin and pale where it stands on few values.
    Line { points: Vec<(f64, f64)>, ink: Ink, pale: bool },
    /// A mark of its series' shape at each point, with words that show under the pointer.
    Marks { points: Vec<(f64, f64, String)>, ink: Ink, filled: bool },
    /// Small dots.
    Dots { points: Vec<(f64, f64)>, ink: Ink },
    /// From the lowest to the highest at one place.
    Whisker { x: f64, low: f64, high: f64, ink: Ink },
    /// A shaded stretch of the bottom axis.
    Shade { from: f64, to: f64, words: String },
    /// A line across.
    Rule { y: f64 },
    /// A bar, with words in it where they fit (the first that do), and words under the pointer.
    Bar { x: (f64, f64), y: (f64, f64), ink: Ink, words: Vec<String>, tip: String },
    /// Words right of a point.
    Words { at: (f64, f64), words: String },
}

/// Coordinates are tenths of a pixel, because the library's are whole numbers.
const FINE: u32 = 10;
/// The library gives letters this much less than what is asked for.
const LETTERS: f64 = 1.24;

#[derive(Clone, Copy)]
struct Size {
    class: &'static str,
    width: u32,
    most_height: u32,
    letters: u32,
}

const SIZES: [Size; 2] = [
    Size { class: "wide", width: 900, most_height: 1000, letters: 13 },
    Size { class: "narrow", width: 380, most_height: 300, letters: 12 },
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl Chart {
    /// Its drawings, for the page.
    pub(super) fn html(&self) -> io::Result<String> {
        let mut html = String::new();
        for size in SIZES {
            html += &self.svg(size)?;
        }
        Ok(html)
    }

    fn svg(&self, size: Size) -> io::Result<String> {
        // Bars keep their height: what is in them has to be read.
        let bars = self.layers.iter().any(|layer| matches!(layer, Layer::Bar { .. }));
        let height = if bars { self.height } else { self.height.min(size.most_height) };
        let mut svg = String::new();
        let mut tips = Vec::new();
        self.draw(size, height, &mut svg, &mut tips).map_err(|error| io::Error::other(error.to_string()))?;
        // The library's own first tag has a fixed size and a name space, which a page has by itself.
        let inside = svg.find(">\n").and_then(|at| svg.get(at + 2..)).unwrap_or_default();
        let inside = inside.trim_end().strip_suffix("</svg>").unwrap_or(inside);
        let mut html = format!(
            "<svg class=\"chart {}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n{inside}",
            size.class,
            size.width * FINE,
            height * FINE,
            Escaped(&self.says)
        );
        for ((x, y), radius, tip) in tips {
            let _ = writeln!(html, "<circle class=\"tip\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"><title>{}</title></circle>", Escaped(&tip));
        }
        html += "</svg>\n";
        Ok(html)
    }

    fn draw<'a>(
        &self,
        size: Size,
        height: u32,
        svg: &'a mut String,
        tips: &mut Vec<((i32, i32), u32, String)>,
    ) -> Result<(), plotters::drawing::DrawingAreaErrorKind<<SVGBackend<'a> as plotters::prelude::DrawingBackend>::ErrorType>> {
        let letters = size.letters * FINE;
        let root: Area<'a> = SVGBackend::with_string(svg, (size.width * FINE, height * FINE)).into_drawing_area();
        let (x, y) = (&self.x, &self.y);
        // Nothing is cut: what is written at the left, and half of the last words at the bottom.
        let left = widest(y, f64::from(size.letters)).clamp(44, size.width / 2);
        let right = self.right.max(beyond(x, f64::from(size.width - left - MARGIN), f64::from(size.letters)).min(size.width / 5));
        let room = f64::from(size.width - left - right);
        let shown = thinned(x, room, f64::from(size.letters));
        let shown = Axis { ticks: shown, ..x.clone() };
        let mut chart = ChartBuilder::on(&root)
            .margin_right(right * FINE)
            .margin_top((size.letters + 14) * FINE)
            .margin_bottom(4 * FINE)
            .set_label_area_size(LabelAreaPosition::Left, left * FINE)
            .set_label_area_size(LabelAreaPosition::Bottom, (size.letters * 2 + 14) * FINE)
            .build_cartesian_2d(shown.clone(), y.clone())?;
        let words = |ink: Ink| words_in(ink, letters);
        let line = |ink: Ink, width: u32| ShapeStyle { color: ink.rgb().to_rgba(), filled: false, stroke_width: width };
        let name_of = |ticks: &[(f64, String)], at: f64| {
            let nearest = ticks.iter().min_by(|a, b| (a.0 - at).abs().total_cmp(&(b.0 - at).abs()));
            nearest.map_or(String::new(), |(_, name)| name.clone())
        };
        let (name_of_x, name_of_y) = (|at: &f64| name_of(&shown.ticks, *at), |at: &f64| name_of(&y.ticks, *at));
        let mut mesh = chart.configure_mesh();
        mesh.bold_line_style(line(Ink::Grid, FINE))
            .light_line_style(line(Ink::Faint, FINE))
            .axis_style(line(Ink::Grid, FINE))
            .label_style(words(Ink::Muted))
            .x_label_formatter(&name_of_x)
            .y_label_formatter(&name_of_y)
            .set_all_tick_mark_size(4 * FINE);
        if self.layers.iter().any(|layer| matches!(layer, Layer::Bar { .. })) {
            mesh.disable_y_mesh();
        }
        mesh.draw()?;
        // Names of axes: up the left is read with the head upright.
        let fits = |name: &str| clip(name, f64::from(size.width) - 8.0, f64::from(size.letters));
        root.draw(&Text::new(fits(&y.name), (4 * FINE as i32, 2 * FINE as i32), words(Ink::Muted).pos(Pos::new(HPos::Left, VPos::Top))))?;
        let at_bottom = ((size.width * FINE) as i32 - (MARGIN * FINE) as i32, (height * FINE) as i32 - 2 * FINE as i32);
        root.draw(&Text::new(fits(&x.name), at_bottom, words(Ink::Muted).pos(Pos::new(HPos::Right, VPos::Bottom))))?;
        let at = |point: (f64, f64)| chart.backend_coord(&(x.within(point.0), y.within(point.1)));
        for layer in &self.layers {
            draw_layer(layer, &root, &Drawing { at: &at, axes: (x, y), size, letters }, tips)?;
        }
        root.present()
    }
}

fn words_in(ink: Ink, letters: u32) -> TextStyle<'static> {
    let mut style = TextStyle::from(("sans-serif", f64::from(letters) * LETTERS).into_font());
    style.color = ink.rgb().to_backend_color();
    style
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (self.within(*value) - self.from) / (self.to - self.from);
        first + (f64::from(last - first) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let ticks = self.ticks.iter().map(|(at, _)| *at);
        if hint.weight().allow_light_points() { self.light.iter().copied().chain(ticks).collect() } else { ticks.collect() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

/// Room right of what is drawn, pixels.
const MARGIN: u32 = 14;

struct Drawing<'d> {
    at: &'d dyn Fn((f64, f64)) -> (i32, i32),
    axes: (&'d Axis, &'d Axis),
    size: Size,
    letters: u32,
}

type Drawn<'a> = Result<(), plotters::drawing::DrawingAreaErrorKind<<SVGBackend<'a> as plotters::prelude::DrawingBackend>::ErrorType>>;

fn draw_layer<'a>(layer: &Layer, root: &Area<'a>, drawing: &Drawing<'_>, tips: &mut Vec<((i32, i32), u32, String)>) -> Drawn<'a> {
    let Drawing { at, axes: (x_axis, y_axis), size, letters } = drawing;
    let fine = FINE as i32;
    let filled = |ink: Ink| ShapeStyle { color: ink.rgb().to_rgba(), filled: true, stroke_width: 0 };
    let words = |ink: Ink| words_in(ink, *letters);
    match layer {
        Layer::Line { points, ink, pale } => {
            let points: Vec<(i32, i32)> = points.iter().map(|&point| at(point)).collect();
            let (alpha, width) = if *pale { (0.55, FINE) } else { (1.0, 2 * FINE) };
            let style = ShapeStyle { color: ink.rgb().mix(alpha), filled: false, stroke_width: width };
            if points.len() > 1 { root.draw(&PathElement::new(points, style)) } else { Ok(()) }
        }
        Layer::Marks { points, ink, filled: whole } => {
            for (x, y, tip) in points {
                let centre = at((*x, *y));
                mark(root, centre, *ink, *whole)?;
                tips.push((centre, 8 * FINE, tip.clone()));
            }
            Ok(())
        }
        Layer::Dots { points, ink } => {
            let style = ShapeStyle { color: ink.rgb().mix(0.6), filled: true, stroke_width: 0 };
            points.iter().try_for_each(|&point| root.draw(&Circle::new(at(point), 2 * fine, style)))
        }
        Layer::Whisker { x, low, high, ink } => {
            let ((x, low), (_, high)) = (at((*x, *low)), at((*x, *high)));
            let bar = |from, to| root.draw(&Rectangle::new([from, to], filled(*ink)));
            bar((x - fine * 3 / 4, high), (x + fine * 3 / 4, low))?;
            let cap = |y: i32| bar((x - 5 * fine, y - fine * 3 / 4), (x + 5 * fine, y + fine * 3 / 4));
            cap(low).and_then(|()| cap(high))
        }
        Layer::Shade { from, to, words: said } => {
            let (high, low) = (at((*from, y_axis.to)), at((*to, y_axis.from)));
            let style = ShapeStyle { color: Ink::Shade.rgb().mix(0.75), filled: true, stroke_width: 0 };
            root.draw(&Rectangle::new([high, low], style))?;
            let room = f64::from((low.0 - high.0).max(0)) / f64::from(FINE) - 8.0;
            match width_of(said, f64::from(size.letters)) < room {
                true => root.draw(&Text::new(said.clone(), (high.0 + 4 * fine, high.1 + 4 * fine), words(Ink::Muted))),
                false => Ok(()),
            }
        }
        Layer::Rule { y } => {
            let style = ShapeStyle { color: Ink::Muted.rgb().to_rgba(), filled: false, stroke_width: FINE * 3 / 2 };
            root.draw(&PathElement::new(vec![at((x_axis.from, *y)), at((x_axis.to, *y))], style))
        }
        Layer::Bar { x, y, ink, words: said, tip } => {
            let ((left, low), (right, high)) = (at((x.0, y.0)), at((x.1, y.1)));
            // A hair between two bars, for whoever sees no colours.
            let right = (right - fine).max(left + fine / 2);
            root.draw(&Rectangle::new([(left, high), (right, low)], filled(*ink)))?;
            let centre = ((left + right) / 2, (low + high) / 2);
            let room = f64::from(right - left) / f64::from(FINE) - 6.0;
            tips.push((centre, ((right - left).min(low - high) / 2).max(fine) as u32, tip.clone()));
            match said.iter().find(|words| width_of(words, f64::from(size.letters)) < room) {
                Some(fitting) => {
                    let style = words(Ink::Paper).pos(Pos::new(HPos::Center, VPos::Center));
                    root.draw(&Text::new(fitting.clone(), (centre.0, centre.1 + fine), style))
                }
                None => Ok(()),
            }
        }
        Layer::Words { at: point, words: said } => {
            let (x, y) = at(*point);
            root.draw(&Text::new(said.clone(), (x + 6 * fine, y), words(Ink::Text).pos(Pos::new(HPos::Left, VPos::Center))))
        }
    }
}

/// A mark in the shape of its series: circle, square, triangle, diamond, upside-down triangle, bar.
fn mark<'a>(root: &Area<'a>, (x, y): (i32, i32), ink: Ink, whole: bool) -> Drawn<'a> {
    let nth = if let Ink::Series(nth) = ink { nth % SERIES } else { 0 };
    let (ring, inside) = if whole { (45, 0) } else { (45, 27) };
    let draw = |size: i32, ink: Ink| {
        let style = ShapeStyle { color: ink.rgb().to_rgba(), filled: true, stroke_width: 0 };
        let shape: &[(i32, i32)] = match nth {
            0 => return root.draw(&Circle::new((x, y), size, style)),
            1 => &[(-9, -9), (9, -9), (9, 9), (-9, 9)],
            2 => &[(0, -12), (11, 8), (-11, 8)],
            3 => &[(0, -13), (13, 0), (0, 13), (-13, 0)],
            4 => &[(0, 12), (11, -8), (-11, -8)],
            _ => &[(-14, -5), (14, -5), (14, 5), (-14, 5)],
        };
        let points: Vec<(i32, i32)> = shape.iter().map(|&(dx, dy)| (x + dx * size / 10, y + dy * size / 10)).collect();
        root.draw(&Polygon::new(points, style))
    };
    draw(ring, ink)?;
    if inside > 0 { draw(inside, Ink::Paper) } else { Ok(()) }
}

/// Room for what is written at an axis up the left, pixels.
fn widest(axis: &Axis, letters: f64) -> u32 {
    axis.ticks.iter().map(|(_, name)| width_of(name, letters)).fold(0.0, f64::max) as u32 + 12
}

/// Room right of an axis along the bottom, for the half of its last words that is beyond it, pixels; at least [`MARGIN`].
fn beyond(axis: &Axis, room: f64, letters: f64) -> u32 {
    let spill = |(at, name): &(f64, String)| width_of(name, letters) / 2.0 - (axis.to - at) / (axis.to - axis.from) * room;
    axis.ticks.last().map_or(0, |last| spill(last).max(0.0) as u32 + 4).max(MARGIN)
}

/// The ticks whose words do not run into each other.
fn thinned(axis: &Axis, room: f64, letters: f64) -> Vec<(f64, String)> {
    let mut free_from = f64::NEG_INFINITY;
    let mut shown = Vec::new();
    for (value, name) in &axis.ticks {
        let at = (value - axis.from) / (axis.to - axis.from) * room;
        let half = width_of(name, letters) / 2.0;
        if at - half >= free_from {
            free_from = at + half + letters * 0.6;
            shown.push((*value, name.clone()));
        }
    }
    shown
}

/// About how wide words are, pixels: generous, for fonts that nobody has measured.
fn width_of(words: &str, letters: f64) -> f64 {
    words.chars().count() as f64 * letters * 0.58
}

fn clip(words: &str, room: f64, letters: f64) -> String {
    crate::bench::results::readable::clipped(words, (room / (letters * 0.5)).max(4.0) as usize)
}
