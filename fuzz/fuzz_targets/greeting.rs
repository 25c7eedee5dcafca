//! libFuzzer program of the target `greeting` of `zmq::fuzz`; started by `make fuzz TARGET=greeting`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("greeting")(data));
