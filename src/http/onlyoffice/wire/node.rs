//! Files, folders and people (onlyoffice.md 4.1).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Serialize;

use super::date;
use crate::engine::model::{self, Caller, FileInfo, FolderInfo, Item, Rights, TrashEntry};

/// What an object shows of the server and of who looks.
#[derive(Clone, Copy)]
pub(in crate::http::onlyoffice) struct Place<'a> {
    pub(in crate::http::onlyoffice) caller: &'a Caller,
    /// The id of the caller's trash: where trashed things are shown to lie.
    pub(in crate::http::onlyoffice) trash: i64,
    /// Without a final `/`.
    pub(in crate::http::onlyoffice) public_url: &'a str,
}

/// A person.
#[derive(Serialize, JsonSchema, Clone)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::onlyoffice) struct Person {
    pub(super) id: String,
    pub(super) display_name: String,
    pub(super) title: &'static str,
    pub(super) avatar_small: &'static str,
    pub(super) profile_url: String,
}

/// Everybody has the vendor's picture of somebody without one.
const AVATAR: &str = "/skins/default/images/default_user_photo_size_32-32.png";

impl Person {
    fn new(uid: uuid::Uuid, name: &str, display_name: &str) -> Self {
        Self {
            id: uid.to_string(),
            display_name: if display_name.is_empty() { name } else { display_name }.to_owned(),
            title: "",
            avatar_small: AVATAR,
            profile_url: format!("/Products/People/Profile.aspx?user={}", utf8_percent_encode(name, NON_ALPHANUMERIC)),
        }
    }

    pub(super) fn of_caller(caller: &Caller) -> Self {
        Self::new(caller.uid, &caller.name, &caller.display_name)
    }
}

impl From<&model::Person> for Person {
    fn from(person: &model::Person) -> Self {
        Self::new(person.uid, &person.name, &person.display_name)
    }
}

/// The caller, with more of them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::onlyoffice) struct SelfPerson {
    #[serde(flatten)]
    person: Person,
    email: String,
    user_name: String,
}

impl SelfPerson {
    pub(in crate::http::onlyoffice) fn new(caller: &Caller) -> Self {
        Self { person: Person::of_caller(caller), email: caller.email.clone(), user_name: caller.name.clone() }
    }
}

/// A file.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::onlyoffice) struct File {
    pub(super) folder_id: i64,
    pub(super) version: u32,
    pub(super) version_group: u32,
    pub(super) content_length: String,
    pub(super) pure_content_length: u64,
    pub(super) file_status: u8,
    pub(super) view_url: String,
    pub(super) web_url: String,
    pub(super) file_type: u8,
    pub(super) file_exst: String,
    pub(super) comment: Option<String>,
    pub(super) encrypted: bool,
    /// Only of a locked file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked: bool,
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) access: u8,
    pub(super) shared: bool,
    pub(super) root_folder_type: u8,
    pub(super) updated_by: Person,
    pub(super) created: String,
    pub(super) created_by: Person,
    pub(super) updated: String,
    pub(super) provider_item: bool,
}

impl File {
    pub(in crate::http::onlyoffice) fn new(file: &FileInfo, place: Place<'_>) -> Self {
        let Place { caller, trash, public_url } = place;
        let url = format!("{public_url}/api/2.0/files/file/{}/download?version={}", file.id.0, file.version);
        let extension = extension(&file.name);
        Self {
            folder_id: if file.trashed { trash } else { file.parent.id.0 },
            version: file.version,
            version_group: 1,
            content_length: content_length(file.size),
            pure_content_length: file.size,
            file_status: u8::from(file.edited),
            view_url: url.clone(),
            web_url: url,
            file_type: file_type(&extension),
            file_exst: extension,
            comment: None,
            encrypted: false,
            locked: file.lock.is_some(),
            id: file.id.0,
            title: file.name.clone(),
            access: access_for(caller, &file.owner, file.rights),
            shared: file.shared,
            root_folder_type: root_folder_type(file.trashed),
            updated_by: (&file.modifier).into(),
            created: date(file.created_at),
            created_by: (&file.creator).into(),
            updated: date(file.modified_at),
            provider_item: false,
        }
    }
}

