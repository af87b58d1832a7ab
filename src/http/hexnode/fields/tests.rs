//! The rows of hexnode.md 5, and what lies between them.

use super::*;

fn raw(json: &str) -> Box<RawValue> {
    serde_json::from_str(json).unwrap()
}

fn ids(json: &str) -> String {
    match file_ids(&raw(json)) {
        Ok(ids) => serde_json::to_string(&ids).unwrap(),
        Err(fault) => serde_json::to_string(&fault).unwrap(),
    }
}

fn said<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    serde_json::to_string(&result.unwrap_err()).unwrap()
}

#[test]
fn an_id_has_several_spellings_and_counts_once() {
    assert_eq!(ids(r#"[101,"101",101.0," 101 ","101.00","+101","0101",1.01e2]"#), "[101]");
    assert_eq!(ids("[3,1,2,1,3]"), "[3,1,2]");
    assert_eq!(ids(r#"[0,-0,-5,"-7"]"#), "[0,-5,-7]");
}

#[test]
fn huge_integers_stay_exact() {
    assert_eq!(
        ids(r#"[9223372036854775807,9223372036854775808,"-00009223372036854775809",9007199254740993.0]"#),
        "[9223372036854775807,9223372036854775808,-9223372036854775809,9007199254740993]"
    );
    let digits = "9".repeat(5_000);
    assert_eq!(ids(&format!("[{digits}]")), format!("[{digits}]"));
}

#[test]
fn every_bad_position_is_named_in_order() {
    let bad = "[\"A valid integer is required.\"]";
    for item in [
        "\"x\"",
        "1.5",
        "true",
        "false",
        "\"\"",
        "\"1_0\"",
        "\"٣\"",
        "{}",
        "[1]",
        "\"0x10\"",
        "\"--1\"",
        "\".0\"",
        "1e400",
        "1.5e0",
        "\"1e2\"",
        "\"\\ud800\"",
        "\"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11\"",
    ] {
        assert_eq!(ids(&format!("[{item}]")), format!("{{\"0\":{bad}}}"), "{item}");
    }
    assert_eq!(ids("[null]"), r#"{"0":["This field may not be null."]}"#);
    assert_eq!(ids(r#"[1,2,"a",3,4,5,6,7,8,9,"b"]"#), format!("{{\"2\":{bad},\"10\":{bad}}}"));
    assert_eq!(ids(&format!("[\"{}\"]", "1".repeat(1_001))), r#"{"0":["String value too large."]}"#);
}

#[test]
fn what_is_no_list_is_named_as_python_names_it() {
    for (json, name) in
        [("\"1\"", "str"), ("1", "int"), ("-1.0", "float"), ("1e2", "float"), ("true", "bool"), ("{\"0\":1}", "dict")]
    {
        assert_eq!(ids(json), format!(r#"["Expected a list of items but got type \"{name}\"."]"#));
    }
    assert_eq!(ids("null"), r#"["This field may not be null."]"#);
    assert_eq!(ids("[]"), r#"["This list may not be empty."]"#);
}

#[test]
fn ten_thousand_ids_are_enough() {
    let list = |count| format!("[{}]", vec!["7"; count].join(","));
    assert_eq!(ids(&list(10_000)), "[7]");
    assert_eq!(ids(&list(10_001)), r#"["Ensure this field has no more than 10000 elements."]"#);
}

#[test]
fn names() {
    let long = |count| format!("\"{}\"", "é".repeat(count));
    assert_eq!(file_name(&raw("\" a.pdf\"")).unwrap().echo, " a.pdf");
    assert!(file_name(&raw(&long(255))).is_ok());
    // 510 characters as sent, 255 once they are put together.
    assert!(file_name(&raw(&format!("\"{}\"", "e\u{301}".repeat(255)))).is_ok());
    for (json, text) in [
        (long(256).as_str(), "Ensure this field has no more than 255 characters."),
        ("\"\"", BLANK),
        ("\"  \"", BLANK),
        ("null", NULL),
        ("5", NOT_A_STRING),
        ("[\"a\"]", NOT_A_STRING),
        ("\".\"", NOT_A_VALUE),
        ("\"..\"", NOT_A_VALUE),
        ("\"a/b\"", NOT_A_VALUE),
        (r#""a\\b""#, NOT_A_VALUE),
        (r#""a\u0000""#, NOT_A_VALUE),
        (r#""a\u0085""#, NOT_A_VALUE),
    ] {
        assert_eq!(said(file_name(&raw(json))), format!("[\"{text}\"]"), "{json}");
    }
}

#[test]
fn media_types() {
    for good in ["application/pdf", "image/svg+xml", "text/plain; charset=utf-8", "text/x;a=\\\"b c\\\""] {
        assert!(media_type(&raw(&format!("\"{good}\""))).is_ok(), "{good}");
    }
    for bad in ["", "pdf", "a/", "/b", "a/b/c", " a/b", "a/b ", "a b/c", "a/b;", "a/b;c", "a/b\\r\\nx: y", "a/ü", "*"]
    {
        assert_eq!(said(media_type(&raw(&format!("\"{bad}\"")))), format!("[\"{NOT_A_VALUE}\"]"), "{bad}");
    }
    assert_eq!(said(media_type(&raw("5"))), format!("[\"{NOT_A_STRING}\"]"));
    assert_eq!(said(media_type(&raw("null"))), format!("[\"{NULL}\"]"));
    assert!(media_type(&raw(&format!("\"a/{}\"", "b".repeat(253)))).is_ok());
    assert!(media_type(&raw(&format!("\"a/{}\"", "b".repeat(254)))).is_err());
}

#[test]
fn uuids() {
    for good in [
        "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11",
        "6F1C0D7E3F0A4A539F520B1D8F2C7A11",
        "urn:uuid:6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11",
    ] {
        assert!(uuid(&raw(&format!("\"{good}\""))).is_ok(), "{good}");
    }
    for bad in ["\"\"", "\"6f1c\"", "7", "true", "[]", "\"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a1g\""] {
        assert_eq!(said(uuid(&raw(bad))), format!("[\"{NOT_A_UUID}\"]"), "{bad}");
    }
    assert_eq!(said(uuid(&raw("null"))), format!("[\"{NULL}\"]"));
}

#[test]
fn bodies_that_are_no_object() {
    let parse = |body: &[u8]| match Members::parse(body) {
        Ok(_) => "ok".to_owned(),
        Err(NotMembers::Syntax(_)) => "syntax".to_owned(),
        Err(NotMembers::Null) => "null".to_owned(),
        Err(NotMembers::Other(name)) => name.to_owned(),
    };
    for (body, found) in [
        (&b""[..], "syntax"),
        (b"{", "syntax"),
        (b"{}x", "syntax"),
        (b"{\"a\":NaN}", "syntax"),
        (b"{'a':1}", "syntax"),
        (b"\xff", "syntax"),
        (b"{\"a\":\"\xff\"}", "syntax"),
        (b"null", "null"),
        (b" [] ", "list"),
        (b"\"a\"", "str"),
        (b"5", "int"),
        (b"5.0", "float"),
        (b"true", "bool"),
        (b"{\"a\":1e999}", "ok"),
    ] {
        assert_eq!(parse(body), found, "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(parse("[".repeat(1_000_000).as_bytes()), "syntax");
    let deep = [b"[".repeat(500_000), b"]".repeat(500_000)].concat();
    assert_eq!(parse(&deep), "list");
}

#[test]
fn of_a_member_sent_twice_the_last_counts() {
    let members = Members::parse(br#"{"file_ids":[1],"other":{},"file_ids":[2]}"#);
    assert_eq!(members.ok().and_then(|m| m.get("file_ids").map(|raw| raw.get().to_owned())), Some("[2]".to_owned()));
}
