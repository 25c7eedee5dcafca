//! The small organs of the patterns: who is read next, who is written next, who wants what.
//!
//! Pure bookkeeping over [`crate::pipe`]; the manner is zmq_socket(3)'s "fair-queued",
//! "round-robin" and "fan out". Called by `patterns` only.
#![forbid(unsafe_code)]

mod claims;
mod distributor;
mod fair_queue;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
mod load_balancer;
mod pipe_list;
mod prefix_map;
mod routing_table;
mod single_pipe;
mod subscriptions;
mod turn;

pub(crate) use claims::Claims;
pub(crate) use distributor::Distributor;
pub(crate) use fair_queue::FairQueue;
pub(crate) use load_balancer::LoadBalancer;
pub(crate) use prefix_map::PrefixMap;
pub(crate) use routing_table::RoutingTable;
pub(crate) use routing_table::random;
pub(crate) use single_pipe::SinglePipe;
pub(crate) use subscriptions::{MOST_OF_ONE_PIPE, Removed, Subscriptions, cost_of};
