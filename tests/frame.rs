//! From frame to datagram: what is taken, what is dropped, and for which reason.
#![cfg(feature = "service")]

mod packets;

use packets::{GROUP, PORT, SENDER, capture_files, captures, ethernet, ipv4, tagged};
use proptest::prelude::*;
use tickwire::source::checksum;
use tickwire::source::frame::{payload_offset, udp_checksum_ok, udp_payload, udp_payload_snapped};
use tickwire::source::pcap::{Frames, Link};
use tickwire::stats::Drop;

const PAYLOAD: &[u8] = b"market data";

/// Changes one byte of a packet behind a bare Ethernet header.
fn with(at: usize, value: u8) -> Vec<u8> {
    let mut frame = ethernet(GROUP, PORT, PAYLOAD);
    frame[14 + at] = value;
    frame
}

#[test]
fn a_datagram_is_found_with_its_addresses() {
    let frame = ethernet(GROUP, PORT, PAYLOAD);
    let udp = udp_payload(&frame).unwrap();
    assert_eq!((udp.group, udp.port, udp.source, udp.source_port, udp.vlan), (GROUP, PORT, SENDER, 4000, 0));
    assert_eq!(udp.payload, PAYLOAD);
    assert_eq!(payload_offset(&frame, &udp), Some(42));
    assert!(udp_checksum_ok(&udp));
}

#[test]
fn an_empty_datagram_is_a_datagram() {
    assert_eq!(udp_payload(&ethernet(GROUP, PORT, &[])).unwrap().payload, b"");
}

#[test]
fn case_17_a_frame_cut_at_every_byte_is_a_reason_and_never_a_panic() {
    for tags in [&[][..], &[(0x8100, 905)], &[(0x88a8, 7), (0x8100, 905)]] {
        let frame = tagged(tags, &ipv4(GROUP, PORT, PAYLOAD));
        let headers = 14 + 4 * tags.len() + 28;
        for len in 0..frame.len() {
            let expected = if len < headers { Drop::FrameCut } else { Drop::BadLength };
            assert_eq!(udp_payload(&frame[..len]), Err(expected), "{len} of {} bytes", frame.len());
            // The same frame in a capture that kept `len` bytes: nothing is wrong with its lengths, it is cut.
            assert_eq!(udp_payload_snapped(&frame[..len], frame.len()), Err(Drop::FrameCut), "snapped to {len}");
        }
        assert_eq!(udp_payload(&frame).unwrap().payload, PAYLOAD);
    }
}

#[test]
fn case_19_up_to_two_vlan_tags_are_parsed_and_the_outer_one_is_told() {
    let packet = ipv4(GROUP, PORT, PAYLOAD);
    for outer in [0x8100, 0x88a8, 0x9100] {
        for tags in [&[(outer, 905)][..], &[(outer, 905), (0x8100, 11)]] {
            let frame = tagged(tags, &packet);
            let udp = udp_payload(&frame).unwrap();
            assert_eq!((udp.vlan, udp.payload), (905, PAYLOAD));
        }
    }
    assert_eq!(udp_payload(&tagged(&[(0x88a8, 1), (0x8100, 2), (0x8100, 3)], &packet)), Err(Drop::NotIpv4), "three tags");
}

#[test]
fn case_22_padding_behind_the_datagram_is_ignored() {
    let mut frame = ethernet(GROUP, PORT, b"hb");
    frame.resize(64, 0xaa);
    assert_eq!(udp_payload(&frame).unwrap().payload, b"hb");

    // Between the end of the UDP datagram and the end of the IP packet too: the UDP header decides.
    let mut packet = ipv4(GROUP, PORT, b"hb");
    packet[3] += 4;
    packet.extend([0; 4]);
    assert_eq!(udp_payload(&tagged(&[], &packet)).unwrap().payload, b"hb");
}

#[test]
fn case_23_a_wrong_checksum_is_seen_where_it_is_looked_for() {
    for (frame, right) in [(with(26, 0x12), false), (with(30, 0x12), false), (ethernet(GROUP, PORT, PAYLOAD), true)] {
        assert_eq!(udp_checksum_ok(&udp_payload(&frame).unwrap()), right);
    }
    let mut none = with(26, 0);
    none[14 + 27] = 0;
    assert!(udp_checksum_ok(&udp_payload(&none).unwrap()), "0 is \"not computed\"");
}

