//! libFuzzer program of the target `endpoints` of `zmq::fuzz`; started by `make fuzz TARGET=endpoints`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("endpoints")(data));
