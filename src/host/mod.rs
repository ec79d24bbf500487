//! The board around us: log lines, signals, limits, memory, the service manager, addresses, and being found.

pub mod addresses;
pub mod console;
pub mod discovery;
pub mod inject;
pub mod limits;
pub mod log;
pub mod memory;
pub mod service;
pub mod shutdown;
pub mod signals;
