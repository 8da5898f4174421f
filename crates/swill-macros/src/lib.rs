//! swill-macros
