/* Tickwire: market data from shared memory, for C11 and C++17 on little-endian Linux. Made by cbindgen; do not edit.
 *
 * A feed handler publishes under a name; tickwire_open opens it read-only. tickwire_subscribe gives every message of one schema in order,
 * tickwire_latest the newest record of every instrument, tickwire_look_up the price levels of one instrument, tickwire_follow_orders
 * books order by order. Nothing here waits for anybody, and no reader can slow the writer or do it harm: one that is too slow is told
 * in-band how many records it lost. Prices are in units of 1e-9.
 *
 * The contract:
 *  - Functions that make a handle return NULL when that cannot be; the others return a tickwire_code below 0. tickwire_error() says in one
 *    sentence what, where and why, and what to do; it belongs to the thread.
 *  - A NULL handle, a NULL or misaligned pointer, and a number that is in no enumeration are answered with such a code. Other pointers must be good
 *    for what their type says, strings must end with a zero.
 *  - A handle is closed once, and not used afterwards. A publication may be used by several threads at once, a subscription by one at a time.
 *  - What a subscription points to is good until the next call with it. Structs that the caller provides are filled and then its own.
 *  - Publications are never trusted: one that is cut, damaged, or of another version is a code and a sentence.
 *
 * Link with -ltickwire; for the static library also -lgcc_s -lutil -lrt -lpthread -lm -ldl (scripts/build-c makes a tickwire.pc).
 */

#ifndef TICKWIRE_H
#define TICKWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A price that is not there. */
#define TICKWIRE_UNDEF_PRICE INT64_MAX
/** An instrument's row that is not known. */
#define TICKWIRE_NO_ROW UINT32_MAX

/**
 * A record layout, and the ring that carries it.
 */
enum tickwire_schema
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Every order event: tickwire_mbo.
     */
    TICKWIRE_SCHEMA_MBO = 0,
    /**
     * Top of book and trades: tickwire_mbp1.
     */
    TICKWIRE_SCHEMA_MBP1 = 1,
    /**
     * Ten levels and trades: tickwire_mbp10.
     */
    TICKWIRE_SCHEMA_MBP10 = 2,
    /**
     * Trades alone: tickwire_trade.
     */
    TICKWIRE_SCHEMA_TRADES = 3,
    /**
     * Trading states: tickwire_status.
     */
    TICKWIRE_SCHEMA_STATUS = 4,
    /**
     * Auctions that are to come: tickwire_imbalance.
     */
    TICKWIRE_SCHEMA_IMBALANCE = 5,
    /**
     * Official prices: tickwire_statistics.
     */
    TICKWIRE_SCHEMA_STATISTICS = 6,
    /**
     * What instruments are: tickwire_definition.
     */
    TICKWIRE_SCHEMA_DEFINITION = 7,
    /**
     * What DBN has no record for: tickwire_venue.
     */
    TICKWIRE_SCHEMA_VENUE = 8,
    /**
     * Bars of a second: tickwire_ohlcv.
     */
    TICKWIRE_SCHEMA_OHLCV1S = 9,
    /**
     * Bars of a minute: tickwire_ohlcv.
     */
    TICKWIRE_SCHEMA_OHLCV1M = 10,
    /**
     * Bars of an hour: tickwire_ohlcv.
     */
    TICKWIRE_SCHEMA_OHLCV1H = 11,
    /**
     * Bars of a day of the venue: tickwire_ohlcv.
     */
    TICKWIRE_SCHEMA_OHLCV1D = 12,
    /**
     * Volume-weighted prices of all these windows: tickwire_vwap.
     */
    TICKWIRE_SCHEMA_VWAP = 13,
    /**
     * What books lean to: tickwire_signal.
     */
    TICKWIRE_SCHEMA_SIGNAL = 14,
    /**
     * Where sampled datagrams spent their time: tickwire_latency.
     */
    TICKWIRE_SCHEMA_LATENCY = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_schema tickwire_schema;
#else
typedef uint32_t tickwire_schema;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a call came to. Errors are negative, so that functions can return counts and kinds beside them.
 */
enum tickwire_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    TICKWIRE_CODE_OK = 0,
    /**
     * An argument cannot be: a null pointer, a string that is not UTF-8, a number that is none of its enumeration.
     */
    TICKWIRE_CODE_ARGUMENT = -1,
    /**
     * No such publication, or no such directory.
     */
    TICKWIRE_CODE_NOT_FOUND = -2,
    /**
     * The file is no publication that this version can read.
     */
    TICKWIRE_CODE_REFUSED = -3,
    /**
     * The publication has no ring of this schema.
     */
    TICKWIRE_CODE_NO_RING = -4,
    /**
     * The publication has no such instrument (yet).
     */
    TICKWIRE_CODE_NO_SYMBOL = -5,
    /**
     * What is read is not what a writer of ours writes.
     */
    TICKWIRE_CODE_CORRUPT = -6,
    /**
     * Every gate is taken.
     */
    TICKWIRE_CODE_NO_GATE = -7,
    /**
     * The operating system refused.
     */
    TICKWIRE_CODE_IO = -8,
    /**
     * A mistake in this library, please report it. The handle of the call should be closed and not be used otherwise.
     */
    TICKWIRE_CODE_BUG = -9,
    /**
     * There is nothing to know the orders from that rest already.
     */
    TICKWIRE_CODE_NO_IMAGE = -10,
    /**
     * No such order rests.
     */
    TICKWIRE_CODE_NO_ORDER = -11,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_code tickwire_code;
#else
typedef int32_t tickwire_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What came.
 */
enum tickwire_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing new. Spin, pause or sleep, as you like.
     */
    TICKWIRE_KIND_IDLE = 0,
    /**
     * The next record of the ring.
     */
    TICKWIRE_KIND_RECORD = 1,
    /**
     * From the board, in joining or after a loss: the last record of an instrument. State, not an event: it may be old, and may have been told before.
     */
    TICKWIRE_KIND_BOARD = 2,
    /**
     * A control record: sessions, gaps. See tickwire_control_type.
     */
    TICKWIRE_KIND_CONTROL = 3,
    /**
     * The reader was too slow, and `count` records of the ring are lost to it.
     */
    TICKWIRE_KIND_LOST = 4,
    /**
     * The writer began a new epoch, and so does the subscription. Instruments and their rows are new; see tickwire_subscribed.
     */
    TICKWIRE_KIND_NEW_EPOCH = 5,
    /**
     * The writer is gone without a word, and everything it wrote has been told. Told once; a restarted writer is a new epoch.
     */
    TICKWIRE_KIND_WRITER_DEAD = 6,
    /**
     * The writer ended, and everything has been told; or records were lost, and that was to be the end. It stays at that.
     */
    TICKWIRE_KIND_END = 7,
    /**
     * Of tickwire_latest: the newest record of an instrument, changed since it was told last. `count` records of it were passed over.
     */
    TICKWIRE_KIND_VALUE = 8,
    /**
     * Of tickwire_latest: a channel whose state changed.
     */
    TICKWIRE_KIND_CHANNEL = 9,
    /**
     * Of tickwire_latest: `count` positions of the ring were left unread, because the board tells the same for less.
     */
    TICKWIRE_KIND_SKIPPED = 10,
    /**
     * Of tickwire_follow_orders: the reader was too slow. The books are those of the newest image now; `count` records were not told one by one.
     */
    TICKWIRE_KIND_REJOINED = 11,
    /**
     * Of tickwire_follow_orders: there is nothing to start from, or to start again from, yet. The books are empty until TICKWIRE_KIND_REJOINED or
     * TICKWIRE_KIND_NEW_EPOCH. If the writer makes no images, stop waiting.
     */
    TICKWIRE_KIND_WAITING = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_kind tickwire_kind;
#else
typedef int32_t tickwire_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a subscription begins.
 */
enum tickwire_begin
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * With the last record of every instrument, then what comes.
     */
    TICKWIRE_BEGIN_BOARD = 0,
    /**
     * With what comes.
     */
    TICKWIRE_BEGIN_NOW = 1,
    /**
     * With the oldest record that can be read without hurry: all of them if the ring was never lapped, else about half of it.
     */
    TICKWIRE_BEGIN_OLDEST = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_begin tickwire_begin;
#else
typedef uint32_t tickwire_begin;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What follows when records were lost to a subscription.
 */
enum tickwire_lost
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It joins again: the board follows, then what comes.
     */
    TICKWIRE_LOST_REJOIN = 0,
    /**
     * It stops: the end follows, and nothing else ever.
     */
    TICKWIRE_LOST_STOP = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_lost tickwire_lost;
