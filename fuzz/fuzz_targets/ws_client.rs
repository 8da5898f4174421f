//! Arbitrary bytes to a client, whole and in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use swill_ws::Role;

fuzz_target!(|data: &[u8]| swill_fuzz::ws::check(Role::Client, data));
