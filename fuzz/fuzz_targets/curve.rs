//! libFuzzer program of the target `curve` of `zmq::fuzz`; started by `make fuzz TARGET=curve`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("curve")(data));
