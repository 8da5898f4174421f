//! Runnable programs: see the files beside this one.
