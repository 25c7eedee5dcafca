//! libFuzzer program of the target `certificates` of `zmq::fuzz`; started by `make fuzz TARGET=certificates`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("certificates")(data));