#else
typedef uint32_t tickwire_lost;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What tickwire_follow_orders does where there is nothing to start from.
 */
enum tickwire_start
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It refuses: TICKWIRE_CODE_NO_IMAGE.
     */
    TICKWIRE_START_OR_REFUSE = 0,
    /**
     * It waits for the next image or epoch: TICKWIRE_KIND_WAITING, then TICKWIRE_KIND_REJOINED.
     */
    TICKWIRE_START_OR_WAIT = 1,
    /**
     * It refuses; and the writer waits for this reader, which is only so where its publication has gates, that is, for replays.
     */
    TICKWIRE_START_GATED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_start tickwire_start;
#else
typedef uint32_t tickwire_start;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a publication's writer is.
 */
enum tickwire_writer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It runs (or stands still: look at the heartbeat).
     */
    TICKWIRE_WRITER_ALIVE = 0,
    /**
     * It ended and said so.
     */
    TICKWIRE_WRITER_CLOSED = 1,
    /**
     * It, or a later one, goes on in a new epoch.
     */
    TICKWIRE_WRITER_REPLACED = 2,
    /**
     * It is gone without a word.
     */
    TICKWIRE_WRITER_DEAD = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_writer tickwire_writer;
#else
typedef uint32_t tickwire_writer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What state a channel is in.
 */
enum tickwire_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing received yet.
     */
    TICKWIRE_STATE_IDLE = 0,
    /**
     * Every message since the start or the last session was seen.
     */
    TICKWIRE_STATE_GOOD = 1,
    /**
     * Messages are missing and still expected.
     */
    TICKWIRE_STATE_GAP_OPEN = 2,
    /**
     * Messages were lost, or joined late: books may be wrong until proven right.
     */
    TICKWIRE_STATE_STALE = 3,
    /**
     * The session ended.
     */
    TICKWIRE_STATE_ENDED = 4,
    /**
     * Nothing was heard for longer than allowed.
     */
    TICKWIRE_STATE_SILENT = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tickwire_state tickwire_state;
#else
typedef uint32_t tickwire_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Bits of a record's `flags`.
 */
typedef enum tickwire_flag {
    /**
     * Last record of the event for the instrument.
     */
    TICKWIRE_FLAG_LAST = 128,
    /**
     * Top-of-book record.
     */
    TICKWIRE_FLAG_TOB = 64,
    /**
     * From a snapshot, not from a live message.
     */
    TICKWIRE_FLAG_SNAPSHOT = 32,
    /**
     * Aggregated price level, not an order.
     */
    TICKWIRE_FLAG_MBP = 16,
    /**
     * `ts_recv` is not a receive time (snapshot, day file).
     */
    TICKWIRE_FLAG_BAD_TS_RECV = 8,
    /**
     * Messages were lost; the book may be wrong until it is proven right again.
     */
    TICKWIRE_FLAG_MAYBE_BAD_BOOK = 4,
} tickwire_flag;

/**
 * Types (`hd.rtype`) of control records.
 */
typedef enum tickwire_control_type {
    /**
     * A session of a channel began. `first_sequence` is the first message's number.
     */
    TICKWIRE_CONTROL_TYPE_SESSION_START = 224,
    /**
     * A session of a channel ended; `first_sequence` is the number that would have come next.
     */
    TICKWIRE_CONTROL_TYPE_SESSION_END = 225,
    /**
     * Messages `first_sequence` to `last_sequence` are missing; every book of the channel may be wrong from here on.
     */
    TICKWIRE_CONTROL_TYPE_GAP_OPEN = 226,
    /**
     * The gap is over: nothing more will be done about it. `cause` 9: the messages came; 10: they did not.
     */
    TICKWIRE_CONTROL_TYPE_GAP_CLOSED = 227,
    /**
     * The book of `hd.instrument_id` (0: every book of the channel) is proven right again.
     */
    TICKWIRE_CONTROL_TYPE_BOOK_GOOD = 228,
    /**
     * An order-level image is ready: `first_sequence` is the position of the `mbo` ring up to which it tells.
     */
    TICKWIRE_CONTROL_TYPE_IMAGE_READY = 229,
    /**
     * The venue began or ended a part of its day; `cause` is the feed's own letter.
     */
    TICKWIRE_CONTROL_TYPE_SYSTEM_EVENT = 230,
    /**
     * The reader of this `mbo` ring has price levels only: orders older than this are not known. Made by this library.
     */
    TICKWIRE_CONTROL_TYPE_PRICE_LEVELS_ONLY = 239,
} tickwire_control_type;

/**
 * Orders of a publication, followed from now on. Of one thread at a time.
 */
typedef struct tickwire_orders tickwire_orders;

/**
 * A publication, opened to be read; it shows one epoch. May be used by several threads at once.
 */
typedef struct tickwire_publication tickwire_publication;

/**
 * One ring of a publication, read in order, or as newest values. Of one thread at a time.
 */
typedef struct tickwire_subscription tickwire_subscription;

/**
 * A row of the instruments table.
 */
typedef struct tickwire_instrument {
    /**
     * Which row; the same in the items of subscriptions.
     */
    uint32_t row;
    /**
     * The venue's id, as in the records; unique together with `publisher_id`, or else the last of such rows counts.
     */
    uint32_t instrument_id;
    /**
     * DBN publisher id, as in the records.
     */
    uint16_t publisher_id;
    /**
     * Index into the channel table.
     */
    uint16_t channel;
    /**
     * Round lot in shares; 0 where not known.
     */
    uint32_t round_lot;
    /**
     * As the feed writes it, without padding; ends with a zero.
     */
    char symbol[40];
} tickwire_instrument;

/**
 * One level of both sides; an empty side has [`UNDEF_PRICE`] and zeros.
 */
typedef struct tickwire_bid_ask {
    int64_t bid_px;
    int64_t ask_px;
    uint32_t bid_sz;
    uint32_t ask_sz;
    uint32_t bid_ct;
    uint32_t ask_ct;
} tickwire_bid_ask;
/**
 * Neither side.
 */
#define tickwire_bid_ask_EMPTY (tickwire_bid_ask){ .bid_px = tickwire_UNDEF_PRICE, .ask_px = tickwire_UNDEF_PRICE, .bid_sz = 0, .ask_sz = 0, .bid_ct = 0, .ask_ct = 0 }

/**
 * The newest price levels of one instrument.
 */
typedef struct tickwire_book {
    /**
     * Whose.
     */
    struct tickwire_instrument instrument;
    /**
     * From the best on. Levels that are not there have TICKWIRE_UNDEF_PRICE and zeros.
     */
    struct tickwire_bid_ask levels[10];
    /**
     * How many levels are told: ten from `mbp-10`, one from `mbp-1`.
     */
    uint32_t depth;
    /**
     * The state of the instrument's channel: tickwire_state.
     */
    uint32_t channel_state;
    /**
     * When that began, or the doubt about its books if there is one; ns since 1970 UTC, in steps of 256.
     */
    uint64_t since_ns;
    /**
     * When the last record was received, ns since 1970 UTC; 0 if there was none.
     */
    uint64_t ts_recv;
    /**
     * The venue's time of the last record; 0 if there was none.
     */
    uint64_t ts_event;
    /**
     * Position of the last record in its ring; 0 if there was none.
     */
    uint64_t position;
    /**
     * The sequence number in the last record.
     */
    uint32_t sequence;
    /**
     * Messages that may have been for this instrument are missing.
     */
    bool maybe_bad;
} tickwire_book;

/**
 * The first 16 bytes of every record.
 */
typedef struct tickwire_header {
    /**
     * Record length in 4-byte words.
     */
    uint8_t length;
    /**
     * Record type.
     */
    uint8_t rtype;
    /**
     * DBN publisher id (Nasdaq 2, BX 3, PSX 4, IEX 38).
     */
    uint16_t publisher_id;
    /**
     * The venue's id of the instrument for this epoch.
     */
    uint32_t instrument_id;
    /**
     * The venue's time of the event, ns since 1970 UTC.
     */
    uint64_t ts_event;
} tickwire_header;

/**
 * Every order event: DBN `mbo`, 56 bytes.
 */
typedef struct tickwire_mbo {
    struct tickwire_header hd;
    /**
     * The venue's order reference; 0 for a trade.
     */
    uint64_t order_id;
    int64_t price;
    uint32_t size;
    uint8_t flags;
    uint8_t channel_id;
    uint8_t action;
    uint8_t side;
    uint64_t ts_recv;
    int32_t ts_in_delta;
    uint32_t sequence;
} tickwire_mbo;

