//! The board around us: log lines, signals, limits, memory.

pub mod inject;
pub mod limits;
pub mod log;
pub mod memory;
pub mod shutdown;
pub mod signals;
