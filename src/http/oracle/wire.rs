//! The vendor's objects (oracle.md 4). Every scalar is a text; the members' order is made when an answer is written.

use schemars::JsonSchema;
use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};

use super::ids::{HOME, Ids};
use crate::engine::model::{
    Account, AccountId, Applink, Audience, FileInfo, FolderInfo, Item, Link, Lock, Person, Rights,
};

/// What is needed to show things to somebody.
pub(super) struct Shown<'a> {
    pub(super) ids: &'a Ids,
    pub(super) reader: AccountId,
}

/// `2026-01-05T10:00:00Z`
pub(super) fn time(moment: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    moment.format(form).unwrap_or_default()
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    display_name: String,
    id: String,
    login_name: String,
    r#type: &'static str,
}

impl User {
    pub(super) fn new(person: &Person, ids: &Ids) -> Self {
        Self {
            display_name: person.display_name.clone(),
            id: ids.user(person.uid),
            login_name: person.name.clone(),
            r#type: "user",
        }
    }

    pub(super) fn of_account(account: Account, ids: &Ids) -> Self {
        let Account { id, uid, name, display_name, .. } = account;
        Self::new(&Person { id, uid, name, display_name }, ids)
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    created_by: User,
    created_time: String,
    id: String,
    mime_type: String,
    modified_by: User,
    modified_time: String,
    name: String,
    owned_by: User,
    #[serde(rename = "parentID")]
    parent_id: String,
    size: String,
    r#type: &'static str,
    version: String,
}

impl File {
    pub(super) fn new(file: FileInfo, to: &Shown<'_>) -> Self {
        Self {
            created_by: User::new(&file.creator, to.ids),
            created_time: time(file.created_at),
            id: to.ids.file(file.uid),
            modified_by: User::new(&file.modifier, to.ids),
            modified_time: time(file.modified_at),
            parent_id: file_parent(&file, to),
            mime_type: file.media_type,
            name: file.name,
            owned_by: User::new(&file.owner, to.ids),
            size: file.size.to_string(),
            r#type: "file",
            version: file.version.to_string(),
        }
    }
}

/// `self` for what lies in the reader's own home folder itself.
fn file_parent(file: &FileInfo, to: &Shown<'_>) -> String {
    match file.path.is_empty() && file.owner.id == to.reader {
        true => HOME.to_owned(),
        false => to.ids.folder(file.parent.uid),
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Folder {
    child_items_count: String,
    created_by: User,
    created_time: String,
    description: String,
    id: String,
    modified_by: User,
    modified_time: String,
    name: String,
    owned_by: User,
    #[serde(rename = "parentID")]
    parent_id: String,
    size: &'static str,
    r#type: &'static str,
}

impl Folder {
    /// `children` is the number of things that lie in it, itself.
    pub(super) fn new(folder: FolderInfo, children: u64, to: &Shown<'_>) -> Self {
        let parent_id = match &folder.parent {
            None => String::new(),
            Some(_) if folder.path.len() == 1 && folder.owner.id == to.reader => HOME.to_owned(),
            Some(parent) => to.ids.folder(parent.uid),
        };
        // A home has no name of its own.
        let name = if folder.parent.is_none() { folder.owner.display_name.clone() } else { folder.name };
        Self {
            child_items_count: children.to_string(),
            created_by: User::new(&folder.creator, to.ids),
            created_time: time(folder.created_at),
            description: folder.description,
            id: to.ids.folder(folder.uid),
            modified_by: User::new(&folder.modifier, to.ids),
            modified_time: time(folder.modified_at),
            name,
            owned_by: User::new(&folder.owner, to.ids),
            parent_id,
            size: "0",
            r#type: "folder",
        }
    }
}

/// A file or a folder in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Entry {
    File(Box<File>),
    Folder(Box<Folder>),
}

impl Entry {
    /// `children` counts for folders alone.
    pub(super) fn new(item: Item, children: u64, to: &Shown<'_>) -> Self {
        match item {
            Item::File(file) => Self::File(Box::new(File::new(file, to))),
            Item::Folder(folder) => Self::Folder(Box::new(Folder::new(folder, children, to))),
        }
    }
}

/// A page of what lies in a folder, behind the folder's own members.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Items {
    #[serde(flatten)]
    pub(super) folder: Folder,
    pub(super) count: String,
    pub(super) has_more: &'static str,
    pub(super) items: Vec<Entry>,
    pub(super) limit: String,
    pub(super) offset: String,
    #[serde(rename = "ownerFolderID", skip_serializing_if = "Option::is_none")]
    pub(super) owner_folder_id: Option<&'static str>,
    pub(super) total_results: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Versions {
    id: String,
    items: Vec<File>,
    name: String,
    #[serde(rename = "parentID")]
    parent_id: String,
    r#type: &'static str,
}

impl Versions {
    /// `versions` begin with the current one, which says what the file is.
    pub(super) fn new(versions: Vec<FileInfo>, to: &Shown<'_>) -> Option<Self> {
        let current = versions.first()?;
        Some(Self {
            id: to.ids.file(current.uid),
            name: current.name.clone(),
            parent_id: file_parent(current, to),
            items: versions.into_iter().map(|version| File::new(version, to)).collect(),
            r#type: "file",
        })
    }
}

/// One of several things that a call asked for by id.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Listed {
    Full(Entry),
    /// With `checkStatus`: the thing, if the caller may see it, and whether it is there.
    There {
        #[serde(flatten)]
        entry: Entry,
        status: &'static str,
    },
    Status {
        id: String,
        status: &'static str,
    },
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct List<T> {
    count: String,
    items: Vec<T>,
}

impl<T> List<T> {
    pub(super) fn new(items: Vec<T>) -> Self {
        Self { count: items.len().to_string(), items }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deleted {
    pub(super) id_list: String,
    pub(super) r#type: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reservation {
    id: String,
    reservation_date: String,
    reserved_by: User,
    r#type: &'static str,
}

impl Reservation {
    pub(super) fn new(id: String, lock: &Lock, ids: &Ids) -> Self {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        Self {
            id,
            reservation_date: lock.at.format(form).unwrap_or_default(),
            reserved_by: User::new(&lock.by, ids),
            r#type: "file",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Released {
    pub(super) id: String,
    pub(super) r#type: &'static str,
}

/// The roles that a link can have, and their rights, from the most to the least.
const ROLES: [(&str, Rights); 4] = [
    ("manager", Rights::ALL),
    ("contributor", Rights::CONTRIBUTOR),
    ("downloader", Rights::DOWNLOADER),
    ("viewer", Rights::VIEWER),
];

pub(super) fn rights_of(role: &str) -> Option<Rights> {
    ROLES.iter().find(|(name, _)| *name == role).map(|(_, rights)| *rights)
}

/// The greatest role that goes no further than these rights.
fn role_of(rights: Rights) -> &'static str {
    ROLES.iter().find(|(_, role)| rights.has(*role)).map_or("viewer", |(name, _)| *name)
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewApplink {
    access_token: String,
    #[serde(rename = "appLinkID")]
    app_link_id: String,
    app_link_url: String,
    id: String,
    refresh_token: String,
    role: &'static str,
    r#type: &'static str,
}

impl NewApplink {
    pub(super) fn new(link: Applink, public_url: &str, ids: &Ids) -> Self {
        let (app_link_id, id) = (ids.link(link.uid, link.is_folder), ids.node(link.node, link.is_folder));
        let view = if link.is_folder { "folder" } else { "fileview" };
        Self {
            app_link_url: format!("{public_url}/documents/embed/link/app/{app_link_id}/{view}/{id}"),
            app_link_id,
            id,
            access_token: link.access_token,
            refresh_token: link.refresh_token,
            role: role_of(link.rights),
            r#type: "applink",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccessToken {
    pub(super) access_token: String,
    pub(super) r#type: &'static str,
}

/// What stands for every account, and for everybody, in the list of a public link's users.
pub(super) const EVERY_ACCOUNT: &str = "@serviceinstance";
pub(super) const EVERYBODY: &str = "@everybody";

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublicLink {
    assigned_users: String,
    created_time: String,
    expiration_time: String,
    id: String,
    last_modified_time: String,
    #[serde(rename = "linkID")]
    link_id: String,
    link_name: String,
    owned_by: User,
    password: &'static str,
    role: &'static str,
    r#type: &'static str,
}

impl PublicLink {
    pub(super) fn new(link: Link, ids: &Ids) -> Self {
        let names: Vec<&str> = link.people.iter().map(|person| person.name.as_str()).collect();
        Self {
            assigned_users: match link.audience {
                Audience::Everybody => EVERYBODY.to_owned(),
                Audience::Accounts => EVERY_ACCOUNT.to_owned(),
                Audience::Named(_) => names.join(","),
            },
            created_time: time(link.created_at),
            expiration_time: link.expires_at.map(time).unwrap_or_default(),
            id: ids.node(link.node, link.is_folder),
            last_modified_time: time(link.modified_at),
            link_id: ids.link(link.uid, link.is_folder),
            link_name: link.name,
            owned_by: User::new(&link.owner, ids),
            // A code is never read back.
            password: if link.has_code { "********" } else { "" },
            role: role_of(link.rights),
            r#type: "publiclink",
        }
    }
}

/// The public links of one thing.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PublicLinks {
    pub(super) count: String,
    pub(super) id: String,
    pub(super) items: Vec<PublicLink>,
    pub(super) r#type: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EndedLink {
    #[serde(rename = "linkID")]
    pub(super) link_id: String,
    pub(super) r#type: &'static str,
}