/**
 * Every event that changes the top level, and every trade: DBN `mbp-1`, 80 bytes.
 */
typedef struct tickwire_mbp1 {
    struct tickwire_header hd;
    int64_t price;
    uint32_t size;
    uint8_t action;
    uint8_t side;
    uint8_t flags;
    uint8_t depth;
    uint64_t ts_recv;
    int32_t ts_in_delta;
    uint32_t sequence;
    struct tickwire_bid_ask levels[1];
} tickwire_mbp1;

/**
 * Every event that changes the top ten levels, and every trade: DBN `mbp-10`, 368 bytes.
 */
typedef struct tickwire_mbp10 {
    struct tickwire_header hd;
    int64_t price;
    uint32_t size;
    uint8_t action;
    uint8_t side;
    uint8_t flags;
    uint8_t depth;
    uint64_t ts_recv;
    int32_t ts_in_delta;
    uint32_t sequence;
    struct tickwire_bid_ask levels[10];
} tickwire_mbp10;

/**
 * A trade: DBN `trades` (MBP-0), 48 bytes.
 */
typedef struct tickwire_trade {
    struct tickwire_header hd;
    int64_t price;
    uint32_t size;
    uint8_t action;
    uint8_t side;
    uint8_t flags;
    uint8_t depth;
    uint64_t ts_recv;
    int32_t ts_in_delta;
    uint32_t sequence;
} tickwire_trade;

/**
 * Trading state of an instrument: DBN `status`, 40 bytes. Has neither sequence nor flags.
 */
typedef struct tickwire_status {
    struct tickwire_header hd;
    uint64_t ts_recv;
    /**
     * DBN `StatusAction`.
     */
    uint16_t action;
    /**
     * DBN `StatusReason`.
     */
    uint16_t reason;
    /**
     * DBN `TradingEvent`.
     */
    uint16_t trading_event;
    /**
     * `Y`, `N`, or `~` for not known.
     */
    uint8_t is_trading;
    uint8_t is_quoting;
    uint8_t is_short_sell_restricted;
    uint8_t reserved[7];
} tickwire_status;

/**
 * State of an auction that is to come: DBN `imbalance`, 112 bytes. Has neither sequence nor flags.
 */
typedef struct tickwire_imbalance {
    /**
     * `ts_event` is the venue's time of the message.
     */
    struct tickwire_header hd;
    /**
     * When it was received, ns since 1970 UTC.
     */
    uint64_t ts_recv;
    /**
     * Price at which the shares below are counted.
     */
    int64_t ref_price;
    /**
     * When the auction is to take place, ns since 1970 UTC, or [`UNDEF_TIME`].
     */
    uint64_t auction_time;
    /**
     * Price at which auction and continuous orders would clear (ITCH: near price).
     */
    int64_t cont_book_clr_price;
    /**
     * Price at which auction orders alone would clear (ITCH: far price).
     */
    int64_t auct_interest_clr_price;
    /**
     * Not told by our feeds.
     */
    int64_t ssr_filling_price;
    /**
     * Price at which most would match within the collars.
     */
    int64_t ind_match_price;
    /**
     * Upper limit of the collar.
     */
    int64_t upper_collar;
    /**
     * Lower limit of the collar.
     */
    int64_t lower_collar;
    /**
     * Shares that are matched at `ref_price`.
     */
    uint32_t paired_qty;
    /**
     * Shares that are not.
     */
    uint32_t total_imbalance_qty;
    /**
     * Not told by our feeds.
     */
    uint32_t market_imbalance_qty;
    /**
     * Not told by our feeds.
     */
    uint32_t unpaired_qty;
    /**
     * The venue's letter for the auction.
     */
    uint8_t auction_type;
    /**
     * Side of `total_imbalance_qty`.
     */
    uint8_t side;
    /**
     * 0.
     */
    uint8_t auction_status;
    /**
     * 0.
     */
    uint8_t freeze_status;
    /**
     * How often the auction was put off.
     */
    uint8_t num_extensions;
    /**
     * `N`: not told by our feeds.
     */
    uint8_t unpaired_side;
    /**
     * ITCH: the price variation indicator; else `~`.
     */
    uint8_t significant_imbalance;
    /**
     * Zero.
     */
    uint8_t reserved;
} tickwire_imbalance;

/**
 * A published price: DBN `statistics`, 80 bytes.
 */
typedef struct tickwire_statistics {
    /**
     * `ts_event` is the venue's time of the message.
     */
    struct tickwire_header hd;
    /**
     * When it was received, ns since 1970 UTC.
     */
    uint64_t ts_recv;
    /**
     * The time it refers to; `u64::MAX`: none other than `ts_event`.
     */
    uint64_t ts_ref;
    /**
     * The price.
     */
    int64_t price;
    /**
     * Shares, where the message tells them; else [`UNDEF_QUANTITY`].
     */
    int64_t quantity;
    /**
     * Low 32 bits of the message's number.
     */
    uint32_t sequence;
    /**
     * `ts_recv` less the venue's time of sending, ns, saturated.
     */
    int32_t ts_in_delta;
    /**
     * See [`stat_type`].
     */
    uint16_t stat_type;
    /**
     * Index into the publication's channel table.
     */
    uint16_t channel_id;
    /**
     * 1: new.
     */
    uint8_t update_action;
    /**
     * 0.
     */
    uint8_t stat_flags;
    /**
     * Zero.
     */
    uint8_t reserved[18];
} tickwire_statistics;

/**
 * An instrument's definition: DBN `definition` (version 3), 520 bytes. Has no flags. Fields that our feeds don't tell keep the values of
 * [`Definition::UNDEFINED`].
 */
typedef struct tickwire_definition {
    struct tickwire_header hd;
    uint64_t ts_recv;
    int64_t min_price_increment;
    int64_t display_factor;
    uint64_t expiration;
    uint64_t activation;
    int64_t high_limit_price;
    int64_t low_limit_price;
    int64_t max_price_variation;
    int64_t unit_of_measure_qty;
    int64_t min_price_increment_amount;
    int64_t price_ratio;
    int64_t strike_price;
    uint64_t raw_instrument_id;
    int64_t leg_price;
    int64_t leg_delta;
    int32_t inst_attrib_value;
    uint32_t underlying_id;
    int32_t market_depth_implied;
    int32_t market_depth;
    uint32_t market_segment_id;
    uint32_t max_trade_vol;
    int32_t min_lot_size;
    int32_t min_lot_size_block;
    int32_t min_lot_size_round_lot;
    uint32_t min_trade_vol;
    int32_t contract_multiplier;
    int32_t decay_quantity;
    int32_t original_contract_size;
    uint32_t leg_instrument_id;
    int32_t leg_ratio_price_numerator;
    int32_t leg_ratio_price_denominator;
    int32_t leg_ratio_qty_numerator;
    int32_t leg_ratio_qty_denominator;
    uint32_t leg_underlying_id;
    int16_t appl_id;
    uint16_t maturity_year;
    uint16_t decay_start_date;
    uint16_t channel_id;
    uint16_t leg_count;
    uint16_t leg_index;
    uint8_t currency[4];
    uint8_t settl_currency[4];
    uint8_t secsubtype[6];
    /**
     * Ends with a zero.
     */
    uint8_t raw_symbol[71];
    uint8_t group[21];
    uint8_t exchange[5];
    uint8_t asset[11];
    uint8_t cfi[7];
    uint8_t security_type[7];
    uint8_t unit_of_measure[31];
    uint8_t underlying[21];
    uint8_t strike_price_currency[4];
    uint8_t leg_raw_symbol[71];
    uint8_t instrument_class;
    uint8_t match_algorithm;
    uint8_t main_fraction;
    uint8_t price_display_format;
    uint8_t sub_fraction;
    uint8_t underlying_product;
    /**
     * `A`: first told in this session; `M`: told otherwise than before.
     */
    uint8_t security_update_action;
    uint8_t maturity_month;
    uint8_t maturity_day;
    uint8_t maturity_week;
    uint8_t user_defined_instrument;
    int8_t contract_multiplier_unit;
    int8_t flow_schedule_type;
    uint8_t tick_rule;
    uint8_t leg_instrument_class;
    uint8_t leg_side;
    uint8_t reserved[17];
} tickwire_definition;

/**
 * One message of the side ring, 96 bytes. What a kind does not tell is [`UNDEF_PRICE`], 0 or spaces.
 */
