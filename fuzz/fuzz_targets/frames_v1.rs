//! libFuzzer program of the target `frames_v1` of `zmq::fuzz`; started by `make fuzz TARGET=frames_v1`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("frames_v1")(data));