/// A folder.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::onlyoffice) struct Folder {
    pub(super) parent_id: i64,
    pub(super) files_count: u64,
    pub(super) folders_count: u64,
    pub(super) is_shareable: bool,
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) access: u8,
    pub(super) shared: bool,
    pub(super) root_folder_type: u8,
    pub(super) updated_by: Person,
    pub(super) created: String,
    pub(super) created_by: Person,
    pub(super) updated: String,
    pub(super) provider_item: bool,
}

/// The title of an account's root.
const MY_DOCUMENTS: &str = "My documents";

impl Folder {
    pub(in crate::http::onlyoffice) fn new(folder: &FolderInfo, place: Place<'_>) -> Self {
        let Place { caller, trash, .. } = place;
        let parent = folder.parent.map_or(0, |parent| parent.id.0);
        Self {
            parent_id: if folder.trashed { trash } else { parent },
            files_count: folder.files,
            folders_count: folder.folders,
            is_shareable: folder.parent.is_some() && !folder.trashed && folder.rights.has(Rights::SHARE),
            id: folder.id.0,
            title: title(folder),
            access: access_for(caller, &folder.owner, folder.rights),
            shared: folder.shared,
            root_folder_type: root_folder_type(folder.trashed),
            updated_by: (&folder.modifier).into(),
            created: date(folder.created_at),
            created_by: (&folder.creator).into(),
            updated: date(folder.modified_at),
            provider_item: false,
        }
    }

    /// A folder of the system that holds what is no node's content.
    pub(in crate::http::onlyoffice) fn of_system(current: Current, place: Place<'_>) -> Self {
        let person = Person::of_caller(place.caller);
        let (id, title, root_folder_type) = match current {
            Current::Trash => (place.trash, "Trash", TRASH),
            Current::Share => (0, "Shared with me", 6),
            Current::Common => (0, "Common", 1),
            Current::Recent => (0, "Recent", 11),
            Current::Favorites => (0, "Favorites", 10),
        };
        let never = date(time::OffsetDateTime::UNIX_EPOCH);
        Self {
            parent_id: 0,
            files_count: 0,
            folders_count: 0,
            is_shareable: false,
            id,
            title: title.to_owned(),
            access: 0,
            shared: false,
            root_folder_type,
            updated_by: person.clone(),
            created: never.clone(),
            created_by: person,
            updated: never,
            provider_item: false,
        }
    }
}

/// A folder of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::onlyoffice) enum Current {
    Trash,
    Share,
    Common,
    Recent,
    Favorites,
}

/// What lies in a folder.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::onlyoffice) struct Content {
    files: Vec<File>,
    folders: Vec<Folder>,
    current: Folder,
    path_parts: Vec<Part>,
    start_index: u64,
    count: usize,
    total: u64,
    new: u64,
}

/// One folder of a way down.
#[derive(Serialize, JsonSchema)]
pub(in crate::http::onlyoffice) struct Part {
    id: i64,
    title: String,
}

impl Part {
    pub(in crate::http::onlyoffice) fn new(folder: &FolderInfo) -> Self {
        Self { id: folder.id.0, title: title(folder) }
    }

    fn of(folder: &Folder) -> Self {
        Self { id: folder.id, title: folder.title.clone() }
    }
}

impl Content {
    /// Without a way down, `current` lies below nothing.
    pub(in crate::http::onlyoffice) fn new(
        current: Folder,
        path_parts: Option<Vec<Part>>,
        items: &[Item],
        (start_index, total): (u64, u64),
        place: Place<'_>,
    ) -> Self {
        let mut content = Self {
            files: Vec::new(),
            folders: Vec::new(),
            path_parts: path_parts.unwrap_or_else(|| vec![Part::of(&current)]),
            current,
            start_index,
            count: items.len(),
            total,
            new: 0,
        };
        for item in items {
            match item {
                Item::File(file) => content.files.push(File::new(file, place)),
                Item::Folder(folder) => content.folders.push(Folder::new(folder, place)),
            }
        }
        content
    }
}

/// A trashed thing as the trash's own calls show it: the deletion is its last change (3.3).
pub(in crate::http::onlyoffice) fn trashed(entry: TrashEntry) -> Item {
    let TrashEntry { item, deleter, deleted_at: modified_at, .. } = entry;
    match item {
        Item::File(file) => {
            let modifier = deleter.unwrap_or_else(|| file.modifier.clone());
            Item::File(FileInfo { trashed: true, modified_at, modifier, ..file })
        }
        Item::Folder(folder) => {
            let modifier = deleter.unwrap_or_else(|| folder.modifier.clone());
            Item::Folder(FolderInfo { trashed: true, modified_at, modifier, ..folder })
        }
    }
}

