// The C half of bench/c_reader.rs: reads whole rings when it is told to, and says how long that took and what it saw.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "tickwire.h"

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Only the ends of a batch: what a program does with records, and how well its compiler does it, is not what is measured.
static uint64_t ends_of(const char *records, int64_t count, size_t bytes) {
    return ((const tickwire_header *)records)->ts_event + ((const tickwire_header *)(records + (size_t)(count - 1) * bytes))->ts_event;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    tickwire_publication *publication = tickwire_open(argv[1], argv[2]);
    char way[16], name[16];
    unsigned passes;
    while (publication && scanf("%15s %15s %u", way, name, &passes) == 3) {
        uint32_t schema = (uint32_t)tickwire_schema_of(name);
        size_t bytes = (size_t)tickwire_record_size(schema);
        static _Alignas(64) uint64_t room[256 * 520 / 8];
        uint64_t sum = 0, start = now_ns();
        for (unsigned pass = 0; pass < passes; pass++) {
            tickwire_subscription *records = tickwire_subscribe(publication, schema, TICKWIRE_BEGIN_OLDEST, TICKWIRE_LOST_STOP);
            tickwire_item item;
            for (int kind = TICKWIRE_KIND_IDLE; kind != TICKWIRE_KIND_END && kind >= 0;) {
                if (!strcmp(way, "read")) {
                    for (int64_t count; (count = tickwire_read(records, room, 256)) > 0;) sum += ends_of((const char *)room, count, bytes);
                }
                while ((kind = tickwire_next(records, &item)) == TICKWIRE_KIND_RECORD) sum += item.record.header->ts_event;
            }
            tickwire_unsubscribe(records);
        }
        printf("%" PRIu64 " %" PRIu64 "\n", now_ns() - start, sum);
        fflush(stdout);
    }
    tickwire_close(publication);
    return publication ? 0 : 1;
}
