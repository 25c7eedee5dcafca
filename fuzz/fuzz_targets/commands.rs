//! libFuzzer program of the target `commands` of `zmq::fuzz`; started by `make fuzz TARGET=commands`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("commands")(data));
