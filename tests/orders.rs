//! Order books of a consumer against the simplest model there is, with images taken and loaded at random moments.

mod shm_support;

use proptest::prelude::*;
use shm_support::Room;
use tickwire::record::{Control, Header, Mbo, UNDEF_PRICE, action, control, flags, side};
use tickwire::shm::orders::{Level, Order, Side};
use tickwire::shm::{Image, OrderBook, OrderBooks};

/// One book: orders in the order in which they came to their place.
#[derive(Clone, Debug, Default)]
struct Model {
    orders: Vec<(u64, u8, i64, u32)>,
    bad: bool,
    heard: bool,
}

impl Model {
    fn find(&self, id: u64) -> Option<usize> {
        self.orders.iter().position(|order| order.0 == id)
    }

    fn take(&mut self, record: &Mbo) {
        self.heard = true;
        let (id, price, size) = (record.order_id, record.price, record.size);
        let usable = size > 0 && price != UNDEF_PRICE;
        match record.action {
            action::ADD if !usable => self.bad = true,
            action::ADD => {
                if let Some(at) = self.find(id) {
                    self.bad = true;
                    self.orders.remove(at);
                }
                self.orders.push((id, record.side, price, size));
            }
            action::CANCEL => match self.find(id) {
                None => self.bad = true,
                Some(at) => {
                    self.bad |= size > self.orders[at].3;
                    self.orders[at].3 = self.orders[at].3.saturating_sub(size);
                    if self.orders[at].3 == 0 {
                        self.orders.remove(at);
                    }
                }
            },
            action::MODIFY if !usable => self.bad = true,
            action::MODIFY => match self.find(id) {
                Some(at) if (self.orders[at].1, self.orders[at].2) == (record.side, price) && size <= self.orders[at].3 => {
                    self.orders[at].3 = size;
                }
                there => {
                    self.bad |= there.is_none();
                    there.map(|at| self.orders.remove(at));
                    self.orders.push((id, record.side, price, size));
                }
            },
            action::CLEAR => {
                self.orders.clear();
                self.bad = false;
            }
            _ => {}
        }
    }

    fn side(&self, side: Side) -> Vec<Order> {
        let mut orders: Vec<_> = self.orders.iter().filter(|order| order.1 == side.letter()).collect();
        // Stable: who came first stays first.
        orders.sort_by_key(|order| if side == Side::Bid { !order.2 } else { order.2 });
        orders.into_iter().map(|&(order_id, _, price, size)| Order { order_id, price, size }).collect()
    }

    fn agrees(&self, book: Option<OrderBook<'_>>) {
        let Some(book) = book else { return assert!(!self.heard) };
        assert_eq!((book.len(), book.maybe_bad()), (self.orders.len(), self.bad));
        for side in Side::BOTH {
            let orders = self.side(side);
            assert_eq!(book.orders(side).collect::<Vec<_>>(), orders);
            let mut levels: Vec<Level> = Vec::new();
            for order in &orders {
                let ahead = levels.last().filter(|level| level.price == order.price).copied().unwrap_or(Level {
                    price: order.price,
                    size: 0,
                    orders: 0,
                });
                assert_eq!(
                    book.queued(order.order_id).map(|queued| (queued.side, queued.order, queued.orders_ahead, queued.size_ahead)),
                    Some((side, *order, ahead.orders, ahead.size))
                );
                let level = Level { size: ahead.size + u64::from(order.size), orders: ahead.orders + 1, ..ahead };
                if ahead.orders > 0 {
                    levels.pop();
                }
                levels.push(level);
            }
            assert_eq!(book.best(side), levels.first().copied());
            assert_eq!(book.levels(side).collect::<Vec<_>>(), levels);
        }
    }
}

fn record(instrument: u32, (action, order_id, on, price, size): (u8, u64, u8, i64, u32)) -> Mbo {
    Mbo {
        hd: Header::of::<Mbo>(2, instrument, 7),
        order_id,
        price,
        size,
        flags: flags::LAST,
        channel_id: 0,
        action,
        side: on,
        ts_recv: 9,
        ts_in_delta: 0,
        sequence: 1,
    }
}

