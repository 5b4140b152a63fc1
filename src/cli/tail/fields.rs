//! A record's fields by name: as `name=value` for people, as JSON for programs.
//!
//! In JSON, counts, times and ids are numbers, prices are texts (plain decimals: a JSON number may lose digits in its reader), and
//! what is not there is null.

use serde_json::Value;

use super::super::words;
use crate::record::{Control, control};

/// Named values, in the order in which they are shown.
#[derive(Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(super) fn new(kind: &'static str) -> Self {
        Self(vec![("kind", kind.into())])
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    pub(super) fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// One line; the first `bare` fields without their names.
    pub(super) fn text(&self, bare: usize) -> String {
        let cells = self.0.iter().enumerate().map(|(at, (name, value))| match at {
            0 => format!("{:<6}", shown(value)),
            1 if bare > 1 => format!("{:<8}", shown(value)),
            _ if at < bare => shown(value),
            _ => format!("{name}={}", shown(value)),
        });
        cells.collect::<Vec<_>>().join(" ")
    }

    /// One JSON object.
    pub(super) fn json(self) -> String {
        Value::Object(self.0.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()).to_string()
    }
}

/// A value in a line; of levels, how many.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().any(Value::is_object) => items.len().to_string(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("/"),
        other => other.to_string(),
    }
}

/// A control record; its channel by name where the publication has one of that number.
pub(super) fn of_control(record: &Control, channel: Option<String>) -> Fields {
    Fields::new("control")
        .with("event", words::control(record.hd.rtype))
        .with("ts_recv", record.ts_recv)
        .with("channel", channel.unwrap_or_else(|| format!("#{}", record.channel)))
        .with("first_sequence", record.first_sequence)
        .with("last_sequence", record.last_sequence)
        .with("cause", cause(record))
}

/// Of a system event: the venue's letter.
fn cause(record: &Control) -> String {
    if record.hd.rtype == control::SYSTEM_EVENT { char::from(record.cause).to_string() } else { words::cause(record.cause).to_owned() }
}