typedef struct tickwire_venue {
    /**
     * `ts_event` is the venue's time of the message.
     */
    struct tickwire_header hd;
    /**
     * When it was received, ns since 1970 UTC.
     */
    uint64_t ts_recv;
    /**
     * Match number or order reference.
     */
    uint64_t reference;
    /**
     * Prices, by kind.
     */
    int64_t prices[5];
    /**
     * A time that the message tells, ns since 1970 UTC; 0: none.
     */
    uint64_t time_ns;
    /**
     * Shares; those wider than 32 bits are `u32::MAX`.
     */
    uint32_t size;
    /**
     * Low 32 bits of the message's number.
     */
    uint32_t sequence;
    /**
     * See [`kind`].
     */
    uint8_t kind;
    /**
     * The venue's own letters, by kind.
     */
    uint8_t codes[3];
    /**
     * Text, by kind, padded with spaces.
     */
    uint8_t text[4];
} tickwire_venue;

/**
 * A bar: DBN `ohlcv`, of the window that `hd.rtype` says; `hd.ts_event` is the window's beginning.
 */
typedef struct tickwire_ohlcv {
    /**
     * As of every record.
     */
    struct tickwire_header hd;
    /**
     * First price.
     */
    int64_t open;
    /**
     * Highest price.
     */
    int64_t high;
    /**
     * Lowest price.
     */
    int64_t low;
    /**
     * Last price.
     */
    int64_t close;
    /**
     * Shares.
     */
    uint64_t volume;
} tickwire_ohlcv;

/**
 * Price and volume of a window, 64 bytes. Our own layout; it never reaches a DBN file.
 */
typedef struct tickwire_vwap {
    /**
     * `ts_event` is the window's beginning, ns since 1970 UTC.
     */
    struct tickwire_header hd;
    /**
     * Sum of price times size over sum of size, rounded towards zero.
     */
    int64_t vwap;
    /**
     * Shares.
     */
    uint64_t volume;
    /**
     * Low 64 bits of the sum of price times size (two's complement, 128 bits).
     */
    uint64_t notional_low;
    /**
     * Its high 64 bits.
     */
    int64_t notional_high;
    /**
     * How long the window is: a second, a minute, an hour, or a day of the venue (which may have 23 or 25 hours), ns.
     */
    uint64_t window_ns;
    /**
     * How many trades.
     */
    uint32_t trades;
    /**
     * [`flags::MAYBE_BAD_BOOK`](super::flags::MAYBE_BAD_BOOK): messages were lost within the window.
     */
    uint8_t flags;
    /**
     * Which window: 0 second, 1 minute, 2 hour, 3 day.
     */
    uint8_t window;
    /**
     * Zero.
     */
    uint8_t reserved[2];
} tickwire_vwap;

/**
 * Signals of one book, 80 bytes. Our own layout; it never reaches a DBN file. Ratios are in 1e-9 units, from -1e9 to 1e9.
 */
typedef struct tickwire_signal {
    /**
     * `ts_event` is that of the change.
     */
    struct tickwire_header hd;
    /**
     * When it was received, ns since 1970 UTC.
     */
    uint64_t ts_recv;
    /**
     * `(bid * ask size + ask * bid size) / (bid size + ask size)` of the best level, rounded towards zero;
     * [`UNDEF_PRICE`](super::UNDEF_PRICE) if a side is empty.
     */
    int64_t microprice;
    /**
     * Offer less bid, negative when crossed; [`UNDEF_PRICE`](super::UNDEF_PRICE) if a side is empty.
     */
    int64_t spread;
    /**
     * `(bids - asks) / (bids + asks)` of the sizes of the best `levels` levels; 0 if there are none.
     */
    int64_t size_imbalance;
    /**
     * `(bought - sold) / (bought + sold)` of the trades within the flow window; 0 if there are none.
     */
    int64_t flow_imbalance;
    /**
     * Shares that buyers took within the flow window.
     */
    uint64_t bought;
    /**
     * Shares that sellers took within the flow window.
     */
    uint64_t sold;
    /**
     * Low 32 bits of the message's number.
     */
    uint32_t sequence;
    /**
     * How many levels `size_imbalance` is of.
     */
    uint8_t levels;
    /**
     * As of the book's record: [`flags::MAYBE_BAD_BOOK`](super::flags::MAYBE_BAD_BOOK) is the state of the book.
     */
    uint8_t flags;
    /**
     * See [`crossing`].
     */
    uint8_t crossing;
    /**
     * Zero.
     */
    uint8_t reserved;
} tickwire_signal;

/**
 * A sampled datagram, 80 bytes. Our own layout; it never reaches a DBN file.
 *
 * It stands in its ring behind the datagram's own records: who has read `position` of the ring `rtype` has seen the datagram, and
 * its own clock less `ts_publish` is how long that took. Durations are 0 where the datagram's stages were not stamped
 * (stamping slows the datagram it measures, so it is done to fewer of them); together they are never more than `ts_publish - ts_recv`.
 */
typedef struct tickwire_latency {
    /**
     * `ts_event` is `ts_publish`; of no instrument.
     */
    struct tickwire_header hd;
    /**
     * The batch's receive stamp, ns since 1970 UTC.
     */
    uint64_t ts_recv;
    /**
     * When the batch had been published, ns since 1970 UTC.
     */
    uint64_t ts_publish;
    /**
     * Number of the first message in the datagram, by its session layer.
     */
    uint64_t sequence;
    /**
     * The last position written for it in the ring named by `rtype`.
     */
    uint64_t position;
    /**
     * From `ts_recv` until its channel took it up, behind the others of its batch, ns; `u32::MAX`: that or more, as in the others.
     */
    uint32_t receive_ns;
    /**
     * Session layer, order of the lines, gaps, and what is asked for ahead from memory, ns.
     */
    uint32_t arbitrate_ns;
    /**
     * All its messages, from bytes to events, ns.
     */
    uint32_t decode_ns;
    /**
     * What the events do to books, and the records that tell it, ns.
     */
    uint32_t book_ns;
    /**
     * Records written into rings and boards, ns.
     */
    uint32_t publish_ns;
    /**
     * Index of its channel in the publication's table.
     */
    uint16_t channel;
    /**
     * Messages it delivered, those held before it included; 65535: that or more.
     */
    uint16_t messages;
    /**
     * Record type of the ring that `position` is of: the first in the publication's table but `latency`.
     */
    uint8_t rtype;
    /**
     * Its line, from 0.
     */
    uint8_t line;
    /**
     * 1: the stages were stamped.
     */
    uint8_t stamped;
    /**
     * Zero.
     */
    uint8_t reserved[5];
} tickwire_latency;

/**
 * One control record.
 */
typedef struct tickwire_control {
    /**
     * `rtype` says what happened; `instrument_id` is 0 when it concerns the whole channel. `ts_event` is the venue's time: of
     * the message that caused it, or up to which the channel had been taken in (0: none yet). What follows in the ring is not earlier.
     */
    struct tickwire_header hd;
    /**
     * When the lane received what caused it, ns since 1970 UTC.
     */
    uint64_t ts_recv;
    /**
     * First sequence number concerned.
     */
    uint64_t first_sequence;
    /**
     * Last sequence number concerned; 0 if there is none.
     */
    uint64_t last_sequence;
    /**
     * Channel: index into the publication's channel table.
     */
    uint16_t channel;
    /**
     * See [`cause`].
     */
    uint8_t cause;
    /**
     * Zero.
     */
    uint8_t reserved[13];
} tickwire_control;

/**
 * A channel and its state.
 */
typedef struct tickwire_channel {
    /**
     * When the state began, or the doubt if there is one; ns since 1970 UTC, in steps of 256.
     */
    uint64_t since_ns;
    /**
     * The venue's time up to which its messages were taken in, ns since 1970 UTC; 0: none yet.
     */
    uint64_t watermark_ns;
    /**
     * Its state: tickwire_state.
     */
    uint32_t state;
    /**
     * Its index.
     */
    uint16_t channel;
    /**
     * DBN publisher id.
     */
    uint16_t publisher_id;
    /**
     * Its books may be wrong until proven right again; also while it is silent, and after its end.
     */
    bool doubted;
    /**
     * Ends with a zero.
     */
    char name[39];
} tickwire_channel;

/**
 * A pointer to a record, under the name of its type.
 */
