//! Unit tests of REQ, REP and ROUTER.

use super::SocketType as T;
use super::testing::{TestSocket, write_all};
use super::{Attach, POLLOUT};
use crate::error::Error;
use crate::options::numbers;

/// A REP and a REQ connected to it.
fn req_rep() -> (TestSocket, TestSocket) {
    let (mut req, mut rep) = (TestSocket::new(T::Req), TestSocket::new(T::Rep));
    req.connect(&mut rep);
    (req, rep)
}

#[test]
fn requests_and_replies_take_turns() {
    let (mut req, mut rep) = req_rep();
    assert_eq!(rep.send(b"unasked"), Err(Error::FSM));
    assert_eq!(req.recv(), Err(Error::FSM));
    assert!(!req.has_in() && req.has_out() && !rep.has_in() && !rep.has_out());
    for round in 0..3 {
        req.send_all(&[b"question", &[round]]).unwrap();
        assert_eq!(req.send(b"again"), Err(Error::FSM));
        assert!(!req.has_out());
        rep.expect(&[b"question", &[round]]);
        assert_eq!(rep.recv(), Err(Error::FSM));
        assert!(rep.has_out());
        rep.send_all(&[b"answer", &[round]]).unwrap();
        assert_eq!(rep.send(b"again"), Err(Error::FSM));
        req.expect(&[b"answer", &[round]]);
        assert_eq!(req.recv(), Err(Error::FSM));
    }
}

#[test]
fn a_request_half_sent_or_half_read_cannot_be_answered() {
    let (mut req, mut rep) = req_rep();
    req.send_frame(b"a", true).unwrap();
    assert_eq!(req.recv(), Err(Error::FSM));
    rep.expect_nothing();
    req.send_frame(b"b", false).unwrap();
    assert!(rep.recv_frame().unwrap().more());
    assert_eq!(rep.send(b"early"), Err(Error::FSM));
    assert!(!rep.recv_frame().unwrap().more());
    rep.send(b"now").unwrap();
    req.expect(&[b"now"]);
}

#[test]
fn replies_that_do_not_fit_are_skipped() {
    let mut req = TestSocket::new(T::Req);
    let (_, mut peer) = req.attach_raw(Attach::default());
    req.send(b"question").unwrap();
    write_all(&mut peer, &[b"no delimiter"]);
    write_all(&mut peer, &[b"wrong", b"delimiter", b"x"]);
    write_all(&mut peer, &[b""]);
    write_all(&mut peer, &[b"", b"answer"]);
    assert_eq!(req.recv().unwrap(), [b"answer"]);
}

#[test]
fn only_the_peer_that_was_asked_may_reply() {
    let mut req = TestSocket::new(T::Req);
    let mut peers: [_; 2] = std::array::from_fn(|_| req.attach_raw(Attach::default()));
    req.send(b"question").unwrap();
    let asked = peers.iter_mut().position(|(_, peer)| peer.check_read()).unwrap();
    write_all(&mut peers[1 - asked].1, &[b"", b"not you"]);
    assert_eq!(req.recv(), Err(Error::AGAIN));
    write_all(&mut peers[asked].1, &[b"", b"yes"]);
    req.expect(&[b"yes"]);
}

#[test]
fn a_relaxed_req_asks_again_and_ignores_the_late_reply() {
    let (mut req, mut rep) = req_rep();
    req.set_int(numbers::REQ_RELAXED, 1);
    req.set_int(numbers::REQ_CORRELATE, 1);
    req.send(b"one").unwrap();
    req.send(b"two").unwrap();
    for _ in 0..2 {
        let request = rep.recv().unwrap();
        rep.send(&request[0]).unwrap();
    }
    req.expect(&[b"two"]);
    assert_eq!(req.recv(), Err(Error::FSM));
}

#[test]
fn a_correlated_request_carries_an_id_that_changes() {
    let mut req = TestSocket::new(T::Req);
    req.set_int(numbers::REQ_CORRELATE, 1);
    let mut router = TestSocket::new(T::Router);
    req.connect(&mut router);
    let mut last = Vec::new();
    for _ in 0..2 {
        req.send(b"question").unwrap();
        let frames = router.recv().unwrap();
        assert_eq!((frames.len(), frames[1].len(), &frames[2][..]), (4, 4, &b""[..]));
        assert_ne!(frames[1], last);
        router.send_all(&[&frames[0], b"bad!", b"", b"wrong id"]).unwrap();
        router.send_all(&[&frames[0], &frames[1], b"", b"answer"]).unwrap();
        req.expect(&[b"answer"]);
        last = frames[1].clone();
    }
}

