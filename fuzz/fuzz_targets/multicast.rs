//! libFuzzer program of the target `multicast` of `zmq::fuzz`; started by `make fuzz TARGET=multicast`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("multicast")(data));
