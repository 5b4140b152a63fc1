// Follows the best bid and offer of one symbol: best_bid NAME SYMBOL [DIRECTORY]. scripts/build-c makes the library and says how to build this.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "tickwire.h"

static double price(int64_t e9) { return e9 == TICKWIRE_UNDEF_PRICE ? 0 : (double)e9 / 1e9; }

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "say PUBLICATION SYMBOL [DIRECTORY]\n"), 2;
    tickwire_publication *publication = tickwire_open(argc > 3 ? argv[3] : NULL, argv[1]);
    tickwire_subscription *quotes =
        publication ? tickwire_subscribe(publication, TICKWIRE_SCHEMA_MBP1, TICKWIRE_BEGIN_BOARD, TICKWIRE_LOST_REJOIN) : NULL;
    for (tickwire_item item; quotes;) {
        int kind = tickwire_next(quotes, &item);
        if (kind < 0) break;
        if (kind == TICKWIRE_KIND_END) return tickwire_unsubscribe(quotes), tickwire_close(publication), 0;
        if (kind == TICKWIRE_KIND_LOST) printf("%" PRIu64 " records missed; the newest follows\n", item.count);
        if (kind == TICKWIRE_KIND_CONTROL && item.record.control->hd.rtype == TICKWIRE_CONTROL_TYPE_GAP_OPEN)
            printf("messages were lost: what was shown may be wrong\n");
        if (kind == TICKWIRE_KIND_IDLE) {
            fflush(stdout);
            struct timespec pause = {0, 100000};
            nanosleep(&pause, NULL);
        }
        if ((kind == TICKWIRE_KIND_RECORD || kind == TICKWIRE_KIND_BOARD) && !strcmp(tickwire_symbol(quotes, item.record.header), argv[2])) {
            const tickwire_bid_ask *best = item.record.mbp1->levels;
            bool maybe_bad = item.maybe_bad || (item.record.mbp1->flags & TICKWIRE_FLAG_MAYBE_BAD_BOOK);
            printf("%8" PRIu32 " x %-10.4f | %10.4f x %-8" PRIu32 "%s\n", best->bid_sz, price(best->bid_px), price(best->ask_px),
                   best->ask_sz, maybe_bad ? "  (may be wrong)" : "");
        }
    }
    return fprintf(stderr, "%s\n", tickwire_error()), 1;
}
