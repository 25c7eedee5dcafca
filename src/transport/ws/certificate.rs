//! What `tls` has to know of X.509 certificates and rustls does not say (RFC 5280, section 4.1): whether one
//! is of version 1, which rustls does not read, when it is valid, whether it may sign others, whether a server
//! may show it, and the common name. Pure; reads what strangers send, and whatever is not as it should be is no certificate.

const BOOLEAN: u8 = 1;
const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OCTET_STRING: u8 = 4;
const OBJECT_IDENTIFIER: u8 = 6;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// Of alternative names: a name of the DNS.
const DNS_NAME: u8 = 0x82;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const KEY_USAGE: &[u8] = &[0x55, 29, 15];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 29, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 29, 19];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 29, 30];
const POLICIES: &[u8] = &[0x55, 29, 32];
const PURPOSES: &[u8] = &[0x55, 29, 37];
/// An authority with another one that is critical signs nothing.
const KNOWN: &[&[u8]] =
    &[KEY_USAGE, ALTERNATIVE_NAMES, BASIC_CONSTRAINTS, NAME_CONSTRAINTS, POLICIES, PURPOSES];
const FOR_SERVERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const FOR_ANYTHING: &[u8] = &[0x55, 29, 37, 0];
/// The bits of `keyCertSign` and `digitalSignature`.
const SIGNS_CERTIFICATES: u8 = 0x04;
const SIGNS_HANDSHAKES: u8 = 0x80;

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

struct Extension<'a> {
    kind: &'a [u8],
    critical: bool,
    value: &'a [u8],
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

    /// Whether others may be signed with it, and how many such may lie between it and a server's: as in GnuTLS
    /// an authority's own certificate that says nothing about it may, but not one that somebody else has
    /// signed: that is a server's. `None`, too, if its extensions cannot be read.
    pub(super) fn signs(&self) -> Option<usize> {
        let mut between = usize::MAX;
        let mut says_so = self.is_version_1 || self.issuer == self.subject;
        for Extension { kind, critical, value } in self.extensions()? {
            if kind == BASIC_CONSTRAINTS {
                let (BOOLEAN, [0xff], rest) = element(last(of(SEQUENCE, value)?)?)? else {
                    return None;
                };
                says_so = true;
                if !rest.is_empty() {
                    between = between.min(count(last(of(INTEGER, rest)?)?)?);
                }
            } else if kind == KEY_USAGE && usage(value)? & SIGNS_CERTIFICATES == 0
                || critical && !KNOWN.contains(&kind)
            {
                return None;
            }
        }
        says_so.then_some(between)
    }

    /// Whether it may say for which names others are good.
    pub(super) fn constrains_names(&self) -> bool {
        self.extensions().is_none_or(|all| all.iter().any(|one| one.kind == NAME_CONSTRAINTS))
    }

    /// Whether a host name is among its alternative names.
    pub(super) fn has_host_names(&self) -> bool {
        let has = |mut names| {
            while let Some((tag, _, after)) = element(names) {
                if tag == DNS_NAME {
                    return true;
                }
                names = after;
            }
            false
        };
        self.value(ALTERNATIVE_NAMES)
            .flatten()
            .and_then(|value| last(of(SEQUENCE, value)?))
            .is_some_and(has)
    }

    /// Whether its key may sign the handshake of a server.
    pub(super) fn may_shake_hands(&self) -> bool {
        match self.value(KEY_USAGE) {
            None => false,
            Some(None) => true,
            Some(Some(value)) => usage(value).is_some_and(|bits| bits & SIGNS_HANDSHAKES != 0),
        }
    }

    /// Whether it says that it is for servers, or does not say for whom.
    pub(super) fn is_for_servers(&self) -> bool {
        match self.value(PURPOSES) {
            None => false,
            Some(None) => true,
            Some(Some(value)) => is_for_servers(value).unwrap_or(false),
        }
    }

    /// `None`: they cannot be read.
    fn extensions(&self) -> Option<Vec<Extension<'a>>> {
        let mut rest = self.extensions;
        let mut extensions = Vec::new();
        while !rest.is_empty() {
            let (extension, after) = of(SEQUENCE, rest)?;
            rest = after;
            let (kind, mut value) = of(OBJECT_IDENTIFIER, extension)?;
            let mut critical = false;
            if let Some((content, after)) = of(BOOLEAN, value) {
                critical = content != [0];
                value = after;
            }
            extensions.push(Extension { kind, critical, value: last(of(OCTET_STRING, value)?)? });
        }
        Some(extensions)
    }

    /// That of the only extension of a kind, if it is there; the outer `None`: there are more, or they cannot
    /// be read.
    fn value(&self, kind: &[u8]) -> Option<Option<&'a [u8]>> {
        let extensions = self.extensions()?;
        let mut values = extensions.iter().filter(|one| one.kind == kind).map(|one| one.value);
        let value = values.next();
        values.next().is_none().then_some(value)
    }

    /// The common name of the subject, if it has just one.
    pub(super) fn common_name(&self) -> Option<&'a [u8]> {
        let mut subject = self.subject;
        let mut name = None;
        while !subject.is_empty() {
            let (mut set, after) = of(SET, subject)?;
            subject = after;
            while !set.is_empty() {
                let (attribute, after) = of(SEQUENCE, set)?;
                set = after;
                let (kind, value) = of(OBJECT_IDENTIFIER, attribute)?;
                if kind == COMMON_NAME && name.replace(element(value)?.1).is_some() {
                    return None;
                }
            }
        }
        name
    }
}

fn is_for_servers(value: &[u8]) -> Option<bool> {
    let mut purposes = last(of(SEQUENCE, value)?)?;
    let mut good = false;
    while !purposes.is_empty() {
        let (purpose, after) = of(OBJECT_IDENTIFIER, purposes)?;
        good |= purpose == FOR_SERVERS || purpose == FOR_ANYTHING;
        purposes = after;
    }
    Some(good)
}

/// The first bits of a key usage.
fn usage(value: &[u8]) -> Option<u8> {
    last(of(BIT_STRING, value)?)?.get(1).copied()
}

/// An integer that is not negative.
fn count(content: &[u8]) -> Option<usize> {
    let bytes = content.first().is_some_and(|first| first & 0x80 == 0).then_some(content)?;
    bytes
        .iter()
        .try_fold(0_usize, |sum, &byte| sum.checked_mul(256)?.checked_add(usize::from(byte)))
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
