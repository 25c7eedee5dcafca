//! The GSSAPI library, loaded when the first socket asks for it.
//!
//! RFC 2744, the C bindings of the Generic Security Service API: the eleven functions that
//! 38/ZMTP-GSSAPI needs, behind types that free what they own. A machine without
//! `libgssapi_krb5.so.2` runs everything but GSSAPI. Called by `mechanism::gssapi`.
//!
//! The functions may block: a client asks its key distribution centre for a ticket.

use std::ffi::c_void;
use std::ops::Deref;
use std::ptr::{NonNull, null, null_mut};
use std::slice;

use super::library::{Loaded, functions};
use crate::error::{Error, Result};

/// `gss_buffer_desc`.
#[repr(C)]
struct Buffer {
    length: usize,
    value: *mut c_void,
}

/// `gss_OID_desc`.
#[repr(C)]
struct Oid {
    length: u32,
    elements: *const c_void,
}

/// What `gss_name_t`, `gss_cred_id_t` and `gss_ctx_id_t` point to.
#[repr(C)]
struct Opaque([u8; 0]);
type Handle = *mut Opaque;

/// `GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG`.
const FLAGS: u32 = 2 | 4;
/// `GSS_C_BOTH`.
const BOTH: i32 = 0;
/// `GSS_S_COMPLETE` and `GSS_S_CONTINUE_NEEDED`; errors are in the upper half of a status.
const COMPLETE: u32 = 0;
const CONTINUE_NEEDED: u32 = 1;

// Each answers a major status and stores a minor one. RFC 2744, appendix A.
functions! {
    struct Functions;
    gss_import_name: fn(*mut u32, *mut Buffer, *const Oid, *mut Handle) -> u32;
    gss_release_name: fn(*mut u32, *mut Handle) -> u32;
    gss_display_name: fn(*mut u32, Handle, *mut Buffer, *mut *const Oid) -> u32;
    gss_acquire_cred: fn(*mut u32, Handle, u32, *mut c_void, i32, *mut Handle, *mut *mut c_void, *mut u32) -> u32;
    gss_release_cred: fn(*mut u32, *mut Handle) -> u32;
    gss_init_sec_context: fn(*mut u32, Handle, *mut Handle, Handle, *const Oid, u32, u32, *mut c_void,
        *mut Buffer, *mut *const Oid, *mut Buffer, *mut u32, *mut u32) -> u32;
    gss_accept_sec_context: fn(*mut u32, *mut Handle, Handle, *mut Buffer, *mut c_void, *mut Handle,
        *mut *const Oid, *mut Buffer, *mut u32, *mut u32, *mut Handle) -> u32;
    gss_delete_sec_context: fn(*mut u32, *mut Handle, *mut Buffer) -> u32;
    gss_wrap: fn(*mut u32, Handle, i32, u32, *mut Buffer, *mut i32, *mut Buffer) -> u32;
    gss_unwrap: fn(*mut u32, Handle, *mut Buffer, *mut Buffer, *mut i32, *mut u32) -> u32;
    gss_release_buffer: fn(*mut u32, *mut Buffer) -> u32;
}

fn functions() -> Result<&'static Functions> {
    static FUNCTIONS: Loaded<Functions> = Loaded::new();
    FUNCTIONS.get(|| Functions::load("libgssapi_krb5.so.2")).ok_or(Error::NOTSUP)
}

/// Whether the library is there.
pub(crate) fn is_available() -> bool {
    functions().is_ok()
}

/// How the text of a name is meant, `ZMQ_GSSAPI_NT_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameType {
    Hostbased,
    UserName,
    Krb5Principal,
}

impl NameType {
    /// The object identifier in DER, `iso.member-body.us.mit.infosys.gssapi.` and so on.
    fn oid(self) -> Oid {
        let elements: &'static [u8; 10] = match self {
            NameType::Hostbased => b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04",
            NameType::UserName => b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01",
            NameType::Krb5Principal => b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01",
        };
        Oid { length: 10, elements: elements.as_ptr().cast() }
    }
}

impl Buffer {
    /// A buffer for the library to fill.
    const fn empty() -> Buffer {
        Buffer { length: 0, value: null_mut() }
    }

