//! `tickwire check`: the plan, or why not.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::bench::host::{self, CoresUsed, HostCheck};
use crate::config::ConfigFile;
use crate::dbn_files::directory;
use crate::error::{Error, Exit};
use crate::plan::{Host, HostInterface, LanePlan, Plan};
use crate::sys::interfaces::{self, Interface};
use crate::topology::Topology;

/// Reads the configuration, looks at the host, and prints what would run; refuses exactly what `run` would refuse.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Also print what of this host would cost latency on the lanes' cores, and the command that mends each; watches them for 0.2 s
    #[arg(long)]
    host: bool,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Error> {
    let plan = plan(&args.config)?;
    print!("{plan}");
    if args.host {
        print_host(&plan);
    }
    Ok(())
}

/// What is found for every lane alike once, the rest by lane.
fn print_host(plan: &Plan) {
    let lanes: Vec<(&str, Vec<HostCheck>)> = plan.lanes.iter().map(|lane| (lane.name.as_str(), host_checks(lane))).collect();
    let everywhere = |check: &HostCheck| lanes.iter().all(|(_, checks)| checks.contains(check));
    println!("\nhost");
    for (nth, (name, checks)) in lanes.iter().enumerate() {
        if nth == 0 {
            checks.iter().filter(|check| everywhere(check)).for_each(|check| println!("{check}"));
        }
        if checks.iter().all(everywhere) {
            continue;
        }
        println!("\nhost, for lane {name}");
        checks.iter().filter(|check| !everywhere(check)).for_each(|check| println!("{check}"));
    }
}

fn host_checks(lane: &LanePlan) -> Vec<HostCheck> {
    let mut interfaces: Vec<String> =
        lane.channels.iter().flat_map(|channel| &channel.lines).map(|line| line.interface.clone()).filter(|name| name != "lo").collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    host::checks(&CoresUsed { sender: None, lane: lane.core, consumer: None }, &interfaces)
}

/// The plan of a configuration on this host.
pub(super) fn plan(config: &Path) -> Result<Plan, Error> {
    let file = ConfigFile::read(config)?;
    let host = host(&file.config.service.publication_dir);
    let plan = Plan::new(&file, &host)?;
    for recording in &plan.recordings {
        let key = format!("recording of `{}`", recording.publication);
        directory::could_be_writable(&recording.dir, &key, Exit::Config)?;
    }
    Ok(plan)
}

fn host(publication_dir: &Path) -> Host {
    let topology = Topology::load();
    let interface = |name: &String| {
        let interface = Interface::named(name).ok()?;
        Some(HostInterface {
            name: interface.name,
            up: interface.up,
            mtu: interface.mtu,
            queues: interface.rx_queues.unwrap_or(1).max(1),
            node: topology.node_of_nic(name).map(|node| node as u32),
        })
    };
    // The directory itself may not be there yet: its nearest parent that is has the same room.
    let there = publication_dir.ancestors().find(|directory| directory.exists());
    Host {
        cores: topology.cores.iter().filter(|core| core.allowed).map(|core| (core.id as u32, core.node as u32)).collect(),
        interfaces: interfaces::names().iter().filter_map(interface).collect(),
        shm_free_bytes: there.and_then(|directory| crate::shm::free_bytes(directory).ok()),
    }
}
