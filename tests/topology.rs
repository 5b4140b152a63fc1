//! Cores, nodes and interfaces: read from hwloc, or made up, and never a reason not to start.
#![cfg(feature = "service")]

use tickwire::topology::{Core, Nic, Node, Topology};

/// Two nodes of two cores; `enp1` is in a slot of node 1, `virt0` in none.
const TWO_NODES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0xf" complete_cpuset="0xf" allowed_cpuset="0xf" nodeset="0x3" complete_nodeset="0x3" allowed_nodeset="0x3" gp_index="1">
    <object type="Package" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1" gp_index="2">
      <object type="NUMANode" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1" gp_index="3" local_memory="4294967296"/>
      <object type="Core" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1" gp_index="4">
        <object type="PU" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1" gp_index="5"/>
        <object type="PU" os_index="1" cpuset="0x2" complete_cpuset="0x2" nodeset="0x1" complete_nodeset="0x1" gp_index="6"/>
      </object>
    </object>
    <object type="Package" os_index="1" cpuset="0xc" complete_cpuset="0xc" nodeset="0x2" complete_nodeset="0x2" gp_index="7">
      <object type="NUMANode" os_index="1" cpuset="0xc" complete_cpuset="0xc" nodeset="0x2" complete_nodeset="0x2" gp_index="8" local_memory="8589934592"/>
      <object type="Core" os_index="0" cpuset="0xc" complete_cpuset="0xc" nodeset="0x2" complete_nodeset="0x2" gp_index="9">
        <object type="PU" os_index="2" cpuset="0x4" complete_cpuset="0x4" nodeset="0x2" complete_nodeset="0x2" gp_index="10"/>
        <object type="PU" os_index="3" cpuset="0x8" complete_cpuset="0x8" nodeset="0x2" complete_nodeset="0x2" gp_index="11"/>
      </object>
      <object type="Bridge" gp_index="12" bridge_type="0-1" depth="0" bridge_pci="0000:[80-80]">
        <object type="PCIDev" gp_index="13" pci_busid="0000:80:00.0" pci_type="0200 [8086:1592] [0000:0000] 01" pci_link_speed="0.000000">
          <object type="OSDev" gp_index="14" name="enp1" osdev_type="2"/>
        </object>
      </object>
    </object>
    <object type="OSDev" gp_index="15" name="virt0" osdev_type="2"/>
  </object>
</topology>"#;

#[test]
fn an_interface_is_on_the_node_of_its_slot_and_a_virtual_one_on_none() {
    let machine = Topology::from_xml(TWO_NODES).expect("hwloc reads its own notation");
    assert_eq!(machine.node_of_nic("enp1"), Some(1));
    assert_eq!(machine.node_of_nic("virt0"), None);
    assert_eq!(machine.node_of_nic("absent"), None);
    assert_eq!(machine.nics, [Nic { name: "enp1".into(), node: Some(1) }, Nic { name: "virt0".into(), node: None }]);
    let sizes: Vec<_> = machine.nodes.iter().map(|node| (node.id, node.memory_bytes)).collect();
    assert_eq!(sizes, [(0, 4 << 30), (1, 8 << 30)]);
    let near: Vec<_> = machine.allowed_cores_of(1).map(|core| core.id).collect();
    assert_eq!(near, [2, 3]);
}

#[test]
fn cores_know_their_node_and_which_of_them_share_a_physical_core() {
    let machine = Topology::from_synthetic("numa:2 core:2 pu:2").expect("hwloc's own notation");
    let nodes: Vec<_> = machine.cores.iter().map(|core| (core.id, core.node, core.physical)).collect();
    assert_eq!(nodes, [(0, 0, 0), (1, 0, 0), (2, 0, 1), (3, 0, 1), (4, 1, 2), (5, 1, 2), (6, 1, 3), (7, 1, 3)]);
    assert!(machine.cores.iter().all(|core| core.allowed));
    assert_eq!(machine.core(8), None);
}

