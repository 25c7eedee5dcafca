//! What `tls` has to know of X.509 certificates and rustls does not say (RFC 5280, section 4.1): whether one
//! is of version 1, which rustls does not read, when it is valid, whether it may sign others, and the common
//! name. Pure; reads what strangers send, and whatever is not as it should be is no certificate.

const BOOLEAN: u8 = 1;
const BIT_STRING: u8 = 3;
const OCTET_STRING: u8 = 4;
const OBJECT_IDENTIFIER: u8 = 6;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const KEY_USAGE: &[u8] = &[0x55, 29, 15];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 29, 19];
/// The bit of `keyCertSign`.
const SIGNS_CERTIFICATES: u8 = 0x04;

/// Parts of a certificate, as DER.
pub(super) struct Certificate<'a> {
    /// It says no version, and has nothing that later versions may have.
    pub(super) is_version_1: bool,
    /// What is signed, by which algorithm, and the signature.
    pub(super) signed: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// The key as a whole, its algorithm, and its bits.
    pub(super) key_info: &'a [u8],
    pub(super) key_algorithm: &'a [u8],
    pub(super) key: &'a [u8],
    /// Seconds since 1970.
    from: u64,
    until: u64,
    extensions: &'a [u8],
}

/// How a moment lies to the time in which a certificate is valid.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Validity {
    NotYet,
    Valid,
    Expired,
}

impl<'a> Certificate<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let whole = last(of(SEQUENCE, der)?)?;
        let (signed, rest) = raw(SEQUENCE, whole)?;
        let (algorithm, rest) = of(SEQUENCE, rest)?;
        let signature = bits(last(of(BIT_STRING, rest)?)?)?;

        let mut rest = last(of(SEQUENCE, signed)?)?;
        let says_no_version = rest.first() != Some(&VERSION);
        if !says_no_version {
            rest = element(rest)?.2;
        }
        rest = element(rest)?.2; // the serial number
        let (same_algorithm, rest) = of(SEQUENCE, rest)?;
        let (issuer, rest) = of(SEQUENCE, rest)?;
        let (validity, rest) = of(SEQUENCE, rest)?;
        let (subject, rest) = of(SEQUENCE, rest)?;
        let (key_info, mut rest) = raw(SEQUENCE, rest)?;

        let (tag, from, validity) = element(validity)?;
        let from = time(tag, from)?;
        let (tag, until, validity) = element(validity)?;
        let until = time(tag, until)?;
        let (key_algorithm, key) = of(SEQUENCE, last(of(SEQUENCE, key_info)?)?)?;
        let key = bits(last(of(BIT_STRING, key)?)?)?;
        if same_algorithm != algorithm || !validity.is_empty() {
            return None;
        }
        let is_version_1 = says_no_version && rest.is_empty();
        let mut extensions: &[u8] = &[];
        while let Some((tag, content, after)) = element(rest) {
            // Before them may be unique identifiers.
            if tag == EXTENSIONS {
                extensions = last(of(SEQUENCE, content)?)?;
            }
            rest = after;
        }
        let nothing_else = rest.is_empty() && (!says_no_version || is_version_1);
        nothing_else.then_some(Certificate {
            is_version_1,
            signed,
            algorithm,
            signature,
            issuer,
            subject,
            key_info,
            key_algorithm,
            key,
            from,
            until,
            extensions,
        })
    }

    pub(super) fn validity(&self, now: u64) -> Validity {
        if now < self.from {
            Validity::NotYet
        } else if now <= self.until {
            Validity::Valid
        } else {
            Validity::Expired
        }
    }

    /// Whether others may be signed with it: as in GnuTLS one that says nothing about it may, and one that
    /// says no may not.
    pub(super) fn may_sign(&self) -> bool {
        self.signs().unwrap_or(false)
    }

    /// `None`: its extensions cannot be read.
    fn signs(&self) -> Option<bool> {
        let mut rest = self.extensions;
        let mut may = true;
        while !rest.is_empty() {
            let (extension, after) = of(SEQUENCE, rest)?;
            rest = after;
            let (kind, mut value) = of(OBJECT_IDENTIFIER, extension)?;
            if value.first() == Some(&BOOLEAN) {
                value = element(value)?.2; // whether it is critical
            }
            let value = last(of(OCTET_STRING, value)?)?;
            if kind == BASIC_CONSTRAINTS {
                let constraints = last(of(SEQUENCE, value)?)?;
                may &= matches!(element(constraints), Some((BOOLEAN, [0xff], _)));
            } else if kind == KEY_USAGE {
                let usage = last(of(BIT_STRING, value)?)?;
                may &= usage.get(1).is_some_and(|bits| bits & SIGNS_CERTIFICATES != 0);
            }
        }
        Some(may)
    }

    /// The first common name of the subject.
    pub(super) fn common_name(&self) -> Option<&'a [u8]> {
        let mut subject = self.subject;
        while !subject.is_empty() {
            let (mut set, after) = of(SET, subject)?;
            subject = after;
            while !set.is_empty() {
                let (attribute, after) = of(SEQUENCE, set)?;
                set = after;
                let (kind, value) = of(OBJECT_IDENTIFIER, attribute)?;
                if kind == COMMON_NAME {
                    return Some(element(value)?.1);
                }
            }
        }
        None
    }
}

