//! swill-client
