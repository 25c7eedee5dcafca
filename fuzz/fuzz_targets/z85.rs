//! libFuzzer program of the target `z85` of `zmq::fuzz`; started by `make fuzz TARGET=z85`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("z85")(data));
