//! Ids as this dialect writes them: a letter for the kind, the uid in upper-case hex, and a tail that is the same for
//! all of an installation (oracle.md 1). Clients take them as opaque; here they are compared exactly.

use uuid::Uuid;

use crate::{engine::Engine, hex::hex};

/// The characters of a file's or folder's id behind its letter, of a link's and of a user's behind theirs.
const NODE: usize = 43;
const LINK: usize = 42;
const USER: usize = 35;

/// Writes and reads the ids of one installation.
pub(super) struct Ids {
    /// 11 upper-case hex digits.
    tail: String,
}

impl Ids {
    pub(super) fn of(engine: &Engine) -> Self {
        let mut tail = hex(&engine.signing_key("ids")[..6]).to_uppercase();
        tail.truncate(NODE - 32);
        Self { tail }
    }

    pub(super) fn file(&self, uid: Uuid) -> String {
        self.id("D", uid, NODE)
    }

    pub(super) fn folder(&self, uid: Uuid) -> String {
        self.id("F", uid, NODE)
    }

    pub(super) fn node(&self, uid: Uuid, is_folder: bool) -> String {
        match is_folder {
            true => self.folder(uid),
            false => self.file(uid),
        }
    }

    /// A public link's or an applink's.
    pub(super) fn link(&self, uid: Uuid, is_folder: bool) -> String {
        self.id(if is_folder { "LF" } else { "LD" }, uid, LINK)
    }

    pub(super) fn user(&self, uid: Uuid) -> String {
        self.id("U", uid, USER)
    }

    pub(super) fn parse_node(&self, text: &str, is_folder: bool) -> Option<Uuid> {
        self.parse(text, if is_folder { "F" } else { "D" }, NODE)
    }

    pub(super) fn parse_link(&self, text: &str) -> Option<Uuid> {
        self.parse(text, "LF", LINK).or_else(|| self.parse(text, "LD", LINK))
    }

    pub(super) fn parse_user(&self, text: &str) -> Option<Uuid> {
        self.parse(text, "U", USER)
    }

    fn id(&self, letter: &str, uid: Uuid, length: usize) -> String {
        let tail = &self.tail[..length - 32];
        format!("{letter}{:X}{tail}", uid.simple())
    }

    fn parse(&self, text: &str, letter: &str, length: usize) -> Option<Uuid> {
        let digits = text.strip_prefix(letter)?;
        let upper = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
        if digits.len() != length || !upper || digits[32..] != self.tail[..length - 32] {
            return None;
        }
        Uuid::try_parse(&digits[..32]).ok()
    }
}

/// What a caller's own home folder may be called.
pub(super) const HOME: &str = "self";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_length_and_are_read_exactly() {
        let ids = Ids { tail: "5D17B95F470".to_owned() };
        let uid = Uuid::parse_str("6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11").unwrap();
        assert_eq!(ids.file(uid), "D6F1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F470");
        assert_eq!(ids.folder(uid), "F6F1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F470");
        assert_eq!(ids.link(uid, true), "LF6F1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F47");
        assert_eq!(ids.link(uid, false), "LD6F1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F47");
        assert_eq!(ids.user(uid), "U6F1C0D7E3F0A4A539F520B1D8F2C7A115D1");
        assert_eq!(ids.parse_node(&ids.file(uid), false), Some(uid));
        assert_eq!(ids.parse_node(&ids.folder(uid), true), Some(uid));
        assert_eq!(ids.parse_link(&ids.link(uid, false)), Some(uid));
        assert_eq!(ids.parse_user(&ids.user(uid)), Some(uid));
        for wrong in [
            "",
            "D",
            "self",
            "d6F1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F470",
            "D6f1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F470",
            "D6F1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F471",
            "D6F1C0D7E3F0A4A539F520B1D8F2C7A115D17B95F4700",
            "D34A657B8723A96097F80926T0000000000100000001",
            "D6F1C0D7E3F0A4A539F520B1D8F2C7A1é5D17B95F470",
        ] {
            assert_eq!(ids.parse_node(wrong, false), None, "{wrong}");
        }
        assert_eq!(ids.parse_node(&ids.folder(uid), false), None);
    }
}
