//! The real IEX TOPS capture through the arbiter: alone, and as two lines.

use std::io::Read;
use std::path::PathBuf;

use tickwire::feed::arbiter::StartCause;

use crate::framing::Iex;
use crate::rig::{A, B, Rig, config};

/// (capture time, UDP payload) of each packet, or nothing where the captures are not there.
fn tops() -> Option<Vec<(u64, Vec<u8>)>> {
    let folder = std::env::var_os("TICKWIRE_CAPTURES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"));
    let path = folder.join("iex/tops16.pcap.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        assert!(std::env::var("TICKWIRE_CAPTURES_TESTS").as_deref() != Ok("require"), "{} is not there", path.display());
        println!("SKIPPED: {} is not there; set TICKWIRE_CAPTURES", path.display());
        return None;
    };
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    let mut reader = pcap_file::pcap::PcapReader::new(&bytes[..]).unwrap();
    let mut datagrams = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        let udp = etherparse::SlicedPacket::from_ethernet(&packet.data).unwrap();
        let Some(etherparse::TransportSlice::Udp(udp)) = udp.transport else { panic!("not UDP") };
        datagrams.push((packet.timestamp.as_nanos() as u64, udp.payload().to_vec()));
    }
    Some(datagrams)
}

#[test]
fn the_tops_capture_is_one_sequence_of_57674_messages() {
    let Some(datagrams) = tops() else { return };
    let mut rig = Rig::<Iex>::new(config());
    for (at, payload) in &datagrams {
        rig.datagram(A, *at, payload);
    }
    let told = rig.tape.sessions();
    assert_eq!((told.len(), told[0].cause, told[0].first, told[0].delivered), (1, StartCause::First, 1, 57_674));
    let counters = rig.counters();
    assert_eq!((counters.datagrams, counters.heartbeats, counters.duplicates, counters.gaps), (13_022, 237, 0, 0));
    assert_eq!((counters.restarts, counters.drops.iter().count()), (0, 0));
}

#[test]
fn the_tops_capture_on_two_lossy_lines_is_the_same_sequence() {
    let Some(datagrams) = tops() else { return };
    let mut rig = Rig::<Iex>::new(config());
    let (first_at, first) = &datagrams[0];
    rig.datagram(A, *first_at, first);
    let mut lagging = Vec::new();
    for (n, (at, payload)) in datagrams.iter().enumerate() {
        // A loses every seventh packet, B every eleventh that A has; B lags by some 0.3 ms.
        if n % 7 != 0 {
            lagging.push((*at, A, n));
        }
        if n % 7 == 0 || n % 11 != 0 {
            lagging.push((*at + 300_000, B, n));
        }
        assert!(!payload.is_empty());
    }
    lagging.sort();
    for (at, line, n) in lagging {
        rig.datagram(line, at, &datagrams[n].1);
    }
    let told = rig.tape.sessions();
    assert_eq!((told.len(), told[0].first, told[0].delivered, told[0].lost), (1, 1, 57_674, 0));
    let counters = rig.counters();
    assert!(counters.holes_filled > 100 && counters.lines[1].first_wins > 1_000, "{counters:?}");
}
