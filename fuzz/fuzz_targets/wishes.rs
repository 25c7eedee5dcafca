//! libFuzzer program of the target `wishes` of `zmq::fuzz`; started by `make fuzz TARGET=wishes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("wishes")(data));
