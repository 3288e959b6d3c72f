//! What is sent: text, or JSON with templates for strings.

use serde_json::Value as Json;

use super::super::Request;
use super::template::{Target, Template, value};

/// How TOML hands a date to whoever asks for JSON: as an object with this one name.
const TOML_DATE: &str = "$__toml_private_datetime";

/// A body, with its gaps.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// A string, sent as it is.
    Text(Template),
    /// Anything else.
    Json(Node),
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(Template),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    Other(Json),
}

impl Body {
    pub(super) fn parse(body: &Json) -> Result<Self, String> {
        match Node::parse(body)? {
            Node::Text(template) => Ok(Self::Text(template)),
            node => Ok(Self::Json(node)),
        }
    }

    pub(super) fn check(&self, dimensions: &[&str]) -> Result<(), String> {
        match self {
            Self::Text(template) => template.check(dimensions),
            Self::Json(node) => node.check(dimensions),
        }
    }

    /// The media type, if no header says otherwise.
    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text/plain; charset=utf-8",
            Self::Json(_) => "application/json",
        }
    }

    pub(super) fn fill(&self, request: &Request<'_>) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(template) => Ok(fill(template, request)?.into_bytes()),
            Self::Json(node) => Ok(node.fill(request)?.to_string().into_bytes()),
        }
    }
}

impl Node {
    fn parse(value: &Json) -> Result<Self, String> {
        match value {
            Json::String(text) => Template::parse(text, false).map(Self::Text),
            Json::Array(list) => list.iter().map(Self::parse).collect::<Result<_, _>>().map(Self::List),
            Json::Object(map) => {
                if let (1, Some(Json::String(date))) = (map.len(), map.get(TOML_DATE)) {
                    return Ok(Self::Other(Json::String(date.clone())));
                }
                let parsed = map.iter().map(|(name, value)| Ok((name.clone(), Self::parse(value)?)));
                parsed.collect::<Result<_, String>>().map(Self::Object)
            }
            other => Ok(Self::Other(other.clone())),
        }
    }

    fn check(&self, dimensions: &[&str]) -> Result<(), String> {
        match self {
            Self::Text(template) => template.check(dimensions),
            Self::List(list) => list.iter().try_for_each(|node| node.check(dimensions)),
            Self::Object(map) => map.iter().try_for_each(|(_, node)| node.check(dimensions)),
            Self::Other(_) => Ok(()),
        }
    }

    fn fill(&self, request: &Request<'_>) -> Result<Json, String> {
        match self {
            Self::Text(template) => match template.only_name() {
                Some(name) => Ok(value(name, request)?.to_json()),
                None => fill(template, request).map(Json::String),
            },
            Self::List(list) => list.iter().map(|node| node.fill(request)).collect::<Result<_, _>>().map(Json::Array),
            Self::Object(map) => {
                let filled = map.iter().map(|(name, node)| Ok((name.clone(), node.fill(request)?)));
                filled.collect::<Result<_, String>>().map(Json::Object)
            }
            Self::Other(value) => Ok(value.clone()),
        }
    }
}

fn fill(template: &Template, request: &Request<'_>) -> Result<String, String> {
    template.fill(request, Target::Text, &mut Vec::new())
}

#[cfg(test)]
mod tests {
    use super::super::super::{Stop, Value};
    use super::*;
    use serde_json::json;

    fn filled(body: Json) -> String {
        let stop = Stop::new().expect("a pipe");
        let dimensions =
            [("text".to_owned(), Value::from("a\"\n{n}")), ("n".to_owned(), 3.into()), ("yes".to_owned(), true.into())];
        let request = Request::new("p", &dimensions, 7, 2, &stop);
        let body = Body::parse(&body).expect("a body");
        body.check(&["text", "n", "yes"]).expect("all known");
        String::from_utf8(body.fill(&request).expect("filled")).expect("text")
    }

    #[test]
    fn values_stay_within_their_strings() {
        assert_eq!(filled(json!({"a": ["{text}", "x{text}"]})), r#"{"a":["a\"\n{n}","xa\"\n{n}"]}"#);
        assert_eq!(filled(json!("{text}|{n}|{{}}")), "a\"\n{n}|3|{}");
    }

    #[test]
    fn literals_alone_are_no_strings() {
        let body = json!({"n": "{n}", "yes": "{yes}", "both": "{n}{n}", "entry": "{entry}", "k": [1, null, false]});
        // Whether keys keep their order is for whoever builds serde_json to say.
        let read: Json = serde_json::from_str(&filled(body)).expect("one document");
        assert_eq!(read, json!({"n": 3, "yes": true, "both": "33", "entry": 2, "k": [1, null, false]}));
    }

    #[cfg(feature = "cli")]
    #[test]
    fn dates_of_a_file_are_text() {
        let body: Json = toml::from_str("since = 1979-05-27").expect("toml");
        assert_eq!(filled(body), r#"{"since":"1979-05-27"}"#);
    }
}
