//! What a benchmark ends with: rows of figures, most of them beside another of the same run, printed and written as JSON.
//!
//! ```text
//! --json FILE    {"bench": "ring", "of": "what was measured", "rows": [{"name", "unit", "value", "of", "ratio", "target", "met"}, …]}
//! ```
//! A target is about the ratio where there is one, else about the value.
#![allow(dead_code)] // every benchmark includes this file, and few need all of it

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What is asked of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    pub fn is_met(self, figure: f64) -> bool {
        match self {
            Target::AtMost(most) => figure <= most,
            Target::AtLeast(least) => figure >= least,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Target::AtMost(most) => write!(to, "<= {most}"),
            Target::AtLeast(least) => write!(to, ">= {least}"),
        }
    }
}

/// One figure. `unit` is `ns`, `M/s` or `bytes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub value: f64,
    /// What it is compared with, a row's name, and its ratio to that.
    pub beside: Option<(String, f64)>,
    pub target: Option<Target>,
}

impl Row {
    pub fn new(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self { name: name.into(), unit, value, beside: None, target: None }
    }

    pub fn beside(self, of: impl Into<String>, ratio: f64) -> Self {
        Self { beside: Some((of.into(), ratio)), ..self }
    }

    pub fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    pub fn is_met(&self) -> Option<bool> {
        let figure = self.beside.as_ref().map_or(self.value, |&(_, ratio)| ratio);
        self.target.map(|target| target.is_met(figure))
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "of": self.beside.as_ref().map(|(of, _)| of),
            "ratio": self.beside.as_ref().map(|&(_, ratio)| ratio),
            "target": self.target.map(|target| target.to_string()),
            "met": self.is_met(),
        })
    }
}

/// The rows of a benchmark, in the order in which they are printed.
pub struct Table {
    bench: &'static str,
    /// What was measured: how many, of what.
    of: String,
    rows: Vec<Row>,
}

impl Table {
    pub fn new(bench: &'static str) -> Self {
        Self { bench, of: String::new(), rows: Vec::new() }
    }

    /// Says what is measured, so that figures of different sizes are not taken for one another.
    pub fn of(&mut self, what: String) {
        self.of = what;
    }

    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn json(&self) -> Value {
        json!({ "bench": self.bench, "of": self.of, "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>() })
    }

    /// Prints the rows, and writes them where `--json` says.
    pub fn finish(&self, arguments: &Arguments) {
        self.print();
        if let Some(path) = &arguments.json {
            write_json(path, &self.json());
        }
    }

    fn print(&self) {
        let chars = |text: &str| text.chars().count();
        let name = self.rows.iter().map(|row| chars(&row.name)).max().unwrap_or(0);
        let of = self.rows.iter().filter_map(|row| row.beside.as_ref()).map(|(of, _)| chars(of)).max().unwrap_or(0);
        for row in &self.rows {
            let value = digits(row.value);
            let beside = row.beside.as_ref().map_or(String::new(), |(of, ratio)| format!("{:>8} of {of}", digits(*ratio)));
            let target = row
                .target
                .map_or(String::new(), |target| format!("target {target}: {}", if row.is_met() == Some(true) { "met" } else { "MISSED" }));
            let line = format!("{:<name$} {value:>10} {:<5} {beside:<beside_width$}  {target}", row.name, row.unit, beside_width = of + 12);
            println!("{}", line.trim_end());
        }
    }
}

/// Three or four digits that mean something.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        under if under < 10.0 => 2,
        under if under < 1_000.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

fn write_json(path: &Path, value: &Value) {
    if let Err(error) = std::fs::write(path, format!("{value:#}\n")) {
        eprintln!("cannot write {}: {error}; name a file in a folder that is there and yours", path.display());
        std::process::exit(1);
    }
}

/// How a benchmark was called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// To measure (`cargo bench`), not only to check (`cargo test`).
    pub is_bench: bool,
    pub json: Option<PathBuf>,
    /// Everything else, in order: numbers, names.
    pub rest: Vec<String>,
}

impl Arguments {
    pub fn take() -> Self {
        Self::parse(std::env::args().skip(1))
    }

    pub fn parse(arguments: impl Iterator<Item = String>) -> Self {
        let mut parsed = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => parsed.is_bench = true,
                "--only" | "--tiny" | "--charles-cooper" => parsed.rest.push(argument),
                "--json" => {
                    parsed.json = arguments.next().map(PathBuf::from);
                    if parsed.json.is_none() {
                        eprintln!("--json takes the name of the file to write");
                        std::process::exit(2);
                    }
                }
                unknown if unknown.starts_with('-') && parsed.is_bench => {
                    eprintln!("`{unknown}` is no option here; there is --json FILE, and what the beginning of the benchmark's file says");
                    std::process::exit(2);
                }
                _ => parsed.rest.push(argument),
            }
        }
        parsed
    }

    /// What follows an option among the rest.
    pub fn value_of(&self, option: &str) -> Option<&str> {
        self.rest.iter().skip_while(|argument| *argument != option).nth(1).map(String::as_str)
    }

    /// The number at this place among the words that are no options. One that is no number, or 0, ends the benchmark with what to say instead;
    /// under `cargo test` it is the name of a test.
    pub fn number(&self, at: usize) -> Option<u64> {
        if !self.is_bench {
            return None;
        }
        let mut words = Vec::new();
        let mut rest = self.rest.iter();
        while let Some(word) = rest.next() {
            match word.starts_with("--") {
                true => _ = rest.next(),
                false => words.push(word),
            }
        }
        let word = words.get(at)?;
        match word.parse() {
            Ok(number) if number > 0 => Some(number),
            _ => {
                eprintln!("`{word}` is no number of anything; the beginning of this benchmark's file says which numbers it takes");
                std::process::exit(2);
            }
        }
    }
}

/// The least and the middle one of some figures, which it sorts.
pub fn best_and_median(figures: &mut [f64]) -> (f64, f64) {
    figures.sort_unstable_by(f64::total_cmp);
    (figures.first().copied().unwrap_or(f64::NAN), figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN))
}
