//! libFuzzer program of the target `metadata` of `zmq::fuzz`; started by `make fuzz TARGET=metadata`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("metadata")(data));
