//! libFuzzer program of the target `zap` of `zmq::fuzz`; started by `make fuzz TARGET=zap`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("zap")(data));