typedef union tickwire_pointer {
    const void *any;
    /**
     * Of any record.
     */
    const struct tickwire_header *header;
    const struct tickwire_mbo *mbo;
    const struct tickwire_mbp1 *mbp1;
    const struct tickwire_mbp10 *mbp10;
    const struct tickwire_trade *trade;
    const struct tickwire_status *status;
    const struct tickwire_imbalance *imbalance;
    const struct tickwire_statistics *statistics;
    const struct tickwire_definition *definition;
    const struct tickwire_venue *venue;
    const struct tickwire_ohlcv *ohlcv;
    const struct tickwire_vwap *vwap;
    const struct tickwire_signal *signal;
    const struct tickwire_latency *latency;
    /**
     * Of TICKWIRE_KIND_CONTROL.
     */
    const struct tickwire_control *control;
    /**
     * Of TICKWIRE_KIND_CHANNEL.
     */
    const struct tickwire_channel *channel;
} tickwire_pointer;

/**
 * What came. What `record` points to is good until the next call with the same subscription.
 */
typedef struct tickwire_item {
    /**
     * The record, if there is one; else NULL.
     */
    union tickwire_pointer record;
    /**
     * Position in the ring, of what came from there and of values; else 0.
     */
    uint64_t position;
    /**
     * How many: see tickwire_kind.
     */
    uint64_t count;
    /**
     * tickwire_kind.
     */
    int32_t kind;
    /**
     * Row of the instrument, for TICKWIRE_KIND_BOARD and TICKWIRE_KIND_VALUE; else UINT32_MAX (see tickwire_instrument_of).
     */
    uint32_t row;
    /**
     * For TICKWIRE_KIND_VALUE: which of the instrument's cells on the board; 0 unless its schema has several.
     */
    uint32_t cell;
    /**
     * For TICKWIRE_KIND_BOARD and TICKWIRE_KIND_VALUE: messages that may have been for this instrument are missing. (Other records say so in their flags.)
     */
    bool maybe_bad;
} tickwire_item;

/**
 * How far the orders are.
 */
typedef struct tickwire_orders_progress {
    /**
     * The position of the `mbo` ring up to which the books tell.
     */
    uint64_t position;
    /**
     * Records that were not told one by one.
     */
    uint64_t lost;
    /**
     * Orders resting in all books together.
     */
    uint64_t live_orders;
    /**
     * How often records contradicted the books.
     */
    uint64_t contradictions;
    /**
     * How many books there are, empty ones included.
     */
    uint32_t books;
    /**
     * The books hold everything that rests: not so while waiting for an image.
     */
    bool whole;
} tickwire_orders_progress;

/**
 * An instrument's book as a whole.
 */
typedef struct tickwire_order_book {
    /**
     * The venue's time of its last record, ns since 1970 UTC; 0: nothing was heard of it.
     */
    uint64_t ts_event;
    /**
     * When its last record was received, or the image made that it comes from; ns since 1970 UTC.
     */
    uint64_t ts_recv;
    /**
     * How many orders rest in it.
     */
    uint32_t orders;
    /**
     * The sequence number in its last record.
     */
    uint32_t sequence;
    /**
     * It may be wrong: messages were lost, orders from before are not known, or what came contradicts it.
     */
    bool maybe_bad;
    /**
     * Only a clearing of the book can make it right: orders are missing that the writer knows of.
     */
    bool lacks_orders;
} tickwire_order_book;

/**
 * A price level.
 */
typedef struct tickwire_level {
    /**
     * 1e-9 units.
     */
    int64_t price;
    /**
     * Of all its orders.
     */
    uint64_t size;
    /**
     * How many.
     */
    uint32_t orders;
} tickwire_level;

/**
 * A resting order.
 */
typedef struct tickwire_order {
    /**
     * The venue's reference.
     */
    uint64_t order_id;
    /**
     * 1e-9 units.
     */
    int64_t price;
    /**
     * What is left of it.
     */
    uint32_t size;
} tickwire_order;

/**
 * Where an order waits.
 */
typedef struct tickwire_queued {
    /**
     * The order.
     */
    struct tickwire_order order;
    /**
     * Size of the orders of its level that are served before it.
     */
    uint64_t size_ahead;
    /**
     * How many they are.
     */
    uint32_t orders_ahead;
    /**
     * 'B' or 'A', as in records.
     */
    uint8_t side;
} tickwire_queued;

/**
 * The name of a publication.
 */
typedef struct tickwire_name {
    /**
     * Ends with a zero.
     */
    char text[72];
} tickwire_name;

/**
 * How a publication is.
 */
typedef struct tickwire_info {
    /**
     * Number of the epoch: a new trading session or a restarted writer begins a larger one.
     */
    uint64_t epoch;
    /**
     * When the epoch began, ns since 1970 UTC.
     */
    uint64_t created_ns;
    /**
     * The writer's last heartbeat, ns since 1970 UTC.
     */
    uint64_t heartbeat_ns;
    /**
     * Process id of the writer, in its own process namespace.
     */
    uint64_t writer_pid;
    /**
     * How the writer is: tickwire_writer.
     */
    uint32_t writer;
    /**
     * How many instruments there are so far.
     */
    uint32_t instruments;
} tickwire_info;

/**
 * A ring of a publication.
 */
typedef struct tickwire_ring {
    /**
     * What travels in it: tickwire_schema.
     */
    uint32_t schema;
    /**
     * Bytes of a record.
     */
    uint32_t record_size;
    /**
     * How many records it holds.
     */
    uint64_t depth;
    /**
     * The last position announced, control records included. May lag behind the newest by a batch.
     */
    uint64_t position;
} tickwire_ring;

/**
 * How far a subscription is.
 */
typedef struct tickwire_progress {
    /**
     * The position of the record that comes next from the ring; in a new epoch it begins at 1 again. 0 for tickwire_latest.
     */
    uint64_t next_position;
    /**
     * Records lost to it so far; for tickwire_latest, positions passed over for newer ones.
     */
    uint64_t lost;
    /**
     * What is in its ring: tickwire_schema.
     */
    uint32_t schema;
    /**
     * What came so far is the whole state: not so while joining.
     */
    bool joined;
} tickwire_progress;

/**
 * A counter.
 */
typedef struct tickwire_counter {
    /**
     * As of the lane's last chore.
     */
    uint64_t value;
    /**
     * Ends with a zero.
     */
    char name[40];
} tickwire_counter;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The sentence of this thread's last failure, `""` if there was none: where, what, why, and what to do. Good until the next failure
 * in this thread.
 */
const char *tickwire_error(void);

/**
 * The code of this thread's last failure, TICKWIRE_CODE_OK if there was none: for functions that return NULL.
 */
int32_t tickwire_error_code(void);

/**
 * The version of this library.
 */
const char *tickwire_version(void);

/**
 * Looks the book of a symbol up: ten levels if there is an `mbp-10` ring, else the best.
 */
int32_t tickwire_look_up(const struct tickwire_publication *publication, const char *symbol, struct tickwire_book *book);

/**
 * The same by row.
 */
int32_t tickwire_look_up_at(const struct tickwire_publication *publication, uint32_t row, struct tickwire_book *book);

/**
 * Follows the orders of a publication with an `mbo` ring: books order by order, from the newest image on, or from the beginning where the ring still
 * has it. `start` (tickwire_start) says what to do if neither can be had. NULL if that cannot be. May take a second for a busy venue.
 * To be closed with tickwire_leave_orders.
 */
struct tickwire_orders *tickwire_follow_orders(const struct tickwire_publication *publication,
                                               uint32_t start);

/**
 * Leaves the orders. NULL does nothing.
 */
void tickwire_leave_orders(struct tickwire_orders *orders);

/**
 * The next thing that happened, into `item`; the books have taken it in. Returns its kind: TICKWIRE_KIND_RECORD (an `mbo` record), CONTROL, REJOINED,
 * WAITING, IDLE, NEW_EPOCH, WRITER_DEAD, END; or a code, after which it may be called again.
 */
int32_t tickwire_orders_next(struct tickwire_orders *orders,
                             struct tickwire_item *item);

/**
 * Takes at most `most` records into the books without showing them: the quickest way to be current. Returns how many, or a code. It stops
 * before anything that is no record: 0 means that nothing came, or something that tickwire_orders_next has to tell.
 */
int64_t tickwire_orders_take(struct tickwire_orders *orders, size_t most);

/**
 * How far the orders are.
 */
int32_t tickwire_orders_how_far(const struct tickwire_orders *orders, struct tickwire_orders_progress *progress);

/**
 * The book of an instrument as a whole. (The ids in `instrument` are those of the epoch: after a new one, ask tickwire_find again.)
 */
int32_t tickwire_order_summary(const struct tickwire_orders *orders,
                               const struct tickwire_instrument *instrument,
                               struct tickwire_order_book *book);