fn title(folder: &FolderInfo) -> String {
    match folder.parent {
        Some(_) => folder.name.clone(),
        None => MY_DOCUMENTS.to_owned(),
    }
}

const MINE: u8 = 5;
const TRASH: u8 = 3;

fn root_folder_type(trashed: bool) -> u8 {
    if trashed { TRASH } else { MINE }
}

fn access_for(caller: &Caller, owner: &model::Person, rights: Rights) -> u8 {
    match owner.id == caller.account {
        true => 0,
        false => access(rights),
    }
}

/// A set of rights by the nearest number below it (4.9).
pub(in crate::http::onlyoffice) fn access(rights: Rights) -> u8 {
    let known = [(Rights::ALL, 9), (Rights::CONTRIBUTOR, 1), (Rights::EDITOR, 10)];
    known.into_iter().find(|(set, _)| rights.has(*set)).map_or(2, |(_, number)| number)
}

/// Steps of 1024, at most two decimals.
fn content_length(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let text = format!("{size:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} {}", UNITS[unit])
}

/// With its dot, in lower case; empty if there is none.
fn extension(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, extension)) if !extension.is_empty() => format!(".{}", extension.to_lowercase()),
        _ => String::new(),
    }
}

const ARCHIVES: &str = ".zip.rar.7z.tar.gz.tgz.bz2.xz.zst.ace.arj.cab.iso.";
const VIDEOS: &str = ".mp4.avi.mpg.mpeg.mov.mkv.webm.wmv.flv.m4v.3gp.ogv.f4v.asf.vob.m2ts.mts.";
const AUDIO: &str = ".mp3.wav.ogg.flac.aac.m4a.wma.aiff.mid.oga.opus.ac3.";
const IMAGES: &str = ".png.jpg.jpeg.gif.bmp.webp.svg.tif.tiff.ico.psd.heic.";
const SPREADSHEETS: &str = ".xls.xlsx.xlsm.xlsb.ods.fods.csv.ots.xlt.xltx.xltm.";
const PRESENTATIONS: &str = ".ppt.pptx.pptm.pps.ppsx.ppsm.odp.fodp.otp.pot.potx.potm.";
const DOCUMENTS: &str =
    ".doc.docx.docm.odt.fodt.rtf.txt.html.htm.mht.epub.djvu.xps.oxps.fb2.md.dot.dotx.dotm.ott.xml.docxf.oform.";

fn file_type(extension: &str) -> u8 {
    if extension.is_empty() {
        return 0;
    }
    let known = [
        (ARCHIVES, 1),
        (VIDEOS, 2),
        (AUDIO, 3),
        (IMAGES, 4),
        (SPREADSHEETS, 5),
        (PRESENTATIONS, 6),
        (DOCUMENTS, 7),
        (".pdf.", 10),
    ];
    let wanted = format!("{extension}.");
    known.into_iter().find(|(extensions, _)| extensions.contains(&wanted)).map_or(0, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_steps_of_1024() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (13, "13 bytes"),
            (100, "100 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KB"),
            (1536, "1.5 KB"),
            (12_345, "12.06 KB"),
            (1 << 20, "1 MB"),
            (5 << 30, "5 GB"),
            (3 << 50, "3072 TB"),
        ] {
            assert_eq!(content_length(bytes), text);
        }
    }

    #[test]
    fn extensions_have_their_dot() {
        for (name, exst, kind) in [
            ("a.txt", ".txt", 7),
            ("a.tar.GZ", ".gz", 1),
            ("b.PDF", ".pdf", 10),
            ("noext", "", 0),
            ("dot.", "", 0),
            ("t.xlsx", ".xlsx", 5),
            ("c.d", ".d", 0),
        ] {
            assert_eq!((extension(name).as_str(), file_type(&extension(name))), (exst, kind), "{name}");
        }
    }

    #[test]
    fn rights_are_told_by_the_nearest_number_below() {
        for (rights, number) in [
            (Rights::VIEWER, 2),
            (Rights::DOWNLOADER, 2),
            (Rights::EDITOR, 10),
            (Rights::EDITOR | Rights::SHARE, 10),
            (Rights::CONTRIBUTOR, 1),
            (Rights::ALL, 9),
            (Rights::READ | Rights::DELETE, 2),
        ] {
            assert_eq!(access(rights), number, "{rights:?}");
        }
    }
}
