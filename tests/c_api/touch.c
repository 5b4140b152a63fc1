// Does everything that can be done with publications that may be anything, and tells what came of it: touch DIR NAME...
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tickwire.h"

static uint64_t calls, failures;

static int64_t tally(int64_t answer) {
    calls++;
    if (answer < 0) {
        failures++;
        // One sentence, with something in it.
        if (strlen(tickwire_error()) < 10 || strchr(tickwire_error(), '\n') || tickwire_error_code() == TICKWIRE_CODE_BUG) {
            fprintf(stderr, "touch: no good sentence: \"%s\"\n", tickwire_error());
            exit(1);
        }
    }
    return answer;
}

static void poll(tickwire_subscription *subscription) {
    uint64_t room[8 * 520 / 8];
    tickwire_item item;
    for (int i = 0; i < 300; i++) {
        if (tally(tickwire_read(subscription, room, 8)) > 0) continue;
        int kind = (int)tally(tickwire_next(subscription, &item));
        if (kind > 0 && item.record.any && kind != TICKWIRE_KIND_CHANNEL && !tickwire_symbol(subscription, item.record.header)) exit(1);
        if (kind == TICKWIRE_KIND_END) break;
    }
    tickwire_unsubscribe(subscription);
}

int main(int argc, char **argv) {
    for (int i = 2; i < argc; i++) {
        calls = failures = 0;
        tickwire_publication *publication = tickwire_open(argv[1], argv[i]);
        if (!publication) {
            printf("%s refused %s\n", argv[i], tickwire_error());
            continue;
        }
        tickwire_info info;
        tickwire_ring rings[16];
        tickwire_instrument rows[64];
        tickwire_channel channels[8];
        tickwire_counter counters[8];
        tickwire_book book;
        tally(tickwire_examine(publication, &info));
        tally(tickwire_rings(publication, rings, 16));
        tally(tickwire_channels(publication, channels, 8));
        tally(tickwire_counters(publication, counters, 8));
        int64_t count = tally(tickwire_instruments(publication, 0, rows, 64));
        for (int64_t row = 0; row < count && row < 3; row++) {
            tally(tickwire_look_up_at(publication, (uint32_t)row, &book));
            tally(tickwire_look_up(publication, rows[row].symbol, &book));
        }
        for (uint32_t schema = 0; schema < 16; schema++) {
            for (uint32_t from = 0; from < 3; from++) {
                tickwire_subscription *subscription = tickwire_subscribe(publication, schema, from, from & 1);
                if (subscription) poll(subscription);
            }
            tickwire_subscription *latest = tickwire_latest(publication, schema);
            if (latest) poll(latest);
        }
        tickwire_orders *orders = tickwire_follow_orders(publication, TICKWIRE_START_OR_WAIT);
        tickwire_item item;
        for (int j = 0; orders && j < 300; j++) tally(tickwire_orders_next(orders, &item));
        tickwire_leave_orders(orders);
        tickwire_close(publication);
        printf("%s read %" PRIu64 " calls, %" PRIu64 " refused\n", argv[i], calls, failures);
    }
    return 0;
}