/// One element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            let length = bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
            // DER: in as few bytes as there can be.
            (Some(length).filter(|&length| length > 0x7f && bytes.first() != Some(&0))?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of an element of this kind, and what follows it.
fn of(wanted: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(der)?;
    (tag == wanted).then_some((content, rest))
}

/// The same with tag and length.
fn raw(wanted: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = of(wanted, der)?;
    der.split_at_checked(der.len().checked_sub(rest.len())?)
}

/// The content, if nothing follows it.
fn last<'a>((content, rest): (&'a [u8], &[u8])) -> Option<&'a [u8]> {
    rest.is_empty().then_some(content)
}

/// The bits of a bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bits)| bits)
}

/// RFC 5280, section 4.1.2.5: `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, in seconds since 1970 or 0 before.
fn time(tag: u8, text: &[u8]) -> Option<u64> {
    let (&zone, digits) = text.split_last()?;
    if zone != b'Z' || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (pairs, _) = digits.as_chunks::<2>();
    let mut pairs =
        pairs.iter().map(|[tens, ones]| i64::from(tens & 0x0f) * 10 + i64::from(ones & 0x0f));
    let mut next = || pairs.next();
    let year = match (tag, digits.len()) {
        (UTC_TIME, 12) => next().map(|year| if year < 50 { 2000 + year } else { 1900 + year })?,
        (GENERALIZED_TIME, 14) => next()? * 100 + next()?,
        _ => return None,
    };
    let (month, day) = (next()?, next()?);
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    let good = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hours < 24
        && minutes < 60
        && seconds < 61;
    if !good {
        return None;
    }
    // Years that begin with March have their odd day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From March 0000 to 1970 it is 719,468 days; five months in turn have 153.
    let days = before + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(u64::try_from(((days * 24 + hours) * 60 + minutes) * 60 + seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (tag, text, seconds) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "691231235959Z", Some(0)),
            (UTC_TIME, "500101000000Z", Some(0)),
            (UTC_TIME, "000229000000Z", Some(951_782_400)),
            (UTC_TIME, "000301000000Z", Some(951_868_800)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "19991231235959Z", Some(946_684_799)),
            (GENERALIZED_TIME, "20380119031408Z", Some(0x8000_0000)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, "20001301000000Z", None),
            (GENERALIZED_TIME, "20000100000000Z", None),
            (GENERALIZED_TIME, "000301000000Z", None),
            (UTC_TIME, "0003010000Z", None),
            (UTC_TIME, "000301000000+", None),
            (UTC_TIME, "00030100000:Z", None),
            (UTC_TIME, "", None),
        ] {
            assert_eq!(time(tag, text.as_bytes()), seconds, "{text}");
        }
    }

    #[test]
    fn elements_are_as_short_as_can_be() {
        assert_eq!(element(&[4, 1, 9, 7]), Some((4, &[9][..], &[7][..])));
        let long = [&[4, 0x81, 0x80][..], &[0; 128]].concat();
        assert!(element(&long).is_some());
        assert_eq!(element(&long[..130]), None);
        assert_eq!(element(&[4, 0x81, 1, 9]), None);
        assert_eq!(element(&[&[4, 0x82, 0, 0x80][..], &[0; 128]].concat()), None);
        assert_eq!(element(&[4, 0x80, 9]), None);
    }
}
