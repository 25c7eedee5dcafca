//! libFuzzer program of the target `subscriptions` of `zmq::fuzz`; started by `make fuzz TARGET=subscriptions`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("subscriptions")(data));