#[test]
fn rep_returns_the_envelope_and_skips_malformed_requests() {
    let mut rep = TestSocket::new(T::Rep);
    let mut dealer = TestSocket::new(T::Dealer);
    dealer.connect(&mut rep);
    dealer.send_all(&[b"no", b"delimiter"]).unwrap();
    dealer.send_all(&[b"hop 1", b"hop 2", b"", b"body"]).unwrap();
    rep.expect(&[b"body"]);
    rep.send_all(&[b"re", b"ply"]).unwrap();
    dealer.expect(&[b"hop 1", b"hop 2", b"", b"re", b"ply"]);
    dealer.expect_nothing();
}

#[test]
fn a_reply_to_a_peer_that_went_away_is_dropped() {
    let (mut req, mut rep) = req_rep();
    rep.set_int(numbers::ROUTER_MANDATORY, 1);
    req.send(b"question").unwrap();
    rep.expect(&[b"question"]);
    drop(req);
    rep.send_frame(b"to", true).unwrap();
    rep.send(b"nobody").unwrap();
    let mut next = TestSocket::new(T::Req);
    next.connect(&mut rep);
    next.send(b"me").unwrap();
    rep.expect(&[b"me"]);
    rep.send(b"you").unwrap();
    next.expect(&[b"you"]);
}

#[test]
fn a_router_waits_for_the_handshake_to_learn_names() {
    let mut router = TestSocket::new(T::Router);
    let mut dealer = TestSocket::named(T::Dealer, b"alice");
    let ids = dealer.connect_without_handshake(&mut router);
    router.pump();
    router.set_int(numbers::ROUTER_MANDATORY, 1);
    assert_eq!(router.send_frame(b"alice", true), Err(Error::HOSTUNREACH));
    assert!(!router.has_out());
    dealer.shake_hands(&mut router, ids);
    assert!(router.has_out());
    router.send_all(&[b"alice", b"hello"]).unwrap();
    dealer.expect(&[b"hello"]);
}

#[test]
fn a_router_names_peers_that_have_no_name() {
    let mut router = TestSocket::new(T::Router);
    let mut dealers: [_; 2] = std::array::from_fn(|_| TestSocket::new(T::Dealer));
    let mut names = Vec::new();
    for dealer in &mut dealers {
        dealer.connect(&mut router);
        dealer.send_all(&[b"a", b"b"]).unwrap();
        let frames = router.recv().unwrap();
        assert_eq!(
            (frames[0].len(), frames[0][0], &frames[1..]),
            (5, 0, &[b"a", b"b"].map(|f| f.to_vec())[..])
        );
        names.push(frames[0].clone());
    }
    assert_ne!(names[0], names[1]);
    router.send_all(&[&names[1], b"for you"]).unwrap();
    dealers[1].expect(&[b"for you"]);
    dealers[0].expect_nothing();
}

#[test]
fn an_unroutable_message_is_dropped_or_refused() {
    let mut router = TestSocket::new(T::Router);
    router.send_all(&[b"nobody", b"a", b"b"]).unwrap();
    router.send(b"a name and nothing else").unwrap();
    router.set_int(numbers::ROUTER_MANDATORY, 1);
    assert_eq!(router.send_frame(b"nobody", true), Err(Error::HOSTUNREACH));
    let mut dealer = TestSocket::with(T::Dealer, |options| {
        options.routing_id = b"full".to_vec();
        options.rcvhwm = 1;
    });
    let mut router = TestSocket::with(T::Router, |options| options.sndhwm = 1);
    router.set_int(numbers::ROUTER_MANDATORY, 1);
    dealer.connect(&mut router);
    router.send_all(&[b"full", b"1"]).unwrap();
    assert_eq!(router.pattern.peer_state(&mut router.pipes, b"full"), Ok(POLLOUT));
    router.send_all(&[b"full", b"2"]).unwrap();
    assert_eq!(router.send_frame(b"full", true), Err(Error::AGAIN));
    assert_eq!(router.pattern.peer_state(&mut router.pipes, b"full"), Ok(0));
    assert_eq!(router.pattern.peer_state(&mut router.pipes, b"nobody"), Err(Error::HOSTUNREACH));
    assert!(!router.has_out());
    dealer.expect(&[b"1"]);
    dealer.expect(&[b"2"]);
    assert!(router.has_out());
    router.send_all(&[b"full", b"3"]).unwrap();
    dealer.expect(&[b"3"]);
}

