//! The context options: which values each takes, how each is read, and the odd ones.

use crate::error::Error;
use crate::options::context::{ContextOptions, get, set};
use crate::options::numbers::context::*;

const INTS: &[i32] = &[i32::MIN, -2, -1, 0, 1, 2, 255, 65_535, 65_536, i32::MAX];

fn read(options: &ContextOptions, option: i32) -> Result<i32, Error> {
    let mut buffer = [0; 4];
    get(options, option, &mut buffer).map(|_| i32::from_ne_bytes(buffer))
}

#[test]
fn ints_are_taken_from_their_least_value_on() {
    // Number, least value, default when read.
    let rules = [
        (IO_THREADS, Some(0), Some(1)),
        (MAX_SOCKETS, Some(1), Some(1023)),
        (THREAD_PRIORITY, Some(0), Some(65_535)),
        (THREAD_SCHED_POLICY, Some(0), Some(-1)),
        (MAX_MSGSZ, Some(0), Some(i32::MAX)),
        (MSG_T_SIZE, None, Some(64)),
        (THREAD_AFFINITY_CPU_ADD, Some(0), None),
        (THREAD_AFFINITY_CPU_REMOVE, None, None),
        (THREAD_NAME_PREFIX, Some(i32::MIN), Some(0)),
        (ZERO_COPY_RECV, Some(0), Some(1)),
        (IPV6, Some(0), Some(0)),
        (BLOCKY, Some(0), Some(1)),
    ];
    for option in -2..=130 {
        let rule = rules.iter().find(|rule| rule.0 == option);
        let (least, default) = rule.map_or((None, None), |rule| (rule.1, rule.2));
        assert_eq!(read(&ContextOptions::default(), option).ok(), default, "option {option}");
        for &value in INTS {
            let mut options = ContextOptions::default();
            let taken = set(&mut options, option, &value.to_ne_bytes());
            assert_eq!(
                taken.is_ok(),
                least.is_some_and(|least| value >= least),
                "option {option}: {value}"
            );
        }
        for length in (0..64).filter(|&length| length != 4) {
            let text = option == THREAD_NAME_PREFIX && (1..=16).contains(&length);
            let taken = set(&mut ContextOptions::default(), option, &vec![b'x'; length]);
            assert_eq!(taken.is_ok(), text, "option {option}: {length} bytes");
            let found = get(&ContextOptions::default(), option, &mut vec![0; length]);
            assert_eq!(
                found.is_ok(),
                option == THREAD_NAME_PREFIX,
                "option {option}: {length} bytes"
            );
        }
    }
}

#[test]
fn truths_are_read_as_one() {
    for option in [ZERO_COPY_RECV, IPV6, BLOCKY] {
        let mut options = ContextOptions::default();
        for (value, truth) in [(0, 0), (255, 1)] {
            set(&mut options, option, &i32::to_ne_bytes(value)).unwrap();
            assert_eq!(read(&options, option), Ok(truth));
        }
    }
}

#[test]
fn a_processor_can_be_removed_only_once() {
    let mut options = ContextOptions::default();
    let cpu = 3i32.to_ne_bytes();
    set(&mut options, THREAD_AFFINITY_CPU_ADD, &cpu).unwrap();
    assert!(options.thread_affinity_cpus.contains(&3));
    assert_eq!(set(&mut options, THREAD_AFFINITY_CPU_REMOVE, &cpu), Ok(()));
    assert_eq!(set(&mut options, THREAD_AFFINITY_CPU_REMOVE, &cpu), Err(Error::INVAL));
}

#[test]
fn number_three_is_two_options() {
    let mut options = ContextOptions::default();
    set(&mut options, THREAD_PRIORITY, &7i32.to_ne_bytes()).unwrap();
    assert_eq!((options.thread_priority, read(&options, SOCKET_LIMIT)), (7, Ok(65_535)));
}

#[test]
fn a_thread_name_prefix_is_a_number_or_text() {
    let mut options = ContextOptions::default();
    set(&mut options, THREAD_NAME_PREFIX, &(-42i32).to_ne_bytes()).unwrap();
    assert_eq!(
        (options.thread_name_prefix.as_slice(), read(&options, THREAD_NAME_PREFIX)),
        (&b"-42"[..], Ok(-42))
    );
    for (text, number) in [
        ("worker", 0),
        ("12ab7", 12),
        (" \t+5", 5),
        ("9999999999999999", 1_874_919_423),
        ("-", 0),
        ("1\x007x", 1),
    ] {
        set(&mut options, THREAD_NAME_PREFIX, text.as_bytes()).unwrap();
        let number = if text.len() == 4 {
            i32::from_ne_bytes(text.as_bytes().try_into().unwrap())
        } else {
            number
        };
        assert_eq!(read(&options, THREAD_NAME_PREFIX), Ok(number), "{text}");
    }
    set(&mut options, THREAD_NAME_PREFIX, b"worker").unwrap();
    let mut buffer = [1; 8];
    assert_eq!(get(&options, THREAD_NAME_PREFIX, &mut buffer), Ok(8));
    assert_eq!(&buffer, b"worker\x01\x01");
    assert_eq!(get(&options, THREAD_NAME_PREFIX, &mut buffer[..5]), Err(Error::INVAL));
}
