// Everything a C program can get wrong that can be answered: misuse DIR NAME, with an mbp-1 ring and no other.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tickwire.h"

static int checks;

static void is(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "misuse: not so: %s; the last sentence is \"%s\" (%d)\n", what, tickwire_error(), (int)tickwire_error_code());
        exit(1);
    }
    checks++;
}

// A call that must fail with a code and a sentence that says this.
#define REFUSED(call, code, says) \
    is((int)(call) == (code) && tickwire_error_code() == (code) && strstr(tickwire_error(), says) != NULL, #call)
#define NO_HANDLE(call, code, says) is((call) == NULL && tickwire_error_code() == (code) && strstr(tickwire_error(), says) != NULL, #call)

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *dir = argv[1], *name = argv[2];
    const int argument = TICKWIRE_CODE_ARGUMENT;
    is(!strcmp(tickwire_error(), "") && tickwire_error_code() == TICKWIRE_CODE_OK, "no failure yet");
    is(strlen(tickwire_version()) >= 5, "version");

    NO_HANDLE(tickwire_open(dir, NULL), argument, "name is NULL");
    NO_HANDLE(tickwire_open(dir, ""), argument, "publication name \"\"");
    NO_HANDLE(tickwire_open(dir, "../../etc/passwd"), argument, "use 1 to 64 letters");
    NO_HANDLE(tickwire_open(dir, "\xff\xfe"), argument, "not UTF-8");
    NO_HANDLE(tickwire_open(dir, "nobody"), TICKWIRE_CODE_NOT_FOUND, "no such publication");
    NO_HANDLE(tickwire_open("\xff", name), TICKWIRE_CODE_NOT_FOUND, "no such publication");
    NO_HANDLE(tickwire_reopen(NULL), argument, "publication is NULL");
    REFUSED(tickwire_names("/nowhere", NULL, 0), TICKWIRE_CODE_NOT_FOUND, "/nowhere");
    REFUSED(tickwire_names(dir, NULL, 1), argument, "names is NULL");
    is(tickwire_names(dir, NULL, 0) >= 1, "how many names there are");

    tickwire_publication *publication = tickwire_open(dir, name);
    is(publication != NULL, "open");
    tickwire_info info;
    tickwire_ring ring;
    tickwire_instrument row;
    tickwire_channel channel;
    tickwire_counter counter;
    tickwire_book book;
    REFUSED(tickwire_examine(NULL, &info), argument, "publication is NULL");
    REFUSED(tickwire_examine(publication, NULL), argument, "info is NULL");
    REFUSED(tickwire_examine(publication, (tickwire_info *)((char *)&info + 1)), argument, "not aligned");
    REFUSED(tickwire_rings(NULL, &ring, 1), argument, "publication is NULL");
    REFUSED(tickwire_rings(publication, NULL, 1), argument, "rings is NULL");
    REFUSED(tickwire_instruments(NULL, 0, &row, 1), argument, "publication is NULL");
    REFUSED(tickwire_instruments(publication, 0, NULL, 1), argument, "instruments is NULL");
    REFUSED(tickwire_instruments(publication, 0, &row, SIZE_MAX), argument, "cannot be");
    is(tickwire_instruments(publication, UINT32_MAX, &row, 1) == 0, "no rows there");
    REFUSED(tickwire_instrument_at(publication, UINT32_MAX, &row), TICKWIRE_CODE_NO_SYMBOL, "at row 4294967295");
    REFUSED(tickwire_instrument_at(publication, 0, NULL), argument, "instrument is NULL");
    REFUSED(tickwire_find(NULL, "AAPL", &row), argument, "publication is NULL");
    REFUSED(tickwire_find(publication, NULL, &row), argument, "symbol is NULL");
    REFUSED(tickwire_find(publication, "AAPL", NULL), argument, "instrument is NULL");
    REFUSED(tickwire_find(publication, "", &row), TICKWIRE_CODE_NO_SYMBOL, "no instrument");
    REFUSED(tickwire_channels(NULL, &channel, 1), argument, "publication is NULL");
    REFUSED(tickwire_counters(publication, NULL, 1), argument, "counters is NULL");
    is(tickwire_counters(publication, &counter, 1) == 0, "no counters");
    REFUSED(tickwire_look_up(publication, "NONE", &book), TICKWIRE_CODE_NO_SYMBOL, "\"NONE\"");
    REFUSED(tickwire_look_up(publication, "AAPL", NULL), argument, "book is NULL");
    REFUSED(tickwire_look_up_at(publication, 1000, &book), TICKWIRE_CODE_NO_SYMBOL, "at row 1000");

    NO_HANDLE(tickwire_subscribe(NULL, TICKWIRE_SCHEMA_MBP1, TICKWIRE_BEGIN_BOARD, TICKWIRE_LOST_REJOIN), argument, "publication is NULL");
    NO_HANDLE(tickwire_subscribe(publication, 16, TICKWIRE_BEGIN_BOARD, TICKWIRE_LOST_REJOIN), argument, "schema 16");
    NO_HANDLE(tickwire_subscribe(publication, TICKWIRE_SCHEMA_MBP1, 3, TICKWIRE_LOST_REJOIN), argument, "beginning 3");
    NO_HANDLE(tickwire_subscribe(publication, TICKWIRE_SCHEMA_MBP1, TICKWIRE_BEGIN_NOW, 2), argument, "on_lost 2");
    NO_HANDLE(tickwire_subscribe(publication, TICKWIRE_SCHEMA_MBO, TICKWIRE_BEGIN_NOW, 0), TICKWIRE_CODE_NO_RING, "has no mbo ring; it has mbp-1");
    NO_HANDLE(tickwire_latest(publication, TICKWIRE_SCHEMA_VWAP), TICKWIRE_CODE_NO_RING, "has no vwap ring");
    NO_HANDLE(tickwire_latest(publication, UINT32_MAX), argument, "schema 4294967295");
    NO_HANDLE(tickwire_subscribe_gated(publication, TICKWIRE_SCHEMA_MBP1, TICKWIRE_BEGIN_NOW), TICKWIRE_CODE_NOT_FOUND, ".gate");
    NO_HANDLE(tickwire_schema_name(99), argument, "schema 99");
    REFUSED(tickwire_schema_of("mbp-2"), argument, "mbp-2");
    REFUSED(tickwire_schema_of(NULL), argument, "name is NULL");
    REFUSED(tickwire_record_size(16), argument, "schema 16");
    for (uint32_t schema = 0; schema < 16; schema++)
        is(tickwire_schema_of(tickwire_schema_name(schema)) == (int)schema && tickwire_record_size(schema) >= 40, "schemas by name");

    tickwire_orders_progress far;
    NO_HANDLE(tickwire_follow_orders(NULL, TICKWIRE_START_OR_REFUSE), argument, "publication is NULL");
    NO_HANDLE(tickwire_follow_orders(publication, 9), argument, "start 9");
    NO_HANDLE(tickwire_follow_orders(publication, TICKWIRE_START_OR_REFUSE), TICKWIRE_CODE_NO_RING, "has no mbo ring");
    REFUSED(tickwire_orders_take(NULL, 1), argument, "orders is NULL");
    REFUSED(tickwire_orders_how_far(NULL, &far), argument, "orders is NULL");
    REFUSED(tickwire_order_levels(NULL, &row, 'B', NULL, 0), argument, "orders is NULL");
    NO_HANDLE(tickwire_orders_subscribed(NULL), argument, "orders is NULL");

    tickwire_subscription *latest = tickwire_latest(publication, TICKWIRE_SCHEMA_MBP1);
    tickwire_subscription *quotes = tickwire_subscribe(publication, TICKWIRE_SCHEMA_MBP1, TICKWIRE_BEGIN_BOARD, TICKWIRE_LOST_REJOIN);
    is(latest && quotes, "subscribe");
    tickwire_close(publication);
    tickwire_item item;
    tickwire_progress progress;
    tickwire_mbp1 records[4];
    tickwire_header stranger = {4, TICKWIRE_SCHEMA_MBP1, 7, 7, 7};
    REFUSED(tickwire_next(NULL, &item), argument, "subscription is NULL");
    REFUSED(tickwire_next(quotes, NULL), argument, "item is NULL");
    REFUSED(tickwire_read(NULL, records, 4), argument, "subscription is NULL");
    is(tickwire_next(quotes, &item) == TICKWIRE_KIND_BOARD && item.record.mbp1->levels[0].bid_px > 0, "the board");
    is(tickwire_read(quotes, records, 4) == 0, "the board is not done, so there is something that tickwire_next has to tell");
    while (tickwire_next(quotes, &item) == TICKWIRE_KIND_BOARD) {}
    REFUSED(tickwire_read(quotes, NULL, 4), argument, "records is NULL");
    REFUSED(tickwire_read(quotes, (char *)records + 4, 3), argument, "not aligned to 8");
    REFUSED(tickwire_read(quotes, records, SIZE_MAX / 2), argument, "cannot be");
    is(tickwire_read(quotes, NULL, 0) == 0, "no room, no records");
    REFUSED(tickwire_read(latest, records, 4), argument, "tickwire_next");
    REFUSED(tickwire_how_far(NULL, &progress), argument, "subscription is NULL");
    REFUSED(tickwire_how_far(quotes, NULL), argument, "progress is NULL");
    NO_HANDLE(tickwire_symbol(NULL, &stranger), argument, "subscription is NULL");
    NO_HANDLE(tickwire_symbol(quotes, NULL), argument, "header is NULL");
    is(!strcmp(tickwire_symbol(quotes, &stranger), ""), "a stranger has no symbol");
    REFUSED(tickwire_instrument_of(quotes, &stranger, &row), TICKWIRE_CODE_NO_SYMBOL, "id 7");
    NO_HANDLE(tickwire_subscribed(NULL), argument, "subscription is NULL");
    tickwire_close(NULL);
    tickwire_unsubscribe(NULL);
    tickwire_unsubscribe(latest);
    tickwire_unsubscribe(quotes);
    printf("%d checks\n", checks);
    return 0;
}
