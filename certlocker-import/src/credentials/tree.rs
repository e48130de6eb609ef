//! YAML and JSON as one tree whose values are texts with their lines.
//!
//! A password of digits stays the digits that were written, and a leading zero stays too.

use saphyr_parser::{Event, Parser, Span};
use zeroize::Zeroizing;

/// A place of the tree.
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What is there.
pub(super) enum Value {
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    Text(Zeroizing<String>),
}

/// Where and why a text is no tree; never what it says.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

/// Deeper trees are no credential files, and would end in a deep recursion.
const DEEPEST: usize = 32;

impl Node {
    /// The first document of a text.
    pub(super) fn parse(text: &str) -> Result<Self, Broken> {
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| Broken {
                line: error.marker().line(),
                what: "this is no YAML or JSON from here on",
            })?;
            if let Some(node) = builder.take(event, span)? {
                return Ok(node);
            }
        }
        Err(Broken {
            line: 0,
            what: "there is nothing in the text",
        })
    }

    /// A member of a map.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.members()
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, node)| node)
    }

    /// The members of a map; none of anything else.
    pub(super) fn members(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text; none of anything else, and none of YAML's and JSON's null.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) if !matches!(text.as_str(), "" | "~" | "null") => Some(text),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
}

struct Open {
    key: Option<String>,
    node: Node,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, Broken> {
        let line = span.start.line();
        let node = |value| Node { line, value };
        match event {
            Event::Alias(_) => Err(Broken {
                line,
                what: "references (`*name`) are not followed: write the value out",
            }),
            Event::Scalar(text, ..) => {
                let text = Zeroizing::new(text.into_owned());
                self.place(node(Value::Text(text)))
            }
            Event::SequenceStart(..) => self.enter(node(Value::List(Vec::new()))),
            Event::MappingStart(..) => self.enter(node(Value::Map(Vec::new()))),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.place(open.node),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn enter(&mut self, node: Node) -> Result<Option<Node>, Broken> {
        if self.open.len() == DEEPEST {
            return Err(Broken {
                line: node.line,
                what: "this is nested too deeply",
            });
        }
        self.open.push(Open { key: None, node });
        Ok(None)
    }

    /// Puts a finished node where it belongs; the outermost is the answer.
    fn place(&mut self, node: Node) -> Result<Option<Node>, Broken> {
        let Some(open) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match (&mut open.node.value, open.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(members), Some(key)) => members.push((key, node)),
            (Value::Map(_), None) => match node.value {
                Value::Text(text) => open.key = Some((*text).clone()),
                _ => {
                    return Err(Broken {
                        line: node.line,
                        what: "a name was expected, and a list or a map was seen",
                    });
                }
            },
            (Value::Text(_), _) => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_give_the_same_tree_with_lines() {
        for text in [
            "a:\n  b: 0123\n  c: [x, 'y']",
            "{\"a\":{\n\"b\":0123,\n\t\"c\":[\"x\",\"y\"]}}",
        ] {
            let tree = Node::parse(text).unwrap();
            let a = tree.member("a").unwrap();
            let b = a.member("b").unwrap();
            assert_eq!((b.text(), b.line), (Some("0123"), 2));
            let c: Vec<_> = a
                .member("c")
                .unwrap()
                .items()
                .iter()
                .map(Node::text)
                .collect();
            assert_eq!(c, [Some("x"), Some("y")]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line_alone() {
        for (text, line) in [
            ("a: b\n  c: hunter2: x", 2),
            ("a: &x hunter2\nb: *x", 2),
            ("", 0),
        ] {
            let broken = Node::parse(text).err().expect(text);
            assert_eq!(broken.line, line, "{text}");
            assert!(!broken.what.contains("hunter2"));
        }
        assert!(Node::parse(&"[".repeat(10_000)).is_err());
    }
}
