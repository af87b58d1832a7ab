//! The OpenAPI document, made from the tables of routes: what is mounted is described, and nothing else.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    Access, Mounted, Part, Route,
    ops::{PAGES, Page},
};

/// How a dialect's keys are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `Authorization: <key>`
    BareKey,
    /// `Authorization: Bearer <key>`
    Bearer,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Scheme::BareKey => "key",
            Scheme::Bearer => "bearer",
        }
    }
}

/// The document for what one listener answers to, OpenAPI 3.1.
pub(crate) fn document(part: &Part) -> Value {
    let mut paths = Map::new();
    let mut schemas = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    for Page { path, summary, .. } in PAGES {
        let operation = json!({
            "tags": ["server"],
            "summary": summary,
            "responses": {"200": {"description": "Good"}, "503": {"description": "Not now; the text says why"}},
        });
        paths.insert(path.to_owned(), json!({"get": operation}));
    }
    for dialect in part.dialects() {
        for route in (dialect.routes)() {
            let path = paths.entry(template(route.path)).or_insert_with(|| json!({}));
            path[route.method.as_str().to_ascii_lowercase()] = operation(dialect, &route, &mut schemas);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "unfile",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "The bare key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    })
}

fn operation(dialect: &Mounted, route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": operation_id(dialect.name, route),
        "tags": [dialect.name],
        "summary": route.summary,
        "responses": {
            "2XX": {"description": "Done"},
            "4XX": {"description": "Refused, in the dialect's own words"},
            "5XX": {"description": "A fault of the server; nothing was committed unless the dialect says otherwise"},
        },
    });
    let parameters = parameters(route.path);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(answer) = route.answer {
        operation["responses"]["200"] = json!({
            "description": "Done",
            "content": {"application/json": {"schema": answer(schemas)}},
        });
    }
    if let Some(example) = route.example {
        let example = serde_json::from_str(example).unwrap_or_else(|_| Value::from(example));
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": {}, "example": example}},
        });
    }
    let scheme = match route.access {
        Access::Open => None,
        Access::SignIn => Some("basic"),
        Access::Read | Access::Write => Some(dialect.scheme.name()),
    };
    operation["security"] = match scheme {
        Some(name) => json!([{ name: [] }]),
        None => json!([]),
    };
    operation
}

/// `hexnode_post_delete_files`
fn operation_id(dialect: &str, route: &Route) -> String {
    let place = route.path.trim_start_matches('/');
    let words = place.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut id = format!("{dialect}_{}", route.method.as_str().to_ascii_lowercase());
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

/// axum's `{*rest}` is a parameter like any other here.
fn template(path: &str) -> String {
    path.replace("{*", "{")
}

fn parameters(path: &str) -> Vec<Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names
        .map(|name| {
            json!({
                "name": name.trim_start_matches('*'),
                "in": "path",
                "required": true,
                "schema": {"type": "string"},
            })
        })
        .collect()
}
