//! What the computing counts: shown in the computed publication, explained in `docs/windows.md`.

use super::clock::Window;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts since the start, over all epochs.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Their names, in order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Their values, in the order of [`Counters::NAMES`].
            pub fn values(&self) -> impl Iterator<Item = u64> {
                [$(self.$name),*].into_iter()
            }
        }
    };
}

counters! {
    /// Trades that were counted into at least one window.
    trades,
    /// Trades that were refused: without price, size or time, or of a time that is not believed.
    trades_refused,
    /// Trades that came when their second was closed already, and were not counted into it.
    late_1s,
    /// The same for minutes.
    late_1m,
    /// The same for hours.
    late_1h,
    /// The same for days.
    late_1d,
    /// Breaks that came.
    breaks,
    /// Breaks of match numbers that are not (or no longer) remembered, or were broken before.
    break_unknown,
    /// Breaks of trades of which at least one window had been published already: that bar stays as it is.
    break_late,
    /// Windows of instruments that closed with messages lost within them.
    windows_marked,
    /// Records of instruments that are not in the source's table.
    unknown_instrument,
    /// Instruments of the source for which there was no room.
    instruments_full,
    /// Records of the `venue` ring that this reader was too slow for.
    lapped_venue,
    /// Records of the `mbp-10` or `mbp-1` ring that this reader was too slow for.
    lapped_book,
    /// Trades too old, or too far ahead of their receipt, for the flow of the signals.
    flow_refused,
    /// Epochs of the source that were followed.
    epochs,
}

impl Counters {
    /// A trade came too late for that window.
    pub(super) fn late(&mut self, window: Window) {
        let count = match window {
            Window::Second => &mut self.late_1s,
            Window::Minute => &mut self.late_1m,
            Window::Hour => &mut self.late_1h,
            Window::Day => &mut self.late_1d,
        };
        *count += 1;
    }
}