#[test]
fn case_18_what_is_not_a_whole_udp_datagram_is_dropped_by_reason() {
    let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 46]].concat();
    let ipv6 = [&[0x33; 12][..], &[0x86, 0xdd, 0x60], &[0; 60]].concat();
    let ptp = [&[0x01; 12][..], &[0x88, 0xf7], &[0; 46]].concat();
    let length_field = [&[0x01; 12][..], &[0x00, 0x26], &[0; 46]].concat(); // 802.3, not Ethernet II
    let mut igmp = ethernet(GROUP, PORT, &[0; 40]);
    (igmp[14], igmp[14 + 9]) = (0x46, 2); // with its router alert option
    let cases = [
        ("ARP", arp, Drop::NotIpv4),
        ("IPv6", ipv6, Drop::NotIpv4),
        ("PTP", ptp, Drop::NotIpv4),
        ("802.3", length_field, Drop::NotIpv4),
        ("IPv6 behind the ethertype of IPv4", with(0, 0x65), Drop::NotIpv4),
        ("IGMP", igmp, Drop::NotUdp),
        ("TCP", with(9, 6), Drop::NotUdp),
        ("options", with(0, 0x46), Drop::IpOptions),
        ("header shorter than a header", with(0, 0x44), Drop::BadLength),
        ("first fragment", with(6, 0x20), Drop::Fragment),
        ("later fragment", with(7, 0x01), Drop::Fragment),
        ("IP length beyond the frame", with(2, 0xff), Drop::BadLength),
        ("IP length below its header", with(3, 19), Drop::BadLength),
        ("UDP length beyond the IP packet", with(25, 8 + PAYLOAD.len() as u8 + 1), Drop::BadLength),
        ("UDP length below its header", with(25, 7), Drop::BadLength),
        ("UDP length 0", with(25, 0), Drop::BadLength),
    ];
    for (what, frame, reason) in cases {
        assert_eq!(udp_payload(&frame), Err(reason), "{what}");
    }
    assert_eq!(udp_payload(&with(6, 0x40)).unwrap().payload, PAYLOAD, "don't fragment is no fragment");
}

#[test]
fn every_real_frame_gives_what_etherparse_finds() {
    let Some(folder) = captures("every_real_frame_gives_what_etherparse_finds") else { return };
    let mut datagrams = 0;
    for path in capture_files(&folder) {
        let mut frames = Frames::open(&path).unwrap();
        while let Some(frame) = frames.next().unwrap() {
            assert_eq!(frame.link, Some(Link::Ethernet));
            let ours = udp_payload(frame.bytes);
            let Ok(theirs) = etherparse::SlicedPacket::from_ethernet(frame.bytes) else {
                assert!(ours.is_err(), "{}", path.display());
                continue;
            };
            let (Some(etherparse::NetSlice::Ipv4(ip)), Some(etherparse::TransportSlice::Udp(udp))) = (&theirs.net, &theirs.transport)
            else {
                assert!(
                    matches!(ours, Err(Drop::NotUdp | Drop::NotIpv4 | Drop::IpOptions | Drop::Fragment)),
                    "{}: {ours:?}",
                    path.display()
                );
                continue;
            };
            let ours = ours.unwrap();
            assert_eq!(ours.payload, udp.payload(), "{}", path.display());
            assert_eq!((ours.port, ours.source_port, ours.checksum), (udp.destination_port(), udp.source_port(), udp.checksum()));
            assert_eq!((ours.group, ours.source), (ip.header().destination_addr(), ip.header().source_addr()));
            assert_eq!(ours.vlan, theirs.vlan_ids().first().map_or(0, |id| id.value()));
            let right = udp.to_header().calc_checksum_ipv4(&ip.header().to_header(), udp.payload()).unwrap();
            assert_eq!(checksum::udp(ours.source, ours.group, ours.source_port, ours.port, ours.payload), right);
            datagrams += 1;
        }
    }
    assert!(datagrams > 30_000, "only {datagrams}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic_and_never_reach_outside(bytes in proptest::collection::vec(any::<u8>(), 0..200), beyond in 0_usize..100) {
        for link in [Link::Ethernet, Link::RawIp, Link::Loopback, Link::LinuxSll, Link::LinuxSll2] {
            let _ = link.udp(&bytes, bytes.len() + beyond);
        }
    }

    #[test]
    fn a_flipped_header_byte_gives_a_datagram_within_the_frame_or_a_reason(at in 0_usize..42, value: u8, padding in 0_usize..30) {
        let mut frame = ethernet(GROUP, PORT, PAYLOAD);
        frame.resize(frame.len() + padding, 0);
        frame[at] = value;
        if let Ok(udp) = udp_payload(&frame) {
            prop_assert!(payload_offset(&frame, &udp).is_some());
        }
    }

    #[test]
    fn our_checksums_are_etherparses(source: [u8; 4], group: [u8; 4], from: u16, to: u16, payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let ip = etherparse::Ipv4Header::new(payload.len() as u16 + 8, 1, etherparse::IpNumber::UDP, source, group).unwrap();
        let udp = etherparse::UdpHeader::with_ipv4_checksum(from, to, &ip, &payload).unwrap();
        prop_assert_eq!(checksum::udp(source.into(), group.into(), from, to, &payload), udp.checksum);
        let mut header = ip.to_bytes();
        header[10..12].fill(0);
        prop_assert_eq!(checksum::ipv4_header(&header), ip.calc_header_checksum());
    }
}
