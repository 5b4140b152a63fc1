// Follows orders to the end of a publication and tells the book of every instrument: orders DIR NAME refuse|wait next|take
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

static void tell(const tickwire_orders *orders) {
    tickwire_orders_progress progress;
    if (tickwire_orders_how_far(orders, &progress) < 0) fail("how_far");
    printf("orders %" PRIu64 " books %" PRIu32 " position %" PRIu64 " contradictions %" PRIu64 " whole %d\n", progress.live_orders,
           progress.books, progress.position, progress.contradictions, progress.whole);
    tickwire_publication *now = tickwire_orders_subscribed(orders);
    if (!now) fail("subscribed");
    tickwire_instrument row;
    for (uint32_t at = 0; tickwire_instruments(now, at, &row, 1) == 1; at++) {
        tickwire_order_book book;
        if (tickwire_order_summary(orders, &row, &book) < 0) fail("summary");
        printf("book %s %" PRIu32 " %d %d\n", row.symbol, book.orders, book.maybe_bad, book.lacks_orders);
        for (int i = 0; i < 2; i++) {
            static tickwire_level levels[1000];
            static tickwire_order queue[1000];
            uint8_t side = "BA"[i];
            int64_t count = tickwire_order_levels(orders, &row, side, levels, 1000);
            if (count < 0) fail("levels");
            for (int64_t j = 0; j < count; j++)
                printf("%c level %" PRId64 " %" PRIu64 " %" PRIu32 "\n", side, levels[j].price, levels[j].size, levels[j].orders);
            count = tickwire_order_queue(orders, &row, side, queue, 1000);
            if (count < 0) fail("queue");
            for (int64_t j = 0; j < count; j++) {
                tickwire_queued place;
                if (tickwire_order_place(orders, &row, queue[j].order_id, &place) != TICKWIRE_CODE_OK) fail("place");
                printf("%c order %" PRIu64 " %" PRId64 " %" PRIu32 " behind %" PRIu32 " %" PRIu64 "\n", place.side, queue[j].order_id,
                       queue[j].price, queue[j].size, place.orders_ahead, place.size_ahead);
            }
        }
    }
    tickwire_close(now);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    tickwire_publication *publication = tickwire_open(argv[1], argv[2]);
    if (!publication) fail("open");
    tickwire_orders *orders = tickwire_follow_orders(publication, strcmp(argv[3], "wait") ? TICKWIRE_START_OR_REFUSE : TICKWIRE_START_OR_WAIT);
    if (!orders) {
        printf("refused %d %s\n", (int)tickwire_error_code(), tickwire_error());
        tickwire_close(publication);
        return 0;
    }
    if (tickwire_follow_orders(publication, 3) || tickwire_orders_next(orders, NULL) != TICKWIRE_CODE_ARGUMENT) fail("misuse");
    tickwire_close(publication);
    for (tickwire_item item;;) {
        if (!strcmp(argv[4], "take") && tickwire_orders_take(orders, 64) > 0) continue;
        int kind = tickwire_orders_next(orders, &item);
        if (kind < 0) fail("next");
        if (kind == TICKWIRE_KIND_RECORD && strcmp(argv[4], "next")) fail("a record that should have been taken");
        if (kind == TICKWIRE_KIND_RECORD && !*tickwire_orders_symbol(orders, item.record.header)) fail("symbol");
        if (kind == TICKWIRE_KIND_CONTROL) printf("control %x\n", item.record.control->hd.rtype);
        if (kind == TICKWIRE_KIND_WAITING) printf("waiting\n");
        if (kind == TICKWIRE_KIND_REJOINED) printf("rejoined\n");
        if (kind == TICKWIRE_KIND_NEW_EPOCH) printf("epoch\n");
        if (kind == TICKWIRE_KIND_END) break;
        if (kind == TICKWIRE_KIND_IDLE) {
            struct timespec pause = {0, 100000};
            fflush(stdout);
            nanosleep(&pause, NULL);
        }
    }
    tell(orders);
    tickwire_leave_orders(orders);
    tickwire_leave_orders(NULL);
    return 0;
}