#[test]
fn a_description_that_is_none_is_an_error_with_a_sentence() {
    for nonsense in ["", "<topology", "numa", "\0"] {
        assert!(!Topology::from_xml(nonsense).expect_err("not a topology").is_empty());
    }
    assert!(Topology::from_synthetic("numa:-1 oranges:3").is_err());
}

#[test]
fn this_machine_has_the_cores_this_thread_may_use_each_on_a_node_that_exists() {
    let machine = Topology::load();
    let allowed = tickwire::sys::affinity::allowed_cores();
    let marked: Vec<_> = machine.cores.iter().filter(|core| core.allowed).map(|core| core.id).collect();
    assert_eq!(marked, allowed);
    assert!(!machine.nodes.is_empty());
    for core in &machine.cores {
        assert!(machine.nodes.iter().any(|node| node.id == core.node), "{core:?} is on a node that is not in {:?}", machine.nodes);
    }
    for nic in &machine.nics {
        assert!(nic.node.is_none_or(|id| machine.nodes.iter().any(|node| node.id == id)), "{nic:?}");
    }
}

#[test]
fn a_core_outside_the_affinity_mask_is_there_but_not_allowed() {
    let allowed = tickwire::sys::affinity::allowed_cores();
    if allowed.len() < 2 {
        println!("SKIPPED: one core only, none to leave out");
        return;
    }
    std::thread::spawn(move || {
        tickwire::sys::affinity::pin_to(allowed[0]).expect("an allowed core");
        let machine = Topology::load();
        assert!(machine.core(allowed[0]).expect("there").allowed);
        assert!(!machine.core(allowed[1]).expect("there, though not for this thread").allowed);
    })
    .join()
    .expect("the pinned thread");
}

#[test]
fn where_there_is_no_sys_there_is_still_a_machine_and_a_note_or_a_node() {
    std::thread::spawn(|| {
        // A mount namespace belongs to a thread once it has unshared it; nothing to clean up.
        // SAFETY: system calls with constant arguments and terminated strings that live through the calls.
        let hidden = unsafe {
            let none = c"none".as_ptr();
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(none, c"/".as_ptr(), std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE, std::ptr::null()) == 0
                && libc::mount(none, c"/sys".as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) == 0
        };
        if !hidden {
            assert_ne!(std::env::var("TICKWIRE_KERNEL_TESTS").as_deref(), Ok("require"), "a mount namespace was required");
            println!("SKIPPED: no mount namespace to hide /sys in");
            return;
        }
        let machine = Topology::load();
        let marked: Vec<_> = machine.cores.iter().filter(|core| core.allowed).map(|core| core.id).collect();
        assert_eq!(marked, tickwire::sys::affinity::allowed_cores(), "{machine:?}");
        assert_eq!(machine.nodes.len(), 1, "{machine:?}");
        assert_eq!(machine.node_of_nic("eth0"), Some(machine.nodes[0].id));
    })
    .join()
    .expect("the thread in its own mount namespace");
}

#[test]
fn memory_is_bound_to_a_core_s_node_or_a_sentence_says_why_not() {
    let machine = Topology::load();
    let core = machine.cores.iter().find(|core| core.allowed).expect("a core to run on").id;
    let bound = std::thread::spawn(move || Topology::load().prefer_memory_near(core)).join().expect("no panic");
    assert_eq!(bound, Ok(machine.core(core).expect("there").node));

    // A plan's test may make a machine up; binding to a node the host does not have must be a sentence, not a crash.
    let made_up = Topology {
        cores: vec![Core { id: 0, node: 900, physical: 0, allowed: true }],
        nodes: [0, 900].map(|id| Node { id, memory_bytes: 0, huge_pages: Vec::new() }).into(),
        ..Topology::default()
    };
    let refused = std::thread::spawn(move || (made_up.prefer_memory_near(0), made_up.prefer_memory_near(7))).join().expect("no panic");
    assert!(refused.0.expect_err("no such node").contains("node 900"));
    assert!(refused.1.expect_err("no such core").contains("core 7"));
}
