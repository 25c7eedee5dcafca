//! Two engines back to back, driven by the fuzzer: whatever the options, the pieces and the order of
//! things, frames arrive as they were sent; and when bytes are changed on their way, only the
//! connection ends. See `crate::fuzz`.

use std::time::{Duration, Instant};

use crate::fuzz::Input;
use crate::message::{COMMAND, MORE, Subscription};
use crate::patterns::SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub};
use crate::zmtp::config::ZapConfig;
use crate::zmtp::testing::{Collect, Side, config};
use crate::zmtp::{CurveConfig, EngineConfig, Failure, MechanismConfig, command, frame};

/// Both ends and what is on its way between them.
struct Wire {
    sides: [Side; 2],
    /// Bytes towards each side.
    ways: [Vec<u8>; 2],
    /// Frames that each side has sent and the other has not received.
    sent: [std::collections::VecDeque<(u8, Vec<u8>)>; 2],
    started: [bool; 2],
    now: Instant,
    /// Bytes were changed: anything may happen but a panic.
    spoilt: bool,
    granted: bool,
}

fn configs(input: &mut Input<'_>) -> [EngineConfig; 2] {
    let pairs = [(Dealer, Router), (Pub, Sub), (Push, Pull), (Req, Rep), (Pair, Pair), (Sub, Pub)];
    let (one, two) = input.choose(&pairs);
    let mut configs = [config(one), config(two)];
    for config in &mut configs {
        config.routing_id = input.take(usize::from({ *input }.byte() % 9)).to_vec();
        if input.flag() {
            config.heartbeat_interval = Some(Duration::from_millis(1 + u64::from(input.byte())));
            config.heartbeat_timeout = Some(Duration::from_millis(1 + u64::from(input.byte()) * 4));
            config.heartbeat_ttl_deciseconds = input.byte().into();
        }
        if input.flag() {
            let [name, value] = [input.bytes(), input.bytes()].map(<[u8]>::to_vec);
            config.properties.push(([b"X-", &name[..name.len().min(200)]].concat(), value));
        }
    }
    let secret = [7; 32];
    let public = crate::mechanism::public_key(&secret);
    let mechanisms = match input.byte() % 6 {
        1 => [
            MechanismConfig::PlainClient {
                username: input.bytes().to_vec(),
                password: input.bytes().to_vec().into(),
            },
            MechanismConfig::PlainServer,
        ],
        2 => [
            MechanismConfig::CurveClient(Box::new(CurveConfig {
                public_key: public,
                secret_key: secret.into(),
                server_key: public,
            })),
            MechanismConfig::CurveServer { secret_key: secret.into() },
        ],
        _ => [MechanismConfig::Null, MechanismConfig::Null],
    };
    for (config, mechanism) in configs.iter_mut().zip(mechanisms) {
        config.mechanism = mechanism;
    }
    if input.flag() {
        configs[1].zap = ZapConfig { domain: b"d".to_vec(), enforce: input.flag() };
    }
    configs
}

impl Wire {
    /// One side puts what it has to say onto its way.
    fn collect(&mut self, from: usize) {
        let side = &mut self.sides[from];
        side.collect();
        let sent = side.sent();
        if side.failure.is_none() || !sent.is_empty() {
            self.ways[1 - from].extend_from_slice(&sent);
        }
    }

    fn send(&mut self, from: usize, flags: u8, body: &[u8]) {
        self.collect(from);
        let side = &mut self.sides[from];
        if side.failure.is_some() || !side.engine.is_established() {
            return;
        }
        let body = if flags & COMMAND != 0 {
            Subscription::Subscribe(body).to_command().unwrap().data().to_vec()
        } else {
            body.to_vec()
        };
        let way = &mut self.ways[1 - from];
        // Several at once are sealed in one go.
        let times = if body.len() % 3 == 0 { 6 } else { 1 };
        let mut frames = Vec::new();
        (0..times).for_each(|_| frame::put_frame(flags, &body, &mut frames));
        if side.engine.outbound_raw() {
            way.append(&mut frames);
        } else if side.engine.outbound_wrapped() && body.len() % 2 == 0 {
            let sealed = side.engine.seal(&frames, usize::MAX, way).unwrap();
            assert_eq!((sealed.taken, sealed.more), (frames.len(), Some(flags & MORE != 0)));
        } else {
            (0..times).for_each(|_| side.engine.encode(flags, &body, way).unwrap());
        }
        self.sent[from].extend((0..times).map(|_| (flags, body.clone())));
    }

    /// So many bytes reach a side.
    fn deliver(&mut self, to: usize, count: usize) {
        let count = count.min(self.ways[to].len());
        let bytes: Vec<u8> = self.ways[to].drain(..count).collect();
        let side = &mut self.sides[to];
        if side.failure.is_some() {
            return;
        }
        side.feed(self.now, &bytes, usize::MAX);
        if side.failure.is_none() && side.engine.is_established() {
            match receive(side, self.now) {
                Ok(frames) => {
                    for received in frames {
                        if !self.spoilt {
                            let expected = self.sent[1 - to].pop_front();
                            assert_eq!(Some(received), expected);
                        }
                    }
                }
                Err(failure) => side.failure = Some(failure),
            }
        }
        self.collect(to);
    }
}

