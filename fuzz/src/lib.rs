//! What fuzz targets have in common.

pub mod ws;
