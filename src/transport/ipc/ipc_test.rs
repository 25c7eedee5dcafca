//! Unix sockets: the names they take and the files they leave.

use std::path::Path;

use crate::error::Error;
use crate::options::SocketOptions;
use crate::transport::testing::{accept, connect, listen, options};
use crate::transport::{Accept, find};

struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("oxizmq-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn endpoint(&self, name: &str) -> String {
        format!("ipc://{}/{name}", self.0.display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn path(endpoint: &str) -> &Path {
    Path::new(endpoint.strip_prefix("ipc://").unwrap())
}

#[test]
fn path_is_made_and_removed() {
    let (scratch, options) = (Scratch::new("path"), options());
    let endpoint = scratch.endpoint("a");
    let listener = listen(&endpoint, &options).unwrap();
    assert_eq!(listener.endpoint(), endpoint);
    let dialed = connect(&endpoint, &options).unwrap();
    let accepted = accept(&*listener, &options);
    assert_eq!(dialed.remote_endpoint(), endpoint);
    assert_eq!(accepted.local_endpoint(), endpoint);
    assert_eq!(accepted.remote_endpoint(), "ipc://");
    // The directory we made is ours.
    let ours = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&scratch.0).unwrap());
    let expected = format!("localhost:{ours}:");
    assert!(accepted.peer_address().starts_with(&expected));
    assert!(accepted.peer_address().ends_with(&format!(":{}", std::process::id())));
    listener.close();
    assert!(!path(&endpoint).exists());
    assert_eq!(connect(&endpoint, &options).err(), Some(Error::NOENT));
}

#[test]
fn binding_is_overridden() {
    let (scratch, options) = (Scratch::new("override"), options());
    let endpoint = scratch.endpoint("a");
    let first = listen(&endpoint, &options).unwrap();
    let second = listen(&endpoint, &options).unwrap();
    first.close();
    connect(&endpoint, &options).unwrap();
    assert!(matches!(second.accept(&options).unwrap(), Accept::Stream(_)));
    // A program that was killed leaves its file.
    std::mem::forget(second);
    listen(&endpoint, &options).unwrap();
}

#[test]
fn wildcard_lives_in_a_directory_of_its_own() {
    let options = options();
    let listener = listen("ipc://*", &options).unwrap();
    let endpoint = listener.endpoint();
    assert!(path(&endpoint).exists());
    connect(&endpoint, &options).unwrap();
    let directory = std::path::absolute(path(&endpoint).parent().unwrap()).unwrap();
    listener.close();
    assert!(!directory.exists());
}

#[test]
fn abstract_names() {
    let options = options();
    let endpoint = format!("ipc://@oxizmq-{}", std::process::id());
    let listener = listen(&endpoint, &options).unwrap();
    assert_eq!(listener.endpoint(), endpoint);
    let dialed = connect(&endpoint, &options).unwrap();
    accept(&*listener, &options);
    assert_eq!(dialed.remote_endpoint(), endpoint);
    assert_eq!(listen(&endpoint, &options).err(), Some(Error::ADDRINUSE));
    assert_eq!(listen("ipc://@", &options).err(), Some(Error::INVAL));
}

#[test]
fn names_that_do_not_fit() {
    let (ipc, options) = (find("ipc").unwrap(), options());
    let long = "/".repeat(107);
    assert!(ipc.check_connect(&long, &options).is_ok());
    let longer = "/".repeat(108);
    assert_eq!(ipc.check_connect(&longer, &options), Err(Error::NAMETOOLONG));
    assert_eq!(ipc.listen(&longer, &options).err(), Some(Error::NAMETOOLONG));
    assert_eq!(ipc.listen("/no/such/directory/a", &options).err(), Some(Error::NOENT));
    assert_eq!(ipc.check_connect("@", &options), Err(Error::INVAL));
}

#[test]
fn filters() {
    let scratch = Scratch::new("filters");
    let ours = std::fs::metadata(&scratch.0).unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&ours);
    let pid = std::process::id() as i32;
    for (name, welcome, filtered) in [
        ("uid", true, SocketOptions { ipc_uid_accept_filters: [uid].into(), ..options() }),
        ("nuid", false, SocketOptions { ipc_uid_accept_filters: [uid + 1].into(), ..options() }),
        ("pid", true, SocketOptions { ipc_pid_accept_filters: [pid].into(), ..options() }),
        ("npid", false, SocketOptions { ipc_pid_accept_filters: [1].into(), ..options() }),
        ("ngid", false, SocketOptions { ipc_gid_accept_filters: [54321].into(), ..options() }),
    ] {
        let listener = listen(&scratch.endpoint(name), &options()).unwrap();
        let _dialed = connect(&listener.endpoint(), &options()).unwrap();
        let accepted = listener.accept(&filtered).unwrap();
        assert_eq!(matches!(accepted, Accept::Stream(_)), welcome, "{name}");
    }
}

#[test]
fn socket_of_the_application_keeps_its_file() {
    use std::os::fd::IntoRawFd;
    let scratch = Scratch::new("fd");
    let endpoint = scratch.endpoint("a");
    let socket = std::os::unix::net::UnixListener::bind(path(&endpoint)).unwrap();
    let inherited = SocketOptions { use_fd: socket.into_raw_fd(), ..options() };
    let listener = listen(&endpoint, &inherited).unwrap();
    assert_eq!(listener.endpoint(), endpoint);
    connect(&endpoint, &options()).unwrap();
    accept(&*listener, &options());
    listener.close();
    assert!(path(&endpoint).exists());
}
