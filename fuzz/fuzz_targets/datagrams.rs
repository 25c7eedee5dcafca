//! libFuzzer program of the target `datagrams` of `zmq::fuzz`; started by `make fuzz TARGET=datagrams`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("datagrams")(data));
