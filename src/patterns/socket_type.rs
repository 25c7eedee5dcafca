//! The socket types of zmq_socket(3): their numbers, their names on the wire, and who talks to whom.
//!
//! ZMTP 3.x (23/ZMTP and 37/ZMTP, "Socket-Type property") has each side name its type in the
//! handshake and refuse a peer it cannot talk to. Called by `socket`, `options` and the handshake.

macro_rules! socket_types {
    ($($variant:ident = $number:literal, $name:literal, [$($peer:literal)*];)*) => {
        /// A socket type; the discriminants are the numbers of `zmq.h`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(i32)]
        pub(crate) enum SocketType {
            $(#[doc = concat!("`ZMQ_", $name, "`.")] $variant = $number,)*
        }

        impl SocketType {
            /// The type with this number, if there is one.
            pub(crate) fn from_number(number: i32) -> Option<SocketType> {
                match number {
                    $($number => Some(SocketType::$variant),)*
                    _ => None,
                }
            }

            /// The name on the wire, as in `Socket-Type`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(SocketType::$variant => $name,)*
                }
            }

            /// Whether a peer that calls itself `peer` may talk to this type. Names compare exactly.
            pub(crate) fn compatible(self, peer: &str) -> bool {
                let peers: &[&str] = match self {
                    $(SocketType::$variant => &[$($peer),*],)*
                };
                peers.contains(&peer)
            }
        }

        #[cfg(test)]
        const ALL: &[SocketType] = &[$(SocketType::$variant),*];
    };
}

socket_types! {
    Pair = 0, "PAIR", ["PAIR"];
    Pub = 1, "PUB", ["SUB" "XSUB"];
    Sub = 2, "SUB", ["PUB" "XPUB"];
    Req = 3, "REQ", ["REP" "ROUTER"];
    Rep = 4, "REP", ["REQ" "DEALER"];
    Dealer = 5, "DEALER", ["REP" "DEALER" "ROUTER"];
    Router = 6, "ROUTER", ["REQ" "DEALER" "ROUTER"];
    Pull = 7, "PULL", ["PUSH"];
    Push = 8, "PUSH", ["PULL"];
    Xpub = 9, "XPUB", ["SUB" "XSUB"];
    Xsub = 10, "XSUB", ["PUB" "XPUB"];
    Stream = 11, "STREAM", [];
    Server = 12, "SERVER", ["CLIENT"];
    Client = 13, "CLIENT", ["SERVER"];
    Radio = 14, "RADIO", ["DISH"];
    Dish = 15, "DISH", ["RADIO"];
    Gather = 16, "GATHER", ["SCATTER"];
    Scatter = 17, "SCATTER", ["GATHER"];
    Dgram = 18, "DGRAM", ["DGRAM"];
    Peer = 19, "PEER", ["PEER"];
    Channel = 20, "CHANNEL", ["CHANNEL"];
}

impl SocketType {
    /// The number in `zmq.h`.
    pub(crate) fn number(self) -> i32 {
        self as i32
    }

    /// Whether `ZMQ_THREAD_SAFE` reads 1: the types that libzmq made for use from many threads.
    pub(crate) fn is_thread_safe(self) -> bool {
        use SocketType::{Channel, Client, Dish, Gather, Peer, Radio, Scatter, Server};
        matches!(self, Server | Client | Radio | Dish | Gather | Scatter | Peer | Channel)
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, SocketType};

    #[test]
    fn numbers_and_types_map_both_ways() {
        assert_eq!(ALL.len(), 21);
        for (number, &kind) in ALL.iter().enumerate() {
            assert_eq!(kind.number(), number as i32);
            assert_eq!(SocketType::from_number(number as i32), Some(kind));
        }
        assert_eq!(SocketType::from_number(-1), None);
        assert_eq!(SocketType::from_number(21), None);
    }

    #[test]
    fn who_talks_to_whom_is_mutual() {
        for &one in ALL {
            for &other in ALL {
                assert_eq!(one.compatible(other.name()), other.compatible(one.name()));
            }
        }
        assert!(!SocketType::Req.compatible("REQ"));
        assert!(!SocketType::Router.compatible("router"));
    }
}
