//! The board around us: log lines, signals, limits, the service manager.

pub mod inject;
pub mod limits;
pub mod log;
pub mod service;
pub mod shutdown;
pub mod signals;
