/* The few helpers the steering program needs, so that libbpf's headers are not a build dependency. */
#pragma once
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
/* BTF map definitions: the loader reads the numbers out of the types. */
#define MAP_UINT(name, value) int(*name)[value]
#define MAP_TYPE(name, type) type *name
#define INLINE static inline __attribute__((always_inline))

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*bpf_redirect_map)(void *map, __u64 key, __u64 flags) = (void *)BPF_FUNC_redirect_map;
