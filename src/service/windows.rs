//! The threads that compute windows and signals: one for each computed publication of the plan.

use std::sync::atomic::AtomicBool;

use super::housekeeping::Housekeeping;
use crate::error::Error;
use crate::plan::{ComputedPlan, Plan};
use crate::shm::{Publication, Publisher};
use crate::sys::tsc;
use crate::windows::{ComputeConfig, Computing, Counters};

/// Starts them. The publications they are computed from are there, and nothing has been published yet.
pub(super) fn start(housekeeping: &mut Housekeeping, plan: &Plan) -> Result<(), Error> {
    for computed in &plan.computed {
        let ComputedPlan { of, spec, signal_levels, flow_window_ns } = computed.clone();
        let source = Publication::open(&plan.publication_dir, &of)?;
        let name = spec.name.clone();
        let config = ComputeConfig { spec, signal_levels, flow_window_ns, remembered_trades: ComputeConfig::REMEMBERED_TRADES };
        let mut computing = Computing::new(source, &config, false)?;
        computing.prepare_epoch()?;
        let publisher = computing.publisher();
        tracing::info!("publication {name}: computed from {of}, epoch {} in {}", publisher.epoch(), publisher.path().display());
        housekeeping.spawn(name.clone(), move |stop| life(&name, computing, stop))?;
    }
    Ok(())
}

fn life(name: &str, computing: Computing, stop: &AtomicBool) -> Result<(), Error> {
    match computing.run(stop, |publisher| publisher.heartbeat(tsc::realtime_ns())) {
        Ok(finished) => {
            tracing::info!("publication {name}: {}", counted(&finished.counters, &finished.publisher));
            Ok(())
        }
        Err(error) => {
            // At once: the lanes go on, and nobody would know until they end.
            tracing::error!("publication {name} is no longer computed: {error}");
            Err(error.into())
        }
    }
}

fn counted(counters: &Counters, publisher: &Publisher) -> String {
    let told = Counters::NAMES.iter().zip(counters.values()).filter(|&(_, value)| value > 0).map(|(name, value)| format!("{name} {value}"));
    let told: Vec<String> = told.collect();
    format!("{}; {}", super::report::records(publisher), if told.is_empty() { "nothing counted".to_owned() } else { told.join(", ") })
}