/// What a side has in its inbox, without heartbeats.
fn receive(side: &mut Side, now: Instant) -> Result<Vec<(u8, Vec<u8>)>, Failure> {
    let mut frames = Vec::new();
    if side.engine.inbound_raw() || side.engine.inbound_wrapped() {
        let behind = side.unwrap(now);
        let scan = side.engine.scan(now, &mut side.canonical, usize::MAX)?;
        if scan.broken {
            side.failure = side.engine.scan(now, &mut side.canonical[scan.frames_end..], 1).err();
        }
        side.failure = side.failure.or(behind);
        let taken: Vec<u8> = side.canonical.drain(..scan.frames_end).collect();
        let mut rest = &taken[..];
        while let Some(header) = frame::parse_header(rest) {
            let end = header.header_len + header.len as usize;
            let body = rest[header.header_len..end].to_vec();
            rest = &rest[end..];
            let beat = body.starts_with(command::PING) || body.starts_with(command::PONG);
            if header.flags & COMMAND == 0 || !beat {
                frames.push((header.flags & (MORE | COMMAND), body));
            }
        }
    } else {
        let mut all = Collect(Vec::new(), usize::MAX);
        let taken = side.engine.decode(now, &side.inbox, &mut all)?;
        side.inbox.drain(..taken);
        frames.append(&mut all.0);
    }
    Ok(frames)
}

pub(crate) fn sessions(data: &[u8]) {
    let mut input = Input(data);
    let configs = configs(&mut input);
    let silent = configs.iter().any(|config| config.heartbeat_interval.is_some());
    let asks = configs[1].secured();
    let strict = matches!(configs[1].mechanism, MechanismConfig::PlainServer)
        || !configs[1].zap.domain.is_empty();
    let now = Instant::now();
    let mut wire = Wire {
        sides: configs.map(|config| Side::new(config, now)),
        ways: Default::default(),
        sent: Default::default(),
        started: [false; 2],
        now,
        spoilt: false,
        granted: false,
    };
    let (mut waited, mut denied) = (false, false);
    wire.collect(0);
    wire.collect(1);
    for step in 0..240 {
        let ended = input.is_empty() || step > 200;
        let (action, who) = (input.byte(), usize::from(input.byte() & 1));
        match if ended { 0 } else { action % 8 } {
            0 | 1 => wire.deliver(who, usize::MAX),
            2 => wire.deliver(who, 1 + usize::from(input.byte())),
            3 | 4 => {
                let flags = input.choose(&[0, 0, MORE, COMMAND]);
                let body = input.bytes();
                let body = if input.flag() { body.repeat(9) } else { body.to_vec() };
                wire.send(who, flags, &body);
            }
            5 => {
                let millis = input.word();
                wire.now += Duration::from_millis(millis.into());
                waited = true;
                // An application may pause, and read on.
                wire.sides[who].engine.set_input_paused(wire.now, millis % 8 == 7);
                for side in &mut wire.sides {
                    let failed = side.engine.handle_timeout(wire.now).err();
                    side.failure = side.failure.or(failed);
                }
            }
            6 => {
                let way = &mut wire.ways[who];
                let (at, change) = (usize::from(input.word()), input.byte());
                if !way.is_empty() && change != 0 {
                    let at = at % way.len();
                    way[at] ^= change;
                    wire.spoilt = true;
                }
            }
            _ => {
                wire.deliver(who, usize::MAX);
                wire.deliver(1 - who, usize::MAX);
            }
        }
        let side = &mut wire.sides[1];
        if side.zap.is_some() && side.failure.is_none() && asks {
            let status = if input.byte() % 8 == 7 { "400" } else { "200" };
            side.answer_zap(wire.now, status, "user");
            wire.granted |= status == "200";
            denied |= status != "200";
            wire.collect(1);
        }
        if ended {
            // All that is left goes through.
            wire.deliver(0, usize::MAX);
            wire.deliver(1, usize::MAX);
            if wire.ways.iter().all(Vec::is_empty) && wire.sides[1].zap.is_none() {
                break;
            }
        }
    }
    wire.started = [0, 1].map(|who| wire.sides[who].engine.is_established());
    if wire.started[1] && strict {
        assert!(wire.granted, "a peer got in though nobody let it");
    }
    if !(wire.spoilt || denied || waited || silent) {
        for side in &wire.sides {
            assert_eq!(side.failure, None);
        }
        assert_eq!(wire.started, [true; 2]);
        assert!(wire.sent.iter().all(|sent| sent.is_empty()), "a frame was lost");
    }
}
