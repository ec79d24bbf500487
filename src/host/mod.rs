//! The board around us: log lines, signals, limits, memory, the service manager.

pub mod inject;
pub mod limits;
pub mod log;
pub mod memory;
pub mod service;
pub mod shutdown;
pub mod signals;
pub mod state;
pub mod terminal;
