//! Rules about the sources themselves, each a list that says why.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Who may name whom: a folder, and the rooms that nothing in it names (ARCHITECTURE.md: nothing points back).
const NEVER_NAMES: &[(&str, &[&str])] = &[
    ("src/model", &["engine", "store", "objects", "jobs", "http", "app", "cli", "config"]),
    ("src/store", &["engine", "jobs", "http", "app", "cli", "config"]),
    ("src/objects", &["engine", "store", "jobs", "http", "app", "cli", "config"]),
    ("src/engine", &["jobs", "http", "app", "cli", "config"]),
    ("src/jobs", &["store", "objects", "http", "app", "cli", "config"]),
    // The control routes of test builds run the jobs.
    ("src/http", &["store", "objects", "app", "cli"]),
    ("src/http/hexnode", &["jobs", "vault", "sweeppea", "oracle", "onlyoffice"]),
    ("src/http/vault", &["jobs", "hexnode", "sweeppea", "oracle", "onlyoffice"]),
    ("src/http/sweeppea", &["jobs", "hexnode", "vault", "oracle", "onlyoffice"]),
    ("src/http/oracle", &["jobs", "hexnode", "vault", "sweeppea", "onlyoffice"]),
    ("src/http/onlyoffice", &["jobs", "hexnode", "vault", "sweeppea", "oracle"]),
    ("src/cli", &["store", "objects", "http", "jobs"]),
    ("src/app", &["store", "objects"]),
];

/// Vendor words stop at the dialects: what the rooms behind them call nothing by.
const VENDOR_WORDS: [&str; 10] = [
    "hexnode",
    "sweeppea",
    "file_ids",
    "filetoken",
    "ui_message_key",
    "presigned",
    "apicalls",
    "vault_rest",
    "success_counter",
    "onlyoffice",
];
const WITHOUT_VENDOR_WORDS: [&str; 4] = ["src/engine", "src/store", "src/objects", "src/jobs"];
/// How the rows of every table end; a table that is not here keeps its rows for a reason that nobody wrote down.
const HOW_ROWS_END: &[(&str, &str)] = &[
    ("setting", "never: one row a setting"),
    ("account", "never: an account is disabled, its name stays taken"),
    ("api_key", "sign-in keys two days after their end; account keys are revoked and stay"),
    ("call_count", "never: one row an account and month"),
    ("node", "when its last purge is confirmed, into a deletion record"),
    ("version", "with its node"),
    ("edit_session", "when it is ended or its time is over, or with its node"),
    ("hold", "when it is lifted, or with its node"),
    ("upload", "when the file appears, or the upload ends by call or by time"),
    ("staged", "when its object becomes a version, or is queued for its purge"),
    ("transfer", "never: a group id is never used again"),
    ("spent_uid", "never: a uid is never used again"),
    ("purge", "when storage has confirmed that the object is gone"),
    ("expansion", "when all below the folder carries its own mark"),
    ("deletion", "never: ids are kept for ever; name and size go with the acknowledgement"),
    ("audit", "when its keep time is over"),
    ("trash", "when its node is restored or destroyed"),
    ("emptying", "when all entries of the emptied trash carry their own marks"),
    ("share", "when it is ended, or with its node"),
    ("link", "when it is ended, with its node, or once both tokens of an applink have run out"),
    ("operation", "when its user has seen the end of it, or an hour after that"),
    ("waiting", "when nobody edits the entry any more, or its operation is dropped"),
    ("writer", "forgotten once silent for long with nothing staged"),
    ("lease", "one a job, taken over"),
];

/// What is written in one place of the sources only, and where.
const WRITTEN_ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("sqlx::query", &["src/store/"], "all SQL is the store's"),
    (".writer()", &["src/engine/commit.rs", "src/store/"], "a write that does not go through the committer"),
    ("now_utc()", &["src/clock.rs"], "a clock that a test cannot move"),
    ("SystemTime::now", &["src/clock.rs"], "a clock that a test cannot move"),
    (
        "remove_file(",
        &["src/objects/", "src/engine/reserve.rs", "src/app/first_start.rs"],
        "bytes go by the purge alone",
    ),
    ("remove_dir", &[], "folders of objects are made once and kept"),
];

