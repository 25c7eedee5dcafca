//! What others do while a listener goes: its file, and none but its own, is removed before the socket.

use std::cell::RefCell;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;

use super::*;
use crate::transport::testing::{listen, options};

type Act = Box<dyn FnOnce(&Path)>;

thread_local! {
    static BETWEEN: RefCell<Option<Act>> = const { RefCell::new(None) };
}

/// Called between the look at the file and its removal.
pub(super) fn between(path: &Path) {
    if let Some(act) = BETWEEN.take() {
        act(path);
    }
}

/// Closes a listener while somebody does this; where it was, and what else is there then.
fn close_amidst(act: impl FnOnce(&Path) + 'static) -> (TemporaryDirectory, PathBuf, Vec<String>) {
    let directory = TemporaryDirectory::make().unwrap();
    let path = directory.absolute.join("socket");
    let listener = listen(&format!("ipc://{}", path.display()), &options()).unwrap();
    BETWEEN.set(Some(Box::new(act)));
    listener.close();
    assert!(BETWEEN.take().is_none(), "it was not called");
    let found = fs::read_dir(&directory.absolute).unwrap();
    let found = found.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    (directory, path, found)
}

fn bind(path: &Path) -> UnixListener {
    let _ = fs::remove_file(path);
    UnixListener::bind(path).unwrap()
}

/// The number of its inode is free as soon as the socket is closed, and would be the next one's.
#[test]
fn the_file_goes_before_the_socket() {
    let (_directory, _, found) = close_amidst(|path| drop(UnixStream::connect(path).unwrap()));
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_file_of_who_has_just_bound_the_path_stays() {
    let (sender, _others) = channel();
    let (_directory, path, found) = close_amidst(move |path| sender.send(bind(path)).unwrap());
    assert_eq!(found, ["socket"]);
    UnixStream::connect(&path).unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn a_file_that_is_gone_is_not_missed() {
    let (_directory, _, found) = close_amidst(|path| fs::remove_file(path).unwrap());
    assert_eq!(found, [""; 0]);
}

/// Where a file cannot get another name, it is removed as well as it can be.
#[test]
fn a_name_too_long_for_another_is_removed() {
    let directory = TemporaryDirectory::make().unwrap();
    let path = directory.absolute.join("a".repeat(250));
    fs::write(&path, "").unwrap();
    drop(SocketFile::bound(path.to_str().unwrap(), None));
    assert!(!path.exists());
}

#[test]
fn nothing_takes_the_place_of_another_file() {
    let directory = TemporaryDirectory::make().unwrap();
    let [one, other] = ["one", "other"].map(|name| directory.absolute.join(name));
    fs::write(&one, "1").unwrap();
    fs::write(&other, "2").unwrap();
    assert_eq!(rename_new(&one, &other).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    fs::remove_file(&other).unwrap();
    rename_new(&one, &other).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "1");
    assert!(!one.exists());
    fs::remove_file(other).unwrap();
}
