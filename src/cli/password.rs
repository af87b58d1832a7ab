//! A password from standard input, the first line of it. On a terminal it is asked for and not shown.

use std::io::{IsTerminal, Read, Write};

use anyhow::anyhow;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::Failure;

/// Bytes: more is no password.
const LONGEST: u64 = 1024;

pub(crate) fn read() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    let line = match stdin.is_terminal() {
        true => without_echo(first_line)?,
        false => first_line()?,
    };
    match line.is_empty() {
        true => Err(Failure::Refused("the password is empty".to_owned())),
        false => Ok(line),
    }
}

fn first_line() -> Result<String, Failure> {
    let mut line = Vec::new();
    let mut stdin = std::io::stdin().lock().take(LONGEST + 1);
    let mut byte = [0];
    while stdin.read(&mut byte).map_err(anyhow::Error::from)? == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    if line.len() as u64 > LONGEST {
        return Err(Failure::Refused(format!("the password is longer than {LONGEST} bytes")));
    }
    let line = String::from_utf8(line).map_err(|_| anyhow!("the password is not UTF-8"))?;
    Ok(line.trim_end_matches('\r').to_owned())
}

fn without_echo<T>(read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).map_err(anyhow::Error::from)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    let mut stderr = std::io::stderr();
    let _ = stderr.write_all(b"Password: ");
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(anyhow::Error::from)?;
    let result = read();
    tcsetattr(&stdin, OptionalActions::Flush, &before).map_err(anyhow::Error::from)?;
    let _ = stderr.write_all(b"\n");
    result
}