#[test]
fn a_second_peer_of_the_same_name_waits_until_the_first_is_gone() {
    let mut router = TestSocket::new(T::Router);
    let mut first = TestSocket::named(T::Dealer, b"same");
    let mut second = TestSocket::named(T::Dealer, b"same");
    first.connect(&mut router);
    second.connect(&mut router);
    second.send(b"I am back").unwrap();
    router.expect_nothing();
    router.send_all(&[b"same", b"to the first"]).unwrap();
    first.expect(&[b"to the first"]);
    drop(first);
    router.pump();
    router.expect(&[b"same", b"I am back"]);
    router.send_all(&[b"same", b"to the second"]).unwrap();
    second.expect(&[b"to the second"]);
}

#[test]
fn not_all_who_wait_for_a_name_are_kept_once_they_have_gone() {
    for kind in [T::Router, T::Rep] {
        let mut router = TestSocket::new(kind);
        let mut first = TestSocket::named(T::Dealer, b"same");
        let mut waiting = TestSocket::named(T::Dealer, b"same");
        first.connect(&mut router);
        waiting.connect(&mut router);
        waiting.send_all(&[b"", b"I wait"]).unwrap();
        let mut briefs = Vec::new();
        for number in 0..250_u8 {
            let mut brief = TestSocket::named(T::Dealer, b"same");
            // Some are gone before their names are known.
            if number % 2 == 0 {
                brief.connect(&mut router);
            } else {
                let ids = brief.connect_without_handshake(&mut router);
                brief.shake_hands(&mut router, ids);
            }
            brief.send_all(&[b"", &[number]]).unwrap();
            briefs.push(brief);
            // They go one by one, and many at a time.
            if number < 20 || number % 10 == 9 {
                briefs.clear();
                router.pump();
            }
        }
        assert_eq!(router.pipes.len(), 102);
        drop(first);
        // Who lives comes in its turn, and so do the newest of the others.
        let mut heard = Vec::new();
        for _ in 0..101 {
            // Whoever finds nothing looks again: then the next has the name.
            let message = router.recv().or_else(|_| router.recv()).unwrap();
            heard.push(message.last().unwrap().clone());
            if kind == T::Rep {
                router.send(b"").unwrap();
            }
            if heard.len() == 1 {
                waiting.end_pipe(crate::pipe::PipeId(0));
            }
        }
        assert_eq!(heard[0], b"I wait");
        heard[1..].sort();
        assert!(heard[1..].iter().zip(150..).all(|(body, number)| body == &[number]));
        router.expect_nothing();
        assert_eq!(router.pipes.len(), 0);
    }
}

#[test]
fn with_handover_the_newest_peer_of_a_name_has_it() {
    let mut router = TestSocket::new(T::Router);
    router.set_int(numbers::ROUTER_HANDOVER, 1);
    let mut first = TestSocket::named(T::Dealer, b"same");
    let mut second = TestSocket::named(T::Dealer, b"same");
    first.connect(&mut router);
    router.set_int(numbers::ROUTER_MANDATORY, 1);
    first.send_all(&[b"a", b"b"]).unwrap();
    first.send_all(&[b"c"]).unwrap();
    assert_eq!(router.recv_frame().unwrap().data(), b"same");
    second.connect(&mut router);
    first.pump();
    assert_eq!(first.pipes.len(), 0);
    // What the first has sent is heard, but by another name, to which nothing can be sent.
    assert_eq!(router.recv().unwrap(), [b"a", b"b"]);
    let heard = router.recv().unwrap();
    assert_eq!((heard[0].len(), &heard[1][..]), (5, &b"c"[..]));
    assert_eq!(router.send_frame(&heard[0], true), Err(Error::HOSTUNREACH));
    router.expect_nothing();
    assert_eq!(router.pipes.len(), 1);
    router.send_all(&[b"same", b"hello"]).unwrap();
    second.expect(&[b"hello"]);
}

