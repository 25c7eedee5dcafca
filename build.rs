//! Gives the shared library the soname that programs linked to libzmq ask for,
//! and keeps it mapped after `dlclose` (thread-local destructors live in it).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libzmq.so.5");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