/**
 * Writes the price levels of a side ('B' or 'A') of an instrument's book to `levels`, the best first, at most `most`. Returns how many were
 * written, or a code.
 */
int64_t tickwire_order_levels(const struct tickwire_orders *orders,
                              const struct tickwire_instrument *instrument,
                              uint8_t side,
                              struct tickwire_level *levels,
                              size_t most);

/**
 * Writes the orders of a side ('B' or 'A') of an instrument's book to `queue`, as they will be served: the best price first, and there who came
 * first; at most `most`. Returns how many were written, or a code.
 */
int64_t tickwire_order_queue(const struct tickwire_orders *orders,
                             const struct tickwire_instrument *instrument,
                             uint8_t side,
                             struct tickwire_order *queue,
                             size_t most);

/**
 * Where an order waits. TICKWIRE_CODE_NO_ORDER if it does not rest in that instrument's book.
 */
int32_t tickwire_order_place(const struct tickwire_orders *orders,
                             const struct tickwire_instrument *instrument,
                             uint64_t order_id,
                             struct tickwire_queued *queued);

/**
 * The symbol of the instrument that a record of these orders is of, as tickwire_symbol.
 */
const char *tickwire_orders_symbol(struct tickwire_orders *orders, const struct tickwire_header *header);

/**
 * The epoch that the orders are in, as a handle of its own, to be closed with tickwire_close.
 */
struct tickwire_publication *tickwire_orders_subscribed(const struct tickwire_orders *orders);

/**
 * Opens the publication `name` in the directory `dir` (NULL: $TICKWIRE_PUBLICATION_DIR, or else /dev/shm/tickwire). NULL if that cannot be. To be closed with
 * tickwire_close.
 */
struct tickwire_publication *tickwire_open(const char *dir,
                                           const char *name);

/**
 * Opens what the name of `publication` leads to now: the newest epoch. Another handle, to be closed too.
 */
struct tickwire_publication *tickwire_reopen(const struct tickwire_publication *publication);

/**
 * Closes it. Subscriptions made from it go on without it. NULL does nothing.
 */
void tickwire_close(struct tickwire_publication *publication);

/**
 * Writes the names of the publications in `dir` (NULL: $TICKWIRE_PUBLICATION_DIR, or else /dev/shm/tickwire) to `names`, sorted, at most `most`. Returns how many there are,
 * which may be more; or a code.
 */
int64_t tickwire_names(const char *dir,
                       struct tickwire_name *names,
                       size_t most);

/**
 * How the publication is. Up to two system calls.
 */
int32_t tickwire_examine(const struct tickwire_publication *publication, struct tickwire_info *info);

/**
 * Writes the publication's rings to `rings`, at most `most`. Returns how many there are, which may be more; or a code.
 */
int64_t tickwire_rings(const struct tickwire_publication *publication, struct tickwire_ring *rings, size_t most);

/**
 * Reads a ring, message by message: `schema` says which (tickwire_schema), `from` where to begin (tickwire_begin), `on_lost` what follows a loss
 * (tickwire_lost). NULL if that cannot be. To be closed with tickwire_unsubscribe.
 */
struct tickwire_subscription *tickwire_subscribe(const struct tickwire_publication *publication,
                                                 uint32_t schema,
                                                 uint32_t from,
                                                 uint32_t on_lost);

/**
 * The same, and the writer waits for this reader: only where its publication has gates, that is, for replays.
 */
struct tickwire_subscription *tickwire_subscribe_gated(const struct tickwire_publication *publication, uint32_t schema, uint32_t from);

/**
 * The newest record of every instrument, each time it is asked: for programs that need the state and not each message. However slowly it is
 * asked, no instrument's last record is lost; tickwire_next gives what changed since it was given last, then TICKWIRE_KIND_IDLE. To be closed
 * with tickwire_unsubscribe.
 */
struct tickwire_subscription *tickwire_latest(const struct tickwire_publication *publication,
                                              uint32_t schema);

/**
 * Ends a subscription. NULL does nothing.
 */
void tickwire_unsubscribe(struct tickwire_subscription *subscription);

/**
 * The next thing that happened, into `item`; never waits. Returns its kind (tickwire_kind), or a code, after which it may be called again: the
 * memory is not what a writer of ours leaves, a new epoch cannot be read, or the operating system refused an answer.
 */
int32_t tickwire_next(struct tickwire_subscription *subscription,
                      struct tickwire_item *item);

/**
 * Copies the next records of the ring to `records`, packed, at most `most` of them (tickwire_record_size bytes each, aligned to 8); the
 * quickest way through a busy ring. Returns how many, or a code. It stops before anything that is no record: 0 means that nothing
 * came, or something that tickwire_next has to tell. What is in `records` behind those that were copied may be overwritten.
 */
int64_t tickwire_read(struct tickwire_subscription *subscription, void *records, size_t most);

/**
 * Bytes of a record of a schema, or a code.
 */
int32_t tickwire_record_size(uint32_t schema);

/**
 * How far the subscription is.
 */
int32_t tickwire_how_far(const struct tickwire_subscription *subscription, struct tickwire_progress *progress);

/**
 * The symbol of the instrument that a record of this subscription is of; `""` for ids that were never announced, as in control records of a
 * whole channel. Follows into new epochs. Good until the next call with this subscription; NULL if that cannot be.
 */
const char *tickwire_symbol(struct tickwire_subscription *subscription, const struct tickwire_header *header);

/**
 * The instrument that a record of this subscription is of. Follows into new epochs. TICKWIRE_CODE_NO_SYMBOL for ids that were never announced.
 */
int32_t tickwire_instrument_of(struct tickwire_subscription *subscription,
                               const struct tickwire_header *header,
                               struct tickwire_instrument *instrument);

/**
 * The epoch that the subscription is in, as a handle of its own, to be closed with tickwire_close.
 */
struct tickwire_publication *tickwire_subscribed(const struct tickwire_subscription *subscription);

/**
 * Writes rows of the instruments table to `instruments`, from row `first` on, at most `most`. Returns how many were written, or a code.
 * Rows are only ever added, and never change within an epoch.
 */
int64_t tickwire_instruments(const struct tickwire_publication *publication,
                             uint32_t first,
                             struct tickwire_instrument *instruments,
                             size_t most);

/**
 * One row of the instruments table.
 */
int32_t tickwire_instrument_at(const struct tickwire_publication *publication, uint32_t row, struct tickwire_instrument *instrument);

/**
 * The first instrument of that symbol, written as the feed does but without padding. TICKWIRE_CODE_NO_SYMBOL if there is none so far.
 */
int32_t tickwire_find(const struct tickwire_publication *publication, const char *symbol, struct tickwire_instrument *instrument);

/**
 * Writes the channels and their states to `channels`, at most `most`. Returns how many there are, which may be more; or a code.
 */
int64_t tickwire_channels(const struct tickwire_publication *publication, struct tickwire_channel *channels, size_t most);

/**
 * Writes the counters to `counters`, at most `most`. Returns how many there are, which may be more; or a code.
 */
int64_t tickwire_counters(const struct tickwire_publication *publication, struct tickwire_counter *counters, size_t most);

/**
 * The name of a schema, as in configurations; NULL if there is none of that number.
 */
const char *tickwire_schema_name(uint32_t schema);

/**
 * The schema of that name, as in configurations; a code if there is none.
 */
int32_t tickwire_schema_of(const char *name);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TICKWIRE_H */

