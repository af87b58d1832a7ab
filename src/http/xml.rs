//! XML beside JSON: the same answers written as elements, and bodies that come as elements read as the members of an
//! object. Which members an answer has is decided once, by what is serialized; here is only their other shape.

use std::{borrow::Cow, fmt};

use quick_xml::{
    Reader, Writer,
    escape::partial_escape,
    events::{BytesDecl, BytesEnd, BytesRef, BytesStart, BytesText, Event},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// What vendors' XML differs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// `<?xml version="1.0" encoding="UTF-8"?>` stands in front.
    pub(crate) declaration: bool,
    /// `<a />`, not `<a/>`.
    pub(crate) space_in_empty: bool,
    /// `True`, not `true`.
    pub(crate) title_case: bool,
}

/// A value as one element: members are child elements of their names, in their order; an element of a list is repeated
/// under the list's name; null and the empty text are an empty element. What XML cannot hold is replaced by U+FFFD.
pub(crate) fn to_xml(root: &str, value: &impl Serialize, style: Style) -> std::io::Result<String> {
    let node: Node = serde_json::from_slice(&serde_json::to_vec(value)?)?;
    let mut writer = Writer::new(Vec::new());
    writer.config_mut().add_space_before_slash_in_empty_elements = style.space_in_empty;
    if style.declaration {
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    }
    write(&mut writer, root, &node, style)?;
    String::from_utf8(writer.into_inner()).map_err(std::io::Error::other)
}

/// A JSON value whose members keep their order.
enum Node {
    Empty,
    Bool(bool),
    Text(String),
    List(Vec<Node>),
    Members(Vec<(String, Node)>),
}

fn write(writer: &mut Writer<Vec<u8>>, name: &str, node: &Node, style: Style) -> std::io::Result<()> {
    match node {
        Node::Empty => writer.write_event(Event::Empty(BytesStart::new(name))),
        Node::Text(text) if text.is_empty() => writer.write_event(Event::Empty(BytesStart::new(name))),
        Node::Text(text) => element(writer, name, |writer| write_text(writer, text)),
        Node::Bool(value) => element(writer, name, |writer| {
            write_text(
                writer,
                match (value, style.title_case) {
                    (true, true) => "True",
                    (true, false) => "true",
                    (false, true) => "False",
                    (false, false) => "false",
                },
            )
        }),
        Node::List(items) => items.iter().try_for_each(|item| write(writer, name, item, style)),
        Node::Members(members) if members.is_empty() => writer.write_event(Event::Empty(BytesStart::new(name))),
        Node::Members(members) => element(writer, name, |writer| {
            members.iter().try_for_each(|(name, member)| write(writer, name, member, style))
        }),
    }
}

fn element(
    writer: &mut Writer<Vec<u8>>,
    name: &str,
    content: impl FnOnce(&mut Writer<Vec<u8>>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    content(writer)?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

fn write_text(writer: &mut Writer<Vec<u8>>, text: &str) -> std::io::Result<()> {
    let text: Cow<'_, str> = match text.chars().all(is_legal) {
        true => text.into(),
        false => text.chars().map(|c| if is_legal(c) { c } else { char::REPLACEMENT_CHARACTER }).collect(),
    };
    writer.write_event(Event::Text(BytesText::from_escaped(partial_escape(text))))
}

/// The characters that XML 1.0 can hold.
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Empty)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Node::Members(members))
    }
}

/// A body that is no XML, or none that can be read as an object.
#[derive(Debug)]
pub(crate) struct NotXml;

/// Elements that stand in one another, at the most.
const DEPTH_LIMIT: usize = 32;

/// A body as the name of its root and an object: the children of the root, whatever that is called, are the members. An
/// element with children is an object, a repeated one a list, all others are texts. Comments, namespaces and their
/// prefixes say nothing.
///
/// # Errors
/// Not well-formed, text beside elements, a document type, an attribute that might be meant as a parameter, or deeper
/// than 32.
pub(crate) fn from_xml(body: &[u8]) -> Result<(String, Map<String, Value>), NotXml> {
    let text = std::str::from_utf8(body).map_err(|_| NotXml)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Opened> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|_| NotXml)? {
            Event::Start(_) if root.is_some() || open.len() == DEPTH_LIMIT => return Err(NotXml),
            Event::Start(start) => open.push(Opened::new(&start)?),
            Event::End(_) => {
                let closed = open.pop().ok_or(NotXml)?;
                let name = closed.name.clone();
                match open.last_mut() {
                    Some(parent) => parent.add(name, closed.value()?),
                    None => root = Some((name, closed.value()?)),
                }
            }
            Event::Text(text) => add_text(&mut open, &text.xml10_content())?,
            Event::CData(text) => add_text(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => add_text(&mut open, &character(&reference)?)?,
            Event::DocType(_) => return Err(NotXml),
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
        }
    }
    match root.filter(|_| open.is_empty()) {
        Some((name, Value::Object(members))) => Ok((name, members)),
        Some((name, Value::String(text))) if text.trim().is_empty() => Ok((name, Map::new())),
        _ => Err(NotXml),
    }
}

