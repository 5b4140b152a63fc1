//! The publisher, and beside it the plainest model of orders: everything that is published in `mbo` is written down twice.

use std::collections::BTreeMap;

use tickwire::record::{ChannelState, Control, Instrument, Mbo, Record, Row, Schema, Sink, SinkFull, action, side};
use tickwire::shm::Publisher;
use tickwire::shm::orders::Order;
use zerocopy::FromBytes;

/// Orders of each book in the order of their arrival. Nothing is kept sorted and nothing is found but by looking at all.
#[derive(Default)]
pub struct Model(BTreeMap<u32, Vec<(u8, Order)>>);

impl Model {
    fn take(&mut self, record: &Mbo) {
        let book = self.0.entry(record.hd.instrument_id).or_default();
        match record.action {
            action::ADD => {
                let order = Order { order_id: record.order_id, price: record.price, size: record.size };
                book.push((record.side, order));
            }
            action::CANCEL => {
                let at = book.iter().position(|(_, order)| order.order_id == record.order_id).expect("cancelled orders are known");
                book[at].1.size -= record.size;
                if book[at].1.size == 0 {
                    book.remove(at);
                }
            }
            action::CLEAR => book.clear(),
            _ => {}
        }
    }

    /// Bids and asks as they would execute.
    pub fn orders(&self, instrument: u32) -> [Vec<Order>; 2] {
        [side::BID, side::ASK].map(|wanted| {
            let of_side = self.0.get(&instrument).into_iter().flatten().filter(|(on, _)| *on == wanted);
            let mut orders: Vec<Order> = of_side.map(|(_, order)| *order).collect();
            // Stable: at one price who came first stays first.
            orders.sort_by_key(|order| if wanted == side::BID { -order.price } else { order.price });
            orders
        })
    }
}

pub struct Tee {
    pub inner: Publisher,
    pub model: Model,
}

impl Tee {
    pub fn new(inner: Publisher) -> Self {
        Self { inner, model: Model::default() }
    }
}

impl Sink for Tee {
    fn carries(&self, schema: Schema) -> bool {
        self.inner.carries(schema)
    }

    fn instrument(&mut self, instrument: &Instrument) -> Result<Option<Row>, SinkFull> {
        self.inner.instrument(instrument)
    }

    fn publish<R: Record>(&mut self, row: Row, record: &R) {
        if R::SCHEMA == Schema::Mbo {
            self.model.take(&Mbo::read_from_bytes(record.as_bytes()).expect("an mbo record"));
        }
        self.inner.publish(row, record);
    }

    fn publish_whole<R: Record>(&mut self, record: &R) {
        self.inner.publish_whole(record);
    }

    fn control(&mut self, record: &Control) {
        self.inner.control(record);
    }

    fn channel_state(&mut self, channel: u16, state: ChannelState, since_ns: u64) {
        self.inner.channel_state(channel, state, since_ns);
    }

    fn watermark(&mut self, channel: u16, venue_ns: u64) {
        self.inner.watermark(channel, venue_ns);
    }

    fn commit(&mut self) {
        self.inner.commit();
    }

    fn new_epoch(&mut self) {
        self.model = Model::default();
        self.inner.new_epoch();
    }
}
