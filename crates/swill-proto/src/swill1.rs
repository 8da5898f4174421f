//! Swill's own protocol, `swill/1`.