fn told(rtype: u8, instrument: u32, channel: u16, first: u64, cause: u8) -> Control {
    let hd = Header { length: 14, rtype, publisher_id: 2, instrument_id: instrument, ts_event: 1 };
    Control { hd, ts_recv: 1, first_sequence: first, last_sequence: 0, channel, cause, reserved: [0; 13] }
}

/// Writes the books down and reads them back.
fn through_an_image(room: &Room, books: &OrderBooks, position: u64) -> OrderBooks {
    let (path, temporary) = (room.path().join("p.mbo.image"), room.path().join(".p.tmp-1"));
    let head = Image::write(books, (3, position), 1_000, &path, &temporary).unwrap();
    let image = Image::load(&path).unwrap();
    assert_eq!((image.head, Image::head(&path).unwrap()), (head, Some(head)));
    assert_eq!((head.epoch, head.position, head.orders, head.instruments), (3, position, books.live_orders(), books.len() as u64));
    assert_eq!(room.files(), ["p.mbo.image"]);
    image.books
}

fn steps() -> impl Strategy<Value = Vec<(u32, u8, u64, bool, i64, u32)>> {
    let action = prop_oneof![
        6 => Just(action::ADD),
        5 => Just(action::CANCEL),
        2 => Just(action::MODIFY),
        1 => Just(action::TRADE),
        1 => Just(action::FILL),
    ];
    let price = prop_oneof![40 => 1_i64..6, 1 => Just(UNDEF_PRICE), 1 => Just(i64::MIN)];
    let step = (0_u32..3, action, 0_u64..24, any::<bool>(), price, 0_u32..4);
    // An R empties a book for a long time, so it is rare.
    prop::collection::vec(prop_oneof![60 => step, 1 => (0_u32..3).prop_map(|id| (id, action::CLEAR, 0, false, UNDEF_PRICE, 0))], 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn books_are_those_of_the_model_also_when_they_went_through_images(steps in steps(), images in prop::collection::vec(0_usize..400, 0..4)) {
        let room = Room::new();
        let (mut books, mut models) = (OrderBooks::new(), vec![Model::default(); 3]);
        for (at, &(instrument, action, id, bid, price, size)) in steps.iter().enumerate() {
            let record = record(instrument, (action, id, if bid { side::BID } else { side::ASK }, price, size));
            books.apply(&record);
            models[instrument as usize].take(&record);
            if images.contains(&at) {
                books = through_an_image(&room, &books, at as u64);
            }
            let model = &models[instrument as usize];
            model.agrees(books.book(2, instrument));
        }
        let books = through_an_image(&room, &books, 1);
        for (instrument, model) in (0..).zip(&models) {
            model.agrees(books.book(2, instrument));
        }
        prop_assert_eq!(books.live_orders(), models.iter().map(|model| model.orders.len() as u64).sum::<u64>());
    }
}

#[test]
fn a_partial_cancel_keeps_its_place_and_a_replace_or_a_larger_order_goes_to_the_end() {
    let mut books = OrderBooks::new();
    let queue = |books: &OrderBooks| books.book(2, 1).unwrap().orders(Side::Bid).map(|order| order.order_id).collect::<Vec<_>>();
    for id in 1..=4 {
        books.apply(&record(1, (action::ADD, id, side::BID, 100, 10)));
    }
    books.apply(&record(1, (action::CANCEL, 1, side::BID, 100, 4)));
    assert_eq!(queue(&books), [1, 2, 3, 4]);
    // A replace: the old order's cancel, the new order's add.
    books.apply(&record(1, (action::CANCEL, 2, side::BID, 100, 10)));
    books.apply(&record(1, (action::ADD, 5, side::BID, 100, 10)));
    assert_eq!(queue(&books), [1, 3, 4, 5]);
    books.apply(&record(1, (action::MODIFY, 3, side::BID, 100, 9)));
    assert_eq!(queue(&books), [1, 3, 4, 5], "a smaller size keeps its place");
    books.apply(&record(1, (action::MODIFY, 1, side::BID, 100, 7)));
    assert_eq!(queue(&books), [3, 4, 5, 1], "a larger size does not");
    books.apply(&record(1, (action::MODIFY, 4, side::BID, 101, 1)));
    assert_eq!(queue(&books), [4, 3, 5, 1], "nor does another price");
    assert_eq!(books.contradictions().total(), 0);
    assert!(!books.book(2, 1).unwrap().maybe_bad());
}

#[test]
fn a_trade_and_a_fill_change_no_book() {
    let mut books = OrderBooks::new();
    books.apply(&record(1, (action::ADD, 1, side::BID, 100, 10)));
    for action in [action::TRADE, action::FILL, action::NONE] {
        books.apply(&record(1, (action, 1, side::BID, 100, 10)));
    }
    assert_eq!(books.book(2, 1).unwrap().best(Side::Bid), Some(Level { price: 100, size: 10, orders: 1 }));
}

#[test]
fn contradictions_are_counted_and_mark_the_book_until_it_is_cleared() {
    let mut books = OrderBooks::new();
    let mut take = |step| {
        books.apply(&record(1, step));
        let counts = books.contradictions();
        (counts.unknown, counts.duplicate, counts.excess, counts.unusable, books.book(2, 1).unwrap().maybe_bad())
    };
    assert_eq!(take((action::ADD, 1, side::BID, 100, 10)), (0, 0, 0, 0, false));
    assert_eq!(take((action::CANCEL, 9, side::BID, 100, 10)), (1, 0, 0, 0, true));
    assert_eq!(take((action::ADD, 2, side::BID, 100, 10)), (1, 0, 0, 0, true), "a good record does not make it good");
    assert_eq!(take((action::CLEAR, 0, side::NONE, UNDEF_PRICE, 0)), (1, 0, 0, 0, false));
    assert_eq!(take((action::ADD, 1, side::BID, 100, 10)), (1, 0, 0, 0, false));
    assert_eq!(take((action::ADD, 1, side::ASK, 101, 10)), (1, 1, 0, 0, true));
    assert_eq!(take((action::CLEAR, 0, side::NONE, UNDEF_PRICE, 0)), (1, 1, 0, 0, false));
    assert_eq!(take((action::ADD, 1, side::BID, 100, 10)), (1, 1, 0, 0, false));
    assert_eq!(take((action::CANCEL, 1, side::BID, 100, 11)), (1, 1, 1, 0, true));
    assert_eq!(take((action::ADD, 2, side::NONE, 100, 11)), (1, 1, 1, 1, true));
    assert_eq!(books.live_orders(), 0);
}

#[test]
fn one_order_id_may_rest_in_two_instruments() {
    let mut books = OrderBooks::new();
    books.apply(&record(1, (action::ADD, 7, side::BID, 100, 1)));
    books.apply(&record(2, (action::ADD, 7, side::BID, 200, 2)));
    books.apply(&record(1, (action::CLEAR, 0, side::NONE, UNDEF_PRICE, 0)));
    assert!(books.book(2, 1).unwrap().is_empty());
    assert_eq!(books.book(2, 2).unwrap().queued(7).unwrap().order, Order { order_id: 7, price: 200, size: 2 });
    assert_eq!(books.contradictions().total(), 0);
}

/// Every doubt must be the same after an image: these are told of books that were and were not written down.
fn doubts(tell: impl Fn(&mut OrderBooks), then: impl Fn(&mut OrderBooks)) -> [bool; 3] {
    let room = Room::new();
    let mut books = OrderBooks::new();
    books.apply(&record(1, (action::ADD, 1, side::BID, 100, 10)));
    books.apply(&record(2, (action::ADD, 1, side::BID, 100, 10)));
    tell(&mut books);
    let mut restored = through_an_image(&room, &books, 4);
    for books in [&mut books, &mut restored] {
        then(books);
        // One that was never heard of before.
        books.apply(&record(3, (action::ADD, 1, side::BID, 100, 10)));
    }
    let seen = |books: &OrderBooks| [1, 2, 3].map(|id| books.book(2, id).unwrap().maybe_bad());
    assert_eq!(seen(&books), seen(&restored), "an image changes what is doubted");
    seen(&books)
}

#[test]
fn a_gap_casts_doubt_on_every_book_of_its_channel_until_a_record_of_it_says_otherwise() {
    let gap = |books: &mut OrderBooks| books.apply_control(&told(control::GAP_OPEN, 0, 0, 10, 6));
    let elsewhere = |books: &mut OrderBooks| books.apply_control(&told(control::GAP_OPEN, 0, 1, 10, 6));
    assert_eq!(doubts(gap, |_| {}), [true, true, false], "the new one's first record is not marked");
    assert_eq!(doubts(elsewhere, |_| {}), [false; 3], "another channel's gap");
    assert_eq!(doubts(gap, |books| books.apply(&record(1, (action::TRADE, 0, side::NONE, 1, 1)))), [false, true, false]);
    assert_eq!(
        doubts(gap, |books| books.apply_control(&told(control::GAP_CLOSED, 0, 0, 10, 9))),
        [true, true, false],
        "closed is not proven"
    );
    assert_eq!(doubts(gap, |books| books.apply_control(&told(control::BOOK_GOOD, 2, 0, 10, 0))), [true, false, false]);
    assert_eq!(doubts(gap, |books| books.apply_control(&told(control::BOOK_GOOD, 0, 0, 10, 0)))[2], false);
    assert_eq!(doubts(|_| {}, gap), [true, true, false]);
    let late = |books: &mut OrderBooks| books.apply_control(&told(control::SESSION_START, 0, 0, 500, control::cause::JOINED_LATE));
    assert_eq!(doubts(late, |_| {}), [true, true, false]);
}

#[test]
fn a_marked_record_marks_its_book_and_the_next_without_a_mark_lifts_it() {
    let marked = |books: &mut OrderBooks| {
        let add = record(1, (action::ADD, 5, side::BID, 1, 1));
        books.apply(&Mbo { flags: flags::MAYBE_BAD_BOOK, ..add });
    };
    assert_eq!(doubts(marked, |_| {}), [true, false, false]);
    assert_eq!(doubts(marked, |books| books.apply(&record(1, (action::TRADE, 0, side::NONE, 1, 1)))), [false; 3]);
}

#[test]
fn orders_from_before_another_channels_epoch_are_missed_until_the_book_is_cleared() {
    let other = |books: &mut OrderBooks| books.apply_control(&told(control::SESSION_START, 0, 0, 10, control::cause::OTHER_CHANNEL));
    // The writer does not doubt them, so its records are not marked: they prove nothing.
    assert_eq!(doubts(other, |_| {}), [true; 3]);
    assert_eq!(doubts(other, |books| books.apply(&record(1, (action::TRADE, 0, side::NONE, 1, 1)))), [true; 3]);
    assert_eq!(doubts(other, |books| books.apply(&record(1, (action::CLEAR, 0, side::NONE, UNDEF_PRICE, 0)))), [false, true, true]);
    assert_eq!(doubts(other, |books| books.apply_control(&told(control::BOOK_GOOD, 0, 0, 10, 0))), [true; 3]);
    let fresh = |books: &mut OrderBooks| {
        books.apply_control(&told(control::SESSION_START, 0, 0, 1, control::cause::RESTART));
        for id in 1..=2 {
            books.apply(&record(id, (action::CLEAR, 0, side::NONE, UNDEF_PRICE, 0)));
        }
    };
    assert_eq!(doubts(other, fresh), [false; 3]);
}
