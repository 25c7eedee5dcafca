//! The table against `measured.tsv`, a compact copy of what libzmq was seen to accept, and the
//! quirks one by one.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::options::row::{Rule, Store};
use crate::options::rows::ROWS;
use crate::options::table::{Found, get, null_needs_no_length, put_int, put_text, set};
use crate::options::{ContextOptions, MechanismKind, Outcome, SocketOptions, numbers};
use crate::patterns::SocketType;

const INTS: &[i32] = &[
    i32::MIN,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    99,
    100,
    254,
    255,
    256,
    65_535,
    65_536,
    100_000,
    6_553_500,
    6_553_599,
    6_553_600,
    i32::MAX,
];
const SIZES: &[usize] = &[0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 40, 41, 42, 255, 256, 512];
const LENGTHS: &[usize] =
    &[1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 41, 42, 255, 256, 1000];
const Z85: &[u8; 40] = b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";

/// One line of `measured.tsv`.
struct Line<'a> {
    number: i32,
    name: &'a str,
    set_on: &'a str,
    ints: &'a str,
    bytes: &'a str,
    nothing: &'a str,
    get_on: &'a str,
    sizes: &'a str,
    default: &'a str,
}

fn measured() -> impl Iterator<Item = Line<'static>> {
    include_str!("measured.tsv").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let [number, name, set_on, ints, bytes, nothing, get_on, sizes, default] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        Line {
            number: number.parse().unwrap(),
            name,
            set_on,
            ints,
            bytes,
            nothing,
            get_on,
            sizes,
            default,
        }
    })
}

fn kinds() -> impl Iterator<Item = SocketType> {
    (0..=20).map(|number| SocketType::from_number(number).unwrap())
}

fn on(list: &str, kind: SocketType) -> bool {
    match list.strip_prefix("not ") {
        Some(list) => !list.split(',').any(|name| name == kind.name()),
        None => list == "all" || list.split(',').any(|name| name == kind.name()),
    }
}

fn within(range: &str, value: i64) -> bool {
    let Some((low, high)) = range.split_once("..") else { return false };
    let number = |text: &str| match text {
        "min" => i64::from(i32::MIN),
        "max" => i64::from(i32::MAX),
        text => text.parse().unwrap(),
    };
    (number(low)..=number(high)).contains(&value)
}

fn options(kind: SocketType) -> SocketOptions {
    SocketOptions::new(kind, &ContextOptions::default())
}

/// Whether a fresh socket takes the value, as far as the table knows.
fn takes(kind: SocketType, option: i32, value: Option<&[u8]>) -> bool {
    match set(&mut options(kind), option, value) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error, Error::INVAL);
            false
        }
    }
}

/// The XPUB pattern takes these only in manual mode, which the table cannot know.
fn left_to_the_pattern(option: i32, kind: SocketType) -> bool {
    [numbers::SUBSCRIBE, numbers::UNSUBSCRIBE].contains(&option)
        && [SocketType::Pub, SocketType::Xpub].contains(&kind)
}

#[test]
fn rows_are_in_order_and_make_sense() {
    assert!(ROWS.is_sorted_by(|one, next| one.number < next.number));
    for row in ROWS {
        assert!(row.set.is_some() || row.get.is_some(), "{}", row.name);
        let Some(set) = &row.set else { continue };
        let fits = match (&set.rule, &set.store) {
            (Rule::Int { min, max }, Store::Int(_) | Store::Pattern) => min <= max,
            (Rule::Wide, Store::Wide(_)) => true,
            (Rule::Bytes { min, max, .. }, Store::Bytes(_) | Store::Pattern) => min <= max,
            _ => false,
        };
        assert!(fits, "{}", row.name);
        assert_eq!(
            matches!(set.store, Store::Pattern),
            set.then == Outcome::Pattern,
            "{}",
            row.name
        );
    }
}

#[test]
fn every_measured_option_has_its_row_and_no_other_exists() {
    let lines: BTreeSet<_> = measured()
        .filter(|line| line.set_on != "-" || line.get_on != "-")
        .map(|line| line.number)
        .collect();
    let rows: BTreeSet<_> = ROWS.iter().map(|row| row.number).collect();
    assert_eq!(lines, rows);
    for line in measured() {
        if let Some(row) = ROWS.iter().find(|row| row.number == line.number) {
            assert_eq!(row.name.strip_prefix("ZMQ_"), Some(line.name));
        }
    }
    for option in (-2..=300).chain([i32::MIN, i32::MAX]).filter(|option| !rows.contains(option)) {
        let mut options = options(SocketType::Pair);
        assert_eq!(set(&mut options, option, Some(&[0; 4])), Err(Error::INVAL));
        assert_eq!(get(&options, option, &mut [0; 4]), Err(Error::INVAL));
    }
}

