//! The publication in shared memory (this room is being built).
