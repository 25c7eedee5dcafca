//! libFuzzer program of the target `curve_keyed` of `zmq::fuzz`; started by `make fuzz TARGET=curve_keyed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("curve_keyed")(data));
