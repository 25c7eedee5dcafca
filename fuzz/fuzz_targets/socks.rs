//! libFuzzer program of the target `socks` of `zmq::fuzz`; started by `make fuzz TARGET=socks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("socks")(data));
