//! The name under which the Drive keeps a file (sweeppea.md 4.1).

use unicode_normalization::{
    UnicodeNormalization,
    char::{decompose_canonical, is_combining_mark},
};

/// The basename in `A-Za-z0-9._-`: accents are taken off their letters, anything else becomes one `_` a character. Case is
/// kept and nothing is added, so that a client knows the name beforehand. `None`: nothing usable is left.
pub(super) fn clean(raw: &str) -> Option<String> {
    let base = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    // Composed first: a letter and its accents are one character, whichever way the client writes them.
    let name: String = base.nfc().filter(|c| !is_combining_mark(*c)).map(plain).collect();
    let usable = !matches!(name.as_str(), "" | "." | "..") && name.len() <= 255;
    usable.then_some(name)
}

fn plain(c: char) -> char {
    let mut letter = None;
    decompose_canonical(c, |part| {
        letter.get_or_insert(part);
    });
    match letter.unwrap_or(c) {
        letter @ ('A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-') => letter,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cleaned() {
        for (raw, kept) in [
            ("report.pdf", "report.pdf"),
            ("Ñandú.pdf", "Nandu.pdf"),
            ("Ñandú 1.pdf", "Nandu_1.pdf"),
            ("N\u{303}andu\u{301}.pdf", "Nandu.pdf"),
            ("q\u{303}.pdf", "q.pdf"),
            ("/etc/../Q1 (final).XLSX", "Q1__final_.XLSX"),
            (r"C:\docs\report.pdf", "report.pdf"),
            ("straße.txt", "stra_e.txt"),
            ("한글.txt", "__.txt"),
            ("й.txt", "_.txt"),
            ("a\u{0}b\n.txt", "a_b_.txt"),
            ("-._", "-._"),
        ] {
            assert_eq!(clean(raw).as_deref(), Some(kept), "{raw}");
        }
    }

    #[test]
    fn what_leaves_no_name_is_refused() {
        for raw in ["", ".", "..", "/", "dir/", r"a\..", "\u{301}"] {
            assert_eq!(clean(raw), None, "{raw}");
        }
        assert!(clean(&"a".repeat(255)).is_some());
        assert!(clean(&"a".repeat(256)).is_none());
        assert!(clean(&"é".repeat(255)).is_some(), "counted after cleaning");
    }
}
