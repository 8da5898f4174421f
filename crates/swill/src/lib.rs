//! swill
