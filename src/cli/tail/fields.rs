//! A record's fields by name: as `name=value` for people, as JSON for programs.
//!
//! In JSON, counts, times and ids are numbers, prices are texts (plain decimals: a JSON number may lose digits in its reader), and
//! what is not there is null.

use serde_json::{Value, json};

use super::super::words;
use crate::books_file::Decimal;
use crate::record::{BidAsk, Control, Header, Mbo, Mbp1, Mbp10, Record, Status, Trade, UNDEF_PRICE};

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

    fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// One line; the first `bare` fields without their names.
    pub(super) fn text(&self, bare: usize) -> String {
        let shown = |value: &Value| match value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(items) => items.len().to_string(),
            other => other.to_string(),
        };
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

/// A control record; its channel by name where the publication has one of that number.
pub(super) fn control(record: &Control, channel: Option<String>) -> Fields {
    Fields::new("control")
        .with("event", words::control(record.hd.rtype))
        .with("ts_recv", record.ts_recv)
        .with("channel", channel.unwrap_or_else(|| format!("#{}", record.channel)))
        .with("first_sequence", record.first_sequence)
        .with("last_sequence", record.last_sequence)
        .with("cause", words::cause(record.cause))
}

/// A record that can be shown to people.
pub(super) trait Shown: Record {
    fn header(&self) -> &Header;
    fn fields(&self, to: &mut Fields);
}

fn price(value: i64) -> Value {
    if value == UNDEF_PRICE { Value::Null } else { Decimal(value).to_string().into() }
}

fn letter(byte: u8) -> Value {
    Value::String(if byte.is_ascii_graphic() { (byte as char).to_string() } else { format!("0x{byte:02x}") })
}

fn best(to: &mut Fields, level: &BidAsk) {
    to.put("bid", price(level.bid_px));
    to.put("bid_size", level.bid_sz);
    to.put("bid_orders", level.bid_ct);
    to.put("ask", price(level.ask_px));
    to.put("ask_size", level.ask_sz);
    to.put("ask_orders", level.ask_ct);
}

fn all(levels: &[BidAsk]) -> Value {
    let there = levels.iter().filter(|level| level.bid_px != UNDEF_PRICE || level.ask_px != UNDEF_PRICE);
    let one = |level: &BidAsk| {
        json!({
            "bid": price(level.bid_px), "bid_size": level.bid_sz, "bid_orders": level.bid_ct,
            "ask": price(level.ask_px), "ask_size": level.ask_sz, "ask_orders": level.ask_ct,
        })
    };
    there.map(one).collect()
}

macro_rules! shown {
    ($record:ident, $self:ident, $to:ident => $body:block) => {
        impl Shown for $record {
            fn header(&self) -> &Header {
                &self.hd
            }
            fn fields(&$self, $to: &mut Fields) $body
        }
    };
}

macro_rules! event_fields {
    ($record:expr, $to:expr) => {{
        $to.put("action", letter($record.action));
        $to.put("side", letter($record.side));
        $to.put("price", price($record.price));
        $to.put("size", $record.size);
        $to.put("flags", words::flags($record.flags));
        $to.put("sequence", $record.sequence);
        $to.put("ts_recv", $record.ts_recv);
    }};
}

shown!(Mbo, self, to => {
    event_fields!(self, to);
    to.put("order_id", self.order_id);
});
shown!(Trade, self, to => {
    event_fields!(self, to);
});
shown!(Mbp1, self, to => {
    event_fields!(self, to);
    best(to, &self.levels[0]);
});
shown!(Mbp10, self, to => {
    event_fields!(self, to);
    to.put("depth", self.depth);
    best(to, &self.levels[0]);
    to.put("levels", all(&self.levels));
});
shown!(Status, self, to => {
    to.put("action", self.action);
    to.put("reason", self.reason);
    to.put("trading_event", self.trading_event);
    to.put("is_trading", letter(self.is_trading));
    to.put("is_quoting", letter(self.is_quoting));
    to.put("is_short_sell_restricted", letter(self.is_short_sell_restricted));
    to.put("ts_recv", self.ts_recv);
});
