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
        eprintln!("{}", unwritable(path, &error));
        std::process::exit(1);
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}; name a file in a folder that is there and yours", path.display())
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
    /// What the benchmark was told: up to so many numbers, and options that take a value each. Where it measures, anything else ends it, before
    /// minutes are spent on what was not meant; under `cargo test` words are names of tests.
    pub fn take(numbers: usize, options: &[&str]) -> Self {
        Self::parse(std::env::args().skip(1).collect(), numbers, options).unwrap_or_else(|why| {
            eprintln!("{why}");
            std::process::exit(2);
        })
    }

    fn parse(all: Vec<String>, numbers: usize, options: &[&str]) -> Result<Self, String> {
        let mut parsed = Self { is_bench: all.iter().any(|argument| argument == "--bench"), ..Self::default() };
        let mut left = numbers;
        let mut arguments = all.into_iter().filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let mut value = |what: &str| match arguments.next() {
                Some(value) if !value.starts_with("--") => Ok(value),
                _ => Err(format!("{argument} takes {what}")),
            };
            if argument == "--json" {
                let path = PathBuf::from(value("the name of the file to write")?);
                // Now, and not when all is measured. Nothing is left where nothing was: a file without a table would be taken for one.
                let was_there = path.exists();
                std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(|error| unwritable(&path, &error))?;
                if !was_there {
                    std::fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
                }
                parsed.json = Some(path);
            } else if options.contains(&argument.as_str()) {
                let value = value("a value; the beginning of the benchmark's file says which")?;
                parsed.rest.extend([argument, value]);
            } else if parsed.is_bench && (argument.starts_with('-') || left == 0) {
                let options: String = options.iter().map(|option| format!(" and {option}")).collect();
                let numbers = if numbers == 0 {
                    "no number".to_owned()
                } else {
                    format!("up to {numbers} numbers, as the beginning of its file says")
                };
                return Err(format!("`{argument}` means nothing here; there is --json FILE{options}, and {numbers}"));
            } else {
                left = left.saturating_sub(1);
                parsed.rest.push(argument);
            }
        }
        // What is no number is refused at once, too.
        (0..numbers).try_for_each(|at| parsed.number_at(at).map(drop))?;
        Ok(parsed)
    }

    /// What follows an option among the rest.
    pub fn value_of(&self, option: &str) -> Option<&str> {
        self.rest.iter().skip_while(|argument| *argument != option).nth(1).map(String::as_str)
    }

    /// The number at this place among the words that are no options; none under `cargo test`.
    pub fn number(&self, at: usize) -> Option<u64> {
        self.number_at(at).ok().flatten()
    }

    fn number_at(&self, at: usize) -> Result<Option<u64>, String> {
        if !self.is_bench {
            return Ok(None);
        }
        let mut words = Vec::new();
        let mut rest = self.rest.iter();
        while let Some(word) = rest.next() {
            match word.starts_with("--") {
                true => _ = rest.next(),
                false => words.push(word),
            }
        }
        let Some(word) = words.get(at) else { return Ok(None) };
        match word.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(format!("`{word}` is no number of anything; the beginning of this benchmark's file says which numbers it takes")),
        }
    }
}

/// The least and the middle one of some figures, which it sorts.
pub fn best_and_median(figures: &mut [f64]) -> (f64, f64) {
    figures.sort_unstable_by(f64::total_cmp);
    (figures.first().copied().unwrap_or(f64::NAN), figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN))
}
