#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| swill_fuzz_targets::run("client_handshake", input));
