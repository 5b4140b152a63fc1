/*
 * The steering program: frames of our lines go to the lane's AF_XDP socket on the queue they arrived on;
 * everything else goes on to the kernel untouched. Each frame is counted under exactly one reason.
 *
 * A frame is ours if it is Ethernet with at most two VLAN tags, IPv4 without options, not a fragment, UDP, and its
 * (destination address, destination port) is in `lines` (with the outer VLAN id and the source, where the line names them).
 *
 * The program has to pass the verifier without CAP_PERFMON. Therefore every step of the packet pointer is by a
 * constant (ihl must be 5), and the frame's length is never computed as `end - data`.
 */
#include "steer.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_QINQ_OLD 0x9100
#define PROTOCOL_UDP 17
#define FRAGMENT_BITS 0x3fff /* "more fragments" and the offset; "don't fragment" is harmless */
#define VLAN_ANY 0xffff
#define SOURCES 4

#define BIG_ENDIAN_16(x) __builtin_bswap16(x)

/* The same order as `Steered` in src/source/xdp/program.rs. */
enum reason {
	REDIRECTED,     /* to the lane's socket */
	NO_SOCKET,      /* ours, but this queue has no socket: the kernel got it */
	NOT_OURS,       /* UDP, but no line of ours */
	FRAGMENT,       /* of an IPv4 packet */
	IP_OPTIONS,     /* the IPv4 header is not 20 bytes */
	NOT_IPV4,       /* ARP, IPv6, PTP, three VLAN tags, ... */
	NOT_UDP,        /* IPv4, but not UDP */
	CUT,            /* ends before its headers do */
	SOURCE_REFUSED, /* our line, but the sender is not on its allow-list */
	VLAN_REFUSED,   /* our line, but on another VLAN */
	REASONS
};

struct line_key {
	__be32 group;
	__be16 port;
	__u16 zero;
};

struct line {
	__be32 sources[SOURCES]; /* allow-list, unused places repeat the first; all 0: any sender */
	__u16 vlan;              /* outer VLAN id in host order, 0 untagged, VLAN_ANY: don't care */
	__u16 zero;
};

/* max_entries of both maps is set by the loader, to what the configuration and the interface need. */
struct {
	MAP_UINT(type, BPF_MAP_TYPE_HASH);
	MAP_TYPE(key, struct line_key);
	MAP_TYPE(value, struct line);
	MAP_UINT(max_entries, 1024);
} lines SEC(".maps");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_XSKMAP);
	MAP_UINT(key_size, 4);
	MAP_UINT(value_size, 4);
	MAP_UINT(max_entries, 64);
} sockets SEC(".maps");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, __u64);
	MAP_UINT(max_entries, REASONS);
} counters SEC(".maps");

/* As on the wire. Packed, because an IPv4 header behind 14 bytes of Ethernet is not aligned. */
struct ethernet {
	__u8 addresses[12];
	__be16 type;
} __attribute__((packed));

struct vlan_tag {
	__be16 id; /* priority in the upper 4 bits */
	__be16 type;
} __attribute__((packed));

struct ipv4 {
	__u8 version_ihl;
	__u8 tos;
	__be16 length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 destination;
} __attribute__((packed));

struct udp {
	__be16 source;
	__be16 destination;
	__be16 length;
	__be16 checksum;
} __attribute__((packed));

INLINE int is_vlan(__be16 type)
{
	return type == BIG_ENDIAN_16(ETHERTYPE_VLAN) || type == BIG_ENDIAN_16(ETHERTYPE_QINQ) ||
	       type == BIG_ENDIAN_16(ETHERTYPE_QINQ_OLD);
}

INLINE int source_allowed(const struct line *line, __be32 source)
{
	if (line->sources[0] == 0)
		return 1;
	/* The loader fills unused places with the first, so that a forged 0.0.0.0 matches none. */
	return source == line->sources[0] || source == line->sources[1] || source == line->sources[2] ||
	       source == line->sources[3];
}

/* Why the frame goes where it goes; `*verdict` says where. */
INLINE enum reason steer_frame(struct xdp_md *frame, int *verdict)
{
	void *at = (void *)(long)frame->data;
	void *end = (void *)(long)frame->data_end;

	struct ethernet *ethernet = at;
	at += sizeof(*ethernet);
	if (at > end)
		return CUT;
	__be16 type = ethernet->type;
	__u16 vlan = 0;
	if (is_vlan(type)) {
		struct vlan_tag *tag = at;
		at += sizeof(*tag);
		if (at > end)
			return CUT;
		vlan = BIG_ENDIAN_16(tag->id) & 0x0fff;
		type = tag->type;
		if (is_vlan(type)) {
			tag = at;
			at += sizeof(*tag);
			if (at > end)
				return CUT;
			type = tag->type;
		}
	}
	if (type != BIG_ENDIAN_16(ETHERTYPE_IPV4))
		return NOT_IPV4;

	struct ipv4 *ip = at;
	at += sizeof(*ip);
	if (at > end)
		return CUT;
	if ((ip->version_ihl >> 4) != 4)
		return NOT_IPV4;
	if (ip->version_ihl != 0x45)
		return IP_OPTIONS;
	if (ip->protocol != PROTOCOL_UDP)
		return NOT_UDP;
	if (ip->fragment & BIG_ENDIAN_16(FRAGMENT_BITS))
		return FRAGMENT;

	struct udp *udp = at;
	at += sizeof(*udp);
	if (at > end)
		return CUT;

	struct line_key key = {.group = ip->destination, .port = udp->destination, .zero = 0};
	const struct line *line = bpf_map_lookup_elem(&lines, &key);
	if (!line)
		return NOT_OURS;
	if (line->vlan != VLAN_ANY && line->vlan != vlan)
		return VLAN_REFUSED;
	if (!source_allowed(line, ip->source))
		return SOURCE_REFUSED;

	/* The flags are the verdict where the queue has no socket; it has to be counted, or the loss is silent. */
	*verdict = bpf_redirect_map(&sockets, frame->rx_queue_index, XDP_PASS);
	return *verdict == XDP_REDIRECT ? REDIRECTED : NO_SOCKET;
}

SEC("xdp")
int steer(struct xdp_md *frame)
{
	int verdict = XDP_PASS;
	__u32 reason = steer_frame(frame, &verdict);
	__u64 *counter = bpf_map_lookup_elem(&counters, &reason);
	if (counter)
		(*counter)++; /* per processor: no atomic needed */
	return verdict;
}

/* Only GPL-compatible helpers are used. "Dual MIT/GPL" is how the kernel spells MIT. */
char licence[] SEC("license") = "Dual MIT/GPL";