/// What the service promises, and for each promise a test that fails when it is broken.
const PROMISES: [(&str, &str, &str); 10] = [
    ("hidden at once", "cross.rs", "deleted_by_its_owner_it_is_gone_everywhere"),
    ("never lost by accident", "kill.rs", "whatever_was_answered_is_true_after_sigkill"),
    ("nothing left behind", "crash.rs", "an_upload_through_vault_is_whole_or_gone"),
    ("never gives up", "crash.rs", "a_purge_that_storage_refuses_is_not_forgotten"),
    ("never hits the wrong bytes", "hexnode/cross.rs", "ids_are_never_given_out_again"),
    ("quota is exact", "model/mod.rs", "every_history_keeps_the_promises"),
    ("all that was asked, or said so", "hexnode/delete.rs", "of_two_overlapping_batches_one_wins_whole"),
    ("a retry is safe", "crash.rs", "a_delete_through_hexnode_is_finished"),
    ("only with the right", "access.rs", "everybody_walks_every_route"),
    ("a hold stops it", "cross.rs", "a_hold_that_comes_after_the_delete_parks_the_purge"),
];

/// Lines of a file, at the most.
const LONGEST_FILE: usize = 600;

/// What stands in no source. The parts are joined here so that this file may hold the rule.
const NEVER_WRITTEN: [(&str, &str); 7] = [
    (concat!("todo", "!("), "unfinished"),
    (concat!("unimplemented", "!("), "unfinished"),
    (concat!("#[igno", "re"), "a test that does not run proves nothing"),
    (concat!("dbg", "!("), "left over"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/Use", "rs/"), "a path of one machine"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the repository, or the file itself.
pub(crate) fn sources(below: &str) -> Vec<PathBuf> {
    fn walk(path: PathBuf, found: &mut Vec<PathBuf>) {
        if path.is_file() {
            return found.push(path);
        }
        for entry in std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            walk(entry.unwrap().path(), found);
        }
    }
    let mut found = Vec::new();
    walk(root().join(below), &mut found);
    found.sort();
    found
}

/// A room: the file of that name and the folder of that name, whichever there are.
fn room(path: &str) -> Vec<PathBuf> {
    let file = format!("{path}.rs");
    let both = [path, file.as_str()].into_iter().filter(|path| root().join(path).exists());
    let found: Vec<PathBuf> = both.flat_map(sources).collect();
    assert!(!found.is_empty(), "{path} is not there: this list is out of date");
    found
}

/// Everything that the repository holds in text.
fn everything() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        ["src", "tests", "migrations", "docs", "deploy"].into_iter().flat_map(sources).collect();
    let top = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    all.extend(top.filter(|path| path.is_file() && !path.ends_with("Cargo.lock") && !path.ends_with(".git")));
    all.retain(|path| std::fs::read_to_string(path).is_ok());
    all
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The lines of code, with their numbers: no comments, and nothing from a file's own tests on.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line.to_owned()))
        .collect()
}

/// The modules that a file names by path: the first name behind `crate::`, also within braces, and behind `super::`
/// and `http::`.
fn named_modules(path: &Path) -> BTreeSet<String> {
    let code: String = code(path).into_iter().map(|(_, line)| line + "\n").collect();
    let mut named = BTreeSet::new();
    for start in ["crate::", "super::", "http::"] {
        for (at, _) in code.match_indices(start) {
            first_names(&code[at + start.len()..], &mut named);
        }
    }
    named
}

/// `a::b` names a; `{a, b::c, d::{e}}` names a, b and d.
fn first_names(path: &str, named: &mut BTreeSet<String>) {
    let identifier = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else {
        named.insert(identifier(path));
        return;
    };
    let (mut depth, mut at_start) = (1, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => at_start = depth == 1,
            _ if c.is_whitespace() => {}
            _ => {
                if at_start && depth == 1 {
                    named.insert(identifier(&group[at..]));
                }
                at_start = false;
            }
        }
        if depth == 0 {
            return;
        }
    }
}

fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_points_back() {
    let mut wrong = Vec::new();
    for (folder, never) in NEVER_NAMES {
        let folder = folder.trim_end_matches(".rs");
        for path in room(folder) {
            let named = named_modules(&path);
            wrong.extend(
                never.iter().filter(|room| named.contains(**room)).map(|room| format!("{}: {room}", name(&path))),
            );
        }
    }
    assert_none(wrong);
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let named = |path: &str| {
        let mut named = BTreeSet::new();
        first_names(path, &mut named);
        named.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(named("engine::model::Caller"), "engine");
    assert_eq!(
        named("{\n    engine::{Engine, model::{A, B}},\n    hex::hex,\n    http,\n}; use c::d"),
        "engine hex http"
    );
}

#[test]
fn vendor_words_stop_at_the_dialects() {
    let mut wrong = Vec::new();
    for path in WITHOUT_VENDOR_WORDS.into_iter().flat_map(room) {
        for (number, line) in code(&path) {
            let line = line.to_lowercase();
            let words = VENDOR_WORDS.into_iter().filter(|word| line.contains(word));
            wrong.extend(words.map(|word| format!("{}:{number}: {word}", name(&path))));
        }
    }
    assert_none(wrong);
}

#[test]
fn some_things_have_one_place() {
    let mut wrong = Vec::new();
    for path in sources("src") {
        let file = name(&path);
        for (words, places, why) in WRITTEN_ONLY_IN {
            if places.iter().any(|place| file.starts_with(place)) {
                continue;
            }
            let lines = code(&path).into_iter().filter(|(_, line)| line.contains(words));
            wrong.extend(lines.map(|(number, _)| format!("{file}:{number}: {words} ({why})")));
        }
    }
    assert_none(wrong);
}

#[test]
fn every_promise_has_its_test() {
    let missing = PROMISES.into_iter().filter(|(_, file, test)| {
        let text = std::fs::read_to_string(root().join("tests/it").join(file)).unwrap_or_default();
        !text.contains(&format!("fn {test}("))
    });
    assert_none(missing.map(|(promise, file, test)| format!("{promise}: {test} in {file}")).collect());
}

#[test]
fn every_table_says_how_its_rows_end() {
    let mut tables = BTreeSet::new();
    for path in sources("migrations") {
        let text = std::fs::read_to_string(path).unwrap().to_lowercase();
        let made = text.match_indices("create table ").map(|(at, made)| &text[at + made.len()..]);
        let made = made.map(|rest| rest.split([' ', '(']).next().unwrap().to_owned());
        // A table made anew takes the old one's name.
        tables.extend(made.filter(|table| !text.contains(&format!("alter table {table} rename to"))));
    }
    let listed: BTreeSet<String> = HOW_ROWS_END.iter().map(|(table, _)| (*table).to_owned()).collect();
    assert_eq!(tables, listed, "left the migrations, right the list");
}

#[test]
fn files_are_short() {
    let files = ["src", "tests"].into_iter().flat_map(sources);
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
    let long = files.filter(|path| lines(path) > LONGEST_FILE);
    assert_none(long.map(|path| format!("{}: {} lines", name(&path), lines(&path))).collect());
}

#[test]
fn some_things_are_never_written() {
    let mut wrong = Vec::new();
    for path in everything() {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let found = NEVER_WRITTEN.iter().filter(|(words, _)| line.contains(words));
            wrong.extend(found.map(|(words, why)| format!("{}:{}: {words} ({why})", name(&path), number + 1)));
        }
    }
    assert_none(wrong);
}

#[test]
fn every_module_says_what_it_is_for() {
    let files = ["src", "tests"].into_iter().flat_map(sources);
    let bare = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).filter(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        !text.starts_with("//!")
    });
    assert_none(bare.map(|path| name(&path)).collect());
}
