//! What the fuzzer feeds to the SOCKS5 client: any answers of a proxy, in any pieces. See
//! `crate::fuzz`.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use super::*;
use crate::fuzz::Input;
use crate::transport::testing::options;

pub(crate) fn replies(data: &[u8]) {
    let mut input = Input(data);
    let mut options = options();
    options.socks_proxy_address = b"127.0.0.1:1".to_vec();
    let authenticates = input.flag();
    if authenticates {
        options.socks_proxy_username = b"user".to_vec();
        options.socks_proxy_password = b"password".to_vec();
    }
    let first = usize::from(input.byte());
    let mut dialer = SocksDialer::new("name.invalid:80", &options).unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let stream = Stream::new(OwnedFd::from(ours).into(), "tcp");
    let bytes = input.rest();
    let (before, after) = bytes.split_at(first.min(bytes.len()));

    theirs.write_all(before).unwrap();
    let mut dial = dialer.follow(Dial::Done(stream));
    if let Dial::Negotiating(_) = dial {
        let _ = theirs.write_all(after);
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        dial = dialer.poll();
    }
    match dial {
        Dial::Done(stream) => {
            // The proxy agreed, and the rest is the peer's, to the byte.
            let used = expected(bytes, authenticates).expect("no agreement");
            let mut rest = vec![0; bytes.len() + 1];
            let all =
                if used <= before.len() && dialer.exchange.is_none() { bytes } else { before };
            let got = stream.read(&mut rest).unwrap_or(0);
            assert!(all[used.min(all.len())..].starts_with(&rest[..got]) || all.len() < used);
        }
        Dial::Failed(_) => {
            let mut said = Vec::new();
            theirs.set_nonblocking(true).unwrap();
            let _ = theirs.read_to_end(&mut said);
            assert!(said.starts_with(&[5, 1]));
        }
        Dial::Resolving | Dial::Connecting(_) | Dial::Negotiating(_) => {
            panic!("waits for more after the end")
        }
    }
}

/// How many bytes an agreement takes.
fn expected(bytes: &[u8], authenticates: bool) -> Option<usize> {
    let (method, mut rest) = bytes.strip_prefix(&[5])?.split_first()?;
    match (method, authenticates) {
        (0, _) => {}
        (2, true) => rest = rest.strip_prefix(&[1, 0])?,
        _ => return None,
    }
    let rest = rest.strip_prefix(&[5, 0, 0])?;
    let (kind, rest) = rest.split_first()?;
    let length = match kind {
        1 => 4,
        3 => 1 + usize::from(*rest.first()?),
        4 => 16,
        _ => return None,
    };
    let rest = rest.get(length + 2..)?;
    Some(bytes.len() - rest.len())
}
