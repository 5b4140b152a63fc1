// Tells what a publication says, line by line, for a test that knows what it should.
//
//   tell DIR NAME tables
//   tell DIR NAME next|read|stop|latest SCHEMA board|now|oldest
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tickwire.h"

static void fail(const char *what) {
    fprintf(stderr, "%s: %s (%d)\n", what, tickwire_error(), (int)tickwire_error_code());
    exit(1);
}

static void hex(const void *record, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) printf("%02x", ((const unsigned char *)record)[i]);
    printf("\n");
}

static void instrument(const tickwire_instrument *row) {
    printf("instrument %" PRIu32 " %" PRIu32 " %u %u %" PRIu32 " %s\n", row->row, row->instrument_id, row->publisher_id, row->channel,
           row->round_lot, row->symbol);
}

static void channel(const tickwire_channel *row) {
    printf("channel %u %s %u %" PRIu32 " %d %" PRIu64 " %" PRIu64 "\n", row->channel, row->name, row->publisher_id, row->state,
           row->doubted, row->since_ns, row->watermark_ns);
}

static void book(const tickwire_book *book) {
    printf("book %s %" PRIu32 " %d %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32, book->instrument.symbol, book->depth,
           book->maybe_bad, book->channel_state, book->position, book->ts_recv, book->ts_event, book->sequence);
    for (uint32_t i = 0; i < book->depth; i++) {
        const tickwire_bid_ask *level = &book->levels[i];
        printf(" %" PRId64 "*%" PRIu32 "|%" PRId64 "*%" PRIu32, level->bid_px, level->bid_sz, level->ask_px, level->ask_sz);
    }
    printf("\n");
}

static void tables(const char *dir, const tickwire_publication *publication) {
    tickwire_name names[4];
    int64_t count = tickwire_names(dir, names, 4);
    if (count < 0) fail("names");
    for (int64_t i = 0; i < count && i < 4; i++) printf("name %s\n", names[i].text);
    tickwire_info info;
    if (tickwire_examine(publication, &info) != TICKWIRE_CODE_OK) fail("examine");
    printf("epoch %" PRIu64 " writer %" PRIu32 " instruments %" PRIu32 "\n", info.epoch, info.writer, info.instruments);
    tickwire_ring rings[2];
    count = tickwire_rings(publication, rings, 2);
    printf("rings %" PRId64 "\n", count);
    for (int64_t i = 0; i < count && i < 2; i++)
        printf("ring %s %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", tickwire_schema_name(rings[i].schema), rings[i].record_size, rings[i].depth,
               rings[i].position);
    tickwire_instrument rows[2];
    for (uint32_t first = 0; (count = tickwire_instruments(publication, first, rows, 2)) > 0; first += (uint32_t)count)
        for (int64_t i = 0; i < count; i++) instrument(&rows[i]);
    tickwire_channel channels[8];
    count = tickwire_channels(publication, channels, 8);
    for (int64_t i = 0; i < count; i++) channel(&channels[i]);
    tickwire_counter counters[8];
    count = tickwire_counters(publication, counters, 8);
    for (int64_t i = 0; i < count; i++) printf("counter %s %" PRIu64 "\n", counters[i].name, counters[i].value);
    tickwire_instrument found;
    if (tickwire_find(publication, "MSFT", &found) != TICKWIRE_CODE_OK) fail("find");
    instrument(&found);
    if (tickwire_find(publication, "NONE", &found) != TICKWIRE_CODE_NO_SYMBOL) fail("find");
    printf("%s\n", strrchr(tickwire_error(), '/'));
    if (tickwire_instrument_at(publication, 0, &found) != TICKWIRE_CODE_OK) fail("instrument_at");
    instrument(&found);
    tickwire_book view;
    if (tickwire_look_up(publication, "AAPL", &view) != TICKWIRE_CODE_OK) fail("look_up");
    book(&view);
    if (tickwire_look_up_at(publication, 1, &view) != TICKWIRE_CODE_OK) fail("look_up_at");
    book(&view);
}