#[test]
fn who_has_lost_its_name_is_no_reason_to_send() {
    let mut router = TestSocket::new(T::Router);
    router.set_int(numbers::ROUTER_HANDOVER, 1);
    router.set_int(numbers::ROUTER_MANDATORY, 1);
    router.change(|options| options.sndhwm = 1);
    let mut first = TestSocket::named(T::Dealer, b"same");
    let mut second = TestSocket::with(T::Dealer, |options| {
        options.routing_id = b"same".to_vec();
        options.rcvhwm = 1;
    });
    first.connect(&mut router);
    let (_, id) = second.connect(&mut router);
    assert!(router.has_out());
    router.end_pipe(id);
    assert!(!router.has_out());
    assert_eq!(router.send_frame(b"same", true), Err(Error::HOSTUNREACH));
}

#[test]
fn a_peer_that_waits_for_a_name_does_not_take_it_from_the_newest() {
    let mut router = TestSocket::new(T::Router);
    let mut first = TestSocket::named(T::Dealer, b"same");
    let mut waiting = TestSocket::named(T::Dealer, b"same");
    let mut newest = TestSocket::named(T::Dealer, b"same");
    first.connect(&mut router);
    waiting.connect(&mut router);
    router.set_int(numbers::ROUTER_HANDOVER, 1);
    newest.connect(&mut router);
    router.pump();
    waiting.send(b"I wait").unwrap();
    newest.send(b"I have it").unwrap();
    router.expect(&[b"same", b"I have it"]);
    router.expect_nothing();
    drop(newest);
    router.pump();
    router.expect(&[b"same", b"I wait"]);
}

#[test]
fn the_application_may_choose_the_name_of_a_peer_it_connects_to() {
    for kind in [T::Router, T::Rep] {
        let mut router = TestSocket::new(T::Router);
        router.set(numbers::CONNECT_ROUTING_ID, b"").unwrap_err();
        router.set(numbers::CONNECT_ROUTING_ID, b"server").unwrap();
        let mut server = TestSocket::named(kind, b"other name");
        router.connect_without_handshake(&mut server);
        // One use: the next connection is named as usual. So is one whose name is taken.
        let mut next = TestSocket::named(T::Dealer, b"next");
        router.connect(&mut next);
        router.set(numbers::CONNECT_ROUTING_ID, b"server").unwrap();
        let mut third = TestSocket::new(T::Dealer);
        router.connect(&mut third);
        router.send_all(&[b"server", b"", b"hello"]).unwrap();
        assert_eq!(server.recv().unwrap().last().unwrap(), b"hello");
        router.send_all(&[b"next", b"hello"]).unwrap();
        next.expect(&[b"hello"]);
        third.expect_nothing();
    }
}

#[test]
fn the_rest_of_a_routed_message_goes_nowhere_when_its_peer_does() {
    let mut router = TestSocket::new(T::Router);
    let mut dealer = TestSocket::named(T::Dealer, b"peer");
    let (_, id) = dealer.connect(&mut router);
    router.send_frame(b"peer", true).unwrap();
    router.send_frame(b"half", true).unwrap();
    router.end_pipe(id);
    let mut other = TestSocket::named(T::Dealer, b"peer");
    other.connect(&mut router);
    router.pump();
    router.send(b"other half").unwrap();
    router.send_all(&[b"peer", b"whole"]).unwrap();
    other.expect(&[b"whole"]);
    dealer.expect_nothing();
}

#[test]
fn an_envelope_keeps_the_frame_that_there_was_no_memory_for() {
    let mut rep = TestSocket::new(T::Rep);
    let mut dealer = TestSocket::new(T::Dealer);
    let (_, id) = dealer.connect(&mut rep);
    dealer.send_all(&[b"hop 1", b"hop 2", b"", b"body"]).unwrap();
    assert!(rep.has_in());
    for _ in 0..3 {
        rep.pipes[id].run_short(0);
        assert_eq!(rep.recv_frame().err(), Some(Error::NOMEM));
        assert!(rep.has_in());
    }
    rep.expect(&[b"body"]);
    rep.send(b"reply").unwrap();
    dealer.expect(&[b"hop 1", b"hop 2", b"", b"reply"]);
}
