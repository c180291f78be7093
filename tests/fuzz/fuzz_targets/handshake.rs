#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| legation_tests::fuzz::handshake(data));