#[test]
fn values_are_accepted_as_measured() {
    for line in measured() {
        for kind in kinds().filter(|&kind| !left_to_the_pattern(line.number, kind)) {
            let settable = on(line.set_on, kind);
            let what = format!("{} on {}", line.name, kind.name());
            for &value in INTS {
                let expected = settable && within(line.ints, value.into());
                assert_eq!(
                    takes(kind, line.number, Some(&value.to_ne_bytes())),
                    expected,
                    "{what}: {value}"
                );
            }
            for &length in LENGTHS {
                // Letters that are neither a key, an address nor metadata.
                let value = vec![b'"'; length];
                let example = line.bytes.contains("str32") && length == 32;
                let expected = settable && (within(line.bytes, length as i64) || example);
                assert_eq!(
                    takes(kind, line.number, Some(&value)),
                    expected,
                    "{what}: {length} bytes"
                );
            }
            for (example, value) in examples() {
                let listed = line.bytes.split(',').any(|listed| listed == example);
                let expected = settable && (listed || within(line.bytes, value.len() as i64));
                assert_eq!(takes(kind, line.number, Some(value)), expected, "{what}: {example}");
            }
            let nothing = |word| settable && line.nothing.split(',').any(|listed| listed == word);
            assert_eq!(takes(kind, line.number, None), nothing("null"), "{what}: null");
            assert_eq!(takes(kind, line.number, Some(&[])), nothing("empty"), "{what}: empty");
        }
    }
}

