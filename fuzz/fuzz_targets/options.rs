//! libFuzzer program of the target `options` of `zmq::fuzz`; started by `make fuzz TARGET=options`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("options")(data));
