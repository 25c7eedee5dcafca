//! Gives the shared library the soname that programs linked to libzmq ask for,
//! keeps it mapped after `dlclose` (thread-local destructors live in it), and has its calls
//! of malloc(3) go by the reserve of `src/sys/reserve.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libzmq.so.5");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // As src/sys/reserve.rs knows them.
        if matches!(std::env::var("CARGO_CFG_TARGET_ARCH").as_deref(), Ok("x86_64" | "aarch64")) {
            for name in ["malloc", "calloc", "realloc", "posix_memalign", "free"] {
                println!("cargo::rustc-cdylib-link-arg=-Wl,--wrap={name}");
            }
        }
    }
}
