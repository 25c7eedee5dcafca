//! The spellings of addresses, after libzmq's unittest_ip_resolver.

use super::*;

fn parsed(text: &str) -> Option<(&str, u16, u32)> {
    HostPort::parse(text, true).ok().map(|found| (found.host, found.port, found.scope))
}

#[test]
fn host_and_port_come_apart() {
    for (text, expected) in [
        ("127.0.0.1:5555", Some(("127.0.0.1", 5555, 0))),
        ("*:*", Some(("*", 0, 0))),
        ("*:0", Some(("*", 0, 0))),
        ("1.2.3.4:567bad", Some(("1.2.3.4", 567, 0))),
        ("1.2.3.4:65535", Some(("1.2.3.4", 65535, 0))),
        ("[::1]:1234", Some(("::1", 1234, 0))),
        ("::1:1234", Some(("::1", 1234, 0))),
        ("[192.168.1.1]:5", Some(("192.168.1.1", 5, 0))),
        ("[fe80::1%1]:80", Some(("fe80::1", 80, 1))),
        ("fe80::1%7:80", Some(("fe80::1", 80, 7))),
        ("host.name:80", Some(("host.name", 80, 0))),
        ("[fe80::1%lo]:80", names::interface_index("lo").map(|index| ("fe80::1", 80, index))),
        ("1.2.3.4", None),
        ("1.2.3.4:", None),
        ("1.2.3.4:bad", None),
        ("1.2.3.4:-1", None),
        ("1.2.3.4:65536", None),
        ("1.2.3.4:99999999999999999999", None),
        ("fe80::1%0:80", None),
        ("fe80::1%:80", None),
        ("fe80::1%nosuchif0:80", None),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
    assert_eq!(HostPort::parse("1.2.3.4:*", false), Err(Error::INVAL));
    assert_eq!(HostPort::parse("1.2.3.4:0", false).map(|found| found.port), Ok(0));
}

fn literal(text: &str, ipv6: bool) -> Result<Option<String>> {
    let found = HostPort::parse(text, true)?.literal(ipv6)?;
    Ok(found.map(|address| endpoint("tcp", &address)))
}

#[test]
fn literals_need_no_look_up() {
    let some = |text: &str| Ok(Some(String::from(text)));
    assert_eq!(literal("1.2.3.4:5", false), some("tcp://1.2.3.4:5"));
    assert_eq!(literal("127.1:5", false), some("tcp://127.0.0.1:5"));
    assert_eq!(literal("1.2.3.4:5", true), some("tcp://[::ffff:1.2.3.4]:5"));
    assert_eq!(literal("[::ffff:1.2.3.4]:5", true), some("tcp://[::ffff:1.2.3.4]:5"));
    assert_eq!(literal("[::ffff:1.2.3.4]:5", false), some("tcp://1.2.3.4:5"));
    assert_eq!(literal("::ffff:1.2.3.4:5", false), some("tcp://1.2.3.4:5"));
    assert_eq!(literal("[::1]:5", true), some("tcp://[::1]:5"));
    assert_eq!(literal("[3000:4:5::1:234%2]:1111", true), some("tcp://[3000:4:5::1:234%2]:1111"));
    assert_eq!(literal("[::1]:5", false), Err(Error::INVAL));
    for name in ["localhost:5", "lo:5", "1.2.128.129]:5", "[1.2.128].129:5", "[::1:5", ":5"] {
        assert_eq!(literal(name, true), Ok(None), "{name}");
    }
}

fn local(text: &str, ipv6: bool) -> Result<String> {
    let found = HostPort::parse(text, true)?.resolve_local(ipv6, true)?;
    Ok(endpoint("tcp", &found))
}

#[test]
fn local_addresses() {
    let ok = |text: &str| Ok(String::from(text));
    assert_eq!(local("*:*", false), ok("tcp://0.0.0.0:0"));
    assert_eq!(local("*:7", true), ok("tcp://[::]:7"));
    assert_eq!(local("lo:5555", false), ok("tcp://127.0.0.1:5555"));
    assert_eq!(local("localhost:5555", false), ok("tcp://127.0.0.1:5555"));
    assert_eq!(local("[::ffff:127.0.0.1]:5", false), ok("tcp://127.0.0.1:5"));
    assert_eq!(local("[::1]:5", false), Err(Error::NODEV));
    assert_eq!(local("nosuchif0:5", false), Err(Error::NODEV));
    let source = HostPort::parse("localhost:0", true).unwrap();
    assert_eq!(source.resolve_local(false, false), Err(Error::NODEV));
}