    /// A buffer for the library to read. It does not write to it (RFC 2744, 3.2).
    fn over(bytes: &[u8]) -> Buffer {
        Buffer { length: bytes.len(), value: bytes.as_ptr().cast_mut().cast() }
    }
}

/// Bytes of the library's, which gets them back in the end.
pub(crate) struct Output {
    functions: &'static Functions,
    buffer: Buffer,
}

impl Output {
    /// Room for the library to put something in.
    const fn new(functions: &'static Functions) -> Output {
        Output { functions, buffer: Buffer::empty() }
    }
}

impl Deref for Output {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match NonNull::new(self.buffer.value.cast::<u8>()) {
            // SAFETY: the library filled the buffer: `length` bytes from `value` on are valid until it is
            // released, which `drop` does.
            Some(value) => unsafe { slice::from_raw_parts(value.as_ptr(), self.buffer.length) },
            None => &[],
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the buffer is empty or was filled by the library, and is released once.
        unsafe { (self.functions.gss_release_buffer)(&mut minor, &mut self.buffer) };
    }
}

macro_rules! owned {
    ($(#[$doc:meta])* $name:ident, $release:ident $(, $argument:expr)?) => {
        $(#[$doc])*
        pub(crate) struct $name {
            functions: &'static Functions,
            handle: Handle,
        }

        // SAFETY: the library lets any thread use an object, as long as they do so one at a time.
        unsafe impl Send for $name {}

        impl Drop for $name {
            fn drop(&mut self) {
                let mut minor = 0;
                if !self.handle.is_null() {
                    // SAFETY: the handle came from the library and is released once.
                    unsafe { (self.functions.$release)(&mut minor, &mut self.handle $(, $argument)?) };
                }
            }
        }
    };
}

owned! {
    /// The name of somebody.
    Name, gss_release_name
}
owned! {
    /// What somebody proves its name with.
    Credential, gss_release_cred
}
owned! {
    /// A security context, finished or not.
    Context, gss_delete_sec_context, null_mut()
}

/// Errors are in the upper half of a major status. NOMEM if the library, whose minor status is an errno then,
/// had no memory for its own work, else ACCES.
fn check(major: u32, minor: u32) -> Result<()> {
    match major >> 16 {
        0 => Ok(()),
        _ if minor == Error::NOMEM.errno() as u32 => Err(Error::NOMEM),
        _ => Err(Error::ACCES),
    }
}

impl Name {
    /// The name that `text` stands for.
    pub(crate) fn import(text: &[u8], name_type: NameType) -> Result<Name> {
        let mut name = Name { functions: functions()?, handle: null_mut() };
        let (mut minor, mut text, oid) = (0, Buffer::over(text), name_type.oid());
        // SAFETY: all pointers are valid for the call; the handle starts out as GSS_C_NO_NAME.
        let major = unsafe {
            (name.functions.gss_import_name)(&mut minor, &mut text, &oid, &mut name.handle)
        };
        check(major, minor)?;
        Ok(name)
    }

    /// The name as text, for people and for ZAP.
    pub(crate) fn display(&self) -> Vec<u8> {
        let (mut minor, mut text) = (0, Output::new(self.functions));
        let buffer = &mut text.buffer;
        // SAFETY: the name is valid, the buffer is empty, and the type is not asked for.
        let major = unsafe {
            (self.functions.gss_display_name)(&mut minor, self.handle, buffer, null_mut())
        };
        if check(major, minor).is_ok() { text.to_vec() } else { Vec::new() }
    }
}

impl Credential {
    /// What `name` needs both as a client and as a server.
    pub(crate) fn acquire(name: &Name) -> Result<Credential> {
        let mut credential = Credential { functions: name.functions, handle: null_mut() };
        let (mut minor, handle) = (0, &mut credential.handle);
        // SAFETY: name and handle are valid; what is null is optional.
        let major = unsafe {
            (name.functions.gss_acquire_cred)(
                &mut minor,
                name.handle,
                0,
                null_mut(),
                BOTH,
                handle,
                null_mut(),
                null_mut(),
            )
        };
        check(major, minor)?;
        Ok(credential)
    }
}

/// A step of the exchange of tokens.
pub(crate) struct Step {
    /// For the peer; may be empty.
    pub(crate) token: Vec<u8>,
    /// Whether this side is through.
    pub(crate) complete: bool,
}

impl Step {
    fn new(major: u32, minor: u32, token: &[u8]) -> Result<Step> {
        check(major, minor)?;
        match major {
            COMPLETE | CONTINUE_NEEDED => {
                Ok(Step { token: token.to_vec(), complete: major == COMPLETE })
            }
            // An old or duplicate token: supplementary bits that only per-message calls may set.
            _ => Err(Error::ACCES),
        }
    }
}

impl Context {
    /// A context that has not begun.
    pub(crate) fn new() -> Result<Context> {
        Ok(Context { functions: functions()?, handle: null_mut() })
    }

    /// The client's step: `token` is what the server sent, empty in the beginning.
    pub(crate) fn initiate(
        &mut self,
        credential: Option<&Credential>,
        target: &Name,
        token: &[u8],
    ) -> Result<Step> {
        let (mut minor, mut input) = (0, Buffer::over(token));
        let mut output = Output::new(self.functions);
        let credential = credential.map_or(null_mut(), |credential| credential.handle);
        // SAFETY: credential and target are valid or null, the context is the library's own or
        // GSS_C_NO_CONTEXT; the other null pointers are optional.
        let major = unsafe {
            (self.functions.gss_init_sec_context)(
                &mut minor,
                credential,
                &mut self.handle,
                target.handle,
                null(),
                FLAGS,
                0,
                null_mut(),
                if token.is_empty() { null_mut() } else { &mut input },
                null_mut(),
                &mut output.buffer,
                null_mut(),
                null_mut(),
            )
        };
        Step::new(major, minor, &output)
    }

    /// The server's step with a token of the client; the client's name once it is known.
    pub(crate) fn accept(
        &mut self,
        credential: Option<&Credential>,
        token: &[u8],
    ) -> Result<(Step, Name)> {
        let mut name = Name { functions: self.functions, handle: null_mut() };
        let (mut minor, mut input) = (0, Buffer::over(token));
        let mut output = Output::new(self.functions);
        let credential = credential.map_or(null_mut(), |credential| credential.handle);
        // SAFETY: as above; the name starts out as GSS_C_NO_NAME.
        let major = unsafe {
            (self.functions.gss_accept_sec_context)(
                &mut minor,
                &mut self.handle,
                credential,
                &mut input,
                null_mut(),
                &mut name.handle,
                null_mut(),
                &mut output.buffer,
                null_mut(),
                null_mut(),
                null_mut(),
            )
        };
        Ok((Step::new(major, minor, &output)?, name))
    }

    /// Encrypts `plain`.
    pub(crate) fn wrap(&mut self, plain: &[u8]) -> Result<Output> {
        let (mut minor, mut input) = (0, Buffer::over(plain));
        let mut output = Output::new(self.functions);
        let mut confidential = 0;
        // SAFETY: the context is valid and the buffers are as the call wants them.
        let major = unsafe {
            (self.functions.gss_wrap)(
                &mut minor,
                self.handle,
                1,
                0,
                &mut input,
                &mut confidential,
                &mut output.buffer,
            )
        };
        check(major, minor)?;
        if confidential == 0 { Err(Error::ACCES) } else { Ok(output) }
    }

    /// Decrypts `token`; fails if it is forged, replayed or was not encrypted.
    pub(crate) fn unwrap(&mut self, token: &[u8]) -> Result<Output> {
        let (mut minor, mut input) = (0, Buffer::over(token));
        let mut output = Output::new(self.functions);
        let mut confidential = 0;
        // SAFETY: the context is valid and the buffers are as the call wants them.
        let major = unsafe {
            (self.functions.gss_unwrap)(
                &mut minor,
                self.handle,
                &mut input,
                &mut output.buffer,
                &mut confidential,
                null_mut(),
            )
        };
        check(major, minor)?;
        if major == COMPLETE && confidential != 0 { Ok(output) } else { Err(Error::ACCES) }
    }
}
