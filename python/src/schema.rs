//! From a schema's name at run time to its record type at compile time: one match for all that is generic over records.

/// Runs an expression with `$record` standing for the record type of `$schema`.
macro_rules! of_schema {
    ($schema:expr, $record:ident => $body:expr) => {{
        use tickwire::record as r;
        match $schema {
            r::Schema::Mbo => {
                type $record = r::Mbo;
                $body
            }
            r::Schema::Mbp1 => {
                type $record = r::Mbp1;
                $body
            }
            r::Schema::Mbp10 => {
                type $record = r::Mbp10;
                $body
            }
            r::Schema::Trades => {
                type $record = r::Trade;
                $body
            }
            r::Schema::Status => {
                type $record = r::Status;
                $body
            }
            r::Schema::Imbalance => {
                type $record = r::Imbalance;
                $body
            }
            r::Schema::Statistics => {
                type $record = r::Statistics;
                $body
            }
            r::Schema::Definition => {
                type $record = r::Definition;
                $body
            }
            r::Schema::Venue => {
                type $record = r::Venue;
                $body
            }
            r::Schema::Ohlcv1S => {
                type $record = r::Ohlcv1S;
                $body
            }
            r::Schema::Ohlcv1M => {
                type $record = r::Ohlcv1M;
                $body
            }
            r::Schema::Ohlcv1H => {
                type $record = r::Ohlcv1H;
                $body
            }
            r::Schema::Ohlcv1D => {
                type $record = r::Ohlcv1D;
                $body
            }
            r::Schema::Vwap => {
                type $record = r::Vwap;
                $body
            }
            r::Schema::Signal => {
                type $record = r::Signal;
                $body
            }
            r::Schema::Latency => {
                type $record = r::Latency;
                $body
            }
        }
    }};
}
pub(crate) use of_schema;
