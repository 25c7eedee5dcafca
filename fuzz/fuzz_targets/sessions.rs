//! libFuzzer program of the target `sessions` of `zmq::fuzz`; started by `make fuzz TARGET=sessions`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("sessions")(data));
