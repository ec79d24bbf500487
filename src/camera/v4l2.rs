//! V4L2 capture devices through crate v4l, with memory-mapped buffers.
