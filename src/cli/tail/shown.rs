//! Which fields of a record are shown, schema by schema.

use serde_json::{Value, json};

use super::super::words;
use super::fields::Fields;
use crate::books_file::Decimal;
use crate::record::{
    BidAsk, Definition, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Signal, Statistics,
    Status, Trade, UNDEF_PRICE, UNDEF_SIZE, UNDEF_TIME, Venue, Vwap, statistics,
};

/// A record that can be shown to people.
pub(super) trait Shown: Record {
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

/// Text padded with spaces or zeros.
fn text(bytes: &[u8]) -> Value {
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    match bytes.get(..end) {
        Some(b"") | None => Value::Null,
        Some(bytes) => bytes.iter().map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '?' }).collect::<String>().into(),
    }
}

fn unless(undefined: u64, value: u64) -> Value {
    if value == undefined { Value::Null } else { value.into() }
}

macro_rules! shown {
    ($record:ident, $self:ident, $to:ident => $body:block) => {
        impl Shown for $record {
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
shown!(Imbalance, self, to => {
    to.put("auction_type", letter(self.auction_type));
    to.put("side", letter(self.side));
    to.put("ref_price", price(self.ref_price));
    to.put("near_price", price(self.cont_book_clr_price));
    to.put("far_price", price(self.auct_interest_clr_price));
    to.put("match_price", price(self.ind_match_price));
    to.put("lower_collar", price(self.lower_collar));
    to.put("upper_collar", price(self.upper_collar));
    to.put("paired", unless(UNDEF_SIZE.into(), self.paired_qty.into()));
    to.put("imbalance", unless(UNDEF_SIZE.into(), self.total_imbalance_qty.into()));
    to.put("extensions", self.num_extensions);
    to.put("variation", letter(self.significant_imbalance));
    to.put("auction_time", unless(UNDEF_TIME, self.auction_time));
    to.put("ts_recv", self.ts_recv);
});
shown!(Statistics, self, to => {
    to.put("stat_type", self.stat_type);
    to.put("price", price(self.price));
    to.put("quantity", if self.quantity == statistics::UNDEF_QUANTITY { Value::Null } else { self.quantity.into() });
    to.put("sequence", self.sequence);
    to.put("ts_recv", self.ts_recv);
});
shown!(Definition, self, to => {
    to.put("action", letter(self.security_update_action));
    to.put("round_lot", self.min_lot_size_round_lot);
    to.put("exchange", text(&self.exchange));
    to.put("security_type", text(&self.security_type));
    to.put("secsubtype", text(&self.secsubtype));
    to.put("group", text(&self.group));
    to.put("cfi", text(&self.cfi));
    to.put("ts_recv", self.ts_recv);
});
shown!(Venue, self, to => {
    to.put("tells", words::venue_kind(self.kind));
    to.put("reference", self.reference);
    to.put("codes", text(&self.codes));
    to.put("text", text(&self.text));
    to.put("size", self.size);
    to.put("prices", self.prices.iter().map(|&told| price(told)).collect::<Value>());
    to.put("time", unless(0, self.time_ns));
    to.put("sequence", self.sequence);
    to.put("ts_recv", self.ts_recv);
});

macro_rules! bar {
    ($($record:ident),*) => { $(
        shown!($record, self, to => {
            to.put("open", price(self.open));
            to.put("high", price(self.high));
            to.put("low", price(self.low));
            to.put("close", price(self.close));
            to.put("volume", self.volume);
        });
    )* };
}
bar!(Ohlcv1S, Ohlcv1M, Ohlcv1H, Ohlcv1D);

shown!(Vwap, self, to => {
    to.put("window_ns", self.window_ns);
    to.put("vwap", price(self.vwap));
    to.put("volume", self.volume);
    to.put("trades", self.trades);
    to.put("flags", words::flags(self.flags));
});
shown!(Signal, self, to => {
    to.put("microprice", price(self.microprice));
    to.put("spread", price(self.spread));
    to.put("size_imbalance", price(self.size_imbalance));
    to.put("flow_imbalance", price(self.flow_imbalance));
    to.put("bought", self.bought);
    to.put("sold", self.sold);
    to.put("flags", words::flags(self.flags));
    to.put("crossing", self.crossing);
    to.put("sequence", self.sequence);
    to.put("ts_recv", self.ts_recv);
});
shown!(Latency, self, to => {
    to.put("ts_recv", self.ts_recv);
    to.put("ts_publish", self.ts_publish);
    to.put("received_to_published_ns", self.ts_publish.saturating_sub(self.ts_recv));
    to.put("sequence", self.sequence);
    to.put("messages", self.messages);
    let stage = |ns: u32| if self.stamped == 0 { Value::Null } else { ns.into() };
    to.put("receive_ns", stage(self.receive_ns));
    to.put("arbitrate_ns", stage(self.arbitrate_ns));
    to.put("decode_ns", stage(self.decode_ns));
    to.put("book_ns", stage(self.book_ns));
    to.put("publish_ns", stage(self.publish_ns));
    to.put("ring", Schema::ALL.iter().find(|schema| schema.rtype() == self.rtype).map(|schema| schema.name()));
    to.put("position", self.position);
    to.put("channel", self.channel);
    to.put("line", self.line);
});
