//! swill-ws