fn examples() -> [(&'static str, &'static [u8]); 6] {
    [
        ("z85-40", Z85),
        ("z85-41nul", b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\0"),
        ("X-a:b", b"X-a:b"),
        ("X-ab:cd", b"X-ab:cd"),
        ("127.0.0.1", b"127.0.0.1"),
        ("127.0.0.1/8", b"127.0.0.1/8"),
    ]
}

#[test]
fn buffers_are_accepted_as_measured_and_defaults_are_found() {
    use numbers::{EVENTS, FD, LAST_ENDPOINT, RCVMORE, TOPICS_COUNT};
    for line in measured() {
        for kind in kinds() {
            let what = format!("{} on {}", line.name, kind.name());
            for &size in SIZES {
                let mut buffer = vec![0xAA; size];
                let found = get(&options(kind), line.number, &mut buffer);
                let elsewhere = match line.number {
                    RCVMORE | FD | EVENTS | LAST_ENDPOINT => Some(Found::Socket),
                    TOPICS_COUNT if on(line.get_on, kind) => Some(Found::Pattern),
                    _ => None,
                };
                if let Some(elsewhere) = elsewhere {
                    assert_eq!(found, Ok(elsewhere), "{what}: {size}");
                    continue;
                }
                let fits = match line.sizes.strip_suffix('+') {
                    Some(least) => size >= least.parse().unwrap(),
                    None => line.sizes.split(',').any(|listed| listed == size.to_string()),
                };
                assert_eq!(found.is_ok(), on(line.get_on, kind) && fits, "{what}: {size}");
                let Ok(Found::Written(length)) = found else { continue };
                match line.default.split_once('=') {
                    Some(("int", value)) if kind == SocketType::Pair => {
                        assert_eq!(
                            i32::from_ne_bytes(buffer[..4].try_into().unwrap()).to_string(),
                            value,
                            "{what}"
                        );
                    }
                    Some(("i64", value)) => {
                        assert_eq!(
                            i64::from_ne_bytes(buffer[..8].try_into().unwrap()).to_string(),
                            value,
                            "{what}"
                        );
                    }
                    // The length of a key is the caller's: 32 or 41.
                    Some(("len", "32")) => assert_eq!(length, size, "{what}"),
                    Some(("len", value)) => assert_eq!(length.to_string(), value, "{what}"),
                    _ => {}
                }
                if line.sizes.ends_with('+') {
                    assert!(
                        buffer[length..].iter().all(|&byte| byte == 0),
                        "{what}: rest not zeroed"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_set_can_be_read() {
    let mut o = options(SocketType::Router);
    let set_int =
        |o: &mut SocketOptions, option, value: i32| set(o, option, Some(&value.to_ne_bytes()));
    let read_int = |o: &SocketOptions, option| {
        let mut buffer = [0; 4];
        assert_eq!(get(o, option, &mut buffer), Ok(Found::Written(4)));
        i32::from_ne_bytes(buffer)
    };
    assert_eq!(set_int(&mut o, numbers::RCVTIMEO, 250), Ok(Outcome::Stored));
    assert_eq!(read_int(&o, numbers::RCVTIMEO), 250);
    assert_eq!(set_int(&mut o, numbers::SNDHWM, 7), Ok(Outcome::ResizePipes));
    assert_eq!(o.sndhwm, 7);
    assert_eq!(set_int(&mut o, numbers::IPV4ONLY, 0), Ok(Outcome::Stored));
    assert_eq!(
        (o.ipv6, read_int(&o, numbers::IPV6), read_int(&o, numbers::IPV4ONLY)),
        (true, 1, 0)
    );
    assert_eq!(set_int(&mut o, numbers::HEARTBEAT_TTL, 1999), Ok(Outcome::Stored));
    assert_eq!((o.heartbeat_ttl, read_int(&o, numbers::HEARTBEAT_TTL)), (19, 1900));
    assert_eq!(set_int(&mut o, numbers::HEARTBEAT_TTL, -99), Ok(Outcome::Stored));
    assert_eq!(read_int(&o, numbers::HEARTBEAT_TTL), 0);
    assert_eq!(set_int(&mut o, numbers::INVERT_MATCHING, -5), Ok(Outcome::TellPattern));
    assert_eq!(read_int(&o, numbers::INVERT_MATCHING), 1);
    assert_eq!(set_int(&mut o, numbers::ROUTER_NOTIFY, 3), Ok(Outcome::TellPattern));
    assert_eq!(read_int(&o, numbers::ROUTER_NOTIFY), 3);

    assert_eq!(set(&mut o, numbers::ROUTING_ID, Some(b"a\0b")), Ok(Outcome::Stored));
    let mut buffer = [1; 5];
    assert_eq!(get(&o, numbers::ROUTING_ID, &mut buffer), Ok(Found::Written(3)));
    assert_eq!(&buffer, b"a\0b\0\0");
    assert_eq!(get(&o, numbers::ROUTING_ID, &mut buffer[..2]), Err(Error::INVAL));

    assert_eq!(set(&mut o, numbers::ZAP_DOMAIN, Some(b"global")), Ok(Outcome::Stored));
    let mut buffer = [1; 9];
    assert_eq!(get(&o, numbers::ZAP_DOMAIN, &mut buffer), Ok(Found::Written(7)));
    assert_eq!(&buffer, b"global\0\0\0");
    assert_eq!(get(&o, numbers::ZAP_DOMAIN, &mut buffer[..6]), Err(Error::INVAL));
}

#[test]
fn busy_poll_is_told_although_reading_it_fails() {
    let mut o = options(SocketType::Pair);
    set(&mut o, numbers::BUSY_POLL, Some(&9i32.to_ne_bytes())).unwrap();
    let mut buffer = [0; 4];
    assert_eq!(get(&o, numbers::BUSY_POLL, &mut buffer), Err(Error::INVAL));
    assert_eq!(i32::from_ne_bytes(buffer), 9);
}

#[test]
fn security_options_choose_the_mechanism() {
    let mut o = options(SocketType::Pair);
    let one = 1i32.to_ne_bytes();
    let zero = 0i32.to_ne_bytes();
    let mut step = |option, value: Option<&[u8]>, mechanism, as_server| {
        assert_eq!(set(&mut o, option, value), Ok(Outcome::Stored));
        assert_eq!((o.mechanism, o.as_server), (mechanism, as_server), "option {option}");
    };
    step(numbers::PLAIN_SERVER, Some(&one), MechanismKind::Plain, true);
    step(numbers::PLAIN_USERNAME, Some(b"admin"), MechanismKind::Plain, false);
    step(numbers::PLAIN_USERNAME, None, MechanismKind::Null, false);
    step(numbers::CURVE_SERVER, Some(&one), MechanismKind::Curve, true);
    step(numbers::CURVE_SECRETKEY, Some(Z85), MechanismKind::Curve, true);
    step(numbers::CURVE_SERVERKEY, Some(Z85), MechanismKind::Curve, false);
    step(numbers::CURVE_SERVER, Some(&zero), MechanismKind::Null, false);
    step(numbers::GSSAPI_SERVER, Some(&one), MechanismKind::Gssapi, true);
    step(numbers::GSSAPI_PRINCIPAL, Some(b"p"), MechanismKind::Gssapi, true);
    step(numbers::GSSAPI_SERVICE_PRINCIPAL, Some(b"p"), MechanismKind::Gssapi, false);
    step(numbers::GSSAPI_SERVER, Some(&zero), MechanismKind::Gssapi, false);
    // The name stays when the mechanism is taken back.
    assert_eq!(o.plain_username, b"admin");
}

#[test]
fn keys_come_raw_or_as_z85() {
    let mut o = options(SocketType::Pair);
    set(&mut o, numbers::CURVE_PUBLICKEY, Some(Z85)).unwrap();
    assert_eq!(o.curve_public_key[..4], [0x54, 0xFC, 0xBA, 0x24]);
    let mut raw = [0; 32];
    assert_eq!(get(&o, numbers::CURVE_PUBLICKEY, &mut raw), Ok(Found::Written(32)));
    assert_eq!(raw, o.curve_public_key);
    let mut text = [0; 41];
    assert_eq!(get(&o, numbers::CURVE_PUBLICKEY, &mut text), Ok(Found::Written(41)));
    assert_eq!((&text[..40], text[40]), (&Z85[..], 0));
    assert_eq!(get(&o, numbers::CURVE_PUBLICKEY, &mut [0; 40]), Err(Error::INVAL));
    assert_eq!(set(&mut o, numbers::CURVE_PUBLICKEY, Some(&[b'"'; 40])), Err(Error::INVAL));
    // The forty-first byte must be the end of the text.
    assert_eq!(set(&mut o, numbers::CURVE_PUBLICKEY, Some(&[b'a'; 41])), Err(Error::INVAL));
    assert_eq!(o.curve_public_key, raw);
}

#[test]
fn filters_and_metadata_collect() {
    let mut o = options(SocketType::Pair);
    set(&mut o, numbers::TCP_ACCEPT_FILTER, Some(b"127.0.0.1")).unwrap();
    set(&mut o, numbers::IPV6, Some(&1i32.to_ne_bytes())).unwrap();
    set(&mut o, numbers::TCP_ACCEPT_FILTER, Some(b"::1")).unwrap();
    assert_eq!(o.tcp_accept_filters.len(), 2);
    set(&mut o, numbers::TCP_ACCEPT_FILTER, None).unwrap();
    assert!(o.tcp_accept_filters.is_empty());

    for id in [7u32, 7, u32::MAX] {
        set(&mut o, numbers::IPC_FILTER_UID, Some(&id.to_ne_bytes())).unwrap();
    }
    assert_eq!(o.ipc_uid_accept_filters, BTreeSet::from([7, u32::MAX]));
    set(&mut o, numbers::IPC_FILTER_UID, None).unwrap();
    assert!(o.ipc_uid_accept_filters.is_empty());

    for value in ["X-a:first", "X-a:second", "X-b:x:y"] {
        set(&mut o, numbers::METADATA, Some(value.as_bytes())).unwrap();
    }
    let expected = [(b"X-a".to_vec(), b"first".to_vec()), (b"X-b".to_vec(), b"x:y".to_vec())];
    assert_eq!(o.metadata, expected);
    let long = [b"X-".as_slice(), &[b'n'; 254], b":v"].concat();
    for bad in [&b"X-a:"[..], b"X-:v", b"x-a:b", b":value", b"X-abc", &long] {
        assert_eq!(set(&mut o, numbers::METADATA, Some(bad)), Err(Error::INVAL));
    }
    assert_eq!(set(&mut o, numbers::METADATA, Some(&long[1..])), Err(Error::INVAL));
    assert_eq!(
        set(&mut o, numbers::METADATA, Some(&[&b"X-"[..], &long[3..]].concat())),
        Ok(Outcome::Stored)
    );
}

#[test]
fn only_the_socks_credentials_ignore_the_length_of_null() {
    let ignoring: Vec<_> = (-2..200).filter(|&option| null_needs_no_length(option)).collect();
    assert_eq!(ignoring, [numbers::SOCKS_USERNAME, numbers::SOCKS_PASSWORD]);
}

#[test]
fn what_the_shell_computes_is_written_like_the_rest() {
    let mut buffer = [9; 6];
    assert_eq!(put_int(&mut buffer, 1), Ok(4));
    assert_eq!((&buffer[..4], &buffer[4..]), (&1i32.to_ne_bytes()[..], &[0, 0][..]));
    assert_eq!(put_int(&mut buffer[..3], 1), Err(Error::INVAL));
    assert_eq!(put_text(&mut buffer, b"abcde"), Ok(6));
    assert_eq!(put_text(&mut buffer, b"abcdef"), Err(Error::INVAL));
    assert_eq!(put_text(&mut [], b""), Err(Error::INVAL));
}