static void tell(tickwire_subscription *subscription, int batches, uint32_t schema) {
    size_t bytes = (size_t)tickwire_record_size(schema);
    uint64_t room[7 * 520 / 8];
    tickwire_progress progress;
    for (tickwire_item item;;) {
        if (batches) {
            if (tickwire_how_far(subscription, &progress) != TICKWIRE_CODE_OK || progress.schema != schema) fail("how_far");
            int64_t count = tickwire_read(subscription, room, 7);
            if (count < 0) fail("read");
            for (int64_t i = 0; i < count; i++) {
                printf("record %" PRIu64 " ", progress.next_position + (uint64_t)i);
                hex((char *)room + (size_t)i * bytes, bytes);
            }
            if (count > 0) continue;
        }
        int kind = tickwire_next(subscription, &item);
        if (kind < 0) fail("next");
        if (kind != item.kind) fail("kind");
        switch (kind) {
        case TICKWIRE_KIND_IDLE: {
            struct timespec pause = {0, 20000};
            fflush(stdout);
            nanosleep(&pause, NULL);
            continue;
        }
        case TICKWIRE_KIND_RECORD: printf("record %" PRIu64 " ", item.position); break;
        case TICKWIRE_KIND_BOARD: printf("board %" PRIu32 " %d ", item.row, item.maybe_bad); break;
        case TICKWIRE_KIND_VALUE:
            printf("value %" PRIu32 " %" PRIu32 " %" PRIu64 " %d %" PRIu64 " ", item.row, item.cell, item.position, item.maybe_bad, item.count);
            break;
        case TICKWIRE_KIND_CONTROL:
            printf("control ");
            hex(item.record.any, sizeof(tickwire_control));
            continue;
        case TICKWIRE_KIND_CHANNEL: channel(item.record.channel); continue;
        case TICKWIRE_KIND_LOST: printf("lost %" PRIu64 "\n", item.count); continue;
        case TICKWIRE_KIND_SKIPPED: printf("skipped %" PRIu64 "\n", item.count); continue;
        case TICKWIRE_KIND_NEW_EPOCH: {
            tickwire_publication *now = tickwire_subscribed(subscription);
            tickwire_info info;
            if (!now || tickwire_examine(now, &info) < 0) fail("subscribed");
            printf("epoch %" PRIu64 "\n", info.epoch);
            tickwire_close(now);
            continue;
        }
        case TICKWIRE_KIND_WRITER_DEAD: printf("dead\n"); return;
        case TICKWIRE_KIND_END: printf("end\n"); return;
        default: fail("an unknown kind");
        }
        // Whose it is, two ways.
        tickwire_instrument of;
        int known = tickwire_instrument_of(subscription, item.record.header, &of);
        if (known != TICKWIRE_CODE_OK && known != TICKWIRE_CODE_NO_SYMBOL) fail("instrument_of");
        if (strcmp(tickwire_symbol(subscription, item.record.header), known == TICKWIRE_CODE_OK ? of.symbol : "")) fail("symbol");
        if (item.row != TICKWIRE_NO_ROW && item.row != of.row) fail("row");
        hex(item.record.any, bytes);
    }
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    tickwire_publication *publication = tickwire_open(argv[1], argv[2]);
    if (!publication) fail("open");
    if (!strcmp(argv[3], "tables")) {
        tables(argv[1], publication);
        tickwire_close(publication);
        return 0;
    }
    if (argc < 6) return 2;
    int schema = tickwire_schema_of(argv[4]);
    if (schema < 0) fail("schema");
    uint32_t from = !strcmp(argv[5], "board") ? TICKWIRE_BEGIN_BOARD : !strcmp(argv[5], "now") ? TICKWIRE_BEGIN_NOW : TICKWIRE_BEGIN_OLDEST;
    uint32_t then = !strcmp(argv[3], "stop") ? TICKWIRE_LOST_STOP : TICKWIRE_LOST_REJOIN;
    tickwire_subscription *subscription =
        !strcmp(argv[3], "latest") ? tickwire_latest(publication, (uint32_t)schema) : tickwire_subscribe(publication, (uint32_t)schema, from, then);
    if (!subscription) fail("subscribe");
    // A subscription goes on without the handle that it was made from.
    tickwire_close(publication);
    tell(subscription, !strcmp(argv[3], "read"), (uint32_t)schema);
    tickwire_unsubscribe(subscription);
    return 0;
}
