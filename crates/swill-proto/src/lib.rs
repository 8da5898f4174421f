//! swill-proto
