//! libFuzzer program of the target `plain` of `zmq::fuzz`; started by `make fuzz TARGET=plain`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("plain")(data));
