//! The machine: what it is, and what of it would spoil the figures.

/// What the machine is. Everything is for people; empty where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Processor, with cores.
    pub cpu: String,
    /// Kernel.
    pub kernel: String,
    /// NUMA nodes.
    pub numa: String,
    /// Clock source.
    pub clock: String,
    /// Frequency governor.
    pub governor: String,
    /// Isolated cores.
    pub isolation: String,
    /// The cores used: sender, lane, consumer, in words.
    pub cores: String,
}

impl HostFacts {
    /// What is known, by name.
    pub fn named(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("processor", &self.cpu),
            ("kernel", &self.kernel),
            ("NUMA", &self.numa),
            ("clock", &self.clock),
            ("governor", &self.governor),
            ("isolation", &self.isolation),
            ("cores", &self.cores),
        ];
        all.into_iter().filter(|(_, fact)| !fact.is_empty()).map(|(name, fact)| (name, fact.as_str())).collect()
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCheck {
    /// What, as in `frequency governor`.
    pub name: String,
    /// What was found.
    pub found: String,
    /// Whether it is as it should be; `None`: it could not be found out.
    pub good: Option<bool>,
    /// Why it matters, in a sentence.
    pub why: String,
    /// The command that mends it; empty where nothing is to be mended, or nothing can be.
    pub cure: String,
}
