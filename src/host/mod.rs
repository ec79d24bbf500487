//! The board around us: log lines, signals, limits.

pub mod inject;
pub mod limits;
pub mod log;
pub mod shutdown;
pub mod signals;