/// An element whose end has not come yet.
struct Opened {
    name: String,
    text: String,
    members: Map<String, Value>,
    /// The members that came more than once.
    lists: Vec<String>,
}

impl Opened {
    fn new(start: &BytesStart<'_>) -> Result<Self, NotXml> {
        for attribute in start.attributes() {
            let key = attribute.map_err(|_| NotXml)?.key;
            if key.as_namespace_binding().is_none() && key.prefix().is_none() {
                return Err(NotXml);
            }
        }
        let name = start.local_name().as_ref().to_owned();
        Ok(Self { name, text: String::new(), members: Map::new(), lists: Vec::new() })
    }

    fn add(&mut self, name: String, value: Value) {
        match self.members.get_mut(&name) {
            None => drop(self.members.insert(name, value)),
            Some(Value::Array(list)) if self.lists.contains(&name) => list.push(value),
            Some(first) => {
                *first = Value::Array(vec![first.take(), value]);
                self.lists.push(name);
            }
        }
    }

    fn value(self) -> Result<Value, NotXml> {
        match (self.members.is_empty(), self.text.trim().is_empty()) {
            (true, _) => Ok(Value::String(self.text)),
            (false, true) => Ok(Value::Object(self.members)),
            (false, false) => Err(NotXml),
        }
    }
}

/// Text between elements is only white space, and outside of the root nothing else may stand.
fn add_text(open: &mut [Opened], text: &str) -> Result<(), NotXml> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(NotXml),
    }
    Ok(())
}

/// What a reference stands for: a character by its number, or one of XML's own five names.
fn character(reference: &BytesRef<'_>) -> Result<String, NotXml> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| NotXml)? {
        return Ok(character.to_string());
    }
    let name = reference.xml10_content();
    let known = quick_xml::escape::resolve_predefined_entity(&name);
    known.map(str::to_owned).ok_or(NotXml)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BARE: Style = Style { declaration: false, space_in_empty: true, title_case: true };
    const DECLARED: Style = Style { declaration: true, space_in_empty: false, title_case: false };

    #[derive(Serialize)]
    struct Answer {
        status: u8,
        response: Vec<Inner>,
    }

    #[derive(Serialize)]
    struct Inner {
        zebra: bool,
        error: Option<String>,
        text: &'static str,
        list: Vec<u8>,
        empty: [u8; 0],
    }

    #[test]
    fn members_keep_their_order_and_lists_are_repeated() {
        let inner = |zebra| Inner { zebra, error: None, text: "a<b>&'\"\u{1}", list: vec![1, 2], empty: [] };
        let answer = Answer { status: 0, response: vec![inner(true), inner(false)] };
        let one = |zebra: &str| {
            format!(
                "<response><zebra>{zebra}</zebra><error /><text>a&lt;b&gt;&amp;'\"\u{fffd}</text>\
                 <list>1</list><list>2</list></response>"
            )
        };
        assert_eq!(
            to_xml("result", &answer, BARE).unwrap(),
            format!("<result><status>0</status>{}{}</result>", one("True"), one("False"))
        );
        assert_eq!(
            to_xml("r", &json!({"b": "", "a": true}), DECLARED).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><r><a>true</a><b/></r>"
        );
    }

    #[test]
    fn children_are_parameters() {
        let body = b"<?xml version=\"1.0\"?>\n<x:request xmlns:x='u'>\n <x:version>2</x:version> <!-- c -->\
            <ids>1</ids><ids>2</ids><ids>3</ids><empty/><share><to>a&amp;&#98;<![CDATA[<c>]]></to></share></x:request>\n";
        let expected = json!({"version": "2", "ids": ["1", "2", "3"], "empty": "", "share": {"to": "a&b<c>"}});
        assert_eq!(Value::Object(from_xml(body).unwrap().1), expected);
        for empty in ["<r/>", "<r></r>", "<r> </r>"] {
            assert_eq!(from_xml(empty.as_bytes()).unwrap(), ("r".to_owned(), Map::new()));
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in [
            "",
            "abc",
            "<a>",
            "<a>text</a>",
            "<a><b></a></b>",
            "<a/><b/>",
            "<a/>text",
            "<a>text<b/></a>",
            "<a version=\"1\"/>",
            "<a><b c=\"1\"/></a>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a><b>&x;</b></a>",
            "<a><b>&x;</b></a>",
            "{\"version\":\"1\"}",
        ] {
            assert!(from_xml(body.as_bytes()).is_err(), "{body}");
        }
        assert!(from_xml("<a>".repeat(40).as_bytes()).is_err());
        assert!(from_xml(b"<a>\xff</a>").is_err());
    }
}
