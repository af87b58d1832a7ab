//! What a request is, as far as its refusal has to name it: told from method and path alone, so that every refusal of a
//! call says the same, whoever refuses it.

use axum::http::Method;

/// The first half of what an error says: which kind of call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outer {
    pub(super) key: &'static str,
    pub(super) sentence: &'static str,
    /// The member that repeats the id of the path.
    pub(super) id_member: &'static str,
}

impl Outer {
    pub(super) const DELETE: Self =
        Self { key: "!csFldUnableToDeleteItems", sentence: "Unable to delete items.", id_member: "idList" };
    pub(super) const CREATE: Self = Self::new("!csFldUnableToCreateItems", "Unable to create items.");
    pub(super) const READ: Self = Self::new("!csFldUnableToReadItems", "Unable to read items.");
    pub(super) const EDIT: Self = Self::new("!csFldUnableToEditItems", "Unable to edit items.");
    pub(super) const EDIT_LINK: Self = Self::new("!csFldUnableToEditLink", "Unable to edit link.");

    const fn new(key: &'static str, sentence: &'static str) -> Self {
        Self { key, sentence, id_member: "id" }
    }
}

/// A call, as its errors name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) outer: Outer,
    /// `file`, `folder` or `link`: what `errorType` says.
    pub(super) kind: &'static str,
    /// The id in the path, as it came; empty if there is none.
    pub(super) id: String,
    /// How the vendor names what has the id.
    guid: &'static str,
    /// What the vendor calls it.
    pub(super) service: &'static str,
}

impl Call {
    /// `path` is all of the URL's path, decoded or not: an id that needs decoding names nothing.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let segments: Vec<&str> = path.trim_matches('/').split('/').skip(3).collect();
        let at = |place: usize| segments.get(place).copied().unwrap_or_default();
        let (noun, first, action) = (at(0), at(1), at(2));
        if noun == "publiclinks" || noun == "applinks" {
            let (id, guid) = match first {
                "file" => (action, FILE),
                "folder" => (action, FOLDER),
                link => (link, LINK),
            };
            let service = if *method == Method::GET { "GET_LINK" } else { "EDIT_LINK" };
            return Self { outer: Outer::EDIT_LINK, kind: "link", id: id.to_owned(), guid, service };
        }
        let (kind, guid) = if noun == "folders" { ("folder", FOLDER) } else { ("file", FILE) };
        let id = if matches!(first, "data" | "lists" | "items") { "" } else { first };
        let (outer, service) = match (method.as_str(), kind, action) {
            ("DELETE", ..) => (Outer::DELETE, "FLD_MOVE_TO_TRASH"),
            ("GET" | "HEAD", "file", "data") => (Outer::READ, "GET_FILE"),
            ("GET" | "HEAD", _, "items") => (Outer::READ, "FLD_BROWSE"),
            ("GET" | "HEAD", ..) => (Outer::READ, "FLD_INFO"),
            (_, _, "copy") => (Outer::CREATE, "FLD_COPY"),
            (_, _, "move") => (Outer::EDIT, "FLD_MOVE"),
            (_, _, "reserve") => (Outer::EDIT, "FLD_RESERVE"),
            (_, _, "unreserve") => (Outer::EDIT, "FLD_UNRESERVE"),
            ("PUT", "folder", _) => (Outer::EDIT, "FLD_EDIT_FOLDER"),
            ("PUT", ..) => (Outer::EDIT, "FLD_EDIT_FILE"),
            (_, "folder", _) => (Outer::CREATE, "FLD_CREATE_FOLDER"),
            _ => (Outer::CREATE, "CHECKIN_UNIVERSAL"),
        };
        Self { outer, kind, id: id.to_owned(), guid, service }
    }

    /// A service of the second entry point, which has its things in its parameters.
    pub(super) fn of_service(service: &'static str) -> Self {
        let outer = match service {
            "FLD_MOVE_TO_TRASH" | "FLD_DELETE_FROM_TRASH" | "FLD_EMPTY_TRASH" => Outer::DELETE,
            "FLD_RESTORE" => Outer::EDIT,
            _ => Outer::READ,
        };
        Self { outer, kind: "file", id: String::new(), guid: FILE, service }
    }

    /// The thing that an error is about, as the vendor names things; `id` where it is another than the path's.
    pub(super) fn item(&self, id: Option<&str>) -> String {
        match id {
            None => format!("{}:{}", self.guid, self.id),
            Some(id) if is_folder_id(id) => format!("{FOLDER}:{id}"),
            Some(id) => format!("{FILE}:{id}"),
        }
    }
}

const FILE: &str = "fFileGUID";
const FOLDER: &str = "fFolderGUID";
const LINK: &str = "dLinkID";

pub(super) fn is_folder_id(id: &str) -> bool {
    id.starts_with('F') || id == super::ids::HOME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_from_method_and_path() {
        let call = |method: Method, rest: &str| {
            let call = Call::of(&method, &format!("/documents/api/1.2/{rest}"));
            let item = call.item(None);
            (call.outer.key, call.kind, item, call.service)
        };
        for (method, rest, outer, kind, item, service) in [
            (Method::DELETE, "files/D1", Outer::DELETE, "file", "fFileGUID:D1", "FLD_MOVE_TO_TRASH"),
            (Method::DELETE, "folders/F1/", Outer::DELETE, "folder", "fFolderGUID:F1", "FLD_MOVE_TO_TRASH"),
            (Method::GET, "files/D1/data", Outer::READ, "file", "fFileGUID:D1", "GET_FILE"),
            (Method::GET, "folders/self/items", Outer::READ, "folder", "fFolderGUID:self", "FLD_BROWSE"),
            (Method::GET, "folders/items", Outer::READ, "folder", "fFolderGUID:", "FLD_INFO"),
            (Method::POST, "files/data", Outer::CREATE, "file", "fFileGUID:", "CHECKIN_UNIVERSAL"),
            (Method::POST, "files/D1/move", Outer::EDIT, "file", "fFileGUID:D1", "FLD_MOVE"),
            (Method::POST, "applinks/file/D1", Outer::EDIT_LINK, "link", "fFileGUID:D1", "EDIT_LINK"),
            (Method::GET, "publiclinks/LF1", Outer::EDIT_LINK, "link", "dLinkID:LF1", "GET_LINK"),
        ] {
            assert_eq!(call(method, rest), (outer.key, kind, item.to_owned(), service), "{rest}");
        }
    }
}