/* What the compiler of a program makes of the records is what the writer's made of them. */
#ifdef __cplusplus
#define TICKWIRE_SIZE(record, bytes) static_assert(sizeof(record) == bytes, #record);
#define TICKWIRE_AT(record, field, offset) static_assert(offsetof(record, field) == offset, #record "." #field);
#else
#define TICKWIRE_SIZE(record, bytes) _Static_assert(sizeof(record) == bytes, #record);
#define TICKWIRE_AT(record, field, offset) _Static_assert(offsetof(record, field) == offset, #record "." #field);
#endif
TICKWIRE_SIZE(tickwire_header, 16)
TICKWIRE_AT(tickwire_header, length, 0)
TICKWIRE_AT(tickwire_header, rtype, 1)
TICKWIRE_AT(tickwire_header, publisher_id, 2)
TICKWIRE_AT(tickwire_header, instrument_id, 4)
TICKWIRE_AT(tickwire_header, ts_event, 8)
TICKWIRE_SIZE(tickwire_bid_ask, 32)
TICKWIRE_AT(tickwire_bid_ask, bid_px, 0)
TICKWIRE_AT(tickwire_bid_ask, ask_px, 8)
TICKWIRE_AT(tickwire_bid_ask, bid_sz, 16)
TICKWIRE_AT(tickwire_bid_ask, ask_sz, 20)
TICKWIRE_AT(tickwire_bid_ask, bid_ct, 24)
TICKWIRE_AT(tickwire_bid_ask, ask_ct, 28)
TICKWIRE_SIZE(tickwire_mbo, 56)
TICKWIRE_AT(tickwire_mbo, hd, 0)
TICKWIRE_AT(tickwire_mbo, order_id, 16)
TICKWIRE_AT(tickwire_mbo, price, 24)
TICKWIRE_AT(tickwire_mbo, size, 32)
TICKWIRE_AT(tickwire_mbo, flags, 36)
TICKWIRE_AT(tickwire_mbo, channel_id, 37)
TICKWIRE_AT(tickwire_mbo, action, 38)
TICKWIRE_AT(tickwire_mbo, side, 39)
TICKWIRE_AT(tickwire_mbo, ts_recv, 40)
TICKWIRE_AT(tickwire_mbo, ts_in_delta, 48)
TICKWIRE_AT(tickwire_mbo, sequence, 52)
TICKWIRE_SIZE(tickwire_mbp1, 80)
TICKWIRE_AT(tickwire_mbp1, hd, 0)
TICKWIRE_AT(tickwire_mbp1, price, 16)
TICKWIRE_AT(tickwire_mbp1, size, 24)
TICKWIRE_AT(tickwire_mbp1, action, 28)
TICKWIRE_AT(tickwire_mbp1, side, 29)
TICKWIRE_AT(tickwire_mbp1, flags, 30)
TICKWIRE_AT(tickwire_mbp1, depth, 31)
TICKWIRE_AT(tickwire_mbp1, ts_recv, 32)
TICKWIRE_AT(tickwire_mbp1, ts_in_delta, 40)
TICKWIRE_AT(tickwire_mbp1, sequence, 44)
TICKWIRE_AT(tickwire_mbp1, levels, 48)
TICKWIRE_SIZE(tickwire_mbp10, 368)
TICKWIRE_AT(tickwire_mbp10, hd, 0)
TICKWIRE_AT(tickwire_mbp10, price, 16)
TICKWIRE_AT(tickwire_mbp10, size, 24)
TICKWIRE_AT(tickwire_mbp10, action, 28)
TICKWIRE_AT(tickwire_mbp10, side, 29)
TICKWIRE_AT(tickwire_mbp10, flags, 30)
TICKWIRE_AT(tickwire_mbp10, depth, 31)
TICKWIRE_AT(tickwire_mbp10, ts_recv, 32)
TICKWIRE_AT(tickwire_mbp10, ts_in_delta, 40)
TICKWIRE_AT(tickwire_mbp10, sequence, 44)
TICKWIRE_AT(tickwire_mbp10, levels, 48)
TICKWIRE_SIZE(tickwire_trade, 48)
TICKWIRE_AT(tickwire_trade, hd, 0)
TICKWIRE_AT(tickwire_trade, price, 16)
TICKWIRE_AT(tickwire_trade, size, 24)
TICKWIRE_AT(tickwire_trade, action, 28)
TICKWIRE_AT(tickwire_trade, side, 29)
TICKWIRE_AT(tickwire_trade, flags, 30)
TICKWIRE_AT(tickwire_trade, depth, 31)
TICKWIRE_AT(tickwire_trade, ts_recv, 32)
TICKWIRE_AT(tickwire_trade, ts_in_delta, 40)
TICKWIRE_AT(tickwire_trade, sequence, 44)
TICKWIRE_SIZE(tickwire_status, 40)
TICKWIRE_AT(tickwire_status, hd, 0)
TICKWIRE_AT(tickwire_status, ts_recv, 16)
TICKWIRE_AT(tickwire_status, action, 24)
TICKWIRE_AT(tickwire_status, reason, 26)
TICKWIRE_AT(tickwire_status, trading_event, 28)
TICKWIRE_AT(tickwire_status, is_trading, 30)
TICKWIRE_AT(tickwire_status, is_quoting, 31)
TICKWIRE_AT(tickwire_status, is_short_sell_restricted, 32)
TICKWIRE_AT(tickwire_status, reserved, 33)
TICKWIRE_SIZE(tickwire_imbalance, 112)
TICKWIRE_AT(tickwire_imbalance, hd, 0)
TICKWIRE_AT(tickwire_imbalance, ts_recv, 16)
TICKWIRE_AT(tickwire_imbalance, ref_price, 24)
TICKWIRE_AT(tickwire_imbalance, auction_time, 32)
TICKWIRE_AT(tickwire_imbalance, cont_book_clr_price, 40)
TICKWIRE_AT(tickwire_imbalance, auct_interest_clr_price, 48)
TICKWIRE_AT(tickwire_imbalance, ssr_filling_price, 56)
TICKWIRE_AT(tickwire_imbalance, ind_match_price, 64)
TICKWIRE_AT(tickwire_imbalance, upper_collar, 72)
TICKWIRE_AT(tickwire_imbalance, lower_collar, 80)
TICKWIRE_AT(tickwire_imbalance, paired_qty, 88)
TICKWIRE_AT(tickwire_imbalance, total_imbalance_qty, 92)
TICKWIRE_AT(tickwire_imbalance, market_imbalance_qty, 96)
TICKWIRE_AT(tickwire_imbalance, unpaired_qty, 100)
TICKWIRE_AT(tickwire_imbalance, auction_type, 104)
TICKWIRE_AT(tickwire_imbalance, side, 105)
TICKWIRE_AT(tickwire_imbalance, auction_status, 106)
TICKWIRE_AT(tickwire_imbalance, freeze_status, 107)
TICKWIRE_AT(tickwire_imbalance, num_extensions, 108)
TICKWIRE_AT(tickwire_imbalance, unpaired_side, 109)
TICKWIRE_AT(tickwire_imbalance, significant_imbalance, 110)
TICKWIRE_AT(tickwire_imbalance, reserved, 111)
TICKWIRE_SIZE(tickwire_statistics, 80)
TICKWIRE_AT(tickwire_statistics, hd, 0)
TICKWIRE_AT(tickwire_statistics, ts_recv, 16)
TICKWIRE_AT(tickwire_statistics, ts_ref, 24)
TICKWIRE_AT(tickwire_statistics, price, 32)
TICKWIRE_AT(tickwire_statistics, quantity, 40)
TICKWIRE_AT(tickwire_statistics, sequence, 48)
TICKWIRE_AT(tickwire_statistics, ts_in_delta, 52)
TICKWIRE_AT(tickwire_statistics, stat_type, 56)
TICKWIRE_AT(tickwire_statistics, channel_id, 58)
TICKWIRE_AT(tickwire_statistics, update_action, 60)
TICKWIRE_AT(tickwire_statistics, stat_flags, 61)
TICKWIRE_AT(tickwire_statistics, reserved, 62)
TICKWIRE_SIZE(tickwire_definition, 520)
TICKWIRE_AT(tickwire_definition, hd, 0)
TICKWIRE_AT(tickwire_definition, ts_recv, 16)
TICKWIRE_AT(tickwire_definition, min_price_increment, 24)
TICKWIRE_AT(tickwire_definition, display_factor, 32)
TICKWIRE_AT(tickwire_definition, expiration, 40)
TICKWIRE_AT(tickwire_definition, activation, 48)
TICKWIRE_AT(tickwire_definition, high_limit_price, 56)
TICKWIRE_AT(tickwire_definition, low_limit_price, 64)
TICKWIRE_AT(tickwire_definition, max_price_variation, 72)
TICKWIRE_AT(tickwire_definition, unit_of_measure_qty, 80)
TICKWIRE_AT(tickwire_definition, min_price_increment_amount, 88)
TICKWIRE_AT(tickwire_definition, price_ratio, 96)
TICKWIRE_AT(tickwire_definition, strike_price, 104)
TICKWIRE_AT(tickwire_definition, raw_instrument_id, 112)
TICKWIRE_AT(tickwire_definition, leg_price, 120)
TICKWIRE_AT(tickwire_definition, leg_delta, 128)
TICKWIRE_AT(tickwire_definition, inst_attrib_value, 136)
TICKWIRE_AT(tickwire_definition, underlying_id, 140)
TICKWIRE_AT(tickwire_definition, market_depth_implied, 144)
TICKWIRE_AT(tickwire_definition, market_depth, 148)
TICKWIRE_AT(tickwire_definition, market_segment_id, 152)
TICKWIRE_AT(tickwire_definition, max_trade_vol, 156)
TICKWIRE_AT(tickwire_definition, min_lot_size, 160)
TICKWIRE_AT(tickwire_definition, min_lot_size_block, 164)
TICKWIRE_AT(tickwire_definition, min_lot_size_round_lot, 168)
TICKWIRE_AT(tickwire_definition, min_trade_vol, 172)
TICKWIRE_AT(tickwire_definition, contract_multiplier, 176)
TICKWIRE_AT(tickwire_definition, decay_quantity, 180)
TICKWIRE_AT(tickwire_definition, original_contract_size, 184)
TICKWIRE_AT(tickwire_definition, leg_instrument_id, 188)
TICKWIRE_AT(tickwire_definition, leg_ratio_price_numerator, 192)
TICKWIRE_AT(tickwire_definition, leg_ratio_price_denominator, 196)
TICKWIRE_AT(tickwire_definition, leg_ratio_qty_numerator, 200)
TICKWIRE_AT(tickwire_definition, leg_ratio_qty_denominator, 204)
TICKWIRE_AT(tickwire_definition, leg_underlying_id, 208)
TICKWIRE_AT(tickwire_definition, appl_id, 212)
TICKWIRE_AT(tickwire_definition, maturity_year, 214)
TICKWIRE_AT(tickwire_definition, decay_start_date, 216)
TICKWIRE_AT(tickwire_definition, channel_id, 218)
TICKWIRE_AT(tickwire_definition, leg_count, 220)
TICKWIRE_AT(tickwire_definition, leg_index, 222)
TICKWIRE_AT(tickwire_definition, currency, 224)
TICKWIRE_AT(tickwire_definition, settl_currency, 228)
TICKWIRE_AT(tickwire_definition, secsubtype, 232)
TICKWIRE_AT(tickwire_definition, raw_symbol, 238)
TICKWIRE_AT(tickwire_definition, group, 309)
TICKWIRE_AT(tickwire_definition, exchange, 330)
TICKWIRE_AT(tickwire_definition, asset, 335)
TICKWIRE_AT(tickwire_definition, cfi, 346)
TICKWIRE_AT(tickwire_definition, security_type, 353)
TICKWIRE_AT(tickwire_definition, unit_of_measure, 360)
TICKWIRE_AT(tickwire_definition, underlying, 391)
TICKWIRE_AT(tickwire_definition, strike_price_currency, 412)
TICKWIRE_AT(tickwire_definition, leg_raw_symbol, 416)
TICKWIRE_AT(tickwire_definition, instrument_class, 487)
TICKWIRE_AT(tickwire_definition, match_algorithm, 488)
TICKWIRE_AT(tickwire_definition, main_fraction, 489)
TICKWIRE_AT(tickwire_definition, price_display_format, 490)
TICKWIRE_AT(tickwire_definition, sub_fraction, 491)
TICKWIRE_AT(tickwire_definition, underlying_product, 492)
TICKWIRE_AT(tickwire_definition, security_update_action, 493)
TICKWIRE_AT(tickwire_definition, maturity_month, 494)
TICKWIRE_AT(tickwire_definition, maturity_day, 495)
TICKWIRE_AT(tickwire_definition, maturity_week, 496)
TICKWIRE_AT(tickwire_definition, user_defined_instrument, 497)
TICKWIRE_AT(tickwire_definition, contract_multiplier_unit, 498)
TICKWIRE_AT(tickwire_definition, flow_schedule_type, 499)
TICKWIRE_AT(tickwire_definition, tick_rule, 500)
TICKWIRE_AT(tickwire_definition, leg_instrument_class, 501)
TICKWIRE_AT(tickwire_definition, leg_side, 502)
TICKWIRE_AT(tickwire_definition, reserved, 503)
TICKWIRE_SIZE(tickwire_venue, 96)
TICKWIRE_AT(tickwire_venue, hd, 0)
TICKWIRE_AT(tickwire_venue, ts_recv, 16)
TICKWIRE_AT(tickwire_venue, reference, 24)
TICKWIRE_AT(tickwire_venue, prices, 32)
TICKWIRE_AT(tickwire_venue, time_ns, 72)
TICKWIRE_AT(tickwire_venue, size, 80)
TICKWIRE_AT(tickwire_venue, sequence, 84)
TICKWIRE_AT(tickwire_venue, kind, 88)
TICKWIRE_AT(tickwire_venue, codes, 89)
TICKWIRE_AT(tickwire_venue, text, 92)
TICKWIRE_SIZE(tickwire_ohlcv, 56)
TICKWIRE_AT(tickwire_ohlcv, hd, 0)
TICKWIRE_AT(tickwire_ohlcv, open, 16)
TICKWIRE_AT(tickwire_ohlcv, high, 24)
TICKWIRE_AT(tickwire_ohlcv, low, 32)
TICKWIRE_AT(tickwire_ohlcv, close, 40)
TICKWIRE_AT(tickwire_ohlcv, volume, 48)
TICKWIRE_SIZE(tickwire_vwap, 64)
TICKWIRE_AT(tickwire_vwap, hd, 0)
TICKWIRE_AT(tickwire_vwap, vwap, 16)
TICKWIRE_AT(tickwire_vwap, volume, 24)
TICKWIRE_AT(tickwire_vwap, notional_low, 32)
TICKWIRE_AT(tickwire_vwap, notional_high, 40)
TICKWIRE_AT(tickwire_vwap, window_ns, 48)
TICKWIRE_AT(tickwire_vwap, trades, 56)
TICKWIRE_AT(tickwire_vwap, flags, 60)
TICKWIRE_AT(tickwire_vwap, window, 61)
TICKWIRE_AT(tickwire_vwap, reserved, 62)
TICKWIRE_SIZE(tickwire_signal, 80)
TICKWIRE_AT(tickwire_signal, hd, 0)
TICKWIRE_AT(tickwire_signal, ts_recv, 16)
TICKWIRE_AT(tickwire_signal, microprice, 24)
TICKWIRE_AT(tickwire_signal, spread, 32)
TICKWIRE_AT(tickwire_signal, size_imbalance, 40)
TICKWIRE_AT(tickwire_signal, flow_imbalance, 48)
TICKWIRE_AT(tickwire_signal, bought, 56)
TICKWIRE_AT(tickwire_signal, sold, 64)
TICKWIRE_AT(tickwire_signal, sequence, 72)
TICKWIRE_AT(tickwire_signal, levels, 76)
TICKWIRE_AT(tickwire_signal, flags, 77)
TICKWIRE_AT(tickwire_signal, crossing, 78)
TICKWIRE_AT(tickwire_signal, reserved, 79)
TICKWIRE_SIZE(tickwire_latency, 80)
TICKWIRE_AT(tickwire_latency, hd, 0)
TICKWIRE_AT(tickwire_latency, ts_recv, 16)
TICKWIRE_AT(tickwire_latency, ts_publish, 24)
TICKWIRE_AT(tickwire_latency, sequence, 32)
TICKWIRE_AT(tickwire_latency, position, 40)
TICKWIRE_AT(tickwire_latency, receive_ns, 48)
TICKWIRE_AT(tickwire_latency, arbitrate_ns, 52)
TICKWIRE_AT(tickwire_latency, decode_ns, 56)
TICKWIRE_AT(tickwire_latency, book_ns, 60)
TICKWIRE_AT(tickwire_latency, publish_ns, 64)
TICKWIRE_AT(tickwire_latency, channel, 68)
TICKWIRE_AT(tickwire_latency, messages, 70)
TICKWIRE_AT(tickwire_latency, rtype, 72)
TICKWIRE_AT(tickwire_latency, line, 73)
TICKWIRE_AT(tickwire_latency, stamped, 74)
TICKWIRE_AT(tickwire_latency, reserved, 75)
TICKWIRE_SIZE(tickwire_control, 56)
TICKWIRE_AT(tickwire_control, hd, 0)
TICKWIRE_AT(tickwire_control, ts_recv, 16)
TICKWIRE_AT(tickwire_control, first_sequence, 24)
TICKWIRE_AT(tickwire_control, last_sequence, 32)
TICKWIRE_AT(tickwire_control, channel, 40)
TICKWIRE_AT(tickwire_control, cause, 42)
TICKWIRE_AT(tickwire_control, reserved, 43)
#undef TICKWIRE_SIZE
#undef TICKWIRE_AT
