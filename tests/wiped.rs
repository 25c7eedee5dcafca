//! Of the secret keys that servers of CURVE were given nothing is left in the process once they are
//! closed: not on the heap, not on any stack, not in what the threads leave behind. The whole writable
//! memory is searched, in a process of its own. See docs/security.md.

#![cfg(target_os = "linux")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "handles, buffers and strings live through each call"
)]

mod stress;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use stress::*;
use zmq::ffi::*;

/// Set for the process that is searched.
const INSIDE: &str = "OXIZMQ_TEST_WIPED";
/// What the test keeps of a secret is mixed with this, so that it does not find itself.
const MASK: u8 = 0x5a;

/// A secret that the test knows without having it.
struct Masked(Vec<u8>);

impl Masked {
    /// Random bytes.
    fn random() -> Masked {
        let mut bytes = vec![0; 32];
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), 32, 0) };
        assert_eq!(got, 32);
        Masked(bytes)
    }

    /// Takes a secret and leaves zeros.
    fn take(secret: &mut [u8]) -> Masked {
        let masked = secret.iter().map(|byte| byte ^ MASK).collect();
        wipe(secret);
        Masked(masked)
    }

    /// Lends the secret itself.
    fn with<T>(&self, work: impl FnOnce(&mut [u8]) -> T) -> T {
        // One byte more, for a NUL.
        let mut secret = vec![0; self.0.len() + 1];
        for (secret, masked) in secret.iter_mut().zip(&self.0) {
            *secret = masked ^ MASK;
        }
        let result = work(&mut secret);
        wipe(&mut secret);
        result
    }

    /// Whether it is at the beginning of `memory`, apart from the few bits that X25519 sets.
    fn is_at(&self, memory: &[u8]) -> bool {
        let inner = 4..self.0.len() - 4;
        let pairs = memory[inner.clone()].iter().zip(&self.0[inner]);
        pairs.into_iter().all(|(byte, masked)| byte ^ MASK == *masked)
    }
}

fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

/// Where in the writable memory of this process one of the secrets is.
fn found(secrets: &[Masked]) -> Vec<String> {
    let longest = secrets.iter().map(|secret| secret.0.len()).max().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut window = vec![0; 1 << 16];
    let mut places = Vec::new();
    for map in maps.lines().filter(|map| map.split(' ').nth(1).unwrap().starts_with("rw")) {
        let (start, end) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at + (longest as u64) <= end {
            let len = window.len().min((end - at) as usize);
            let Ok(len) = memory.read_at(&mut window[..len], at) else { break };
            if len < longest {
                break;
            }
            for offset in 0..=len - longest {
                for (number, secret) in secrets.iter().enumerate() {
                    if secret.is_at(&window[offset..]) {
                        places
                            .push(format!("secret {number} at {:x} in {map}", at + offset as u64));
                    }
                }
            }
            at += (len - longest + 1) as u64;
        }
    }
    wipe(&mut window);
    places
}

fn set_bytes(socket: Socket, option: std::ffi::c_int, value: &[u8]) {
    let result = unsafe { zmq_setsockopt(socket.0, option, value.as_ptr().cast(), value.len()) };
    assert_eq!(result, 0);
}

/// A server with this key and its client talk, over connections that end in either way.
fn serve(context: Context, secret: &Masked, public: &[u8; 41]) {
    for closed_first in [true, false] {
        let (server, client) = (context.socket(ZMQ_ROUTER), context.socket(ZMQ_DEALER));
        server.set(ZMQ_CURVE_SERVER, 1).unwrap();
        secret.with(|key| {
            // The text with its NUL, the bytes without.
            let len = if key.len() == 41 { 41 } else { 32 };
            set_bytes(server, ZMQ_CURVE_SECRETKEY, &key[..len]);
        });
        let mut keys = [[0; 41]; 2];
        let [own_public, own_secret] =
            keys.each_mut().map(|key: &mut [u8; 41]| key.as_mut_ptr().cast());
        assert_eq!(unsafe { zmq_curve_keypair(own_public, own_secret) }, 0);
        for (option, key) in [ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY].into_iter().zip(keys) {
            set_bytes(client, option, &key);
        }
        set_bytes(client, ZMQ_CURVE_SERVERKEY, public);
        client.connect(&server.bind_any("tcp")).unwrap();
        for body in [&b"question"[..], &[1; 100_000]] {
            client.send(body, 0).unwrap();
            let id = server.recv(0).unwrap();
            let body = server.recv(0).unwrap();
            server.send(&id, ZMQ_SNDMORE).unwrap();
            server.send(&body, 0).unwrap();
            assert_eq!(client.recv(0).unwrap(), body);
        }
        for socket in if closed_first { [server, client] } else { [client, server] } {
            socket.close().unwrap();
        }
    }
}

/// What the process that is searched does.
fn inside() {
    let secret = Masked::random();
    // The library's own conversions must leave nothing, either.
    let mut public = [0; 41];
    let text = secret.with(|key| {
        let mut text = vec![0u8; 41];
        let mut known = [0u8; 41];
        unsafe {
            assert!(!zmq_z85_encode(text.as_mut_ptr().cast(), key.as_ptr(), 32).is_null());
            assert_eq!(zmq_curve_public(known.as_mut_ptr().cast(), text.as_ptr().cast()), 0);
            let mut decoded = vec![0; 32];
            assert!(!zmq_z85_decode(decoded.as_mut_ptr(), text.as_ptr().cast()).is_null());
            wipe(&mut decoded);
        }
        public = known;
        let mut bytes = text.clone();
        text.fill(0);
        std::hint::black_box(&mut text);
        Masked::take(&mut bytes[..40])
    });
    // The search finds what there is.
    assert!(secret.with(|_| !found(std::slice::from_ref(&secret)).is_empty()));
    let context = Context::new();
    serve(context, &secret, &public);
    serve(context, &text, &public);
    context.term().unwrap();
    let places = found(&[secret, text]);
    assert!(places.is_empty(), "left behind:\n{}", places.join("\n"));
}

#[test]
fn nothing_is_left_of_a_servers_secret_key() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_is_left_of_a_servers_secret_key", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
